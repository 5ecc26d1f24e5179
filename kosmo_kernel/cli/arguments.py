"""The arguments of a function on a command line: options computed from the catalogue, `--arg NAME=VALUE`, and JSON.

A value has the type that its parameter declares, and nothing is guessed: for a text `007` stays `007`. Whether values
fit the function is for the catalogue to say, as for a script; here is told what cannot be read, and what is said twice.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click

from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Function, Param

JSON_PLACE = "the JSON"  # how messages call the payload
# What every function's command has for itself; a parameter of such a name is given by --arg.
TAKEN = ("account", "arg", "demo", "dry_run", "force", "format", "help", "json")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TRUTH = {"true": True, "false": False}

_ERRORS = RESERVED["errors"]  # which takes one of a few words


def typed(param: Param, text: str) -> Any:
    """A text as the type that a parameter declares.

    Raises:
        ValueError: it is none; with what it should be.
    """
    if param.kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if param.kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if param.kind == "boolean" and text in _TRUTH:
        return _TRUTH[text]
    if param.kind == "string":
        return text
    words = {"integer": "an integer", "number": "a number", "boolean": "true or false"}[param.kind]
    raise ValueError(f"{text!r} is not {words}.")


def parameters(function: Function) -> tuple[Param, ...]:
    """What a function takes: its parameters and, where it takes a list, what is said of many."""
    return (*function.params, *(RESERVED.values() if function.fan_out else ()))


def flags(function: Function) -> list[str]:
    """The options that a function needs, each with a value that makes sense, as an example has them."""
    needed = (param for param in function.params if param.required)
    return [f"--{param.name.replace('_', '-')} {param.example or _metavar(param)}" for param in needed]


def options(function: Function) -> list[click.Option]:
    """An option for each of them, `--app-id` for `app_id`; where a list is taken it can be repeated."""
    return [_option(param) for param in parameters(function) if param.name not in TAKEN]


def _option(param: Param) -> click.Option:
    about = [param.doc, "Required" if param.required else "", "Repeat it to ask for several" if param.each else ""]
    help_ = " ".join(f"{sentence.removesuffix('.')}." for sentence in about if sentence)
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
    """What makes an option's texts what the parameter declares."""

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


def gathered(function: Function, given: Mapping[str, Any], pairs: Iterable[str], payload: str | None) -> dict[str, Any]:
    """The arguments of a call from all the places where they can stand.

    Parameters:
        function: what is called.
        given: the values of its options, by the name of the parameter; None or empty where there is none.
        pairs: those of `--arg`.
        payload: a JSON object, `-` for one on standard input, or None.

    Raises:
        click.UsageError: something cannot be read, or an argument stands in two places.
    """
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    by_name = {param.name: param for param in parameters(function)}
    for name, value, source in _each(by_name, given, pairs, payload):
        param = by_name.get(name)
        if name not in found:
            found[name], sources[name] = value, source
        elif source == sources[name] != JSON_PLACE and param is not None and param.each:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            places = f"in {source}" if source == sources[name] else f"in {sources[name]} and in {source}"
            raise click.UsageError(f"`{name}` is given twice: {places}.")
    return found


def _each(
    by_name: Mapping[str, Param], given: Mapping[str, Any], pairs: Iterable[str], payload: str | None
) -> Iterator[tuple[str, Any, str]]:
    """Every argument with its value and where it stands, one after the other."""
    if payload is not None:
        for name, value in fields_of_json(payload):
            yield name, value, JSON_PLACE
    for name, value in given.items():
        for one in value if isinstance(value, tuple) else [] if value is None else [value]:
            yield name, one, f"--{name.replace('_', '-')}"
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise click.UsageError(f"--arg takes NAME=VALUE, got `{pair}`.")
        try:
            yield name, typed(by_name[name], text) if name in by_name else text, "--arg"
        except ValueError as error:
            raise click.UsageError(f"--arg {name}: {error}") from None


def fields_of_json(payload: str) -> list[tuple[str, Any]]:
    """The fields of a JSON object, in order, and one that is written twice twice.

    Raises:
        click.UsageError: it is no JSON, with the place; or no object.
    """
    place = JSON_PLACE
    if payload == "-":
        data, place = (sys.stdin.buffer.read() if sys.stdin else b""), "standard input"
        try:
            payload = data.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            line = data.count(b"\n", 0, fault.start) + 1
            raise click.UsageError(f"What came on standard input is not UTF-8 text, in line {line}.") from None
    try:
        found = json.loads(payload, object_pairs_hook=_Fields, parse_constant=_no_constant)
    except json.JSONDecodeError as fault:
        where = f"column {fault.colno}" if "\n" not in payload.strip() else f"line {fault.lineno}, column {fault.colno}"
        what = "it is blank" if not payload.strip() else fault.msg.lower()
        raise click.UsageError(f"{_first_large(place)} cannot be read, {where}: {what}.") from None
    except (RecursionError, ValueError) as fault:
        why = "it is nested too deeply" if isinstance(fault, RecursionError) else str(fault)
        raise click.UsageError(f"{_first_large(place)} cannot be read: {why}.") from None
    if not isinstance(found, _Fields):
        kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(found), "a number")
        raise click.UsageError(
            f'{_first_large(place)} must be an object of named arguments, such as {{"app_id": "my-app"}}; it is {kind}.'
        )
    return [(name, _plain(value)) for name, value in found]


def _first_large(text: str) -> str:
    return text[:1].upper() + text[1:]


class _Fields(list[tuple[str, Any]]):
    """A JSON object as its fields."""


def _plain(value: Any) -> Any:
    if isinstance(value, _Fields):
        return {name: _plain(one) for name, one in value}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
