"""`%kosmo table`, and the replies that cells of a notebook share."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from kosmo_kernel.checks.cell import ask_in_cell
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import LuaRuntimeError, UnknownNameError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.render.display import Display
from kosmo_kernel.run.shared_services import KeptReplies
from kosmo_kernel.session import Session


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
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingApi]:
    made = CountingApi()
    with serve(made) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
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
        assert rows["bill"] == {"table": "bill", "title": "Bill", "parameters": "idle_days"}
        with pytest.raises(UnknownNameError, match=r"no table `cost`.*heroku\.tables\.costs"):
            notebook.run("table cost")
        session.run("days = 3")
        with pytest.raises(UnknownNameError, match="costs has no parameter `days`"):
            notebook.run("table costs -i days")


def test_a_variable_sets_a_parameter_of_a_table() -> None:
    with Session("demo") as session:
        notebook = Notebook(session)
        session.run("days = 1")
        strict, usual = notebook.run("table bill -i idle_days=days"), notebook.run("table bill")
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


def test_other_cells_use_the_replies_of_a_cell_and_say_of_when_they_are(api: CountingApi, notebook: Notebook) -> None:
    notebook.run("check crashed-dynos")
    notebook.run("table stages")
    notebook.run("check apps-without-pipeline")
    notebook.run("table costs")
    notebook.run("table formation")
    assert {path: count for path, count in api.requested.items() if count > 1} == {}
    assert "answers of " in notebook.head


def test_the_same_cell_asks_anew_and_so_does_one_that_wants_to(api: CountingApi, notebook: Notebook) -> None:
    notebook.run("table stages")
    notebook.run("table stages")
    assert api.requested["/apps"] == 2
    assert "answers of " not in notebook.head
    notebook.run("table costs")
    assert api.requested["/apps"] == 2


def test_a_reply_is_shared_for_five_minutes_and_not_with_another_token(api: CountingApi) -> None:
    now = [0.0]
    replies = KeptReplies(lambda: now[0])
    with Session() as session:
        shared = session.shared_services(session.time_of_data().date(), replies=replies, cell="one")
        with Session(shared=shared) as lua:
            lua.run("return heroku.list_apps()")
        shared.close()
    [(key, kept)] = list(replies._replies.items())
    assert replies.take(key, "other", "another token") is None
    now[0] = 301.0
    assert replies.take(key, "other", kept.account) is None
    now[0] = 299.0
    assert replies.take(key, "other", kept.account) is kept


def test_a_reply_with_gaps_is_a_gap_in_every_cell(api: CountingApi, notebook: Notebook) -> None:
    api.refused = ("/my-app/formation",)
    for line in ("table formation", "table costs"):
        notebook.run(line)
        assert "my-app (403 forbidden)" in notebook.head
    assert api.requested["/apps/my-app/formation"] == 1
