"""Print tables, records and pages on a terminal, with rich."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pygments.token import Comment, Keyword, Name, Number, Operator, String
from rich import box
from rich.markdown import Markdown as RichMarkdown
from rich.style import Style
from rich.syntax import ANSISyntaxTheme
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from kosmo_kernel.cli import streams
from kosmo_kernel.render.tables import RecordView, table_of
from kosmo_kernel.render.text import escape_control, format_column, is_number
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.values.records import Record, Records

if TYPE_CHECKING:
    from rich.console import Console

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
_CLOCK = "%Y-%m-%d %H:%M:%S"
_GAP = 2  # terminal columns between two table columns


def console() -> Console:
    """Return a rich console for standard output. Its width and use of colours follow the terminal."""
    return streams.console(sys.stdout, theme=_PAGE)


def print_page(page: Markdown) -> None:
    """Print a page of Markdown."""
    console().print(RichMarkdown(page, code_theme=LUA))  # type: ignore[arg-type]  # passed to `Syntax`, which accepts a theme


def print_pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with a wrapped text beside each."""
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=True)
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(Text(f"  {escape_control(name)}"), Text(escape_control(text)))
    console().print(grid)


def print_records(value: Record | Records, below: str = "") -> None:
    """Print records as a table with their count and a note below; print one record with a line for each field."""
    screen = console()
    if isinstance(value, Record):
        screen.print(_record_grid(value))
        return
    whole = table_of(value)
    names = _fitting_columns(value, screen.width)
    screen.print(table(value, names))
    left_out = len(whole.names) + whole.left_out - len(names)
    more = f"; {left_out} did not fit (a pipe or --json has them)" if left_out else ""
    screen.print(Text.assemble((f"{whole.count}{more}", "dim"), f". {escape_control(below)}" if below else ""))


def table(
    records: Records, names: Sequence[str], *, styles: Mapping[str, str] | None = None, clock: str = _CLOCK
) -> Table:
    """Return a rich table with some columns of records.

    Parameters:
        records: the records; the first 200 are shown.
        names: the names of the columns, in the order in which they are shown.
        styles: rich styles by the name of the column.
        clock: the format of times, for `strftime`.
    """
    whole = table_of(records)
    values = dict(zip(whole.names, whole.columns, strict=True))
    rich_table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="", border_style="dim"
    )
    for name in names:
        heading, _ = _column(name, values[name], clock)
        rich_table.add_column(
            heading,
            style=(styles or {}).get(name, ""),
            justify="right" if any(map(is_number, values[name])) else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=WIDEST,
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


def _fitting_columns(records: Records, width: int) -> list[str]:
    """Return the names of the first columns that fit into `width`; at least one."""
    whole = table_of(records)
    fitting: list[str] = []
    room = width + _GAP
    for name, values in zip(whole.names, whole.columns, strict=True):
        heading, texts = _column(name, values, _CLOCK)
        room -= min(max(text.cell_len for text in (heading, *texts)), WIDEST) + _GAP
        if fitting and room < 0:
            break
        fitting.append(name)
    return fitting


def _record_grid(record: Record) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in RecordView(record).lines():
        grid.add_row(Text(name), Text(NOTHING, "dim") if text is None else Text(text))
    return grid
