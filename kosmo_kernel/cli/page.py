"""Print a page of Markdown on a terminal, with rich, and the colours of Lua there.

It is apart from `terminal.py` because the parser of Markdown takes longer to import than most commands run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from pygments.token import Comment, Keyword, Name, Number, Operator, String
from rich.markdown import Markdown as RichMarkdown
from rich.markdown import TableElement
from rich.style import Style
from rich.syntax import ANSISyntaxTheme
from rich.table import Table

from kosmo_kernel.cli.terminal import console

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

    from kosmo_kernel.safety.markup import Markdown

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


def print_page(page: Markdown) -> None:
    """Print a page of Markdown."""
    console().print(_RenderedPage(page, code_theme=LUA))  # type: ignore[arg-type]  # passed to `Syntax`, which accepts a theme
