"""Write names and values as Lua source, and parse the literals of values and what a user types for a parameter.

A value is written on one line, escaped such that no text can end its string or hide the code after it. Names follow
https://www.lua.org/manual/5.4/manual.html#3.1, in ASCII. The kind of a parameter's default decides how a text that a
user types for it is parsed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.safety.decoder import DecodeError, decode
from kosmo_kernel.safety.text import HIDDEN
from kosmo_kernel.text import lazy_pattern

KEYWORDS = frozenset(
    (
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in"),
        *("local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
    )
)

# Characters that end a string or a line, move a cursor, or change the direction of the text around them.
_ESCAPED = lazy_pattern(f'[\\\\"\x00-\x1f{HIDDEN}]')
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_ASCII_END = 0x80
# Numbers that Python writes as names, or in digits that Lua reads as another number.
_NUMBERS = {"inf": "math.huge", "-inf": "-math.huge", "nan": "(0/0)", str(-(2**63)): "math.mininteger"}
_TEXT = r""" "(?:[^"\\]|\\[\\"'nrt])*" | '(?:[^'\\]|\\[\\"'nrt])*' """
_FIELD_NAME = lazy_pattern(rf"(?: ([A-Za-z_]\w*) | \[\s*({_TEXT})\s*\] ) \s*=\s* (?!=)", re.ASCII | re.VERBOSE)
_ESCAPE = lazy_pattern(r"\\(.)")
_ESCAPE_MEANINGS = {"n": "\n", "r": "\r", "t": "\t"}
_SEPARATORS = (",", ";")
_MAX_DEPTH = 20  # tables within tables


class LuaCode(str):
    """Lua source, which `literal` leaves as it is."""

    __slots__ = ()


def is_lua_name(name: str) -> bool:
    """Return whether a Lua variable, or a field after a dot, can have this name."""
    return name.isascii() and name.isidentifier() and name not in KEYWORDS


def lua_name(name: str) -> str:
    """Return a name unchanged if a Lua variable can have it.

    Raises:
        InvalidArgumentsError: no Lua variable can have that name.
    """
    if not (name.isascii() and name.isidentifier()):
        raise InvalidArgumentsError(f"{name!r} is no name of a Lua variable: letters, digits and `_`, no digit first.")
    if name in KEYWORDS:
        raise InvalidArgumentsError(f"`{name}` is a word of Lua's own and names no variable.")
    return name


def text(value: str) -> str:
    """Return a text as a quoted Lua string."""
    return f'"{_ESCAPED.sub(_escape, value)}"'


def literal(value: Any) -> str:
    """Return an argument as Lua source: a string, number, boolean, `json.null`, list, or table with names.

    A value of another type, such as a date, becomes its text.
    """
    if isinstance(value, str):
        return value if isinstance(value, LuaCode) else text(value)
    if value is None:
        return "json.null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return _table(f"{_key(str(name))} = {literal(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return _table(map(literal, value))
    return _NUMBERS.get(repr(value), repr(value)) if isinstance(value, (int, float)) else text(str(value))


def parse_literal(source: str) -> Any:
    """Return the value of a literal: a string, number, boolean, nil, or a table of literals as a list or a dict.

    Raises:
        ValueError: the source is no literal; the message says what is wrong with it.
    """
    value, rest = _parse_value(source.strip(), 0)
    if rest:
        raise ValueError(f"{rest[:40]!r} follows it")
    return value


def field(name: str) -> str:
    """Return the access to a field as it follows a table: `.name`, or `["its name"]`."""
    return f".{name}" if is_lua_name(name) else _key(name)


def _parse_value(source: str, depth: int) -> tuple[Any, str]:
    """Return the value at the start of a source, and the source after it without blanks before."""
    if depth > _MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if source.startswith("{"):
        return _parse_table(source[1:].lstrip(), depth + 1)
    for pattern, read in _LITERALS:
        if match := pattern.match(source):
            return read(match[0]), source[match.end() :].lstrip()
    raise ValueError(f"{source[:40]!r} is no number, text, boolean, nil or table" if source else "it ends too early")


def _parse_table(source: str, depth: int) -> tuple[Any, str]:
    items: list[Any] = []
    fields: dict[str, Any] = {}
    while not source.startswith("}"):
        if match := _FIELD_NAME.match(source):
            value, source = _parse_value(source[match.end() :], depth)
            fields[match[1] or _read_text(match[2])] = value
        else:
            value, source = _parse_value(source, depth)
            items.append(value)
        if source[:1] in _SEPARATORS:
            source = source[1:].lstrip()
        elif not source.startswith("}"):
            raise ValueError(f"{source[:40]!r} follows an item of a table" if source else "a table in it has no end")
    if items and fields:
        raise ValueError("a table in it has items with and without a name")
    return fields or items, source[1:].lstrip()


def _read_text(quoted: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPE_MEANINGS.get(match[1], match[1]), quoted[1:-1])


def _read_number(digits: str) -> int | float:
    return float(digits) if re.search("[.eE]", digits) else int(digits)


def _key(name: str) -> str:
    return name if is_lua_name(name) else f"[{text(name)}]"


def _table(items: Iterable[str]) -> str:
    inside = ", ".join(items)
    return f"{{ {inside} }}" if inside else "{}"


def _escape(match: re.Match[str]) -> str:
    """Return the escape of a character; a decimal one has three digits, so that a digit after it is not part of it."""
    code = ord(match[0])
    return _SHORT_ESCAPES.get(match[0]) or (f"\\{code:03d}" if code < _ASCII_END else f"\\u{{{code:x}}}")


_LITERALS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (lazy_pattern(r"-?\d++(?:\.\d++)?(?:[eE][+-]?\d++)?(?![\w.])"), _read_number),
    (lazy_pattern(_TEXT, re.VERBOSE), _read_text),
    (lazy_pattern(r"(?:true|false)\b"), "true".__eq__),
    (lazy_pattern(r"nil\b"), lambda _word: None),
)


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
        with suppress(ValueError, OverflowError):
            return _finite(text)
        raise _invalid_value(parameter, text, "a number")
    if parameter.kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise _invalid_value(parameter, text, "true or false")
        return _BOOLEANS[text.lower()]
    if parameter.kind == "table":
        with suppress(DecodeError):
            value = decode(text)
            if isinstance(value, (list, dict)):
                return value
        raise _invalid_value(parameter, text, 'a list or a table in JSON, such as ["a", "b"]')
    return text


def _finite(text: str) -> int | float:
    """Return the number that a text is; `nan` and `inf`, which Python accepts, are none."""
    try:
        number: int | float = int(text)
    except ValueError:
        number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _invalid_value(parameter: Parameter, text: str, expected: str) -> InvalidArgumentsError:
    usual = f" (usually {parameter.default})" if parameter.default else ""
    return InvalidArgumentsError(f"The parameter `{parameter.name}` is {expected}{usual}, got {text[:64]!r}.")
