"""`kosmo run` uses the default account, and the demo only on request."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from kosmo_command import document, kosmo
from nbformat.v4 import new_code_cell, new_notebook

from kosmo_kernel import runbook
from kosmo_kernel.accounts import DEFAULT, DEMO, store
from kosmo_kernel.errors import CredentialsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

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
    assert runbook.with_account(book(tmp_path), {}, None, replays=True) == {"account": DEFAULT}


def test_without_an_account_the_error_lists_the_ways_and_a_replay_needs_none(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"(?s)HEROKU_API_KEY.*`--demo`"):
        runbook.with_account(book(tmp_path), {}, None)
    assert runbook.with_account(book(tmp_path), {}, None, replays=True) == {"account": DEFAULT}


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
