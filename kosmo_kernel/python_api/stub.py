"""The signatures of an integration's functions as a stub file, for type checkers and editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Function, Integration, Param
from kosmo_kernel.python_api.function import CALL_OPTIONS

_HEAD = """\
# Written by `python -m kosmo_kernel.python_api` from the catalogue.

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, overload

from pandas import DataFrame, Series

from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.render.tables import RecordView

One: TypeAlias = str | Mapping[str, Any]
Many: TypeAlias = list[str] | list[Mapping[str, Any]] | tuple[One, ...] | DataFrame | Series[Any]
"""
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_COLLECT = f'Literal["{ERROR_MODES[1]}"]'
_RAISE = f'Literal["{ERROR_MODES[0]}"] | None = ...'
_RESULTS = {"list": "KosmoFrame", "record": "RecordView"}


def stub_file(integration: Integration) -> Path:
    """Return where the stub of a built-in integration is kept."""
    return Path(__file__).with_name(f"{integration.name}.pyi")


def stub(integration: Integration) -> str:
    """Return the text of the stub: a class with the functions, and the namespace as an instance of it."""
    name = f"{integration.title}Functions"
    lines = [_HEAD, f"class {name}:"]
    for function in integration.functions:
        lines += _method(function)
    lines += [
        f"    def __getattr__(self, account: str) -> {name}: ...",
        f"    def __getitem__(self, account: str) -> {name}: ...",
        "",
        f"{integration.name}: {name}",
        "",
    ]
    return "\n".join(lines)


def _method(function: Function) -> Iterator[str]:
    """Yield the lines of a function: one signature, or one for each type that it may return."""
    options = [f"{option}: bool = ..." for option in CALL_OPTIONS]
    single = _RESULTS[function.returns]
    many = function.fan_out
    if many is None:
        yield _signature(function, [_parameter(p) for p in function.params], options, single)
        return
    limit = f"{next(name for name in RESERVED if name != 'errors')}: int | None = ..."
    one = [_parameter(p, "One") if p is many else _parameter(p) for p in function.params]
    several = [_parameter(p, "Many") if p is many else _parameter(p) for p in function.params]
    yield "    @overload"
    yield _signature(function, one, [f"errors: {_RAISE}", limit, *options], single)
    yield "    @overload"
    yield _signature(function, several, [f"errors: {_RAISE}", limit, *options], "KosmoFrame")
    yield "    @overload"
    yield _signature(function, several, [f"errors: {_COLLECT}", limit, *options], "tuple[KosmoFrame, KosmoFrame]")


def _parameter(param: Param, type_name: str = "") -> str:
    type_name = type_name or _TYPES[param.kind]
    return f"{param.name}: {type_name}" if param.required else f"{param.name}: {type_name} | None = ..."


def _signature(function: Function, parameters: list[str], options: list[str], returns: str) -> str:
    return f"    def {function.name}({', '.join(['self', *parameters, '*', *options])}) -> {returns}: ..."
