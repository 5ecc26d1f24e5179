"""The rate limit of an account, as a token bucket that refills over time.

Heroku's holds 4500 requests and gets 75 back per minute (Platform API Reference, "Rate Limits").
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

CAPACITY = 4500
REFILL = 75 / 60
UNLIMITED = 1e6  # requests per second that come back: as many as anybody can make


class TokenBucket:
    """The token bucket of one account, full at first; the parameters are as for `DemoApi`. Threads may share it."""

    def __init__(
        self, capacity: int = CAPACITY, refill: float = REFILL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.refused = 0
        """Count of requests that were refused because none were left."""
        self._capacity = capacity
        self._refill = refill
        self._clock = clock
        self._tokens = float(capacity)
        self._refilled_at = clock()
        self._lock = Lock()

    @property
    def remaining(self) -> int:
        """The number of requests that are left now."""
        with self._lock:
            return int(self._refilled())

    def spend(self) -> bool:
        """Take one request out; return False if none is left."""
        with self._lock:
            if self._refilled() < 1:
                self.refused += 1
                return False
            self._tokens -= 1
            return True

    def _refilled(self) -> float:
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._refilled_at) * self._refill)
        self._refilled_at = now
        return self._tokens
