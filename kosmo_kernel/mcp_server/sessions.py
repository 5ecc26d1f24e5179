"""The Lua sessions of the MCP server, one for each client, which keeps its variables and its values; and their calls.

A call in progress can be cancelled, and can be answered before it has ended. A call that takes longer than a client
waits is answered with its progress and goes on. What it would have said is then told to the next call of its session.

A session runs Lua for one call at a time. If there are too many, the least recently used ones that no call uses are
closed. A client whose session was closed gets a new one, and is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count

from kosmo_kernel.errors import StoppedError
from kosmo_kernel.lua.incomplete import IncompleteValues
from kosmo_kernel.progress.display import LONG_WAIT_SECONDS, ProgressSnapshot
from kosmo_kernel.session import Session
from kosmo_kernel.text import duration
from kosmo_kernel.values.records import Records

MAX_SESSIONS = 16  # sessions of clients; those in use are not closed
MAX_CLOSED = 1_000  # closed sessions that are remembered, to tell their clients
CLOSED = "The earlier session was closed after a while without calls: there are no variables and no `Out` of it."
SECOND_INTERRUPT_SECONDS = 1.0  # seconds before a running chunk is interrupted again, which ends its Lua process
TURN_CHECK_SECONDS = 0.5  # between two looks whether a call that waits for its session was cancelled


class Phase(Enum):
    """The state of a call."""

    WAITING = auto()  # for its session, which an earlier call uses
    RUNNING = auto()
    OVER = auto()


@dataclass(slots=True, eq=False)
class InFlightCall:
    """A call in progress."""

    # Called with the progress, in the call's thread, until the call is answered.
    on_progress: Callable[[ProgressSnapshot], None]
    client: str = ""  # identifies its client
    name: str = ""  # the name under which its value will be kept, `Out[3]`; empty if it is not kept
    max_tokens: int = 0  # the bound of its answer
    answered: bool = False  # the client has an answer, and waits for no progress any more
    phase: Phase = Phase.WAITING  # waiting, running or over
    # Called once with no argument, in the call's thread, when it is certain that the call takes long.
    on_long: Callable[[], object] = lambda: None
    _is_detached: bool = False
    _progress: ProgressSnapshot | None = None
    _session: Session | None = None
    _started: float = field(default_factory=time.monotonic)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cancelled(self) -> bool:
        """Return whether the call was cancelled."""
        return self._cancelled.is_set()

    def report(self, progress: ProgressSnapshot) -> None:
        """Record the progress, and pass it on to a client that still waits."""
        self._progress = progress
        if not self.answered:
            self.on_progress(progress)
            if progress.expected >= LONG_WAIT_SECONDS and progress.estimate and progress.estimate.is_settled:
                self.on_long()

    def describe(self) -> str:
        """Return how long it has run, and how far it is if that is known."""
        progress = self._progress.text() if self._progress else ""
        if self._progress and self._progress.expected >= LONG_WAIT_SECONDS:
            progress += f". {self._progress.estimate_text()}".removesuffix(".")
        return ": ".join(filter(None, (duration(time.monotonic() - self._started), progress)))

    def begin(self, name: str, session: Session | None = None) -> None:
        """Mark the call as running.

        Parameters:
            name: the name under which its value will be kept; empty if it is not kept.
            session: the session in which it is about to run Lua, so that `cancel` can interrupt it.

        Raises:
            StoppedError: the call was cancelled.
        """
        with self._lock:
            self.name, self._session = name, session
            self.check()
            self.phase = Phase.RUNNING

    def check(self) -> None:
        """Check that the call was not cancelled.

        Raises:
            StoppedError: it was.
        """
        if self.cancelled:
            raise StoppedError("The call was stopped.")

    def cancel(self) -> None:
        """Cancel the call. Return immediately; the call ends soon."""
        self._cancelled.set()
        if self._session is not None:
            threading.Thread(target=self._stop, args=(self._session,), daemon=True).start()

    def detach(self) -> Phase:
        """Let the call go on although its client will not wait; one that has not begun is cancelled.

        Returns:
            How far it was. If it is over, its result is there.
        """
        with self._lock:
            self.answered = self.phase is not Phase.OVER
            if self.phase is Phase.WAITING:
                self._cancelled.set()
            self._is_detached = self.phase is Phase.RUNNING
            return self.phase

    def finish(self) -> bool:
        """Mark the call as ended, so that `cancel` does not interrupt the next call in its session.

        Returns:
            Whether the client no longer waits, so that the next call of the session has to tell how it ended.
        """
        with self._lock:
            self.phase = Phase.OVER
            self._over.set()
            return self._is_detached

    def wait(self, seconds: float) -> bool:
        """Wait for its end, and return whether it has ended."""
        return self._over.wait(seconds)

    def _stop(self, session: Session) -> None:
        while True:
            with self._lock:
                if self._over.is_set():
                    return
                session.interrupt()  # repeated, because it has no effect before the run has begun
            self._over.wait(SECOND_INTERRUPT_SECONDS)


@dataclass(slots=True, eq=False)
class ClientSession:
    """The session of one client."""

    lua: Session  # the session
    calls: list[InFlightCall] = field(default_factory=list)  # that use the session, or wait for it
    # Notes for the answer to the next call: on calls that were answered before their end, and on an earlier session.
    pending_notes: list[str] = field(default_factory=list)
    # The number of the list in `Out` that was cut last, and how many of its rows have been shown.
    cut: tuple[int, int] | None = None
    numbers: count[int] = field(default_factory=lambda: count(1))  # of the next values in `Out`
    incomplete: IncompleteValues = field(default_factory=IncompleteValues)  # the lists that are not whole
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def turn(self, call: InFlightCall) -> Iterator[None]:
        """Wait until no other call uses Lua here, and keep it for this one.

        Raises:
            StoppedError: the call was cancelled meanwhile.
        """
        while not self._lock.acquire(timeout=TURN_CHECK_SECONDS):
            call.check()
        try:
            yield
        finally:
            self._lock.release()

    def stop_others(self, call: InFlightCall) -> None:
        """Stop all calls but one, and wait until they have ended."""
        others = [other for other in [*self.calls] if other is not call]
        for other in others:
            other.cancel()
        for other in others:
            while not other.wait(TURN_CHECK_SECONDS):
                call.check()

    def wait_for_answered(self, call: InFlightCall) -> None:
        """Wait until the calls that were answered before their end have ended, so that their values are in `Out`.

        Raises:
            StoppedError: the call was cancelled meanwhile.
        """
        for earlier in self.running():
            while earlier.answered and not earlier.wait(TURN_CHECK_SECONDS):
                call.check()

    def running(self) -> list[InFlightCall]:
        """Return the calls that run, the oldest first."""
        return [call for call in [*self.calls] if call.phase is Phase.RUNNING]

    def note_cut(self, number: int, rows: int) -> None:
        """Remember how many rows of a list in `Out` have been shown, if there are more."""
        value = self.lua.kept.get(number)
        if rows and isinstance(value, (Records, list)) and rows < len(value):
            self.cut = number, rows

    def take_pending_notes(self) -> list[str]:
        """Return the notes that no answer has had yet, and forget them."""
        notes, self.pending_notes = self.pending_notes, []
        return notes


class Sessions:
    """All sessions of the server. Thread-safe.

    Parameters:
        make: creates a session.
    """

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make = make
        self._lock, self._closing = threading.Lock(), threading.Lock()
        self._clients: dict[str, ClientSession] = {}  # the least recently used one first
        self._closed_clients: dict[str, None] = {}
        self._closed = False

    @contextmanager
    def of_client(self, call: InFlightCall) -> Iterator[ClientSession]:
        """Provide the session of the client of a call, created at its first call.

        Wait for its `turn` before using Lua there.

        Raises:
            StoppedError: the server is shutting down.
        """
        client = call.client
        with self._lock:
            if self._closed:
                raise StoppedError("The server ends.")
            session = self._clients.pop(client, None) or ClientSession(self._make())
            self._clients[client] = session
            if client in self._closed_clients:
                del self._closed_clients[client]
                session.pending_notes.append(CLOSED)
            session.calls.append(call)
            unused = [client for client, each in self._clients.items() if not each.calls]
            surplus = unused[: max(len(self._clients) - MAX_SESSIONS, 0)]
            removed = [self._clients.pop(client) for client in surplus]
            self._closed_clients |= dict.fromkeys(surplus)
            for oldest in [*self._closed_clients][:-MAX_CLOSED]:
                del self._closed_clients[oldest]
        for each in removed:
            each.lua.close()
        try:
            yield session
        finally:
            with self._lock:
                session.calls.remove(call)

    def end(self, client: str) -> None:
        """Close the session of a client that has left."""
        with self._lock:
            session = self._clients.pop(client, None)
            self._closed_clients.pop(client, None)
        if session is not None:
            session.lua.close()

    def close(self) -> None:
        """Close all sessions and stop their calls; wait for another thread that does so."""
        with self._closing:
            with self._lock:
                self._closed = True
                sessions = [*self._clients.values()]
                self._clients = {}
            for session in sessions:
                session.lua.close()
