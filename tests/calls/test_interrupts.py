"""Interrupts that come once Lua has ended: while values, tables and error texts are made, in both notebook doors.

Where the moment matters, the work itself is what sends the interrupt, so nothing depends on how fast it is.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kernel_client import Content, Kernel, python_running
from python_shell import MakeShell, run, shells, value
from run_with import run_with

from kosmo_kernel.calls import output as runs
from kosmo_kernel.calls.interruptible import Interruptible
from kosmo_kernel.errors import LuaError, StoppedError
from kosmo_kernel.kernel import notebook
from kosmo_kernel.kernel.channels import Channels, ConnectionFile, Request
from kosmo_kernel.kernel.notebook import KernelNotebook
from kosmo_kernel.kernel.protocol import INTERRUPT_RENDERING, LuaKernel
from kosmo_kernel.lua import values
from kosmo_kernel.notebook import cells
from kosmo_kernel.render import display, error_lines, frames, tables
from kosmo_kernel.safety.decoder import collector_paused
from kosmo_kernel.session import Session

Interrupt = Callable[[], object]


def by_signal() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def when_called(patch: pytest.MonkeyPatch, place: Any, name: str, interrupt: Interrupt) -> list[str]:
    """Have the first call of a function send an interrupt; the list has an entry once it was called."""
    called: list[str] = []
    before = getattr(place, name)

    def interrupting(*given: Any, **named: Any) -> Any:
        if not called:
            called.append(name)
            interrupt()
        return before(*given, **named)

    patch.setattr(place, name, interrupting)
    return called


# The block ---------------------------------------------------------------------------------------------


def test_an_interrupt_inside_the_block_ends_it_as_stopped() -> None:
    block = Interruptible()
    with pytest.raises(StoppedError, match=r"^Interrupted\.$"), block:
        block.interrupt()

    assert not block.is_open


def test_an_interrupt_outside_the_block_does_nothing() -> None:
    block = Interruptible()
    block.interrupt()
    with block:
        pass
    block.interrupt()


def test_a_block_in_another_thread_is_never_open() -> None:
    block, seen = Interruptible(), []

    def work() -> None:
        with block:
            seen.append(block.is_open)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [False]


def test_other_errors_pass_the_block_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), Interruptible():
        _ = 1 / 0


def test_a_block_that_was_interrupted_leaves_the_collector_as_it_was() -> None:
    block = Interruptible()

    def paused() -> None:
        with block:
            gc.disable()  # as where an interrupt comes between the end of a pause and what turns it on again
            block.interrupt()

    with pytest.raises(StoppedError):
        paused()
    assert gc.isenabled()

    gc.disable()
    try:
        with pytest.raises(StoppedError), block, collector_paused():
            block.interrupt()
        assert not gc.isenabled()
    finally:
        gc.enable()


# A session ---------------------------------------------------------------------------------------------


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    with Session() as one:
        one.run("kept = 'kept'")
        yield one


@pytest.mark.parametrize(
    ("place", "name", "lua"),
    [
        (values, "decode", "print('said') return { 1, 2 }"),
        (values, "would_change", "print('said') return { 1, 2 }"),
        (runs, "bundle_from", "print('said') display({ { a = 1 } }) while true do end"),
        (display, "bundle_of", "print('said') display({ a = 1 }) while true do end"),
        (tables.Table, "html", "print('said') display({ { a = 1 } }) while true do end"),
    ],
)
def test_a_session_stops_where_values_are_made_and_stays_usable(
    session: Session, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, lua: str
) -> None:
    pid, before = session.pid, signal.getsignal(signal.SIGINT)
    called = when_called(monkeypatch, place, name, by_signal)
    with pytest.raises(StoppedError) as caught:
        run_with(session, lua, number=1)

    assert called
    assert caught.value.result.output == "said\n"
    with pytest.raises(LuaError, match=r"Out\[1\] has no value that is kept"):
        session.run("return Out[1]")
    assert session.run("return kept").value == "kept"
    assert (session.pid, signal.getsignal(signal.SIGINT)) == (pid, before)


def test_an_interrupt_just_before_values_are_made_counts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    called = when_called(monkeypatch, Interruptible, "__enter__", by_signal)
    with pytest.raises(StoppedError):
        session.run("return { 1, 2 }")

    assert called
    assert session.run("return kept").value == "kept"


# The magic ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_shell() -> Iterator[MakeShell]:
    with shells() as make:
        yield make


RECORDS = "return { { a = 1, b = 'x' } }"


@pytest.mark.parametrize(
    ("place", "name", "lua"),
    [
        (values, "decode", RECORDS),
        (frames, "_array", RECORDS),
        (frames, "fields_of", RECORDS),
        (cells, "_prepare_for_display", "return { a = 1 }"),
    ],
)
def test_the_magic_stops_where_values_are_made_and_sets_no_variable(
    make_shell: MakeShell, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, lua: str
) -> None:
    shell = make_shell()
    value(shell, "%load_ext kosmo_kernel")
    value(shell, "%%kosmo_lua\nkept = 'kept'")
    called = when_called(monkeypatch, place, name, by_signal)
    result = run(shell, f"%%kosmo_lua -v found --show\n{lua}")

    assert called
    assert isinstance(result.error_in_exec, StoppedError)
    assert "found" not in shell.user_ns
    assert value(shell, "%kosmo_lua kept") == "kept"
    assert list(value(shell, f"%%kosmo_lua -v found --show\n{RECORDS}")["a"]) == [1]


# The Lua kernel ----------------------------------------------------------------------------------------


class Sent(list[tuple[str, Any]]):
    """The messages that a notebook sends.

    Attributes:
        before: called with the kind of each message before it is sent.
    """

    before: Callable[[str], object] | None = None

    def send(self, kind: str, content: Any) -> None:
        if self.before:
            self.before(kind)
        self.append((kind, content))


@pytest.fixture
def lua_kernel(session: Session, tmp_path: Path) -> Iterator[tuple[LuaKernel, Sent]]:
    """Yield a Lua kernel in this process with a cell at work, and what its notebook sends."""
    channels = Channels(ConnectionFile.read(tmp_path / "connection.json"))
    kernel, sent = LuaKernel(channels), Sent()
    kernel._notebook = KernelNotebook(session, sent.send, lambda *_: None, kernel._is_stopped)
    begin_cell(kernel)
    handlers = {
        signal.SIGINT: lambda *_: kernel.interrupt(),
        INTERRUPT_RENDERING: lambda *_: kernel.interrupt_rendering(),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield kernel, sent
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        kernel._over.close()
        channels.close()


def begin_cell(kernel: LuaKernel) -> None:
    kernel._cell = Request(kind="execute_request")


def executed(kernel: LuaKernel, code: str) -> Content:
    """Return the reply to a cell."""
    return kernel.notebook.execute({"code": code}, 1, stored=True)


def in_another_thread(work: Interrupt) -> Interrupt:
    """As an interrupt request comes: in the thread of the control channel."""

    def interrupt() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    return interrupt


@pytest.mark.parametrize("way", ["a signal", "a message"])
@pytest.mark.parametrize(
    ("work", "lua"),
    [
        ((values, "decode"), RECORDS),
        ((display, "bundle_of"), RECORDS),
        ((tables, "format_column"), RECORDS),
        ((tables.Table, "html"), RECORDS),
        ((display, "outline"), "return { a = { b = 1 } }"),
        ((tables.Table, "html"), "display({ { a = 1 } }) while true do end"),
        ((notebook, "error_content"), "error('no')"),
        ((error_lines, "error_lines"), "error('no')"),
    ],
)
def test_the_lua_kernel_stops_where_values_and_errors_are_made(
    lua_kernel: tuple[LuaKernel, Sent],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    work: tuple[Any, str],
    lua: str,
) -> None:
    kernel, sent = lua_kernel
    interrupt = by_signal if way == "a signal" else in_another_thread(kernel.interrupt)
    called = when_called(monkeypatch, *work, interrupt)
    reply = executed(kernel, lua)

    assert called
    assert (reply["status"], reply["ename"], reply["evalue"]) == ("error", "StoppedError", "Interrupted.")
    assert [(kind, content["ename"]) for kind, content in sent] == [("error", "StoppedError")]

    begin_cell(kernel)
    sent.clear()
    assert executed(kernel, "return kept")["status"] == "ok"
    assert [content["data"]["text/plain"] for _, content in sent] == ["kept"]


def test_an_interrupt_while_the_lua_kernel_sends_ends_no_message(
    lua_kernel: tuple[LuaKernel, Sent],
) -> None:
    kernel, sent = lua_kernel
    sends = [in_another_thread(kernel.interrupt), by_signal]

    sent.before = lambda _kind: [interrupt() for interrupt in sends]
    executed(kernel, "return 1")

    assert [kind for kind, _ in sent] == ["execute_result"]


def test_an_interrupt_that_was_meant_for_a_cell_before_does_not_end_what_this_one_shows(
    lua_kernel: tuple[LuaKernel, Sent], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, sent = lua_kernel
    kernel.interrupt()
    begin_cell(kernel)
    when_called(
        monkeypatch, display, "bundle_of", lambda: os.kill(os.getpid(), INTERRUPT_RENDERING)
    )  # which comes late
    executed(kernel, RECORDS)

    assert [kind for kind, _ in sent] == ["execute_result"]


def test_an_error_of_a_stopped_script_keeps_its_place(
    lua_kernel: tuple[LuaKernel, Sent],
) -> None:
    kernel, sent = lua_kernel
    sent.before = lambda kind: kernel.interrupt() if kind == "stream" else None
    reply = executed(kernel, "print('on') io.stdout:flush()\nwhile true do end")

    assert reply["ename"] == "StoppedError"
    assert any("while true" in line for line in reply["traceback"])


# Kernel processes --------------------------------------------------------------------------------------

# What Lua does in many short steps keeps the kernel busy for long: tables while it runs, and more of them at its end.
LARGE = """
local rows = {}
for i = 1, 100 do
  local row = {}
  for j = 1, 100 do row["column_" .. j] = "a text that is longer than its column " .. i end
  rows[i] = row
end
print('on') io.stdout:flush()
for _ = 1, 5 do display(rows) end
return rows, rows, rows
"""


@pytest.fixture(scope="module")
def python_kernel() -> Iterator[Kernel]:
    with python_running() as kernel:
        yield kernel


@pytest.mark.usefixtures("kernel_list")
def test_an_interrupt_ends_a_large_table_in_the_lua_kernel(kernel: Kernel) -> None:
    kernel.run("kept = 'kept'")
    request = kernel.started(LARGE)
    kernel.manager.interrupt_kernel()

    assert kernel.reply(request)["ename"] == "StoppedError"
    assert kernel.value("kept") == "kept"


def test_an_interrupt_ends_a_large_table_in_the_magic(python_kernel: Kernel) -> None:
    python_kernel.run("%%kosmo_lua\nkept = 'kept'")
    # With `stop_on_error`, ipykernel may still be aborting requests when the next one comes.
    request = python_kernel.started(f"%%kosmo_lua{LARGE}", stop_on_error=False)
    python_kernel.manager.interrupt_kernel()

    assert python_kernel.reply(request)["ename"] in {"StoppedError", "KeyboardInterrupt"}
    assert python_kernel.value("%kosmo_lua kept") == "'kept'"


def test_a_stopped_cell_is_what_the_command_error_tells_of(
    make_shell: MakeShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = make_shell()
    value(shell, "%load_ext kosmo_kernel")
    when_called(monkeypatch, frames, "_array", by_signal)
    error = run(shell, f"%%kosmo_lua\n{RECORDS}").error_in_exec

    assert isinstance(error, StoppedError)
    assert "Interrupted." in str(value(shell, "%kosmo error"))
