"""The Lua process from outside: limits, interrupts, its end, and an editor's questions."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from full_matrix import full_except
from lua_host import Answers, failure, machine, run, values
from patience import PATIENCE

from kosmo_kernel import errors
from kosmo_kernel.lua import process
from kosmo_kernel.lua.process import GracePeriod, StopReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.client.call import CallRequest
    from kosmo_kernel.lua.failure import Failure
    from kosmo_kernel.lua.machine import Machine


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


# Limits and interrupts -------------------------------------------------------------------------------

LOOPS = {
    "plain": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "xpcall": "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "coroutine": "local f = coroutine.wrap(function() while true do end end) f()",
    "coroutines in pcall": "while true do pcall(coroutine.wrap(function() while true do end end)) end",
    "sort": "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() while true do end end)",
    "gsub": "('x'):gsub('x', function() while true do end end)",
    "metamethod": "return setmetatable({}, { __index = function() while true do end end }).x",
    "close": "do local x <close> = setmetatable({}, { __close = function() while true do end end }) end",
    "recursion": "local function f() return f() end f()",
}


@pytest.mark.claim("lua-limits")
@pytest.mark.parametrize("source", full_except(LOOPS.values(), *[*LOOPS.values()][::3]), ids=LOOPS.keys())
def test_no_loop_outlives_its_limit_and_lua_keeps_its_variables(source: str) -> None:
    with machine() as lua:
        run(lua, "kept = 1")
        error = failure(lua, source, cpu=0.1).error

        assert isinstance(error, errors.LimitError)
        assert (error.limit, "0.1 s" in str(error)) == ("cpu_limit", True)
        assert values(lua, "kept") == [1]


@pytest.mark.claim("lua-killed")
def test_a_step_that_nothing_inside_can_stop_is_ended_from_outside() -> None:
    with machine() as lua:
        stuck = "('a'):rep(28):find(('a?'):rep(28) .. ('a'):rep(28))"
        first = lua.start().pid
        error = failure(lua, stuck, cpu=0.1).error

        assert (type(error), "variables are gone" in str(error)) == (errors.LimitError, True)
        assert values(lua, "return 1") == [1]
        assert lua.pid != first


@pytest.mark.claim("lua-limits")
def test_memory_is_limited_and_the_next_run_works() -> None:
    with machine() as lua:
        grow = "local t = {}\nfor i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"
        error = failure(lua, f"pcall(function() {grow} end)", memory=20 << 20).error

        assert (type(error), getattr(error, "limit", None)) == (errors.LimitError, "memory_limit")
        assert values(lua, "return 1") == [1]


@pytest.mark.parametrize(
    "source",
    [
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} while true do pcall(function() t[#t + 1] = {} end) end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t = { t, function() return t end } end",
        "('x'):rep(1e9)",
        "local function deep(n) return 1 + deep(n + 1) end deep(1)",
        "local t = {} while true do t[#t + 1] = coroutine.wrap(function() coroutine.yield(t) end) t[#t]() end",
    ],
)
def test_whatever_fills_the_memory_ends_in_an_error_and_never_in_the_end_of_the_process(source: str) -> None:
    with machine() as lua:
        first = lua.start().pid
        error = failure(lua, source, memory=16 << 20).error

        assert isinstance(error, errors.LimitError)
        assert values(lua, "return 1") == [1]
        assert lua.pid == first or "dropped" in str(error)


@pytest.mark.parametrize(
    "source", ["local function f(n) return 1 + f(n + 1) end f(1)", "local function f() f() end f()"]
)
def test_a_runaway_recursion_is_an_error_that_costs_no_variables(source: str) -> None:
    with machine() as lua:
        run(lua, "kept = 1")
        error = failure(lua, source).error

        assert "stack overflow" in str(error)
        assert values(lua, "kept") == [1]


def test_a_runaway_recursion_that_the_script_catches_costs_little_time() -> None:
    with machine() as lua:
        (ok,) = values(lua, "local function f() f() end return (pcall(f))")  # the limit is 30 s; before, this took 300
        assert ok is False


def test_a_heap_that_stays_full_is_dropped_with_a_word_about_it() -> None:
    with machine() as lua:
        error = failure(lua, "kept = {} while true do kept[#kept + 1] = {} end", memory=16 << 20).error

        assert "was dropped" in str(error)
        assert values(lua, "kept") == [None]


@pytest.mark.claim("budget-calls")
def test_calls_are_limited() -> None:
    with machine() as lua:
        error = failure(lua, "while true do pcall(app.integrations.heroku.list_apps) end", calls=20).error

        assert (type(error), getattr(error, "limit", None)) == (errors.LimitError, "call_limit")
        assert values(lua, "return 1") == [1]


def test_waiting_for_a_call_does_not_count_as_running() -> None:
    class Slow(Answers):
        def call(self, request: CallRequest) -> list[Any]:
            threading.Event().wait(0.5)
            return super().call(request)

    with machine() as lua:
        assert run(lua, "return #app.integrations.heroku.list_apps({})", Slow(), cpu=0.2).values == [2]


@pytest.mark.parametrize("source", ["while true do end", "while true do pcall(print) end"])
def test_an_interrupt_stops_lua_and_keeps_its_variables(source: str) -> None:
    class Interrupting(Answers):
        def write(self, stream: str, text: str) -> None:
            super().write(stream, text)
            if len(self.printed) == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with machine() as lua:
        run(lua, "kept = 1")
        error = failure(lua, f"print('begun') io.stdout:flush() {source}", Interrupting()).error

        assert isinstance(error, errors.StoppedError)
        assert values(lua, "kept") == [1]


@pytest.mark.claim("lua-limits")
def test_an_interrupt_stops_a_call_that_waits_and_no_pcall_swallows_it() -> None:
    class Stuck(Answers):
        def call(self, request: CallRequest) -> list[Any]:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(30)
            return super().call(request)

    with machine() as lua:
        error = failure(lua, "pcall(app.integrations.heroku.list_apps, {})\nprint('never')", Stuck()).error

        assert isinstance(error, errors.StoppedError)
        assert values(lua, "return 1") == [1]


def test_another_thread_can_stop_a_call_that_waits() -> None:
    with machine() as lua:

        class Stuck(Answers):
            def call(self, request: CallRequest) -> list[Any]:
                threading.Thread(target=lua.interrupt).start()
                threading.Event().wait(30)
                return super().call(request)

        error = failure(lua, "app.integrations.heroku.list_apps({})", Stuck()).error

        assert isinstance(error, errors.StoppedError)
        assert values(lua, "return 1") == [1]


def wait_for_run(lua: Machine) -> None:
    """Wait until a run has begun."""
    while lua._owner is None:
        threading.Event().wait(0.001)


def test_a_second_interrupt_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("GRACE_SECONDS", "MAX_STOPPING_SECONDS"):
        monkeypatch.setattr(process, limit, 600)  # without the second one this would take minutes
    with machine() as lua:
        run(lua, "return 1")

        def press_twice() -> None:
            wait_for_run(lua)
            for _ in range(2):
                threading.Event().wait(0.1)
                os.kill(os.getpid(), signal.SIGINT)

        presses = threading.Thread(target=press_twice)
        presses.start()
        error = failure(lua, "('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))").error
        presses.join()

        assert isinstance(error, errors.StoppedError)
        assert str(error) == (
            "Interrupted. Asked twice, so its process was ended: Lua's variables are gone; run what set them again."
        )
        assert values(lua, "return 1") == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the CPU time of another process")
def test_a_child_that_gets_no_processor_has_not_used_up_its_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.1)
    checks, is_over = [0], process.LimitWatch.is_over
    with machine() as lua:
        run(lua, "kept = 1")
        pid = lua.pid or 0

        class Interrupting(Answers):
            def write(self, stream: str, text: str) -> None:
                super().write(stream, text)
                if len(self.printed) == 1:
                    os.kill(pid, signal.SIGSTOP)
                    lua.interrupt()

        def counted(limits: process.LimitWatch, *, stopping: bool) -> bool:
            checks[0] += stopping
            if checks[0] == 10:  # they took twice the grace period
                os.kill(pid, signal.SIGCONT)
            return is_over(limits, stopping=stopping)

        monkeypatch.setattr(process.LimitWatch, "is_over", counted)
        error = failure(lua, "print('begun') io.stdout:flush() while true do end", Interrupting()).error

        assert str(error) == "Interrupted."
        assert (checks[0] >= 10, lua.pid, values(lua, "kept")) == (True, pid, [1])


def test_the_grace_period_counts_the_time_in_which_the_child_could_compute() -> None:
    def ends_after(cpu: float | None, elapsed: float, *, idle: bool) -> float:
        """Return the wall-clock seconds after which a child has had its grace period, if each check is like this."""
        grace, checks = GracePeriod(None if cpu is None else 0.0), 0
        while not grace.is_over:
            checks += 1
            grace.add(None if cpu is None else cpu * checks, elapsed, idle=idle)
        return round(checks * elapsed, 1)

    assert ends_after(0.025, 0.025, idle=False) == 0.5  # it computes all the time
    assert ends_after(0.0, 0.025, idle=True) == 0.5  # it sleeps, and does not answer
    assert ends_after(0.005, 0.025, idle=False) == 2.5  # it gets a fifth of a processor
    assert ends_after(0.0, 0.025, idle=False) == 5.0  # it gets none
    assert ends_after(0.001, 2.0, idle=True) == 22.0  # its parent gets none, and checks only every two seconds
    assert ends_after(None, 0.025, idle=True) == 1.5  # the platform cannot tell


def test_the_handler_of_interrupts_is_put_back(lua: Machine) -> None:
    before = signal.getsignal(signal.SIGINT)
    run(lua, "return 1")

    assert signal.getsignal(signal.SIGINT) is before


def test_a_child_that_dies_is_replaced_and_the_error_says_so() -> None:
    with machine() as lua:
        run(lua, "kept = 1")
        assert lua.pid is not None
        os.kill(lua.pid, signal.SIGKILL)
        error = failure(lua, "return kept").error

        assert isinstance(error, errors.LuaProcessError)
        assert "variables are gone" in str(error)
        assert values(lua, "return kept") == [None]


def test_closing_ends_a_run_that_is_on_in_another_thread() -> None:
    with machine() as lua:
        run(lua, "return 1")
        ended: list[Failure] = []
        runs = threading.Thread(target=lambda: ended.append(failure(lua, "while true do end")))
        runs.start()
        while not lua._running:
            threading.Event().wait(0.01)
        lua.close()
        runs.join(PATIENCE)

        assert [type(one.error) for one in ended] == [errors.LuaProcessError]


def test_an_interrupt_that_comes_too_late_for_its_run_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go, asked = threading.Event(), threading.Event(), StopReason.interrupt

    def late(ending: StopReason) -> None:
        reached.set()
        go.wait(PATIENCE)
        asked(ending)

    monkeypatch.setattr(StopReason, "interrupt", late)
    with machine() as lua:
        thread = threading.Thread(target=lua.interrupt)

        class First(Answers):
            def write(self, _stream: str, _text: str) -> None:
                if not thread.is_alive():
                    thread.start()
                assert reached.wait(PATIENCE)

        class Second(Answers):
            def read(self, _form: str) -> str:
                go.set()
                thread.join(PATIENCE)
                return "a line"

        run(lua, "print('first')", First())
        went_on = run(lua, "local line = io.read() for i = 1, 1e5 do kept = i end return line, kept", Second())

        assert not thread.is_alive()
        assert went_on.values == ["a line", 100_000]


def test_an_interrupt_while_a_run_is_expected_ends_it_before_it_begins() -> None:
    with machine() as lua:
        with lua.cancellable_start():
            lua.interrupt()
            error = failure(lua, "began = true").error

            assert isinstance(error, errors.StoppedError)
            assert values(lua, "return began, 1") == [None, 1]
        lua.interrupt()
        assert values(lua, "return 2") == [2]


def test_an_interrupt_between_runs_is_for_nobody() -> None:
    with machine() as lua:
        lua.interrupt()
        run(lua, "return 1")
        lua.interrupt()

        assert values(lua, "return 2") == [2]


@pytest.mark.parametrize("pause", [0.0, 0.002, 0.01, 0.03])
def test_an_interrupt_while_lua_starts_stops_the_run_and_not_the_process(pause: float) -> None:
    with machine() as lua:

        def press() -> None:
            wait_for_run(lua)
            threading.Event().wait(pause)
            os.kill(os.getpid(), signal.SIGINT)

        presses = threading.Thread(target=press)
        presses.start()
        error = failure(lua, "while true do end").error
        presses.join()

        assert isinstance(error, errors.StoppedError)


def test_closing_leaves_no_process_and_no_descriptor() -> None:
    me = psutil.Process()
    before = me.num_fds()
    with machine() as lua:
        run(lua, "return 1")
        pid = lua.pid

    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert me.num_fds() == before


# Questions of an editor ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "state"),
    [
        ("1 +", "incomplete"), ("for i = 1, 2 do", "incomplete"), ("f(", "incomplete"), ("[[x", "incomplete"),
        ("x = = 1", "invalid"), ("end", "invalid"), ("x = 1", "complete"), ("x", "complete"), ("", "complete"),
    ],
)  # fmt: skip
def test_a_chunk_is_complete_incomplete_or_invalid(lua: Machine, source: str, state: str) -> None:
    assert lua.ask("check", source)["state"] == state


def test_names_are_looked_up_without_effects(lua: Machine) -> None:
    run(
        lua,
        "touched = 0\nt = setmetatable({ a = 1 }, { __index = function() touched = touched + 1 end })\nlocal mine = t",
    )
    names = lua.ask("names", chain=["mine"])["names"]
    lua.ask("names", chain=["mine", "gone", "further"])

    assert names == {"a": "number"}
    assert values(lua, "touched") == [0]
    assert "list_dynos" in lua.ask("names", chain=["app", "integrations", "heroku"])["names"]


def test_a_function_of_the_script_is_found_with_its_source(lua: Machine) -> None:
    run(lua, "-- adds\nfunction add(a, b)\n  return a + b\nend")
    found = lua.ask("resolve", chain=["add"])

    assert (found["source"], found["line"]) == ("function add(a, b)\n  return a + b\nend", 2)
    assert lua.ask("resolve", chain=["app", "integrations", "heroku", "list_apps"])["function"] == "heroku.list_apps"
