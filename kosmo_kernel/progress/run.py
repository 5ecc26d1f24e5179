"""The progress of a run: calls and requests so far, the remaining request budget, and pauses.

One `Progress` belongs to one run. The threads that send its requests count in it, and pause in it (for the rate limit,
before a retry), so that one `cancel` ends all of their pauses at once.

The time until the run ends is estimated from the requests to come of each account and the rate at which they are sent.
The calls that are begun say how many *fetches* are to come: complete answers, of one page or more. Each item of
`parallel.map` that is not begun counts as the items before it. The fetches so far say how many requests one takes. An
account sends its requests at once until its budget is used up, and then as fast as the budget refills and others leave
it; where the service is slower than that, at the speed measured so far. Accounts work side by side, so the run takes as
long as the slowest of them. All that is computed when a snapshot is taken; a call only counts.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

from msgspec import Struct

from kosmo_kernel.progress.display import Estimate, ProgressSnapshot
from kosmo_kernel.settings.limits import ResponseBudget

STALLED_SECONDS = 1.0  # without a response, after which the run counts as stalled
MIN_TIMED_SECONDS = 1.0  # of a run, before its speed is measured
MAX_UNSENT_ANSWERS = 8  # more answers than requests sent between two snapshots, before there is no estimate


class Cancelled(Exception):  # noqa: N818 - no error: it only unwinds the stack of a thread
    """The run that a thread works for has ended, so its result is not needed."""


class Clock:
    """The system's monotonic clock, which can wait. Tests use one of their own."""

    now = staticmethod(time.monotonic)  # returns the time in seconds, which never decreases

    def wait(self, seconds: float, ended: threading.Event) -> bool:
        """Wait for some seconds, or until `ended` is set; return whether it is set."""
        return ended.wait(seconds)


class _Pause(Struct, frozen=True):
    """A thread's pause: its end, its reason, and whether other threads go on meanwhile."""

    until: float
    reason: str
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
        started: the time of the first call; None before it.

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
        self._function = ""  # which was called last
        self.started: float | None = None
        self._pauses: dict[int, _Pause] = {}  # by thread id
        self._answered_at = -math.inf
        self._works: dict[Limiter, AccountWork] = {}
        self._items = self._items_done = 0  # of the running `parallel.map`
        self._counts = (0, 0)  # requests answered and sent at the last snapshot
        self.received = ResponseBudget.of_run()

    @property
    def cancelled(self) -> bool:
        """Return whether the run has ended."""
        return self._ended.is_set()

    def begin(self, account: str, calls: int = 1, *, function: str = "", items: bool = False) -> None:
        """Count calls of a function that are begun or queued, or in place of calls the items of `parallel.map`."""
        with self._lock:
            self._function = function
            self._accounts[account] = None
            self._total += calls
            if self.started is None:
                self.started = self.clock.now()
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

    def check(self) -> None:
        """Raise `Cancelled` if the run has ended."""
        if self._ended.is_set():
            raise Cancelled

    def pause(self, seconds: float, reason: str, *, alone: bool = False) -> None:
        """Pause the current thread, and show the pause in snapshots.

        Parameters:
            seconds: the duration.
            reason: the reason, which follows "waits 12 s " in the line: `for Heroku's request budget`.
            alone: other threads may go on meanwhile, so show the pause only once none of them does.

        Raises:
            Cancelled: the run has ended meanwhile.
        """
        thread = threading.get_ident()
        with self._lock:
            self._pauses[thread] = _Pause(self.clock.now() + seconds, reason, alone)
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
        with self._lock:
            now = self.clock.now()
            longest = self._longest(now)
            waiting, reason = (max(0.0, longest.until - now), longest.reason) if longest else (0.0, "")
            seconds = now - self.started if self.started is not None else 0.0
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
                reason=reason,
                over=self._ended.is_set(),
                expected=0.0 if self._ended.is_set() else expected,
                estimate=estimate,
                function=self._function,
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
        responses, requests_sent = self._requests, sum(work.sent for work in self._works.values())
        before, self._counts = self._counts, (responses, requests_sent)
        if responses - before[0] > 2 * (requests_sent - before[1]) + MAX_UNSENT_ANSWERS:
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
        is_measured = calls > 1 and self._done and seconds >= MIN_TIMED_SECONDS
        return calls * seconds / self._done if is_measured else 0.0

    def _longest(self, now: float) -> _Pause | None:
        """Return the longest pause to show; pauses with `alone` count only while the whole run is stalled."""
        stalled = self._total - self._done <= len(self._pauses) or now - self._answered_at >= STALLED_SECONDS
        pauses = (pause for pause in self._pauses.values() if stalled or not pause.alone)
        return max(pauses, key=lambda pause: pause.until, default=None)


# The estimate ------------------------------------------------------------------------------------


MIN_MEASURED_SECONDS = 3.0  # of sending without a wait, before its speed is used
MIN_ROUNDS = 2  # answers for each request in flight, before the speed is used
SETTLED_FETCHES, SETTLED_SECONDS = 200, 60.0  # done, or measured, from which on an estimate is settled
SAMPLE_INTERVAL_SECONDS = 5.0  # between two samples of the budget
MAX_SAMPLES = 60  # so that the use of others is that of the last five minutes
MIN_SAMPLED_SECONDS = 20.0  # between the samples from which the use of others is computed
MIN_RATE_SHARE = 0.1  # of the refill, which others leave at least
# Added to the number of fetches and of their requests, so that the first one does not stand for all.
_FETCHES_OF_ONE_REQUEST = 2


class BudgetState(Struct, frozen=True):
    """The request budget of an account at one moment."""

    at: float  # the time of the clock
    remaining: int | None  # the remaining requests, or None if unknown
    unused: float  # the same number as the limiter counts it, which is lower by the requests in flight
    reserve: float  # the requests that the limiter leaves to others
    rate: float  # the refilled requests per second
    requests: int  # the number of requests sent so far
    in_flight: int  # those of them that are not answered
    queued: int  # the requests that wait
    paused: float  # the seconds until requests are sent again, after the service has refused one
    refused: int  # a number that changes when a request is refused
    is_full: bool  # nothing is refilled, because the budget is not used

    @property
    def answered(self) -> int:
        """The number of requests answered so far."""
        return self.requests - self.in_flight


class Limiter(Protocol):
    """A rate limiter, as far as an estimate needs it."""

    title: str

    def state(self) -> BudgetState:
        """Return the state of the budget now."""
        ...


class AccountWork:
    """The fetches of one account in one run. The progress of the run guards its counts.

    Parameters:
        account: the account's alias.
        limiter: its rate limiter.
    """

    def __init__(self, account: str, limiter: Limiter) -> None:
        self.account, self._limiter = account, limiter
        self._sent_before = limiter.state().requests
        self.begun = self.done = self.requests = 0  # fetches begun or queued, finished ones, and requests of these
        self.item_fetches = self.item_calls = self.item_calls_done = 0  # those of the running `parallel.map`
        self._pace = _Pace()

    @property
    def sent(self) -> int:
        """The number of requests sent since the run used the account first."""
        return self._limiter.state().requests - self._sent_before

    def to_come(self, items: ItemWork) -> float:
        """Return the number of fetches to come, those in flight included."""
        fetches = float(self.begun - self.done)
        if self.item_calls:
            calls = items.calls_per_item
            more = items.waiting * calls * self.item_calls / items.calls  # calls of the items that are not begun
            in_progress = max(0, self.item_calls - self.item_calls_done)
            more += in_progress * (calls - 1) / 2  # and their further ones
            fetches += more * self.item_fetches / self.item_calls
        return fetches

    def estimate(self, fetches: float, later: int) -> Estimate:
        """Return the estimate for a number of fetches to come.

        Parameters:
            fetches: the fetches to come, as `to_come` returns them.
            later: the number of further ones, of which each is one request.
        """
        state = self._limiter.state()
        self._pace.add(state)
        pages = max(1.0, (self.requests + _FETCHES_OF_ONE_REQUEST) / (self.done + _FETCHES_OF_ONE_REQUEST))
        # A fetch in progress has sent half of its requests but the one that is in flight or waits.
        requests_sent = min(state.in_flight, fetches)
        waiting = min(state.queued, fetches - requests_sent)
        requests = fetches * pages + later
        unsent = max(0.0, requests - requests_sent * (pages + 1) / 2 - waiting * (pages - 1) / 2)
        return Estimate(
            self.account,
            self._limiter.title,
            math.ceil(fetches) + later,
            math.ceil(requests),
            state.remaining,
            state.rate * 60,
            self._pace.seconds_for(unsent, state),
            self.done >= SETTLED_FETCHES or self._pace.active >= SETTLED_SECONDS or _is_waiting(state),
        )


class ItemWork:
    """The items of the running `parallel.map`, and the calls that they make with all accounts.

    Parameters:
        total: the number of its items.
        items_done: the number of those that are done.
        works: the work of all accounts.
    """

    def __init__(self, total: int, items_done: int, works: Collection[AccountWork]) -> None:
        self.calls = sum(work.item_calls for work in works)
        calls_done = sum(work.item_calls_done for work in works)
        in_progress = max(0, min(self.calls - calls_done, total - items_done))
        self.waiting = total - items_done - in_progress
        if items_done < in_progress:  # no less than those that have begun have made so far
            self.calls_per_item = max(1.0, self.calls / (items_done + in_progress))
        else:  # items in progress have made half of their calls
            self.calls_per_item = (calls_done + in_progress / 2) / (items_done + in_progress / 2) if items_done else 1.0


class _Pace:
    """The pace of an account's requests: their speed without a wait, and how much of the refill others use."""

    def __init__(self) -> None:
        self._last: BudgetState | None = None
        self._requests = self._seconds = 0.0  # answered without a wait; later ones weigh more
        self.active = 0.0  # seconds without a wait
        self._answered = 0  # requests answered in these
        self._samples: deque[tuple[float, float]] = deque(maxlen=MAX_SAMPLES)

    def add(self, state: BudgetState) -> None:
        """Add the state of the budget at a later moment."""
        last, self._last = self._last, state
        if last is None:
            return
        if not (_is_waiting(last) or _is_waiting(state)):
            seconds = state.at - last.at
            self.active += seconds
            self._answered += state.answered - last.answered
            self._requests += (state.answered - last.answered) * self.active
            self._seconds += seconds * self.active
        if state.refused != last.refused or state.is_full or state.remaining is None:
            self._samples.clear()
        elif not self._samples or state.at - self._samples[-1][0] >= SAMPLE_INTERVAL_SECONDS:
            self._samples.append((state.at, state.unused + state.requests))

    def seconds_for(self, requests: float, state: BudgetState) -> float:
        """Return the seconds that some requests to come take."""
        if requests <= 0:
            return 0.0
        rate = max(state.rate * MIN_RATE_SHARE, state.rate - self._used_by_others(state))
        reserve = state.reserve * rate / state.rate  # others use up the rest of it
        by_budget = max(0.0, state.paused, (requests + reserve - state.unused) / rate)
        is_measured = self.active >= MIN_MEASURED_SECONDS and self._answered > MIN_ROUNDS * state.in_flight
        return max(by_budget, requests * self._seconds / self._requests) if is_measured else by_budget

    def _used_by_others(self, state: BudgetState) -> float:
        """Return the requests per second that others make: the part of the refill that is missing."""
        if not self._samples:
            return 0.0
        at, refilled = self._samples[0]
        seconds = state.at - at
        if seconds < MIN_SAMPLED_SECONDS:
            return 0.0
        # The service may not have counted requests in flight yet.
        missing = state.rate * seconds - (state.unused + state.requests - refilled) - state.in_flight
        return max(0.0, missing / seconds)


def _is_waiting(state: BudgetState) -> bool:
    """Return whether requests wait for the budget."""
    return state.queued > 0 or state.paused > 0 or state.unused < state.reserve + 1
