"""Print tables, records and pages on a terminal, with rich."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar

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
from kosmo_kernel.render.column_widths import ColumnSize, chosen_widths, short_heading
from kosmo_kernel.render.tables import RecordView, table_of
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
NOTHING = "\N{EN DASH}"
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
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=True)
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(Text(f"  {escape_control(name)}"), Text(escape_control(text)))
    console().print(grid)


def print_records(value: Record | Records, below: str = "", *, header: bool = True) -> None:
    """Print records as a table with their count and a note below; print one record with a line for each field."""
    screen = console()
    if isinstance(value, Record):
        screen.print(_record_grid(value))
        return
    whole = replace(table_of(value), more=ROWS.variable)
    clock = _CLOCK
    widths = _fitting_columns(value, screen.width, clock)
    if len(widths) < len(whole.names):
        clock = _NARROW_CLOCK
        widths = _fitting_columns(value, screen.width, clock)
    grid = table(value, list(widths), widths=widths, clock=clock)
    grid.show_header = header
    screen.print(grid)
    left_out = len(whole.names) + whole.left_out - len(widths)
    more = f"; {counted(left_out, 'column')} did not fit" if left_out else ""
    if left_out or (whole.columns and len(whole.columns[0]) < whole.total):
        more += " (a pipe or --json has all)"
    screen.print(Text.assemble((f"{whole.count}{more}", "dim"), f". {escape_control(below)}" if below else ""))


def table(
    records: Records,
    names: Sequence[str],
    *,
    styles: Mapping[str, str] | None = None,
    widths: Mapping[str, int] | None = None,
    clock: str = _CLOCK,
) -> Table:
    """Return a rich table with some columns of records.

    Parameters:
        records: the records; the first 200 are shown.
        names: the names of the columns, in the order in which they are shown.
        styles: rich styles by the name of the column.
        widths: the greatest width of each column by its name, in terminal columns; 40 when None.
        clock: the format of times, for `strftime`.
    """
    whole = table_of(records)
    values = dict(zip(whole.names, whole.columns, strict=True))
    rich_table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="", border_style="dim"
    )
    for name in names:
        heading, _ = _column(name, values[name], clock)
        width = WIDEST if widths is None else widths[name]
        rich_table.add_column(
            heading if heading.cell_len <= width else Text(short_heading(heading.plain, width), "bold"),
            style=(styles or {}).get(name, ""),
            justify="right" if any(map(is_number, values[name])) else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=width,
        )
    for row in zip(*(_column(name, values[name], clock)[1] for name in names), strict=True):
        rich_table.add_row(*row)
    return rich_table


def _column(name: str, values: Sequence[Any], clock: str) -> tuple[Text, list[Text]]:
    """Return the heading and the cells of a column. The heading names the time zone if the cells have a time of day."""
    if all(value is None or isinstance(value, datetime) for value in values) and any(values):
        texts = [None if time is None else time.astimezone(UTC).strftime(clock) for time in values]
        heading = Text.assemble((escape_control(name), "bold"), (" UTC" if "%H" in clock else "", "dim"))
    else:
        texts, heading = format_column(values), Text(escape_control(name), "bold")
    return heading, [Text(NOTHING, "dim") if text is None else Text(text) for text in texts]


def _fitting_columns(records: Records, width: int, clock: str) -> dict[str, int]:
    """Return the widths of the columns that fit into `width`, by their names; only texts of main columns are cut."""
    whole = table_of(records)
    sizes = []
    for name, values in zip(whole.names, whole.columns, strict=True):
        heading, texts = _column(name, values, clock)
        natural = min(max((text.cell_len for text in texts), default=0), WIDEST)
        are_texts = name in whole.main and all(isinstance(value, (str, NoneType)) for value in values)
        minimum = _MIN_TEXT_WIDTH if are_texts else WIDEST
        plain = [text.plain for text in texts]
        sizes.append(ColumnSize(heading.plain, min(heading.cell_len, WIDEST), plain, natural, minimum))
    main = {index for index, name in enumerate(whole.names) if name in whole.main}
    widths = chosen_widths(sizes, main, width)
    return {whole.names[index]: room for index, room in widths.items()}


def _record_grid(record: Record) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in RecordView(record).lines():
        grid.add_row(Text(name), Text(NOTHING, "dim") if text is None else Text(text))
    return grid
