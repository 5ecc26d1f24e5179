"""Encode columns of texts and of integers as bytes, which Lua and Python read many times as fast as JSON.

Texts end with a null character, integers have eight bytes each. The counterpart in Lua is `lua/columns.lua`.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from typing import Any, Literal

Form = Literal["texts", "integers"]

_INTEGER_BYTES = 8
_TEXT_ONLY, _INTEGER_ONLY = frozenset({str}), frozenset({int})


def encode(values: list[Any], types: Collection[type]) -> tuple[Form, bytes] | None:
    """Return the form of a column and its bytes, or None for a column that has to be JSON.

    Parameters:
        values: the values.
        types: their types.
    """
    try:
        if types == _TEXT_ONLY:
            text = "\0".join(values)
            return ("texts", text.encode() + b"\0") if text.count("\0") == len(values) - 1 else None
        return ("integers", array("q", values).tobytes()) if types == _INTEGER_ONLY else None
    except (UnicodeEncodeError, OverflowError):  # half a surrogate pair; an integer of more than 64 bits
        return None


def decode(form: Form, body: bytes, count: int) -> list[Any]:
    """Return the values of a column.

    Raises:
        ValueError: the bytes are no column of so many values.
    """
    if form not in ("texts", "integers"):
        raise ValueError(f"the message has a column of {form!r}")
    if form == "integers":
        if len(body) != count * _INTEGER_BYTES:
            raise ValueError("the message has integers of another number than it says")
        return array("q", body).tolist()
    if body.count(b"\0") != count or body[-1:] not in (b"\0", b""):
        raise ValueError("the message has texts of another number than it says")
    return body.decode().split("\0")[:count]
