"""The Python notebook as the `%kosmo` commands see it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from kosmo_kernel.explorer import explore
from kosmo_kernel.notebook.commands import NotebookContext
from kosmo_kernel.notebook.ipython import publish
from kosmo_kernel.settings.cell_options import LUA_MAGIC

if TYPE_CHECKING:
    from kosmo_kernel.progress.snapshot import ProgressSnapshot
    from kosmo_kernel.session import Session


def notebook_context(
    shell: Any, session: Session, progress: Callable[[ProgressSnapshot], None] | None = None
) -> NotebookContext:
    """Return the context of an IPython shell's notebook for the `%kosmo` commands.

    If the kernel supports subshells (JEP 91), JupyterLab sends widget messages to a subshell's thread. Lua must run in
    the thread of the cells: there a run waits for the running cell, and an interrupt, which is a signal, reaches it.

    Parameters:
        shell: the shell; one of its cells is running in the current thread.
        session: the shell's Lua session.
        progress: receives the progress of a command.
    """
    import asyncio

    cell_thread = threading.get_ident()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a shell without a kernel, which shows no widgets
        loop = None

    def between_cells(work: Callable[[], None]) -> None:
        if loop is None or threading.get_ident() == cell_thread:
            work()
        else:
            loop.call_soon_threadsafe(work)

    return NotebookContext(
        session,
        f"%%{LUA_MAGIC}",
        shell.user_ns,
        between_cells,
        explore,
        ask=_ask,
        display=partial(publish, shell),
        progress=progress,
        set_variable=lambda name, value: shell.push({name: value}),
    )


def _ask(command: str, line: str, context: NotebookContext) -> Any:
    from kosmo_kernel.checks.cell import ask_in_cell

    return ask_in_cell(command, line, context)
