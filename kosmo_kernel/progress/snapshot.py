"""The progress of a run at one moment, which formats itself as one line of text or HTML."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from kosmo_kernel.progress.estimate import Estimate
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text.quantities import counted, duration

if TYPE_CHECKING:
    from kosmo_kernel.safety.escape import Html

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
    from kosmo_kernel.safety.escape import CLASSES, Html

    line = Html(f'<div style="{_LINE_STYLE}" class="{{}}">{{}}</div>')
    return line.format(CLASSES, Html().join(parts))


class ProgressSnapshot(Struct, frozen=True):
    """The progress of a run at one moment."""

    done: int  # the number of finished calls; each item of a list argument counts as one
    total: int  # the number of calls begun or queued
    requests: int  # the number of HTTP requests answered, retried ones included
    remaining: int | None  # the remaining request budget of the account used last, if its service reports it
    # The account's alias, empty before the first call; several are separated by commas, in the order of their first
    # call.
    account: str
    seconds: float  # the time since the first call
    waiting: float = 0.0  # the seconds until the end of a pause, or 0.0 without a pause
    why: str = ""  # the reason for the pause, or empty
    over: bool = False  # the run has ended
    expected: float = 0.0  # the estimated seconds until the end, or 0.0 if there is no estimate
    # What is to come with the account that takes the longest, if its rate limit is known.
    estimate: Estimate | None = None
    is_outage: bool = False  # the network is gone, and `waiting` are the seconds until the run gives up

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


def _rough(seconds: float) -> str:
    """Format an estimate, rounded up: `15 s`, `90 s`, `8 min`, `2 h 5 min`."""
    if seconds < 2 * 60:
        return f"{math.ceil(seconds / 5) * 5} s"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"
