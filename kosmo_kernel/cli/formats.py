"""Write the values of a run or a call in one of the formats of `--format`, complete, for other programs.

    table      for people: as wide as the terminal, in a pipe as wide as the content
    csv        a line of names, then a line for each record; lists and objects inside are JSON
    json       one document: the value, or a list if there are several values
    jsonl      a line of JSON for each record, or for each value that is not a list
    markdown   tables that GitHub and notebooks render

A record is a table with one row. Adjacent values that are not records share a line, and each item of a list has its
own. A missing value is empty, or null in JSON. Tables are separated by an empty line. All formats except `table` are
UTF-8, whatever the terminal's encoding, and nothing in them is truncated.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import chain, islice
from math import isfinite
from typing import Any

from kosmo_kernel.cli.options import FORMATS
from kosmo_kernel.cli.output import document, write, write_bytes
from kosmo_kernel.cli.values import show_values
from kosmo_kernel.docs import Page
from kosmo_kernel.render.tables import RecordView, table_of
from kosmo_kernel.render.text import pretty
from kosmo_kernel.safety.escape import markdown_text
from kosmo_kernel.values.fields import MISSING, fields_of
from kosmo_kernel.values.records import Record, Records, encode

LINES_PER_WRITE = 1000
_WEB_ADDRESS = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9./-]*)?", re.IGNORECASE)


def write_values(values: Sequence[Any], form: str) -> None:
    """Write values to standard output.

    Parameters:
        values: the values, as in `Result.values`.
        form: one of `FORMATS`.
    """
    _WRITERS[form](values)


def _table(values: Sequence[Any]) -> None:
    if sys.stdout.isatty():
        show_values(values)
        return
    _write_blocks(_text_table(block) for block in _grouped(values))


def _json(values: Sequence[Any]) -> None:
    document(values[0] if len(values) == 1 else list(values) or None)


def _jsonl(values: Sequence[Any]) -> None:
    for value in values:
        _write_lines(f"{_encoded(item)}\n" for item in (value if isinstance(value, (Records, list)) else [value]))


def _csv(values: Sequence[Any]) -> None:
    _write_blocks(map(_csv_lines, _rows_of(values)))


def _markdown(values: Sequence[Any]) -> None:
    _write_blocks(_markdown_lines(block) for block in _grouped(values))


_WRITERS: Mapping[str, Callable[[Sequence[Any]], None]] = dict(
    zip(FORMATS, (_table, _csv, _json, _jsonl, _markdown), strict=True)
)


# Values as blocks and rows


class _PlainValues(list[Any]):
    """Adjacent values that are not records and share a line."""


def _grouped(values: Iterable[Any]) -> Iterator[Any]:
    """Yield pages, records and lists each by itself, and adjacent other values together as `_PlainValues`."""
    plain = _PlainValues()
    for value in values:
        if isinstance(value, (Page, Mapping, Records, list)):
            if plain:
                yield plain
                plain = _PlainValues()
            yield value
        else:
            plain.append(value)
    if plain:
        yield plain


def _rows_of(values: Iterable[Any]) -> Iterator[Iterable[Sequence[str]]]:
    """Yield the rows of text of each block; the first row of records has the names of their fields."""
    for value in _grouped(values):
        if isinstance(value, (Mapping, Records)):
            yield _record_rows(_records(value))
        elif isinstance(value, list) and not isinstance(value, _PlainValues):
            yield (list(map(_cell, item)) if isinstance(item, list) else [_cell(item)] for item in value)
        else:
            yield [list(map(_cell, value if isinstance(value, _PlainValues) else [str(value)]))]


def _records(value: Mapping[str, Any] | Records) -> Records:
    if isinstance(value, Records):
        return value.for_table()
    return Records([dict(value)], value.function if isinstance(value, Record) else None)


def _record_rows(records: Records) -> Iterator[Sequence[str]]:
    fields = list(fields_of(records))
    yield [field.name for field in fields]
    columns = [field.values(records) for field in fields]
    for row in zip(*columns, strict=True):
        yield list(map(_cell, row))


def _cell(value: Any) -> str:
    """Return a value as text: a string unchanged, a missing value as an empty string, anything else as JSON."""
    if type(value) in MISSING:
        return ""
    if isinstance(value, float) and not isfinite(value):  # JSON has no such number
        return pretty(value)
    return str(value) if isinstance(value, str) else _encoded(value)


def _encoded(value: Any) -> str:
    return encode(str(value) if isinstance(value, str) else value).decode()


# Text


def _text_table(value: Any) -> Iterator[str]:
    if isinstance(value, Records):
        yield table_of(value, len(value)).text(sys.maxsize) + "\n"
    elif isinstance(value, Record):
        yield repr(RecordView(value)) + "\n"
    elif isinstance(value, _PlainValues):
        yield "\t".join("nil" if item is None else pretty(item) for item in value) + "\n"
    else:
        yield pretty(value).removesuffix("\n") + "\n"


def _csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines of CSV.

    The writer quotes values with a carriage return or a newline only if its line terminator contains that character.
    """
    line = StringIO(newline="")
    writer = csv.writer(line, lineterminator="\r\n")
    for row in rows:
        writer.writerow(row)
        yield line.getvalue().removesuffix("\r\n") + "\n"
        line.seek(0)
        line.truncate()


def _markdown_lines(value: Any) -> Iterator[str]:
    if isinstance(value, Page):
        yield value.markdown.removesuffix("\n") + "\n"
    elif isinstance(value, Records):
        names, *rows = _record_rows(_records(value))
        yield from _markdown_table(names, rows)
    elif isinstance(value, Mapping):
        names, values = _record_rows(_records(value))
        yield from _markdown_table(("Field", "Value"), zip(names, values, strict=True))
    elif isinstance(value, _PlainValues):
        yield _inline(" ".join("nil" if item is None else pretty(item) for item in value)) + "\n"
    else:
        yield from (f"- {_inline(_cell(item))}\n" for item in value)


def _markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_inline, names))} |\n"
    yield f"|{' --- |' * len(names)}\n"
    for row in rows:
        yield f"| {' | '.join(map(_inline, row))} |\n"


def _inline(text: str) -> str:
    """Escape a text for a line of Markdown; a text that is only a web address stays as it is, and becomes a link."""
    return text if _WEB_ADDRESS.fullmatch(text) else markdown_text(text)


def _write_blocks(blocks: Iterable[Iterable[str]]) -> None:
    """Write blocks of lines, separated by empty lines."""
    for place, lines in enumerate(blocks):
        _write_lines(chain(["\n"] if place else [], lines))


def _write_lines(lines: Iterable[str]) -> None:
    """Write lines: sanitized to a terminal, otherwise as UTF-8 regardless of the stream's encoding."""
    remaining = iter(lines)
    while text := "".join(islice(remaining, LINES_PER_WRITE)):
        if sys.stdout.isatty():
            write(sys.stdout, text)
        else:
            write_bytes(text.encode(errors="backslashreplace"))
