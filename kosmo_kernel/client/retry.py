"""Which failures pass by themselves, and how long to wait for that.

Only requests that change nothing are sent, so each may be sent again. The first pause is half a second, each next one
twice as long up to eight, all shortened by chance so that many who failed together do not come back together. Where
the service says how long to wait (`Retry-After`), it is that. What would take longer than `patience` in all is given
up, and the error says how often and how long it was tried.

No library does this: tenacity and stamina sleep and look at the machine's clock by themselves. Here a pause belongs to
the run that waits, which shows it and can end it, time is the caller's (a test's clock is its own), and what a request
waits for its turn in the account's budget must not count as a failure.
"""

from __future__ import annotations

from random import Random

from kosmo_kernel.client.progress import Clock
from kosmo_kernel.errors import ApiError

RETRY_BUDGET_SECONDS = 60.0  # seconds that failures of one request, and the pauses between them, may take
FIRST_PAUSE_SECONDS = 0.5  # seconds
MAX_PAUSE_SECONDS = 8.0
WHY = "for another try"


class RetryableError(Exception):
    """A try that failed in a way that may pass.

    Attributes:
        error: what it means if no other try follows.
        after: how many seconds the service asks to wait, where it says so.
        budget: the account's budget was used up; the pause is the limiter's to make.
    """

    def __init__(self, error: ApiError, after: float | None = None, *, budget: bool = False) -> None:
        super().__init__(error.message)
        self.error, self.after, self.budget = error, after, budget


class RetryPolicy:
    """The tries of one request.

    Parameters:
        clock: what time it is.
        chance: by which pauses are shortened.
        patience: seconds that failures and pauses may take; with 0 the first answer is final.
    """

    def __init__(self, clock: Clock, chance: Random, patience: float = RETRY_BUDGET_SECONDS) -> None:
        self._clock = clock
        self._chance = chance
        self._patience = patience
        self._begun = self._sent = clock.now()
        self._failures = 0
        self._spent = 0.0
        self.count = 0

    def sent(self) -> None:
        """A try goes out."""
        self._sent = self._clock.now()
        self.count += 1

    def attempts_text(self) -> str:
        """How often and how long it was tried; nothing to say of a single try."""
        if self.count < 2:
            return ""
        return f"It was tried {self.count} times in {self._clock.now() - self._begun:.3g} s"

    def pause(self, setback: RetryableError) -> float | None:
        """Seconds until the next try, or None where there is none."""
        if setback.budget:
            return 0.0 if self._patience else None
        self._failures += 1
        self._spent += self._clock.now() - self._sent
        wait = setback.after
        if wait is None:
            longest = min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1))
            wait = longest * self._chance.uniform(0.5, 1)
        if self._spent + wait > self._patience:
            return None
        self._spent += wait
        return wait
