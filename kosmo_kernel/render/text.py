"""Format values, and tables of them, as text for people.

A column is formatted as a whole, so that its numbers have the same decimals and its times the same precision. Lists and
objects become short JSON in the cell of a table, and elsewhere the indented text that Lua's `print` gives. Characters
that could move a terminal's cursor, or change the direction of the text around them, are escaped.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from types import NoneType
from typing import Any, NamedTuple

from kosmo_kernel.safety.text import ESCAPED, escape
from kosmo_kernel.text import CUT, TableColumn, counted, cut_to, display_width, folded, lazy_pattern, padded

NOTHING = "\N{EN DASH}"  # in place of a missing value
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
    is_whole: bool = False  # whether numbers are rounded to whole ones


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
    form = form._replace(
        precision=precision,
        decimals=max(form.decimals, *needed) if needed and not form.is_whole else 0,
        has_separators=form.has_separators or is_long,
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


def first_lines(text: str, most: int, full_value: str, *, is_beginning: bool = False) -> str:
    """Return a text, or its first lines and one more that says what remains and where the whole is.

    Parameters:
        text: the text.
        most: the maximum number of characters.
        full_value: what has the whole text: `Out[3]`.
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
    return f"{part}\n… {rest}; {full_value} has all of it"


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
        scalar = value if isinstance(value, str) or value is None or isinstance(value, (int, float)) else str(value)
        yield json.dumps(scalar[: MAX_CELL_LENGTH + 1] if isinstance(scalar, str) else scalar, ensure_ascii=False)


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


# Tables as lines of text within a width ----------------------------------------------------------
#
# Columns are chosen by importance: main ones, then others, then those that show the same as a more important one, then
# ids. All but main ones need room for whole texts. What is chosen stays in its order. Texts and lists give way: they
# are cut, or go on in the next line, down to a least width; then a column is left out. Numbers and times are never cut.
# The heading `billed_price.cents` is cut to `…cents` before any text is.

GAP = 2  # terminal columns between two columns
MIN_CUT_WIDTH = 14  # terminal columns below which no text is cut
MIN_WRAPPED_WIDTH = 12  # terminal columns below which no text is wrapped
HEADING, DIM = "heading", "dim"  # styles of headings, and of rules and missing values

Paint = Callable[[str, str], str]  # returns a text in a style


class TextForm(NamedTuple):
    """The form of a table as text."""

    widest: int = sys.maxsize  # the width of a column above which its texts give way in any room
    rule: str = "-"  # the line below the headings
    has_zone_in_heading: bool = False  # else each time has its zone; seconds are left out where they have no room
    precision: str = ""  # of times, `days` or as `datetime.isoformat` has it; empty for as much as they need
    full_value: str = ""  # what has all rows and columns
    styles: Mapping[str, str] = {}  # of cells, by the name of their column
    paint: Paint | None = None  # returns a text in a style
    wraps: bool = False  # whether texts go on in the next line; else they are cut
    spills: bool = False  # whether texts are neither wrapped nor cut, but push the rest of their line
    max_text: int = sys.maxsize  # terminal columns of a text that is wrapped
    has_blocks: bool = False  # whether each row is a block with a line for each column, where not all of these fit
    has_count: bool = True  # whether a line below says how many rows and columns there are


NOTEBOOK = TextForm()


def fitting_widths(columns: Sequence[TableColumn], max_width: int, form: TextForm = NOTEBOOK) -> dict[int, int]:
    """Return the widths of the columns that fit into `max_width`, by their index and in their order; at least one.

    Parameters:
        columns: all columns.
        max_width: the width of the table.
        form: how it is written; where texts do not wrap, they are cut, and so are headings.
    """
    widest, wraps = min(form.widest, max(max_width, 0)), form.wraps
    words = list(map(_longest_word, columns)) if wraps else []
    if wraps:  # a time may be broken between its day and its hour
        columns = [
            column._replace(minimum=min(column.minimum, word)) for column, word in zip(columns, words, strict=True)
        ]
    headings = [display_width(column.heading) for column in columns]
    cells = [max(map(display_width, column.texts), default=0) for column in columns]
    cells = [max(min(column.minimum, width), min(widest, width)) for column, width in zip(columns, cells, strict=True)]
    uncut = list(map(max, headings, cells))
    if _total(uncut) <= max_width:
        return dict(enumerate(uncut))
    shortest = headings if wraps else _short_headings(columns, headings)
    natural = list(map(max, shortest, cells))
    has_main = any(column.main for column in columns)
    floors = [[MIN_CUT_WIDTH] * len(columns)]
    if wraps:  # at first, words stay whole
        floors = [words, [min(word, MIN_WRAPPED_WIDTH) for word in words]]
    for floor_of in floors:
        least = [
            width
            if column.is_id or has_main > column.main
            else min(width, max(column.minimum, min(floor, widest), heading * wraps))
            for column, width, floor, heading in zip(columns, natural, floor_of, headings, strict=True)
        ]
        chosen = _chosen(columns, natural, least, max_width)
        if all(index in chosen for index, column in enumerate(columns) if column.main):
            break
    widths = _cut_widths({index: natural[index] for index in chosen}, least, max_width)
    for index in chosen:  # a heading that is cut gets the room that is left, if that is enough for all of it
        missing = headings[index] - widths[index]
        if 0 < missing <= max_width - _total(widths.values()):
            widths[index] += missing
    return widths


def text_lines(
    columns: Sequence[TableColumn], widths: Mapping[int, int], form: TextForm = NOTEBOOK, *, header: bool = True
) -> Iterator[str]:
    """Yield the lines of a table.

    Parameters:
        columns: all columns.
        widths: the widths of those to write, by their index.
        form: how it is written.
        header: whether the headings are above them.
    """
    if not widths:
        return
    gap, last, paint = " " * GAP, max(widths), form.paint
    if header:
        is_whole = form.wraps or form.spills
        heads = [_head(columns[index], width, is_whole=is_whole) for index, width in widths.items()]
        yield gap.join([paint(head, HEADING) for head in heads] if paint else heads).rstrip()
    if header and form.rule:
        rule = (gap if form.rule == "-" else form.rule * GAP).join(form.rule * width for width in widths.values())
        yield paint(rule, DIM) if paint else rule
    texts: Sequence[Sequence[str]] = [columns[index].texts for index in widths]
    if form.wraps:
        texts = _wrapped(texts, list(widths.values()))
    cells = []
    for (index, width), column in zip(widths.items(), texts, strict=True):
        style, right = columns[index].style, columns[index].to_the_right
        padding = width if right or index != last else 0
        written = [padded(text if form.spills else cut_to(text, width), padding, right=right) for text in column]
        if paint:
            written = [
                paint(cell, DIM if text == NOTHING else style) for cell, text in zip(written, column, strict=True)
            ]
        cells.append(written)
    for row in zip(*cells, strict=True):
        yield gap.join(row).rstrip()


def pair_lines(
    pairs: Sequence[tuple[str, str]], width: int = sys.maxsize, paint: Paint | None = None, style: str = HEADING
) -> Iterator[str]:
    """Yield names with a text beside each, which is wrapped.

    Parameters:
        pairs: the names and texts.
        width: the width of a line.
        paint: returns a text in a style; None for no styles.
        style: the style of the names.
    """
    names = [name for name, _ in pairs]
    name_width = max(map(display_width, names), default=0)
    columns = [TableColumn("", names, style=style), TableColumn("", [text for _, text in pairs])]
    wraps = width < sys.maxsize
    widths = {0: name_width, 1: max(width - name_width - GAP, MIN_WRAPPED_WIDTH) if wraps else 0}
    yield from text_lines(columns, widths, TextForm(wraps=wraps, spills=True, paint=paint), header=False)


def short_heading(heading: str, width: int) -> str:
    """Return the last part of a dotted heading that has not enough room, and any other heading as it is."""
    _, dot, last = heading.rpartition(".")
    return f"{CUT}{last}" if dot and display_width(last) < width < display_width(heading) else heading


def _head(column: TableColumn, width: int, *, is_whole: bool) -> str:
    heading = column.heading if is_whole else cut_to(short_heading(column.heading, width), width)
    return padded(heading, width, right=column.to_the_right)


def _wrapped(texts: Sequence[Sequence[str]], widths: Sequence[int]) -> list[tuple[str, ...]]:
    """Return the cells of columns with a cell for each line of a row."""
    lines = [line for row in zip(*texts, strict=True) for line in zip_longest(*map(folded, row, widths), fillvalue="")]
    return list(zip(*lines, strict=True)) or [()] * len(texts)


def _longest_word(column: TableColumn) -> int:
    return max((display_width(word) for text in column.texts for word in text.split()), default=0)


def _chosen(columns: Sequence[TableColumn], natural: Sequence[int], least: Sequence[int], max_width: int) -> list[int]:
    """Return the indexes of the columns that fit, in their order."""
    chosen: list[int] = []
    has_main = any(column.main for column in columns)
    narrow, wide = -GAP, -GAP  # the width with texts that give way, and with uncut ones
    for index in _by_importance(columns):
        column = columns[index]
        narrow, wide = narrow + GAP + least[index], wide + GAP + natural[index]
        if not chosen or (wide if column.is_id or has_main > column.main else narrow) <= max_width:
            chosen.append(index)
        elif column.is_id:
            narrow, wide = narrow - GAP - least[index], wide - GAP - natural[index]
        else:
            break
    return sorted(chosen)


def _by_importance(columns: Sequence[TableColumn]) -> list[int]:
    """Return the indexes of the columns, the most important first."""
    order = sorted(range(len(columns)), key=lambda index: (columns[index].is_id, not columns[index].main))
    first: dict[tuple[str, ...], int] = {}
    repeated = {
        index
        for index in order
        if len(columns[index].texts) > 1 and first.setdefault(tuple(columns[index].texts), index) != index
    }
    return sorted(order, key=lambda index: (columns[index].is_id, index in repeated))


def _cut_widths(widths: Mapping[int, int], least: Sequence[int], max_width: int) -> dict[int, int]:
    """Return widths that fit into `max_width`, the widest cut first; one column that is too wide gets all of it."""
    for limit in range(max(widths.values()), -1, -1):
        cut = {index: max(min(width, limit), least[index]) for index, width in widths.items()}
        if _total(cut.values()) <= max_width:
            return cut
    return dict.fromkeys(widths, max_width)


def _short_headings(columns: Sequence[TableColumn], headings: Sequence[int]) -> list[int]:
    """Return the widths of the headings, without the beginnings of those whose last part is unique."""
    last = [column.heading.rpartition(".")[2] for column in columns]
    count = Counter(last)
    return [
        min(width, display_width(name) + 1) if count[name] == 1 else width
        for name, width in zip(last, headings, strict=True)
    ]


def _total(widths: Collection[int]) -> int:
    """Return the width of a table whose columns have these widths."""
    return sum(widths) + GAP * (len(widths) - 1)
