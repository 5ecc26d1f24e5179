"""Write pages, and what they consist of: tables with folded rows and cards of key figures.

The title of a column is its name in words, with the unit. Names stay on one line: a table for which the page is too
narrow scrolls beside its first column, and is printed on a turned sheet, where columns that do not fit are left out and
counted. On a phone a row is a card, in which the titles stand before the values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple

from msgspec.structs import replace

from kosmo_kernel.accounts import is_demo
from kosmo_kernel.catalogue.inventory import KeyFigure
from kosmo_kernel.pages.design import MAX_OPEN_ROWS
from kosmo_kernel.render.tables import Table, times_of
from kosmo_kernel.render.text import CellForm, format_column
from kosmo_kernel.safety.markup import Html, css_string, html_attribute, html_of_package
from kosmo_kernel.safety.tables import MAX_NAME, html_fields, html_table, unbroken_length
from kosmo_kernel.text import TableColumn, counted, lazy_pattern, listed
from kosmo_kernel.values.fields import moment

FICTION = Html(
    '<aside class="fiction"><strong>FICTIONAL DATA</strong> of the demo company, not of your account</aside>'
)
_PRINTED = Html('<p class="printed">{}</p>\n')  # stands on paper only: account and day
_NONE = Html()
_TABLE = Html('<div class="{}" tabindex="0" style="{}">{}</div>\n{}')  # with the headings for a phone
_RECORD = Html('<div class="table fields">{}</div>\n')
_NOTHING = Html('<p class="nothing">Nothing.</p>\n')
_BELOW = Html('<p class="cut">{}</p>\n')
MAX_PRINTED_ACCOUNTS = 2  # names of accounts above a page on paper
MAX_CARD_COLUMNS = 12  # columns of a table whose rows are cards on a phone
_PAGE_WIDTH, _MIN_WIDTH = 1168, 160  # pixels of a page on a desktop, and of a column that gives way to others
_TURNED_WIDTH = 1700  # pixels of a table that fits a turned sheet in small letters
_CHARACTER, _PADDING = 7.25, 24  # pixels of a character of a table on average, and beside the text of a cell
_BAR_WIDTH = 104  # pixels of the bar of a share beside its number
_MAX_UNBROKEN = 64  # characters of a cell on one line
_FOLDED = Html('<details class="more"><summary>{}</summary></details>\n')
_ON_PAPER = Html('<p class="cut on-paper">{}</p>\n')
_FIGURES = Html('<ul class="figures">\n{}</ul>\n')
_FIGURE = Html('<li><span class="name">{}</span> <strong>{}{}</strong> <span class="detail">{}</span></li>\n')
AT_LEAST = "at least"
_DOLLARS = ", $"  # the end of the name of an amount of money
_FIGURE_FORM = CellForm("minutes", has_separators=True, for_page=True)
_AT_LEAST = Html("<small>{}</small> ").format(AT_LEAST)
_TITLES = {
    "add_on": "Add-on",
    "addon": "Add-on",
    "addons": "Add-ons",
    "certificate_last_day": "Certificate's last day",
    "custom_domains": "Domains",
    "enterprise_account": "Enterprise",
    "from_addon": "From add-on",
    "managed_by_heroku": "Renewed by Heroku",
    "memory_gb": "Memory, GB",
    "without_price": "Price unknown",
}
_ACRONYMS = lazy_pattern(r"\b(?:acm|cidr|dns|ip|oci|sso|url|vpn)\b", re.IGNORECASE)
_MONEY = {
    "monthly_usd": "Monthly cost, $",
    "usd": "$",
    "usd_a_month": "Monthly cost, $",
    "usd_per_dyno": "Each, $ a month",
}


class Card(NamedTuple):
    """A key figure."""

    name: str  # what it counts
    number: str
    detail: str = ""  # what a reader asks next
    at_least: bool = False  # whether a part of what is counted could not be read


def html_page(
    title: str,
    content: Html,
    accounts: Collection[str],
    day: datetime | None,
    *,
    style: Html = _NONE,
    marker: Html = _NONE,
) -> Html:
    """Return a page.

    Parameters:
        title: its title.
        content: what is in its body.
        accounts: the aliases of the accounts that it is about. A page with data of the demo has a band that says so.
        day: the day of the data, if it is to be printed beside them.
        style: a further style sheet, before that of all pages.
        marker: a comment that tells what wrote it.
    """
    days = [f"{day:%d %B %Y}".lstrip("0")] if day else []
    on_paper = ", ".join([*([listed([*accounts], MAX_PRINTED_ACCOUNTS)] if accounts else []), *days])
    return html_of_package("pages/page.html").format(
        title=title,
        content=content,
        style=style + html_of_package("pages/page.css"),
        band=FICTION if any(map(is_demo, accounts)) else _NONE,
        printed=_PRINTED.format(on_paper) if on_paper else _NONE,
        marker=marker,
    )


def page_columns(table: Table, series: Container[str] = ()) -> list[TableColumn]:
    """Return the columns of a table for a page: titles in words, texts that are times as such, money in one column.

    Parameters:
        table: the table.
        series: the names of columns of numbers that are names of things, such as teams, and stay as they are.
    """
    if not _MONEY.keys().isdisjoint(table.names) and "cents" in table.names:
        table = table.only([name for name in table.names if name != "cents"])
    columns = []
    for values in table.columns:
        filled = [None if value == [] else value for value in values]
        columns.append(times_of(values) or list(map(_with_time, filled)))
    table = replace(table, columns=columns, totals=table.sums)
    titles, forms = [], []
    for index, (name, values) in enumerate(zip(table.names, columns, strict=True)):
        is_time, is_money = table.kind(index) == "time", name in _MONEY
        is_whole = is_money and not any(isinstance(value, float) and 0 < abs(value) < 1 for value in values)
        titles.append(name if name in series else page_title(name, is_time=is_time))
        separates = is_money or name in series
        forms.append(CellForm("minutes", not is_time, 2 * is_money, separates, for_page=True, is_whole=is_whole))
    return table.html_columns(titles, forms)


def _with_time(value: Any) -> Any:
    """Return a text that is a time as one, among texts that are none."""
    return moment(value, with_zone=True) or value if isinstance(value, str) else value


def page_table(columns: Sequence[TableColumn], *, is_cut: bool = False) -> Html:
    """Return a table with whole cells, whose rows after the first ones are folded on a screen and shown on paper.

    Names stay on one line, and so do the other texts of narrow columns as long as the long ones have room on the page.

    Parameters:
        columns: the columns.
        is_cut: whether rows are missing, which a line of the caller counts.
    """
    lengths = [max(map(len, filter(None, column.texts)), default=0) for column in columns]
    names, widths = [], []  # pixels that a column needs for its longest name, and to have all on one line
    for length, column in zip(lengths, columns, strict=True):
        padding = _PADDING + _BAR_WIDTH * bool(column.shares)
        width = padding + _CHARACTER * max(length, len(column.heading) * column.to_the_right)
        names.append(padding + _CHARACTER * max(map(unbroken_length, [column.heading, *filter(None, column.texts)])))
        widths.append(max(width, names[-1]))
    least = widths
    for most in (2 * _MIN_WIDTH, _MIN_WIDTH):  # columns of long texts give way to others
        least = [
            max(name, min(max(width / 2, _MIN_WIDTH), most)) if length > MAX_NAME and width > _MIN_WIDTH else width
            for length, name, width in zip(lengths, names, widths, strict=True)
        ]
        if sum(least) <= _PAGE_WIDTH:
            break
    free = _PAGE_WIDTH - sum(least)
    is_wide, unbroken = free < 0, set()
    for index in sorted(range(len(columns)), key=lambda index: widths[index]):
        free -= widths[index] - least[index]
        if lengths[index] <= (MAX_NAME if is_wide or free < 0 else _MAX_UNBROKEN):
            unbroken.add(index)
    if is_wide or len(unbroken) < len(columns):  # nothing needs to be said of columns that all fit
        columns = [column._replace(is_unbroken=index in unbroken) for index, column in enumerate(columns)]
    is_crowded = sum(least) > _TURNED_WIDTH
    classes = ["table", *["wide"] * is_wide]
    heads = ""
    if 1 < len(columns) <= MAX_CARD_COLUMNS:
        classes.append("cards")
        heads = ";".join(f"--h{index}:{css_string(column.heading)}" for index, column in enumerate(columns[1:], 2))
    below = _NONE
    if columns and (more := len(columns[0].texts) - MAX_OPEN_ROWS) > 0:
        rows = counted(more + MAX_OPEN_ROWS, "row")
        below = _FOLDED.format(f"{more:,} more rows") if is_cut else _FOLDED.format(f"{more:,} more of {rows}")
        below += _NONE if is_cut else _ON_PAPER.format(rows)
    fitting = len(columns)
    if is_crowded:
        fitting = sum(end <= _TURNED_WIDTH for end in accumulate(least))
        below += _ON_PAPER.format(f"{counted(len(columns) - fitting, 'more column')} on the screen")
    table = html_table(columns, is_whole=True, on_paper=fitting)
    return _TABLE.format(html_attribute(" ".join(classes)), html_attribute(heads), table, below)


def whole_table(table: Table, *, nothing: Html = _NOTHING, series: Container[str] = ()) -> Html:
    """Return a table or a record as it stands on a page, with how many rows there are if not all are shown.

    Parameters:
        table: the table.
        nothing: what stands in the place of a table without rows.
        series: see `page_columns`.
    """
    if not table.columns or not table.columns[0]:
        return nothing
    columns = page_columns(table, series)
    if table.is_record:
        fields = ((name, texts[0], texts[0] or "") for name, texts, *_ in columns)
        return _RECORD.format(html_fields(fields, has_breaks=True))
    is_cut = bool(table.left_out) or len(table.columns[0]) < table.total
    below = [text for text in (table.count if is_cut else "", table.note) if text]
    return page_table(columns, is_cut=is_cut) + _NONE.join(map(_BELOW.format, below))


def cards(figures: Iterable[Card | KeyFigure]) -> Html:
    """Return the cards of key figures."""
    items = _NONE
    for figure in figures:
        at_least = _AT_LEAST if figure.at_least else _NONE
        items += _FIGURE.format(figure.name[:1].upper() + figure.name[1:], at_least, figure.number, figure.detail)
    return _FIGURES.format(items)


def cards_of(table: Table) -> Iterator[Card]:
    """Yield the key figures of a table with a name, a figure and a detail in each row, or of a record."""
    rows: Iterable[Sequence[Any]]
    if table.is_record:
        rows = [(name, values[0]) for name, values in zip(table.names, table.columns, strict=True)]
    else:
        rows = zip(*table.columns, strict=True)
    for name, value, *details in rows:
        at_least = isinstance(value, str) and value.startswith(f"{AT_LEAST} ")
        amount = _number(value.removeprefix(f"{AT_LEAST} ")) if at_least else value
        is_money = name.endswith(_DOLLARS) and isinstance(amount, (int, float))
        number = f"${amount:,.0f}" if is_money else "".join(filter(None, format_column([amount], _FIGURE_FORM)))
        detail = "".join(filter(None, format_column(details, _FIGURE_FORM)))
        yield Card(name.removesuffix(_DOLLARS), number, detail, at_least)


def _number(text: str) -> float | str:
    """Return a number; a text that is none as it is."""
    try:
        return float(text) if set(text) & set(".en") else int(text)
    except ValueError:
        return text


def page_title(name: str, *, is_time: bool = False) -> str:
    """Return the title of a column: `released_at` is "Released at", and a dotted name stays as it is.

    Parameters:
        name: the name of the column.
        is_time: whether it has times, whose zone then stands in the title.
    """
    words = _TITLES.get(name) or _MONEY.get(name) or name.replace("_", " ").strip()
    if "." not in name:
        words = _ACRONYMS.sub(lambda word: word[0].upper(), words[:1].upper() + words[1:])
    return f"{words}, UTC" if is_time else words
