"""A table of records on the screen, as HTML and as text.

Whoever shows records makes a `Table`: a frame of its own columns, `table_of` of records as they came. Of a
long list the first rows are shown and all are counted. The HTML is one small element that needs no script:
its style names nothing but itself and takes its colours from where it is shown (JupyterLab, VS Code, a page
of its own); where a site removes styles, a table with links, aligned numbers and the count is left.
"""

from __future__ import annotations

import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import accumulate, chain, repeat
from textwrap import wrap
from typing import Any

from kosmo_kernel.catalogue import Column
from kosmo_kernel.render.text import MAX_CELL_LENGTH, WIDTH, escape_control, format_column, is_number, pretty
from kosmo_kernel.safety.no_math import box, without_delimiters
from kosmo_kernel.settings.limits import rows_shown
from kosmo_kernel.values.fields import Field, first_fields, moment
from kosmo_kernel.values.records import Record, Records

TEXT_WIDTH = 110  # columns of text, where nobody can tell the width of the screen
COLUMNS_SHOWN = 200  # of a table
FIELDS_SHOWN = 1000  # of a record; a line is less than a column

_NOTHING = "\N{EN DASH}"
_GAP = "  "
_NARROW = 14  # a column of text is cut no shorter than this before others are left out
_CELL_MOST = 64  # characters of an HTML cell, of which its column shows some 50
_NAME_MOST = 200  # characters of a name
_NAMED = 50  # columns without room that are named
_HINT_FROM, _HINT_LEAST, _HINTS = 44, 400, 40_000  # characters that get a hint, that a hint has, and all hints have
_HINTED = 2500  # cells with a hint
_APOSTROPHE = "'"
_LINK = re.compile(r"https?://[^\s\\]+")

_BOX = '<div class="kosmo-table">'
_LINE = "1px solid var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.25)))"
_PAPER = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"
_PALE = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,GrayText))"
_SHADE = "rgba(128,128,128,.12)"
# Every rule starts at our own element, whose class is said twice to outweigh JupyterLab's rules for tables.
_RULES = (
    "div{scrollbar-width:thin;scrollbar-color:rgba(128,128,128,.5) transparent}",
    "table{border-collapse:separate;border-spacing:0;table-layout:auto;margin:0;border:0;font-size:13px}",
    ":is(th,td){text-align:left;vertical-align:baseline;white-space:nowrap;padding:4px 12px;line-height:1.4}",
    f":is(th,td){{border:0;border-bottom:{_LINE};max-width:26em;overflow:hidden;text-overflow:ellipsis}}",
    f"thead th{{position:sticky;top:0;z-index:1;background:{_PAPER};font-weight:600}}",
    "tbody tr{background:none}",
    f"tbody tr:hover{{background:{_SHADE}}}",
    # The first column stays as well, where there is room for others beside it.
    f"div tr>:first-child{{position:sticky;left:0;background:{_PAPER}}}",
    f"div tbody tr:hover>:first-child{{background:linear-gradient({_SHADE},{_SHADE}),{_PAPER}}}",
    "thead th:first-child{z-index:2}",
    "tbody tr:last-child>*{border-bottom:0}",
    f"tbody th{{font-weight:400;color:{_PALE}}}",
    "[align]{text-align:right;font-variant-numeric:tabular-nums}",
    ".whole{white-space:pre-wrap;overflow-wrap:anywhere;max-width:60em}",
    f"td:empty::before{{content:'{_NOTHING}';opacity:.4}}",
    "p{margin:6px 12px 0;font-size:12px;opacity:.65}",
)
_FEW = "table:not(:has(th:nth-child(10)))"  # columns: of these all have a place on paper
_ON_PAPER = (  # where nobody can scroll
    "div{max-height:none!important;overflow:visible!important}",
    "table{font-size:11px}",
    "tr>*{position:static!important;background:none!important;padding:3px 8px}",
    f"{_FEW} tr>*{{white-space:normal;max-width:none}}",
    f"{_FEW} td a{{display:inline-block;min-width:12em;overflow-wrap:anywhere}}",
)


def _scoped(rules: Sequence[str]) -> str:
    return "".join(f"div.kosmo-table.kosmo-table {rule}" for rule in rules)


_STYLE = f"<style>{_scoped(_RULES)}@media print{{{_scoped(_ON_PAPER)}}}</style>"


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a list of records.

    Parameters:
        names: of the columns.
        columns: for each of them the values of the rows shown; None where there is none.
        total: how many rows there are.
        labels: how many of the columns, from the left, are labels of the rows and not counted.
        note: what else is to be said below, on one line.
        left_out: how many columns there are beyond those given.
    """

    names: Sequence[str]
    columns: Sequence[Sequence[Any]]
    total: int
    labels: int = 0
    note: str = ""
    left_out: int = 0

    @property
    def count(self) -> str:
        """Return how many records and columns there are, and how many of them are shown."""
        columns = len(self.names) - self.labels
        all_columns = _counted(columns + self.left_out, "column")
        count = f"{_counted(self.total, 'record')} \N{MULTIPLICATION SIGN} {all_columns}"
        shown = len(self.columns[0]) if self.columns else self.total
        if self.left_out:
            rows = f"{_counted(shown, 'record')} and " if shown < self.total else ""
            return f"{count}, the first {rows}{_counted(columns, 'column')} shown; ask for others by their names"
        if shown == self.total:
            return count
        return f"{count}, {f'the first {shown:,}' if shown else 'none'} shown"

    def html(self) -> str:
        """The table as one HTML element: 4 bytes a cell more than its text.

        HTML closes cells and rows by itself, which saves a fifth of a large table. No blank stands between them: it
        would be in the cell, and one without a value is known by being empty.
        """
        texts = [format_column(values) for values in self.columns]
        long = sum(text is not None and len(text) > _HINT_FROM for column in texts for text in column)
        hint_most = min(max(_HINTS // (long or 1), _HINT_LEAST), MAX_CELL_LENGTH)
        rows_hinted = self.total if long <= _HINTED else _HINTED // len(texts)
        head, body = [], []
        for name, values, column in zip(self.names, self.columns, texts, strict=True):
            align = " align=right" if _is_numeric(values) else ""
            head.append(f"<th{align}>{escape(_short_name(name))}")
            mosts = chain(repeat(hint_most, rows_hinted), repeat(0))
            body.append([_html_cell(*of_cell, align) for of_cell in zip(column, values, mosts, strict=False)])
        rows = "".join(f"<tr>\n{''.join(row)}" for row in zip(*body, strict=True))
        note = f". <b>{escape(escape_control(self.note[:MAX_CELL_LENGTH]))}</b>" if self.note else ""
        table = without_delimiters(
            f'<div style="max-height:32em;overflow:auto"><table>\n'
            f"<thead><tr>{''.join(head)}</thead>\n<tbody>{rows}</tbody></table></div>\n"
            f"<p>{self.count}{note}</p>"
        )
        return box(f"{_BOX}{_STYLE}{table}</div>")

    def text(self, width: int | None = None) -> str:
        """The table as text; what has no room is cut, then left out and named.

        Parameters:
            width: columns of text at most; those of the terminal that it goes to, or 110, when None.
        """
        if width is None:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else TEXT_WIDTH
        names = [_short_name(name) for name in self.names]
        given = self.columns[: max(width, 0) // len(_GAP) + 1]  # of more there is no room for the gaps alone
        columns = [
            [_NOTHING if text is None else _cut(text, width) for text in format_column(values)] for values in given
        ]
        natural = [max(map(_width, (name, *texts))) for name, texts in zip(names, columns, strict=False)]
        least = [_least(texts, values) for texts, values in zip(columns, given, strict=True)]
        widths = _fitted(natural, least, width)
        printed = []
        for name, texts, values, room in zip(names, columns, given, widths, strict=False):
            right = _is_numeric(values)
            printed.append([_set(text, room, right=right) for text in (name, "─" * room, *texts)])
        lines = [_GAP.join(row).rstrip() for row in zip(*printed, strict=True)]
        left_out = names[len(widths) :]
        more = f" and {len(left_out) - _NAMED:,} more" if len(left_out) > _NAMED else ""
        below = self.count + (f" (no room for {', '.join(left_out[:_NAMED])}{more})" if left_out else "")
        return "\n".join(
            [*lines, *wrap(f"{below}. {escape_control(self.note[:MAX_CELL_LENGTH])}" if self.note else below, width)]
        )


class RecordView(Record):
    """A record that shows itself, one field a line: its names on the left, its values on the right.

    Parameters:
        record: what the function returned, or any object.
        columns: the fields to show first; the function's own unless given.
    """

    __slots__ = ("columns",)

    def __init__(self, record: dict[str, Any], columns: tuple[Column, ...] | None = None) -> None:
        function, account = (record.function, record.account) if isinstance(record, Record) else (None, None)
        super().__init__(deepcopy(dict(record)), function, account)  # others may have the same objects
        self.columns = columns if columns is not None else (function.columns if function else ())

    def lines(self) -> list[tuple[str, str | None]]:
        """The names and texts of the fields, nested ones dotted; None where there is no value.

        Of many fields the first are given, and then a line that says how many there are.
        """
        fields, more = self._fields()
        return [*((name, format_column([value])[0]) for name, value in fields), *([("…", more)] if more else [])]

    def _fields(self) -> tuple[list[tuple[str, Any]], str]:
        """The first fields, and what there is to say of the others."""
        records = Records([self], self.function, self.columns)
        fields, count = first_fields(records, FIELDS_SHOWN)
        found = [(_short_name(field.name), _read(field, records)[0]) for field in fields]
        left_out = count - len(found)
        return found, f"{left_out:,} more of {count:,} fields; ask for them by their names" if left_out else ""

    def __repr__(self) -> str:
        lines = self.lines()
        room = max((_width(name) for name, _ in lines), default=0)
        return "\n".join(f"{_set(name, room)}{_GAP}{_NOTHING if text is None else text}" for name, text in lines)

    def _repr_html_(self) -> str:
        fields, more = self._fields()
        rows = "\n".join(f"<tr><th>{escape(name)}</th>{_html_value(value)}</tr>" for name, value in fields)
        below = f"\n<p>… {more}</p>" if more else ""
        table = without_delimiters(f"<table>\n<tbody>\n{rows}\n</tbody></table>{below}")
        return box(f"{_BOX}{_STYLE}{table}</div>")


def table_of(records: Records, limit: int | None = None, note: str = "") -> Table:
    """The table that a frame of these records would show, without a frame.

    Parameters:
        records: what a function returned.
        limit: how many rows to show; `limits.rows_shown` when None.
        note: what else is to be said below.
    """
    records = records.for_table()
    first = Records(records.rows[: rows_shown() if limit is None else limit], records.function, records.columns)
    fields, count = first_fields(records, COLUMNS_SHOWN)
    names = [field.name for field in fields]
    columns = [_read(field, first) for field in fields]
    return Table(names, columns, len(records), note=note, left_out=count - len(fields))


def _read(field: Field, records: Records) -> list[Any]:
    """The values of a field as they are shown."""
    values = field.values(records)
    if not field.may_be_time:
        return values
    times = [moment(value) if isinstance(value, str) else None for value in values]
    all_are = all(time is not None or value is None for time, value in zip(times, values, strict=True))
    return list(times) if all_are else values


def _is_numeric(values: Sequence[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(map(is_number, present))


def _html_cell(text: str | None, value: object, hint_most: int, align: str) -> str:
    if text is None:
        return f"<td{align}>"
    shown = text if len(text) <= _CELL_MOST else text[: _CELL_MOST - 1] + "…"
    if _LINK.fullmatch(text) and len(text) <= MAX_CELL_LENGTH:
        return f'<td><a href="{escape(text)}">{escape(shown, quote=False)}</a>'
    hint = _html_hint(_whole(text, value), hint_most) if hint_most and len(text) > _HINT_FROM else ""
    return f"<td{align}{hint}>{escape(shown, quote=False) or ' '}"


def _html_hint(text: str, most: int) -> str:
    """What the mouse shows over a cell that may not show it all."""
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return f" title='{escape(shown, quote=False).replace(_APOSTROPHE, '&#39;')}'"


def _whole(text: str, value: object) -> str:
    """The text of a cell where it has room: lists and objects on lines of their own."""
    return pretty(value) if isinstance(value, (list, Mapping)) and WIDTH < len(text) <= MAX_CELL_LENGTH else text


def _html_value(value: object) -> str:
    """A cell with room for all of its value."""
    text = format_column([value])[0]
    if text is None:
        return "<td></td>"
    content = escape(_whole(text, value), quote=False) or " "
    if _LINK.fullmatch(text) and len(text) <= MAX_CELL_LENGTH:
        content = f'<a href="{escape(text)}">{content}</a>'
    return f"<td class=whole>{content}</td>"


def _least(texts: Sequence[str], values: Sequence[Any]) -> int:
    """To how many columns a column may be cut: texts and lists to some, numbers and times not at all."""
    whole = (text for text, value in zip(texts, values, strict=True) if not isinstance(value, (str, list, dict)))
    return max(map(_width, whole), default=0)


def _fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths for as many columns, from the left, as fit into `room`; at least one."""

    def widths(count: int, most: int) -> list[int]:
        return [max(min(width, most), stiff) for width, stiff in zip(natural[:count], least, strict=False)]

    for count in range(len(natural), 0, -1):
        space = room - len(_GAP) * (count - 1)
        if sum(widths(count, min(space, _NARROW))) <= space:
            return next(fit for most in range(space, -1, -1) if sum(fit := widths(count, most)) <= space)
    return [min(width, room) for width in natural[:1]]


def _set(text: str, room: int, *, right: bool = False) -> str:
    """A text in exactly `room` columns: filled up, or cut."""
    text = _cut(text, room)
    blank = " " * (room - _width(text))
    return blank + text if right else text + blank


def _cut(text: str, room: int) -> str:
    """A text in at most `room` columns. Of a long text only the beginning is looked at."""
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
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


@lru_cache(maxsize=4096)
def _width_of(character: str) -> int:
    return 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")


def _short_name(name: str) -> str:
    """A name of a column as it is shown."""
    return escape_control(name if len(name) <= _NAME_MOST else name[: _NAME_MOST - 1] + "…")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
