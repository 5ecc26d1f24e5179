"""Write the call that a script probably meant, for the advice of an error about its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, SINCE, Function, Integration, Param
from kosmo_kernel.client.call import CallRequest
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.text import nearest
from kosmo_kernel.values.lua_literals import literal

DAYS = 30  # of the example of a time
MAX_TEXT_LENGTH = 60  # characters of a text that is repeated


def advice_in_lua(
    integration: Integration, function: Function, error: InvalidArgumentsError, request: CallRequest
) -> str:
    """Return what to write in Lua in place of a call with invalid arguments."""
    names = (param.name for param in function.params)
    arguments = request.by_name or dict(zip(names, request.positional, strict=False))
    call = corrected_call(integration.name, function, request.by_name)
    return integration.advice(function, error, call, arguments=arguments)


def corrected_call(integration: str, function: Function, arguments: Mapping[str, Any] | None) -> str:
    """Return a call in Lua that keeps the arguments that were given, or an empty text if that cannot be written.

    An argument with a wrong value gets an example. One that the function does not have, but its records, becomes a test
    of the list.

    Parameters:
        integration: the name of the integration.
        function: the function.
        arguments: the arguments by name; None if they were given by position.
    """
    if arguments is None:
        return f"{integration}.{function.example_call}"
    params = {param.name: param for param in function.params}
    fields = {column.path[0] for column in function.columns if column.kind not in ("list", "object")}
    written: dict[str, str] = {}
    tests: dict[str, str] = {}
    for argument, value in arguments.items():
        if argument == "limit" and function.returns == "list":  # of which the error tells
            continue
        near = nearest(str(argument), (*params, *RESERVED), 1)
        name = argument if argument in params or argument in fields or not near else near[0]
        if not isinstance(value, (str, int, float)) or len(str(value)) > MAX_TEXT_LENGTH:
            return ""
        if name in params:
            written[name] = _argument(params[name], value)
        elif name in RESERVED:
            written[name] = literal(value if value in ERROR_MODES else ERROR_MODES[-1])
        elif argument in fields and function.returns == "list":
            tests[argument] = literal(value)
        else:
            return ""
    needed = [param for param in function.params if param.required] if written else function.simplest_call
    for param in needed:
        written.setdefault(param.name, param.sample)
    call = f"{integration}.{function.name}({_table(written) if written else ''})"
    return f"list.filter({call}, {_table(tests)})" if tests else call


def _argument(param: Param, value: Any) -> str:
    if param.fault(value) is None:
        return literal(value)
    if param.name != SINCE:
        return param.sample
    return f"time.ago({literal(value if isinstance(value, (int, float)) and value > 0 else DAYS)})"


def _table(fields: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{name} = {value}' for name, value in fields.items())} }}"
