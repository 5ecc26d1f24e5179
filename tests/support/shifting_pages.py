"""Lists whose pages are inconsistent, as a client sees them if records move while it reads.

`DemoApi` takes one of these as `turn`: it gets the requested range and its page, and returns the page to send instead.
It changes where the next page begins; another could change the company's records between two pages.
"""

from __future__ import annotations

from dataclasses import replace

from kosmo_kernel.integrations.heroku.demo.api import PageFilter
from kosmo_kernel.integrations.heroku.demo.http import ListPage, Range


def overlap(records: int) -> PageFilter:
    """Return a filter by which each page begins with the last records of the previous one, as if they had moved.

    Parameters:
        records: how many are repeated; never a whole page, or the list would have no end.
    """

    def turn(asked: Range, page: ListPage) -> ListPage:
        repeated = min(records, len(page.records) - 1)
        if page.next_range is None or repeated < 1:
            return page
        return replace(page, next_range=str(asked.after(page.records[-repeated - 1])))

    return turn


def circle(asked: Range, page: ListPage) -> ListPage:
    """Return the page; if it is the last one, it leads to the first again."""
    return page if page.next_range else replace(page, next_range=str(replace(asked, start="", start_open=False)))


def standstill(asked: Range, page: ListPage) -> ListPage:
    """Return the page with a `Next-Range` that leads to the same page again."""
    return replace(page, next_range=str(asked))
