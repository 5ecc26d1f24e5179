"""`%kosmo explore`: a form that calls an API function, shows the result, and writes the code for the same call.

The form runs Lua in the session of its notebook, so it shares the accounts, rate limits, progress display and cache
with the notebook's cells. ipywidgets is imported when the form is first opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmo_kernel.notebook.commands import NotebookContext

if TYPE_CHECKING:
    from kosmo_kernel.explorer.form import Explorer


def explore(name: str, context: NotebookContext, account: str | None = None) -> Explorer:
    """Return the form, which is not displayed yet.

    Parameters:
        name: the function to select, such as `list_apps` or `heroku.list_apps`; empty for the first one.
        context: the notebook in which the form is opened.
        account: the account to select; that of the session when None.

    Raises:
        UnknownNameError: there is no such function or account; the error lists the nearest names.
    """
    from kosmo_kernel.docs import resolve_function
    from kosmo_kernel.explorer.form import Explorer

    return Explorer(context, resolve_function(name) if name else None, account)
