"""Write the stub files of the built-in integrations: `python -m kosmo_kernel.python_api`."""

from __future__ import annotations

from collections.abc import Iterator
from operator import is_
from pathlib import Path

from kosmo_kernel.catalogue import ERROR_MODES, Function, Integration, Link, Param
from kosmo_kernel.integrations import BUILT_IN
from kosmo_kernel.python_api.function import CALL_OPTIONS
from kosmo_kernel.questions import TABLES, shipped_files
from kosmo_kernel.questions.discovery import find_table

_HEAD = """\
# Written by `python -m kosmo_kernel.python_api` from the catalogue.

from collections.abc import Mapping
from os import PathLike
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
    return "\n".join([_HEAD, *_lines(integration), ""])


def _lines(integration: Integration) -> Iterator[str]:
    """Yield the lines of a class with the tables, if there are any, and of one with the functions."""
    name, tables = f"{integration.title}Functions", shipped_files(integration.name, TABLES)
    if tables:
        yield f"class {integration.title}Tables:"
        yield from (line for table in tables for line in _table(integration, table))
        yield ""
    yield f"class {name}:"
    if tables:
        yield f"    tables: {integration.title}Tables"
    for function in integration.functions:
        yield from _method(function)
    yield f"    def from_archive(self, file: str | PathLike[str], taken_at: str = ...) -> {name}: ..."
    yield f"    def __getattr__(self, account: str) -> {name}: ..."
    yield f"    def __getitem__(self, account: str) -> {name}: ..."
    yield f"\n{integration.name}: {name}"


def _table(integration: Integration, name: str) -> Iterator[str]:
    """Yield the signatures of a table: with its rows alone, and with the failures beside them."""
    parameters = find_table(integration.name, name).parameters
    own = [f"{parameter.name}: {_TYPES[parameter.kind]} = ..." for parameter in parameters]
    own.append("fresh: bool = ...")
    for errors, result in ((_RAISE, "KosmoFrame"), (_COLLECT, "tuple[KosmoFrame, KosmoFrame]")):
        yield "    @overload"
        yield f"    def {name}({', '.join(['self', '*', f'errors: {errors}', *own])}) -> {result}: ..."


def _method(function: Function) -> Iterator[str]:
    """Yield the lines of a function: a signature for each set of arguments and each type that it may return."""
    links = {link.placeholders: link for link in function.links or (Link(""),)}.values()
    signatures = [line for link in links for line in _of_link(function, link)]
    overload = ["    @overload"] if len(signatures) > 1 else []
    for line in signatures:
        yield from (*overload, line)


def _of_link(function: Function, link: Link) -> Iterator[str]:
    """Yield the signatures of a function for the arguments of one link: one item, or a list in one of them."""
    alternatives = {name for other in function.links for name in other.placeholders}
    params = [param for param in function.params if param.name in link.placeholders or param.name not in alternatives]
    options = [f"{option}: bool = ..." for option in CALL_OPTIONS]
    raises = [f"errors: {_RAISE}"] if function.fan_out else []
    for many in (None, *(param for param in params if param.each)):
        arguments = [
            _parameter(param, is_list=param is many, required=param.required or param.name in link.placeholders)
            for param in params
        ]
        # An argument that stands behind one of another link is given by name.
        by_position = sum(all(map(is_, function.params, params[: n + 1])) for n in range(len(params)))
        start = ", ".join(["self", *arguments[:by_position], "*", *arguments[by_position:]])
        result = "KosmoFrame" if many else _RESULTS[function.returns]
        yield f"    def {function.name}({', '.join([start, *raises, *options])}) -> {result}: ..."
        if many:
            collects = ", ".join([start, f"errors: {_COLLECT}", *options])
            yield f"    def {function.name}({collects}) -> tuple[KosmoFrame, KosmoFrame]: ..."


def _parameter(param: Param, *, is_list: bool, required: bool) -> str:
    type_name = "Many" if is_list else "One" if param.each else _TYPES[param.kind]
    if param.each and (param.numeric or param.kind == "integer"):
        type_name += " | list[int]" if is_list else " | int"
    return f"{param.name}: {type_name}" if required else f"{param.name}: {type_name} | None = ..."


if __name__ == "__main__":
    for built_in in BUILT_IN:
        stub_file(built_in).write_text(stub(built_in), encoding="utf-8")
