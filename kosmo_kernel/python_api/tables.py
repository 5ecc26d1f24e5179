"""The shared tables of an integration from Python: `heroku.tables.costs()` is the frame that a cell of Lua would show.

A table is Lua, so it runs in a Lua state of its own: no variable of a script can change it. It shares the connections
and the account of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import account_in_use
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.questions.discovery import find_table, table_names

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question
    from kosmo_kernel.render.frames import KosmoFrame
    from kosmo_kernel.results.result import Result
    from kosmo_kernel.run.options import Frontend
    from kosmo_kernel.session import Session


class Tables:
    """The tables of an integration; each attribute is a function that returns a frame.

    Parameters:
        integration: the service.
        account: the alias of the account that the tables ask; that of the session when None.
    """

    def __init__(self, integration: Integration, account: str | None) -> None:
        self._integration, self._account = integration, account

    def __getattr__(self, name: str) -> Callable[..., KosmoFrame]:
        if name.startswith("__") or name not in table_names(self._integration.name):
            names = ", ".join(table_names(self._integration.name))
            raise AttributeError(f"{self._integration.title} has no table `{name}`. It has {names}.")
        return _function(self._integration, find_table(self._integration.name, name), self._account)

    def __dir__(self) -> list[str]:
        return list(table_names(self._integration.name))

    def __repr__(self) -> str:
        return f"<{self._integration.title}: tables {', '.join(dir(self))}>"


def _function(integration: Integration, table: Question, account: str | None) -> Callable[..., KosmoFrame]:
    def ask(**parameters: Any) -> KosmoFrame:
        return _frame(integration, table.name, parameters, account)

    ask.__name__, ask.__qualname__ = table.name, f"{integration.name}.tables.{table.name}"
    ask.__module__ = "kosmo_kernel"
    columns = ", ".join(table.columns)
    known = "".join(f"    {one.name}: {one.doc}; {one.default} by default.\n" for one in table.parameters)
    known = f"Parameters:\n{known}\n" if known else ""
    ask.__doc__ = f"{table.title}.\n\n{table.about}\n\n{known}Returns:\n    A DataFrame with these columns: {columns}."
    return ask


def _frame(integration: Integration, name: str, parameters: Mapping[str, Any], account: str | None) -> KosmoFrame:
    """Return the rows of a table.

    Raises:
        KosmoError: a list could not be read.
    """
    from kosmo_kernel.notebook.cell_value import value_of
    from kosmo_kernel.notebook.last_error import keep_error
    from kosmo_kernel.python_api.current import current_session
    from kosmo_kernel.python_api.frontend import call_frontend, show_notes
    from kosmo_kernel.render.own_frames import hide_own_frames
    from kosmo_kernel.settings.cell_options import Options

    session = current_session()
    try:
        with keep_error(session), call_frontend() as frontend:
            alias = account_in_use(account, session.account, [integration])
            result = _run(f"{integration.name}.tables.{name}", parameters, session, alias, frontend)
    except KosmoError as error:
        if error.result is not None:
            show_notes(error.result.labelled_notes())
        hide_own_frames(error)
        raise error.with_traceback(None) from None
    show_notes(result.split_notes(tables=True)[1])
    frame: KosmoFrame = value_of(result.values_to_show, Options(), result.attrs())
    return frame


def _run(name: str, parameters: Mapping[str, Any], session: Session, account: str, frontend: Frontend) -> Result:
    """Call a table in a Lua state of its own, with the connections of a session."""
    from contextlib import closing

    from kosmo_kernel.run.options import RunOptions
    from kosmo_kernel.session import Session

    now = session.time_of_data(account)
    session.recording.check(account)
    with (
        closing(session.shared_services(now.date(), collects=False)) as shared,
        Session(account, shared=shared) as lua,
    ):
        inputs = {"arguments": dict(parameters)} if parameters else {}
        options = RunOptions(name=f"{name}()", now=now, inputs=inputs)
        session.last = result = lua.execute(f"return {name}({', '.join(inputs)})", options, frontend)
    return result
