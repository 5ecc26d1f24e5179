"""Time that passes only while somebody waits for it, so that a wait of an hour takes none."""

from __future__ import annotations

import threading

from kosmo_kernel.progress.run import Clock


class FastClock(Clock):
    """A clock whose waits are over at once. Threads may share it.

    Attributes:
        waits: how long each wait would have taken, in order.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._now = 1000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds, ever rising."""
        with self._lock:
            return self._now

    def wait(self, seconds: float, ended: threading.Event) -> bool:
        """Let so much time pass; whether `ended` is set."""
        with self._lock:
            if not ended.is_set():
                self.waits.append(seconds)
                self._now += seconds
        return ended.is_set()
