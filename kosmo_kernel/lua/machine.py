"""Run Lua in a child process, under limits that the parent enforces as well.

`Machine.run` sends a chunk to the child and handles its requests (see `request_handler.py`) until the child reports
how the run ended. Every wait has a deadline. On an interrupt or timeout, the parent first asks the child to stop the
script, which keeps Lua's variables. A child that has not stopped after a grace period is killed and replaced, so that
the next run always works.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel.calls.interruptible import Interruptible
from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import LimitError, LuaProcessError, StoppedError, TryLaterError
from kosmo_kernel.lua import messages
from kosmo_kernel.lua.failure import (
    HOST_CPU,
    Failure,
    failure_from_reply,
    stopped,
)
from kosmo_kernel.lua.messages import ValueBudget
from kosmo_kernel.lua.process import VARIABLES_LOST, LimitWatch, LuaProcess, StopReason, unusable
from kosmo_kernel.lua.request_handler import EVENTS, OUTPUT_BATCH_SECONDS, REQUESTS, RequestHandler
from kosmo_kernel.lua.values import RemoteLists
from kosmo_kernel.reader.task import Allowance, allowed
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.values.records import encode

if TYPE_CHECKING:
    from kosmo_kernel.lua.run import LuaRun

READING = "kosmo_kernel.reader.reading"
MAX_REQUEST_SECONDS = 5.0  # seconds for a request that runs no script
REPLY_FIELDS: dict[str, tuple[str, type]] = {  # the field that the reply to each request must have, and its type
    "check": ("state", str),
    "names": ("names", dict),
    "resolve": ("kind", str),
    "sweep": ("done", str),
    "variables": ("variables", dict),
}

# The meaning of each wall, in the order in which they are shown.
MEANINGS = {
    "system_calls": "It can ask the system for its pipes, memory without code, the clock, and its own end only.",
    "files": "It can open no file and no socket, and leaves no core dump.",
    "processes": "It can start no process.",
    "privileges": "It can gain no privilege.",
    "environment": "It has no environment variable but the time zone.",
    "memory": "Its address space is limited, whatever happens inside Lua.",
    "running_time": "Its running time is limited, even when nobody is left to watch it.",
    "lifeline": "It ends with the process that started it, however that ends.",
}
NOT_REPORTED = "the Lua process did not say"


class Wall(NamedTuple):
    """A wall around the Lua process."""

    name: str  # a short name, one of `MEANINGS`
    stands: bool  # whether it is in place on this machine
    meaning: str  # what it prevents
    why_not: str = ""  # why it is missing; empty when it is in place


def parse_report(report: bytes, built_outside: dict[str, str]) -> tuple[Wall, ...]:
    """Return all walls, in the order of `MEANINGS`.

    Parameters:
        report: the report of the Lua process, which it sends when it is ready.
        built_outside: the result of `WalledProcess.set_limits`.
    """
    lines = (line.partition("\t") for line in report.decode(errors="replace").splitlines())
    missing = {name: reason for name, _, reason in lines} | built_outside
    return tuple(
        Wall(name, not (reason := missing.get(name, NOT_REPORTED)), meaning, reason)
        for name, meaning in MEANINGS.items()
    )


def missing(walls: Iterable[Wall]) -> str:
    """Return the names of the missing walls as a text, empty when none is missing."""
    return ", ".join(wall.name for wall in walls if not wall.stands)


class Machine:
    """A Lua state in a process of its own.

    Parameters:
        functions: returns the functions of each integration by full name.
        surface: returns the initial contents of `app` as JSON values (see `surface.surface`).
        process: a child that was started beforehand, or None to start one when it is needed.

    Attributes:
        walls_found: the walls of the child, empty until it has reported them.
        interruptible: the block in which an interrupt may stop the processing of values.
    """

    def __init__(
        self,
        functions: Callable[[], Iterable[Mapping[str, Function]]],
        surface: Callable[[], list[dict[str, Any]]],
        process: LuaProcess | None = None,
    ) -> None:
        self._functions, self._surface = functions, surface
        self._handles = RemoteLists()
        self._child: LuaProcess | None = None
        self._prestarted = process  # until it becomes the child
        self._lock = threading.RLock()
        self._ending = StopReason()  # of the current or next run; each run has its own, so that none stops another
        self._reading = False  # whether a request waits for input
        self._until: float | None = None  # the deadline of a request that runs no script
        self._owner: int | None = None  # the main thread's id, while it runs a script and handles interrupts
        self._running = self._closed = False
        self._coming: StopReason | None = None  # of an expected run, which an interrupt cancels before it starts
        self._greeted = False  # whether the child has reported that it is ready
        self.walls_found: tuple[Wall, ...] = ()
        self.interruptible = Interruptible()

    # The child ---------------------------------------------------------------------------------------

    def start(self) -> LuaProcess:
        """Start a child if there is none, without waiting until it is ready. The next run reports one that died."""
        with self._lock:
            if self._closed:
                raise LuaProcessError("this session is closed")
            if self._child is None:
                prestarted, self._prestarted = self._prestarted, None
                self._child = self._greet(prestarted or LuaProcess())
            return self._child

    def _greet(self, child: LuaProcess) -> LuaProcess:
        """Send a new child what there is to call. That is looked up here, while the child starts."""
        try:
            self._handles = RemoteLists(self._functions())
            surface = self._surface()
            names = [integration["name"] for integration in surface]
            child.write(messages.pack({"kind": "spaces", "names": names}, [encode(surface)]))
        except BaseException:
            child.close()
            raise
        self._greeted = False
        return child

    @property
    def pid(self) -> int | None:
        """The child's process id, or None when none runs."""
        return self._child.pid if self._child else None

    def reset(self) -> None:
        """Delete all Lua variables by starting a new child."""
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
            if READING in sys.modules:  # a program that has read nothing need not import it to end it
                import_module(READING).close()  # another thread may be importing it: this waits until it is there
        finally:
            self._lock.release()

    def _drop(self) -> None:
        children = self._child, self._prestarted
        self._child = self._prestarted = None
        for child in filter(None, children):
            child.close()

    def _replace(self, child: LuaProcess) -> None:
        """End a child that is dead or unusable, and start a new one, so that it is ready for the next request."""
        child.close()
        if self._child is child:
            self._child = None
        if not self._closed:
            self.start()

    # Requests to the child --------------------------------------------------------------------------------

    def run(
        self,
        source: str,
        options: Options,
        limits: Limits,
        host: LuaRun,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] = (),
    ) -> int:
        """Run a chunk of Lua, and add its values and the size of the Lua heap to the result of the run.

        Parameters:
            source: the chunk's text.
            options: the name and the arguments of the chunk, and how it runs.
            limits: of the run.
            host: handles the script's requests, and has the result.
            inputs: globals to set before the run.
            outputs: names of variables to return after the run.

        Returns:
            An estimate of the bytes that the first value takes in this process.

        Raises:
            Failure: the script failed, was stopped, or ended its process.
        """
        header: dict[str, Any] = {"kind": "run", "name": options.name, "cpu_limit": limits.cpu}
        header |= {"memory_limit": limits.memory, "result_limit": limits.result}
        optional = {"args": tuple(options.args), "outputs": outputs, "numbered": options.number is not None}
        optional |= {"dry_run": options.dry_run, "isolated": options.isolated}
        header |= {key: value for key, value in optional.items() if value}  # Lua's JSON decoder is slow
        texts = [source.encode(errors="replace")]
        self._running, ending = True, self._ending
        allowance = Allowance(limits.cpu, lambda: "closed" if ending.closed else ending.reason)
        with self._lock, self._interruptible(), self._in_time(limits), allowed(allowance):
            self._check_start(limits)
            self.start()  # first, because a new child refers to no lists
            if inputs:
                if self._handles.should_collect_garbage:
                    self._ask("sweep")
                header["inputs"] = self._handles.inputs(inputs, texts, limits.result)
            answering = RequestHandler(host, limits, self._ending, self._handles, allowance)
            answering.interruptible = self.interruptible
            try:
                reply, blobs = self._converse(messages.pack(header, texts), answering, limits)
            finally:
                answering.flush_output(is_end=True)
            try:
                with messages.guard():
                    if reply["kind"] == "done":
                        return self._complete(reply, blobs, ValueBudget(limits), outputs, host)
                    raise self._failure(reply, limits)
            except (LimitError, LuaProcessError, StoppedError) as error:
                if isinstance(error, LuaProcessError):
                    self.reset()
                raise Failure(error) from None

    def _check_start(self, limits: Limits) -> None:
        """Raise Failure if an interrupt has cancelled the run that is about to start."""
        if self._coming and self._coming.reason:
            self._coming = StopReason()
            raise Failure(stopped("interrupted", limits))

    def _complete(
        self, reply: dict[str, Any], blobs: list[bytes], budget: ValueBudget, outputs: Sequence[str], host: LuaRun
    ) -> int:
        """Add what the child replied to the result of a run, and return the size of the first value.

        Raises:
            StoppedError: an interrupt ended this, or came just before.
            LimitError, KeyError, TypeError, ValueError: the values are too large, or the reply is malformed.
        """
        try:
            with self.interruptible:
                if self._ending.reason == "interrupted":  # the interrupt came before this block
                    raise StoppedError("Interrupted.")
                return self._handles.complete(
                    host.result, reply, blobs, budget, outputs=outputs, redact=host.output.redact
                )
        finally:
            self._release(reply)

    def ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        """Send a request that runs no script, and return the reply.

        Parameters:
            kind: a key of `ANSWERS`.
            source: a text that belongs to the request.
            header: further fields of the request.

        Raises:
            Failure: a script is running, or the child sent no valid reply in time.
        """
        if self._running:
            raise Failure(TryLaterError("Lua is running a script, and answers when that is done."))
        return self._ask(kind, source, **header)

    def _ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        request = messages.pack({"kind": kind, **header}, [source.encode(errors="replace")])
        with self._lock:
            # Only the child is waited for, so that this deadline needs no timer thread.
            self._until = time.monotonic() + MAX_REQUEST_SECONDS
            try:
                reply, _ = self._converse(request, None, Limits(timeout=MAX_REQUEST_SECONDS))
            finally:
                self._until = None
                if kind != "sweep" and self._ending.reason != "interrupted":  # otherwise the reason belongs to a run
                    self._ending.reason = None
            self._release(reply)
            field, value_type = REPLY_FIELDS[kind]
            if not isinstance(reply.get(field), value_type):
                self.reset()
                raise Failure(unusable("gave no answer to the point"))
            return reply

    def walls(self) -> tuple[Wall, ...]:
        """Return the walls of the child, after starting it if necessary and waiting until it is ready.

        Raises:
            Failure: the child did not become ready.
        """
        with self._lock:
            if self._child is None or not self._greeted:
                self.ask("check")
            return self.walls_found

    def interrupt(self) -> None:
        """Stop the current or expected run; may be called from any thread or signal handler. A second call kills."""
        ending, coming = self._ending, self._coming  # read once, because the next run may start in the meantime
        if coming and not self._running:
            coming.interrupt()
        if self._running:  # read again, because the expected run may have started before it could see the interrupt
            ending.interrupt()
            if ending is self._ending:
                self._wake_reader()

    @contextmanager
    def cancellable_start(self) -> Iterator[None]:
        """Let an interrupt during this block cancel the next run before it starts."""
        self._coming = StopReason()
        try:
            yield
        finally:
            self._coming = None

    @property
    def is_stopping(self) -> bool:
        """Return whether the current run must stop, so that nothing should wait for its requests."""
        return self._closed or self._ending.reason is not None

    def _expire(self, limit: str = "timeout") -> None:
        """Stop the run because of a limit, by default that of its wall-clock time."""
        if self._ending.reason is None:
            self._ending.request(limit)
            self._wake_reader()

    def _wake_reader(self) -> None:
        """Make the child, and the thread that waits for it, check the stop reason. Waits for calls poll it anyway."""
        if (child := self._child) is None:
            return
        if self._greeted:  # before the child has a handler, the signal would kill it
            child.interrupt()
        child.wake()
        if self._reading and self._owner is not None and threading.get_ident() != self._owner:
            # Only a signal ends the wait for input. Python runs the handler in the main thread.
            signal.pthread_kill(self._owner, signal.SIGINT)

    def ask_user(self, ask: Callable[[str], str | None] | None, question: str) -> str | None:
        """Ask the user a question during a run, and return the reply, or None if `ask` is None.

        Raises:
            KeyboardInterrupt: the run was interrupted or timed out.
        """
        self._reading = True
        try:
            return ask(question) if ask else None
        finally:
            self._reading = False

    @contextmanager
    def _in_time(self, limits: Limits) -> Iterator[None]:
        """Stop the run after its wall-clock timeout, whatever it waits for."""
        if limits.timeout is None:
            yield
            return
        timer = threading.Timer(limits.timeout, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # a timer that has just fired must not stop the next run

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Handle Ctrl-C while a script runs: raise only during input and value processing, never within a frame."""

        def on_signal(*_signal: object) -> None:
            self.interruptible.interrupt()
            if not (self._reading and self._ending.reason):
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
        """Send a request, handle the child's own requests, and return its final reply."""
        child = self.start()
        try:
            if not self._greeted:
                _, blobs = self._wait(child, LimitWatch(child, Limits()))  # its `ready` message
                self.walls_found, self._greeted = parse_report(b"".join(blobs), child.limited), True
            child.allow(limits.memory, limits.cpu)
            watch = LimitWatch(child, limits)
            child.write(payload)
            if answering:
                answering.budget.start()
            while True:
                header, blobs = self._wait(child, watch, answering)
                kind = str(header.get("kind"))
                if answering and kind in EVENTS:
                    # Skip other events of a run that must stop, many of which may still be in the pipe.
                    if kind == "output" or self._ending.reason is None:
                        answering.note(kind, header, blobs)
                elif answering and kind in REQUESTS:
                    child.write(self._answer(answering, kind, header, blobs))
                    self._release(header)
                else:
                    return header, blobs
                if answering.budget.is_used_up:
                    self._expire(HOST_CPU)
                if answering.allowance.is_used_up:
                    self._expire("cpu_limit")
        except LuaProcessError as error:
            self._replace(child)
            reason = self._ending.reason  # the run had to stop anyway
            raise Failure(stopped(reason, limits, f" {VARIABLES_LOST}") if reason else error) from None
        except BaseException:
            # Handling a request raised an unexpected error. The child still waits for the reply, so it is unusable.
            self._replace(child)
            raise

    def _release(self, header: dict[str, Any]) -> None:
        """Forget lists that Lua has dropped, after the message's values are resolved, since these may name them."""
        if released := header.get("released"):
            with messages.guard():
                self._handles.release(released)

    def _wait(
        self, child: LuaProcess, watch: LimitWatch, answering: RequestHandler | None = None
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Return the child's next message, or raise Failure when the run must stop and the child does not obey."""
        watch.still_since = time.monotonic()  # until now the child may have waited for an answer, which may take hours
        while True:
            seconds = watch.seconds(stopping=self._ending.reason is not None)
            if answering and answering.has_buffered_output:
                seconds = min(seconds, OUTPUT_BATCH_SECONDS)
            payload = child.read(seconds, watch.limits.message) if seconds else None
            if payload is not None:
                with messages.guard():
                    return messages.unpack(payload, watch.limits.values)
            if answering:
                answering.flush_output()
            if self._until is not None and time.monotonic() > self._until:
                self._expire()
            is_over = watch.is_over(stopping=self._ending.reason is not None)
            if is_over:
                self._ending.request("cpu_limit")
            if self._ending.reason is not None:
                if is_over or self._ending.is_immediate:
                    cause = "Asked twice" if self._ending.is_immediate else "It was stuck in one long step"
                    addition = f" {cause}, so its process was ended: {VARIABLES_LOST}"
                    raise Failure(stopped(self._ending.reason, watch.limits, addition))
                if self._greeted:
                    child.interrupt()  # again, because a signal before the start of the script has no effect

    def _answer(self, answering: RequestHandler, kind: str, header: dict[str, Any], blobs: list[bytes]) -> bytes:
        try:
            self._reading = kind == "input"
            return answering.answer(kind, header, blobs)
        except KeyboardInterrupt:
            self._ending.request("interrupted")
            return answering.stop()
        finally:
            self._reading = False

    # Endings -----------------------------------------------------------------------------------------

    def _failure(self, reply: dict[str, Any], limits: Limits) -> Failure:
        """Return the failure that the child's reply describes; replace a child whose memory is almost full."""
        if reply["type"] == "interrupted" and self._ending.reason:
            reply["type"] = self._ending.reason
        addition = ""
        if reply.get("full"):
            self.reset()
            addition = f" What it left behind filled most of the memory and was dropped: {VARIABLES_LOST}"
        return failure_from_reply(reply, limits, addition)
