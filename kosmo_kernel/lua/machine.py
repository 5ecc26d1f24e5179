"""Running Lua in a process of its own, under limits that hold from outside as well.

`Machine.run` sends a chunk to the child and then answers its questions (see `request_handler.py`) until the
child says how it ended. Every wait has a deadline. An interrupt, or the end of the time allowed, is first asked
of the child, where it stops the script and leaves Lua's variables as they are; a child that has not answered a
grace period later is killed, and a fresh one takes its place. The next run always works.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import LimitError, LuaProcessError, StoppedError, TryLaterError
from kosmo_kernel.lua import messages
from kosmo_kernel.lua.host import (
    HOST_CPU,
    VARIABLES_LOST,
    Failure,
    Host,
    Outcome,
    failure_from_reply,
    guard_child_message,
    stopped,
)
from kosmo_kernel.lua.interrupts import Interruptible
from kosmo_kernel.lua.patterns import Patterns
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.lua.request_handler import EVENTS, OUTPUT_BATCH_SECONDS, REQUESTS, RequestHandler
from kosmo_kernel.lua.values import RemoteLists
from kosmo_kernel.lua.walls import Wall
from kosmo_kernel.lua.watch import GRACE_SECONDS, LimitWatch, StopReason
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.values.records import encode

MAX_REQUEST_SECONDS = 5.0  # seconds for a question that runs no script
ANSWERS: dict[str, tuple[str, type]] = {  # what the answer to a question has, and of which type
    "check": ("state", str),
    "names": ("names", dict),
    "resolve": ("kind", str),
    "sweep": ("done", str),
    "variables": ("variables", dict),
}


class Machine:
    """A Lua state in a process of its own.

    Parameters:
        functions: gives those of the catalogue, by full name.
        surface: gives what `app` holds at first, as JSON values (see `surface.surface`).
    """

    def __init__(
        self, functions: Callable[[], Mapping[str, Function]], surface: Callable[[], list[dict[str, Any]]]
    ) -> None:
        self._functions = functions
        self._surface = surface
        self._handles = RemoteLists({})
        self._patterns = Patterns()
        self._child: LuaProcess | None = None
        self._lock = threading.RLock()
        self._ending = (
            StopReason()
        )  # of the run in progress, or of the next: each has its own, so none ends for another
        self._reading = False  # input is waited for
        self._until: float | None = None  # when a question that runs no script must be answered
        self._owner: int | None = None  # the main thread, while it runs a script and interrupts are ours
        self._running = self._closed = False
        self._coming: StopReason | None = None  # of a run that is about to begin: why it must not
        self._greeted = False  # the child has told that it is ready
        self.walls_found: tuple[Wall, ...] = ()  # what it told with that: its walls; empty before
        self.interruptible = Interruptible()  # what is made of values once they are there

    # The child ---------------------------------------------------------------------------------------

    def start(self) -> LuaProcess:
        """Start a child if there is none; does not wait for it to be ready. One that died is the next run's to tell."""
        with self._lock:
            if self._closed:
                raise LuaProcessError("this session is closed")
            if self._child is None:
                self._handles = RemoteLists(self._functions())
                self._child = LuaProcess()
                self._child.write(messages.pack({"kind": "spaces"}, [encode(self._surface())]))
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
        self._closed = self._ending.closed = True
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

    def run(
        self,
        source: str,
        *,
        name: str,
        args: tuple[str, ...],
        limits: Limits,
        host: Host,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] = (),
        numbered: bool = False,
        dry_run: bool = False,
    ) -> Outcome:
        """Run a chunk, with globals set before it, and with variables read after it.

        That of a numbered cell makes `_` and `Out` what they are. A dry run changes none for those that are not.

        Raises:
            Failure: the script failed, was stopped, or ended its process.
        """
        may_use = {"cpu_limit": limits.cpu, "memory_limit": limits.memory, "result_limit": limits.result}
        header: dict[str, Any] = {"kind": "run", "name": name} | may_use
        rare = {"args": args, "outputs": outputs, "numbered": numbered, "dry_run": dry_run}
        header |= {key: value for key, value in rare.items() if value}  # Lua reads what it is told letter by letter
        texts = [source.encode(errors="replace")]
        self._running = True
        with self._lock, self._interruptible(), self._in_time(limits):
            if self._coming and self._coming.why:
                self._coming = StopReason()
                raise Failure(stopped("interrupted", limits))
            self._patterns.begin(limits.cpu)
            self.start()  # a fresh child refers to no lists
            if inputs and self._handles.crowded:
                self._ask("sweep")
            if inputs:
                header["inputs"] = self._handles.inputs(inputs, texts, limits.result)
            answering = RequestHandler(host, limits, self._ending, self._handles, self._patterns)
            answering.interruptible = self.interruptible
            try:
                reply, blobs = self._converse(messages.pack(header, texts), answering, limits)
            finally:
                answering.let_go(whole=True)
            try:
                with guard_child_message():
                    if reply["kind"] != "done":
                        raise self._failure(reply, limits)
                    try:
                        with self.interruptible:
                            if self._ending.why == "interrupted":  # just before that
                                raise StoppedError("Interrupted.")
                            room = answering.budget.room()
                            return self._handles.outcome(reply, blobs, room, outputs, host.redact)
                    finally:
                        self._release(reply)
            except (LimitError, LuaProcessError, StoppedError) as error:
                if isinstance(error, LuaProcessError):
                    self.reset()
                raise Failure(error) from None

    def ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        """Ask the child something that runs no script: `check`, `names` or `resolve`.

        Raises:
            Failure: a script runs; or it did not answer in time, or not to the point.
        """
        if self._running:
            raise Failure(TryLaterError("Lua is running a script, and answers when that is done."))
        return self._ask(kind, source, **header)

    def _ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        request = messages.pack({"kind": kind, **header}, [source.encode(errors="replace")])
        with self._lock:
            self._until = (
                time.monotonic() + MAX_REQUEST_SECONDS
            )  # nothing but the child is waited for, which needs no timer
            try:
                reply, _ = self._converse(request, None, Limits(timeout=MAX_REQUEST_SECONDS))
            finally:
                self._until = None
                if kind != "sweep" and self._ending.why != "interrupted":  # else it is a run's
                    self._ending.why = None
            self._release(reply)
            field, wanted = ANSWERS[kind]
            if not isinstance(reply.get(field), wanted):
                self.reset()
                raise Failure(
                    LuaProcessError(f"The Lua process gave no answer to the point, and was ended: {VARIABLES_LOST}")
                )
            return reply

    def walls(self) -> tuple[Wall, ...]:
        """The walls around the child, which is started if there is none; waits until it is ready.

        Raises:
            Failure: it did not become ready.
        """
        with self._lock:
            if self._child is None or not self._greeted:
                self.ask("check")
            return self.walls_found

    def interrupt(self) -> None:
        """Stop the run in progress, or the one expected; from any thread or a signal handler. A second time kills."""
        ending, coming = self._ending, self._coming  # that run's: when they are asked, the next may have begun
        if coming and not self._running:
            coming.interrupt()
        if self._running:  # still: else it may have looked before that
            ending.interrupt()
            if ending is self._ending:
                self._wake_reader()

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Have an interrupt count from now on: it ends the next run before that begins."""
        self._coming = StopReason()
        try:
            yield
        finally:
            self._coming = None

    @property
    def ending(self) -> bool:
        """Whether the run in progress is to end, so that nobody waits for anything any more."""
        return self._closed or self._ending.why is not None

    def _expire(self, limit: str = "timeout") -> None:
        """The time by the wall clock is over, or another limit was passed."""
        if self._ending.why is None:
            self._ending.request(limit, GRACE_SECONDS)
            self._wake_reader()

    def _wake_reader(self) -> None:
        """Have the child, and whoever waits for it, look at why the run must end. Who waits for a call looks anyway."""
        if (child := self._child) is None:
            return
        if self._greeted:  # before its handler stands, the signal would end it
            child.interrupt()
        child.wake()
        if self._reading and self._owner is not None and threading.get_ident() != self._owner:
            # Only a signal ends the wait for input; Python runs its handler, ours, in the main thread.
            signal.pthread_kill(self._owner, signal.SIGINT)

    def ask_user(self, ask: Callable[[str], str | None] | None, question: str) -> str | None:
        """Have the host ask somebody something in the midst of a run; None where there is nobody.

        Raises:
            KeyboardInterrupt: the run was interrupted, or its time is over.
        """
        self._reading = True
        try:
            return ask(question) if ask else None
        finally:
            self._reading = False

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
        """Take over Ctrl-C while a script runs: it raises at input and while values are made, never in a frame."""

        def on_signal(*_signal: object) -> None:
            self.interruptible.interrupt()
            if not (self._reading and self._ending.why):
                self.interrupt()
            if self._reading:
                raise KeyboardInterrupt

        self._owner = threading.get_ident() if threading.current_thread() is threading.main_thread() else None
        previous = signal.signal(signal.SIGINT, on_signal) if self._owner else None
        try:
            yield
        finally:
            self._owner = None
            if previous is not None:
                signal.signal(signal.SIGINT, previous)
            self._running, self._ending = False, StopReason(closed=self._closed)

    def _converse(
        self, payload: bytes, answering: RequestHandler | None, limits: Limits
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request, answer what the child asks, and return its last word."""
        child = self.start()
        try:
            child.check()
            if not self._greeted:
                _, blobs = self._wait(child, LimitWatch(child, Limits(), VARIABLES_LOST))  # for its start, once
                self.walls_found, self._greeted = child.walls(b"".join(blobs)), True
            child.allow(limits.memory, limits.cpu)
            watch = LimitWatch(child, limits, VARIABLES_LOST)
            child.write(payload)
            while True:
                header, blobs = self._wait(child, watch, answering)
                kind = str(header.get("kind"))
                if answering and kind in EVENTS:
                    if kind == "output" or self._ending.why is None:  # of a run that ends many may still be in the pipe
                        answering.note(kind, header, blobs)
                elif answering and kind in REQUESTS:
                    child.write(self._answer(answering, kind, header, blobs))
                    self._release(header)
                else:
                    return header, blobs
                if answering.budget.is_used_up:
                    self._expire(HOST_CPU)
        except LuaProcessError as error:
            self._replace(child)
            why = self._ending.why  # for which it was to end anyway
            raise Failure(stopped(why, limits, f" {VARIABLES_LOST}") if why else error) from None
        except BaseException:
            # Something that is no answer came out of answering: the child still waits for one, so it cannot go on.
            self._replace(child)
            raise

    def _release(self, header: dict[str, Any]) -> None:
        """Let go of lists that Lua dropped; a message may still name them, so its values are looked up first."""
        if released := header.get("released"):
            with guard_child_message():
                self._handles.release(released)

    def _wait(
        self, child: LuaProcess, watch: LimitWatch, answering: RequestHandler | None = None
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The child's next message, or the end of its life when it does not come in time, or too many do."""
        while True:
            seconds = watch.seconds(stopping=self._ending.why is not None)
            if answering and answering.holds:
                seconds = min(seconds, OUTPUT_BATCH_SECONDS)
            payload = child.read(seconds, watch.limits.message) if seconds else None
            if payload is not None:
                with guard_child_message():
                    return messages.unpack(payload, watch.limits.values)
            if answering:
                answering.let_go()
            if self._until is not None and time.monotonic() > self._until:
                self._expire()
            if watch.is_over():
                self._ending.request("cpu_limit", 0.0)
            if self._ending.why is not None:
                if time.monotonic() >= self._ending.by:
                    cause = "Asked twice" if self._ending.hurried else "It was stuck in one long step"
                    addition = f" {cause}, so its process was ended: {VARIABLES_LOST}"
                    raise Failure(stopped(self._ending.why, watch.limits, addition))
                if self._greeted:
                    child.interrupt()  # again: a signal that came before the script had started was for nobody

    def _answer(self, answering: RequestHandler, kind: str, header: dict[str, Any], blobs: list[bytes]) -> bytes:
        try:
            self._reading = kind == "input"
            return answering.answer(kind, header, blobs)
        except KeyboardInterrupt:
            self._ending.request("interrupted", GRACE_SECONDS)
            return answering.stop()
        finally:
            self._reading = False

    # Endings -----------------------------------------------------------------------------------------

    def _failure(self, reply: dict[str, Any], limits: Limits) -> Failure:
        """How the child says that a run failed."""
        if reply["type"] == "interrupted" and self._ending.why:
            reply["type"] = self._ending.why
        addition = ""
        if reply.get("full"):
            self.reset()
            addition = f" What it left behind filled most of the memory and was dropped: {VARIABLES_LOST}"
        return failure_from_reply(reply, limits, addition)
