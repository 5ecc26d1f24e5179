"""What `--format` writes: the values of a run or a call in a form that other programs read, complete.

    table      for people: as wide as the terminal, in a pipe as wide as it must be
    csv        a line of names, then a line for each record; lists and objects inside are JSON
    json       one document: the value, or the list of several
    jsonl      a line of JSON for each record, or for each value that is no list
    markdown   tables that GitHub and notebooks render

A record is a table of one. Values that are no records are a line of their own: neighbours side by side, a list's items
one below the other. What has no value is empty, in JSON null. Several tables have an empty line between them. All but
the table are UTF-8 whatever the terminal's encoding is, and nothing in them is cut.
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

LINES_PER_WRITE = 1000  # lines
_ADDRESS = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9./-]*)?", re.IGNORECASE)


def write_values(values: Sequence[Any], form: str) -> None:
    """Write values to standard output.

    Parameters:
        values: as `Result.values` has them.
        form: one of `FORMATS`.
    """
    _WRITERS[form](values)


def _table(values: Sequence[Any]) -> None:
    if sys.stdout.isatty():
        show_values(values)
        return
    _emit_blocks(_text_table(one) for one in _grouped(values))


def _json(values: Sequence[Any]) -> None:
    document(values[0] if len(values) == 1 else list(values) or None)


def _jsonl(values: Sequence[Any]) -> None:
    for value in values:
        _emit(f"{_encoded(one)}\n" for one in (value if isinstance(value, (Records, list)) else [value]))


def _csv(values: Sequence[Any]) -> None:
    _emit_blocks(map(_csv_lines, _rows_of(values)))


def _markdown(values: Sequence[Any]) -> None:
    _emit_blocks(_markdown_lines(one) for one in _grouped(values))


_WRITERS: Mapping[str, Callable[[Sequence[Any]], None]] = dict(
    zip(FORMATS, (_table, _csv, _json, _jsonl, _markdown), strict=True)
)


# Values as blocks and rows


class _Words(list[Any]):
    """Neighbouring values that are no records, which share a line."""


def _grouped(values: Iterable[Any]) -> Iterator[Any]:
    """The values: pages, records and lists of records each by itself, neighbours among the others together."""
    words = _Words()
    for value in values:
        if isinstance(value, (Page, Mapping, Records, list)):
            if words:
                yield words
                words = _Words()
            yield value
        else:
            words.append(value)
    if words:
        yield words


def _rows_of(values: Iterable[Any]) -> Iterator[Iterable[Sequence[str]]]:
    """The rows of every block, of texts; those of records begin with their names."""
    for value in _grouped(values):
        if isinstance(value, (Mapping, Records)):
            yield _record_rows(_records(value))
        elif isinstance(value, list) and not isinstance(value, _Words):
            yield (list(map(_cell, item)) if isinstance(item, list) else [_cell(item)] for item in value)
        else:
            yield [list(map(_cell, value if isinstance(value, _Words) else [str(value)]))]


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
    """A value as text: a text as it is, nothing as an empty one, everything else as JSON."""
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
    elif isinstance(value, _Words):
        yield "\t".join("nil" if word is None else pretty(word) for word in value) + "\n"
    else:
        yield pretty(value).removesuffix("\n") + "\n"


def _csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows as lines. The writer quotes what holds an end of a line only where its own lines end in both characters."""
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
    elif isinstance(value, _Words):
        yield _inline(" ".join("nil" if word is None else pretty(word) for word in value)) + "\n"
    else:
        yield from (f"- {_inline(_cell(item))}\n" for item in value)


def _markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_inline, names))} |\n"
    yield f"|{' --- |' * len(names)}\n"
    for row in rows:
        yield f"| {' | '.join(map(_inline, row))} |\n"


def _inline(text: str) -> str:
    """A text inside a line of Markdown, where nothing of it is markup; an address of the web alone is a link."""
    return text if _ADDRESS.fullmatch(text) else markdown_text(text)


def _emit_blocks(blocks: Iterable[Iterable[str]]) -> None:
    """Write blocks of lines, with an empty line between two."""
    for place, lines in enumerate(blocks):
        _emit(chain(["\n"] if place else [], lines))


def _emit(lines: Iterable[str]) -> None:
    """Write lines: to a terminal without what would change it, elsewhere as UTF-8, whatever the encoding is."""
    rest = iter(lines)
    while text := "".join(islice(rest, LINES_PER_WRITE)):
        if sys.stdout.isatty():
            write(sys.stdout, text)
        else:
            write_bytes(text.encode(errors="backslashreplace"))
