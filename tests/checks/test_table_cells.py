"""`%kosmo table`, and the answers that cells of a notebook share."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from altered_api import as_default_account

from kosmo_kernel.checks.cell import ask_in_cell
from kosmo_kernel.errors import LuaRuntimeError, UnknownNameError
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.render.display import Display
from kosmo_kernel.session import Session
from kosmo_kernel.text import Moment


class CountingApi:
    """The demo's API, which counts its requests by path, and refuses some."""

    def __init__(self) -> None:
        self._api, self._lock = DemoApi(company(), capacity=10**9), threading.Lock()
        self.requested: Counter[str] = Counter()
        self.refused: tuple[str, ...] = ()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        with self._lock:
            self.requested[path] += 1
        if not path.endswith(self.refused or ("\0",)):
            return self._api(environ, start_response)
        body = b'{"id": "forbidden", "message": "No access."}'
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


class Notebook:
    """A notebook of Lua that keeps what is shown."""

    def __init__(self, session: Session) -> None:
        self.shown: list[Display] = []
        self._context = NotebookContext(
            session, ask=ask_in_cell, display=self.shown.append, set_variable=lambda *_: None
        )

    def run(self, line: str) -> Any:
        return run_command(line, self._context)

    @property
    def head(self) -> str:
        """The text above the rows of the last cell."""
        text: str = self.shown[-1].bundle["text/plain"]
        return text


@pytest.fixture
def api() -> Iterator[CountingApi]:
    made = CountingApi()
    with as_default_account(made):
        yield made


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with Session() as session:
        yield Notebook(session)


def test_a_table_shows_its_lua_and_gives_its_rows() -> None:
    with Session("demo") as session:
        notebook = Notebook(session)
        rows = notebook.run("table pipelines")
        alone = session.run("return heroku.tables.pipelines()").value
        assert list(rows) == list(alone)
    assert notebook.head.startswith(f"Pipelines (table): {len(rows)} rows\n  Rows: Every pipeline, with the number")
    assert "  heroku.tables.pipelines(), account demo (fiction), 2026-11-20:\n    local couplings = " in notebook.head


def test_without_a_name_there_is_the_list_of_all_tables_and_an_unknown_one_names_the_nearest() -> None:
    with Session("demo") as session:
        notebook = Notebook(session)
        rows = {row["table"]: row for row in notebook.run("table")}
        assert rows["costs"] == {"table": "costs", "title": "What costs money each month", "parameters": "idle_days"}
        with pytest.raises(UnknownNameError, match=r"no table `cost`.*Did you mean: costs"):
            notebook.run("table cost")
        session.run("days = 3")
        with pytest.raises(UnknownNameError, match="costs has no parameter `days`"):
            notebook.run("table costs -i days")


def test_a_variable_sets_a_parameter_of_a_table() -> None:
    with Session("demo") as session:
        notebook = Notebook(session)
        session.run("days = 1")
        strict, usual = notebook.run("table costs -i idle_days=days"), notebook.run("table costs")
    assert sum(bool(row["idle"]) for row in strict) > sum(bool(row["idle"]) for row in usual) > 0


def test_what_of_a_table_could_not_be_read_is_said_above_its_rows(api: CountingApi, notebook: Notebook) -> None:
    api.refused = ("/my-app/formation", "/config-vars")
    rows = {row["name"]: row for row in notebook.run("table apps")}
    assert (rows["my-app"]["dynos"], rows["my-app"]["config_vars"]) == (None, None)
    assert rows["night-sorter"]["dynos"] > 0
    assert "In part not read: " in notebook.head
    assert "my-app (403 forbidden)" in notebook.head
    with pytest.raises(LuaRuntimeError, match=r"tables\.config_vars could not be read: .*read-protected"):
        notebook.run("table config_vars")


def test_cells_ask_for_each_list_once_and_again_with_fresh(api: CountingApi, notebook: Notebook) -> None:
    for line in ("check crashed-dynos", "table stages", "check apps-without-pipeline", "table costs", "table costs"):
        notebook.run(line)
    assert {path: count for path, count in api.requested.items() if count > 1} == {}
    notebook.run("table apps --fresh")
    assert api.requested["/apps"] == 2
    assert "ago)" not in notebook.head


def test_answers_that_are_older_than_a_minute_say_when_they_were_read(
    api: CountingApi, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.run("table stages")
    later = Moment(Moment.now().clock + 425, Moment.now().seconds + 425)
    monkeypatch.setattr(Moment, "now", lambda: later)
    notebook.run("table stages")
    assert re.search(r"read at \d\d:\d\d \(7 min ago\); --fresh asks again", notebook.head)
    assert api.requested["/apps"] == 1


def test_what_could_not_be_read_is_asked_for_in_every_cell(api: CountingApi, notebook: Notebook) -> None:
    api.refused = ("/my-app/formation",)
    for line in ("table formation", "table costs"):
        notebook.run(line)
        assert "my-app (403 forbidden)" in notebook.head
    assert api.requested["/apps/my-app/formation"] == 2
    assert api.requested["/apps/night-sorter/formation"] == 1
