"""The progress line of one run, whatever draws it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TextIO

from kosmo_kernel.progress.snapshot import MIN_EXPECTED_SECONDS, ProgressSnapshot

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
