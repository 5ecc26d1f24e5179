"""What goes from Python to a cell's Lua, the expressions behind `-i` where the cell stands, and what may come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import currentframe
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError, UnknownNameError

if TYPE_CHECKING:
    from kosmo_kernel.results.result import Result


def where_called(shell: Any) -> Mapping[str, Any]:
    """The variables of the place that runs the cell; IPython gives them to lines, and to cells only the user's."""
    frame, door = currentframe(), type(shell).run_cell_magic.__code__
    while frame is not None and frame.f_code is not door:
        frame = frame.f_back
    return frame.f_back.f_locals if frame is not None and frame.f_back is not None else {}


def lua_inputs(
    wanted: Sequence[tuple[str, str]], variables: Mapping[str, Any], local: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of Lua variables.

    Parameters:
        wanted: their names, each with an expression of Python.
        variables: the user's variables.
        local: those of the function that runs the cell, which come first; the user's once more where there is none.

    Raises:
        UnknownNameError: an expression names a variable that does not exist; with the nearest names.
        SettingsError: it is no expression.
        InvalidArgumentsError: it fails, or its value has no Lua form; the message names the place in it.
    """
    if not wanted:
        return {}
    from kosmo_kernel.values.from_python import lua_value
    from kosmo_kernel.values.lua_syntax import lua_name

    names = {**variables, **local}  # a copy: nothing that an expression assigns becomes a variable
    return {lua_name(lua): lua_value(_value(expression, names), f"-i {expression}") for lua, expression in wanted}


def _value(expression: str, names: dict[str, Any]) -> Any:
    try:
        code = compile(expression, "<-i>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError) as fault:  # a null byte is a ValueError
        raise SettingsError(f"-i {expression}: this is no Python expression ({fault.args[0]}).") from None
    try:
        return eval(code, names)  # noqa: S307 - the user's own code, in the user's own notebook
    except KosmoError:
        raise
    except NameError as fault:
        if fault.name not in code.co_names or fault.name in names:
            raise _failed(expression, fault) from fault
        from kosmo_kernel.catalogue import nearest

        near = nearest(fault.name, [name for name in names if not name.startswith("_")])
        message = f"-i {expression}: there is no Python variable `{fault.name}`."
        raise UnknownNameError(message, tuple(near)) from None
    except Exception as fault:
        raise _failed(expression, fault) from fault


def _failed(expression: str, fault: Exception) -> InvalidArgumentsError:
    return InvalidArgumentsError(f"-i {expression}: {type(fault).__name__}: {fault}")


def check_data(name: str, result: Result) -> None:
    """Refuse to keep a value of which only the text is known.

    Parameters:
        name: the option that asks for the value.
        result: what a cell gave.

    Raises:
        InvalidArgumentsError: the value, or one of several, has no Python form; the message names the place in it.
    """
    from kosmo_kernel.lua.values import Opaque

    for value in result.values:
        if isinstance(value, Opaque):
            fault = value.fault or f"`{value.partition(chr(10))[0]}` has no Python form"
            error = InvalidArgumentsError(f"{name}: {fault}")
            error.result = result
            raise error
