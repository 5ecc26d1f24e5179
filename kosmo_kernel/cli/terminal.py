"""Print tables, records and pages on a terminal, with rich."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pygments.token import Comment, Keyword, Name, Number, Operator, String
from rich import box
from rich.markdown import Markdown as RichMarkdown
from rich.markdown import TableElement
from rich.style import Style
from rich.syntax import ANSISyntaxTheme
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from kosmo_kernel.cli import streams
from kosmo_kernel.render.column_widths import GAP, ColumnSize, chosen_widths, short_heading
from kosmo_kernel.render.style import NOTHING
from kosmo_kernel.render.tables import RecordView, table_of
from kosmo_kernel.render.tables import Table as RecordTable
from kosmo_kernel.render.text import escape_control, format_column, is_number
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.settings.table import ROWS
from kosmo_kernel.text.quantities import counted
from kosmo_kernel.values.records import Record, Records

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

WIDEST = 40  # maximum width of a table column, in terminal columns
# ANSI colours, which the terminal adapts to its background.
LUA = ANSISyntaxTheme(
    {
        Comment: Style(dim=True),
        Keyword: Style(color="blue", bold=True),
        Name.Builtin: Style(color="cyan"),
        Name.Function: Style(color="cyan"),
        Number: Style(color="magenta"),
        Operator.Word: Style(color="blue", bold=True),
        String: Style(color="green"),
    }
)
_PAGE = Theme(
    {
        "markdown.code": "cyan",
        "markdown.h1": "bold",
        "markdown.h2": "bold underline",
        "markdown.h3": "bold",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)
_CLOCK, _NARROW_CLOCK = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"
_MIN_TEXT_WIDTH = 12  # terminal columns below which no text of a main column is cut


class _PageTable(TableElement):
    """A table of a page, which breaks no name in its first column."""

    def __rich_console__(self, screen: Console, options: ConsoleOptions) -> Iterator[Any]:
        for part in super().__rich_console__(screen, options):
            if isinstance(part, Table) and part.columns:
                first = part.columns[0]
                first.no_wrap = all(" " not in str(cell) for cell in first.cells)
            yield part


class _RenderedPage(RichMarkdown):
    """The Markdown of a page, as rich renders it."""

    elements: ClassVar = {**RichMarkdown.elements, "table_open": _PageTable}


def console() -> Console:
    """Return a rich console for standard output. Its width and use of colours follow the terminal."""
    return streams.console(sys.stdout, theme=_PAGE)


def print_page(page: Markdown) -> None:
    """Print a page of Markdown."""
    console().print(_RenderedPage(page, code_theme=LUA))  # type: ignore[arg-type]  # passed to `Syntax`, which accepts a theme


def print_pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with a wrapped text beside each."""
    texts = ((Text(f"  {escape_control(name)}"), Text(escape_control(text))) for name, text in rows)
    console().print(pairs(texts, style="cyan", pad_edge=True))


def pairs(rows: Iterable[tuple[Text, Text]], *, style: str, pad_edge: bool = False) -> Table:
    """Return a rich table of names with a wrapped text beside each.

    Parameters:
        rows: the names and texts.
        style: a rich style for the names.
        pad_edge: whether there is a gap after the texts, too.
    """
    rich_table = Table.grid(padding=(0, GAP, 0, 0), pad_edge=pad_edge)
    rich_table.add_column(no_wrap=True, style=style)
    rich_table.add_column(overflow="fold")
    for row in rows:
        rich_table.add_row(*row)
    return rich_table


def print_records(value: Record | Records, below: str = "", *, header: bool = True) -> None:
    """Print records as a table with their count and a note below; print one record with a line for each field."""
    screen = console()
    if isinstance(value, Record):
        lines = RecordView(value).lines()
        screen.print(pairs(((Text(name), _cell(text)) for name, text in lines), style="bold"))
        return
    whole = replace(table_of(value), more=ROWS.variable)
    for clock in (_CLOCK, _NARROW_CLOCK):
        columns = _columns(whole, clock)
        widths = chosen_widths([_size_of(column, main=name in whole.main) for name, column in columns], screen.width)
        if len(widths) == len(columns):
            break
    screen.print(grid((columns[index][1]._replace(width=width) for index, width in widths.items()), header=header))
    left_out = len(columns) + whole.left_out - len(widths)
    more = f"; {counted(left_out, 'column')} did not fit" if left_out else ""
    if left_out or (whole.columns and len(whole.columns[0]) < whole.total):
        more += " (a pipe or --json has all)"
    screen.print(Text.assemble((f"{whole.count}{more}", "dim"), f". {escape_control(below)}" if below else ""))


class GridColumn(NamedTuple):
    """A column of a table on a terminal: heading, cells, values of the cells, greatest width, and a style of rich."""

    heading: Text
    cells: Sequence[Text]
    values: Sequence[Any]
    width: int = WIDEST
    style: str = ""


def grid(columns: Iterable[GridColumn], *, header: bool = True, wraps: bool = False) -> Table:
    """Return a rich table of columns. If it `wraps`, a text without room goes on in the next line; else it is cut."""
    rows, rich_table = [], Table(box=box.SIMPLE_HEAD, show_edge=False, show_header=header, pad_edge=False)
    rich_table.padding, rich_table.header_style, rich_table.border_style = (0, 1, 0, 0), "", "dim"
    for heading, cells, values, width, style in columns:
        rich_table.add_column(
            heading if wraps or heading.cell_len <= width else Text(short_heading(heading.plain, width), "bold"),
            style=style,
            justify="right" if any(map(is_number, values)) else "left",
            no_wrap=not wraps,
            overflow="ellipsis",
            max_width=width,
        )
        rows.append(cells)
    for row in zip(*rows, strict=True):
        rich_table.add_row(*row)
    return rich_table


def table(records: Records, names: Sequence[str], *, styles: Mapping[str, str], clock: str) -> Table:
    """Return a rich table with some columns of the first 200 records.

    Parameters:
        records: the records.
        names: the names of the columns, in the order in which they are shown.
        styles: rich styles by the name of the column.
        clock: the format of times, for `strftime`.
    """
    columns = dict(_columns(table_of(records), clock))
    return grid(columns[name]._replace(style=styles.get(name, "")) for name in names)


def _columns(whole: RecordTable, clock: str) -> list[tuple[str, GridColumn]]:
    """Return the columns of a table with their names. A heading names the time zone of cells with a time of day."""
    columns = []
    for name, values in zip(whole.names, whole.columns, strict=True):
        if all(value is None or isinstance(value, datetime) for value in values) and any(values):
            texts = [None if time is None else time.astimezone(UTC).strftime(clock) for time in values]
            heading = Text.assemble((escape_control(name), "bold"), (" UTC" if "%H" in clock else "", "dim"))
        else:
            texts, heading = format_column(values), Text(escape_control(name), "bold")
        columns.append((name, GridColumn(heading, list(map(_cell, texts)), values)))
    return columns


def _size_of(column: GridColumn, *, main: bool) -> ColumnSize:
    """Return the size of a column; only the texts of a main one may be cut."""
    natural = min(max((cell.cell_len for cell in column.cells), default=0), WIDEST)
    may_be_cut = main and all(isinstance(value, (str, NoneType)) for value in column.values)
    texts, minimum = [cell.plain for cell in column.cells], _MIN_TEXT_WIDTH if may_be_cut else WIDEST
    return ColumnSize(column.heading.plain, min(column.heading.cell_len, WIDEST), texts, natural, minimum, main)


def _cell(text: str | None) -> Text:
    return Text(NOTHING, "dim") if text is None else Text(text)
