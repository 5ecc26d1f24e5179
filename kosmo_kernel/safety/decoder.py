"""Decode JSON that somebody else wrote: the one place that does, within bounds.

A few bytes of JSON can become a thousand times as many in Python, or nest deeper than any code can follow. So a text is
measured before anything is made of it: its bytes, its values, how deep they are, and the digits of its whole numbers.
Whatever is wrong with a text, `decode` raises one error, `DecodeError`. `decode_json` makes it the caller's own, with
the name of the file.

A value is counted where it begins: after a comma, or first in a list or an object. Python finds single bytes at memory
speed, so brackets and commas are counted with those inside texts first, and without them only if that is too many.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kosmo_kernel.text import lazy_pattern

MAX_BYTES = 64 << 20
MAX_VALUES = 1_000_000  # numbers, texts, lists and objects in one text, which take up to 200 bytes each
MAX_DEPTH = 100  # lists and objects inside each other
MAX_INTEGER = 2**63 - 1  # Lua has no larger one, and a float would lose digits
GC_PAUSE_MIN_BYTES = 4096  # bytes of JSON that are decoded without pausing the garbage collector

_MARKS = b'",[{'
_NO_MARKS = bytes(set(range(256)) - set(_MARKS))
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b'"[]{}'))
_TEXT = lazy_pattern(rb'"[^"]*"')
_OPENED = ord("[")
_DIGITS = bytes(ord("0") if code in b"0123456789" else 0 for code in range(256))
_MAX_DIGITS = len(str(MAX_INTEGER))
_LONG = b"0" * _MAX_DIGITS
# A whole number of so many digits: no part of a fraction or an exponent.
_LONG_INTEGER = lazy_pattern(rb"(?<![\d.eE+-])-?\d{%d,}+(?![\d.eE])" % _MAX_DIGITS)
_PAIR = lazy_pattern(rb"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]")
_HALF_PAIR = lazy_pattern(rb"\\u[dD][89a-fA-F]")

Error = Callable[[str], Exception]
Hook = Callable[[dict[str, Any]], Any]


class DecodeError(ValueError):
    """A text is not decoded: it is no JSON, or it exceeds a bound.

    The message is the reason, without a part of the text: "more than 100 lists and objects inside each other".

    Attributes:
        is_excess: it exceeds a bound.
        is_cut_off: it is no JSON, and may be the beginning of a longer text that is.
    """

    def __init__(self, reason: str, *, is_excess: bool = False, is_cut_off: bool = False) -> None:
        super().__init__(reason)
        self.is_excess, self.is_cut_off = is_excess, is_cut_off


def decode(
    text: bytes | str,
    *,
    max_bytes: int = MAX_BYTES,
    max_values: int = MAX_VALUES,
    max_depth: int = MAX_DEPTH,
    type: Any = Any,  # noqa: A002 - as msgspec calls it
) -> Any:
    """Return the value of a JSON text.

    Parameters:
        text: the text.
        max_bytes, max_values, max_depth: the bounds of the text.
        type: what the value must be, as msgspec understands it.

    Raises:
        DecodeError: it is no JSON, has another type, or exceeds a bound.
    """
    data = _encoded(text)
    check_json(data, max_bytes=max_bytes, max_values=max_values, max_depth=max_depth)
    try:
        if len(data) < GC_PAUSE_MIN_BYTES:
            return _decoded(data, type)
        with collector_paused():
            return _decoded(data, type)
    except (ValueError, RecursionError) as error:
        reason = _reason(error)
    # Outside of the block, because the error of the decoder has the text, which may be a secret.
    raise DecodeError(
        "half of a surrogate pair" if _has_half_pair(data) else reason, is_cut_off=_is_cut_off(data, reason)
    )


def decode_json(
    content: bytes | str, name: str, error: Error, *, max_values: int = MAX_VALUES, hook: Hook | None = None
) -> Any:
    """Return the value of a JSON text, such as a file's, also in the processes that have the standard library only.

    Parameters:
        content: the text.
        name: what messages call it, such as the path of its file.
        error: makes the exception for a message.
        max_values: the largest number of values in it.
        hook: returns the value of an object; may raise ValueError or TypeError.

    Raises:
        Exception: `error`, with the name: it is no JSON (with line and column), or exceeds a bound. No part of the text
            is in the message.
    """
    try:
        check_json(_encoded(content), max_values=max_values)
        return json.loads(content, object_hook=hook)
    except DecodeError as fault:
        reason = f"{name} has {fault}."
    except json.JSONDecodeError as fault:
        reason = f"{name}:{fault.lineno}:{fault.colno} is no JSON: {fault.msg}."
    except (ValueError, TypeError, RecursionError):  # no UTF-8, or of `hook`
        reason = f"{name} is no JSON that can be read."
    raise error(reason)


def check_json(
    text: bytes, *, max_bytes: int = MAX_BYTES, max_values: int = MAX_VALUES, max_depth: int = MAX_DEPTH
) -> None:
    """Check the bounds of a JSON text without decoding it.

    Raises:
        DecodeError: it exceeds one; parameters as for `decode`.
    """
    if len(text) > max_bytes:
        raise DecodeError(f"more than {max_bytes:,} bytes", is_excess=True)
    if len(text) // 2 >= max_values and count_values(text, max_values) > max_values:  # each takes a byte and a mark
        raise DecodeError(f"more than {max_values:,} values", is_excess=True)
    if is_deeper_than(text, max_depth):
        raise DecodeError(f"more than {max_depth} lists and objects inside each other", is_excess=True)
    if _LONG in text.translate(_DIGITS) and _has_long_integer(text):
        raise DecodeError("a whole number of more than 64 bits", is_excess=True)


def count_values(text: bytes, most: int) -> int:
    """Return an upper bound on the number of values in a JSON text, without decoding it.

    Marks inside texts are left out if the bound is more than `most` with them.
    """
    bound = _count_marks(text)
    if bound <= most:
        return bound
    text = _without_escapes(text)
    quotes = text.count(b'"')
    if quotes > 4 * max(most, MAX_VALUES):  # two quotes make a string, and every other string may be a key
        return quotes // 4
    # Delete all other characters, so that a string is two quotes with its marks between them. Deleting two quotes in
    # a row does not change which marks are inside a string.
    marks = text.translate(None, _NO_MARKS).replace(b'""', b"")
    return _count_marks(_TEXT.sub(b"", marks))


def is_deeper_than(text: bytes, most: int) -> bool:
    """Return whether a JSON text has more than `most` lists and objects inside each other, without decoding it."""
    if text.count(b"[") + text.count(b"{") <= most:
        return False
    brackets = _brackets(text)
    for _ in range(most):  # each round takes the innermost lists away
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    else:
        return bool(brackets)
    depth = 0
    for bracket in brackets:  # there are some left only if the text is no JSON
        depth += 1 if bracket == _OPENED else -1
        if depth > most:
            return True
    return False


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause Python's cycle collector while a large value is built.

    JSON has no cycles, and from about ten thousand records on the collector takes as much time as the decoding.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _decoded(data: bytes, type_: Any) -> Any:
    import msgspec  # the walled processes have none

    return msgspec.json.decode(data, type=type_)


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, UnicodeDecodeError) else str(error)


def _is_cut_off(text: bytes, reason: str) -> bool:
    """Return whether a text that is no JSON breaks off.

    It has a string, a list or an object without end. And if the decoder had stopped at a mistake, it would report the
    same error for the text with anything appended. If it stopped at the end, the error changes: a digit may complete a
    number, and null characters are wrong anywhere else.
    """
    brackets = _brackets(text)
    if text.strip() and b'"' not in brackets and brackets.count(b"[") <= brackets.count(b"]"):
        return False
    return any(_fault(text + suffix) != reason for suffix in (b"0", b"\0" * 12))  # more than any literal or escape has


def _fault(text: bytes) -> str:
    try:
        _decoded(text, Any)
    except (ValueError, RecursionError) as error:
        return _reason(error)
    return ""


def _encoded(text: bytes | str) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _has_half_pair(text: bytes) -> bool:
    return b"\\u" in text and _HALF_PAIR.search(_PAIR.sub(b"", text.replace(b"\\\\", b""))) is not None


def _has_long_integer(text: bytes) -> bool:
    numbers = _LONG_INTEGER.findall(_TEXT.sub(b'""', _without_escapes(text)))
    return any(
        len(number.lstrip(b"-")) > _MAX_DIGITS or not -MAX_INTEGER - 1 <= int(number) <= MAX_INTEGER
        for number in numbers
    )


def _brackets(text: bytes) -> bytes:
    """Return the brackets of a text outside of its strings, as those of lists; from an open string on also the rest."""
    return _TEXT.sub(b"", _without_escapes(text).translate(_AS_LISTS, _NO_BRACKETS).replace(b'""', b""))


def _without_escapes(text: bytes) -> bytes:
    return text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text


def _count_marks(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{") + 1
