"""Draw a run's progress on the last line of a terminal.

Each state is drawn over the previous one with rich, and the last one stays. Code that writes to the same terminal calls
`make_way` first, which erases the line; it is not drawn again while that output is within a line. The estimate of a
long run stays above the line. If the stream is no terminal, only the estimate and the last state are written, because a
log has no use for the others.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from kosmo_kernel.progress.display import ProgressDisplay
from kosmo_kernel.progress.snapshot import ProgressSnapshot

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

BAR_WIDTH = 20  # terminal columns
_DONE, _REMAINING = "━", "─"


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
        self._outage_printed = False
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
                room = self._console.width - 1  # writing the last column would wrap
                self._console.print(_text(state, room), end="", no_wrap=True, overflow="ellipsis", crop=True)
            self._drawn = True
        elif not self._alive and state.is_outage and not self._outage_printed:
            self._print_line(state.text())
            self._outage_printed = True

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


def _text(state: ProgressSnapshot, room: int) -> Text:
    """Return the text of a state, at most `room` columns wide."""
    from rich.text import Text

    text = Text(state.text())
    text.truncate(room, overflow="ellipsis")
    if state.share is None or state.waiting or BAR_WIDTH + 1 + len(text) > room:  # the reason for a wait needs the room
        return text
    full = int(BAR_WIDTH * state.share)
    return Text.assemble((_DONE * full, "cyan"), (_REMAINING * (BAR_WIDTH - full), "dim"), " ", text)
