"""The requests that an account may still make: a bucket that fills up again while nobody looks.

Heroku's holds 4500 requests and gets 75 back in a minute (Platform API Reference, "Rate Limits").
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

CAPACITY = 4500
REFILL = 75 / 60


class TokenBucket:
    """The bucket of one account. Threads may share it.

    Parameters:
        capacity: requests that it holds; it starts full.
        refill: requests that come back in a second.
        clock: seconds, ever rising.
    """

    def __init__(
        self, capacity: int = CAPACITY, refill: float = REFILL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.refused = 0
        """How often somebody asked for more than there was."""
        self._capacity = capacity
        self._refill = refill
        self._clock = clock
        self._left = float(capacity)
        self._seen = clock()
        self._lock = Lock()

    @property
    def remaining(self) -> int:
        """How many requests are left now."""
        with self._lock:
            return int(self._refilled())

    def spend(self) -> bool:
        """Take one request out; false when there is none."""
        with self._lock:
            if self._refilled() < 1:
                self.refused += 1
                return False
            self._left -= 1
            return True

    def _refilled(self) -> float:
        now = self._clock()
        self._left = min(self._capacity, self._left + (now - self._seen) * self._refill)
        self._seen = now
        return self._left
