"""Write tables as lines of text within a width: for terminals, notebooks, pipes and files.

Columns are chosen by importance: main ones, then others, then those that show the same as a more important one, then
ids. All but main ones need room for whole texts. What is chosen stays in its order. Texts and lists give way: they are
cut, or go on in the next line, down to a least width; then a column is left out. Numbers and times are
never cut. The heading `billed_price.cents` is cut to `…cents` before any text is.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from kosmo_kernel.render.style import NOTHING
from kosmo_kernel.text import CUT, cut_to, display_width, folded, padded

GAP = 2  # terminal columns between two columns
MIN_CUT_WIDTH = 14  # terminal columns below which no text is cut
MIN_WRAPPED_WIDTH = 12  # terminal columns below which no text is wrapped
HEADING, DIM = "heading", "dim"  # styles of headings, and of rules and missing values

Paint = Callable[[str, str], str]  # returns a text in a style


class TextColumn(NamedTuple):
    """A column to write."""

    heading: str
    texts: Sequence[str]  # its cells, of one line each
    minimum: int = 0  # the width below which its cells are not cut, because there are numbers or times
    to_the_right: bool = False
    main: bool = True  # whether it is chosen before those that are not
    is_id: bool = False  # whether it is chosen last
    style: str = ""  # of its cells, for `Paint`


class TextForm(NamedTuple):
    """The form of a table as text."""

    widest: int = sys.maxsize  # the width of a column above which its texts give way in any room
    rule: str = "-"  # the line below the headings
    has_zone_in_heading: bool = False  # else each time has its zone; seconds are left out where they have no room
    precision: str = ""  # of times, `days` or as `datetime.isoformat` has it; empty for as much as they need
    whole: str = ""  # what has all rows and columns
    styles: Mapping[str, str] = {}  # of cells, by the name of their column
    paint: Paint | None = None  # returns a text in a style
    wraps: bool = False  # whether texts go on in the next line; else they are cut
    spills: bool = False  # whether texts are neither wrapped nor cut, but push the rest of their line
    max_text: int = sys.maxsize  # terminal columns of a text that is wrapped
    has_blocks: bool = False  # whether each row is a block with a line for each column, where not all of these fit
    has_count: bool = True  # whether a line below says how many rows and columns there are


NOTEBOOK = TextForm()


def fitting_widths(columns: Sequence[TextColumn], room: int, form: TextForm = NOTEBOOK) -> dict[int, int]:
    """Return the widths of the columns that fit into `room`, by their index and in their order; at least one.

    Parameters:
        columns: all columns.
        room: the width of the table.
        form: how it is written; where texts do not wrap, they are cut, and so are headings.
    """
    widest, wraps = min(form.widest, max(room, 0)), form.wraps
    words = list(map(_longest_word, columns)) if wraps else []
    if wraps:  # a time may be broken between its day and its hour
        columns = [
            column._replace(minimum=min(column.minimum, word)) for column, word in zip(columns, words, strict=True)
        ]
    headings = [display_width(column.heading) for column in columns]
    cells = [max(map(display_width, column.texts), default=0) for column in columns]
    cells = [max(min(column.minimum, width), min(widest, width)) for column, width in zip(columns, cells, strict=True)]
    whole = list(map(max, headings, cells))
    if _total(whole) <= room:
        return dict(enumerate(whole))
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
        chosen = _chosen(columns, natural, least, room)
        if all(index in chosen for index, column in enumerate(columns) if column.main):
            break
    widths = _cut_widths({index: natural[index] for index in chosen}, least, room)
    for index in chosen:  # a heading that is cut gets the room that is left, if that is enough for all of it
        missing = headings[index] - widths[index]
        if 0 < missing <= room - _total(widths.values()):
            widths[index] += missing
    return widths


def text_lines(
    columns: Sequence[TextColumn], widths: Mapping[int, int], form: TextForm = NOTEBOOK, *, header: bool = True
) -> Iterator[str]:
    """Yield the lines of a table.

    Parameters:
        columns: all columns.
        widths: the widths of those to write, by their index.
        form: how it is written.
        header: whether the headings are above them.
    """
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
        room = width if right or index != last else 0
        written = [padded(text if form.spills else cut_to(text, width), room, right=right) for text in column]
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
    room = max(map(display_width, names), default=0)
    columns = [TextColumn("", names, style=style), TextColumn("", [text for _, text in pairs])]
    wraps = width < sys.maxsize
    widths = {0: room, 1: max(width - room - GAP, MIN_WRAPPED_WIDTH) if wraps else 0}
    yield from text_lines(columns, widths, TextForm(wraps=wraps, spills=True, paint=paint), header=False)


def short_heading(heading: str, width: int) -> str:
    """Return the last part of a dotted heading that has not enough room, and any other heading as it is."""
    _, dot, last = heading.rpartition(".")
    return f"{CUT}{last}" if dot and display_width(last) < width < display_width(heading) else heading


def _head(column: TextColumn, width: int, *, is_whole: bool) -> str:
    heading = column.heading if is_whole else cut_to(short_heading(column.heading, width), width)
    return padded(heading, width, right=column.to_the_right)


def _wrapped(texts: Sequence[Sequence[str]], widths: Sequence[int]) -> list[tuple[str, ...]]:
    """Return the cells of columns with a cell for each line of a row."""
    lines = [line for row in zip(*texts, strict=True) for line in zip_longest(*map(folded, row, widths), fillvalue="")]
    return list(zip(*lines, strict=True)) or [()] * len(texts)


def _longest_word(column: TextColumn) -> int:
    return max((display_width(word) for text in column.texts for word in text.split()), default=0)


def _chosen(columns: Sequence[TextColumn], natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return the indexes of the columns that fit, in their order."""
    chosen: list[int] = []
    has_main = any(column.main for column in columns)
    narrow, whole = -GAP, -GAP  # the width with texts that give way, and with whole ones
    for index in _by_importance(columns):
        column = columns[index]
        narrow, whole = narrow + GAP + least[index], whole + GAP + natural[index]
        if not chosen or (whole if column.is_id or has_main > column.main else narrow) <= room:
            chosen.append(index)
        elif column.is_id:
            narrow, whole = narrow - GAP - least[index], whole - GAP - natural[index]
        else:
            break
    return sorted(chosen)


def _by_importance(columns: Sequence[TextColumn]) -> list[int]:
    """Return the indexes of the columns, the most important first."""
    order = sorted(range(len(columns)), key=lambda index: (columns[index].is_id, not columns[index].main))
    first: dict[tuple[str, ...], int] = {}
    repeated = {
        index
        for index in order
        if len(columns[index].texts) > 1 and first.setdefault(tuple(columns[index].texts), index) != index
    }
    return sorted(order, key=lambda index: (columns[index].is_id, index in repeated))


def _cut_widths(widths: Mapping[int, int], least: Sequence[int], room: int) -> dict[int, int]:
    """Return widths that fit into `room`, the widest cut first; one column that is too wide gets all of it."""
    for limit in range(max(widths.values()), -1, -1):
        cut = {index: max(min(width, limit), least[index]) for index, width in widths.items()}
        if _total(cut.values()) <= room:
            return cut
    return dict.fromkeys(widths, room)


def _short_headings(columns: Sequence[TextColumn], headings: Sequence[int]) -> list[int]:
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
