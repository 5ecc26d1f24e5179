"""Show displays, notes and progress in an IPython shell, and ask its user."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from IPython.core.displaypub import CapturingDisplayPublisher, DisplayPublisher
from IPython.core.error import StdinNotImplementedError

from kosmo_kernel.notebook.cell_value import NotebookProgress
from kosmo_kernel.progress.display import ProgressDisplay

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kosmo_kernel.render.display import Display, Note


def publish(shell: InteractiveShell, display: Display) -> None:
    """Publish a display; the publisher is looked up each time, because `%%capture` replaces it."""
    publisher = shell.display_pub
    if display.clears:
        publisher.clear_output(wait=display.wait)
        return
    transient = {"display_id": display.id} if display.id else {}
    publisher.publish(data=display.bundle, metadata={}, transient=transient, update=display.update)


def show_notes(shell: InteractiveShell, notes: Sequence[Note]) -> None:
    """Show the notes about a run, if there are any: as an output of a notebook, or on the standard error of others."""
    if not notes:
        return
    from kosmo_kernel.render.display import Display, bundle_of_notes, write_notes

    if not is_terminal(shell):
        publish(shell, Display(bundle_of_notes(notes)))
    elif sys.stderr:  # the parent process may have closed it
        write_notes(notes, sys.stderr)


def is_terminal(shell: InteractiveShell) -> bool:
    """Return whether a shell prints its displays, and cannot update them."""
    return type(shell.display_pub) is DisplayPublisher


def progress_line(shell: InteractiveShell) -> ProgressDisplay:
    """Return the progress line of a cell, for a notebook or a terminal."""
    if is_terminal(shell):
        from kosmo_kernel.progress.display import TerminalProgress

        return TerminalProgress(sys.stderr)
    is_captured = isinstance(shell.display_pub, CapturingDisplayPublisher)
    return NotebookProgress(partial(publish, shell), only_last=is_captured)


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
