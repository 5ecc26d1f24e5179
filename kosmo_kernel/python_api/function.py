"""One function of the catalogue as a Python function, with its signature and its documentation."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Column, Function, Integration, lua_words
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, StoppedError
from kosmo_kernel.notebook import cells
from kosmo_kernel.pages import paragraphs
from kosmo_kernel.pages.design import ipython_shell
from kosmo_kernel.progress.display import ProgressDisplay, TerminalProgress
from kosmo_kernel.python_api import current_session
from kosmo_kernel.render.display import Note
from kosmo_kernel.render.error_lines import hide_own_frames
from kosmo_kernel.results import Result, dry_run_summary
from kosmo_kernel.settings.cell_options import Options

if TYPE_CHECKING:
    from kosmo_kernel.session import Session

__tracebackhide__ = True  # pytest leaves out the lines of this file

# Arguments that say how a call is made, by name, with their default and a line of documentation.
CALL_OPTIONS = {
    "dry_run": (False, "show the requests that the call would send, and send none"),
}


_RETURNS = {"list": "a DataFrame", "record": "a mapping (for a list, a DataFrame)"}


def python_function(integration: Integration, function: Function, account: str | None) -> Callable[..., Any]:
    """Return a function that calls the service, and whose help and signature are those of the catalogue.

    Parameters:
        integration: the service.
        function: what to call.
        account: the alias of the account; the session's when None.
    """
    full_name = f"{integration.name}.{function.name}"

    def call(*values: Any, **keywords: Any) -> Any:
        options = {name: keywords.pop(name, default) for name, (default, _) in CALL_OPTIONS.items()}

        def make(session: Session, frontend: Frontend) -> Result:
            arguments: dict[str, Any] = {}
            try:
                arguments |= _arguments(function, values, keywords)
                function.bind({name: value for name, value in arguments.items() if name not in RESERVED}, python_words)
                set_arguments = {name: value for name, value in arguments.items() if value is not None}
                return session.call(full_name, set_arguments, Options(**options), frontend, account=account)
            except InvalidArgumentsError as error:
                if error.advice:
                    error.advice = integration.advice(function, error, arguments=arguments, in_python=True)
                raise

        return value_of_call(make, collects=keywords.get("errors") == ERROR_MODES[1])

    documentation = "\n".join(_documentation(integration, function))
    entry = at_the_caller(call, full_name, documentation)
    entry.__signature__ = signature(function)  # type: ignore[attr-defined] # read by `inspect.signature`
    return entry


def at_the_caller(function: Callable[..., Any], full_name: str, documentation: str) -> Callable[..., Any]:
    """Return a function for users, whose errors have the traceback of the line that called it.

    An interrupt is an error with one short message, whatever it interrupts.

    Parameters:
        function: what it does.
        full_name: its name with that of its namespace.
        documentation: its docstring.
    """

    def call(*values: Any, **keywords: Any) -> Any:
        try:
            return function(*values, **keywords)
        except KeyboardInterrupt:
            error: KosmoError = StoppedError("Interrupted.")
        except KosmoError as failure:
            error = failure
        hide_own_frames(error)
        raise error.with_traceback(None) from None

    call.__qualname__, call.__name__ = full_name, full_name.rpartition(".")[2]
    call.__module__, call.__doc__ = "kosmo_kernel", documentation
    return call


def signature(function: Function) -> Signature:
    """Return the signature: the parameters of the function in their order, then how the call is made."""
    kind, option = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY
    ordered = sorted(function.params, key=lambda param: not param.required)
    parameters = [Parameter(p.name, kind, default=Parameter.empty if p.required else None) for p in ordered]
    options = dict.fromkeys(RESERVED) if function.fan_out else {}
    options |= {name: default for name, (default, _) in CALL_OPTIONS.items()}
    return Signature([*parameters, *(Parameter(name, option, default=value) for name, value in options.items())])


def _arguments(function: Function, values: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name, as Lua values.

    Raises:
        InvalidArgumentsError: a mistake, in Python's terms.
    """
    from kosmo_kernel.values.from_python import lua_value

    function.named(values)  # raises if there are too many
    by_position = {param.name: value for param, value in zip(function.params, values, strict=False)}
    if twice := [name for name in by_position if keywords.get(name) is not None]:
        raise InvalidArgumentsError(f"`{twice[0]}` is given by position and by name.", where=function.name)
    return {
        name: lua_value(list(value) if isinstance(value, Iterator) else value, name)
        for name, value in {**by_position, **keywords}.items()
    }


def value_of_call(call: Callable[[Session, Frontend], Result], *, collects: bool = False) -> Any:
    """Make a call with the current session, show its progress and notes, and return what a cell would show of it.

    Parameters:
        call: makes the call.
        collects: it returns rows and failures.

    Raises:
        KosmoError: the call failed.
    """
    session, shell = current_session(), ipython_shell()
    try:
        with session.keep_error(), _frontend(shell) as frontend:
            result = call(session, frontend)
    except KosmoError as error:
        if error.result is not None:
            cells.show_notes(shell, error.result.labelled_notes())
        raise
    if result.dry_run:
        cells.show_notes(shell, [Note(dry_run_summary(result.planned), is_warning=False)])
    cells.show_notes(shell, result.split_notes(tables=True)[1])
    value = cells.value_of(result.values_to_show, Options(), result.attrs())
    return cells.Collected(value) if collects and isinstance(value, cells.Values) else value


def python_words(value: object) -> str:
    """Return a wrong argument in Python's terms for an error message."""
    if isinstance(value, Mapping):
        return "a mapping"
    return str(value) if value is None or isinstance(value, bool) else lua_words(value)


def _documentation(integration: Integration, function: Function) -> Iterator[str]:
    """Yield the blocks of a docstring: what the function does, its parameters, an example, and what comes back."""
    yield f"{function.summary}.\n"
    yield f"    {integration.name}.{function.python_call()}\n"
    if function.description:
        yield f"{paragraphs(function.description)}\n"
    if len({link.placeholders for link in function.links}) > 1:
        yield f"{paragraphs(f'A call has one of these sets of arguments: {function.choices}.')}\n"
    docs = [(param.name, param.doc) for param in function.params]
    if function.fan_out:
        docs += [(param.name, f"with a list: {param.doc[0].lower()}{param.doc[1:]}") for param in RESERVED.values()]
    docs += [(name, doc) for name, (_, doc) in CALL_OPTIONS.items()]
    yield "Parameters:"
    yield from (f"    {name}: {doc}." for name, doc in docs)
    collects = ' With errors="collect": `rows, failures`, two DataFrames.' if function.fan_out else ""
    yield f"\nReturns:\n    {_RETURNS[function.returns]} with these fields; None stands for a missing value.{collects}"
    for column in function.columns:
        doc = re.sub(r"\bnil\b", "None", column.doc)
        yield f"    {column.name} ({_kind(column)}){doc and f': {doc}'}"


def _kind(column: Column) -> str:
    kind = "UTC time" if column.kind == "timestamp" else column.kind
    return f"{kind} or missing" if column.nullable and column.default is None else kind


@contextmanager
def _frontend(shell: Any) -> Iterator[Frontend]:
    """Provide the front end for one call.

    Without IPython, a call shows progress only in a terminal, because a script that makes many calls would fill its log
    with a line for each. Elsewhere it says the estimate of more than a minute of waiting.
    """
    if shell:
        with cells.progress_line(shell) as line:
            yield Frontend(ask=partial(cells.ask, "l"), progress=line)
    elif sys.stderr and sys.stderr.isatty():
        with TerminalProgress(sys.stderr) as line:
            yield Frontend(ask=input if sys.stdin and sys.stdin.isatty() else None, progress=line)
    else:
        with ProgressDisplay(lambda _state: None, _say) as line:
            yield Frontend(progress=line)


def _say(text: str) -> None:
    """Write a line to standard error, which a process may not have."""
    if sys.stderr:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
