"""`%kosmo check NAME` and `%kosmo table NAME`: ask one question in a notebook, show its Lua, and return its rows.

It runs with the connections of the notebook's session, but not in its Lua state: a question has the same answer
wherever it is asked. Cells use the answers that the session has kept (`archive/store.py`). Parameters come from
variables of the notebook, which are Python's in a Python notebook.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.catalogue import Column
from kosmo_kernel.checks.head_display import head_display
from kosmo_kernel.checks.parameters import check_parameters, require_parameters
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.notebook.cells import name_and_options, value_of
from kosmo_kernel.questions.discovery import all_checks, find_check, find_named_table, find_table, tables_by_service
from kosmo_kernel.settings.cell_options import CHECK_OPTIONS, Options
from kosmo_kernel.text import nearest
from kosmo_kernel.values.from_python import lua_value
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.notebook.commands import NotebookContext
    from kosmo_kernel.render.display import Note
    from kosmo_kernel.results import Result
    from kosmo_kernel.session import Session

_PASSED = "_kosmo_passed_value"  # a global of Lua while a value is kept
_VARIABLE = re.compile(r"\{(\w+)\}")  # in place of the name of an account


def ask_in_cell(command: str, line: str, context: NotebookContext) -> Records | None:
    """Ask the question that a line names, show its Lua, and return its rows; without a name, list all.

    Parameters:
        command: `check` or `table`.
        line: the text after it: the name of the question, and options.
        context: the notebook.

    Raises:
        UnknownNameError: there is no such question, parameter, variable or account.
        SettingsError: an option or the file of the question is wrong.
        InvalidArgumentsError: a variable is no value for its parameter, or a parameter without a default is missing.
        StoppedError: it was interrupted.
        KosmoError: no list that a table needs could be read.
    """
    name, options = name_and_options(line, command, CHECK_OPTIONS)
    if not name:
        return _all_questions(command)
    question = find_named_table(name) if command == "table" else find_check(name)
    parameters = {name: _variable(expression, f"-i {name}", context) for name, expression in options.input}
    check_parameters([question], parameters)
    require_parameters([question], parameters, lambda _, missing: f"-i {missing.name}=VARIABLE ({missing.doc})")
    account, session = _account(options.account, context), context.lua
    report = run_questions(
        [question],
        account,
        parameters=parameters,
        frontend=Frontend(progress=context.progress),
        session=session,
        is_cancelled=context.is_cancelled,
        fresh=options.fresh,
    )
    if report.interrupted:
        raise StoppedError("Interrupted.")
    [result] = report.results
    if result.error is not None and not question.severity:
        raise result.error.with_traceback(None)  # which is of another thread
    context.display(head_display(result, report))
    names = question.columns or question.key  # a check without findings has the columns of its key
    rows = result.records or Records([], columns=tuple(Column(name, name, "any") for name in names))
    if options.unread is not None:
        context.set_variable(options.unread, [result.explanation] if result.reason else [])
    if options.var is None:
        return rows
    context.set_variable(options.var, value_of([rows], Options()) if context.in_python else rows)
    return rows if options.show else None


def _all_questions(command: str) -> Records:
    """Return what checks or tables there are: names, titles, the names of parameters, and of checks severities."""
    tables = [find_table(service, name) for service, names in tables_by_service().items() for name in names]
    rows = []
    for question in tables if command == "table" else all_checks():
        parameters = (f"{each.name} (required)" if each.required else each.name for each in question.parameters)
        severity = {"severity": question.severity} if question.severity else {}
        rows.append({command: question.name, **severity, "title": question.title, "parameters": ", ".join(parameters)})
    return Records(rows)


def set_lua_variable(session: Session, name: str, value: Any) -> None:
    """Set a global of Lua. The last run is left unchanged."""
    _run_aside(session, "", Options(inputs={name: value}))


def keep_value(session: Session, value: Any, number: int) -> list[Note]:
    """Make a value `_` and `Out[number]` of Lua, as if a cell of that number had returned it, and return the notes."""
    lua = f"do local value = {_PASSED} {_PASSED} = nil return value end"
    return _run_aside(session, lua, Options(inputs={_PASSED: value}, number=number)).labelled_notes()


def _run_aside(session: Session, lua: str, options: Options) -> Result:
    last = session.last
    try:
        return session.execute(lua, options)
    finally:
        session.last = last


def _account(text: str | None, context: NotebookContext) -> str | None:
    """Return the account of `-a`: its name, or `{VARIABLE}` for the name in a variable of the notebook."""
    match = _VARIABLE.fullmatch(text or "")
    if not match:
        return text
    account = _variable(match[1], "-a", context)
    if not isinstance(account, str):
        raise InvalidArgumentsError(f"-a {text}: `{match[1]}` is no name of an account.")
    return account


def _variable(name: str, option: str, context: NotebookContext) -> Any:
    """Return the value of a variable of the notebook as a Lua value.

    Raises:
        UnknownNameError: there is no such variable; with the nearest ones.
        SettingsError: it is no name of a variable.
        InvalidArgumentsError: its value has no Lua form.
    """
    if not name.isidentifier():
        raise SettingsError(f"{option}: `{name[:80]}` is no variable. Put the value into one, and name that.")
    if not context.in_python:
        return context.lua.variable(name)
    if name not in context.variables:
        near = nearest(name, [variable for variable in context.variables if not variable.startswith("_")])
        raise UnknownNameError(f"{option}: there is no Python variable `{name}`.", tuple(near))
    return lua_value(context.variables[name], f"{option}={name}")
