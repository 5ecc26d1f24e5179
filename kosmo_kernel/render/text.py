"""Format values as text for people.

A column is formatted as a whole, so that its numbers have the same decimals and its times the same precision. Lists and
objects become short JSON in the cell of a table, and elsewhere the indented text that Lua's `print` gives. Characters
that could move a terminal's cursor, or change the direction of the text around them, are escaped.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from types import NoneType
from typing import Any, NamedTuple

from kosmo_kernel.safety.text import ESCAPED, escape
from kosmo_kernel.text import counted, lazy_pattern

MAX_LIST_ITEMS = 100  # elements shown of a list
WIDTH = 76  # a list or object of at most this many columns is written on one line
MAX_DEPTH = 20
MAX_CELL_LENGTH = 2000  # characters kept of one cell
MAX_EXACT = 2**53  # up to here a float that is whole is an exact integer

_UNSAFE = lazy_pattern(f"[\t\n{ESCAPED}]")
_QUOTED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_DECIMALS = 6  # of the numbers in a column
_TEXT_OR_NONE = {str, NoneType}
_NUMBERS = {int, float}
_SEPARATED_FROM = 10_000  # so that years and versions have no separators
_TEN_DIGITS = 1e10  # numbers below have at most ten digits before the point


def escape_control(text: str) -> str:
    """Return a text on one line, with control characters, direction marks and lone surrogates as escapes."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: _QUOTED.get(match[0]) or escape(match), text)


class CellForm(NamedTuple):
    """The form of the cells of a column."""

    precision: str = ""  # of times, `days` or as `datetime.isoformat` has it; empty for seconds where a time has some
    has_zone: bool = True  # whether times in UTC say so
    decimals: int = 0  # of numbers with fractions, at least
    has_separators: bool = False  # between the thousands of numbers
    for_page: bool = False  # with `yes` and `no`, lists without brackets, and separators if a number is long


IN_NOTEBOOKS = CellForm()


def format_column(values: Sequence[Any], form: CellForm = IN_NOTEBOOKS) -> list[str | None]:
    """Return the values of one column as texts of one line each, with None for missing values."""
    types = set(map(type, values))
    if types <= _TEXT_OR_NONE:  # as most columns are
        return [None if value is None else escape_control(value[: MAX_CELL_LENGTH + 1]) for value in values]
    needed = [_decimals(v) for v in values if isinstance(v, float)]
    precision = form.precision
    if not precision:
        times = (v for v in values if isinstance(v, datetime))
        precision = "seconds" if any(t.second or t.microsecond for t in times) else "minutes"
    is_long = form.for_page and any(type(v) in _NUMBERS and abs(v) >= _SEPARATED_FROM for v in values)
    form = CellForm(
        precision,
        form.has_zone,
        max(form.decimals, *needed) if needed else 0,
        form.has_separators or is_long,
        form.for_page,
    )
    return [None if value is None else _cell(value, form) for value in values]


def pretty(value: Any, most: int | None = None) -> str:
    """Return a string unchanged, and any other value as Lua's `print` shows it.

    Parameters:
        value: anything.
        most: stop after this many characters, or write all when None. A text that was cut is longer than this.
    """
    if isinstance(value, str):
        return value if most is None else value[: most + 1]
    return _Writer(most).text(value)


def first_lines(text: str, most: int, whole: str, *, is_beginning: bool = False) -> str:
    """Return a text, or its first lines and one more that says what remains and where the whole is.

    Parameters:
        text: the text.
        most: the maximum number of characters.
        whole: what has the whole text: `Out[3]`.
        is_beginning: the text itself is only the beginning of one.
    """
    if len(text) <= most:
        return text
    end = text.rfind("\n", 0, most + 1)
    part = text[:end] if end > 0 else text[:most]
    if is_beginning:
        rest = "the rest is not shown"
    else:
        lines = text.count("\n", end + 1) + (not text.endswith("\n"))
        rest = counted(lines, "more line") if end > 0 else f"{len(text) - most:,} more characters"
    return f"{part}\n… {rest}; {whole} has all of it"


def is_longer(value: Any, most: int) -> bool:
    """Return whether a value has more than about `most` characters as text, looking at no more of it than needed."""
    waiting = [value]
    while waiting and most >= 0:
        part = waiting.pop()
        if isinstance(part, Mapping):
            waiting += [inner for item in islice(part.items(), most + 1) for inner in item]
        elif isinstance(part, (list, tuple)):
            waiting += islice(part, most + 1)
        most -= len(part) if isinstance(part, str) else len(", ")
    return most < 0


def _cell(value: Any, form: CellForm) -> str:
    if isinstance(value, str):
        return escape_control(value[: MAX_CELL_LENGTH + 1])
    if isinstance(value, bool):
        return ("yes" if value else "no") if form.for_page else "true" if value else "false"
    if isinstance(value, float) or ((form.decimals or form.has_separators) and isinstance(value, int)):
        return _number(value, form)
    if isinstance(value, datetime):
        return _time(value, form)
    if isinstance(value, (list, tuple, Mapping)):
        text = _short_json(value)
        return escape_control(_words(value, text) if form.for_page else text)
    return escape_control(str(value)[: MAX_CELL_LENGTH + 1])


def _words(value: Any, text: str) -> str:
    """Return a list of texts without brackets and quotes, and any other value as its JSON."""
    return ", ".join(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else text


def _number(value: float, form: CellForm) -> str:
    separator = "," if form.has_separators else ""
    if isinstance(value, int):  # exact, however large it is
        fraction = f".{'0' * form.decimals}" if form.decimals else ""
        return f"{value:{separator}d}{fraction}"[: MAX_CELL_LENGTH + 1]
    text = _rounded(value)
    return text if "e" in text else f"{value:{separator}.{form.decimals}f}"


def _rounded(value: float) -> str:
    """Return a number in ten digits, or in as many more as its whole part has; they are exact up to 2^53."""
    return f"{value:.{10 if abs(value) < _TEN_DIGITS else 16}g}"


def _decimals(value: float) -> int:
    """Return how many decimals a number needs when it is rounded."""
    text = _rounded(value)
    return 0 if "e" in text else min(len(text.partition(".")[2]), _MAX_DECIMALS)


def _time(value: datetime, form: CellForm) -> str:
    if form.precision == "days":
        return value.date().isoformat()
    if value.tzinfo is None or value.utcoffset() != timedelta(0):
        return value.isoformat(" ", form.precision)
    return value.replace(tzinfo=None).isoformat(" ", form.precision) + (" UTC" if form.has_zone else "")


def _short_json(value: object) -> str:
    """Return JSON on one line, written no further than a cell shows."""
    text = ""
    for piece in _json_pieces(value, 0):
        text += piece
        if len(text) > MAX_CELL_LENGTH:
            break
    return text


def _json_pieces(value: object, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        yield "…"
    elif isinstance(value, Mapping):
        yield "{"
        for index, (key, item) in enumerate(value.items()):
            yield f"{', ' if index else ''}{json.dumps(str(key)[: MAX_CELL_LENGTH + 1], ensure_ascii=False)}: "
            yield from _json_pieces(item, depth + 1)
        yield "}"
    elif isinstance(value, (list, tuple)):
        yield "["
        for index, item in enumerate(value):
            yield ", " if index else ""
            yield from _json_pieces(item, depth + 1)
        yield "]"
    elif isinstance(value, float) and not math.isfinite(value):
        yield _atom(value)
    else:
        whole = value if isinstance(value, str) or value is None or isinstance(value, (int, float)) else str(value)
        yield json.dumps(whole[: MAX_CELL_LENGTH + 1] if isinstance(whole, str) else whole, ensure_ascii=False)


class _Writer:
    """Writes values as indented text, up to a number of characters."""

    def __init__(self, max_length: int | None) -> None:
        self._remaining = sys.maxsize if max_length is None else max_length

    def text(self, value: Any, depth: int = 0) -> str:
        """Return a value as indented text; below `MAX_DEPTH` lists and objects are not written."""
        if isinstance(value, Mapping):
            opening, closing, pad = "{", "}", " "
            parts: Iterable[tuple[str, Any]] = ((f"{_key(key)}: ", item) for key, item in value.items())
            most = len(value)
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            opening, closing, pad = "[", "]", ""
            parts = (("", item) for item in value[:MAX_LIST_ITEMS])
            most = MAX_LIST_ITEMS
        else:
            return self._count(_atom(value[: max(self._remaining, 0) + 1] if isinstance(value, str) else value))
        if depth >= MAX_DEPTH:
            return self._count(f"{opening} … {closing}")
        pieces = []
        for label, item in parts:
            if self._remaining < 0:  # the caller cuts the text here
                break
            pieces.append(self._count(label) + self.text(item, depth + 1))
            self._remaining -= len(", ")
        if most < len(value):
            pieces.append(f"… {len(value) - most} more, {len(value)} in all")
        if not pieces:
            return self._count(opening + closing)
        line = f"{opening}{pad}{', '.join(pieces)}{pad}{closing}"
        if len(line) <= WIDTH and "\n" not in line:
            return line
        return opening + "\n" + ",\n".join("  " + piece.replace("\n", "\n  ") for piece in pieces) + "\n" + closing

    def _count(self, text: str) -> str:
        self._remaining -= len(text)
        return text


def _key(key: object) -> str:
    if isinstance(key, str):
        return key if _NAME.fullmatch(key) else _quoted(key)
    return f"[{_atom(key)}]"


def _atom(value: Any) -> str:
    """Return a value that is neither list nor object, as Lua writes it, but with all digits of a whole number."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= MAX_EXACT:
            return f"{value:.1f}"
        text = f"{value:.14g}"
        return text + ".0" if math.isfinite(value) and not re.search("[.e]", text) else text
    return str(value)


def _quoted(text: str) -> str:
    return '"' + escape_control(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
