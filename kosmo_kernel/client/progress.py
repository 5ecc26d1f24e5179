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
from typing import TYPE_CHECKING, Self, TextIO

from kosmo_kernel.safety.text import shortened

if TYPE_CHECKING:
    from kosmo_kernel.safety.escape import Html

MAX_LINE_WIDTH = 100  # characters
STALLED_SECONDS = 1.0  # without a response, after which the run counts as stalled
LONG_WAIT_SECONDS = 60.0  # expected until the end, from which on a log is told as well
MAX_UNTIMED_PAUSE_SECONDS = 2.0  # of a pause whose seconds the line does not count down
MIN_EXPECTED_SECONDS = 10.0  # until the end, below which the line does not name them
MIN_MEASURED_SECONDS = 1.0  # of a run, before its speed is measured
# Added to the number of calls and of requests that they took, so that the first call does not stand for all.
_CALLS_OF_ONE_REQUEST = 10

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

    def text(self) -> str:
        """Return the progress as one line of text, at most `MAX_LINE_WIDTH` characters.

        During the run `480/500 · 1,440 requests · 3,060 left · 4.2 s`, at its end
        `500 calls · 1,500 requests · 4.4 s · account production · 3,000 requests left`. With an estimate
        `600/1,500 · about 12 min to go · 600 requests · 50 left · 4.2 s`.
        """
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
        return replace(self, waiting=0.0, why="", over=True, expected=0.0)

    @property
    def share(self) -> float | None:
        """The finished part of the calls, from 0 to 1; None if a bar would not be informative.

        In a script that makes one call after another, all known calls but the last are always finished.
        """
        return self.done / self.total if not self.over and self.total - self.done > 1 else None


@dataclass(frozen=True, slots=True)
class _Pause:
    """A thread's pause: its end, its reason, and whether other threads go on meanwhile."""

    until: float
    why: str
    alone: bool


class Progress:
    """The progress of one run. Thread-safe."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._done = self._total = self._requests = 0
        self._remaining: int | None = None
        self._accounts: dict[str, None] = {}
        self._started: float | None = None
        self._pauses: dict[int, _Pause] = {}  # by thread id
        self._answered_at = -math.inf
        self._seconds_for: Callable[[int], float] = lambda _requests: 0.0

    @property
    def cancelled(self) -> bool:
        """Return whether the run has ended."""
        return self._ended.is_set()

    def begin(self, account: str, calls: int = 1) -> None:
        """Count calls with an account that are begun or queued."""
        with self._lock:
            self._accounts[account] = None
            self._total += calls
            if self._started is None:
                self._started = self.clock.now()

    def end(self, calls: int = 1) -> None:
        """Count calls that were answered or failed."""
        with self._lock:
            self._done += calls

    def answered(self, remaining: int | None) -> None:
        """Count an answered request, and keep the remaining request budget if the service reports it."""
        with self._lock:
            self._requests += 1
            self._answered_at = self.clock.now()
            self._remaining = self._remaining if remaining is None else remaining

    def expect(self, seconds_for: Callable[[int], float]) -> None:
        """Estimate the time until the end by the rate limit of an account, besides the speed so far.

        Parameters:
            seconds_for: returns the seconds that the rate limit takes for a number of requests.
        """
        self._seconds_for = seconds_for

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
        with self._lock:
            now = self.clock.now()
            longest = self._longest(now)
            seconds = now - self._started if self._started is not None else 0.0
            return ProgressSnapshot(
                done=self._done,
                total=self._total,
                requests=self._requests,
                remaining=self._remaining,
                account=", ".join(self._accounts),
                seconds=seconds,
                waiting=max(0.0, longest.until - now) if longest else 0.0,
                why=longest.why if longest else "",
                over=self._ended.is_set(),
                expected=0.0 if self._ended.is_set() else self._expected(seconds),
            )

    def _expected(self, seconds: float) -> float:
        """Return the estimated seconds until the end: by the rate limit, or by the speed so far if that takes longer.

        The number of requests of a call is that of the calls so far. There is no estimate for a script that makes one
        call after another, because nobody knows how many will follow.
        """
        calls = self._total - self._done
        if calls <= 1:
            return 0.0
        ratio = (self._requests + _CALLS_OF_ONE_REQUEST) / (self._done + _CALLS_OF_ONE_REQUEST)
        by_limit = self._seconds_for(math.ceil(calls * max(1.0, ratio)))
        is_measured = self._done and seconds >= MIN_MEASURED_SECONDS
        return max(by_limit, calls * seconds / self._done) if is_measured else by_limit

    def _longest(self, now: float) -> _Pause | None:
        """Return the longest pause to show; pauses with `alone` count only while the whole run is stalled."""
        stalled = self._total - self._done <= len(self._pauses) or now - self._answered_at >= STALLED_SECONDS
        pauses = (pause for pause in self._pauses.values() if stalled or not pause.alone)
        return max(pauses, key=lambda pause: pause.until, default=None)


class ProgressDisplay:
    """The progress line of one run, in a terminal or notebook. It shows nothing before its first call.

    It is a context manager around the run: at its end, or when it fails, the line shows the totals. `draw` shows a
    snapshot in place of the previous one.
    """

    def __init__(self, draw: Callable[[ProgressSnapshot], None]) -> None:
        self._draw = draw
        self._last: ProgressSnapshot | None = None

    def __call__(self, state: ProgressSnapshot) -> None:
        """Show a snapshot."""
        self._last = state
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
