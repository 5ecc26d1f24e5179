"""Write tables for other programs, as CSV and as Markdown, and the texts of their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from math import isfinite
from typing import Any

from kosmo_kernel.render.tables import Table
from kosmo_kernel.render.text import pretty
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.safety.rows import Csv, csv_lines, markdown_rows
from kosmo_kernel.values.records import MISSING, encode

# What makes a spreadsheet take a cell for a formula, in its full-width variants as well.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def exact_cell(value: Any) -> str:
    """Return a value as text: a string unchanged, a missing value as an empty string, anything else as JSON."""
    if type(value) in MISSING:
        return ""
    if isinstance(value, float) and not isfinite(value):  # JSON has no such number
        return pretty(value)
    return str(value) if isinstance(value, str) else encode(value).decode()


def spreadsheet_cell(value: Any) -> str:
    """Return a value as text that a spreadsheet does not run as a formula, if it is no number."""
    text = exact_cell(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not isinstance(value, (int, float)) else text


def table_rows(
    table: Table, cell: Callable[[Any], str] = exact_cell, *, header: bool = True
) -> Iterator[Sequence[str]]:
    """Yield the rows of a table as texts, the names of the columns first, unless there is no header."""
    rows: Iterator[Sequence[str]] = zip(*(map(cell, values) for values in table.columns), strict=True)
    return chain([list(map(cell, table.names))], rows) if header else rows


def csv_of(table: Table, cell: Callable[[Any], str] = exact_cell) -> Iterator[Csv]:
    """Yield the lines of a table as CSV."""
    return csv_lines(table_rows(table, cell))


def markdown_of(table: Table) -> Iterator[Markdown]:
    """Yield the lines of a table as Markdown."""
    names, *rows = table_rows(table)
    return markdown_rows(names, rows, table.numbers)
