"""Show records as tables: in HTML, in text, as CSV and as Markdown.

`table_of` makes a `Table` from records, `exact_table` one of all their rows with values as they were sent, and
`frames.table_of_frame` one from a DataFrame. A table shows the first rows of a long list and counts all. The HTML is
one small element that needs no script: its style is limited to itself and takes its colours from the page (JupyterLab,
VS Code, a standalone page); where a site removes styles, a table with links, aligned numbers and the count is left.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from functools import cache
from itertools import chain, repeat
from math import isfinite
from textwrap import wrap
from typing import Any, NoReturn

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kosmo_kernel.errors import UnknownFieldError
from kosmo_kernel.pages.design import style
from kosmo_kernel.render.error_lines import hide_own_frames
from kosmo_kernel.render.text import (
    DIM,
    GAP,
    IN_NOTEBOOKS,
    MAX_CELL_LENGTH,
    NOTEBOOK,
    NOTHING,
    WIDTH,
    CellForm,
    Paint,
    TextForm,
    escape_control,
    fitting_widths,
    format_column,
    pair_lines,
    pretty,
    text_lines,
)
from kosmo_kernel.safety.markup import Html, Markdown, box, without_delimiters
from kosmo_kernel.safety.tables import Csv, csv_lines, html_fields, html_table, markdown_rows
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.settings.table import ROWS
from kosmo_kernel.text import Kind, TableColumn, counted, cut_to, display_width, lazy_pattern, listed, nearest
from kosmo_kernel.values.fields import Field, are_times, fields_of, first_fields, moment, path_of
from kosmo_kernel.values.records import MISSING, Record, Records, encode

TEXT_WIDTH = 110  # columns of text, if the width of the terminal is unknown
COLUMNS_SHOWN = 200  # columns shown of a table
FIELDS_SHOWN = 1000  # fields shown of a record, which take one line each

PAGE_DATA = "application/vnd.kosmo.page+json"  # the media type of what a page is made of
_UUID = lazy_pattern(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_MAX_NAME = 200  # characters shown of a column name
_MAX_LISTED = 8  # how many of the columns left out are listed by name
# Characters of a cell above which it gets a hint (its `title`), of one hint at least, and of all hints together.
_HINT_FROM, _MIN_HINT, _MAX_HINTS_LENGTH = 44, 400, 40_000
_MAX_HINTS = 2500  # cells with a hint, at most

# What makes a spreadsheet take a cell for a formula, in its full-width variants as well.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# The columns whose sum means something: parts of a bill, and what is counted beside them.
_PARTS = {"monthly_usd", "usd_a_month"}
_UNPRICED = "without_price"  # how many parts have no known price
_COUNTED = {"add_ons", "dynos", "positions", _UNPRICED}
_BOX = Html('<div class="kosmo-table">{}{}</div>')
_SCROLLED = Html("<div>{}</div>\n<p>{}{}</p>")
_GIVING_WAY = {"id", "nested"}  # kinds whose cells may be cut
_CUT_VALUES = (str, list, tuple, Mapping)  # values in a column of several kinds whose cells may be cut
_KINDS: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
    (bool, "boolean"),
    ((int, float), "number"),
    (datetime, "time"),
    ((list, tuple, Mapping), "nested"),
)
_NOTE = Html(". <b>{}</b>")
_MORE = Html("\n<p>… {}</p>")
_OTHERS = Html("\n<details><summary>{} more: ids, and what is empty</summary>{}</details>")


class Table(Struct, frozen=True, tag="table"):
    """The first rows of a list of records, and what the writers of all formats need to know of its columns."""

    names: Sequence[str]
    columns: Sequence[Sequence[Any]]  # for each name the values of the rows shown, with None for missing values
    total: int  # how many rows there are in all
    labels: int = 0  # how many of the first columns are row labels, which are not counted
    note: str = ""  # a line to show below the count
    left_out: int = 0  # how many further columns there are
    main: Collection[str] = frozenset()  # the names of the columns that are chosen first where not all fit
    key: Collection[str] = ()  # the names of the columns that identify a row, which are no ids
    totals: Mapping[str, float] | None = None  # of all rows, by the name of the column; None to compute them
    is_record: bool = False  # whether its only row is a record, which is shown with a line for each field

    def kind(self, index: int) -> Kind:
        """Return the kind of a column."""
        return column_kind(self.names[index], self.columns[index], self.key)

    @property
    def numbers(self) -> frozenset[int]:
        """The indexes of the columns of numbers, which all writers align to the right."""
        return frozenset(index for index in range(len(self.names)) if self.kind(index) == "number")

    @property
    def ids(self) -> frozenset[str]:
        """The names of the columns of ids."""
        return frozenset(name for index, name in enumerate(self.names) if self.kind(index) == "id")

    def only(self, names: Sequence[str]) -> Table:
        """Return the table with these of its columns, in this order."""
        columns = dict(zip(self.names, self.columns, strict=True))
        return replace(self, names=list(names), columns=[columns[name] for name in names])

    def first(self, rows: int) -> Table:
        """Return the table with its first rows, and the totals of all."""
        return replace(self, columns=[values[:rows] for values in self.columns], totals=self.sums)

    @property
    def sums(self) -> Mapping[str, float]:
        """The totals of columns whose sum means something, by name; none of a single row, or if rows are missing."""
        if self.totals is not None:
            return self.totals
        if not self.columns or len(self.columns[0]) < max(self.total, 2) or _PARTS.isdisjoint(self.names):
            return {}
        parts = {
            name: [value for value in values if value is not None]
            for name, values in zip(self.names, self.columns, strict=True)
            if name in _PARTS | _COUNTED
        }
        are_amounts = all(isinstance(value, (int, float)) and value >= 0 for part in parts.values() for value in part)
        return {name: sum(values) for name, values in parts.items()} if are_amounts else {}

    @property
    def size(self) -> str:
        """The numbers of all records and columns."""
        columns = len(self.names) - self.labels + self.left_out
        return f"{counted(self.total, 'record')} \N{MULTIPLICATION SIGN} {counted(columns, 'column')}"

    @property
    def count(self) -> str:
        """A line with the numbers of records and columns, and how many of them are shown."""
        columns, rows = len(self.names) - self.labels, len(self.columns[0]) if self.columns else self.total
        if self.left_out:
            first = f"{counted(rows, 'record')} and " if rows < self.total else ""
            return f"{self.size}, the first {first}{counted(columns, 'column')} shown; ask for others by their names"
        if rows == self.total:
            return self.size
        return f"{self.size}, {f'the first {rows:,}' if rows else 'none'} shown; {ROWS.variable} shows more"

    def data(self) -> dict[str, Any]:
        """Return the table as JSON values, from which `kosmo run --html` makes a table of its page."""
        columns = [[_json_value(value) for value in values] for values in self.columns]
        data: dict[str, Any] = msgspec.to_builtins(replace(self, columns=columns, main=sorted(self.main)), enc_hook=str)
        return data

    def html(self) -> Html:
        """Return the table as one HTML element."""
        note = _NOTE.format(escape_control(self.note[:MAX_CELL_LENGTH])) if self.note else ""
        table = without_delimiters(_SCROLLED.format(html_table(self.html_columns()), self.count, note))
        return box(_BOX.format(style(), table))

    def html_columns(
        self, titles: Sequence[str] | None = None, forms: Iterable[CellForm] = repeat(IN_NOTEBOOKS)
    ) -> list[TableColumn]:
        """Return the columns of the table in HTML, in which a cell that is cut has a hint with all of it.

        Parameters:
            titles: the headings; the names of the columns when None.
            forms: how the cells of each column are written.
        """
        sums, texts, totals = self.sums, [], []
        for name, values, form in zip(self.names, self.columns, forms, strict=False):
            cells = format_column([*values, sums[name]] if name in sums else values, form)
            totals.append(cells.pop() if name in sums else None)
            texts.append(cells)
        if totals and any(totals) and totals[0] is None:
            unknown = sums.get(_UNPRICED) or any(
                None in column for column, total in zip(texts, totals, strict=True) if total
            )
            totals[0] = "Total of what is known" if unknown else "Total"
        else:
            totals = [None] * len(texts)
        long = [text is not None and len(text) > _HINT_FROM for column in texts for text in column].count(True)
        max_hint = min(max(_MAX_HINTS_LENGTH // (long or 1), _MIN_HINT), MAX_CELL_LENGTH)
        rows_hinted = self.total if long <= _MAX_HINTS else _MAX_HINTS // len(texts)
        return [
            TableColumn(
                _short_name(title),
                column,
                self.kind(index),
                hints=_hints(column, values, max_hint, rows_hinted),
                shares=[(value or 0) / sums[name] for value in values] if name in _PARTS and sums.get(name) else None,
                total=total,
            )
            for index, (name, title, values, column, total) in enumerate(
                zip(self.names, titles or self.names, self.columns, texts, totals, strict=True)
            )
        ]

    def text(self, width: int | None = None, *, header: bool = True, form: TextForm = NOTEBOOK) -> str:
        """Return the table as text; if it is too wide, texts give way, then columns are left out and listed by name.

        Parameters:
            width: the maximum width in terminal columns; by default that of the terminal, or 110 without one.
            header: whether the names of the columns are above it.
            form: how it is written.
        """
        if width is None:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else TEXT_WIDTH
        for precision in dict.fromkeys((form.precision, "minutes")) if form.has_zone_in_heading else (form.precision,):
            form = form._replace(precision=precision)
            columns = self.text_columns(form, width // GAP + 1)  # for more not even the gaps would fit
            widths = fitting_widths(columns, width, form)
            if len(widths) == len(self.names):
                break
        if form.has_blocks and len(widths) < len(self.names):  # each row has a line for each column
            names = [column.heading for column in columns]
            rows = (list(zip(names, row, strict=True)) for row in zip(*(c.texts for c in columns), strict=True))
            return "\n\n".join("\n".join(pair_lines(row, width, form.paint, DIM)) for row in rows)
        uncut = columns
        if form.wraps:
            columns = [
                column._replace(texts=[cut_to(text, form.max_text) for text in column.texts]) for column in columns
            ]
        is_cut = any(columns[index].texts != uncut[index].texts for index in widths)
        lines = text_lines(columns, widths, form, header=header)
        return "\n".join([*lines, *self._below(widths, width, form, is_cut=is_cut)])

    def text_columns(self, form: TextForm, count: int = COLUMNS_SHOWN) -> list[TableColumn]:
        """Return the first columns of the table as text."""
        columns = []
        for index, (name, values) in enumerate(zip(self.names[:count], self.columns[:count], strict=True)):
            kind, is_main = self.kind(index), name in self.main
            has_zone = not (form.has_zone_in_heading and kind == "time")
            cells = format_column(values, CellForm(form.precision, has_zone))
            texts = [NOTHING if text is None else text for text in cells]
            heading = _short_name(name) + ("" if has_zone or form.precision == "days" else " UTC")
            minimum, style = _minimum(kind, texts, values), form.styles.get(name, "")
            columns.append(TableColumn(heading, texts, kind, is_main, minimum, style))
        return columns

    def _below(self, widths: Collection[int], width: int, form: TextForm, *, is_cut: bool) -> list[str]:
        """Return the lines below the rows: how many there are, what is not in the text, and the note."""
        names = [_short_name(name) for index, name in enumerate(self.names) if index not in widths]
        below = "; ".join([self.count] * form.has_count + [columns_cut(names)] * bool(names))
        if form.full_value and (names or self.left_out or (self.columns and len(self.columns[0]) < self.total)):
            below += f" ({form.full_value})"
        note = escape_control(self.note[:MAX_CELL_LENGTH])
        texts = [f"{below}. {note}" if note else below] if below else []
        texts += [f"long texts are cut ({form.full_value} of them)"] if is_cut else []
        lines = [line for text in texts for line in wrap(text, width)]
        return [form.paint(line, DIM) for line in lines] if form.paint else lines


def _json_value(value: Any) -> Any:
    """Return a value that JSON has: times as texts, and texts of numbers that are none."""
    if isinstance(value, datetime):
        return value.isoformat()
    return pretty(value) if isinstance(value, float) and not isfinite(value) else value


def column_kind(name: str, values: Sequence[Any], key: Collection[str] = ()) -> Kind:
    """Return the kind of a column.

    It is a column of numbers, times, truth values or nested values if all its values are of that kind, missing ones
    apart. Ids are UUIDs in a column named `id`, or with a name that ends in `_id` or `.id`, outside of the key: an
    `app_id` may be the name of an app. The first value decides.
    """
    kinds = set(map(_kind_of_type, set(map(type, values)) - MISSING))
    kind: Kind = kinds.pop() if len(kinds) == 1 else "text"
    if kind != "text" or name in key or not (name == "id" or name.endswith(("_id", ".id"))):
        return kind
    first = next((value for value in values if value is not None), None)
    return "id" if isinstance(first, str) and _UUID.fullmatch(first) else kind


@cache
def _kind_of_type(value_type: type) -> Kind:
    return next((kind for of, kind in _KINDS if issubclass(value_type, of)), "text")


def columns_cut(names: Sequence[str], max_length: int = sys.maxsize) -> str:
    """Return how many columns had no room, with the names of the first of them."""
    return f"{counted(len(names), 'column')} did not fit: {shortened(listed(names, _MAX_LISTED), max_length)}"


class UnknownKeyError(UnknownFieldError, KeyError):
    """A field that a record does not have. Also a KeyError, which users of a dictionary expect."""


class RecordView(Record):
    """A record, or any object, that renders itself with one field per line: names on the left, values on the right.

    As in a frame, times are UTC datetimes, and `record["stack.name"]` is the nested field unless a key has that name.
    """

    __slots__ = ()

    def __init__(self, record: dict[str, Any]) -> None:
        function, account = (record.function, record.account) if isinstance(record, Record) else (None, None)
        fields = deepcopy(dict(record))  # the nested objects may be shared
        declared = {column.name: column.kind for column in function.columns} if function else {}
        super().__init__(_with_times(fields, "", declared), function, account)

    def __getattr__(self, name: str) -> NoReturn:
        near = [name] if name in self else nearest(name, self, 1)
        how = f': record["{near[0]}"] is the field' if near else ""
        error = AttributeError(f"a record has no attribute {name!r}{how}")
        if not name.startswith("_"):  # as which displays look for their methods
            hide_own_frames(error)
        raise error

    def __missing__(self, name: str) -> Any:
        value: Any = self
        path = path_of(name) if "." in name else [name]
        for depth, key in enumerate(path):
            if not isinstance(value, dict) or not dict.__contains__(value, key):
                near = nearest(key, value) if isinstance(value, dict) else []
                unknown = UnknownKeyError(
                    f'The record has no field "{name}".', tuple(".".join((*path[:depth], field)) for field in near)
                )
                hide_own_frames(unknown)
                raise unknown
            value = dict.__getitem__(value, key)
        return value

    def lines(self) -> list[tuple[str, str | None]]:
        """Return the names and texts of the fields: nested names are dotted, a missing value is None.

        If there are more than `FIELDS_SHOWN` fields, the last line says how many.
        """
        fields, more = self._fields()
        return [*((name, format_column([value])[0]) for name, value in fields), *([("…", more)] if more else [])]

    def _fields(self) -> tuple[list[tuple[str, Any]], str]:
        """Return the names and values of the first fields, and a note on the others."""
        table = table_of(self, 1, most=FIELDS_SHOWN)
        fields = [(_short_name(name), value) for name, [value] in zip(table.names, table.columns, strict=True)]
        more, count = table.left_out, len(fields) + table.left_out
        return fields, f"{more:,} more of {count:,} fields; ask for them by their names" if more else ""

    def text(self, width: int = sys.maxsize, paint: Paint | None = None) -> str:
        """Return the record with a line for each field, in which the text is wrapped if the width is limited."""
        pairs = [(name, NOTHING if text is None else text) for name, text in self.lines()]
        return "\n".join(pair_lines(pairs, width, paint))

    def table(self) -> Table:
        """Return the record as a table of one row."""
        return replace(table_of(self, 1, most=FIELDS_SHOWN), is_record=True)

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {PAGE_DATA: self.table().data()} if notebook_run() else {}

    def _repr_html_(self) -> Html:
        fields, more = self._fields()
        facts: list[tuple[str, str | None, str]] = []
        others: list[tuple[str, str | None, str]] = []  # ids and what is empty, which are folded
        for name, value in fields:
            [text] = format_column([value])
            is_fact = value not in (None, "", [], {}) and column_kind(name, [value]) != "id"
            (facts if is_fact else others).append((name, text, _whole(text or "", value)))
        rows = html_fields(facts or others)
        if facts and others:
            rows += _OTHERS.format(counted(len(others), "field"), html_fields(others))
        below = _MORE.format(more) if more else ""
        return box(_BOX.format(style(), without_delimiters(rows + below)))


def _with_times(fields: dict[str, Any], prefix: str, declared: Mapping[str, str]) -> dict[str, Any]:
    """Replace the texts that are times by datetimes in UTC, also in nested objects, and return the fields.

    Parameters:
        fields: the object; it is changed.
        prefix: the path of the object in its record, with a dot at the end.
        declared: the kinds of the declared fields by their paths.
    """
    for name, value in fields.items():
        kind = declared.get(f"{prefix}{name}")
        if isinstance(value, dict):
            _with_times(value, f"{prefix}{name}.", declared)
        elif isinstance(value, str) and kind in (None, "timestamp"):
            fields[name] = moment(value, with_zone=kind is None) or value
    return fields


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


def table_of_rows(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of these columns of some rows, with their values as they are."""
    return Table(names, [[row[name] for row in rows] for name in names], len(rows))


def times_of(values: Sequence[Any]) -> list[Any] | None:
    """Return texts that are all times, besides missing values, as times in UTC; None for other values."""
    return _moments(values) if are_times(values) else None


def _moments(values: Sequence[Any]) -> list[Any]:
    return [moment(value) if isinstance(value, str) else None for value in values]


def _records_of(value: Records | Mapping[Any, Any]) -> Records:
    """Return the records of a table: with their account if they are from several, and a single record by itself."""
    if isinstance(value, Records):
        return value.for_table()
    return Records([dict(value)], value.function if isinstance(value, Record) else None)


def _read(field: Field, first: Records, records: Records) -> list[Any]:
    """Return the values of a field as they are shown: texts that are all times become datetimes.

    Parameters:
        field: the field.
        first: the records whose values are returned.
        records: all records, because a later text may show that the field has no times.
    """
    values = field.values(first)
    if field.kind not in (None, "timestamp") or not any(isinstance(value, str) for value in values):
        return values
    if field.kind is None and not are_times(records.column(field.path)):
        return values
    times = _moments(values)
    are_all = all(time is not None or value is None for time, value in zip(times, values, strict=True))
    return times if are_all else values


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


def _minimum(kind: Kind, texts: Sequence[str], values: Sequence[Any]) -> int:
    """Return the width below which no cell of a column is cut, because of numbers, times and truth values."""
    if kind in _GIVING_WAY:
        return 0
    uncut = (text for text, value in zip(texts, values, strict=True) if not isinstance(value, _CUT_VALUES))
    return max(map(display_width, uncut), default=0) if kind == "text" else sys.maxsize


def _short_name(name: str) -> str:
    """Return the name of a column as it is shown."""
    return escape_control(shortened(name, _MAX_NAME))


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


def csv_of(table: Table) -> Iterator[Csv]:
    """Yield the lines of a table as CSV, in which a spreadsheet runs nothing."""
    return csv_lines(table_rows(table, spreadsheet_cell))


def markdown_of(table: Table) -> Iterator[Markdown]:
    """Yield the lines of a table as Markdown."""
    names, *rows = table_rows(table)
    return markdown_rows(names, rows, table.numbers)
