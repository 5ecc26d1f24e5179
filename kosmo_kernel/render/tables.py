"""Show records as tables, in HTML and in text.

`table_of` makes a `Table` from records, `exact_table` one of all their rows with values as they were sent, and
`frames.table_of_frame` one from a DataFrame. A table shows the first rows of a
long list and counts all. The HTML is one small element that needs no script: its style is limited to itself and takes
its colours from the page (JupyterLab, VS Code, a standalone page); where a site removes styles, a table with links,
aligned numbers and the count is left.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, repeat
from textwrap import wrap
from typing import Any

from kosmo_kernel.render.column_widths import GAP, MIN_TEXT_WIDTH, ColumnSize, chosen_widths, short_heading
from kosmo_kernel.render.style import NOTHING, style
from kosmo_kernel.render.text import MAX_CELL_LENGTH, WIDTH, escape_control, format_column, is_number, pretty
from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.html_table import HtmlColumn, html_fields, html_table
from kosmo_kernel.safety.no_math import box, without_delimiters
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.settings.table import ROWS
from kosmo_kernel.text.quantities import counted
from kosmo_kernel.values.fields import Field, are_times, fields_of, first_fields, moment
from kosmo_kernel.values.records import Record, Records

TEXT_WIDTH = 110  # columns of text, if the width of the terminal is unknown
COLUMNS_SHOWN = 200  # columns shown of a table
FIELDS_SHOWN = 1000  # fields shown of a record, which take one line each

MORE_ROWS = f"`--limit N` or {ROWS.variable}"
_GAP = " " * GAP
_MAX_NAME = 200  # characters shown of a column name
_MAX_LISTED = 50  # how many of the columns left out are listed by name
# Characters of a cell above which it gets a hint (its `title`), of one hint at least, and of all hints together.
_HINT_FROM, _MIN_HINT, _MAX_HINTS_LENGTH = 44, 400, 40_000
_MAX_HINTS = 2500  # cells with a hint, at most

_BOX = Html('<div class="kosmo-table">{}{}</div>')
_SCROLLED = Html('<div style="max-height:32em;overflow:auto">{}</div>\n<p>{}{}</p>')
_NOTE = Html(". <b>{}</b>")
_MORE = Html("\n<p>… {}</p>")


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a list of records.

    Parameters:
        names: the names of the columns.
        columns: for each column the values of the rows shown, with None for missing values.
        total: how many rows there are in all.
        labels: how many of the first columns are row labels, which are not counted.
        note: a line to show below the count.
        left_out: how many further columns there are.
        main: the names of the columns that are shown first where not all fit.
        more: how to see more rows.
    """

    names: Sequence[str]
    columns: Sequence[Sequence[Any]]
    total: int
    labels: int = 0
    note: str = ""
    left_out: int = 0
    main: frozenset[str] = frozenset()
    more: str = MORE_ROWS

    @property
    def count(self) -> str:
        """A line with the numbers of records and columns, and how many of them are shown."""
        columns = len(self.names) - self.labels
        all_columns = counted(columns + self.left_out, "column")
        count = f"{counted(self.total, 'record')} \N{MULTIPLICATION SIGN} {all_columns}"
        shown = len(self.columns[0]) if self.columns else self.total
        if self.left_out:
            rows = f"{counted(shown, 'record')} and " if shown < self.total else ""
            return f"{count}, the first {rows}{counted(columns, 'column')} shown; ask for others by their names"
        if shown == self.total:
            return count
        return f"{count}, {f'the first {shown:,}' if shown else 'none'} shown; more with {self.more}"

    def html(self) -> Html:
        """Return the table as one HTML element."""
        texts = [format_column(values) for values in self.columns]
        long = [text is not None and len(text) > _HINT_FROM for column in texts for text in column].count(True)
        max_hint = min(max(_MAX_HINTS_LENGTH // (long or 1), _MIN_HINT), MAX_CELL_LENGTH)
        rows_hinted = self.total if long <= _MAX_HINTS else _MAX_HINTS // len(texts)
        columns = [
            HtmlColumn(name, column, _hints(column, values, max_hint, rows_hinted), _is_numeric(values))
            for name, values, column in zip(map(_short_name, self.names), self.columns, texts, strict=True)
        ]
        note = _NOTE.format(escape_control(self.note[:MAX_CELL_LENGTH])) if self.note else ""
        table = without_delimiters(_SCROLLED.format(html_table(columns), self.count, note))
        return box(_BOX.format(style(), table))

    def text(self, width: int | None = None, *, header: bool = True) -> str:
        """Return the table as text; if it is too wide, texts are cut, then columns left out and listed by name.

        Parameters:
            width: the maximum width in terminal columns; by default that of the terminal, or 110 without one.
            header: whether the names of the columns are above it.
        """
        if width is None:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else TEXT_WIDTH
        names = [_short_name(name) for name in self.names]
        considered = self.columns[: max(width, 0) // GAP + 1]  # for more columns not even the gaps would fit
        sizes: list[ColumnSize] = []
        for name, values in zip(names, considered, strict=False):
            texts = [NOTHING if text is None else _cut(text, width) for text in format_column(values)]
            sizes.append(_size_of(name, texts, values, main=self.names[len(sizes)] in self.main))
        widths = chosen_widths(sizes, width)
        printed = []
        for index, room in widths.items():
            right, rows = _is_numeric(considered[index]), sizes[index].texts
            heading = short_heading(names[index], room)
            printed.append([_pad(text, room, right=right) for text in (heading, "-" * room, *rows)])
        lines = [_GAP.join(row).rstrip() for row in zip(*printed, strict=True)][0 if header else 2 :]
        left_out = [name for index, name in enumerate(names) if index not in widths]
        more = f" and {len(left_out) - _MAX_LISTED:,} more" if len(left_out) > _MAX_LISTED else ""
        below = self.count + (f" (no room for {', '.join(left_out[:_MAX_LISTED])}{more})" if left_out else "")
        return "\n".join(
            [*lines, *wrap(f"{below}. {escape_control(self.note[:MAX_CELL_LENGTH])}" if self.note else below, width)]
        )


class RecordView(Record):
    """A record, or any object, that renders itself with one field per line: names on the left, values on the right."""

    __slots__ = ()

    def __init__(self, record: dict[str, Any]) -> None:
        function, account = (record.function, record.account) if isinstance(record, Record) else (None, None)
        super().__init__(deepcopy(dict(record)), function, account)  # the nested objects may be shared

    def lines(self) -> list[tuple[str, str | None]]:
        """Return the names and texts of the fields: nested names are dotted, a missing value is None.

        If there are more than `FIELDS_SHOWN` fields, the last line says how many.
        """
        fields, more = self._fields()
        return [*((name, format_column([value])[0]) for name, value in fields), *([("…", more)] if more else [])]

    def _fields(self) -> tuple[list[tuple[str, Any]], str]:
        """Return the names and values of the first fields, and a note on the others."""
        whole = table_of(self, 1, most=FIELDS_SHOWN)
        fields = [(_short_name(name), value) for name, [value] in zip(whole.names, whole.columns, strict=True)]
        more, count = whole.left_out, len(fields) + whole.left_out
        return fields, f"{more:,} more of {count:,} fields; ask for them by their names" if more else ""

    def __repr__(self) -> str:
        lines = self.lines()
        room = max((_width(name) for name, _ in lines), default=0)
        return "\n".join(f"{_pad(name, room)}{_GAP}{NOTHING if text is None else text}" for name, text in lines)

    def _repr_html_(self) -> Html:
        fields, more = self._fields()
        texts = [(name, value, format_column([value])[0]) for name, value in fields]
        rows = html_fields((name, text, _whole(text or "", value)) for name, value, text in texts)
        below = _MORE.format(more) if more else ""
        return box(_BOX.format(style(), without_delimiters(rows + below)))


def table_of(
    value: Records | Mapping[Any, Any], limit: int | None = None, note: str = "", most: int = COLUMNS_SHOWN
) -> Table:
    """Return the table that a frame of some records, or of one, would show, without importing pandas.

    Parameters:
        value: the records.
        limit: the rows to show; as many as `KOSMO_ROWS` says when None.
        note: a line to show below the count.
        most: the columns to show at most.
    """
    records = _records_of(value)
    first = Records(records.rows[: ROWS.resolve() if limit is None else limit], records.function, records.columns)
    fields, count = first_fields(records, most)
    names = [field.name for field in fields]
    columns = [_read(field, first, records) for field in fields]
    main = frozenset(field.name for field in fields if field.column and field.column.main)
    return Table(names, columns, len(records), note=note, left_out=count - len(fields), main=main)


def exact_table(value: Records | Mapping[Any, Any], most: int | None = None) -> Table:
    """Return the table of all records, or of one, with their values as they were sent.

    Parameters:
        value: the records.
        most: the columns to read at most; all when None.

    Raises:
        LimitError: a table of all fields would be large and nearly empty.
    """
    records = _records_of(value)
    fields, count = (list(fields_of(records)), 0) if most is None else first_fields(records, most)
    columns = [field.values(records) for field in fields]
    return Table([field.name for field in fields], columns, len(records), left_out=max(count - len(fields), 0))


def _records_of(value: Records | Mapping[Any, Any]) -> Records:
    """Return the records of a table: with their account if they are from several, and a single record by itself."""
    if isinstance(value, Records):
        return value.for_table()
    return Records([dict(value)], value.function if isinstance(value, Record) else None)


def _read(field: Field, shown: Records, records: Records | None = None) -> list[Any]:
    """Return the values of a field as they are shown: texts that are all times become datetimes.

    Parameters:
        field: the field.
        shown: the records whose values are returned.
        records: all records, if there are more, because a later text may show that the field has no times.
    """
    values = field.values(shown)
    if field.kind not in (None, "timestamp") or not any(isinstance(value, str) for value in values):
        return values
    if field.kind is None and not are_times(values if records is None else records.column(field.path)):
        return values
    times = [moment(value) if isinstance(value, str) else None for value in values]
    all_are = all(time is not None or value is None for time, value in zip(times, values, strict=True))
    return list(times) if all_are else values


def _is_numeric(values: Sequence[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(map(is_number, present))


def _hints(texts: Sequence[str | None], values: Sequence[Any], max_length: int, rows: int) -> list[str] | None:
    """Return the whole text for each cell in which it may be cut, for the first rows; None if there is no such cell."""
    if not any(text is not None and len(text) > _HINT_FROM for text in texts):
        return None
    limits = chain(repeat(max_length, rows), repeat(0))
    return [
        shortened(_whole(text, value), limit) if limit and text is not None and len(text) > _HINT_FROM else ""
        for text, value, limit in zip(texts, values, limits, strict=False)
    ]


def _whole(text: str, value: object) -> str:
    """Return the full text of a cell, with a long list or object on several lines."""
    return pretty(value) if isinstance(value, (list, Mapping)) and WIDTH < len(text) <= MAX_CELL_LENGTH else text


def _size_of(name: str, texts: Sequence[str], values: Sequence[Any], *, main: bool) -> ColumnSize:
    """Return the size of a column, in which texts and lists may be cut, but numbers and times may not."""
    whole = (text for text, value in zip(texts, values, strict=True) if not isinstance(value, (str, list, dict)))
    minimum = max(MIN_TEXT_WIDTH, max(map(_width, whole), default=0))
    return ColumnSize(name, _width(name), texts, max(map(_width, texts), default=0), minimum, main)


def _pad(text: str, room: int, *, right: bool = False) -> str:
    """Return a text padded or cut to exactly `room` columns."""
    text = _cut(text, room)
    blank = " " * (room - _width(text))
    return blank + text if right else text + blank


def _cut(text: str, room: int) -> str:
    """Return a text cut to at most `room` columns, reading no more of it than needed."""
    if text.isascii():
        return text if len(text) <= room else text[: max(room - 1, 0)] + "…"
    kept = 0
    for place, taken in enumerate(accumulate(map(_width_of, text)), start=1):
        if taken > room:
            return text[:kept] + "…"
        if taken < room:
            kept = place
    return text


def _width(text: str) -> int:
    """Return how many terminal columns a text takes."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


@lru_cache(maxsize=4096)
def _width_of(character: str) -> int:
    return 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")


def _short_name(name: str) -> str:
    """Return the name of a column as it is shown."""
    return escape_control(shortened(name, _MAX_NAME))
