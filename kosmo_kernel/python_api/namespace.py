"""An integration, or one of its accounts, as a Python namespace whose attributes are the functions of the catalogue.

The values of arguments are completed from lists that the session has, such as the names of apps. Nothing is run and
nothing is requested for that: `heroku` is looked up among the variables, and what follows it is read as text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import (
    DEFAULT,
    NOT_AN_ALIAS,
    account_in_use,
    demo_places,
    how_to_add,
    looks_like_token,
    lua_path,
)
from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Function, Integration, Param, missing_function
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError, UserError
from kosmo_kernel.integrations import known
from kosmo_kernel.python_api import current_session
from kosmo_kernel.python_api.function import at_the_caller, python_function, value_of_call
from kosmo_kernel.questions import TABLES as NAMESPACE
from kosmo_kernel.questions.discovery import DROPPED_TABLES, find_table, table_names
from kosmo_kernel.render.error_lines import hide_own_frames
from kosmo_kernel.safety.text import is_plain_in_quotes
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.text import nearest, normalize_alias

if TYPE_CHECKING:
    from os import PathLike

    from kosmo_kernel.questions.question import Question
    from kosmo_kernel.results import Result
    from kosmo_kernel.session import Session


MAX_CALL_LENGTH = 1_000  # characters of an unfinished call that are read

_KEY = r"""\["[^"\\\n]*"\]|\['[^'\\\n]*'\]"""
_CALL = re.compile(
    rf"(?<![\w.])(?P<root>[^\W\d]\w*)(?P<account>\.\w+|{_KEY})?\.(?P<function>\w+)\((?P<arguments>[^()]*)\Z"
)
_VALUE = re.compile(
    r"""(?:\A|,)\s*(?:(?P<name>\w+)\s*=\s*)?(?:\[(?:\s*(?:"[^"\n]*"|'[^'\n]*')\s*,)*\s*)?["'](?P<text>[^"'\\\n]*)\Z"""
)


class UnknownAttributeError(UnknownNameError, AttributeError):
    """A function or account that does not exist. Also an AttributeError, which `hasattr` and `getattr` expect."""


def namespace_named(name: str) -> Namespace | None:
    """Return the functions of an integration, or None if there is no integration of this name."""
    integration = known(name)
    return Namespace(integration) if integration else None


class Namespace(ModuleType):
    """The functions of an integration. It is a module, so that `help` prints its documentation.

    Attributes are functions, or accounts: `heroku.list_apps()`, `heroku.staging.list_apps()`. An account whose name is
    no Python name is an item: `heroku["my-team"].list_apps()`. Nothing is sent before a function is called.

    Parameters:
        integration: the service.
        account: the alias of the account that the functions use; that of the session when None.
    """

    def __init__(self, integration: Integration, account: str | None = None) -> None:
        super().__init__(f"kosmo_kernel.{integration.name}")
        self._integration, self._account = integration, account

    @property
    def __doc__(self) -> str:  # type: ignore[override] # made when it is read, because it needs all functions
        return "\n".join(_documentation(self._integration, self._account))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol of Python, such as `__wrapped__`
            raise AttributeError(name)
        function = self._integration.names().get(name)
        if function is not None:
            value = python_function(self._integration, function, self._account)
            setattr(self, name, value)
            return value
        if name == NAMESPACE and table_names(self._integration.name):
            return Tables(self._integration, self._account)
        if self._account is None and (alias := self._alias(name)) is not None:
            return Namespace(self._integration, alias)
        listed = f"`help({self._integration.name})` has all functions."
        why, near = missing_function(self._integration, name, self._accounts(), listed=listed)
        what = "function" if self._account else "function or account"
        how = "" if near or self._account or "_" in name else how_to_add(self._integration, name)
        text = f"{self._integration.title} has no {what} `{name}`. {why} {how}".rstrip()
        suggestions = tuple(f"{self._integration.name}.{suggestion}" for suggestion in near)
        raise _with_short_traceback(UnknownAttributeError(text, suggestions))

    def __getitem__(self, account: str) -> Namespace:
        """Return the functions for an account, by its alias.

        Raises:
            UnknownNameError: there is no such account; with the nearest names.
        """
        alias = self._alias(account)
        if alias is None:
            if looks_like_token(account):
                raise _with_short_traceback(UnknownNameError(NOT_AN_ALIAS))
            near = nearest(account, self._accounts())
            suggestions = tuple(f'{self._integration.name}["{function}"]' for function in near)
            how = "" if near else how_to_add(self._integration, account)
            text = f"{self._integration.title} has no account `{account}`. {how}".rstrip()
            raise _with_short_traceback(UnknownNameError(text, suggestions))
        return Namespace(self._integration, alias)

    def from_archive(self, file: str | PathLike[str], taken_at: str = "") -> Namespace:
        """Return functions and tables that an archive answers. Nothing is sent, and the time is that of the archive.

            heroku.from_archive("history.kosmo").list_apps()

        Parameters:
            file: the archive; `~` is expanded to a home directory.
            taken_at: the beginning of the time of a snapshot, such as `2026-11-20`; the newest one when empty.

        Raises:
            SettingsError: the file cannot be read, is no archive, or has no such snapshot.
        """
        path = Path(os.path.expanduser(file))
        try:
            return Namespace(self._integration, current_session().recording.open_archive(path, taken_at))
        except UserError as error:
            raise _with_short_traceback(error) from None

    def __dir__(self) -> list[str]:
        tables = [NAMESPACE] if table_names(self._integration.name) else []
        tables += [] if self._account else ["from_archive"]
        return [*self._integration.table.names, *tables, *(name for name in self._accounts() if name.isidentifier())]

    def __repr__(self) -> str:
        account = self._account or "the session's"
        title, name = self._integration.title, self._integration.name
        return f"<{title}: {len(self._integration.table.names)} functions, account {account}; help({name})>"

    def _accounts(self) -> list[str]:
        return [] if self._account else current_session().account_names(self._integration.name)

    def _alias(self, name: str) -> str | None:
        """Return the alias of an account from any spelling, or None; `default` is one even without a token."""
        normalized = normalize_alias(name)
        every = (DEFAULT, *self._accounts(), *demo_places(self._integration))
        return next((alias for alias in every if normalize_alias(alias) == normalized), None)


def target(namespace: Namespace) -> tuple[Integration, str | None]:
    """Return the integration of a namespace, and the account that its functions use; None for that of the session."""
    return vars(namespace)["_integration"], vars(namespace)["_account"]


def _with_short_traceback(error: UserError) -> UserError:
    """Return an error whose traceback in a notebook ends at the line with the name."""
    hide_own_frames(error)
    return error


def _documentation(integration: Integration, account: str | None) -> Iterator[str]:
    name, first = integration.name, integration.functions[0].name
    account_text = f"the account `{account}`" if account else "the account of the session"
    yield f"{integration.description}\n"
    yield f'The functions use {account_text}. Another account is `{name}.staging` or `{name}["my-team"]`.'
    yield f"`help({name}.{first})` has the parameters and fields of a function."
    width = max(len(function.name) for function in integration.functions)
    for subject, functions in integration.by_subject().items():
        yield f"\n{subject}\n"
        yield from (f"    {function.name.ljust(width)}  {function.summary}" for function in functions)


def lua_name(value: object) -> str:
    """Return the code of Lua for the functions of an integration, `heroku.demo`; empty for any other value."""
    if not isinstance(value, Namespace):
        return ""
    integration, account = (vars(value)[name] for name in ("_integration", "_account"))
    return lua_path(integration, account) if account else integration.name


class Tables:
    """The tables of an integration; each attribute is a function that returns a frame.

    Parameters:
        integration: the service.
        account: the alias of the account that the tables ask; that of the session when None.
    """

    def __init__(self, integration: Integration, account: str | None) -> None:
        self._integration, self._account = integration, account

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__") or name not in table_names(self._integration.name):
            names = table_names(self._integration.name)
            near = tuple(nearest(name, names))
            reason = "" if near else f"It has {', '.join(names)}."
            text = f"{self._integration.title} has no table `{name}`."
            if name in DROPPED_TABLES:
                text, near, reason = DROPPED_TABLES[name], (), ""
            raise _with_short_traceback(UnknownAttributeError(text, near, reason=reason))
        return _function(self._integration, find_table(self._integration.name, name), self._account)

    def __dir__(self) -> list[str]:
        return list(table_names(self._integration.name))

    def __repr__(self) -> str:
        return f"<{self._integration.title}: tables {', '.join(dir(self))}>"


def _function(integration: Integration, table: Question, account: str | None) -> Callable[..., Any]:
    full_name = f"{integration.name}.tables.{table.name}"

    names = (*RESERVED, "fresh", *(parameter.name for parameter in table.parameters))

    def ask(*values: Any, **parameters: Any) -> Any:
        if values:
            raise _with_short_traceback(_no_place(table, full_name))
        if unknown := next((name for name in parameters if name not in names), None):
            raise _not_an_argument(table, full_name, unknown, parameters[unknown])

        def call(session: Session, frontend: Frontend) -> Result:
            """Call the table in a Lua state of its own, with the connections of the session."""
            from kosmo_kernel.session import Session

            alias = account_in_use(account, session.account, [integration])
            now = session.time_of_table(alias)
            session.recording.check(alias)
            with Session(alias, shared=session.services()) as lua:
                inputs = {"arguments": parameters} if parameters else {}
                options = Options(name=f"{full_name}()", now=now, inputs=inputs, ask_again="`fresh=True`")
                session.last = result = lua.execute(f"return {full_name}({', '.join(inputs)})", options, frontend)
            return result

        return value_of_call(call, collects=parameters.get("errors") == ERROR_MODES[1])

    columns = ", ".join(table.columns)
    about = "".join(
        f"    {parameter.name}: {parameter.doc}; {parameter.default} by default.\n" for parameter in table.parameters
    )
    about = f"Parameters:\n{about}\n" if about else ""
    about = f"{table.title}.\n\n{table.about}\n\n{about}Returns:\n    A DataFrame with these columns: {columns}."
    return at_the_caller(ask, full_name, f'{about} With errors="collect": `rows, failures`, two DataFrames.')


def _no_place(table: Question, full_name: str) -> InvalidArgumentsError:
    """Return the error for an argument without a name."""
    advice = f'Filter its rows: rows = {full_name}(); rows[rows["{table.columns[0]}"] == "…"]'
    return InvalidArgumentsError("the arguments of a table have names.", where=full_name, advice=advice)


def _not_an_argument(table: Question, full_name: str, name: str, value: object) -> InvalidArgumentsError:
    """Return the error for an argument that a table does not have, which says how to filter its rows."""
    advice = f"Its columns are {', '.join(table.columns)}."
    if name in table.columns:
        advice = f'Filter its rows: rows = {full_name}(); rows[rows["{name}"] == {value!r}]'
    return InvalidArgumentsError(f"a table has no argument `{name}`.", where=full_name, advice=advice)


def known_values(code: str, variables: Mapping[str, Any], session: Session) -> tuple[list[str], str] | None:
    """Return the values that an unfinished text at the end of Python code can become, and that text.

    Parameters:
        code: the code up to the cursor.
        variables: the variables of Python, by name.
        session: the session of the calls.

    Returns:
        None if the text is no argument of a function of the catalogue whose values are known.
    """
    call = _CALL.search(code[-MAX_CALL_LENGTH:])
    if call is None:
        return None
    root = call["root"]
    namespace = variables[root] if root in variables else namespace_named(root)  # which the same cell may import
    if not isinstance(namespace, Namespace):
        return None
    integration, account = target(namespace)
    typed, function = _VALUE.search(call["arguments"]), integration.names().get(call["function"])
    if typed is None or function is None:
        return None
    param = _param(function, typed["name"], call["arguments"][: typed.start()])
    listing = integration.listing(param) if param else None
    texts: list[Any] = list(ERROR_MODES) if function.fan_out and typed["name"] == "errors" else []
    if param is not None and listing is not None:
        account = (call["account"] or "").strip(".[]\"'") or account or session.account
        texts = list(map(param.value_of_record, session.last_list(integration.name, listing.name, account) or ()))
    quotable = [text for text in texts if isinstance(text, str) and is_plain_in_quotes(text)]
    values = [text for text in quotable if text.startswith(typed["text"])]
    return (values, typed["text"]) if values else None


def _param(function: Function, name: str | None, before: str) -> Param | None:
    """Return the parameter with a name, or without one the parameter at the position after other arguments."""
    position = before.count(",") + 1 if before.strip() else 0
    params = function.params
    if name is None:
        return params[position] if position < len(params) else None
    return next((param for param in params if param.name == name), None)
