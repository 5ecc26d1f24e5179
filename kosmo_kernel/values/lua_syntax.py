"""Names and values as Lua's source writes them.

A value is written on one line, and so that nothing in a text can end it or hide what follows. Names are those of
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

# What ends a text or a line, moves a cursor, or turns the direction of the text around it.
_ESCAPED = re.compile('[\\\\"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_WRITTEN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_ASCII = 0x80
# Numbers that Python writes as names or in digits that Lua reads as another one.
_NUMBERS = {"inf": "math.huge", "-inf": "-math.huge", "nan": "(0/0)", str(-(2**63)): "math.mininteger"}


def is_lua_name(name: str) -> bool:
    """Tell whether Lua can have a variable, or a field behind a dot, of this name."""
    return name.isascii() and name.isidentifier() and name not in KEYWORDS


def lua_name(name: str) -> str:
    """Return a name that a global variable can have, as it is.

    Raises:
        InvalidArgumentsError: Lua has no variable of that name.
    """
    if not (name.isascii() and name.isidentifier()):
        raise InvalidArgumentsError(f"{name!r} is no name of a Lua variable: letters, digits and `_`, no digit first.")
    if name in KEYWORDS:
        raise InvalidArgumentsError(f"`{name}` is a word of Lua's own and names no variable.")
    return name


def text(value: str) -> str:
    """A text in quotes."""
    return f'"{_ESCAPED.sub(_escape, value)}"'


def literal(value: Any) -> str:
    """What an argument can be: a text, a number, true, false, JSON's null, a list of them, a table with names."""
    if isinstance(value, str):
        return text(value)
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
    """What is written behind a table to name one of its fields: `.name`, or `["its name"]`."""
    return f".{name}" if is_lua_name(name) else _key(name)


def _key(name: str) -> str:
    return name if is_lua_name(name) else f"[{text(name)}]"


def _table(items: Iterable[str]) -> str:
    inside = ", ".join(items)
    return f"{{ {inside} }}" if inside else "{}"


def _escape(found: re.Match[str]) -> str:
    """One character; the three digits of the short form cannot be continued by what follows."""
    code = ord(found[0])
    return _WRITTEN.get(found[0]) or (f"\\{code:03d}" if code < _ASCII else f"\\u{{{code:x}}}")
