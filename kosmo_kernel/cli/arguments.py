"""Read the arguments of a function from the command line: options made from the catalogue, NAME=VALUE, and JSON.

A value is converted to the type that its parameter declares, without guessing: for a string parameter `007` stays
`007`. This module reports values that cannot be read and arguments that are given twice. Whether the values are valid
for the function is checked by the catalogue, as for a script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click

from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Function, Param
from kosmo_kernel.cli.streams import whole_input

JSON_SOURCE = "the JSON"  # name of the payload in messages
# Options of the command itself. A parameter with one of these names can only be passed as NAME=VALUE or in the JSON.
TAKEN = ("account", "columns", "demo", "dry_run", "force", "format", "help", "json")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]++\.?[0-9]*+|\.[0-9]++)([eE][+-]?[0-9]++)?")
_PAIR = re.compile(r"[A-Za-z_][\w-]*=")
_BOOLEANS = {"true": True, "false": False}

_ERRORS = RESERVED["errors"]  # the parameter whose values are a fixed set of words


def typed(param: Param, text: str) -> Any:
    """Convert a text to the type that a parameter declares.

    Raises:
        ValueError: the text is not of this type; the message names the type.
    """
    if param.kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if param.kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if param.kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if param.kind == "string":
        return text
    words = {"integer": "an integer", "number": "a number", "boolean": "true or false"}[param.kind]
    raise ValueError(f"{text!r} is not {words}.")


def parameters(function: Function) -> tuple[Param, ...]:
    """Return the parameters of a function and, if it takes lists, the reserved ones, such as `errors`."""
    return (*function.params, *(RESERVED.values() if function.fan_out else ()))


def flags(function: Function) -> list[str]:
    """Return the options of the shortest complete call of a function with sample values, for use in an example."""
    return [f"--{param.name.replace('_', '-')} {param.example or _metavar(param)}" for param in function.simplest_call]


def function_options(function: Function) -> list[click.Option]:
    """Return an option for each parameter of a function, such as `--app-id` for `app_id`; repeatable for lists."""
    return [_option(param) for param in parameters(function) if param.name not in TAKEN]


def _option(param: Param) -> click.Option:
    sentences = [param.doc, "Required" if param.required else "", "Can be repeated" if param.each else ""]
    help_ = " ".join(f"{sentence.removesuffix('.')}." for sentence in sentences if sentence)
    flag = param.name.replace("_", "-")
    if param.kind == "boolean":
        return click.Option([f"--{flag}/--no-{flag}", param.name], default=None, help=help_)
    return click.Option(
        [f"--{flag}", param.name],
        type=click.Choice(ERROR_MODES) if param is _ERRORS else str,
        callback=_read(param),
        multiple=bool(param.each),
        metavar=None if param is _ERRORS else _metavar(param),
        help=help_,
    )


def _read(param: Param) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a click callback that converts the values of an option to the type of its parameter."""

    def read(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(typed(param, text) for text in value)
            return value if value is None else typed(param, value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


def _metavar(param: Param) -> str:
    return {"string": "TEXT", "integer": "N", "number": "NUMBER", "boolean": ""}[param.kind]


def combine_arguments(function: Function, values: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Return the arguments of a call, combined from options, NAME=VALUE and JSON.

    Parameters:
        function: the function to call.
        values: the values of its options by parameter name; None or empty for options that were not used.
        words: NAME=VALUE, any number; and a JSON object, `-` for one on standard input, or the value of the first
            parameter.

    Raises:
        click.UsageError: a value cannot be read, or an argument is given twice.
    """
    arguments: dict[str, Any] = {}
    sources: dict[str, str] = {}
    lists = {param.name for param in parameters(function) if param.each}
    for name, value, source in _sourced_arguments(function, values, words):
        if name not in arguments:
            arguments[name], sources[name] = value, source
        elif source == sources[name] != JSON_SOURCE and name in lists:
            arguments[name] = [*(arguments[name] if isinstance(arguments[name], list) else [arguments[name]]), value]
        else:
            both = f"in {source}" if source == sources[name] else f"in {sources[name]} and in {source}"
            raise click.UsageError(f"`{name}` is given twice: {both}.")
    return arguments


def _sourced_arguments(
    function: Function, values: Mapping[str, Any], words: Iterable[str]
) -> Iterator[tuple[str, Any, str]]:
    """Yield the name, the value and the source of each argument."""
    by_name = {param.name: param for param in parameters(function)}
    pairs: list[str] = []
    others: list[str] = []
    for word in words:
        (pairs if _PAIR.match(word) else others).append(word)
    if len(others) > 1:
        raise click.UsageError(f"Got unexpected extra argument ({others[1]})")
    for word in others:
        # No name of anything begins like a JSON object, list or text.
        if word == "-" or not word.strip() or word.lstrip()[0] in '{["':
            yield from ((name, value, JSON_SOURCE) for name, value in _fields_of_json(word))
        elif not function.params:
            raise click.UsageError(f"{function.name} takes no arguments, got `{word}`.")
        else:
            first = function.params[0]
            yield first.name, _typed(first, word), f"`{word}`"
    for name, value in values.items():
        for item in value if isinstance(value, tuple) else [] if value is None else [value]:
            yield name, item, f"--{name.replace('_', '-')}"
    for pair in pairs:
        name, _, text = pair.partition("=")
        name = name.replace("-", "_")
        yield name, _typed(by_name[name], text) if name in by_name else text, f"`{name}=`"


def _typed(param: Param, text: str) -> Any:
    """Return a text as the type of a parameter.

    Raises:
        click.UsageError: it is not of this type.
    """
    try:
        return typed(param, text)
    except ValueError as error:
        raise click.UsageError(f"`{param.name}`: {error}") from None


def _fields_of_json(payload: str) -> list[tuple[str, Any]]:
    """Return the fields of a JSON object in order, including duplicates.

    Parameters:
        payload: the text of the object, or `-` to read it from standard input.

    Raises:
        click.UsageError: the text is not JSON, with the position of the error, or not an object.
    """
    source = "The JSON"
    if payload == "-":
        data, source = whole_input(), "Standard input"
        try:
            payload = data.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            line = data.count(b"\n", 0, fault.start) + 1
            raise click.UsageError(f"What came on standard input is not UTF-8 text, in line {line}.") from None
    try:
        fields = json.loads(payload, object_pairs_hook=_Fields, parse_constant=_reject_constant)
    except json.JSONDecodeError as fault:
        where = f"column {fault.colno}" if "\n" not in payload.strip() else f"line {fault.lineno}, column {fault.colno}"
        reason = "it is blank" if not payload.strip() else fault.msg.lower()
        raise click.UsageError(f"{source} cannot be read, {where}: {reason}.") from None
    except (RecursionError, ValueError) as fault:
        reason = "it is nested too deeply" if isinstance(fault, RecursionError) else str(fault)
        raise click.UsageError(f"{source} cannot be read: {reason}.") from None
    if not isinstance(fields, _Fields):
        kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(fields), "a number")
        raise click.UsageError(
            f'{source} must be an object of named arguments, such as {{"app_id": "my-app"}}; it is {kind}.'
        )
    return [(name, _to_dicts(value)) for name, value in fields]


class _Fields(list[tuple[str, Any]]):
    """The fields of a JSON object, including duplicates."""


def _to_dicts(value: Any) -> Any:
    if isinstance(value, _Fields):
        return {name: _to_dicts(item) for name, item in value}
    return [_to_dicts(item) for item in value] if isinstance(value, list) else value


def _reject_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
