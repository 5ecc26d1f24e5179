"""Describe values in Lua's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

MAX_TEXT_SHOWN = 60  # characters of a string that a message shows


def lua_words(value: object) -> str:
    """Return a value in Lua's terms for an error message; control characters escaped, long strings shortened."""
    match value:
        case None:
            words = "nil"
        case bool():
            words = f"the boolean {str(value).lower()}"
        case int() | float():
            words = f"the number {value}"
        case str():
            words = repr(value if len(value) <= MAX_TEXT_SHOWN else value[: MAX_TEXT_SHOWN - 1] + "…")
        case bytes():
            words = "text that is not UTF-8"
        case _:
            words = "a list" if is_list(value) else "a table" if isinstance(value, Mapping) else type(value).__name__
    return words


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether a value is a Lua list; an empty table counts as one, because it has no keys."""
    if isinstance(value, Mapping):
        return not value
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
