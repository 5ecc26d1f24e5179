"""An audit of an account with a request budget, simulated event by event: hours of it take a second.

The rate limiter, the progress and the look-alike's token bucket are the real ones. Workers, which are threads
elsewhere, are entries of a queue of events, so that time passes only where all of them wait.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from kosmo_kernel.catalogue.http import Budget
from kosmo_kernel.client.rate_limiter import Permit, RateLimiter
from kosmo_kernel.integrations.heroku.demo.http import TokenBucket
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.progress.run import Clock, ExpectedCall, Progress

CAPACITY, REFILL = 4500, 75
WORKERS = 16
RETRY_SECONDS = 0.6


class Simulation(Clock):
    """Events in the order of their time, which is the time of the clock."""

    def __init__(self) -> None:
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def now(self) -> float:
        """Return the time of the current event."""
        return self._now

    def wait(self, seconds: float, ended: threading.Event) -> bool:
        """Nothing waits: it would be an event."""
        raise NotImplementedError

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen after some seconds."""
        heapq.heappush(self._events, (self._now + seconds, next(self._numbers), event))

    def run(self, is_over: Callable[[], bool]) -> None:
        """Let everything happen until a condition holds."""
        while not is_over():
            self._now, _, event = heapq.heappop(self._events)
            event()


@dataclass
class Account:
    """An account: its budget at the service, the limiter of its client, and how the service behaves.

    Parameters:
        left: the requests that are left at the start.
        others: requests a minute that others make.
        latency: seconds of one request.
        errors: the share of requests that fail and are sent again.
        refused_at: the times at which the service refuses everything for a minute.
    """

    simulation: Simulation
    alias: str = "production"
    left: int = CAPACITY
    others: float = 0.0
    latency: float = 0.15
    errors: float = 0.0
    refused_at: Sequence[float] = ()
    is_known: bool = True
    sent: int = 0
    refused: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.bucket = TokenBucket(CAPACITY, REFILL / 60, self.simulation.now)
        for _ in range(CAPACITY - self.left):
            self.bucket.spend()
        self.limiter = RateLimiter(Budget("left", CAPACITY, REFILL), "Heroku", self.simulation, random.Random(7))
        if self.is_known:
            self.limiter.set_remaining(self.left)
        self._queue: list[tuple[Progress, Callable[[bool], None]]] = []
        self._wakes_at = float("inf")
        if self.others:
            self.simulation.after(60 / self.others, self._spend)

    def request(self, progress: Progress, then: Callable[[bool], None]) -> None:
        """Send a request when the limiter allows it, and call `then` with whether the answer is of use."""
        self._queue.append((progress, then))
        self.limiter._queue.append(threading.Event())
        self._send_next()

    def _spend(self) -> None:
        self.bucket.spend()
        self.simulation.after(60 / self.others, self._spend)

    def _send_next(self) -> None:
        while self._queue:
            delay = self.limiter._delay(self.simulation.now())
            if delay is None:
                return
            if delay:
                self._wake_after(delay)
                return
            progress, then = self._queue.pop(0)
            self.limiter._queue.popleft()
            permit = self.limiter._go(self.simulation.now())
            self.sent += 1
            seconds = self.latency * self.chance.uniform(0.6, 1.4)
            self.simulation.after(seconds, lambda a=progress, b=then, c=permit: self._answer(a, b, c))  # type: ignore[misc]

    def _wake_after(self, delay: float) -> None:
        at = self.simulation.now() + delay
        if at < self._wakes_at or self._wakes_at <= self.simulation.now():
            self._wakes_at = at
            self.simulation.after(delay, self._send_next)

    def _answer(self, progress: Progress, then: Callable[[bool], None], permit: Permit) -> None:
        now = self.simulation.now()
        is_refused = any(at <= now < at + 60 for at in self.refused_at) or not self.bucket.spend()
        progress.answered(None if is_refused else self.bucket.remaining)
        if is_refused:
            self.refused += 1
            self.limiter.rejected(permit, None)
            self.request(progress, then)
        else:
            self.limiter.answered(permit, self.bucket.remaining)
            then(self.chance.random() >= self.errors)
        self._send_next()


class Audit:
    """A run over one or more accounts, whose progress is looked at as a user does.

    Attributes:
        seen: the time and the progress of each look.
        ends: the times at which each call ended.
    """

    def __init__(self, simulation: Simulation, progress: Progress | None = None) -> None:
        self.simulation, self.progress = simulation, progress or Progress(simulation)
        self.seen: list[tuple[float, ProgressSnapshot]] = []
        self.ends: list[float] = []
        self._open = 0
        self.simulation.after(0.5, self._look)

    def fan_out(
        self, account: Account, pages: Sequence[int], then: Callable[[], None] = lambda: None, *, recorded: int = 0
    ) -> None:
        """Begin a call with a list argument: one complete answer for each number of pages.

        Parameters:
            recorded: how many of the first answers come from a recording.
        """
        self.progress.begin(account.alias, len(pages))
        expected = self.progress.expect(account.alias, account.limiter, len(pages), of_item=False)
        self._fetch_all(account, pages, expected, then, recorded)

    def map(self, account: Account, items: int, calls: int) -> None:
        """Begin `parallel.map`, whose items make some calls one after the other."""
        self._open += 1
        waiting, running = items, 0
        first = [items]  # the number that the first call begins

        def call(left: int) -> None:
            nonlocal running
            if not left:
                self.progress.end_items(1)
                running -= 1
                if not (waiting or running):
                    self._end(lambda: None)
                start()
                return
            self.progress.begin(account.alias, first.pop() if first else 0, items=True)
            expected = self.progress.expect(account.alias, account.limiter, 1, of_item=True)

            def done(requests: int) -> None:
                self.progress.fetched(expected, requests)
                call(left - 1)

            self._pages(account, 1, done)

        def start() -> None:
            nonlocal waiting, running
            while waiting and running < WORKERS:
                waiting, running = waiting - 1, running + 1
                call(calls)

        start()

    def run(self) -> float:
        """Let the audit happen, and return how long it took."""
        self.simulation.run(lambda: not self._open)
        return self.ends[-1]

    def error(self, share: float, end: float | None = None, begin: float = 0.0) -> float:
        """Return the error of the time left when a share of the time has passed, as a part of it."""
        end = end or self.ends[-1]
        at = begin + share * (end - begin)
        time, state = next(one for one in self.seen if one[0] >= at)
        return (state.expected - (end - time)) / (end - time)

    def _fetch_all(
        self, account: Account, pages: Sequence[int], expected: ExpectedCall, then: Callable[[], None], recorded: int
    ) -> None:
        self._open += 1
        waiting, running = list(reversed(pages)), 0

        def start() -> None:
            nonlocal running, recorded
            while waiting and running < WORKERS:
                number = waiting.pop()
                running += 1
                if recorded:
                    recorded -= 1
                    for _ in range(number):
                        self.progress.answered(None)
                    self.simulation.after(0.01, lambda number=number: done(number))  # type: ignore[misc]
                else:
                    self._pages(account, number, done)

        def done(number: int) -> None:
            nonlocal running
            running -= 1
            self.progress.end()
            self.progress.fetched(expected, number)
            if not (waiting or running):
                self._end(then)
            start()

        start()

    def _pages(self, account: Account, pages: int, then: Callable[[int], None], requests: int = 1) -> None:
        def answered(is_of_use: bool) -> None:
            if not is_of_use:
                self.simulation.after(RETRY_SECONDS, lambda: self._pages(account, pages, then, requests + 1))
            elif pages > 1:
                self._pages(account, pages - 1, then, requests + 1)
            else:
                then(requests)

        account.request(self.progress, answered)

    def _end(self, then: Callable[[], None]) -> None:
        self.ends.append(self.simulation.now())
        then()
        self._open -= 1

    def _look(self) -> None:
        self.seen.append((self.simulation.now(), self.progress.snapshot()))
        self.simulation.after(0.5 if self.simulation.now() < 60 else 5.0, self._look)
