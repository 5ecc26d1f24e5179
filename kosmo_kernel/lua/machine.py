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
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import KosmoError, LuaProcessError
from kosmo_kernel.limits import Limits
from kosmo_kernel.lua import wire
from kosmo_kernel.lua.host import GONE, MEANWHILE, CallRequest, Failure, Host, Outcome, heard, meanwhile, stopped, told
from kosmo_kernel.lua.patterns import Patterns
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.lua.values import Handles
from kosmo_kernel.lua.watch import GRACE, Watch
from kosmo_kernel.records import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kosmo_kernel.catalogue import Function
    from kosmo_kernel.lua.walls import Wall

ASK_MOST = 5.0  # seconds for a question that runs no script
ANSWERS = {"check": "state", "names": "names", "resolve": "kind"}  # what the answer to a question has


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
        self._patterns = Patterns()
        self._child: LuaProcess | None = None
        self._lock = threading.RLock()
        self._stop: str | None = None  # why the run in progress must end
        self._stop_by = 0.0  # when the child is killed if it has not ended it
        self._calling = False
        self._owner: int | None = None  # the main thread, while it runs a script and interrupts are ours
        self._running = False
        self._greeted = False  # the child has told that it is ready
        self.standing: tuple[Wall, ...] = ()  # what it told with that: its walls; empty before
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
        self._closed = True
        child = self._child
        if not self._lock.acquire(blocking=False):
            if child:
                child.kill()  # a run is on in another thread, and ends with its child
            self._lock.acquire()
        try:
            self._drop()
            self._patterns.close()
        finally:
            self._lock.release()

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
            "call_limit": limits.calls,
            "result_limit": limits.result,
        }
        self._running = True
        with self._lock, self._interruptible(), self._in_time(limits):
            self._patterns.begin(limits.cpu)
            reply, blobs = self._converse(wire.pack(header, [source.encode(errors="replace")]), host, limits)
            try:
                with heard():
                    if reply["kind"] != "done":
                        raise self._failure(reply, limits)
                    values = [self._handles.value(one, blobs, host.redact) for one in reply["values"]]
                    self._release(reply)
                    return Outcome(values, bool(reply["hidden"]), int(reply["memory"]))
            except LuaProcessError as error:
                self._drop()
                self.start()
                raise Failure(error) from None

    def ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        """Ask the child something that runs no script: `check`, `names` or `resolve`.

        Raises:
            Failure: it did not answer in time, or not to the point.
        """
        limits = Limits(timeout=ASK_MOST)
        request = wire.pack({"kind": kind, **header}, [source.encode(errors="replace")])
        with self._lock:
            try:
                with self._in_time(limits):
                    reply, _ = self._converse(request, None, limits)
            finally:
                self._stop = None
            self._release(reply)
            if not isinstance(reply.get(ANSWERS[kind]), (str, dict)):
                self.reset()
                raise Failure(LuaProcessError(f"The Lua process gave no answer to the point, and was ended: {GONE}"))
            return reply

    def walls(self) -> tuple[Wall, ...]:
        """The walls around the child, which is started if there is none; waits until it is ready.

        Raises:
            Failure: it did not become ready.
        """
        with self._lock:
            if self._child is None or not self._greeted:
                self.ask("check")
            return self.standing

    def interrupt(self) -> None:
        """Stop the run in progress; from any thread or a signal handler. A second time kills at once."""
        if not self._running:
            return
        self._stop_by = 0.0 if self._stop else time.monotonic() + GRACE
        self._stop = self._stop or "interrupted"
        self._rouse()

    def _expire(self) -> None:
        """The time by the wall clock is over."""
        if self._stop is None:
            self._stop_by, self._stop = time.monotonic() + GRACE, "timeout"
            self._rouse()

    def _rouse(self) -> None:
        """Have the child, and whoever waits for it or for an answer to it, look at why the run must end."""
        child = self._child
        if child is None:
            return
        if self._greeted:  # before its handler stands, the signal would end it
            child.interrupt()
        child.wake()
        if self._calling and self._owner is not None and threading.get_ident() != self._owner:
            # Only a signal ends the wait of a request; Python runs its handler, ours, in the main thread.
            signal.pthread_kill(self._owner, signal.SIGINT)

    @contextmanager
    def _in_time(self, limits: Limits) -> Iterator[None]:
        """Keep the limit by the wall clock, whatever the run waits for."""
        if limits.timeout is None:
            yield
            return
        keeper = threading.Timer(limits.timeout, self._expire)
        keeper.daemon = True
        keeper.start()
        try:
            yield
        finally:
            keeper.cancel()
            keeper.join()  # an expiry that is under way must not meet the next run

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Take over Ctrl-C while a script runs, so that it never cuts a frame in half.

        It raises only where a call is being answered (a request on the network), and there it must.
        """
        if threading.current_thread() is not threading.main_thread():
            try:
                yield
            finally:
                self._stop, self._running = None, False
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
            self._stop, self._running = None, False

    def _converse(self, payload: bytes, host: Host | None, limits: Limits) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request, answer what the child asks, and return its last word."""
        child = self.start()
        try:
            child.check()
            if not self._greeted:
                _, blobs = self._wait(child, Watch(child, Limits(), GONE))  # for its start, once
                self.standing, self._greeted = child.standing(b"".join(blobs)), True
            child.allow(limits.memory, limits.cpu)
            watch = Watch(child, limits, GONE)
            child.write(payload)
            while True:
                header, blobs = self._wait(child, watch)
                kind = str(header.get("kind"))
                if kind in MEANWHILE:
                    if host:
                        with heard():
                            pass_on = meanwhile(header, blobs, self._handles)
                        pass_on(host)
                elif kind in _QUESTIONS:
                    child.write(self._answer(kind, header, blobs, host))
                    self._release(header)
                else:
                    return header, blobs
        except LuaProcessError as error:
            self._replace(child)
            if self._stop is not None:  # it was to end anyway
                raise Failure(stopped(self._stop, limits, f" {GONE}")) from None
            raise Failure(error) from None
        except BaseException:
            # Something that is no answer came out of answering: the child still waits for one, so it cannot go on.
            self._replace(child)
            raise

    def _release(self, header: dict[str, Any]) -> None:
        """Let go of lists that Lua dropped; a message may still name them, so its values are looked up first."""
        if released := header.get("released"):
            with heard():
                self._handles.release(released)

    def _wait(self, child: LuaProcess, watch: Watch) -> tuple[dict[str, Any], list[bytes]]:
        """The child's next message, or the end of its life when it does not come in time, or too many do."""
        while True:
            seconds = watch.seconds(stopping=self._stop is not None)
            payload = child.read(seconds) if seconds else None
            if payload is not None:
                with heard():
                    return wire.unpack(payload)
            if watch.is_over() and self._stop is None:
                self._stop, self._stop_by = "cpu_limit", time.monotonic()
            if self._stop is not None:
                if time.monotonic() >= self._stop_by:
                    why = f" It was stuck in one long step, so its process was ended: {GONE}"
                    raise Failure(stopped(self._stop, watch.limits, why))
                if self._greeted:
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
        with heard():
            values = [(str(one.get("name", "")), self._handles.value(one, blobs)) for one in header["arguments"]]
            named = bool(header.get("named"))
            request = CallRequest(
                path=str(header["path"]),
                account=str(header["account"]) if header.get("account") else None,
                named=dict(values) if named else None,
                positional=[] if named else [value for _, value in values],
                line=header.get("line"),
            )
        return self._handles.answer(host.call(request))

    def _on_column(self, header: dict[str, Any], _blobs: object, _host: object) -> tuple[dict[str, Any], list[bytes]]:
        with heard():
            return self._handles.column(header["handle"], header["path"])

    def _on_rows(self, header: dict[str, Any], _blobs: object, _host: object) -> tuple[dict[str, Any], list[bytes]]:
        with heard():
            return self._handles.rows(header["handle"], int(header["first"]), int(header["count"]))

    def _on_docs(self, header: dict[str, Any], _blobs: object, host: Host) -> tuple[dict[str, Any], list[bytes]]:
        return self._handles.answer([host.docs(str(header.get("verb")), str(header.get("page")))])

    def _on_space(self, header: dict[str, Any], _blobs: object, host: Host) -> tuple[dict[str, Any], list[bytes]]:
        integration = header.get("integration")
        return {"account": host.space(None if integration is None else str(integration), str(header.get("key")))}, []

    def _on_input(self, header: dict[str, Any], _blobs: object, host: Host) -> tuple[dict[str, Any], list[bytes]]:
        line = host.input(str(header.get("format")))
        return ({"ended": True}, []) if line is None else ({}, [line.encode()])

    def _on_regex(self, header: dict[str, Any], blobs: list[bytes], _: object) -> tuple[dict[str, Any], list[bytes]]:
        with heard():
            asked = {"verb": str(header["verb"]), "flags": str(header["flags"]), "limit": int(header.get("limit", -1))}
        return self._patterns.ask(asked, blobs, lambda: self._stop)

    # Endings -----------------------------------------------------------------------------------------

    def _failure(self, reply: dict[str, Any], limits: Limits) -> Failure:
        """How the child says that a run failed."""
        if reply["type"] == "interrupted" and self._stop == "timeout":
            reply["type"] = "timeout"
        addition = ""
        if reply.get("full"):
            self.reset()
            addition = f" What it left behind filled most of the memory and was dropped: {GONE}"
        return told(reply, limits, addition)


_QUESTIONS = {"call", "column", "rows", "docs", "space", "input", "regex"}
