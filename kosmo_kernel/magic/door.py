"""The Python notebook as its commands know it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kosmo_kernel.explorer import explore
from kosmo_kernel.notebook.commands import NotebookContext
from kosmo_kernel.settings.cell_options import LUA_MAGIC

if TYPE_CHECKING:
    from kosmo_kernel.session import Session


def door_of(shell: Any, session: Session) -> NotebookContext:
    """The notebook of an IPython shell.

    JupyterLab sends what happens to widgets to a thread of its own where the kernel has such threads (JEP 91). Lua runs
    where cells do: there a run waits for the cell that is at work, and an interrupt, which is a signal, reaches it.

    Parameters:
        shell: the shell, whose cell is running in this thread.
        session: its Lua.
    """
    import asyncio

    home = threading.get_ident()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a shell without a kernel, whose widgets nobody sees
        loop = None

    def between_cells(work: Callable[[], None]) -> None:
        if loop is None or threading.get_ident() == home:
            work()
        else:
            loop.call_soon_threadsafe(work)

    return NotebookContext(session, f"%%{LUA_MAGIC}", shell.user_ns, between_cells, explore)
