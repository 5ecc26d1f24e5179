"""The explorer in a real IPython shell: what it runs, what it shows of that, and what becomes of hostile texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from explorer_form import HOSTILE, Form, Seen, choose, loaded_shell, opened, press_load, status, type_in, written
from msgspec.structs import replace
from python_shell import Shell, run, value

from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import StoppedError
from kosmo_kernel.explorer.form import RUNS, WAITS
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with loaded_shell() as made:
        yield made


# Running it --------------------------------------------------------------------------------------------


def test_a_list_is_the_table_of_a_cell_and_a_record_its_two_columns(session: Session) -> None:
    explorer = opened("list_apps", session)
    explorer.run.click()
    assert session.last is not None
    assert explorer.answer.value == bundle_of(session.last.value)["text/html"]
    assert explorer.filtering.layout.display == ""
    choose(explorer, "heroku.get_app")
    assert explorer.answer.value == ""
    type_in(explorer, "app_id", "my-app")
    explorer.run.click()
    assert explorer.answer.value == bundle_of(session.last.value)["text/html"]
    assert explorer.filtering.layout.display == "none"


def test_the_filter_looks_at_all_that_is_shown_of_every_row(session: Session) -> None:
    explorer = opened("list_apps", session)
    explorer.run.click()
    everything = explorer.answer.value
    total = len(session.run("app.integrations.heroku.list_apps()").value)
    explorer.filter.value = "HEROKU-20 larkmoor"
    names = session.run("""
        local found = {}
        for _, one in ipairs(app.integrations.heroku.list_apps()) do
          if one.stack.name == "heroku-20" and one.owner.email:find("larkmoor") then
            found[#found + 1] = one.name
          end
        end
        return found
    """).value
    assert Seen(explorer.count.value).text == f"{len(names)} of {total}"
    assert 0 < len(names) < total
    shown = Seen(explorer.answer.value).text
    assert all(name in shown for name in names)
    assert "my-app" not in shown
    explorer.filter.value = "no such row"
    assert Seen(explorer.count.value).text == f"0 of {total}"
    explorer.filter.value = " "
    assert (explorer.answer.value, explorer.count.value) == (everything, "")


def test_a_failure_is_the_short_error_and_the_next_run_works(shell: Shell) -> None:
    explorer = Form(value(shell, "%kosmo explore get_app"))
    type_in(explorer, "app_id", "no-such-app")
    explorer.run.click()
    shown = Seen(explorer.answer.value).text
    assert shown.startswith('RefusedError: Explorer:1: heroku.get_app (app_id "no-such-app", account demo): Heroku')
    assert shown.endswith('----> 1 app.integrations.heroku.demo.get_app({ app_id = "no-such-app" })')
    assert "no-such-app" in value(shell, "%kosmo error")
    type_in(explorer, "app_id", "my-app")
    explorer.run.click()
    assert "RefusedError" not in explorer.answer.value
    assert not explorer.run.disabled


@pytest.mark.parametrize(
    ("raised", "shown"), [(ValueError("<broken>"), "ValueError: <broken>"), (KeyboardInterrupt(), "Stopped.")]
)
def test_whatever_ends_a_run_is_shown_where_one_looks_for_the_answer(
    session: Session, monkeypatch: pytest.MonkeyPatch, raised: BaseException, shown: str
) -> None:
    explorer = opened("list_apps", session)

    def broken(*_: object, **__: object) -> None:
        raise raised

    with monkeypatch.context() as patch:
        patch.setattr(session, "execute", broken)
        explorer.run.click()
    assert Seen(explorer.answer.value).text.endswith(shown)
    explorer.run.click()
    assert "my-app" in explorer.answer.value


def test_names_are_offered_when_a_cell_has_listed_them(shell: Shell) -> None:
    session = shell.magics_manager.registry["KosmoMagic"].session
    run(shell, "%kosmo_lua #app.integrations.heroku.list_apps()")
    found = Form(value(shell, "%kosmo explore list_dynos")).fields["app_id"].field.options
    names = session.run("app.integrations.heroku.list_apps()").value.column(("name",))
    assert list(found) == names


def test_names_are_offered_for_the_account_that_they_are_of_and_fetched_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(DemoApi(company(3))) as served, Session("demo") as lua:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        explorer = opened("list_dynos", lua)

        def options() -> int:
            return len(explorer.fields["app_id"].field.options)

        assert options() == 0
        press_load(explorer)
        assert (options(), status(explorer)) == (19, "19 apps to choose from.")
        explorer.account.value = "default"
        assert options() == 0
        press_load(explorer)
        assert options() == 3
        explorer.account.value = "demo"
        assert options() == 19


def test_a_run_waits_for_the_cell_that_is_at_work_and_pressing_again_changes_nothing(session: Session) -> None:
    waiting: list[Callable[[], None]] = []
    explorer = opened("list_apps", session, between_cells=waiting.append)
    explorer.run.click()
    explorer.run.click()
    assert (status(explorer), len(waiting), explorer.run.disabled, session.last) == (WAITS, 1, True, None)
    assert explorer.function.disabled
    assert explorer.account.disabled  # an answer would stand below another question
    seen: list[str] = []
    explorer.status.observe(lambda _: seen.append(status(explorer)), "value")
    waiting.pop()()
    assert seen == [RUNS, ""]
    assert "my-app" in explorer.answer.value
    assert not explorer.run.disabled
    assert not explorer.function.disabled


def test_the_form_says_how_far_a_run_is_and_what_it_cost(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_PROGRESS", "1")
    explorer = opened("list_apps", session)
    explorer.run.click()
    assert "1 call · 1 request" in status(explorer)


def test_an_interrupt_stops_the_run_and_says_so(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = opened("list_apps", session)
    execute = session.execute

    def interrupted(source: str, options: Options, frontend: Frontend) -> Any:
        endless = f"print('runs') while true do end {source}"
        return execute(endless, options, replace(frontend, output=lambda *_: session.interrupt()))

    monkeypatch.setattr(session, "execute", interrupted)
    explorer.run.click()
    assert Seen(explorer.answer.value).text.startswith("StoppedError")
    assert isinstance(session.last_error, StoppedError)


# What is not trusted -----------------------------------------------------------------------------------


def hostile_api(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    body = json.dumps([{"name": HOSTILE, "id": HOSTILE, "web_url": HOSTILE, HOSTILE: HOSTILE}]).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def test_hostile_texts_are_texts_in_the_table_the_names_and_the_lua(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(hostile_api) as served, Session() as lua:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        explorer = opened("list_apps", lua)
        explorer.run.click()
        seen = Seen(explorer.answer.value)
        assert "<script>alert(1)</script>" in seen.text
        assert seen.tags.isdisjoint({"script", "b"})
        assert "\u202e" not in seen.text

        choose(explorer, "heroku.list_dynos")
        assert list(explorer.fields["app_id"].field.options) == [HOSTILE]
        type_in(explorer, "app_id", HOSTILE)
        cell = written(explorer)
        assert Seen(explorer.code.value).tags == {"div", "pre", "button"}
        assert (
            lua.run(cell.replace("app.integrations.heroku.list_dynos", "(function(it) return it.app_id end)")).value
            == HOSTILE
        )
        explorer.run.click()
        assert Seen(explorer.answer.value).tags == {"pre"}
        assert "InvalidArgumentsError" in explorer.answer.value
