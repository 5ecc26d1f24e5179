"""Calls on their way through a session: in threads, counted, logged, interrupted, told while they are waited for."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from altered_api import Gate, soon
from run_with import run_with

from kosmo_kernel import errors
from kosmo_kernel.calls import services
from kosmo_kernel.client import fan_out as threads
from kosmo_kernel.client.call import CallHandle, CallRequest
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.progress import display as progress_throttle
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.progress.run import Progress
from kosmo_kernel.session import Session

FOUR = "{ 'my-app', 'booking-api', 'address-checker', 'van-telemetry' }"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Yield the demo's company behind a real port; what is asked about domains is kept back."""
    made = Gate(DemoApi(company()), "/domains")
    with serve(made) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        yield made
        made.open.set()


@pytest.fixture
def remote(gate: Gate) -> Iterator[Session]:
    with Session() as opened:
        opened.run("heroku, names = app.integrations.heroku, {}")
        opened.run("for place, one in ipairs(heroku.list_apps()) do names[place] = one.name end")
        yield opened


def stopped(session: Session, source: str, **options: Any) -> errors.KosmoError:
    with pytest.raises(errors.KosmoError) as caught:
        run_with(session, source, **options)
    return caught.value


ASKING = {
    "one call": ("heroku.list_domains('my-app')", 1),
    "a list argument": ("heroku.list_domains({ app_id = names })", 16),
    "a map": ("parallel.map(names, heroku.list_domains)", 16),
    "a list argument in a map": ("parallel.map({ 1, 2 }, function() heroku.list_domains({ app_id = names }) end)", 32),
    "a call in a comparator in a map": (
        "parallel.map({ 1 }, function() table.sort({ 1, 2 }, function() heroku.list_domains('my-app') end) end)",
        1,
    ),
}


# Interrupts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "count"), ASKING.values(), ids=ASKING.keys())
@pytest.mark.parametrize("how", ["a signal", "another thread"])
def test_an_interrupt_ends_the_wait_at_once_and_cancels_what_is_queued(
    remote: Session, gate: Gate, source: str, count: int, how: str
) -> None:
    def press() -> None:
        gate.wait_for(1 + count)
        remote.interrupt() if how == "another thread" else os.kill(os.getpid(), signal.SIGINT)

    pressing = soon(press)
    error = stopped(remote, f"kept = 1\npcall(function() {source} end)\nprint('never')")
    pressing.join()
    asked = len(gate.asked)
    gate.open.set()

    assert (type(error), error.result.output) == (errors.StoppedError, "")
    assert remote.run("return kept, #heroku.list_domains('my-app')").values == [1, 3]
    assert len(gate.asked) <= asked + 1


@pytest.mark.parametrize("source", ["{}", "parallel.map({{ 1 }}, function() {} end)"], ids=["alone", "in a map"])
def test_what_was_answered_of_a_list_before_an_interrupt_is_counted(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(DemoApi(company()), "/van-telemetry/domains")
    monkeypatch.setattr(services, "CONCURRENCY", 1)
    with serve(gate) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)

        def press() -> None:
            gate.wait_for(4)
            session.interrupt()

        pressing = soon(press)
        call = f"app.integrations.heroku.list_domains({{ app_id = {FOUR} }})"
        cost = stopped(session, source.format(call)).result.cost
        pressing.join()
        gate.open.set()

    assert (cost.finished, cost.total, cost.requests) == (3, 4, 3)


def test_a_timeout_ends_the_wait_as_well(remote: Session, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "Timer", gate.timer(17))
    error = stopped(remote, ASKING["a map"][0], timeout=0.01)

    assert isinstance(error, errors.LimitError)
    assert (error.limit, len(gate.asked)) == ("timeout", 17)


def test_what_comes_after_its_run_has_ended_is_for_nobody(remote: Session, gate: Gate) -> None:
    def press() -> None:
        gate.wait_for(17)
        remote.interrupt()

    pressing = soon(press)
    stopped(remote, ASKING["a map"][0])
    pressing.join()
    gate.open.set()
    result = remote.run("return parallel.map(names, function(name) return heroku.get_app(name).name end), names")

    assert result.values[0] == result.values[1]
    assert {call.path for call in result.calls} == {"integrations.heroku.get_app"}


@pytest.mark.full
def test_a_hundred_interrupts_leave_few_threads_and_a_session_that_works(remote: Session, gate: Gate) -> None:
    for _ in range(100):

        def press() -> None:
            while not (remote.last and remote.last.calls):
                threading.Event().wait(0.001)
            remote.interrupt()

        remote.last = None
        pressing = soon(press)
        assert isinstance(stopped(remote, ASKING["a list argument"][0]), errors.StoppedError)
        pressing.join()
    pool = remote.services()._pool
    at_most = len(pool)
    gate.open.set()

    assert at_most <= threads.MAX_THREADS
    assert len(remote.run("return heroku.list_domains({ app_id = names })").value) > 10
    assert len(pool) <= threads.MAX_THREADS


def test_a_session_that_is_closed_in_another_thread_ends_the_wait(remote: Session, gate: Gate) -> None:
    def close() -> None:
        gate.wait_for(2)
        remote.close()

    closing = soon(close)
    error = stopped(remote, "heroku.list_domains('my-app')")
    closing.join()

    assert isinstance(error, errors.LuaProcessError)


# The log, and what a run costs ---------------------------------------------------------------------------


def test_calls_are_logged_in_the_order_in_which_they_were_begun_each_with_its_own_time(
    remote: Session, gate: Gate
) -> None:
    source = """parallel.map({ 'domains', 'app' }, function(what)
      if what == 'app' then heroku.get_app('my-app') release() else heroku.list_domains('my-app') end
    end)"""
    remote.run("function release() print('release') end")

    def open_gate(_stream: str, text: str) -> None:
        if text == "release\n":
            gate.open.set()

    calls = run_with(remote, source, on_output=open_gate).calls

    assert [(call.path.rpartition(".")[2], call.status, call.rows, call.requests) for call in calls] == [
        ("list_domains", "ok", 3, 1),
        ("get_app", "ok", None, 1),
    ]
    assert calls[0].duration_ms > calls[1].duration_ms > 0


def test_calls_that_nobody_waited_for_are_logged_as_dropped(remote: Session, gate: Gate) -> None:
    source = """parallel.map({ 'no-such-app', 'my-app' }, function(name)
      if name == 'my-app' then heroku.list_domains(name) else heroku.get_app(name) end
    end)"""
    error = stopped(remote, source)

    assert [(call.status, bool(call.error)) for call in error.result.calls] == [("error", True), ("dropped", False)]
    assert (error.result.cost.finished, error.result.cost.total) == (1, 2)
    assert gate.asked[0] == "/apps"


def test_a_run_says_what_it_cost_or_that_it_made_no_call(remote: Session, gate: Gate) -> None:
    gate.open.set()
    source = "parallel.map(names, function(name) heroku.get_app(name) return #heroku.list_domains(name) end)"
    cost = remote.run(source).cost
    listed = remote.run("heroku.list_domains({ app_id = names })").cost

    assert cost is not None
    assert (cost.finished, cost.total, cost.requests, cost.account, cost.over) == (38, 38, 38, "default", True)
    assert listed is not None
    assert (listed.finished, listed.total, listed.requests) == (19, 19, 19)
    assert remote.run("return 1").cost is None


def test_of_several_items_that_fail_the_first_in_the_list_is_told(remote: Session) -> None:
    for _ in range(5):
        error = stopped(remote, "heroku.get_app({ app_id = { 'my-app', 'no-such-1', 'no-such-2', 'no-such-3' } })")

        assert "no-such-1" in error.message


def test_what_fails_of_a_map_and_of_a_list_argument_is_told_in_a_line_and_kept(remote: Session) -> None:
    names = "{ 'my-app', 'no-such-1', 'no-such-2' }"
    mapped = remote.run(f"local a = parallel.map({names}, heroku.get_app, {{ errors = 'collect' }})")
    listed = remote.run(f"local a = heroku.get_app({{ app_id = {names}, errors = 'collect' }})")

    assert [(one["index"], one["status"]) for one in mapped.failures] == [(2, 404), (3, 404)]
    assert [(one["app_id"], one["status"]) for one in listed.failures] == [("no-such-1", 404), ("no-such-2", 404)]
    assert mapped.notes[-1].startswith('2 of 3 items failed: heroku.get_app (app_id "no-such-1", account default)')
    assert listed.notes[-1] == "2 of 3 apps could not be read: no-such-1 (404 not_found), no-such-2 (404 not_found)"


def test_a_script_that_collects_failures_without_end_does_not_fill_the_result(remote: Session) -> None:
    error = stopped(remote, "while true do parallel.map({ 1, 2 }, error, { errors = 'collect' }) end", cpu_limit=0.3)

    assert len(error.result.failures) <= 10_000
    assert len(error.result.notes) < 50


# More than the account has left --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "fetches"),
    [
        ("heroku.list_domains({ app_id = names })", 19),
        ("parallel.map(names, heroku.list_domains)", 19),
        ("parallel.map({ 1, 2 }, function() heroku.list_domains({ app_id = names }) end)", 38),
        ("for _, name in ipairs(names) do heroku.list_domains(name) end", 0),
    ],
)
def test_the_time_that_the_budget_takes_is_in_the_progress_and_not_in_the_output(
    remote: Session, gate: Gate, monkeypatch: pytest.MonkeyPatch, source: str, fetches: int
) -> None:
    monkeypatch.setenv("KOSMO_PROGRESS", "1")
    told: list[ProgressSnapshot] = []

    def show(snapshot: ProgressSnapshot) -> None:
        told.append(snapshot)
        if snapshot.requests < 2 and (snapshot.estimate.fetches if snapshot.estimate else 0) == fetches:
            gate.open.set()

    result = run_with(remote, source, on_progress=show)

    assert max(one.estimate.fetches if one.estimate else 0 for one in told) == fetches
    assert told[-1].estimate is None
    assert result.output == ""


@pytest.mark.full
def test_the_demo_in_this_process_has_no_budget_to_wait_for() -> None:
    with Session("demo") as session:
        cost = session.run("for _ = 1, 5000 do app.integrations.heroku.get_current_user() end").cost

    assert cost is not None
    assert (cost.requests, cost.finished) == (5000, 5000)


def test_threads_that_wait_for_one_account_keep_none_of_another_from_its_work(
    remote: Session, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    aliases = ("a", "b", "c", "d", "e")
    for alias in aliases:
        monkeypatch.setenv(f"HEROKU_API_KEY_{alias.upper()}", DEMO_TOKEN)
    accounts = "{ '" + "', '".join(aliases) + "' }"
    remote.run(f"for _, alias in ipairs({accounts}) do heroku[alias].get_current_user() end")
    before = len(gate.asked)

    def open_gate() -> None:
        gate.wait_for(before + 16 * len(aliases))  # more than the threads of one run
        gate.open.set()

    opening = soon(open_gate)
    result = remote.run(
        f"return #parallel.map({accounts}, function(one) return heroku[one].list_domains({{ app_id = names }}) end)"
    )
    opening.join()

    assert result.value == len(aliases)
    assert [call.requests for call in result.calls] == [19] * len(aliases)


# Being told ----------------------------------------------------------------------------------------------


def test_progress_is_told_in_the_thread_of_the_run_while_a_remote_account_is_waited_for(
    remote: Session, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_throttle, "SHOW_AFTER_SECONDS", 0.01)
    told: list[tuple[int, ProgressSnapshot]] = []

    def show(snapshot: ProgressSnapshot) -> None:
        told.append((threading.get_ident(), snapshot))
        gate.open.set()

    result = run_with(
        remote,
        "parallel.map(names, function(name) heroku.list_domains(name) heroku.get_app(name) end)",
        on_progress=show,
    )
    first, last = told[0][1], told[-1][1]

    assert {thread for thread, _ in told} == {threading.get_ident()}
    assert (first.total, first.account, first.over) == (19, "default", False)
    assert last == result.cost
    assert (last.finished, last.total) == (38, 38)


def test_progress_of_items_is_told_as_they_are_done(
    remote: Session, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_throttle, "SHOW_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(progress_throttle, "INTERVAL_SECONDS", 0.0)
    gate.open.set()
    told: list[ProgressSnapshot] = []
    source = "parallel.map(names, function(name) heroku.list_domains(name) heroku.get_app(name) end, { limit = 2 })"
    run_with(remote, source, on_progress=told.append)

    assert {one.total for one in told[:-1]} == {19}
    assert [one.finished for one in told[:-1]] == sorted(one.finished for one in told[:-1])
    assert 15 <= max(one.finished for one in told[:-1]) <= 19


def told_of(session: Session, source: str, account: str | None = None) -> list[ProgressSnapshot]:
    told: list[ProgressSnapshot] = []
    run_with(session, source, account=account, on_progress=told.append)
    return told


def test_nobody_is_told_of_the_demo_or_of_what_is_quick(remote: Session) -> None:
    assert told_of(remote, "heroku.list_apps()", "demo") == []
    assert told_of(remote, "heroku.list_apps()") == []


def test_progress_can_be_switched_on_for_every_run_that_calls(remote: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_PROGRESS", "1")

    assert told_of(remote, "heroku.list_apps()", "demo")[-1] == remote.last.cost  # type: ignore[union-attr]
    assert told_of(remote, "return 1", "demo") == []


def test_progress_can_be_switched_off(remote: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_PROGRESS", "0")
    monkeypatch.setattr(progress_throttle, "SHOW_AFTER_SECONDS", 0.0)

    assert told_of(remote, "heroku.list_apps()") == []


def test_progress_is_told_after_half_a_second_of_waiting_and_ten_times_a_second() -> None:
    now, told = [0.0], []
    one = progress_throttle.ProgressThrottle(Progress().snapshot, lambda _: told.append(now[0]), lambda: now[0])
    for step in range(1, 41):
        since, now[0] = now[0], step / 16
        one.waited(since, remote=step > 4)

    assert told == [step / 16 for step in range(12, 41, 2)]  # the first quarter was no waiting for a remote account


# Dry runs ------------------------------------------------------------------------------------------------


def test_a_dry_run_sends_nothing_and_plans_each_request(remote: Session, gate: Gate) -> None:
    asked = len(gate.asked)
    source = f"""local apps = parallel.map({{ 'my-app' }}, function(name) return heroku.get_app(name) end)
    local dynos, failures = heroku.list_dynos({{ app_id = {FOUR}, errors = 'collect' }})
    return #apps, apps[1].name, #dynos, #failures, #heroku.list_apps()"""
    result = run_with(remote, source, dry_run=True)

    assert result.values == [1, None, 0, 0, 0]
    assert (len(gate.asked), result.calls, result.cost) == (asked, [], None)
    assert [(one.function, one.account, one.arguments, one.method) for one in result.planned] == [
        ("heroku.get_app", "default", {"app_id": "my-app"}, "GET"),
        *(
            ("heroku.list_dynos", "default", {"app_id": name}, "GET")
            for name in FOUR[2:-2].replace("'", "").split(", ")
        ),
        ("heroku.list_apps", "default", {}, "GET"),
    ]
    assert result.planned[0].url == os.environ["HEROKU_API_URL"] + "/apps/my-app"


def test_a_dry_run_needs_no_token_and_checks_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEROKU_API_KEY", raising=False)
    with Session() as session:
        planned = run_with(session, "app.integrations.heroku.list_apps()", dry_run=True).planned
        error = stopped(session, "app.integrations.heroku.get_app('a/b')", dry_run=True)

    assert [one.url for one in planned] == ["https://api.heroku.com/apps"]
    assert isinstance(error, errors.InvalidArgumentsError)


def test_the_budget_of_an_account_can_be_asked_for(remote: Session) -> None:
    assert remote.budget_left("heroku", "default") == 4499
    with pytest.raises(errors.UnknownNameError):
        remote.budget_left("heroku", "nobody")


def test_an_unexpected_error_while_the_answers_for_a_list_become_one_is_the_error_of_the_run(
    remote: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("unexpected")

    monkeypatch.setattr("kosmo_kernel.calls.services.merged_answer", broken)

    with pytest.raises(ZeroDivisionError, match="unexpected"):
        remote.run("heroku.list_dynos({ app_id = names })")


def test_items_of_a_call_that_nobody_waits_for_any_more_are_not_expected(
    remote: Session, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.open.set()
    monkeypatch.setattr(threads.ThreadPool, "submit", lambda _pool, work: work())
    services = remote.shared_services(date(2026, 11, 28))
    apps = [f"app-{number}" for number in range(9)]
    request = CallRequest("heroku.list_domains", None, {"app_id": apps, "errors": "collect"}, [], None)
    expected: list[int] = []

    def on_answer() -> None:
        estimate = services.progress.snapshot().estimate
        expected.append(estimate.fetches if estimate else 0)
        handle.is_cancelled = len(expected) == 2

    handle = CallHandle(Progress(), lambda answer: pytest.fail(str(answer)), pytest.fail, on_answer)
    services.begin(services.bind(request, "default"), handle)

    assert (expected, services.progress.snapshot().estimate) == ([9, 8], None)
