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
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from kosmo_kernel.fields import Field, fields_of, moment
from kosmo_kernel.legible import CELL_MOST, WIDTH, cells, is_number, plain, safe
from kosmo_kernel.limits import rows_shown
from kosmo_kernel.no_math import box, without_delimiters
from kosmo_kernel.records import Record, Records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kosmo_kernel.catalogue import Column

TEXT_WIDTH = 110  # columns of text, where nobody can tell the width of the screen

_NOTHING = "\N{EN DASH}"
_GAP = "  "
_NARROW = 14  # a column of text is cut no shorter than this before others are left out
_CELL_MOST = 64  # characters of an HTML cell, of which its column shows some 50
_HINT_FROM, _HINT_LEAST, _HINTS = 44, 400, 40_000  # characters that get a hint, that a hint has, and all hints have
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
    """

    names: Sequence[str]
    columns: Sequence[Sequence[Any]]
    total: int
    labels: int = 0
    note: str = ""

    @property
    def count(self) -> str:
        """How many records and columns there are, and how many of the records are shown."""
        columns = _counted(len(self.names) - self.labels, "column")
        count = f"{_counted(self.total, 'record')} \N{MULTIPLICATION SIGN} {columns}"
        shown = len(self.columns[0]) if self.columns else self.total
        if shown == self.total:
            return count
        return f"{count}, {f'the first {shown:,}' if shown else 'none'} shown"

    def html(self) -> str:
        """The table as one HTML element: 4 bytes a cell more than its text.

        HTML closes cells and rows by itself, which saves a fifth of a large table. No blank stands between them: it
        would be in the cell, and one without a value is known by being empty.
        """
        texts = [cells(values) for values in self.columns]
        long = sum(text is not None and len(text) > _HINT_FROM for column in texts for text in column)
        hint_most = min(max(_HINTS // (long or 1), _HINT_LEAST), CELL_MOST)
        head, body = [], []
        for name, values, column in zip(self.names, self.columns, texts, strict=True):
            align = " align=right" if _is_numeric(values) else ""
            head.append(f"<th{align}>{escape(safe(name))}")
            body.append([_html_cell(text, align, value, hint_most) for text, value in zip(column, values, strict=True)])
        rows = "".join(f"<tr>\n{''.join(row)}" for row in zip(*body, strict=True))
        note = f". <b>{escape(safe(self.note))}</b>" if self.note else ""
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
        names = [safe(name) for name in self.names]
        columns = [[_NOTHING if text is None else text for text in cells(values)] for values in self.columns]
        natural = [max(map(_width, (name, *texts))) for name, texts in zip(names, columns, strict=True)]
        least = [_least(texts, values) for texts, values in zip(columns, self.columns, strict=True)]
        widths = _fitted(natural, least, width)
        printed = []
        for name, texts, values, room in zip(names, columns, self.columns, widths, strict=False):
            right = _is_numeric(values)
            printed.append([_set(text, room, right=right) for text in (name, "─" * room, *texts)])
        lines = [_GAP.join(row).rstrip() for row in zip(*printed, strict=True)]
        left_out = names[len(widths) :]
        below = self.count + (f" (no room for {', '.join(left_out)})" if left_out else "")
        return "\n".join([*lines, *wrap(f"{below}. {safe(self.note)}" if self.note else below, width)])


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
        """The names and texts of the fields, nested ones dotted; None where there is no value."""
        return [(name, cells([value])[0]) for name, value in self._fields()]

    def _fields(self) -> list[tuple[str, Any]]:
        records = Records([self], self.function, self.columns)
        return [(safe(field.name), _read(field, records)[0]) for field in fields_of(records)]

    def __repr__(self) -> str:
        lines = self.lines()
        room = max((_width(name) for name, _ in lines), default=0)
        return "\n".join(f"{_set(name, room)}{_GAP}{_NOTHING if text is None else text}" for name, text in lines)

    def _repr_html_(self) -> str:
        rows = "\n".join(f"<tr><th>{escape(name)}</th>{_html_value(value)}</tr>" for name, value in self._fields())
        table = without_delimiters(f"<table>\n<tbody>\n{rows}\n</tbody></table>")
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
    fields = list(fields_of(records))
    names = [field.name for field in fields]
    return Table(names, [_read(field, first) for field in fields], len(records), note=note)


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


def _html_cell(text: str | None, align: str, value: object, hint_most: int) -> str:
    if text is None:
        return f"<td{align}>"
    shown = text if len(text) <= _CELL_MOST else text[: _CELL_MOST - 1] + "…"
    if _LINK.fullmatch(text) and len(text) <= CELL_MOST:
        return f'<td><a href="{escape(text)}">{escape(shown, quote=False)}</a>'
    hint = _html_hint(_whole(text, value), hint_most) if len(text) > _HINT_FROM else ""
    return f"<td{align}{hint}>{escape(shown, quote=False) or ' '}"


def _html_hint(text: str, most: int) -> str:
    """What the mouse shows over a cell that may not show it all."""
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return f" title='{escape(shown, quote=False).replace(_APOSTROPHE, '&#39;')}'"


def _whole(text: str, value: object) -> str:
    """The text of a cell where it has room: lists and objects on lines of their own."""
    return plain(value) if isinstance(value, (list, Mapping)) and WIDTH < len(text) <= CELL_MOST else text


def _html_value(value: object) -> str:
    """A cell with room for all of its value."""
    text = cells([value])[0]
    if text is None:
        return "<td></td>"
    content = escape(_whole(text, value), quote=False) or " "
    if _LINK.fullmatch(text) and len(text) <= CELL_MOST:
        content = f'<a href="{escape(text)}">{content}</a>'
    return f"<td class=whole>{content}</td>"


def _least(texts: Sequence[str], values: Sequence[Any]) -> int:
    """To how many columns a column may be cut: texts and lists to some, numbers and times not at all."""
    whole = (text for text, value in zip(texts, values, strict=True) if not isinstance(value, (str, list, dict)))
    return max(map(_width, whole), default=0)


def _fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths for as many columns, from the left, as fit into `room`; at least one."""
    for count in range(len(natural), 0, -1):
        space = room - len(_GAP) * (count - 1)
        for most in range(space, min(space, _NARROW) - 1, -1):
            widths = [max(min(width, most), stiff) for width, stiff in zip(natural[:count], least, strict=False)]
            if sum(widths) <= space:
                return widths
    return [min(width, room) for width in natural[:1]]


def _set(text: str, room: int, *, right: bool = False) -> str:
    """A text in exactly `room` columns: filled up, or cut."""
    spare = room - _width(text)
    if spare < 0:
        kept = room - 1
        while _width(text[:kept]) > room - 1:
            kept -= 1
        text = text[:kept] + "…"
        spare = room - _width(text)
    return " " * spare + text if right else text + " " * spare


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
