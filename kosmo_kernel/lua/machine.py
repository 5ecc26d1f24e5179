"""Running Lua in a process of its own, under limits that hold from outside as well.

`Machine.run` sends a chunk to the child and then answers its questions (a call, a column, a page) until the
child says how it ended. Every wait has a deadline. An interrupt, or the end of the time allowed, is first asked
of the child, where it stops the script and leaves Lua's variables as they are; a child that has not answered a
grace period later is killed, and a fresh one takes its place. The next run always works.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel.errors import (
    KosmoError,
    LimitError,
    LuaProcessError,
    LuaRuntimeError,
    LuaSyntaxError,
    StoppedError,
)
from kosmo_kernel.limits import Limits
from kosmo_kernel.lua import wire
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.lua.values import Handles
from kosmo_kernel.records import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kosmo_kernel.catalogue import Function

GRACE = 0.5  # seconds that a child has to answer an interrupt before it is killed
LOOK = 0.25  # seconds between two looks at the child's clock while it runs
GONE = "Lua's variables are gone; run the cells above again."


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call that a script makes: the function's full name, the account named in the path, the arguments."""

    path: str
    account: str | None
    named: dict[str, Any] | None
    positional: list[Any]
    line: int | None


class Host(Protocol):
    """Who answers what a script asks. Whatever these raise as a KosmoError becomes an error in Lua."""

    def call(self, request: CallRequest) -> list[Any]:
        """Make a call; the values it returns to Lua."""

    def space(self, integration: str | None, key: str) -> str:
        """The account that `key` names in an integration's namespace."""

    def docs(self, verb: str, page: str) -> str:
        """A page of the reference: `read`, `list` or `search`."""

    def output(self, stream: str, text: str) -> None:
        """The script printed."""

    def failed(self, error: KosmoError) -> None:
        """One of the answers was this error; the script may catch it or end in it."""

    def input(self, form: str) -> str | None:
        """What `io.read` gets: `l`, `L` or `a`; None at the end."""


@dataclass(slots=True)
class Outcome:
    """How a run ended well: what it returned, whether the value is to be hidden, bytes of Lua heap."""

    values: list[Any]
    hidden: bool
    memory: int


@dataclass(slots=True)
class Failure(Exception):  # noqa: N818 - the error is what it carries
    """How a run ended badly, as the child tells it. `error` is for people; `stack` is innermost first."""

    error: KosmoError
    facts: dict[str, Any] | None = None
    line: int | None = None
    stack: list[dict[str, Any]] = field(default_factory=list)


class Machine:
    """A Lua state in a process of its own.

    Parameters:
        functions: of the catalogue, by full name.
        surface: what `app` holds, as JSON values (see `surface.surface`).
    """

    def __init__(self, functions: Mapping[str, Function], surface: Callable[[], list[dict[str, Any]]]) -> None:
        self._functions = functions
        self._surface = surface
        self._handles = Handles(functions)
        self._child: LuaProcess | None = None
        self._lock = threading.RLock()
        self._stop: str | None = None  # why the run in progress must end
        self._stop_by = 0.0  # when the child is killed if it has not ended it
        self._calling = False
        self._owner: int | None = None  # the main thread, while it runs a script and interrupts are ours
        self._closed = False

    # The child ---------------------------------------------------------------------------------------

    def start(self) -> LuaProcess:
        """Start a child if there is none; does not wait for it to be ready. One that died is the next run's to tell."""
        with self._lock:
            if self._closed:
                raise LuaProcessError("this session is closed")
            if self._child is None:
                self._handles = Handles(self._functions)
                self._child = LuaProcess()
                self._child.write(wire.pack({"kind": "spaces"}, [encode(self._surface())]))
                self._greeted = False
            return self._child

    @property
    def pid(self) -> int | None:
        """The child's process id, or None when none runs."""
        return self._child.pid if self._child else None

    def reset(self) -> None:
        """Forget all Lua variables: a fresh child."""
        with self._lock:
            self._drop()
            self.start()

    def close(self) -> None:
        """End the child for good."""
        with self._lock:
            self._closed = True
            self._drop()

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child:
            child.close()

    def _replace(self, child: LuaProcess) -> None:
        """The child is dead or must die: have a fresh one ready before anybody asks."""
        child.close()
        if self._child is child:
            self._child = None
        if not self._closed:
            self.start()

    # Asking the child --------------------------------------------------------------------------------

    def run(self, source: str, *, name: str, args: tuple[str, ...], limits: Limits, host: Host) -> Outcome:
        """Run a chunk.

        Raises:
            Failure: the script failed, was stopped, or ended its process.
        """
        header = {
            "kind": "run",
            "name": name,
            "args": list(args),
            "cpu_limit": limits.cpu,
            "memory_limit": limits.memory,
        }
        with self._lock, self._interruptible():
            reply, blobs = self._converse(wire.pack(header, [source.encode(errors="replace")]), host, limits)
            if reply["kind"] != "done":
                raise self._failure(reply, limits)
            try:
                values = [self._handles.value(one, blobs) for one in reply["values"]]
            finally:
                self._release(reply)
            return Outcome(values, bool(reply["hidden"]), reply["memory"])

    def ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        """Ask the child something that runs no script: `check`, `names` or `resolve`."""
        with self._lock:
            reply, _ = self._converse(wire.pack({"kind": kind, **header}, [source.encode()]), None, Limits(timeout=5.0))
            return reply

    def interrupt(self) -> None:
        """Stop the run in progress; from any thread or a signal handler. A second time kills at once."""
        child = self._child
        if child is None:
            return
        self._stop_by = 0.0 if self._stop else time.monotonic() + GRACE
        self._stop = self._stop or "interrupted"
        child.interrupt()
        child.wake()
        if self._calling and self._owner is not None and threading.get_ident() != self._owner:
            # Only a signal ends the wait of a request; Python runs its handler, ours, in the main thread.
            signal.pthread_kill(self._owner, signal.SIGINT)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Take over Ctrl-C while a script runs, so that it never cuts a frame in half.

        It raises only where a call is being answered (a request on the network), and there it must.
        """
        self._stop = None
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_signal(*_signal: object) -> None:
            if not (self._calling and self._stop):
                self.interrupt()
            if self._calling:
                raise KeyboardInterrupt

        previous = signal.signal(signal.SIGINT, on_signal)
        self._owner = threading.get_ident()
        try:
            yield
        finally:
            self._owner = None
            signal.signal(signal.SIGINT, previous)
            self._stop = None

    def _converse(self, payload: bytes, host: Host | None, limits: Limits) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request, answer what the child asks, and return its last word."""
        child = self.start()
        deadline = time.monotonic() + limits.timeout if limits.timeout else None
        try:
            child.check()
            if not self._greeted:
                self._wait(child, None, Limits(timeout=30.0), time.monotonic() + 30.0)  # its start, once
                self._greeted = True
            cpu_at_start = child.cpu_seconds()
            child.write(payload)
            while True:
                header, blobs = self._wait(child, cpu_at_start, limits, deadline)
                kind = header["kind"]
                if kind == "output":
                    if host:
                        host.output(header["stream"], blobs[0].decode(errors="replace"))
                elif kind in _QUESTIONS:
                    child.write(self._answer(kind, header, blobs, host))
                    self._release(header)
                else:
                    return header, blobs
        except LuaProcessError as error:
            self._replace(child)
            raise Failure(error) from None
        except BaseException:
            # Something that is no answer came out of answering: the child still waits for one, so it cannot go on.
            self._replace(child)
            raise

    def _release(self, header: dict[str, Any]) -> None:
        """Let go of lists that Lua dropped; a message may still name them, so its values are looked up first."""
        if released := header.get("released"):
            self._handles.release(released)

    def _wait(
        self, child: LuaProcess, cpu_at_start: float | None, limits: Limits, deadline: float | None
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The child's next message, or the end of its life when it does not come in time."""
        while True:
            payload = child.read(LOOK if self._stop is None else GRACE / 10)
            if payload is not None:
                try:
                    return wire.unpack(payload)
                except ValueError as error:
                    raise LuaProcessError(f"the Lua process sent nonsense: {error}. {GONE}") from error
            now = time.monotonic()
            if self._stop is None and deadline is not None and now > deadline:
                self._stop, self._stop_by = "timeout", now + GRACE
            if self._stop is None and cpu_at_start is not None:
                used = child.cpu_seconds()
                if used is not None and used - cpu_at_start > limits.cpu + GRACE:
                    self._stop, self._stop_by = "cpu_limit", now
            if self._stop is not None:
                if now >= self._stop_by:
                    self._replace(child)
                    raise Failure(
                        _stopped(
                            self._stop, limits, f" It was stuck in one long step, so its process was ended: {GONE}"
                        )
                    )
                child.interrupt()  # again: a signal that came before the script had started was for nobody

    # Answering the child -----------------------------------------------------------------------------

    def _answer(self, kind: str, header: dict[str, Any], blobs: list[bytes], host: Host | None) -> bytes:
        if self._stop is not None:
            return self._told_to_stop()
        try:
            self._calling = True
            try:
                reply, texts = getattr(self, f"_on_{kind}")(header, blobs, host)
            finally:
                self._calling = False
        except KeyboardInterrupt:
            if self._stop is None:
                self._stop, self._stop_by = "interrupted", time.monotonic() + GRACE
            return self._told_to_stop()
        except KosmoError as error:
            if isinstance(error, LuaProcessError) or host is None:
                raise
            host.failed(error)
            return wire.pack({"error": error.facts()})
        return wire.pack(reply, texts)

    def _told_to_stop(self) -> bytes:
        return wire.pack({"stop": self._stop, "message": self._stop})

    def _on_call(self, header: dict[str, Any], blobs: list[bytes], host: Host) -> tuple[dict[str, Any], list[bytes]]:
        values = [(one.get("name", ""), self._handles.value(one, blobs)) for one in header["arguments"]]
        named = bool(header.get("named"))
        request = CallRequest(
            path=header["path"],
            account=header.get("account"),
            named=dict(values) if named else None,
            positional=[] if named else [value for _, value in values],
            line=header.get("line"),
        )
        return self._handles.answer(host.call(request))

    def _on_column(self, header: dict[str, Any], _blobs: object, _host: object) -> tuple[dict[str, Any], list[bytes]]:
        return self._handles.column(header["handle"], header["path"])

    def _on_rows(self, header: dict[str, Any], _blobs: object, _host: object) -> tuple[dict[str, Any], list[bytes]]:
        return self._handles.rows(header["handle"], header["first"], header["count"])

    def _on_docs(self, header: dict[str, Any], _blobs: object, host: Host) -> tuple[dict[str, Any], list[bytes]]:
        return self._handles.answer([host.docs(header["verb"], header["page"])])

    def _on_space(self, header: dict[str, Any], _blobs: object, host: Host) -> tuple[dict[str, Any], list[bytes]]:
        return {"account": host.space(header.get("integration"), header["key"])}, []

    def _on_input(self, header: dict[str, Any], _blobs: object, host: Host) -> tuple[dict[str, Any], list[bytes]]:
        line = host.input(header["format"])
        return ({"ended": True}, []) if line is None else ({}, [line.encode()])

    # Endings -----------------------------------------------------------------------------------------

    def _failure(self, reply: dict[str, Any], limits: Limits) -> Failure:
        message, stack, line = (
            reply.get("message", ""),
            list(reply["stack"]) if "stack" in reply else [],
            reply.get("line"),
        )
        kind = reply["type"]
        if kind == "lua_syntax":
            error = LuaSyntaxError(message)
            error.incomplete = bool(reply.get("incomplete"))
            return Failure(error)
        if kind == "lua_runtime":
            return Failure(LuaRuntimeError(message), reply.get("facts"), line, stack)
        if kind == "interrupted" and self._stop == "timeout":
            kind = "timeout"
        return Failure(_stopped(kind, limits), None, line, stack)


_QUESTIONS = {"call", "column", "rows", "docs", "space", "input"}


def _stopped(why: str, limits: Limits, addition: str = "") -> KosmoError:
    """The error for a run that was ended before its time."""
    if why == "interrupted":
        return StoppedError(f"Interrupted.{addition}")
    used = {
        "cpu_limit": f"more than {limits.cpu:g} s of its own running time (cpu_limit)",
        "memory_limit": f"more than {limits.memory:,} bytes of memory (memory_limit)",
        "timeout": f"more than {limits.timeout or 0:g} s (timeout)",
    }[why]
    return LimitError(f"The script used {used}.{addition}", limit=why)
