"""Print the values of a run or a call: as text for people, or in a format of `--format`, for other programs.

As text, records are a table as wide as the terminal (`terminal.py`). In a pipe they are complete CSV, a record a line
for each field. An empty list of records has the line of names; a note on standard error has the count. All other values
are the same text in both; a terminal cuts a long text and says where the whole is.

    table      for people: as wide as the terminal, in a pipe as wide as the content
    csv        a line of names, then a line for each record; lists and objects inside are JSON. Texts that a spreadsheet
               would run as formulas have an apostrophe in front
    json       one document: the value, or a list if there are several values
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
from typing import Any

from msgspec.structs import replace

from kosmo_kernel.catalogue import Column
from kosmo_kernel.cli.command import (
    document,
    print_note,
    print_notes,
    print_result,
    print_utf8,
    show_page,
    write,
)
from kosmo_kernel.cli.options import Layout
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.render import tables
from kosmo_kernel.render.display import TEXTS, ValueKind, as_shown, blocks_of
from kosmo_kernel.render.text import first_lines, pretty
from kosmo_kernel.results import Result, dry_run_summary, plan_of
from kosmo_kernel.safety.markup import Markdown, Markup, Terminal
from kosmo_kernel.safety.tables import csv_lines, markdown_line, markdown_rows
from kosmo_kernel.text import nearest
from kosmo_kernel.values.records import Record, Records

LINES_PER_WRITE = 1000
MAX_TERMINAL_LENGTH = 1 << 16  # characters of the text of values on a terminal
OUTSIDE = "a file or a pipe"  # what has the whole of a text that was cut
NO_RECORDS = "0 records"
PLAIN = Layout()
_SHOWN_AS_TEXT = TEXTS | {ValueKind.LIST, ValueKind.MAP, ValueKind.OUTPUT}  # kinds without a form of their own as text


def show_result(result: Result, layout: Layout = PLAIN, full_value: str = OUTSIDE) -> None:
    """Print the values of a run, or the plan of a dry run, to standard output and its notes to standard error.

    Parameters:
        result: the result of the run.
        layout: how they are printed. With a format, values hidden by a trailing `;` are printed as well.
        full_value: what has the whole of a text that is too long for a terminal.
    """
    below, notes = result.split_notes(tables=not (layout or result.hidden) and sys.stdout.isatty())
    if result.dry_run:
        layout = replace(layout, columns=())  # the plan has columns of its own
    if layout or not result.hidden:
        write_values(result.values_to_show, layout, below, full_value)
    print_notes(notes)
    if result.dry_run:
        print_note(dry_run_summary(result.planned))


def show_failed_plan(result: Result | None, layout: Layout = PLAIN) -> None:
    """Print the plan of a dry run that failed, and the note that counts its calls; nothing for any other run."""
    if result is not None and result.dry_run:
        write_values(result.values_to_show, replace(layout, columns=()))
        print_note(dry_run_summary(result.planned))


def show_call(result: Result, layout: Layout) -> None:
    """Print the value of a single call, or the call that a dry run would make, and the notes."""
    if not result.dry_run:
        result.values = result.values[:1]  # failures are in the notes
        show_result(result, layout)
        return
    write_values([plan_of(result.planned)], replace(layout, columns=()))
    print_notes(result.labelled_notes())
    print_note("A dry run: nothing was asked.")


def write_values(values: Sequence[Any], layout: Layout = PLAIN, below: str = "", full_value: str = OUTSIDE) -> None:
    """Write values to standard output, as text for people without a format.

    Parameters:
        values: the values, as in `Result.values`.
        layout: how they are printed.
        below: a note that a terminal shows below the first table of the text, and a pipe leaves out.
        full_value: what has the whole of a text that is too long for a terminal.

    Raises:
        UnknownNameError: no value has a column of the layout.
    """
    form = layout.form
    if layout.columns:
        values = _with_columns(values, layout.columns)
    if not form or (form == "table" and sys.stdout.isatty()):
        _show(values, layout, below, full_value)
    elif form == "json":
        document(values[0] if len(values) == 1 else list(values) or None)
    else:
        for index, block in enumerate(blocks_of(map(as_shown, values))):
            lines = chain(["\n"] if index else [], _FORMATTERS[form](*block, layout))
            _write_batches(lines, partial(write, sys.stdout) if sys.stdout.isatty() else print_utf8)


def _show(values: Sequence[Any], layout: Layout, below: str, full_value: str) -> None:
    """Print values as text: each table by itself, adjacent plain values on one line, separated by tabs."""
    for kind, value in blocks_of(map(as_shown, values), _SHOWN_AS_TEXT):
        if kind is ValueKind.TEXT and value == [[]] and not sys.stdout.isatty():  # an empty list, which has no rows
            print_note(NO_RECORDS)
        elif kind is ValueKind.TEXT:
            text = _line(value)
            print_result(first_lines(text, MAX_TERMINAL_LENGTH, full_value) if sys.stdout.isatty() else text)
        elif kind is ValueKind.PAGE:
            show_page(value)
        elif sys.stdout.isatty():
            from kosmo_kernel.cli.terminal import print_records

            print_records(value, below, header=layout.header)
            below = "" if kind is ValueKind.TABLE else below
        else:
            rows = _pairs(value, tables.spreadsheet_cell) if kind is ValueKind.RECORD else _rows(kind, value, layout)
            _write_batches(csv_lines(rows), partial(write, sys.stdout))
            if kind is ValueKind.TABLE and not value:
                print_note(NO_RECORDS)


# Values as rows of text


def _with_columns(values: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """Return the values with these columns of their tables and records; plain values are left out.

    Raises:
        UnknownNameError: there is no table or record, or one has no such column; with the nearest names.
    """
    structured = [value for value in map(as_shown, values) if isinstance(value, (Records, Record))]
    if not structured:
        raise UnknownNameError(f"There is no column `{names[0]}`, because the result has no table.")
    return [_chosen(value, names) for value in structured]


def _chosen(value: Records | Record, names: Sequence[str]) -> Records | Record:
    """Return a table or a record with these columns only, as fields of these names."""
    table = tables.exact_table(value)
    for name in names:
        if name not in table.names and (table.names or table.total):
            raise UnknownNameError(f"There is no column `{name}`.", tuple(nearest(name, table.names)))
    columns = table.only([name for name in names if name in table.names]).columns
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if isinstance(value, Record):
        return Record(rows[0])
    return Records(rows, None, () if rows else tuple(Column(name, "", "any") for name in names))


def _line(values: Iterable[Any], separator: str = "\t") -> str:
    """Return the text of adjacent values that share a line."""
    return separator.join("nil" if value is None else pretty(value) for value in values)


def _pairs(value: dict[str, Any], cell: Callable[[Any], str] = tables.exact_cell) -> Iterator[Sequence[str]]:
    """Yield the name and the text of each field of one object."""
    return zip(*tables.table_rows(tables.exact_table(value), cell), strict=True)


def _rows(kind: ValueKind, value: Any, layout: Layout) -> Iterable[Sequence[str]]:
    """Return the rows of a block; the first row of records has the names of their fields, unless that is left out."""
    cell = tables.spreadsheet_cell
    match kind:
        case ValueKind.TABLE | ValueKind.RECORD | ValueKind.MAP:
            return tables.table_rows(tables.exact_table(value), cell, header=layout.header)
        case ValueKind.LIST:
            return (list(map(cell, item)) if isinstance(item, list) else [cell(item)] for item in value)
        case ValueKind.TEXT:
            return [list(map(cell, value))]
    return [[cell(value)]]


# The lines of a block


def _text_lines(kind: ValueKind, value: Any, layout: Layout) -> Iterator[Terminal]:
    match kind:
        case ValueKind.TABLE:
            text = tables.table_of(value, len(value)).text(sys.maxsize, header=layout.header)
        case ValueKind.RECORD:
            text = repr(tables.RecordView(value))
        case ValueKind.TEXT:
            text = _line(value)
        case _:
            text = pretty(value).removesuffix("\n")
    yield Terminal("{}\n").format(text)


def _markdown_lines(kind: ValueKind, value: Any, _layout: Layout) -> Iterator[Markdown]:
    line = Markdown("{}\n")
    match kind:
        case ValueKind.PAGE:
            yield line.format(value.markdown.trimmed())
        case ValueKind.TABLE:
            yield from tables.markdown_of(tables.exact_table(value))
        case ValueKind.RECORD | ValueKind.MAP:
            yield from markdown_rows(("Field", "Value"), _pairs(value))
        case ValueKind.LIST:
            yield from (Markdown("- {}\n").format(markdown_line(tables.exact_cell(item))) for item in value)
        case _:
            yield line.format(markdown_line(_line(value, " ")))


_FORMATTERS: Mapping[str, Callable[[ValueKind, Any, Layout], Iterator[Markup]]] = {
    "table": _text_lines,
    "csv": lambda kind, value, layout: csv_lines(_rows(kind, value, layout)),
    "markdown": _markdown_lines,
}


def _write_batches(lines: Iterable[str], write: Callable[[str], None]) -> None:
    """Write lines in batches, because each write is flushed."""
    remaining = iter(lines)
    while text := "".join(islice(remaining, LINES_PER_WRITE)):
        write(text)
