r"""Print the values of a run or a call: as text for people, or in a format of `--format`, for other programs.

As text, records are a table as wide as the terminal (`terminal.py`). In a pipe they are complete tab-separated values:
a line of names, then a line for each record. Tabs, line ends and backslashes in a value are written as `\t`, `\n`, `\r`
and `\\`, so that `cut`, `sort` and `awk -F'\t'` work. An empty list has no lines there; a note on standard error has
the count. All other values are the same text in both.

    table      for people: as wide as the terminal, in a pipe as wide as the content
    csv        a line of names, then a line for each record; lists and objects inside are JSON; with --excel-safe
               texts that a spreadsheet would run as formulas have an apostrophe in front
    json       one document: the value, or a list if there are several values
    jsonl      a line of JSON for each record, or for each value that is not a list
    markdown   tables that GitHub and notebooks render

An object of numbers, such as counts by name, is a table of its keys and values in all but JSON.

In the formats, a record is a table with one row. Adjacent values that are not records share a line, and each item of a
list has its own. A missing value is empty, or null in JSON. Tables are separated by an empty line. All formats except
`table` are UTF-8, whatever the terminal's encoding, and nothing in them is truncated.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from math import isfinite
from typing import Any, AnyStr

from kosmo_kernel.cli.options import EXCEL_CSV
from kosmo_kernel.cli.output import document, print_json, print_note, print_result, print_utf8, show_page, write
from kosmo_kernel.render.blocks import TEXTS, ValueKind, as_shown, blocks_of
from kosmo_kernel.render.text import pretty
from kosmo_kernel.results.dry_run import plan_of, summary
from kosmo_kernel.results.result import Result
from kosmo_kernel.safety.markup import Markdown, Markup, Terminal
from kosmo_kernel.safety.rows import Csv, Tabbed, csv_lines, markdown_line, markdown_rows, tabbed_lines
from kosmo_kernel.values.fields import MISSING, fields_of
from kosmo_kernel.values.records import Records, encode

LINES_PER_WRITE = 1000
# What makes a spreadsheet take a cell for a formula, in its full-width variants as well.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NO_RECORDS = "0 records"
_SHOWN_AS_TEXT = TEXTS | {ValueKind.LIST, ValueKind.MAP, ValueKind.OUTPUT}  # kinds without a form of their own as text


def show_result(result: Result, form: str | None = None) -> None:
    """Print the values of a run, or the plan of a dry run, to standard output and its notes to standard error.

    Parameters:
        result: the result of the run.
        form: the value of `--format`. With a format, values hidden by a trailing `;` are printed as well.
    """
    below, notes = result.split_notes(tables=not (form or result.hidden) and sys.stdout.isatty())
    if form or not result.hidden:
        write_values(result.values_to_show, form, below)
    for text in (*notes, *([summary(result.planned)] if result.dry_run else ())):
        print_note(text)


def show_failed_plan(result: Result | None, form: str | None = None) -> None:
    """Print the plan of a dry run that failed, and the note that counts its calls; nothing for any other run."""
    if result is not None and result.dry_run:
        write_values(result.values_to_show, form)
        print_note(summary(result.planned))


def show_call(result: Result, form: str | None) -> None:
    """Print the value of a single call, or the call that a dry run would make, and the notes."""
    if not result.dry_run:
        result.values = result.values[:1]  # failures are in the notes
        show_result(result, form)
        return
    write_values([plan_of(result.planned)], form)
    for text in (*result.notes, "A dry run: nothing was asked."):
        print_note(text)


def write_values(values: Sequence[Any], form: str | None = None, below: str = "") -> None:
    """Write values to standard output, as text for people without a format.

    Parameters:
        values: the values, as in `Result.values`.
        form: the value of `--format`.
        below: a note that a terminal shows below the first table of the text, and a pipe leaves out.
    """
    if form is None or (form == "table" and sys.stdout.isatty()):
        _show(values, below)
    elif form == "json":
        document(values[0] if len(values) == 1 else list(values) or None)
    elif form == "jsonl":
        items = (value if isinstance(value, (Records, list)) else [value] for value in values)
        _write_batches((encode(item) + b"\n" for item in chain.from_iterable(items)), b"", print_json)
    else:
        for place, block in enumerate(blocks_of(map(as_shown, values))):
            lines = chain(["\n"] if place else [], _FORMATTERS[form](*block))
            _write_batches(lines, "", partial(write, sys.stdout) if sys.stdout.isatty() else print_utf8)


def _show(values: Sequence[Any], below: str) -> None:
    """Print values as text: each table by itself, adjacent plain values on one line, separated by tabs."""
    for kind, value in blocks_of(map(as_shown, values), _SHOWN_AS_TEXT):
        if kind is ValueKind.TEXT and value == [[]] and not sys.stdout.isatty():  # an empty list, which has no rows
            print_note(NO_RECORDS)
        elif kind is ValueKind.TEXT:
            print_result(_line(value))
        elif kind is ValueKind.PAGE:
            show_page(value)
        elif sys.stdout.isatty():
            from kosmo_kernel.cli.terminal import print_records

            print_records(value, below)
            below = "" if kind is ValueKind.TABLE else below
        else:
            _write_batches(_separated_lines(kind, value), "", partial(write, sys.stdout))
            if kind is ValueKind.TABLE and not value:
                print_note(NO_RECORDS)


# Values as rows of text


def _line(values: Iterable[Any], separator: str = "\t") -> str:
    """Return the text of adjacent values that share a line."""
    return separator.join("nil" if value is None else pretty(value) for value in values)


def _cell(value: Any) -> str:
    """Return a value as text: a string unchanged, a missing value as an empty string, anything else as JSON."""
    if type(value) in MISSING:
        return ""
    if isinstance(value, float) and not isfinite(value):  # JSON has no such number
        return pretty(value)
    return str(value) if isinstance(value, str) else encode(value).decode()


def _excel_cell(value: Any) -> str:
    """Return a value as text that a spreadsheet does not run as a formula, if it is no number."""
    text = _cell(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not isinstance(value, (int, float)) else text


def _table(
    value: dict[str, Any] | Records, cell: Callable[[Any], str] = _cell
) -> tuple[Sequence[str], Iterator[Sequence[str]]]:
    """Return the names of the fields of records or of one object, and the rows of their texts."""
    records = value.for_table() if isinstance(value, Records) else Records([value], getattr(value, "function", None))
    fields = list(fields_of(records))
    columns = [map(cell, field.values(records)) for field in fields]
    return [cell(field.name) for field in fields], zip(*columns, strict=True)


def _pairs(value: dict[str, Any]) -> Iterator[Sequence[str]]:
    """Return the name and the text of each field of one object."""
    names, rows = _table(value)
    return zip(names, next(rows, ()), strict=True)


def _rows(kind: ValueKind, value: Any, cell: Callable[[Any], str] = _cell) -> Iterable[Sequence[str]]:
    """Return the rows of a block; the first row of records has the names of their fields."""
    match kind:
        case ValueKind.TABLE | ValueKind.RECORD | ValueKind.MAP:
            names, rows = _table(value, cell)
            return chain([names], rows)
        case ValueKind.LIST:
            return (list(map(cell, item)) if isinstance(item, list) else [cell(item)] for item in value)
        case ValueKind.TEXT:
            return [list(map(cell, value))]
    return [[cell(value)]]


# The lines of a block


def _separated_lines(kind: ValueKind, value: Any) -> Iterator[Tabbed]:
    """Yield records as lines of tab-separated values, the names first; for one record, a line for each field."""
    return tabbed_lines(_pairs(value) if kind is ValueKind.RECORD else _rows(kind, value))


def _text_lines(kind: ValueKind, value: Any) -> Iterator[Terminal]:
    from kosmo_kernel.render.tables import RecordView, table_of

    match kind:
        case ValueKind.TABLE:
            text = table_of(value, len(value)).text(sys.maxsize)
        case ValueKind.RECORD:
            text = repr(RecordView(value))
        case ValueKind.TEXT:
            text = _line(value)
        case _:
            text = pretty(value).removesuffix("\n")
    yield Terminal("{}\n").format(text)


def _csv_lines(kind: ValueKind, value: Any, cell: Callable[[Any], str] = _cell) -> Iterator[Csv]:
    return csv_lines(_rows(kind, value, cell))


def _markdown_lines(kind: ValueKind, value: Any) -> Iterator[Markdown]:
    line = Markdown("{}\n")
    match kind:
        case ValueKind.PAGE:
            yield line.format(value.markdown.trimmed())
        case ValueKind.TABLE:
            yield from markdown_rows(*_table(value))
        case ValueKind.RECORD | ValueKind.MAP:
            yield from markdown_rows(("Field", "Value"), _pairs(value))
        case ValueKind.LIST:
            yield from (Markdown("- {}\n").format(markdown_line(_cell(item))) for item in value)
        case _:
            yield line.format(markdown_line(_line(value, " ")))


_FORMATTERS: Mapping[str, Callable[[ValueKind, Any], Iterator[Markup]]] = {
    "table": _text_lines,
    "csv": _csv_lines,
    EXCEL_CSV: partial(_csv_lines, cell=_excel_cell),
    "markdown": _markdown_lines,
}


def _write_batches(lines: Iterable[AnyStr], empty: AnyStr, write: Callable[[AnyStr], None]) -> None:
    """Write lines in batches, because each write is flushed."""
    remaining = iter(lines)
    while text := empty.join(islice(remaining, LINES_PER_WRITE)):
        write(text)
