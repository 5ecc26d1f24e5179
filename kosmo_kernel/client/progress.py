"""What a run asks of services while it is under way: how much is done, what it cost, and what it waits for.

One `Progress` belongs to one run. The threads that send its requests count in it, and wait in it where they must
(for a budget that comes back, before another try), so that one `cancel` ends all of their waits at once. Whoever
shows it takes a `Snapshot`, which says itself in one line of text or HTML.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self, TextIO

MAX_LINE_WIDTH = 100  # characters of the line
STALLED_SECONDS = 1.0  # seconds without an answer after which nothing seems to go on

# The bar takes its colours from where it is shown: JupyterLab's, VS Code's, or one that suits light and dark pages.
_BAR = (
    "display:inline-block;vertical-align:middle;overflow:hidden;width:9em;height:4px;margin:0 12px 3px 0;"
    "border-radius:2px;background:rgba(128,128,128,.3)"
)
_DONE = "display:block;height:100%;background:var(--jp-brand-color1,var(--vscode-progressBar-background,#1e88e5))"
LINE_STYLE = "font-size:12px;line-height:1.6;font-variant-numeric:tabular-nums;opacity:.75"


class Cancelled(Exception):  # noqa: N818 - no error: the run that asked has ended
    """The run that a thread works for has ended; nobody wants the answer."""


class Clock(Protocol):
    """Time, and waiting for it. Tests bring their own."""

    def now(self) -> float:
        """Seconds, ever rising."""

    def wait(self, seconds: float, ended: threading.Event) -> bool:
        """Wait so long, or until `ended` is set; whether it is."""


class WallClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds, ever rising."""
        return time.monotonic()

    def wait(self, seconds: float, ended: threading.Event) -> bool:
        """Wait so long, or until `ended` is set; whether it is."""
        return ended.wait(seconds)


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """How far a run is.

    Parameters:
        done: calls that were answered; each item of a list argument is one.
        total: calls that were begun or are queued.
        requests: HTTP requests that were answered, those that had to be tried again included.
        remaining: how many requests the account asked last has left, where its service says so.
        account: its alias, empty before the first call; several, in the order in which they were first asked, with
            commas between.
        seconds: since the first call.
        waiting: seconds until requests go on, or 0.0 when nothing holds them up.
        why: what is waited for, empty when nothing is.
        over: the run has ended, and this is what it cost.
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

    def text(self) -> str:
        """It in one line of text, at most `WIDEST` characters.

        Under way `480/500 · 1,440 requests · 3,060 left · 4.2 s`, at the end what the run cost:
        `500 calls · 1,500 requests · 4.4 s · account production · 3,000 requests left`.
        """
        requests, took = _counted(self.requests, "request"), duration(self.seconds)
        if not self.over:
            left = () if self.remaining is None else (f"{self.remaining:,} left",)
            waits = (f"waits {duration(math.ceil(self.waiting))} {self.why}",) if self.waiting else ()
            return _cut(" · ".join((f"{self.done:,}/{self.total:,}", requests, *left, took, *waits)), MAX_LINE_WIDTH)
        calls = _counted(self.total, "call")
        before = (calls if self.done == self.total else f"{self.done:,} of {calls}", requests, took)
        several = "," in self.account  # and then what is left is that of one of them
        after = () if several or self.remaining is None else (f"{_counted(self.remaining, 'request')} left",)
        label = "accounts " if several else "account "
        room = MAX_LINE_WIDTH - len(" · ".join((*before, label, *after)))
        whose = (label + _cut(self.account, room),) if room > 0 else ()
        return " · ".join((*before, *whose, *after))

    def html(self) -> str:
        """It in one small line of HTML, which needs neither a script nor a style of the page."""
        from html import escape

        from kosmo_kernel.safety.no_math import CLASSES, without_delimiters

        bar = ""
        if self.share is not None:
            bar = f'<span style="{_BAR}"><span style="{_DONE};width:{100 * self.share:.1f}%"></span></span>'
        return without_delimiters(f'<div style="{LINE_STYLE}" class="{CLASSES}">{bar}{escape(self.text())}</div>')

    def at_end(self) -> ProgressSnapshot:
        """The same, of a run that has ended."""
        return replace(self, waiting=0.0, why="", over=True)

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None where a bar would tell nothing.

        A script that makes one call after the other has always made all but one of those that are known.
        """
        return self.done / self.total if not self.over and self.total - self.done > 1 else None


@dataclass(frozen=True, slots=True)
class _Pause:
    """Until when a thread waits, for what, and whether the others go on meanwhile."""

    until: float
    why: str
    alone: bool


class Progress:
    """What one run has asked for. Threads may share it.

    Parameters:
        clock: what time it is, and how to wait.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or WallClock()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._done = self._total = self._requests = 0
        self._remaining: int | None = None
        self._accounts: dict[str, None] = {}
        self._started: float | None = None
        self._pauses: dict[int, _Pause] = {}  # by thread
        self._answered_at = -math.inf

    @property
    def cancelled(self) -> bool:
        """Whether the run has ended."""
        return self._ended.is_set()

    def begin(self, account: str, calls: int = 1) -> None:
        """So many calls with an account are begun or queued."""
        with self._lock:
            self._accounts[account] = None
            self._total += calls
            if self._started is None:
                self._started = self.clock.now()

    def end(self, calls: int = 1) -> None:
        """So many calls were answered, or failed."""
        with self._lock:
            self._done += calls

    def answered(self, remaining: int | None) -> None:
        """A request was answered; so many more may be sent, where the service says so."""
        with self._lock:
            self._requests += 1
            self._answered_at = self.clock.now()
            self._remaining = self._remaining if remaining is None else remaining

    def check(self) -> None:
        """Go on only if somebody still wants the answer.

        Raises:
            Cancelled: the run has ended.
        """
        if self._ended.is_set():
            raise Cancelled

    def pause(self, seconds: float, why: str, *, alone: bool = False) -> None:
        """Hold a thread up, in sight.

        Parameters:
            seconds: how long.
            why: what for, in a few words that follow "waits 12 s ": `for Heroku's request budget`.
            alone: others go on meanwhile, so that it is only told once none of them does.

        Raises:
            Cancelled: the run has ended meanwhile.
        """
        me = threading.get_ident()
        with self._lock:
            self._pauses[me] = _Pause(self.clock.now() + seconds, why, alone)
        try:
            ended = self.clock.wait(seconds, self._ended)
        finally:
            with self._lock:
                del self._pauses[me]
        if ended:
            raise Cancelled

    def cancel(self) -> None:
        """The run has ended: whoever waits in it stops, and nothing more is sent for it. From any thread or handler."""
        self._ended.set()

    def snapshot(self) -> ProgressSnapshot:
        """How far it is now."""
        with self._lock:
            now = self.clock.now()
            longest = self._longest(now)
            return ProgressSnapshot(
                done=self._done,
                total=self._total,
                requests=self._requests,
                remaining=self._remaining,
                account=", ".join(self._accounts),
                seconds=now - self._started if self._started is not None else 0.0,
                waiting=max(0.0, longest.until - now) if longest else 0.0,
                why=longest.why if longest else "",
                over=self._ended.is_set(),
            )

    def _longest(self, now: float) -> _Pause | None:
        """The pause to tell of: the longest that holds up all, or any where nothing goes on beside it."""
        still = self._total - self._done <= len(self._pauses) or now - self._answered_at >= STALLED_SECONDS
        told = (pause for pause in self._pauses.values() if still or not pause.alone)
        return max(told, key=lambda pause: pause.until, default=None)


class ProgressDisplay:
    """The line of one run, as a door shows it: nothing until it is called, then every state, and the last one for good.

    A context manager around the run: at its end, or when it fails, the line says what the run cost.

    Parameters:
        draw: shows a state in place of the one before.
    """

    def __init__(self, draw: Callable[[ProgressSnapshot], None]) -> None:
        self._draw = draw
        self._last: ProgressSnapshot | None = None

    def __call__(self, state: ProgressSnapshot) -> None:
        """Show how far the run is."""
        self._last = state
        self._draw(state)

    def make_way(self, stream: TextIO, text: str) -> None:
        """A text is about to be written to a stream."""

    def cleared(self) -> None:
        """All that was shown has been taken away."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last is not None and not self._last.over:
            self(self._last.at_end())


def duration(seconds: float) -> str:
    """A time as people say it: `4.2 s`, `3 min 20 s`, `2 h 5 min`. A whole number has no decimals."""
    if seconds < 60:
        return f"{seconds} s" if isinstance(seconds, int) else f"{min(seconds, 59.9):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
