"""The parameters that a notebook declares, values for them from texts, and the account that a run uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from kosmo_command import document, kosmo
from nbformat.v4 import new_code_cell, new_notebook

from kosmo_kernel import runbook
from kosmo_kernel.accounts import DEFAULT, DEMO, store
from kosmo_kernel.errors import CredentialsError, InvalidArgumentsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.runbook.notebook import LUA, PYTHON, assignments, parse_declarations, values_of
from kosmo_kernel.session import Session
from kosmo_kernel.values.lua_literals import Parameter, value_of

IN_LUA = """
account = "demo"  -- whose apps
local limit = 5
only = { "web", "worker" } -- kinds
strict = true; since = nil
total = count() -- computed
"""
IN_PYTHON = """
import math
account = "demo"  # whose apps
limit: int = 5
only = ["web", "worker"]  # kinds
strict = True; since = None
total = sum([1])  # computed
first = second = 1
"""
FOUND = [
    ("account", "string", '"demo"', "whose apps"),
    ("limit", "number", "5", ""),
    ("only", "table", '{ "web", "worker" }', "kinds"),
    ("strict", "boolean", "true", ""),
    ("since", "nil", "nil", ""),
    ("total", "", "count()", "computed"),
]


def test_a_cell_of_lua_declares_what_it_assigns() -> None:
    assert parse_declarations(IN_LUA, LUA) == [Parameter(*one) for one in FOUND]


def test_a_cell_of_python_declares_the_same_kinds() -> None:
    found = parse_declarations(IN_PYTHON, PYTHON)
    assert [(one.name, one.kind, one.doc) for one in found] == [(name, kind, doc) for name, kind, _, doc in FOUND]


@pytest.mark.parametrize(("code", "language"), [("1 +", PYTHON), ("x = 'é'  # ü", PYTHON), ("x <- 1", "r"), ("", LUA)])
def test_what_cannot_be_read_declares_nothing_and_is_no_failure(code: str, language: str) -> None:
    assert [one.doc for one in parse_declarations(code, language)] in ([], ["ü"])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "007", "007"),
        ("string", "", ""),
        ("number", "007", 7),
        ("number", "-2.5", -2.5),
        ("number", "1e3", 1000.0),
        ("boolean", "True", True),
        ("boolean", "false", False),
        ("table", '["a", 1, null]', ["a", 1, None]),
        ("table", '{"a": {"b": true}}', {"a": {"b": True}}),
        ("nil", "2026-01-01", "2026-01-01"),
        ("", "5", "5"),
    ],
)
def test_a_text_becomes_what_was_declared(kind: str, text: str, value: Any) -> None:
    found = value_of(Parameter("x", kind, "…", ""), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("number", text) for text in ("many", "nan", "", "1" + "0" * 400)),
        ("boolean", "1"),
        *(("table", text) for text in ("a", "5", "[NaN]", "[-Infinity]", "[" * 100_000)),
    ],
)
def test_a_text_of_another_kind_is_refused_with_what_is_wanted(kind: str, text: str) -> None:
    with pytest.raises(InvalidArgumentsError, match=r"The parameter `x` is .+ \(usually …\), got "):
        value_of(Parameter("x", kind, "…", ""), text)


def test_a_comment_is_found_behind_texts_with_other_ends_of_lines_in_them() -> None:
    code = 'x = "\u2028é\x0b"  # first\r\ny = "ééé"  # second\n'
    assert [(one.name, one.doc) for one in parse_declarations(code, PYTHON)] == [("x", "first"), ("y", "second")]


def test_an_unknown_parameter_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"no parameter `limt`: it has account, .+ Did you mean: limit"):
        values_of(parse_declarations(IN_LUA, LUA), {"limt": "3"})
    with pytest.raises(UnknownNameError, match="no cell of it has the tag `parameters`"):
        values_of([], {"limit": "3"})


def test_both_languages_read_what_is_assigned(session: Session) -> None:
    given = {"account": 'a "b"\n\\', "limit": 7, "only": ["x", None, {"k": True}], "strict": False}
    assert session.run(f"{assignments(given, LUA)}\nreturn account, limit, only, strict").values == list(given.values())
    namespace: dict[str, Any] = {}
    exec(assignments(given, PYTHON), namespace)  # noqa: S102 - what the notebook does
    assert {name: namespace[name] for name in given} == given


DECLARED = 'account = "demo"  -- whose apps'


def book(folder: Path, declared: str = DECLARED, *sources: str) -> runbook.Runbook:
    notebook = new_notebook(cells=[new_code_cell(source) for source in (declared, *sources)])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata.kernelspec = {"name": "kosmo-lua", "display_name": "Lua (Kosmo)", "language": "lua"}
    nbformat.write(notebook, folder / "book.ipynb")
    return runbook.read(folder / "book.ipynb")


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)


@pytest.mark.usefixtures("token")
def test_a_run_uses_the_default_account_where_the_notebook_declares_the_demo(tmp_path: Path) -> None:
    for declared in (DECLARED, "account = 'demo'"):
        assert runbook.with_account(book(tmp_path, declared), {"n": "1"}, None) == {"n": "1", "account": DEFAULT}


@pytest.mark.usefixtures("token")
def test_an_account_that_somebody_chose_is_kept(tmp_path: Path) -> None:
    assert runbook.with_account(book(tmp_path), {"account": "demo"}, None) == {"account": DEMO}
    assert runbook.with_account(book(tmp_path), {}, "production") == {"account": "production"}
    assert runbook.with_account(book(tmp_path), {"account": "a"}, DEMO) == {"account": DEMO}
    assert runbook.with_account(book(tmp_path, 'account = "staging"'), {}, None) == {}
    assert runbook.with_account(book(tmp_path, 'name = "my-app"'), {}, None) == {}


@pytest.mark.usefixtures("token")
def test_the_setting_for_the_demo_counts_but_not_in_a_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    assert runbook.with_account(book(tmp_path), {}, None) == {"account": DEMO}
    assert runbook.with_account(book(tmp_path), {}, None, of_archive="team") == {"account": "team"}


def test_without_an_account_the_error_lists_the_ways_and_a_replay_needs_none(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"(?s)HEROKU_API_KEY.*`--demo`"):
        runbook.with_account(book(tmp_path), {}, None)
    assert runbook.with_account(book(tmp_path), {}, None, of_archive="team") == {"account": "team"}


def test_an_account_that_is_stored_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    store.add(HEROKU, DEFAULT, "a-token-of-some-length", in_file=True)
    assert runbook.with_account(book(tmp_path), {}, None) == {"account": DEFAULT}


def test_an_account_for_a_notebook_that_takes_none_is_an_error_and_the_demo_is_not(tmp_path: Path) -> None:
    without = book(tmp_path, 'name = "my-app"')
    with pytest.raises(UnknownNameError, match="declares no parameter `account`"):
        runbook.with_account(without, {}, "production")
    assert runbook.with_account(without, {"name": "x"}, DEMO) == {"name": "x"}


def test_without_an_account_nothing_is_run_or_written(tmp_path: Path) -> None:
    book(tmp_path)
    done = kosmo("run", "book.ipynb", "-o", "copy.ipynb", cwd=tmp_path, env={"KOSMO_DEMO": ""})
    assert (done.returncode, done.stdout, (tmp_path / "copy.ipynb").exists()) == (1, "", False)
    assert "--demo" in done.stderr
    assert "accounts:add" in done.stderr


def test_two_different_accounts_are_called_wrongly(tmp_path: Path) -> None:
    book(tmp_path)
    done = kosmo("run", "book.ipynb", "--demo", "-a", "elsewhere", cwd=tmp_path)
    assert done.returncode == 2


@pytest.mark.usefixtures("kernel_list")
def test_an_account_of_the_demo_can_be_named_with_it(tmp_path: Path) -> None:
    book(tmp_path, DECLARED, "print(#app.integrations.heroku[account].list_apps())")
    code, facts = document("run", "book.ipynb", "--demo", "-a", "staging", "-o", "c.ipynb", "--json", cwd=tmp_path)
    assert (code, facts["accounts"], facts["requests"]) == (0, ["demo.staging"], 1)


@pytest.mark.usefixtures("kernel_list")
@pytest.mark.parametrize("declared", [DECLARED, pytest.param("limit = 5", marks=pytest.mark.full)])
def test_the_demo_is_used_on_request(declared: str, tmp_path: Path) -> None:
    source = "print(#app.integrations.heroku[account or 'default'].list_apps())"
    book(tmp_path, declared, source)
    exit_code, facts = document("run", "book.ipynb", "--demo", "-o", "c.ipynb", "--json", cwd=tmp_path)
    assert (exit_code, facts["accounts"], facts["requests"]) == (0, ["demo"], 1)
