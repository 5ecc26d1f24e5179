"""Values passed between Python and the Lua of a cell.

The Python expressions of `-i` are evaluated with the variables of the place that runs the cell, and their values
converted for Lua. A value that goes back to Python must be data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import currentframe
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError, UnknownNameError

if TYPE_CHECKING:
    from kosmo_kernel.results.result import Result


def caller_locals(shell: Any) -> Mapping[str, Any]:
    """Return the local variables of the caller of `run_cell_magic`, which IPython passes to line magics only."""
    frame, entry = currentframe(), type(shell).run_cell_magic.__code__
    while frame is not None and frame.f_code is not entry:
        frame = frame.f_back
    return frame.f_back.f_locals if frame is not None and frame.f_back is not None else {}


def lua_inputs(
    arguments: Sequence[tuple[str, str]], variables: Mapping[str, Any], local: Mapping[str, Any]
) -> dict[str, Any]:
    """Evaluate the expressions of `-i` and return the values by Lua name.

    Parameters:
        arguments: pairs of a Lua name and a Python expression.
        variables: the user's variables.
        local: the local variables of the function that runs the cell, which take precedence; at the top level they are
            the user's variables.

    Raises:
        UnknownNameError: an expression names an unknown variable; the error lists the nearest names.
        SettingsError: the text is no valid expression.
        InvalidArgumentsError: the expression fails, or its value has no Lua form; the message names the place in it.
    """
    if not arguments:
        return {}
    from kosmo_kernel.values.from_python import lua_value
    from kosmo_kernel.values.lua_literals import lua_name

    names = {**variables, **local}  # a copy, so that assignments in an expression do not set variables
    return {lua_name(lua): lua_value(_evaluate(expression, names), f"-i {expression}") for lua, expression in arguments}


def _evaluate(expression: str, names: dict[str, Any]) -> Any:
    try:
        code = compile(expression, "<-i>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError) as fault:  # a null byte is a ValueError
        raise SettingsError(f"-i {expression}: this is no Python expression ({fault.args[0]}).") from None
    try:
        return eval(code, names)  # noqa: S307 - the user's own code in their own notebook
    except KosmoError:
        raise
    except NameError as fault:
        if fault.name not in code.co_names or fault.name in names:
            raise _evaluation_error(expression, fault) from fault
        from kosmo_kernel.text import nearest

        near = nearest(fault.name, [name for name in names if not name.startswith("_")])
        message = f"-i {expression}: there is no Python variable `{fault.name}`."
        raise UnknownNameError(message, tuple(near)) from None
    except Exception as fault:
        raise _evaluation_error(expression, fault) from fault


def _evaluation_error(expression: str, fault: Exception) -> InvalidArgumentsError:
    return InvalidArgumentsError(f"-i {expression}: {type(fault).__name__}: {fault}")


def check_data(name: str, result: Result) -> None:
    """Check that all values of a run have a Python form.

    Parameters:
        name: the option that requested the value, for the message.
        result: the result of the run.

    Raises:
        InvalidArgumentsError: a value has no Python form; the message names the place in it.
    """
    from kosmo_kernel.lua.values import Opaque

    for value in result.values_to_show:
        if isinstance(value, Opaque):
            fault = value.fault or f"`{value.partition(chr(10))[0]}` has no Python form"
            error = InvalidArgumentsError(f"{name}: {fault}")
            error.result = result
            raise error
