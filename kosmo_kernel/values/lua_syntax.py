"""Write names and values as Lua source.

A value is written on one line, escaped such that no text can end its string or hide the code after it. Names follow
https://www.lua.org/manual/5.4/manual.html#3.1, in ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError

KEYWORDS = frozenset(
    (
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in"),
        *("local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
    )
)

# Characters that end a string or a line, move a cursor, or change the direction of the text around them.
_ESCAPED = re.compile('[\\\\"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_ASCII_END = 0x80
# Numbers that Python writes as names, or in digits that Lua reads as another number.
_NUMBERS = {"inf": "math.huge", "-inf": "-math.huge", "nan": "(0/0)", str(-(2**63)): "math.mininteger"}


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
    """Return an argument as Lua source: a string, number, boolean, `json.null`, list, or table with names."""
    if isinstance(value, str):
        return value if isinstance(value, LuaCode) else text(value)
    if value is None:
        return "json.null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return _table(f"{_key(name)} = {literal(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return _table(map(literal, value))
    return _NUMBERS.get(repr(value)) or repr(value)


def field(name: str) -> str:
    """Return the access to a field as it follows a table: `.name`, or `["its name"]`."""
    return f".{name}" if is_lua_name(name) else _key(name)


def _key(name: str) -> str:
    return name if is_lua_name(name) else f"[{text(name)}]"


def _table(items: Iterable[str]) -> str:
    inside = ", ".join(items)
    return f"{{ {inside} }}" if inside else "{}"


def _escape(match: re.Match[str]) -> str:
    """Return the escape of a character; a decimal one has three digits, so that a digit after it is not part of it."""
    code = ord(match[0])
    return _SHORT_ESCAPES.get(match[0]) or (f"\\{code:03d}" if code < _ASCII_END else f"\\u{{{code:x}}}")
