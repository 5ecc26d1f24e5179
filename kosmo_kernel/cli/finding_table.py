"""The findings of a check as a table for people, in which no column is lost without a word.

On a terminal that is too narrow, columns of ids are left out first; then texts go on in the next line; then the last
facts are left out. A line below names what is not there and the option that shows it: with `--full` each finding is a
block with a line for each column, where a table has no room for all. Off a terminal, each finding is one line that has
all columns, however long it is: a program, a log or a mail wraps it, or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kosmo_kernel.checks.finding_columns import FindingColumn, finding_columns, value_text
from kosmo_kernel.checks.report import Finding
from kosmo_kernel.cli.terminal import GridColumn, grid
from kosmo_kernel.render.column_widths import GAP, cut_widths, total_width
from kosmo_kernel.render.text import escape_control, is_number
from kosmo_kernel.safety.text import shortened

MAX_WIDTH = 50  # of a column: in a table its texts go on in the next line, in a file they push the rest of their line
MIN_WIDTH = 12  # how narrow a column of texts gets
MAX_TEXT = 400  # characters of a cell on a terminal, unless all is requested

# What stays on one line where there is room for it: a word, or a part of one, with what separates it from the next.
_PIECE = re.compile(r"[^\s@:/._-]*[\s@:/._-]*")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")


class _TextColumn(NamedTuple):
    """A column of a table: its heading, its cells, and what `FindingColumn` says of it."""

    heading: str
    texts: list[str]
    values: list[Any]
    is_fact: bool

    @property
    def is_numeric(self) -> bool:
        """Whether its cells are aligned to the right."""
        return any(map(is_number, self.values))

    @property
    def natural(self) -> int:
        """The width of its widest cell, at most `MAX_WIDTH`, or of its heading."""
        return max(cell_len(self.heading), min(MAX_WIDTH, max(map(cell_len, self.texts))))

    def least(self, longest: int) -> int:
        """Return the width at which only words of more than `longest` characters are broken."""
        if self.is_numeric or not self.is_fact:
            return self.natural
        words = [cell_len(word) for text in self.texts for word in text.split()]
        return max(cell_len(self.heading), min(longest, max(words, default=0)))


def lines_of(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the heading and the findings of one check, one line each with all columns and without spaces at its end."""
    columns = list(map(_of, finding_columns(findings)))
    for row in zip(*([column.heading, *column.texts] for column in columns), strict=True):
        line = ""
        for column, text in zip(columns, row, strict=True):
            blank = " " * (column.natural - cell_len(text))
            line += (blank + text if column.is_numeric else text + blank) + " " * GAP
        yield line.rstrip()


def terminal_table(findings: Sequence[Finding], room: int, *, full: bool) -> Iterator[RenderableType]:
    """Yield what a terminal shows of findings of one check: a table or blocks, and what has no room.

    Parameters:
        findings: the findings.
        room: the width of the terminal.
        full: show all columns, and texts of any length.
    """
    columns = list(map(_of, finding_columns(findings)))
    widths = _widths(columns, room)
    if full and len(widths) < len(columns):
        yield from _blocks(columns)
        return
    shown = []
    for index, width in widths.items():
        heading, texts, values, _ = columns[index]
        cells = [Text(_folded(text if full else shortened(text, MAX_TEXT), width)) for text in texts]
        shown.append(GridColumn(Text(heading, "bold"), cells, values, width))
    yield grid(shown, wraps=True)
    left_out = [column.heading for index, column in enumerate(columns) if index not in widths]
    if left_out:
        yield Text(f"no room for {', '.join(left_out)} (--full shows all columns)", "dim")
    if not full and any(len(text) > MAX_TEXT for index in widths for text in columns[index].texts):
        yield Text("long texts are cut (--full shows all of them)", "dim")


def _of(column: FindingColumn) -> _TextColumn:
    texts = [escape_control(cell_text(value)) for value in column.values]
    return _TextColumn(escape_control(column.name), texts, column.values, column.is_fact)


def cell_text(value: Any) -> str:
    """Return a value as the text of a cell: times without seconds, truth as `yes` or `no`."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}".removesuffix(".00")
    return _TIME.sub(r"\1 \2", value_text(value))


def _folded(text: str, width: int) -> str:
    """Return a text in lines of at most `width`, broken between words, or else after a sign such as `-`, `.` or `@`."""
    lines = [""]
    for piece in _PIECE.findall(text):
        if cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines = [*map(str.rstrip, lines), *chop_cells(piece, width)] if lines[-1] else chop_cells(piece, width)
        else:
            lines[-1] += piece
    return "\n".join(lines)


def _widths(columns: Sequence[_TextColumn], room: int) -> dict[int, int]:
    """Return the widths of the columns that a table of the width `room` has, by their index; at least one."""
    facts = {index: column.natural for index, column in enumerate(columns) if column.is_fact} or {0: columns[0].natural}
    if total_width(facts) <= room:
        for index, column in enumerate(columns):
            if index not in facts and total_width(more := facts | {index: column.natural}) <= room:
                facts = more
        return facts
    for longest in (MAX_WIDTH, MIN_WIDTH):
        least = {index: columns[index].least(longest) for index in facts}
        if total_width(least) <= room:
            return cut_widths(facts, least, room)
    while len(least) > 1 and total_width(least) > room:
        least.popitem()
    return cut_widths({index: facts[index] for index in least}, least, room)


def _blocks(columns: Sequence[_TextColumn]) -> Iterator[RenderableType]:
    """Yield for each finding a block with a line for each column."""
    for number, row in enumerate(zip(*(column.texts for column in columns), strict=True)):
        block = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
        block.add_column(no_wrap=True, style="dim")
        block.add_column(overflow="fold")
        for column, text in zip(columns, row, strict=True):
            block.add_row(Text(column.heading), Text(text))
        if number:
            yield Text(" ")
        yield block
