"""The retry policy: which failures are retried, how often, and after which pause.

All requests are read-only, so each can be sent again. A request is retried four times, after about 1, 2, 4 and 8 s,
with random jitter so that concurrent failures do not retry at the same time. A `Retry-After` header takes precedence,
unless it asks for too long a pause. The error of the last attempt says how often and how long the request was tried.

Tenacity and stamina do not fit: they sleep by themselves on the system clock. Here a pause belongs to the run, which
shows it and can cancel it, tests have a clock of their own, and waiting for the rate limit must not count as a failure.
"""

from __future__ import annotations

from random import Random

from kosmo_kernel.errors import ApiError
from kosmo_kernel.progress.run import Clock

MAX_RETRIES = 4
MAX_PAUSE_SECONDS = 60.0  # that a service may ask for
PAUSE_REASON = "for another try"


class RetryableError(Exception):
    """An attempt failed, and a retry may succeed.

    Attributes:
        error: the error to raise if there is no retry.
        after: the seconds to wait according to the service (`Retry-After`), if it says so.
        is_budget_used_up: the request budget was used up (status 429); the rate limiter makes the pause.
    """

    def __init__(self, error: ApiError, after: float | None = None, *, is_budget_used_up: bool = False) -> None:
        super().__init__(error.message)
        self.error, self.after, self.is_budget_used_up = error, after, is_budget_used_up


class RetryPolicy:
    """The retry policy of one request whose first attempt failed, which counts its attempts.

    Parameters:
        clock, rng, retries: as for `Client`.
        begun: the time at which the request was begun.
    """

    def __init__(self, clock: Clock, rng: Random, retries: int, begun: float) -> None:
        self._clock, self._rng, self._retries, self._begun = clock, rng, retries, begun
        self._failures, self._attempts = 0, 1

    def attempts_text(self) -> str:
        """Return a sentence on the number of attempts and their duration."""
        return f"It was tried {self._attempts} times in {self._clock.now() - self._begun:.3g} s"

    def pause(self, setback: RetryableError) -> float | None:
        """Return the seconds from a failure until the next attempt, or None if there is none."""
        self._attempts += 1
        if setback.is_budget_used_up:
            return 0.0 if self._retries else None
        self._failures += 1
        wait = 2.0 ** (self._failures - 1) * self._rng.uniform(0.75, 1.25) if setback.after is None else setback.after
        return wait if self._failures <= self._retries and wait <= MAX_PAUSE_SECONDS else None
