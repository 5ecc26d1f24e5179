"""The line that shows the progress of a run: what it says, when it is shown, and how a terminal draws it.

A `ProgressSnapshot` is the progress at one moment, which formats itself as one line of text or HTML. A
`ProgressDisplay` is the line of one run, whatever draws it; `TerminalProgress` draws it on the last line of a terminal.
Each state is drawn over the previous one with rich, and the last one stays. Code that writes to the same terminal calls
`make_way` first, which erases the line; it is not drawn again while that output is within a line. The estimate of a
long run stays above the line. If the stream is no terminal, only the estimate and the last state are written, because a
log has no use for the others.

A `ProgressThrottle` shows the line only while a run waits for a remote account, after a delay, and at intervals.
`KOSMO_PROGRESS=0` never shows it. `KOSMO_PROGRESS=1` shows it for every run that makes a call, without delay and also
with the demo account.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Self, TextIO

from msgspec import Struct
from msgspec.structs import replace

from kosmo_kernel.safety.text import shortened
from kosmo_kernel.settings.table import PROGRESS
from kosmo_kernel.text import counted, duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from kosmo_kernel.safety.markup import Html

MAX_LINE_WIDTH = 100  # characters
MAX_ACCOUNT_WIDTH = 40  # characters of an account in the estimate
MAX_UNTIMED_PAUSE_SECONDS = 2.0  # of a pause whose seconds the line does not count down
MIN_EXPECTED_SECONDS = 10.0  # until the end, below which the line does not name them

# The bar uses the colours of JupyterLab or VS Code, else one that suits light and dark pages.
_BAR = (
    "display:inline-block;vertical-align:middle;overflow:hidden;width:9em;height:4px;margin:0 12px 3px 0;"
    "border-radius:2px;background:rgba(128,128,128,.3)"
)
_DONE = "display:block;height:100%;background:var(--jp-brand-color1,var(--vscode-progressBar-background,#1e88e5))"
_LINE_STYLE = "font-size:12px;line-height:1.6;font-variant-numeric:tabular-nums;opacity:.75"


def html_line(*parts: str) -> Html:
    """Return a line of HTML in the small style of the progress line."""
    from kosmo_kernel.safety.markup import CLASSES, Html

    line = Html(f'<div style="{_LINE_STYLE}" class="{{}}">{{}}</div>')
    return line.format(CLASSES, Html().join(parts))


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


class ProgressSnapshot(Struct, frozen=True):
    """The progress of a run at one moment."""

    finished: int  # the number of finished calls; each item of a list argument counts as one
    total: int  # the number of calls begun or queued
    requests: int  # the number of HTTP requests answered, retried ones included
    remaining: int | None  # the remaining request budget of the account used last, if its service reports it
    # The account's alias, empty before the first call; several are separated by commas, in the order of their first
    # call.
    account: str
    seconds: float  # the time since the first call
    waiting: float = 0.0  # the seconds until the end of a pause, or 0.0 without a pause
    reason: str = ""  # the reason for the pause, or empty
    over: bool = False  # the run has ended
    expected: float = 0.0  # the estimated seconds until the end, or 0.0 if there is no estimate
    # What is to come with the account that takes the longest, if its rate limit is known.
    estimate: Estimate | None = None
    function: str = ""  # the name of the function that was called last

    def text(self) -> str:
        """Return the progress as one line of text, at most `MAX_LINE_WIDTH` characters.

        During the run `480/500 list_dynos · 1,440 requests · 3,060 left · 4.2 s`, at its end
        `500 calls · 1,500 requests · 4.4 s · account production · 3,000 requests left`. With an estimate
        `600/1,500 list_dynos · about 12 min to go · 600 requests · 50 left · 4.2 s`. A line that would be too long
        does not name the function.
        """
        requests, elapsed = counted(self.requests, "request"), duration(self.seconds)
        if not self.over:
            remaining = () if self.remaining is None or self.waiting else (f"{self.remaining:,} left",)
            pause = f"{duration(math.ceil(self.waiting))} " if self.waiting > MAX_UNTIMED_PAUSE_SECONDS else ""
            waits = (f"waits {pause}{self.reason}",) if self.waiting else ()
            to_go = (f"about {_rough(self.expected)} to go",) if self.expected >= MIN_EXPECTED_SECONDS else ()
            counts = f"{self.finished:,}/{self.total:,}"
            line = " · ".join((counts, *to_go, requests, *remaining, elapsed, *waits))
            long_line = f"{counts} {self.function}{line.removeprefix(counts)}" if self.function else line
            return long_line if len(long_line) <= MAX_LINE_WIDTH else shortened(line, MAX_LINE_WIDTH)
        calls = counted(self.total, "call")
        before = (calls if self.finished == self.total else f"{self.finished:,} of {calls}", requests, elapsed)
        several = "," in self.account  # `remaining` is that of only one of them
        after = () if several or self.remaining is None else (f"{counted(self.remaining, 'request')} left",)
        label = "accounts " if several else "account "
        max_width = MAX_LINE_WIDTH - len(" · ".join((*before, label, *after)))
        whose = (label + shortened(self.account, max_width),) if max_width > 0 else ()
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
            return f"{counted(self.total - self.finished, 'call')} to come: {takes}"
        account = f" with account {shortened(estimate.account, MAX_ACCOUNT_WIDTH)}" if "," in self.account else ""
        calls = f"{counted(estimate.fetches, 'call')}{account} to come, about {counted(estimate.requests, 'request')}"
        remaining = (
            "" if estimate.remaining is None else f"{estimate.remaining:,} left of {estimate.service}'s budget, "
        )
        return f"{calls}; {remaining}{estimate.refill:g} a minute: {takes}"

    def html(self) -> Html:
        """Return the progress as one line of HTML, which needs no script and no style sheet."""
        from kosmo_kernel.safety.markup import Html

        bar = Html()
        if self.share is not None:
            bar = Html(f'<span style="{_BAR}"><span style="{_DONE};width:{{:.1f}}%"></span></span>').format(
                100 * self.share
            )
        return html_line(bar, self.text())

    def at_end(self) -> ProgressSnapshot:
        """Return the same progress for a run that has ended."""
        return replace(self, waiting=0.0, reason="", over=True, expected=0.0, estimate=None)

    @property
    def share(self) -> float | None:
        """The finished part of the calls, from 0 to 1; None if a bar would not be informative.

        In a script that makes one call after another, all known calls but the last are always finished.
        """
        return self.finished / self.total if not self.over and self.total - self.finished > 1 else None


def _rough(seconds: float) -> str:
    """Format an estimate, rounded up: `15 s`, `90 s`, `8 min`, `2 h 5 min`."""
    if seconds < 2 * 60:
        return f"{math.ceil(seconds / 5) * 5} s"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


LONG_WAIT_SECONDS = 60.0  # of waiting, past and expected, from which on the estimate is said
MIN_CHANGE = 2.0  # of the whole time, from which on it is said again


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
        total = state.seconds + state.expected
        is_certain = state.expected >= MIN_EXPECTED_SECONDS and (state.estimate is None or state.estimate.is_settled)
        is_long = is_certain and self._waited + state.expected >= LONG_WAIT_SECONDS
        if is_long and total > MIN_CHANGE * self._estimate:
            self._estimate = total
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


SHOW_AFTER_SECONDS = 0.5  # of waiting, before progress is shown
INTERVAL_SECONDS = 0.1  # between two updates


class ProgressThrottle:
    """Show the progress of a run at intervals, in the thread that runs it.

    Parameters:
        snapshot: returns the progress of the run now.
        show: callback for a snapshot; None to show nothing.
        now: returns the time in seconds of a monotonic clock.

    Raises:
        SettingsError: `KOSMO_PROGRESS` is neither 0 nor 1.
    """

    def __init__(
        self,
        snapshot: Callable[[], ProgressSnapshot],
        show: Callable[[ProgressSnapshot], None] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        switch = PROGRESS.from_env()
        self._snapshot, self._now = snapshot, now
        self._show = None if switch is False else show
        self._always = switch is True
        self._waited = 0.0
        self._shown_at: float | None = None

    def waited(self, since: float, *, remote: bool) -> None:
        """Update the progress after a wait for calls.

        Parameters:
            since: the start of the wait, in the time of `now`.
            remote: whether one of the calls is made with a remote account.
        """
        if self._show is None or not (remote or self._always):
            return
        now = self._now()
        self._waited += now - since
        is_due = self._shown_at is None or now - self._shown_at >= INTERVAL_SECONDS
        if is_due and (self._always or self._waited >= SHOW_AFTER_SECONDS):
            self._shown_at = now
            self._show(self._snapshot())

    def end(self, last: ProgressSnapshot) -> None:
        """Show the last snapshot of the run, if any was shown before."""
        if self._show is not None and self._shown_at is not None:
            self._show(last)


BAR_WIDTH = 20  # terminal columns
_BAR_DONE, _BAR_REMAINING = "━", "─"


class TerminalProgress(ProgressDisplay):
    """The progress line of one run on a stream; a context manager around the run.

    Parameters:
        stream: where to draw; standard error, so that standard output has only the result.
        advice: what the user can do about a long run, at the end of its estimate.
    """

    def __init__(self, stream: TextIO, advice: str = "Ctrl-C stops.") -> None:
        super().__init__(self._show, self._show_estimate)
        self._stream, self._advice = stream, advice
        self._drawn = False
        self._unfinished = False
        self._cost: ProgressSnapshot | None = None

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._cost is not None:
            self._print_line(self._cost.text())

    def make_way(self, stream: TextIO, text: str) -> None:
        """Erase the progress line before other text is written.

        Parameters:
            stream: the stream to be written; a file or a pipe does not disturb the line.
            text: the text to be written; unless it ends with a line feed, progress pauses until one that does.
        """
        if stream.isatty():
            self._erase()
            self._unfinished = not text.endswith("\n")

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self._stream, highlight=False, markup=False, emoji=False)

    @property
    def _alive(self) -> bool:
        """Return whether the terminal can erase and redraw a line."""
        return self._stream.isatty() and not self._console.is_dumb_terminal

    def _show(self, state: ProgressSnapshot) -> None:
        if state.over:  # printed in `__exit__`, after the run's own output
            self._erase()
            self._cost = state
        elif self._alive and not self._unfinished:
            with self._console:  # buffered, to avoid flicker
                self._erase()
                max_width = self._console.width - 1  # writing the last column would wrap
                self._console.print(_text(state, max_width), end="", no_wrap=True, overflow="ellipsis", crop=True)
            self._drawn = True

    def _show_estimate(self, text: str) -> None:
        if self._alive and self._unfinished:  # the output before it is within a line
            self._stream.write("\n")
            self._unfinished = False
        self._erase()
        self._print_line(f"{text} {self._advice}")

    def _print_line(self, text: str) -> None:
        self._console.print(text, style="dim", soft_wrap=True)

    def _erase(self) -> None:
        if not self._drawn:
            return
        from rich.control import Control
        from rich.segment import ControlType

        self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
        self._drawn = False


def _text(state: ProgressSnapshot, max_width: int) -> Text:
    """Return the text of a state, at most `max_width` columns wide."""
    from rich.text import Text

    text = Text(state.text())
    text.truncate(max_width, overflow="ellipsis")
    if (
        state.share is None or state.waiting or BAR_WIDTH + 1 + len(text) > max_width
    ):  # the reason for a wait needs the room
        return text
    full = int(BAR_WIDTH * state.share)
    return Text.assemble((_BAR_DONE * full, "cyan"), (_BAR_REMAINING * (BAR_WIDTH - full), "dim"), " ", text)
