"""Show the progress of a call from Python, and ask for permission: in IPython, in a terminal, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from kosmo_kernel.render.own_frames import ipython_shell
from kosmo_kernel.run.options import NO_FRONTEND, Frontend

if TYPE_CHECKING:
    from kosmo_kernel.render.notes import Note


@contextmanager
def call_frontend() -> Iterator[Frontend]:
    """Provide the front end for one call.

    Without IPython, a call shows progress only in a terminal, because a script that makes many calls would fill its log
    with a line for each.
    """
    if shell := ipython_shell():
        from kosmo_kernel.notebook.ipython import ask, progress_line

        with progress_line(shell) as line:
            yield Frontend(ask=partial(ask, "l"), progress=line)
    elif sys.stderr and sys.stderr.isatty():
        from kosmo_kernel.progress.terminal import TerminalProgress

        with TerminalProgress(sys.stderr) as line:
            yield Frontend(ask=input if sys.stdin and sys.stdin.isatty() else None, progress=line)
    else:
        yield NO_FRONTEND


def show_notes(notes: Sequence[Note]) -> None:
    """Show notes about a call as a cell does: in a notebook as an output, elsewhere on standard error."""
    if shell := ipython_shell():
        from kosmo_kernel.notebook import ipython

        ipython.show_notes(shell, notes)
    elif sys.stderr and notes:  # the parent process may have closed it
        from kosmo_kernel.render.notes import write_notes

        write_notes(notes, sys.stderr)
