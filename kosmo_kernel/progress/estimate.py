"""Estimate the time until a run ends, from the requests to come of each account and the rate at which they are sent.

The calls that are begun say how many *fetches* are to come: complete answers, of one page or more. Each item of
`parallel.map` that is not begun counts as the items before it. The fetches so far say how many requests one takes. An
account sends its requests at once until its budget is used up, and then as fast as the budget refills and others leave
it; where the service is slower than that, at the speed measured so far. Accounts work side by side, so the run takes as
long as the slowest of them.

Everything is computed when a snapshot of the progress is taken; a call only counts.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

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


class Estimate(Struct, frozen=True):
    """The work of an account that is to come, and the seconds that it takes."""

    account: str  # the account's alias
    service: str  # the title of its service
    fetches: int  # the number of complete answers to come
    requests: int  # the estimated number of requests to come
    remaining: int | None  # the remaining requests of the budget, or None if unknown
    refill: float  # the requests that the budget gets back per minute
    seconds: float  # the estimated seconds until the end
    is_settled: bool = True  # enough is done to judge by, or there is no time left for that


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

    def __init__(self, total: int, items_done: int, works: Iterable[AccountWork]) -> None:
        calls_done = 0
        self.calls = 0
        for work in works:
            self.calls += work.item_calls
            calls_done += work.item_calls_done
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
