"""Write tables as HTML, as Markdown and as CSV: the gates of their cells.

A cell of HTML is a few bytes of markup, and a whole table one value of `Html`. Texts that are web addresses become
links. A text that is longer than a cell is cut.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from html import escape
from io import StringIO
from itertools import repeat

from kosmo_kernel.safety.markup import Html, Markdown, Markup, clean
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text import TableColumn, lazy_pattern

MAX_CELL = 64  # characters of a cell; about 50 are visible
MAX_NAME = 24  # characters of a word that stays on one line of a page
MIN_SHARE = 0.01  # of a total that has a bar
MAX_LINK_LENGTH = 2000  # characters of an address that becomes a link

_LINK = lazy_pattern(r"https?://[^\s\\]+")
_APOSTROPHE = "'"
# Where an address, a name or a path may go on in the next line.
_BREAK = lazy_pattern(r"(?<=\w)@(?=\w)|(?<=\w)[.:/_](?=\w)")
_LINE_ENDS = lazy_pattern(rf"(?:{_BREAK.pattern}|(?<=[-/?]))")
_WORD, _BROKEN_BY_BROWSERS = lazy_pattern(r"\S+"), lazy_pattern(r"\w[-/?]\w")
_TABLE = '<table class="dataframe">'
# What would end a value or a line, so that `cut`, `sort` and `awk -F'\t'` work.
_WEB_ADDRESS = lazy_pattern(r"https?://[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9./-]*)?", re.IGNORECASE)


def html_table(columns: Sequence[TableColumn], *, is_whole: bool = False, on_paper: int = sys.maxsize) -> Html:
    """Return a table of these columns, which have equally many cells.

    All elements have end tags, without which parsers other than those of browsers misread the table. Its class is that
    of pandas' tables, which converters and themes know. Cells of missing values are empty, and `td:empty` finds them.
    A row of totals follows if a column has one.

    Parameters:
        columns: the columns.
        is_whole: whether no cell is cut.
        on_paper: the number of columns that fit a sheet; further ones are of the class `off-paper`.
    """
    head, body, most = [], [], sys.maxsize if is_whole else MAX_CELL
    for index, column in enumerate(columns):
        css_class = ' class="off-paper"' if index >= on_paper else ""
        align = " align=right" if column.to_the_right else ""
        layout = align or " nowrap" * column.is_unbroken
        heading = clean(column.heading)
        head.append(f"<th{css_class}{align}>{_WORD.sub(_word, heading) if is_whole else escape(heading)}</th>")
        cells = [
            _cell(text, hint, layout, most)
            for text, hint in zip(column.texts, column.hints or repeat(""), strict=False)
        ]
        if column.shares:
            cells = [
                f'<td style="--share:{share:.3g}"{cell[3:]}' if share >= MIN_SHARE else cell
                for cell, share in zip(cells, column.shares, strict=True)
            ]
        body.append([f"<td{css_class}{cell[3:]}" for cell in cells] if css_class else cells)
    rows = "".join([f"<tr>\n{''.join(row)}</tr>\n" for row in zip(*body, strict=True)])
    foot = ""
    if any(column.total for column in columns):
        totals = [_cell(column.total, "", " align=right" * column.to_the_right, most) for column in columns]
        totals = [*totals[:on_paper], *(f'<td class="off-paper"{cell[3:]}' for cell in totals[on_paper:])]
        foot = f"\n<tfoot><tr>{''.join(totals)}</tr></tfoot>"
    return Html(f"{_TABLE}\n<thead><tr>{''.join(head)}</tr></thead>\n<tbody>{rows}</tbody>{foot}</table>")


def html_fields(fields: Iterable[tuple[str, str | None, str]], *, has_breaks: bool = False) -> Html:
    """Return a table of two columns.

    Parameters:
        fields: names, each with its text, which becomes a link if it is an address, and the text to show. The first is
            None for a missing value.
        has_breaks: whether a long address says where a line may end.
    """
    rows = "\n".join(
        f"<tr><th>{escape(clean(name))}</th>{_whole_cell(text, full_text, has_breaks)}</tr>"
        for name, text, full_text in fields
    )
    return Html(f"{_TABLE}\n<tbody>\n{rows}\n</tbody></table>")


def _cell(text: str | None, hint: str, layout: str, most: int) -> str:
    """Return a cell; `layout` is the attribute that aligns it or keeps it on one line, if any."""
    if text is None:
        return f"<td{layout}></td>"
    content = clean(shortened(text, most))
    content = escape(content, quote=False) if most == MAX_CELL or layout else _WORD.sub(_word, content)
    if _is_link(text):
        return f'<td{layout}><a href="{escape(clean(text))}">{content}</a></td>'
    title = f" title='{escape(clean(hint), quote=False).replace(_APOSTROPHE, '&#39;')}'" if hint else ""
    return f"<td{layout}{title}>{content or ' '}</td>"


def _word(word: re.Match[str]) -> str:
    """Return a word of a page: a name on one line, and a longer one with places where a line may end."""
    text = escape(word[0], quote=False)
    if len(word[0]) <= MAX_NAME:
        return f"<span>{text}</span>" if _BROKEN_BY_BROWSERS.search(word[0]) else text
    return _BREAK.sub(lambda mark: f"<wbr>{mark[0]}" if mark[0] == "@" else f"{mark[0]}<wbr>", text)


def unbroken_length(text: str) -> int:
    """Return the length of the longest part of a text that stays on one line of a page."""
    words = text.split()
    names = [word for word in words if len(word) <= MAX_NAME]
    parts = (part for word in words if len(word) > MAX_NAME for part in _LINE_ENDS.split(word))
    return min(max(map(len, [*names, *parts]), default=0), MAX_NAME)


def _whole_cell(text: str | None, full_text: str, has_breaks: bool) -> str:
    """Return a cell that shows all of its value."""
    if text is None:
        return "<td></td>"
    content = clean(full_text)
    content = (_WORD.sub(_word, content) if has_breaks else escape(content, quote=False)) or " "
    if _is_link(text):
        content = f'<a href="{escape(clean(text))}">{content}</a>'
    return f"<td class=whole>{content}</td>"


def _is_link(text: str) -> bool:
    return _LINK.fullmatch(text) is not None and len(text) <= MAX_LINK_LENGTH


class Csv(Markup):
    """Lines of CSV."""

    __slots__ = ()


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[Csv]:
    """Yield a line for each row, quoted where needed.

    The writer quotes values with a carriage return or a newline only if its line terminator contains that character.
    """
    import csv

    line = StringIO(newline="")
    writer = csv.writer(line, lineterminator="\r\n")
    for row in rows:
        writer.writerow(row)
        yield Csv(line.getvalue().removesuffix("\r\n") + "\n")
        line.seek(0)
        line.truncate()


def markdown_rows(
    names: Sequence[str], rows: Iterable[Sequence[str]], numbers: Container[int] = ()
) -> Iterator[Markdown]:
    """Yield the lines of a table.

    Parameters:
        names: the headings.
        rows: the cells of each row; those that are Markdown stay as they are.
        numbers: the indexes of the columns of numbers, which are aligned to the right.
    """
    yield _markdown_row(names)
    rules = ("---:" if index in numbers else "---" for index in range(len(names)))
    yield Markdown(f"| {' | '.join(rules)} |\n")
    yield from map(_markdown_row, rows)


def markdown_line(text: str) -> Markdown:
    """Return a text for a line of Markdown; one that is only a web address stays as it is, and becomes a link."""
    return Markdown(text) if _WEB_ADDRESS.fullmatch(text) else Markdown.escape(text)


def _markdown_row(cells: Sequence[str]) -> Markdown:
    texts = [cell if isinstance(cell, Markdown) else markdown_line(cell) for cell in cells]
    return Markdown(f"| {' | '.join(texts)} |\n")
