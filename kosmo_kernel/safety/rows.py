"""Write rows of texts as lines of CSV, of tab-separated values and of a Markdown table: the gates of these formats."""

from __future__ import annotations

import csv
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from io import StringIO

from kosmo_kernel.safety.markup import Markdown, Markup
from kosmo_kernel.text.patterns import lazy_pattern

# What would end a value or a line, so that `cut`, `sort` and `awk -F'\t'` work.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_WEB_ADDRESS = lazy_pattern(r"https?://[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9./-]*)?", re.IGNORECASE)


class Csv(Markup):
    """Lines of CSV."""

    __slots__ = ()


class Tabbed(Markup):
    """Lines of tab-separated values."""

    __slots__ = ()


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[Csv]:
    """Yield a line for each row, quoted where needed.

    The writer quotes values with a carriage return or a newline only if its line terminator contains that character.
    """
    line = StringIO(newline="")
    writer = csv.writer(line, lineterminator="\r\n")
    for row in rows:
        writer.writerow(row)
        yield Csv(line.getvalue().removesuffix("\r\n") + "\n")
        line.seek(0)
        line.truncate()


def tabbed_lines(rows: Iterable[Sequence[str]]) -> Iterator[Tabbed]:
    """Yield a line for each row, with line ends, tabs and backslashes in a value as escapes."""
    return (Tabbed("\t".join(cell.translate(_ESCAPES) for cell in row) + "\n") for row in rows)


def markdown_rows(
    names: Sequence[str], rows: Iterable[Sequence[str]], numbers: Container[int] = ()
) -> Iterator[Markdown]:
    """Yield the lines of a table.

    Parameters:
        names: the headings.
        rows: the cells of each row; those that are Markdown stay as they are.
        numbers: the indexes of the columns of numbers, which are aligned to the right.
    """
    yield _markdown_row(names)
    rules = ("---:" if index in numbers else "---" for index in range(len(names)))
    yield Markdown(f"| {' | '.join(rules)} |\n")
    yield from map(_markdown_row, rows)


def markdown_line(text: str) -> Markdown:
    """Return a text for a line of Markdown; one that is only a web address stays as it is, and becomes a link."""
    return Markdown(text) if _WEB_ADDRESS.fullmatch(text) else Markdown.escape(text)


def _markdown_row(cells: Sequence[str]) -> Markdown:
    texts = [cell if isinstance(cell, Markdown) else markdown_line(cell) for cell in cells]
    return Markdown(f"| {' | '.join(texts)} |\n")
