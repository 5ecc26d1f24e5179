"""Choose the columns of a text table that is too wide, and how wide each of them is.

The columns that the catalogue marks as main are chosen first, with their texts cut if necessary; then the others, in
their order, as far as there is room for whole texts. Without main ones, texts of all columns may be cut. A column that
shows the same as one before it is chosen last. What is chosen stays in its order. The heading `billed_price.cents` is
cut to `…cents` before any text is cut.

In a table whose texts go on in the next line (`wrapped_widths`) the main columns stay as long as they have room for
words, and the others, such as ids, are left out first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GAP = 2  # terminal columns between two columns
MIN_TEXT_WIDTH = 14  # terminal columns below which no text is cut; columns that do not fit are left out instead
MIN_WRAPPED_WIDTH = 12  # terminal columns below which no text is wrapped


@dataclass(frozen=True, slots=True)
class ColumnSize:
    """The size of a column, in terminal columns.

    Parameters:
        heading: the heading.
        width: of the heading.
        texts: the cells.
        natural: the width of the widest cell.
        minimum: the width below which cells are not cut.
        main: whether the column is chosen before those that are not.
    """

    heading: str
    width: int
    texts: Sequence[str]
    natural: int
    minimum: int
    main: bool = False


def chosen_widths(columns: Sequence[ColumnSize], room: int) -> dict[int, int]:
    """Return the widths of the columns that fit into `room`, by their index and in their order; at least one.

    Parameters:
        columns: all columns.
        room: the width of the table.
    """
    whole = {index: max(column.width, column.natural) for index, column in enumerate(columns)}
    if total_width(whole) <= room:
        return whole
    natural = {index: max(width, columns[index].natural) for index, width in _short_headings(columns).items()}
    least = {index: min(width, columns[index].minimum) for index, width in natural.items()}
    has_main = any(column.main for column in columns)
    chosen: list[int] = []
    for index in _by_importance(columns):
        sizes = least if columns[index].main or not has_main else natural
        if chosen and total_width({one: sizes[one] for one in (*chosen, index)}) > room:
            break
        chosen.append(index)
    chosen.sort()
    widths = cut_widths({index: natural[index] for index in chosen}, least, room)
    for index in chosen:  # a heading that is cut gets the room that is left, if that is enough for all of it
        missing = columns[index].width - widths[index]
        if 0 < missing <= room - total_width(widths):
            widths[index] += missing
    return widths


def wrapped_widths(columns: Sequence[ColumnSize], room: int) -> dict[int, int]:
    """Return the widths of the columns of a table whose texts are wrapped, by their index; at least one.

    Parameters:
        columns: all columns. Where there is little room they get narrower than their minimum, but not than `width`.
        room: the width of the table.
    """
    main = {index: column.natural for index, column in enumerate(columns) if column.main} or {0: columns[0].natural}
    if total_width(main) <= room:
        for index, column in enumerate(columns):
            if index not in main and total_width(more := main | {index: column.natural}) <= room:
                main = more
        return main
    least = {index: columns[index].minimum for index in main}
    if total_width(least) > room:
        least = {index: max(columns[index].width, min(MIN_WRAPPED_WIDTH, width)) for index, width in least.items()}
    while len(least) > 1 and total_width(least) > room:
        least.popitem()
    return cut_widths({index: main[index] for index in least}, least, room)


def short_heading(heading: str, room: int) -> str:
    """Return the last part of a dotted heading that has not enough room, and any other heading as it is."""
    _, dot, last = heading.rpartition(".")
    return f"…{last}" if dot and len(last) < room < len(heading) else heading


def cut_widths(widths: Mapping[int, int], least: Mapping[int, int], room: int) -> dict[int, int]:
    """Return widths that fit into `room`, the widest cut first; one column that is too wide gets all of it.

    Parameters:
        widths: the widths of columns by their index.
        least: the width below which each of them is not cut.
        room: the width of the table.
    """
    for limit in range(max(widths.values()), -1, -1):
        cut = {index: max(min(width, limit), least[index]) for index, width in widths.items()}
        if total_width(cut) <= room:
            return cut
    return dict.fromkeys(widths, room)


def total_width(widths: Mapping[int, int]) -> int:
    """Return the width of a table whose columns have these widths."""
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _by_importance(columns: Sequence[ColumnSize]) -> list[int]:
    """Return the indexes of the columns, the most important first."""
    first: dict[tuple[str, ...], int] = {}
    repeated = {
        index
        for index, column in enumerate(columns)
        if len(column.texts) > 1 and first.setdefault(tuple(column.texts), index) != index
    }
    return sorted(range(len(columns)), key=lambda index: (index in repeated, not columns[index].main))


def _short_headings(columns: Sequence[ColumnSize]) -> dict[int, int]:
    """Return the widths of the headings by index, without the beginnings of those whose last part is unique."""
    last = [column.heading.rpartition(".")[2] for column in columns]
    count = Counter(last)
    return {
        index: min(column.width, len(last[index]) + 1) if count[last[index]] == 1 else column.width
        for index, column in enumerate(columns)
    }
