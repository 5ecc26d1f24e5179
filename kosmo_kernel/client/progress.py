"""The progress of a run: calls and requests so far, the remaining request budget, and pauses.

One `Progress` belongs to one run. The threads that send its requests count in it, and pause in it (for the rate limit,
before a retry), so that one `cancel` ends all of their pauses at once. A `ProgressSnapshot` is its state at one moment,
and formats itself as one line of text or HTML.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from kosmo_kernel.client.estimate import AccountWork, Estimate, ItemWork, Limiter
from kosmo_kernel.client.response_budget import ResponseBudget
from kosmo_kernel.safety.text import shortened

if TYPE_CHECKING:
    from kosmo_kernel.safety.escape import Html

MAX_LINE_WIDTH = 100  # characters
MAX_ACCOUNT_WIDTH = 40  # characters of an account in the estimate
STALLED_SECONDS = 1.0  # without a response, after which the run counts as stalled
LONG_WAIT_SECONDS = 60.0  # of waiting, past and expected, from which on the estimate is said
MIN_CHANGE = 2.0  # of the whole time, from which on it is said again
MAX_UNTIMED_PAUSE_SECONDS = 2.0  # of a pause whose seconds the line does not count down
MIN_MEASURED_SECONDS = 1.0  # of a run, before its speed is measured
MIN_EXPECTED_SECONDS = 10.0  # until the end, below which the line does not name them
MAX_UNSENT_ANSWERS = 8  # more answers than requests sent between two snapshots, before there is no estimate

# The bar uses the colours of JupyterLab or VS Code, else one that suits light and dark pages.
_BAR = (
    "display:inline-block;vertical-align:middle;overflow:hidden;width:9em;height:4px;margin:0 12px 3px 0;"
    "border-radius:2px;background:rgba(128,128,128,.3)"
)
_DONE = "display:block;height:100%;background:var(--jp-brand-color1,var(--vscode-progressBar-background,#1e88e5))"
_LINE_STYLE = "font-size:12px;line-height:1.6;font-variant-numeric:tabular-nums;opacity:.75"


def html_line(*parts: str) -> Html:
    """Return a line of HTML in the small style of the progress line."""
    from kosmo_kernel.safety.escape import Html
    from kosmo_kernel.safety.no_math import CLASSES

    line = Html(f'<div style="{_LINE_STYLE}" class="{{}}">{{}}</div>')
    return line.format(CLASSES, Html().join(parts))


class Cancelled(Exception):  # noqa: N818 - no error: it only unwinds the stack of a thread
    """The run that a thread works for has ended, so its result is not needed."""


class Clock:
    """The system's monotonic clock, which can wait. Tests use one of their own."""

    def now(self) -> float:
        """Return the time in seconds, which never decreases."""
        return time.monotonic()

    def wait(self, seconds: float, ended: threading.Event) -> bool:
        """Wait for some seconds, or until `ended` is set; return whether it is set."""
        return ended.wait(seconds)


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """The progress of a run at one moment.

    Parameters:
        done: the number of finished calls; each item of a list argument counts as one.
        total: the number of calls begun or queued.
        requests: the number of HTTP requests answered, retried ones included.
        remaining: the remaining request budget of the account used last, if its service reports it.
        account: the account's alias, empty before the first call; several are separated by commas, in the order of
            their first call.
        seconds: the time since the first call.
        waiting: the seconds until the end of a pause, or 0.0 without a pause.
        why: the reason for the pause, or empty.
        over: the run has ended.
        expected: the estimated seconds until the end, or 0.0 if there is no estimate.
        estimate: what is to come with the account that takes the longest, if its rate limit is known.
        is_outage: the network is gone, and `waiting` are the seconds until the run gives up.
    """

    done: int
    total: int
    requests: int
    remaining: int | None
    account: str
    seconds: float
    waiting: float = 0.0
    why: str = ""
    over: bool = False
    expected: float = 0.0
    estimate: Estimate | None = None
    is_outage: bool = False

    def text(self) -> str:
        """Return the progress as one line of text, at most `MAX_LINE_WIDTH` characters.

        During the run `480/500 · 1,440 requests · 3,060 left · 4.2 s`, at its end
        `500 calls · 1,500 requests · 4.4 s · account production · 3,000 requests left`. With an estimate
        `600/1,500 · about 12 min to go · 600 requests · 50 left · 4.2 s`. Without a network
        `480/500 · waits for the network (api.heroku.com does not answer), gives up in 9 min 20 s`.
        """
        if self.is_outage:
            gives_up = duration(math.ceil(self.waiting))
            return shortened(f"{self.done:,}/{self.total:,} · waits {self.why}, gives up in {gives_up}", MAX_LINE_WIDTH)
        requests, elapsed = counted(self.requests, "request"), duration(self.seconds)
        if not self.over:
            remaining = () if self.remaining is None or self.waiting else (f"{self.remaining:,} left",)
            pause = f"{duration(math.ceil(self.waiting))} " if self.waiting > MAX_UNTIMED_PAUSE_SECONDS else ""
            waits = (f"waits {pause}{self.why}",) if self.waiting else ()
            to_go = (f"about {_rough(self.expected)} to go",) if self.expected >= MIN_EXPECTED_SECONDS else ()
            parts = (f"{self.done:,}/{self.total:,}", *to_go, requests, *remaining, elapsed, *waits)
            return shortened(" · ".join(parts), MAX_LINE_WIDTH)
        calls = counted(self.total, "call")
        before = (calls if self.done == self.total else f"{self.done:,} of {calls}", requests, elapsed)
        several = "," in self.account  # `remaining` is that of only one of them
        after = () if several or self.remaining is None else (f"{counted(self.remaining, 'request')} left",)
        label = "accounts " if several else "account "
        room = MAX_LINE_WIDTH - len(" · ".join((*before, label, *after)))
        whose = (label + shortened(self.account, room),) if room > 0 else ()
        return " · ".join((*before, *whose, *after))

    def estimate_text(self, waited: float = 0.0) -> str:
        """Return what is to come, and how long it takes, as one line of text.

        `1,500 calls to come, about 1,520 requests; 420 left of Heroku's budget, 75 a minute: about 15 min.`

        Parameters:
            waited: the seconds that the run has waited before, which are added up with those to come: `about 50 s, 90 s
                of waiting in all.`
        """
        in_all = f", {_rough(waited + self.expected)} of waiting in all" if waited >= MIN_EXPECTED_SECONDS else ""
        estimate, takes = self.estimate, f"about {_rough(self.expected)}{in_all}."
        if estimate is None:
            return f"{counted(self.total - self.done, 'call')} to come: {takes}"
        account = f" with account {shortened(estimate.account, MAX_ACCOUNT_WIDTH)}" if "," in self.account else ""
        calls = f"{counted(estimate.fetches, 'call')}{account} to come, about {counted(estimate.requests, 'request')}"
        left = "" if estimate.remaining is None else f"{estimate.remaining:,} left of {estimate.service}'s budget, "
        return f"{calls}; {left}{estimate.refill:g} a minute: {takes}"

    def html(self) -> Html:
        """Return the progress as one line of HTML, which needs no script and no style sheet."""
        from kosmo_kernel.safety.escape import Html

        bar = Html()
        if self.share is not None:
            bar = Html(f'<span style="{_BAR}"><span style="{_DONE};width:{{:.1f}}%"></span></span>').format(
                100 * self.share
            )
        return html_line(bar, self.text())

    def at_end(self) -> ProgressSnapshot:
        """Return the same progress for a run that has ended."""
        return replace(self, waiting=0.0, why="", over=True, expected=0.0, estimate=None, is_outage=False)

    @property
    def share(self) -> float | None:
        """The finished part of the calls, from 0 to 1; None if a bar would not be informative.

        In a script that makes one call after another, all known calls but the last are always finished.
        """
        return self.done / self.total if not self.over and self.total - self.done > 1 else None


class Outage(Protocol):
    """The network of an account, which may be gone; see `NetworkOutage`."""

    def wait_of(self, progress: Progress) -> tuple[float, str] | None:
        """Return in how many seconds a run gives up, and what it waits for; None if it does not wait."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """A thread's pause: its end, its reason, and whether other threads go on meanwhile."""

    until: float
    why: str
    alone: bool


@dataclass(slots=True, eq=False)
class ExpectedCall:
    """The fetches of one call that are not done, in the estimate of a run.

    Parameters:
        work: the work of its account.
        fetches: the number of them.
        of_item: whether an item of `parallel.map` makes the call.
    """

    work: AccountWork
    fetches: int
    of_item: bool


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
                done=self._done,
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
        answered, sent = self._requests, sum(work.sent for work in self._works.values())
        before, self._counts = self._counts, (answered, sent)
        if answered - before[0] > 2 * (sent - before[1]) + MAX_UNSENT_ANSWERS:
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


class ProgressDisplay:
    """The progress line of one run, in a terminal or notebook. It shows nothing before its first call.

    It is a context manager around the run: at its end, or when it fails, the line shows the totals.

    Parameters:
        draw: shows a snapshot in place of the previous one.
        say: shows a line of text that stays: the estimate of a long run, when it is known and when it has doubled. A
            run is long by the waiting that is certain: what it has waited already, in earlier calls as well, and what
            is to come.
    """

    def __init__(
        self, draw: Callable[[ProgressSnapshot], None], say: Callable[[str], None] = lambda _text: None
    ) -> None:
        self._draw, self._say = draw, say
        self._last: ProgressSnapshot | None = None
        self._estimate = 0.0  # seconds of the whole run, as they were said
        self._waited = 0.0  # seconds in which more of the same call was to come

    def __call__(self, state: ProgressSnapshot) -> None:
        """Show a snapshot."""
        if self._last is not None and self._last.expected >= MIN_EXPECTED_SECONDS:
            self._waited += state.seconds - self._last.seconds
        self._last = state
        whole = state.seconds + state.expected
        is_certain = state.expected >= MIN_EXPECTED_SECONDS and (state.estimate is None or state.estimate.is_settled)
        is_long = is_certain and self._waited + state.expected >= LONG_WAIT_SECONDS
        if is_long and whole > MIN_CHANGE * self._estimate:
            self._estimate = whole
            self._say(state.estimate_text(self._waited))
        self._draw(state)

    def make_way(self, stream: TextIO, text: str) -> None:
        """Remove the line if necessary before a text is written to a stream. Subclasses override it."""

    def cleared(self) -> None:
        """Handle that the output with the line was cleared. Subclasses override it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last is not None and not self._last.over:
            self(self._last.at_end())


def duration(seconds: float) -> str:
    """Format a duration: `4.2 s`, `3 min 20 s`, `2 h 5 min`. Integers have no decimals."""
    if seconds < 60:
        return f"{seconds} s" if isinstance(seconds, int) else f"{min(seconds, 59.9):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _rough(seconds: float) -> str:
    """Format an estimate, rounded up: `15 s`, `90 s`, `8 min`, `2 h 5 min`."""
    if seconds < 2 * 60:
        return f"{math.ceil(seconds / 5) * 5} s"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def counted(number: int, noun: str) -> str:
    """Return a count with its noun: `1 call`, `1,200 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
