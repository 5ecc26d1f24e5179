"""Limit the rate of an account's requests: one `RateLimiter` per account, shared by all threads.

It models the service's token bucket: a capacity, a refill rate, and the number of remaining requests that each response
reports; between responses the limiter counts for itself. Requests are sent at once until only a reserve remains for
other users of the account (a dashboard, a build). Then they are sent at most at the refill rate, and more slowly while
others use up the reserve. After status 429 all requests wait for the time that the service asks for, or with
exponential backoff.

While the remaining number is unknown, and after status 429, one request is sent as a probe, and the others wait for its
response. Waiting requests form a queue: only the first one waits by the clock, and it wakes the next when it leaves.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from random import Random

from msgspec import Struct

from kosmo_kernel.catalogue.http import Budget
from kosmo_kernel.progress.run import BudgetState, Clock, Progress

RESERVE = 0.01  # part of the capacity that is left to other users of the account
MAX_PROBE_INTERVAL_SECONDS = 60.0  # between two probes, if the service does not say how long to wait
MAX_REJECTED_SECONDS = 900.0  # of nothing but status 429, after which the call fails
PROBE_TIMEOUT_SECONDS = 120.0  # without a response to a probe, after which another one is sent
POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation while a request waits in the queue
TIMER_SLACK_SECONDS = 0.001  # added to a computed wait, so that rounding cannot end it early


class Permit(Struct, frozen=True, eq=False):
    """The permission to send one request, given back with `answered`, `no_response` or `rejected`."""

    number: int  # of the request, from 1 for the account's first
    at: float  # the time of the permit, in seconds of the clock
    over: int  # the number of requests finished by then, which the service therefore counted before this one


class RateLimiter:
    """Limit the rate of one account's requests, first come, first served. Thread-safe.

    Parameters:
        budget: the service's capacity and refill rate; None if unknown, and then requests wait only after status 429.
        title: the service's display name.
        clock, rng: as for `Client`.
    """

    def __init__(
        self, budget: Budget | None, title: str, clock: Clock | None = None, rng: Random | None = None
    ) -> None:
        self.title, self.pause_reason = title, f"for {title}'s request budget"
        self._clock = clock or Clock()
        self._rng = rng or Random()
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._rate = budget.refill_per_minute / 60 if budget else 1.0  # refilled requests per second
        self._capacity = float(budget.capacity) if budget else math.inf
        self._left = self._capacity  # remaining requests, those in flight already subtracted
        self._seen = self._clock.now()  # the time of `_left`
        self._known = False  # whether `_left` is based on the service's number
        self._sent = self._over = 0  # requests sent, and finished ones among them
        self._last = -math.inf  # time of the last request
        self._probing = budget is not None
        self._probe: Permit | None = None  # the probe in flight
        self._until = -math.inf  # no request is sent before this time
        self._rejected_at = 0  # value of `_sent` at the last status 429
        self._rejections: list[float] = []  # times of the probes' status 429 since the last success

    @property
    def remaining(self) -> int | None:
        """The number of requests that can be sent now, or None if unknown."""
        with self._lock:
            return max(0, int(self._refill(self._clock.now()))) if self._known else None

    def state(self) -> BudgetState:
        """Return the state of the budget now, for an estimate."""
        with self._lock:
            now = self._clock.now()
            remaining = self._refill(now)
            in_flight = self._sent - self._over
            return BudgetState(
                at=now,
                remaining=max(0, int(remaining)) if self._known else None,
                unused=remaining,
                reserve=max(1.0, RESERVE * self._capacity),
                rate=self._rate,
                requests=self._sent,
                in_flight=in_flight,
                queued=len(self._queue),
                paused=max(0.0, self._until - now),
                refused=self._rejected_at,
                is_full=remaining + in_flight >= self._capacity - 1,
            )

    def take(self, progress: Progress) -> Permit:
        """Wait until a request may be sent, and return a permit for it. The run's progress shows the wait.

        Raises:
            Cancelled: the run has ended meanwhile; the request leaves the queue.
        """
        with self._lock:
            now = self._clock.now()
            if not self._queue and self._delay(now) == 0.0:
                return self._go(now)
            waiter = threading.Event()
            self._queue.append(waiter)
        try:
            while True:
                with self._lock:
                    waiter.clear()
                    now = self._clock.now()
                    delay = self._delay(now) if self._queue[0] is waiter else None
                    if delay == 0.0:
                        return self._go(now)
                if delay is None:
                    waiter.wait(POLL_INTERVAL_SECONDS)
                    progress.check()
                else:
                    progress.pause(delay, self.pause_reason)
        finally:
            with self._lock:
                self._queue.remove(waiter)
                if self._queue:
                    self._queue[0].set()

    def answered(self, permit: Permit, remaining: int | None) -> None:
        """Give back the permit of a request that was answered with any status but 429.

        Parameters:
            remaining: the remaining requests according to the response, if it reports them.
        """
        with self._lock:
            self._give_back(permit)
            if permit.number > self._rejected_at:
                self._probing = False
                self._rejections.clear()
            if remaining is None:
                return
            # The number is out of date if the service counted requests since: between none and all of those that were
            # unfinished when this one was sent.
            now = self._clock.now()
            self._capacity = max(self._capacity, remaining)
            maximum = remaining + (now - permit.at) * self._rate
            minimum = remaining - (self._sent - permit.over - 1)
            self._left, self._known = min(max(self._refill(now), minimum), maximum), True

    def no_response(self, permit: Permit) -> None:
        """Give back the permit of a request without a response. It stays counted: the service may have counted it."""
        with self._lock:
            self._give_back(permit)

    def rejected(self, permit: Permit, after: float | None) -> bool:
        """Give back the permit of a request that was answered with status 429.

        Parameters:
            after: the seconds to wait according to the service (`Retry-After`), if it says so.

        Returns:
            Whether to try again with another permit.
        """
        with self._lock:
            self._give_back(permit)
            now = self._clock.now()
            # Requests that were in flight at the last rejection do not count.
            if permit.number > self._rejected_at or not self._rejections:
                self._rejections.append(now)
                self._rejected_at = self._sent
            doubled = min(
                MAX_PROBE_INTERVAL_SECONDS, 2 ** (len(self._rejections) - 1) / self._rate
            ) * self._rng.uniform(0.75, 1.25)
            pause = doubled if after is None else after if len(self._rejections) == 1 else max(after, doubled)
            self._until, self._probing = max(self._until, now + pause), True
            if self._capacity < math.inf:
                self._left, self._seen = 0.0, now
            if self._until - self._rejections[0] <= MAX_REJECTED_SECONDS:
                return True
            self._until = now  # the next call gets the current state from the service
            self._rejections.clear()
            return False

    def set_remaining(self, remaining: int) -> None:
        """Set the remaining requests to the number from a query that did not count against the budget."""
        with self._lock:
            self._left, self._seen, self._known = float(remaining - (self._sent - self._over)), self._clock.now(), True
            self._capacity = max(self._capacity, remaining)

    def _go(self, now: float) -> Permit:
        self._sent += 1
        self._last = now
        self._left -= 1
        permit = Permit(self._sent, now, self._over)
        if self._probing:
            self._probe = permit
        return permit

    def _give_back(self, permit: Permit) -> None:
        self._over += 1
        if permit is self._probe:
            self._probe = None
        if self._queue:
            self._queue[0].set()

    def _delay(self, now: float) -> float | None:
        """Return the seconds until the next request may be sent, or None if that depends on a response."""
        remaining, reserve = self._refill(now), max(1.0, RESERVE * self._capacity)
        if now < self._until:
            return self._until - now + TIMER_SLACK_SECONDS
        if self._probing:
            in_flight = self._probe is not None and now - self._probe.at < PROBE_TIMEOUT_SECONDS
            return None if in_flight else 0.0
        if remaining - 1 >= reserve:
            return 0.0
        wait = max(self._spacing(remaining, reserve, now - self._last), (1 - remaining) / self._rate)
        return wait + TIMER_SLACK_SECONDS if wait > 0 else 0.0

    def _spacing(self, remaining: float, reserve: float, since: float) -> float:
        """Return the seconds until a request may follow the last one when only the reserve remains.

        With the whole reserve remaining, the interval between requests is the refill interval of one; with half of it,
        twice that, so that others keep their share. As `left` grows during the wait, the result is the `wait` with
        `(since + wait) * (left + rate * wait) * rate == reserve`.
        """
        a, b = self._rate**2, self._rate * (remaining + self._rate * since)
        c = self._rate * since * remaining - reserve
        return (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)

    def _refill(self, now: float) -> float:
        """Add what was refilled until now to the remaining requests, and return them."""
        self._left, self._seen = min(self._capacity, self._left + (now - self._seen) * self._rate), now
        return self._left
