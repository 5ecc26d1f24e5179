"""Show the progress of a call from Python, and ask for permission: in IPython, in a terminal, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.run.options import NO_FRONTEND, Frontend


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
        from kosmo_kernel.render.terminal_progress import TerminalProgress

        with TerminalProgress(sys.stderr) as line:
            yield Frontend(ask=input if sys.stdin and sys.stdin.isatty() else None, progress=line)
    else:
        yield NO_FRONTEND


def ipython_shell() -> Any:
    """Return the running IPython shell, or None. IPython is not imported."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module else None


def hide_own_frames(error: KosmoError) -> None:
    """Have IPython end the traceback of an error at the line that made the call, without the lines of this package."""
    if not (shell := ipython_shell()):
        return

    def render() -> list[str]:
        outer = trace = error.__traceback__
        while trace is not None:
            if not str(trace.tb_frame.f_globals.get("__name__")).startswith("kosmo_kernel."):
                outer = trace
            trace = trace.tb_next
        if outer is not None:
            outer.tb_next = None
        lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        return lines

    vars(error)["_render_traceback_"] = render


def show_notes(notes: list[str]) -> None:
    """Write notes about a call to standard error, as a cell does. The parent process may have closed it."""
    if sys.stderr:
        sys.stderr.writelines(f"{note}\n" for note in notes)
