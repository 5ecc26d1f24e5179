"""Share the design of all HTML pages: their style sheets, and what stands above a page.

styles/colours.css  the colours, for a light and a dark screen and for paper
styles/page.css     text, cards, tables, findings, and how all of it is printed. The head of a table stays while one
                    scrolls: in the window, or in a box of its own where the table is wide or the window is narrow
styles/band.css     the band above fictional data, as wide as the window, which leaves its own height free
styles/NAME.css     what one kind of page, or of table, has besides
"""

from __future__ import annotations

from kosmo_kernel.safety.markup import Html, html_of_package

MAX_OPEN_ROWS = 25  # rows of a table that are shown before "more" is opened; `page.css` folds those after it
FICTION = Html(
    '<p class="fiction" role="note"><strong>FICTIONAL DATA</strong> of the demo company, not of your account</p>'
)
PRINTED = Html('<p class="printed">{}</p>\n')  # stands on paper only: account and day


def style_sheets(*names: str) -> Html:
    """Return style sheets, one after the other."""
    return Html().join(html_of_package(f"pages/styles/{name}.css") for name in names)
