"""A call in progress, which can be cancelled, and which can be answered before it has ended.

A call that takes longer than a client waits is answered with its progress and goes on. What it would have said is then
told to the next call of its session.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from kosmo_kernel.errors import StoppedError
from kosmo_kernel.progress.display import LONG_WAIT_SECONDS
from kosmo_kernel.progress.snapshot import ProgressSnapshot
from kosmo_kernel.session import Session
from kosmo_kernel.text.quantities import duration

SECOND_INTERRUPT_SECONDS = 1.0  # seconds before a running chunk is interrupted again, which ends its Lua process


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
    kept: str = ""  # the name under which its value will be kept, `Out[3]`; empty if it is not kept
    new_session: str = ""  # the name of the session that began with it; empty for an earlier one
    answered: bool = False  # the client has an answer or a handle, and waits for no progress any more
    phase: Phase = Phase.WAITING  # waiting, running or over
    updated_at: float = field(default_factory=time.time)  # the time of its last progress, in seconds since 1970
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
        self._progress, self.updated_at = progress, time.time()
        if not self.answered:
            self.on_progress(progress)

    def describe(self) -> str:
        """Return how long it has run, and how far it is if that is known."""
        if self.phase is Phase.WAITING:
            return "waits for an earlier call"
        progress = self._progress.text() if self._progress else ""
        if self._progress and self._progress.expected >= LONG_WAIT_SECONDS:
            progress += f". {self._progress.estimate_text()}".removesuffix(".")
        return ": ".join(filter(None, (duration(time.monotonic() - self._started), progress)))

    def begin(self, kept: str, session: Session | None = None) -> None:
        """Mark the call as running.

        Parameters:
            kept: the name under which its value will be kept; empty if it is not kept.
            session: the session in which it is about to run Lua, so that `cancel` can interrupt it.

        Raises:
            StoppedError: the call was cancelled.
        """
        with self._lock:
            self.kept, self._session = kept, session
            if self.cancelled:
                raise StoppedError("The call was cancelled.")
            self.phase = Phase.RUNNING

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
