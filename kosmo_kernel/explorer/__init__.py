"""`%kosmo explore`: a form that asks a function, shows what it answers, and writes the Lua that does the same.

A door of its own onto the session of the notebook that it is opened in: what it runs is Lua in that session, so the
accounts, the budget, the progress and what is kept from before are the cells'. `question.py` makes the Lua of what was
chosen, `answer.py` the markup of what came back; neither knows widgets. `form.py` has the widgets, and nothing of it is
loaded before somebody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmo_kernel.notebook.commands import NotebookContext

if TYPE_CHECKING:
    from kosmo_kernel.explorer.form import Explorer


def explore(name: str, door: NotebookContext) -> Explorer:
    """Return the form, which has not been shown yet.

    Parameters:
        name: of the function that it begins with, as in Lua or without what stands in front of it; empty for the first.
        door: the notebook that it is opened in.

    Raises:
        UnknownNameError: there is no such function; with the nearest names.
    """
    from kosmo_kernel.explorer.form import Explorer
    from kosmo_kernel.explorer.question import chosen

    first = chosen(name)
    return Explorer(door, *first)
