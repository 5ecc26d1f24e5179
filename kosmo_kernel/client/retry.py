"""The retry policy: which failures are retried, and after which pause.

All requests are read-only, so each can be sent again. The first pause is half a second, each further one twice as long
up to eight seconds, all with random jitter so that concurrent failures do not retry at the same time. A `Retry-After`
header takes precedence. When failures and pauses would exceed `patience`, the request fails, and the error says how
often and how long it was tried. A network that is gone is waited for as `network_outage.py` says, for longer.

Tenacity and stamina do not fit: they sleep by themselves on the system clock. Here a pause belongs to the run, which
shows it and can cancel it, tests have a clock of their own, and waiting for the rate limit must not count as a failure.
"""

from __future__ import annotations

from random import Random

from kosmo_kernel.errors import ApiError
from kosmo_kernel.progress.run import Clock

RETRY_BUDGET_SECONDS = 60.0  # for all failed attempts of one request and the pauses between them
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 8.0
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
        clock, rng, patience: as for `Client`.
        begun: the time at which the request was begun.
    """

    def __init__(self, clock: Clock, rng: Random, patience: float, begun: float) -> None:
        self._clock = clock
        self._rng = rng
        self._patience = patience
        self._begun = begun
        self._failures = 0
        self._spent = 0.0
        self._attempts = 1

    def attempts_text(self) -> str:
        """Return a sentence on the number of attempts and their duration."""
        return f"It was tried {self._attempts} times in {self._clock.now() - self._begun:.3g} s"

    def pause(self, setback: RetryableError, sent: float) -> float | None:
        """Return the seconds until the next attempt, or None if there is none.

        Parameters:
            setback: the failure of the last attempt.
            sent: the time at which that was sent.
        """
        self._attempts += 1
        if setback.is_budget_used_up:
            return 0.0 if self._patience else None
        self._failures += 1
        self._spent += self._clock.now() - sent
        wait = setback.after
        if wait is None:
            wait = backoff(self._failures - 1, self._rng)
        if self._spent + wait > self._patience:
            return None
        self._spent += wait
        return wait


def backoff(failures: int, rng: Random) -> float:
    """Return the seconds until the next attempt: twice as long with each earlier failure, with random jitter."""
    return min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 8)) * rng.uniform(0.5, 1)
