"""The Lua sessions of the MCP server, one for each client, which keeps its variables and its values; and their calls.

A call in progress can be cancelled, and can be answered before it has ended. A call that takes longer than a client
waits is answered with its progress and goes on. What it would have said is then told to the next call of its session.

A session runs Lua for one call at a time. Of the sessions that no call uses, those idle for too long are closed, and
the least recently used ones if there are too many. A client whose session was closed gets a new one, and is told.
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
from kosmo_kernel.progress.display import LONG_WAIT_SECONDS, ProgressSnapshot
from kosmo_kernel.session import Session
from kosmo_kernel.text import duration
from kosmo_kernel.values.records import Records

MAX_SESSIONS = 16  # sessions of clients; those in use are not closed
IDLE_SECONDS = 30 * 60.0  # after the last call
MAX_ENDED = 1_000  # ended sessions that are remembered, to tell their clients
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
            raise StoppedError("The call was cancelled.")

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
    is_new_again: bool = False  # an earlier session of the client was closed, and the client does not know yet
    used_at: float = 0.0  # when the last call ended
    calls: list[InFlightCall] = field(default_factory=list)  # that use the session, or wait for it
    # Notes on calls that were answered before their end, for the answer to the next call.
    pending_notes: list[str] = field(default_factory=list)
    # The number of the list in `Out` that was cut last, and how many of its rows have been shown.
    cut: tuple[int, int] | None = None
    numbers: count[int] = field(default_factory=lambda: count(1))  # of the next values in `Out`
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
        idle_seconds: a session that no call used for this long is closed; None to keep it.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        make: Callable[[], Session],
        idle_seconds: float | None = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._idle_seconds, self._clock = make, idle_seconds, clock
        self._lock, self._closing = threading.Lock(), threading.Lock()
        self._for_one_call: set[Session] = set()
        self._clients: dict[str, ClientSession] = {}
        self._ended: dict[str, None] = {}
        self._timer: threading.Timer | None = None
        self._closed = False

    @contextmanager
    def for_one_call(self) -> Iterator[Session]:
        """Provide a session that no client has, and close it.

        Raises:
            StoppedError: the server is shutting down.
        """
        with self._lock:
            self._check()
            session = self._make()
            self._for_one_call.add(session)
        try:
            yield session
        finally:
            with self._lock:
                self._for_one_call.discard(session)
            session.close()

    @contextmanager
    def of_client(self, call: InFlightCall) -> Iterator[ClientSession]:
        """Provide the session of the client of a call, created at its first call.

        Wait for its `turn` before using Lua there.

        Raises:
            StoppedError: the server is shutting down.
        """
        client = call.client
        with self._lock:
            self._check()
            session = self._clients.get(client)
            if session is None:
                session = self._clients[client] = ClientSession(self._make(), client in self._ended)
                self._ended.pop(client, None)
            session.calls.append(call)
            surplus = self._remove(self._unused()[: max(len(self._clients) - MAX_SESSIONS, 0)])
        _close(surplus)
        try:
            yield session
        finally:
            with self._lock:
                session.calls.remove(call)
                session.used_at = self._clock()
                self._arm()

    def end(self, client: str) -> None:
        """Close the session of a client that has left."""
        with self._lock:
            session = self._clients.pop(client, None)
            self._ended.pop(client, None)
        if session is not None:
            session.lua.close()

    def close_idle(self) -> None:
        """Close the sessions that have been idle for too long."""
        with self._lock:
            self._timer = None
            latest = self._clock() - (self._idle_seconds or 0.0)
            ended = self._remove([client for client in self._unused() if self._clients[client].used_at <= latest])
            self._arm()
        _close(ended)

    def close(self) -> None:
        """Close all sessions and stop their calls; wait for another thread that does so."""
        with self._closing:
            with self._lock:
                self._closed = True
                sessions = [*self._for_one_call, *(session.lua for session in self._clients.values())]
                self._clients = {}
                if self._timer:
                    self._timer.cancel()
            for session in sessions:
                session.close()

    def _unused(self) -> list[str]:
        """Return the clients whose sessions no call uses, the least recently used first."""
        unused = [client for client, session in self._clients.items() if not session.calls]
        return sorted(unused, key=lambda client: self._clients[client].used_at)

    def _remove(self, clients: list[str]) -> list[ClientSession]:
        """Remove and return the sessions of some clients, and remember that they ended."""
        for client in clients:
            self._ended[client] = None
            if len(self._ended) > MAX_ENDED:
                del self._ended[next(iter(self._ended))]
        return [self._clients.pop(client) for client in clients]

    def _arm(self) -> None:
        """Look for idle sessions later, if there are any."""
        if self._idle_seconds is None or self._timer or self._closed or not self._clients:
            return
        self._timer = threading.Timer(self._idle_seconds, self.close_idle)
        self._timer.daemon = True
        self._timer.start()

    def _check(self) -> None:
        if self._closed:
            raise StoppedError("The server ends.")


def _close(sessions: list[ClientSession]) -> None:
    for session in sessions:
        session.lua.close()
