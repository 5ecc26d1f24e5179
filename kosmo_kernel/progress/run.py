"""The progress of a run: calls and requests so far, the remaining request budget, and pauses.

One `Progress` belongs to one run. The threads that send its requests count in it, and pause in it (for the rate limit,
before a retry), so that one `cancel` ends all of their pauses at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.progress.estimate import AccountWork, Estimate, ItemWork, Limiter
from kosmo_kernel.settings.limits import ResponseBudget

STALLED_SECONDS = 1.0  # without a response, after which the run counts as stalled
MIN_MEASURED_SECONDS = 1.0  # of a run, before its speed is measured
MAX_UNSENT_ANSWERS = 8  # more answers than requests sent between two snapshots, before there is no estimate


class Cancelled(Exception):  # noqa: N818 - no error: it only unwinds the stack of a thread
    """The run that a thread works for has ended, so its result is not needed."""


class Clock:
    """The system's monotonic clock, which can wait. Tests use one of their own."""

    now = staticmethod(time.monotonic)  # returns the time in seconds, which never decreases

    def wait(self, seconds: float, ended: threading.Event) -> bool:
        """Wait for some seconds, or until `ended` is set; return whether it is set."""
        return ended.wait(seconds)


class Outage(Protocol):
    """The network of an account, which may be gone; see `NetworkOutage`."""

    def wait_of(self, progress: Progress) -> tuple[float, str] | None:
        """Return in how many seconds a run gives up, and what it waits for; None if it does not wait."""


class _Pause(Struct, frozen=True):
    """A thread's pause: its end, its reason, and whether other threads go on meanwhile."""

    until: float
    why: str
    alone: bool


class ExpectedCall(Struct, eq=False):
    """The fetches of one call that are not done, in the estimate of a run."""

    work: AccountWork  # the work of its account
    fetches: int  # the number of them
    of_item: bool  # whether an item of `parallel.map` makes the call


class Progress:
    """The progress of one run. Thread-safe.

    Parameters:
        clock: the clock; the system's when None.
        later: returns the number of requests that are known to follow the calls that are begun.

    Attributes:
        received: what the responses of the run may still have.

    Raises:
        SettingsError: a limit in the settings is invalid.
    """

    def __init__(self, clock: Clock | None = None, later: Callable[[], int] = lambda: 0) -> None:
        self.clock = clock or Clock()
        self._later = later
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._done = self._total = self._requests = 0
        self._remaining: int | None = None
        self._accounts: dict[str, None] = {}
        self._started: float | None = None
        self._pauses: dict[int, _Pause] = {}  # by thread id
        self._answered_at = -math.inf
        self._works: dict[Limiter, AccountWork] = {}
        self._items = self._items_done = 0  # of the running `parallel.map`
        self._counts = (0, 0)  # requests answered and sent at the last snapshot
        self._outages: dict[Outage, None] = {}
        self.received = ResponseBudget.of_run()

    @property
    def cancelled(self) -> bool:
        """Return whether the run has ended."""
        return self._ended.is_set()

    @property
    def started(self) -> float | None:
        """The time of the first call, or None before it."""
        return self._started

    def begin(self, account: str, calls: int = 1, *, items: bool = False) -> None:
        """Count calls with an account that are begun or queued, or in place of calls the items of `parallel.map`."""
        with self._lock:
            self._accounts[account] = None
            self._total += calls
            if self._started is None:
                self._started = self.clock.now()
            if items and calls:
                self._begin_items(calls)

    def end(self, calls: int = 1) -> None:
        """Count calls that were answered or failed."""
        with self._lock:
            self._done += calls

    def end_items(self, items: int) -> None:
        """Count items of `parallel.map` that are done."""
        with self._lock:
            self._done += items
            self._items_done += items

    def answered(self, remaining: int | None) -> None:
        """Count an answered request, and keep the remaining request budget if the service reports it."""
        with self._lock:
            self._requests += 1
            self._answered_at = self.clock.now()
            self._remaining = self._remaining if remaining is None else remaining

    def expect(self, account: str, limiter: Limiter, fetches: int, *, of_item: bool) -> ExpectedCall:
        """Include the fetches of a call in the estimate, by the rate limit of its account."""
        with self._lock:
            work = self._works.get(limiter)
            if work is None:
                work = self._works[limiter] = AccountWork(account, limiter)
            work.begun += fetches
            if of_item:
                work.item_calls += 1
                work.item_fetches += fetches
            return ExpectedCall(work, fetches, of_item)

    def fetched(self, call: ExpectedCall, requests: int) -> None:
        """Count a fetch of an expected call that is done, and the requests that it took."""
        with self._lock:
            if not call.fetches:  # it was cancelled meanwhile
                return
            call.work.done += 1
            call.work.requests += requests
            call.fetches -= 1
            if call.of_item and not call.fetches:
                call.work.item_calls_done += 1

    def end_expected(self, call: ExpectedCall) -> None:
        """Expect no more fetches of a call that has ended."""
        with self._lock:
            call.work.begun -= call.fetches
            if call.of_item and call.fetches:
                call.work.item_calls_done += 1
            call.fetches = 0

    def show_outage(self, outage: Outage) -> None:
        """Show in snapshots when the run waits for the network of an account."""
        with self._lock:
            self._outages[outage] = None

    def check(self) -> None:
        """Raise `Cancelled` if the run has ended."""
        if self._ended.is_set():
            raise Cancelled

    def pause(self, seconds: float, why: str, *, alone: bool = False) -> None:
        """Pause the current thread, and show the pause in snapshots.

        Parameters:
            seconds: the duration.
            why: the reason, which follows "waits 12 s " in the line: `for Heroku's request budget`.
            alone: other threads may go on meanwhile, so show the pause only once none of them does.

        Raises:
            Cancelled: the run has ended meanwhile.
        """
        thread = threading.get_ident()
        with self._lock:
            self._pauses[thread] = _Pause(self.clock.now() + seconds, why, alone)
        try:
            ended = self.clock.wait(seconds, self._ended)
        finally:
            with self._lock:
                del self._pauses[thread]
        if ended:
            raise Cancelled

    def cancel(self) -> None:
        """End the run: all pauses stop, and no more requests are sent. Safe in any thread or signal handler."""
        self._ended.set()

    def snapshot(self) -> ProgressSnapshot:
        """Return the progress now."""
        waits = [wait for outage in tuple(self._outages) if (wait := outage.wait_of(self))]
        with self._lock:
            now = self.clock.now()
            longest = self._longest(now)
            waiting, why = (max(0.0, longest.until - now), longest.why) if longest else (0.0, "")
            if waits:
                waiting, why = max(waits)
            seconds = now - self._started if self._started is not None else 0.0
            estimate = None if self._ended.is_set() else self._estimate()
            expected = estimate.seconds if estimate else 0.0 if self._works else self._by_speed(seconds)
            return ProgressSnapshot(
                finished=self._done,
                total=self._total,
                requests=self._requests,
                remaining=estimate.remaining if estimate else self._remaining,
                account=", ".join(self._accounts),
                seconds=seconds,
                waiting=waiting,
                why=why,
                over=self._ended.is_set(),
                expected=0.0 if self._ended.is_set() or waits else expected,
                estimate=None if waits else estimate,
                is_outage=bool(waits) and not self._ended.is_set(),
            )

    def _begin_items(self, items: int) -> None:
        """Begin to count the items of another `parallel.map`. The one before is over, or has failed."""
        self._items, self._items_done = items, 0
        for work in self._works.values():
            work.item_fetches = work.item_calls = work.item_calls_done = 0

    def _estimate(self) -> Estimate | None:
        """Return the estimate for the account that takes the longest.

        There is none for a script that makes one call after another, because nobody knows how many will follow, nor
        while most answers come from a recording, because nobody knows how many of them it has.
        """
        answered, requests_sent = self._requests, sum(work.sent for work in self._works.values())
        before, self._counts = self._counts, (answered, requests_sent)
        if answered - before[0] > 2 * (requests_sent - before[1]) + MAX_UNSENT_ANSWERS:
            return None
        items = ItemWork(self._items, self._items_done, self._works.values())
        later = self._later()
        to_come = {work: work.to_come(items) for work in self._works.values()}
        main = max(to_come, key=lambda work: to_come[work], default=None)
        estimates = [
            work.estimate(fetches, later if work is main else 0)
            for work, fetches in to_come.items()
            if fetches > 1 or (later and work is main)
        ]
        return max(estimates, key=lambda estimate: estimate.seconds, default=None)

    def _by_speed(self, seconds: float) -> float:
        """Return the estimated seconds until the end by the speed so far, for calls without a known rate limit."""
        calls = self._total - self._done
        is_measured = calls > 1 and self._done and seconds >= MIN_MEASURED_SECONDS
        return calls * seconds / self._done if is_measured else 0.0

    def _longest(self, now: float) -> _Pause | None:
        """Return the longest pause to show; pauses with `alone` count only while the whole run is stalled."""
        stalled = self._total - self._done <= len(self._pauses) or now - self._answered_at >= STALLED_SECONDS
        pauses = (pause for pause in self._pauses.values() if stalled or not pause.alone)
        return max(pauses, key=lambda pause: pause.until, default=None)
