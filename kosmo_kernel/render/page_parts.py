"""Write what all pages have in common: tables with folded rows, and cards of key figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kosmo_kernel.pages.design import MAX_OPEN_ROWS
from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.html_table import HtmlColumn, html_table

_TABLE = Html('<div class="table">{}</div>\n{}')
_FOLDED = Html('<details class="more"><summary>{} more rows</summary></details>\n')
_FIGURES = Html('<ul class="figures">\n{}</ul>\n')
_FIGURE = Html('<li><span class="name">{}</span> <strong>{}{}</strong> <span class="detail">{}</span></li>\n')
AT_LEAST = "at least"
_AT_LEAST = Html("<small>{}</small> ").format(AT_LEAST)


class Card(NamedTuple):
    """A key figure."""

    name: str  # what it counts
    number: str
    detail: str = ""  # what a reader asks next
    at_least: bool = False  # whether a part of what is counted could not be read


def page_table(columns: Sequence[HtmlColumn]) -> Html:
    """Return a table with whole cells, whose rows after the first ones are folded on a screen and shown on paper."""
    more = (len(columns[0].texts) if columns else 0) - MAX_OPEN_ROWS
    return _TABLE.format(html_table(columns, is_whole=True), _FOLDED.format(f"{more:,}") if more > 0 else Html(""))


def cards(figures: Iterable[Card]) -> Html:
    """Return the cards of key figures."""
    items = [
        _FIGURE.format(name[:1].upper() + name[1:], _AT_LEAST if at_least else Html(""), number, detail)
        for name, number, detail, at_least in figures
    ]
    return _FIGURES.format(Html("").join(items))
