"""The line of a run's progress at the foot of a terminal.

Each state is drawn over the one before, by rich; the last one stays. Whoever writes to the same terminal meanwhile
says so first, so that the line makes room, and it keeps away while another line is unfinished. Where the stream is no
terminal, nothing is written but the last state: a log has no use for the others.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from kosmo_kernel.client.progress import ProgressDisplay, ProgressSnapshot

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

BAR_WIDTH = 20  # columns
_FULL, _LEFT = "━", "─"


class TerminalProgress(ProgressDisplay):
    """The line of one run on a stream, a context manager around the run.

    Parameters:
        stream: where it is drawn; standard error, so that standard output has only what was asked for.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(self._show)
        self._stream = stream
        self._drawn = False
        self._unfinished = False
        self._cost: ProgressSnapshot | None = None

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._cost is not None:
            self._console.print(self._cost.text(), style="dim", soft_wrap=True)

    def make_way(self, stream: TextIO, text: str) -> None:
        """Leave the line to what is about to be written there.

        Parameters:
            stream: where to; a file or a pipe is out of the way.
            text: what; unless it ends its last line, the progress waits for one that does.
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
        """Whether a line can be drawn over."""
        return self._stream.isatty() and not self._console.is_dumb_terminal

    def _show(self, state: ProgressSnapshot) -> None:
        if state.over:  # written when all that the run prints has been written
            self._erase()
            self._cost = state
        elif self._alive and not self._unfinished:
            with self._console:  # written at once, so that nothing flickers
                self._erase()
                room = self._console.width - 1  # the last column would begin a new line
                self._console.print(_text(state, room), end="", no_wrap=True, overflow="ellipsis", crop=True)
            self._drawn = True

    def _erase(self) -> None:
        if not self._drawn:
            return
        from rich.control import Control
        from rich.segment import ControlType

        self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
        self._drawn = False


def _text(state: ProgressSnapshot, room: int) -> Text:
    """A state under way, in so many columns at most."""
    from rich.text import Text

    text = Text(state.text())
    text.truncate(room, overflow="ellipsis")
    if state.share is None or state.waiting or BAR_WIDTH + 1 + len(text) > room:  # what is waited for needs the room
        return text
    full = int(BAR_WIDTH * state.share)
    return Text.assemble((_FULL * full, "cyan"), (_LEFT * (BAR_WIDTH - full), "dim"), " ", text)
