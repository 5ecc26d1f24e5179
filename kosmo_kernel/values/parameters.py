"""Parameters of notebooks and checks: the kind of the default decides how a value that a user types is parsed."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from msgspec import Struct

from kosmo_kernel.errors import InvalidArgumentsError

_BOOLEANS = {"true": True, "false": False}


class Parameter(Struct, frozen=True):
    """A declared parameter."""

    name: str  # the name of the variable
    kind: str  # `string`, `number`, `boolean`, `table` or `nil`; empty if the default is computed
    default: str  # the source code of the default
    doc: str  # the trailing comment, or an empty string


def value_of(parameter: Parameter, text: str) -> Any:
    """Parse the text that is given for a parameter.

    Its kind decides: a string stays as it is, a table is parsed as JSON, and for a default of nil or None any text is
    accepted and stays a string.

    Raises:
        InvalidArgumentsError: the text is not of that kind.
    """
    if parameter.kind == "number":
        return _number(parameter, text)
    if parameter.kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise _invalid_value(parameter, text, "true or false")
        return _BOOLEANS[text.lower()]
    if parameter.kind == "table":
        try:
            value = json.loads(text, parse_constant=_reject_constant)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, (list, dict)):
            raise _invalid_value(parameter, text, 'a list or a table in JSON, such as ["a", "b"]')
        return value
    return text


def _reject_constant(name: str) -> NoReturn:
    """Reject `NaN` and `Infinity`, which Python's decoder accepts but which are neither JSON nor Python literals."""
    raise ValueError(name)


def _number(parameter: Parameter, text: str) -> int | float:
    for kind in (int, float):
        try:
            value = kind(text)
            is_finite = math.isfinite(value)
        except (ValueError, OverflowError):
            continue
        if is_finite:
            return value
    raise _invalid_value(parameter, text, "a number")


def _invalid_value(parameter: Parameter, text: str, expected: str) -> InvalidArgumentsError:
    usual = f" (usually {parameter.default})" if parameter.default else ""
    return InvalidArgumentsError(f"The parameter `{parameter.name}` is {expected}{usual}, got {text[:64]!r}.")
