"""`%kosmo check` in both notebooks: what it shows, what it gives back, and what it says of a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel.checks.cell import ask_in_cell, keep_value, set_lua_variable
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.render.display import Display
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

PYTHON, LUA = True, False


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session("demo") as one:
        yield one


class Notebook:
    """A notebook that keeps what is shown, and what is set."""

    def __init__(self, session: Session, language: bool, **variables: Any) -> None:
        self.shown: list[Display] = []
        self.variables = variables
        self._context = NotebookContext(
            session,
            language,
            variables if language == PYTHON else {},
            ask=ask_in_cell,
            display=self.shown.append,
            set_variable=variables.__setitem__,
        )

    def check(self, line: str) -> Any:
        return run_command(f"check {line}", self._context)


@pytest.mark.parametrize("language", [PYTHON, LUA])
def test_a_check_shows_its_lua_folded_and_gives_its_findings(session: Session, language: bool) -> None:
    set_lua_variable(session, "hours_forgotten", 24)
    notebook = Notebook(session, language, hours_forgotten=24)
    found = notebook.check("forgotten-one-off-dynos -i hours=hours_forgotten")
    assert [row["dyno"] for row in found] == ["run.7702", "run.4821"]
    [head] = notebook.shown
    assert "<details><summary" in head.bundle["text/html"]
    text = head.bundle["text/plain"]
    assert text.startswith("One-off dynos that were forgotten (low): 2 findings\n  Why: ")
    assert "  forgotten-one-off-dynos, account demo (fiction), " in text
    assert ", hours = 24:\n    local dynos = " in text


def test_a_variable_names_the_account_and_takes_the_findings(session: Session) -> None:
    python, lua = Notebook(session, PYTHON, name="demo"), Notebook(session, LUA)
    set_lua_variable(session, "name", "demo")
    for notebook in (python, lua):
        assert notebook.check("crashed-dynos -a {name} -v crashed -u gaps") is None
        assert (len(notebook.variables["crashed"]), notebook.variables["gaps"]) == (4, [])
        assert len(notebook.check("crashed-dynos -a {name} -v crashed --show")) == 4
    assert list(python.variables["crashed"]["app"]) == [row["app"] for row in lua.variables["crashed"]]


def test_no_findings_are_an_empty_table_with_the_columns_of_the_key(session: Session) -> None:
    notebook = Notebook(session, PYTHON)
    notebook.variables["away"] = ["nobody@larkmoor.example"]
    notebook.check("leavers -i leavers=away -v left")
    assert list(notebook.variables["left"].columns) == ["app", "who"]
    assert "no findings" in notebook.shown[0].bundle["text/plain"]


def test_a_parameter_that_is_empty_is_left_out_of_the_head(session: Session) -> None:
    notebook = Notebook(session, LUA)
    notebook.check("outside-collaborators")
    set_lua_variable(session, "ours", ["larkmoor.example"])
    notebook.check("outside-collaborators -i our_domains=ours")
    lines = [shown.bundle["text/plain"] for shown in notebook.shown]
    assert ["our_domains = " in text for text in lines] == [False, True]


def test_what_was_not_checked_is_named_and_the_cell_does_not_fail(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    head = "".join(f"-- {key}: x\n" for key in ("title", "why", "do", "scope", "key"))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "broken.lua").write_text(f"-- severity: low\n{head}\nreturn heroku.get_app('nowhere')\n")
    (tmp_path / "config.toml").write_text('[checks]\nfolder = "own"\n')
    notebook = Notebook(session, LUA)
    assert list(notebook.check("broken -u gaps")) == []
    [gap] = notebook.variables["gaps"]
    assert "404" in gap
    text = notebook.shown[0].bundle["text/plain"]
    assert text.startswith("x (low): not checked\n")
    assert "  Not checked: " in text
    assert "404" in text


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("crashed-dyno", UnknownNameError, "There is no check `crashed-dyno`. Did you mean: crashed-dynos"),
        ("../own/broken", UnknownNameError, "There is no check `../own/broken`; `kosmo check` lists them all."),
        ("quiet-apps -i dayz=number", UnknownNameError, "has no parameter `dayz`. Did you mean: days"),
        ("quiet-apps -i days=numbr", UnknownNameError, "no Python variable `numbr`. Did you mean: number"),
        ("quiet-apps -i days=number*2", SettingsError, "`number*2` is no variable"),
        ("quiet-apps -i days=word", InvalidArgumentsError, "days"),
        ("leavers", InvalidArgumentsError, "-i leavers=VARIABLE (the addresses of the people who have left)"),
        ("leavers -i leavers=nobody", InvalidArgumentsError, "leavers: not set up, and nothing was sent."),
        ("leavers -i leavers=number", InvalidArgumentsError, "is a list, got 3"),
        ("quiet-apps -a {number}", InvalidArgumentsError, "`number` is no name of an account"),
        ("quiet-apps -a nobody", UnknownNameError, "nobody"),
        ("quiet-apps crashed-dynos", SettingsError, "takes options only, got `crashed-dynos`"),
        ("quiet-apps --vra x", UnknownNameError, "`%kosmo check` has no option `--vra`. Did you mean: --var"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(
    session: Session, line: str, error: type[KosmoError], message: str
) -> None:
    notebook = Notebook(session, PYTHON, number=3, word="a", nobody=[])
    with pytest.raises(error) as caught:
        notebook.check(line)
    assert message in str(caught.value)
    assert notebook.shown == []


def test_without_a_name_all_checks_are_listed(session: Session) -> None:
    rows = {row["check"]: row for row in Notebook(session, LUA).check("")}
    assert rows["quiet-apps"]["parameters"] == "days"
    assert rows["crashed-dynos"]["severity"] == "high"


def test_a_kept_value_is_that_of_the_cell_in_lua(session: Session) -> None:
    keep_value(session, Records([{"app": "a"}]), 41)
    assert session.run("return _[1].app, Out[41][1].app, _kosmo_passed_value").values == ["a", "a", None]


def test_an_interrupt_that_raises_nothing_ends_the_check(session: Session) -> None:
    context = NotebookContext(session, LUA, ask=ask_in_cell, is_cancelled=lambda: True)
    with pytest.raises(StoppedError):
        run_command("check crashed-dynos", context)
