"""The findings of a check as a table for people, in which no column is lost without a word.

On a terminal that is too narrow, columns of ids are left out first; then texts go on in the next line; then the last
facts are left out. A line below names what is not there and the option that shows it: with `--full` each finding is a
block with a line for each column, where a table has no room for all. Off a terminal, each finding is one line that has
all columns, however long it is: a program, a log or a mail wraps it, or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.console import RenderableType
from rich.text import Text

from kosmo_kernel.checks.finding_columns import FindingColumn, finding_columns
from kosmo_kernel.checks.report import Finding
from kosmo_kernel.cli.terminal import GridColumn, grid, pairs
from kosmo_kernel.render.cells import cell_text
from kosmo_kernel.render.column_widths import GAP, ColumnSize, wrapped_widths
from kosmo_kernel.render.text import escape_control, is_number
from kosmo_kernel.safety.text import shortened

MAX_WIDTH = 50  # of a column: in a table its texts go on in the next line, in a file they push the rest of their line
MAX_TEXT = 400  # characters of a cell on a terminal, unless all is requested

# What stays on one line where there is room for it: a word, or a part of one, with what separates it from the next.
_PIECE = re.compile(r"[^\s@:/._-]*[\s@:/._-]*")


def lines_of(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the heading and the findings of one check, one line each with all columns and without spaces at its end."""
    columns = list(map(_sized, finding_columns(findings)))
    for row in zip(*([size.heading, *size.texts] for size, _ in columns), strict=True):
        line = ""
        for (size, values), text in zip(columns, row, strict=True):
            blank = " " * (size.natural - cell_len(text))
            line += (blank + text if any(map(is_number, values)) else text + blank) + " " * GAP
        yield line.rstrip()


def terminal_table(findings: Sequence[Finding], room: int, *, full: bool) -> Iterator[RenderableType]:
    """Yield what a terminal shows of findings of one check: a table or blocks, and what has no room.

    Parameters:
        findings: the findings.
        room: the width of the terminal.
        full: show all columns, and texts of any length.
    """
    columns = list(map(_sized, finding_columns(findings)))
    sizes = [size for size, _ in columns]
    widths = wrapped_widths(sizes, room)
    if full and len(widths) < len(sizes):
        yield from _blocks(sizes)
        return
    shown = []
    for index, width in widths.items():
        size, values = columns[index]
        cells = [Text(_folded(text if full else shortened(text, MAX_TEXT), width)) for text in size.texts]
        shown.append(GridColumn(Text(size.heading, "bold"), cells, values, width))
    yield grid(shown, wraps=True)
    left_out = [size.heading for index, size in enumerate(sizes) if index not in widths]
    if left_out:
        yield Text(f"no room for {', '.join(left_out)} (--full shows all columns)", "dim")
    if not full and any(len(text) > MAX_TEXT for index in widths for text in sizes[index].texts):
        yield Text("long texts are cut (--full shows all of them)", "dim")


def _sized(column: FindingColumn) -> tuple[ColumnSize, list[Any]]:
    """Return the size of a column of findings, and its values. Only the texts of facts are wrapped, between words."""
    heading, texts = escape_control(column.name), [escape_control(cell_text(value)) for value in column.values]
    width = cell_len(heading)
    natural = max(width, min(MAX_WIDTH, max(map(cell_len, texts))))
    if not column.is_fact or any(map(is_number, column.values)):
        return ColumnSize(heading, natural, texts, natural, natural, column.is_fact), column.values
    longest = max((cell_len(word) for text in texts for word in text.split()), default=0)
    minimum = max(width, min(MAX_WIDTH, longest))
    return ColumnSize(heading, width, texts, natural, minimum, column.is_fact), column.values


def _folded(text: str, width: int) -> str:
    """Return a text in lines of at most `width`, broken between words, or else after a sign such as `-`, `.` or `@`."""
    lines = [""]
    for piece in _PIECE.findall(text):
        if cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines = [*map(str.rstrip, lines), *chop_cells(piece, width)] if lines[-1] else chop_cells(piece, width)
        else:
            lines[-1] += piece
    return "\n".join(lines)


def _blocks(columns: Sequence[ColumnSize]) -> Iterator[RenderableType]:
    """Yield for each finding a block with a line for each column."""
    for number, row in enumerate(zip(*(column.texts for column in columns), strict=True)):
        if number:
            yield Text(" ")
        lines = zip((Text(column.heading) for column in columns), map(Text, row), strict=True)
        yield pairs(lines, style="dim")
