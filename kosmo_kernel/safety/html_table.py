"""Write tables as HTML, the gate for cells: a few bytes of markup each, and one value of `Html` for all of them.

Texts that are web addresses become links. A text that is longer than a cell is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import repeat
from typing import NamedTuple

from kosmo_kernel.safety.entities import clean
from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.text import shortened

MAX_CELL = 64  # characters of a cell; about 50 are visible
MAX_LINK_LENGTH = 2000  # characters of an address that becomes a link

_LINK = re.compile(r"https?://[^\s\\]+")
# Cells as `html_table` writes them, if their text is cut.
_CUT_CELL = re.compile(r"<td title='([^'<>]*)'>[^<]*")
_CUT_LINK = re.compile(r'<a href="([^"<>]*)">[^<]*…</a>')
_APOSTROPHE = "'"
_TABLE = '<table class="dataframe">'
_ROW, _CELL = "<tr>\n", re.compile(r"(?=<td)")  # what rows and cells begin with, as `html_table` writes them
_NUMBER = re.compile(r"(<td align=right>-?)(\d{4,})")


class HtmlColumn(NamedTuple):
    """A column of a table.

    Parameters:
        name: its heading.
        texts: its cells, with None for missing values.
        hints: for each cell the text to show when a pointer rests on it, or an empty text; None if no cell has one.
        to_the_right: whether the cells are aligned to the right.
    """

    name: str
    texts: Sequence[str | None]
    hints: Iterable[str] | None = None
    to_the_right: bool = False


def html_table(columns: Sequence[HtmlColumn]) -> Html:
    """Return a table of these columns, which have equally many cells.

    All elements have end tags, without which parsers other than those of browsers misread the table. Its class is that
    of pandas' tables, which converters and themes know. Cells of missing values are empty, and `td:empty` finds them.
    """
    head, body = [], []
    for name, texts, hints, to_the_right in columns:
        align = " align=right" if to_the_right else ""
        head.append(f"<th{align}>{escape(clean(name))}</th>")
        body.append([_cell(text, hint, align) for text, hint in zip(texts, hints or repeat(""), strict=False)])
    rows = "".join([f"<tr>\n{''.join(row)}</tr>\n" for row in zip(*body, strict=True)])
    return Html(f"{_TABLE}\n<thead><tr>{''.join(head)}</tr></thead>\n<tbody>{rows}</tbody></table>")


def html_fields(fields: Iterable[tuple[str, str | None, str]]) -> Html:
    """Return a table of two columns.

    Parameters:
        fields: names, each with its text, which becomes a link if it is an address, and the text to show. The first is
            None for a missing value.
    """
    rows = "\n".join(
        f"<tr><th>{escape(clean(name))}</th>{_whole_cell(text, whole)}</tr>" for name, text, whole in fields
    )
    return Html(f"{_TABLE}\n<tbody>\n{rows}\n</tbody></table>")


def expand_cells(markup: str) -> str:
    """Return HTML in which each cut cell of a table from `html_table` shows all of its text; the rest is unchanged."""
    return _CUT_LINK.sub(r'<a href="\1">\1</a>', _CUT_CELL.sub(r"<td title='\1'>\1", markup))


def group_digits(markup: str, grouped_from: int) -> str:
    """Return HTML in which a table from `html_table` has a separator between the thousands of its numbers.

    Everything outside of cells is unchanged, and so are columns of short numbers.

    Parameters:
        markup: the HTML.
        grouped_from: the digits that one number of a column must have at least.
    """
    head, *rows = markup.split(_ROW)
    cells = [_CELL.split(row) for row in rows]
    for place in range(max(map(len, cells), default=0)):
        column = [row for row in cells if place < len(row)]
        numbers = [number[2] for row in column if (number := _NUMBER.match(row[place]))]
        if any(len(number) >= grouped_from for number in numbers):
            for row in column:
                row[place] = _NUMBER.sub(lambda number: f"{number[1]}{int(number[2]):,}", row[place], count=1)
    return _ROW.join([head, *map("".join, cells)])


def _cell(text: str | None, hint: str, align: str) -> str:
    if text is None:
        return f"<td{align}></td>"
    shown = escape(clean(shortened(text, MAX_CELL)), quote=False)
    if _is_link(text):
        return f'<td><a href="{escape(clean(text))}">{shown}</a></td>'
    title = f" title='{escape(clean(hint), quote=False).replace(_APOSTROPHE, '&#39;')}'" if hint else ""
    return f"<td{align}{title}>{shown or ' '}</td>"


def _whole_cell(text: str | None, whole: str) -> str:
    """Return a cell that shows all of its value."""
    if text is None:
        return "<td></td>"
    content = escape(clean(whole), quote=False) or " "
    if _is_link(text):
        content = f'<a href="{escape(clean(text))}">{content}</a>'
    return f"<td class=whole>{content}</td>"


def _is_link(text: str) -> bool:
    return _LINK.fullmatch(text) is not None and len(text) <= MAX_LINK_LENGTH
