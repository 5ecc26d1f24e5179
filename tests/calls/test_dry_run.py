"""Test dry runs at one door alone: a variable, HTML, a document, lists. `tests/doors/test_dry_run.py` has the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from kosmo_command import document, kosmo, on_terminal, standing
from traitlets.config import Config

from kosmo_kernel.client.call import PlannedCall
from kosmo_kernel.kernel.notebook import KernelNotebook
from kosmo_kernel.results import dry_run_summary
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options

LUA = "lua"
# One call, then two more because of its argument, then as many as there are apps: none, as far as a dry run knows.
AUDIT = """local heroku = app.integrations.heroku
heroku.list_dynos({ app_id = { "my-app", "booking-api" } })
for _, one in ipairs(heroku.list_apps()) do heroku.list_domains({ app_id = one.name }) end
return "a value"
"""
FUNCTIONS = ["heroku.list_dynos", "heroku.list_dynos", "heroku.list_apps"]
ARGUMENTS = [{"app_id": "my-app"}, {"app_id": "booking-api"}, {}]
PATHS = ["/apps/my-app/dynos", "/apps/booking-api/dynos", "/apps"]


NOTE = dry_run_summary([PlannedCall("heroku.list_apps", "demo", {}, "GET", "https://api.heroku.com/apps")] * 3)


# A Python notebook


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    made: Any = InteractiveShell(config=config)
    made.run_line_magic("load_ext", "kosmo_kernel")
    yield made
    made.extension_manager.unload_extension("kosmo_kernel")
    made.restore_sys_module_state()


def run(shell: Any, cell: str) -> Any:
    done = shell.run_cell(cell)
    done.raise_error()
    return done.result


def assert_planned(plan: pd.DataFrame) -> None:
    assert list(plan.columns) == ["function", "account", "arguments.app_id", "method", "url"]
    assert list(plan["function"]) == FUNCTIONS
    assert set(plan["account"]) == {"demo"}
    assert set(plan["method"]) == {"GET"}
    assert list(plan["arguments.app_id"].dropna()) == ["my-app", "booking-api"]
    assert [url.removeprefix("https://api.heroku.com") for url in plan["url"]] == PATHS


def test_a_variable_takes_the_plan(shell: Any) -> None:
    assert run(shell, f"%%kosmo_lua -n -v plan\n{AUDIT};") is None
    assert_planned(shell.user_ns["plan"])


# A Lua notebook


@pytest.fixture
def sent() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def notebook(sent: list[tuple[str, dict[str, Any]]]) -> Iterator[KernelNotebook]:
    with Session("demo") as session:
        yield KernelNotebook(session, lambda kind, content: sent.append((kind, content)), lambda _form: None)


def execute(notebook: KernelNotebook, code: str) -> dict[str, Any]:
    return notebook.execute({"code": code}, 1, stored=True)


def test_a_lua_notebook_shows_the_plan_and_the_line(
    notebook: KernelNotebook, sent: list[tuple[str, dict[str, Any]]]
) -> None:
    assert execute(notebook, f"%%kosmo_lua -n\n{AUDIT}")["status"] == "ok"
    (_, line), (_, _note), (kind, result) = (message for message in sent if message[0] != "stream")
    assert (line["data"]["text/plain"], kind) == (NOTE, "execute_result")
    assert NOTE in line["data"]["text/html"]
    assert [path in result["data"]["text/html"] for path in PATHS] == [True] * 3
    assert "3 records" in result["data"]["text/plain"]


# The command line


def test_on_a_terminal_the_plan_is_a_table() -> None:
    screen = standing(on_terminal(LUA, "--demo", "-n", "-e", AUDIT, columns=160))
    assert screen[0].split() == ["function", "account", "arguments.app_id", "method", "url"]


def test_with_json_the_calls_are_planned_and_the_document_says_so() -> None:
    code, answer = document(LUA, "--json", "--demo", "--dry-run", "-e", AUDIT)
    calls = answer["integration_calls"]
    assert (code, answer["meta"]["dry_run"], answer["result"]) == (0, True, ["a value"])
    assert [call["path"] for call in calls] == [f"integrations.{name}" for name in FUNCTIONS]
    assert [call["arguments"] for call in calls] == ARGUMENTS
    assert {(call["status"], call["requests"], call["method"]) for call in calls} == {("planned", 0, "GET")}
    assert [call["url"].removeprefix("https://api.heroku.com") for call in calls] == PATHS


def test_a_dry_run_that_fails_writes_its_plan_in_the_form_that_was_asked_for() -> None:
    script = "return app.integrations.heroku.list_apps()[1].name"
    done = kosmo(LUA, "--demo", "-n", "--format", "csv", "-e", script)
    assert done.stdout == "function,account,method,url\nheroku.list_apps,demo,GET,https://api.heroku.com/apps\n"
    code, answer = document(LUA, "--demo", "-n", "--json", "-e", script)
    assert (code, answer["success"], answer["meta"]["dry_run"]) == (1, False, True)
    assert [call["status"] for call in answer["integration_calls"]] == ["planned"]


def test_a_dry_run_needs_no_network_for_an_account_that_has_a_token() -> None:
    nobody = {"HEROKU_API_KEY": "a-token-of-nobody", "HEROKU_API_URL": "http://127.0.0.1:9"}
    code, answer = document(LUA, "--json", "-n", "-e", AUDIT, env=nobody)
    assert (code, {call["account"] for call in answer["integration_calls"]}) == (0, {"default"})
    assert [call["url"].removeprefix("http://127.0.0.1:9") for call in answer["integration_calls"]] == PATHS


LISTS = "return heroku.list_dynos({ app_id = heroku.list_apps() })"


def test_a_list_that_the_session_has_listed_before_is_counted() -> None:
    with Session("demo") as session:
        unknown = session.execute(LISTS, Options(dry_run=True)).planned
        apps = session.run("return #heroku.list_apps()").value
        known = session.execute(LISTS, Options(dry_run=True)).planned
    assert [(one.each, one.requests) for one in unknown] == [("", 1), ("app_id", None)]
    assert [(one.each, one.requests) for one in known] == [("", 1), ("app_id", apps)]
    assert known[1].arguments == {"app_id": f"each of {apps}"}
    assert known[1].url.endswith("/apps/{app_id}/dynos")


def test_an_add_on_whose_plan_is_not_known_is_what_is_asked_for_first() -> None:
    with Session("demo") as session:
        addons = session.run("return heroku.list_account_addons()").value
        addon = next(addon for addon in addons if addon["name"] == "redis-globular-62745")
        by_name, by_record = (
            session.call("heroku.get_database", {"addon_id": one}, Options(dry_run=True)).planned[0].url
            for one in ("redis-globular-62745", dict(addon))
        )
    assert by_name == "https://api.heroku.com/addons/redis-globular-62745"
    assert by_record == f"https://api.data.heroku.com/redis/v0/databases/{addon['id']}"
