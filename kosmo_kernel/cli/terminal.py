"""What a terminal shows: tables, records and pages, drawn by rich."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pygments.token import Comment, Keyword, Name, Number, Operator, String
from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.style import Style
from rich.syntax import ANSISyntaxTheme
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from kosmo_kernel.render.tables import RecordView, table_of
from kosmo_kernel.render.text import escape_control, format_column, is_number
from kosmo_kernel.values.records import Record, Records

WIDEST = 40  # columns of the terminal that one column of a table takes at most
# The terminal's own colours, so that they suit its background.
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
_GAP = 2  # columns between two columns of a table


def console() -> Console:
    """Standard output as rich writes to it: as wide as it is, and without colours where none belong."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, theme=_PAGE)


def print_page(page: str) -> None:
    """Print a page of Markdown."""
    console().print(Markdown(page, code_theme=LUA))  # type: ignore[arg-type]  # handed on to `Syntax`, which takes one


def print_pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with a text beside each, wrapped there."""
    drawn = Table.grid(padding=(0, 2, 0, 0), pad_edge=True)
    drawn.add_column(no_wrap=True, style="cyan")
    drawn.add_column(overflow="fold")
    for name, text in rows:
        drawn.add_row(Text(f"  {escape_control(name)}"), Text(escape_control(text)))
    console().print(drawn)


def print_records(value: Record | Records, below: str = "") -> None:
    """Print records as a table with its count, and a note, below; a record with a line for each field."""
    screen = console()
    if isinstance(value, Record):
        screen.print(_one_record(value))
        return
    whole = table_of(value)
    names = _fitting(value, screen.width)
    screen.print(table(value, names))
    left_out = len(whole.names) + whole.left_out - len(names)
    more = f"; {left_out} did not fit (a pipe or --json has them)" if left_out else ""
    screen.print(Text.assemble((f"{whole.count}{more}", "dim"), f". {escape_control(below)}" if below else ""))


def table(
    records: Records, names: Sequence[str], *, styles: Mapping[str, str] | None = None, clock: str = _CLOCK
) -> Table:
    """A table of some columns of records.

    Parameters:
        records: what a function returned; the first 200 are shown.
        names: of the columns, in the order in which they are shown.
        styles: how to draw a column, by its name.
        clock: how to write a time, for `strftime`.
    """
    whole = table_of(records)
    values = dict(zip(whole.names, whole.columns, strict=True))
    drawn = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="", border_style="dim"
    )
    for name in names:
        heading, _ = _column(name, values[name], clock)
        drawn.add_column(
            heading,
            style=(styles or {}).get(name, ""),
            justify="right" if any(map(is_number, values[name])) else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=WIDEST,
        )
    for row in zip(*(_column(name, values[name], clock)[1] for name in names), strict=True):
        drawn.add_row(*row)
    return drawn


def _column(name: str, values: Sequence[Any], clock: str) -> tuple[Text, list[Text]]:
    """A column's heading and its cells. The zone of its times is told once, in the heading, where it matters."""
    if all(value is None or isinstance(value, datetime) for value in values) and any(values):
        texts = [None if time is None else time.astimezone(UTC).strftime(clock) for time in values]
        heading = Text.assemble((escape_control(name), "bold"), (" UTC" if "%H" in clock else "", "dim"))
    else:
        texts, heading = format_column(values), Text(escape_control(name), "bold")
    return heading, [Text(NOTHING, "dim") if text is None else Text(text) for text in texts]


def _fitting(records: Records, width: int) -> list[str]:
    """The names of the first columns that fit into `width`; at least one."""
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


def _one_record(record: Record) -> Table:
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, text in RecordView(record).lines():
        drawn.add_row(Text(name), Text(NOTHING, "dim") if text is None else Text(text))
    return drawn
