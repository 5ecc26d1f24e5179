"""Lists whose pages do not fit together, as a client meets them when records move while it reads.

A `Permit` is given what was asked for and the page that answers it, and gives the page that is sent instead.
`DemoApi` takes one. It may change where the next page begins, as these do, or the company's records between two pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kosmo_kernel.demo.pages import ListPage, Range

Turn = Callable[[Range, ListPage], ListPage]


def as_it_is(asked: Range, page: ListPage) -> ListPage:
    """Pages as Heroku gives them."""
    return page


def overlap(records: int) -> Turn:
    """Pages of which each begins with the last records of the one before, as if so many had moved on meanwhile.

    Parameters:
        records: how many come twice; never a whole page, or the list would have no end.
    """

    def turn(asked: Range, page: ListPage) -> ListPage:
        again = min(records, len(page.records) - 1)
        if page.next_range is None or again < 1:
            return page
        return replace(page, next_range=str(asked.after(page.records[-again - 1])))

    return turn


def circle(asked: Range, page: ListPage) -> ListPage:
    """Pages of which the last one leads to the first again."""
    return page if page.next_range else replace(page, next_range=str(replace(asked, start="", start_open=False)))


def standstill(asked: Range, page: ListPage) -> ListPage:
    """Pages that lead to themselves."""
    return replace(page, next_range=str(asked))
