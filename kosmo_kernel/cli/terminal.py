"""Print tables, records and pages on a terminal, and the styles of all that is printed there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import click
from msgspec.structs import replace

from kosmo_kernel.cli import streams
from kosmo_kernel.render.display import has_colours
from kosmo_kernel.render.tables import RecordView, table_of
from kosmo_kernel.render.text import DIM, HEADING, Paint, TextForm, escape_control, pair_lines
from kosmo_kernel.values.records import Record, Records

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.syntax import ANSISyntaxTheme

    from kosmo_kernel.safety.markup import Markdown

WIDEST = 40  # maximum width of a table column, in terminal columns
_PAGE = {  # rich's styles of pages
    "markdown.code": "cyan",
    "markdown.h1": "bold",
    "markdown.h2": "bold underline",
    "markdown.h3": "bold",
    "markdown.table.border": "dim",
    "markdown.table.header": "bold",
}
# The styles of Lua's kinds of words, as Pygments calls them: ANSI colours, which the terminal adapts to its background.
LUA_STYLES = {
    "Comment": "dim",
    "Keyword": "bold blue",
    "Literal.Number": "magenta",
    "Literal.String": "green",
    "Name.Builtin": "cyan",
    "Name.Function": "cyan",
    "Operator.Word": "bold blue",
}
NAME, ALERT, NOTICE = "name", "alert", "notice"
STYLES: dict[str, dict[str, Any]] = {
    HEADING: {"bold": True},
    DIM: {"dim": True},
    NAME: {"fg": "cyan"},
    ALERT: {"fg": "red", "bold": True},
    NOTICE: {"fg": "yellow"},
}
TERMINAL = TextForm(WIDEST, "─", has_zone_in_heading=True, full_value="a pipe or --json has all")


def console() -> Console:
    """Return a rich console for standard output. Its width and use of colours follow the terminal."""
    from rich.theme import Theme  # which tables and records do not need

    return streams.console(sys.stdout, theme=Theme(_PAGE))


def print_pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with a wrapped text beside each."""
    texts = [(f"  {escape_control(name)}", escape_control(text)) for name, text in rows]
    _print_lines(pair_lines(texts, _width(), _paint(), NAME))


def print_records(value: Record | Records, below: str = "", *, header: bool = True) -> None:
    """Print records as a table with their count and a note below; print one record with a line for each field."""
    if isinstance(value, Record):
        _print_lines([RecordView(value).text(_width(), _paint())])
        return
    table = replace(table_of(value), note=below)
    _print_lines([table.text(_width(), header=header, form=TERMINAL._replace(paint=_paint()))])


def lua_theme() -> ANSISyntaxTheme:
    """Return the colours of Lua."""
    from pygments.token import string_to_tokentype
    from rich.style import Style
    from rich.syntax import ANSISyntaxTheme

    return ANSISyntaxTheme({string_to_tokentype(kind): Style.parse(style) for kind, style in LUA_STYLES.items()})


def print_page(page: Markdown) -> None:
    """Print a page of Markdown with rich, whose parser takes longer to import than most commands run."""
    from rich.markdown import Markdown as RichMarkdown
    from rich.markdown import TableElement
    from rich.table import Table

    class PageTable(TableElement):
        """A table of a page, which breaks no name in its first column."""

        def __rich_console__(self, screen: Console, options: ConsoleOptions) -> Iterator[Any]:
            for part in super().__rich_console__(screen, options):
                if isinstance(part, Table) and part.columns:
                    first = part.columns[0]
                    first.no_wrap = all(" " not in str(cell) for cell in first.cells)
                yield part

    class RenderedPage(RichMarkdown):
        """The Markdown of a page, as rich renders it."""

        elements: ClassVar = {**RichMarkdown.elements, "table_open": PageTable}

    console().print(RenderedPage(page, code_theme=lua_theme()))  # type: ignore[arg-type]  # passed to `Syntax`, which accepts a theme


def styled_text(text: str, style: str) -> str:
    """Return a text with the escape sequences of a style, one of `STYLES`."""
    return click.style(text, **STYLES[style]) if style else text


def _print_lines(lines: Iterable[str]) -> None:
    """Print lines of styled text, in which whatever is not of this package has been escaped."""
    streams.styled(sys.stdout).write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _width() -> int:
    return shutil.get_terminal_size().columns


def _paint() -> Paint | None:
    return styled_text if has_colours(sys.stdout) else None
