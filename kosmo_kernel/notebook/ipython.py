"""Show displays and progress in an IPython shell, and ask its user."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from IPython.core.displaypub import CapturingDisplayPublisher, DisplayPublisher
from IPython.core.error import StdinNotImplementedError

from kosmo_kernel.client.progress import ProgressDisplay
from kosmo_kernel.notebook.cell_value import NotebookProgress

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kosmo_kernel.render.display import Display


def publish(shell: InteractiveShell, display: Display) -> None:
    """Publish a display; the publisher is looked up each time, because `%%capture` replaces it."""
    publisher = shell.display_pub
    if display.clears:
        publisher.clear_output(wait=display.wait)
        return
    transient = {"display_id": display.id} if display.id else {}
    publisher.publish(data=display.bundle, metadata={}, transient=transient, update=display.update)


def progress_line(shell: InteractiveShell) -> ProgressDisplay:
    """Return the progress line of a cell, for a notebook or a terminal."""
    publisher = shell.display_pub
    if type(publisher) is DisplayPublisher:  # a terminal: it prints, and displays cannot be updated
        from kosmo_kernel.render.terminal_progress import TerminalProgress

        return TerminalProgress(sys.stderr)
    return NotebookProgress(partial(publish, shell), only_last=isinstance(publisher, CapturingDisplayPublisher))


def ask(form: str, question: str = "") -> str | None:
    """Return a line of input for `io.read`, or None (the end of the input) if the front end offers no input.

    Parameters:
        form: the format of `io.read`: `l` for a line, `L` for a line with its newline, `a` for all input.
        question: the prompt.
    """
    try:
        answer = input(question)
    except (EOFError, StdinNotImplementedError):
        return None
    return f"{answer}\n" if form == "L" else answer
