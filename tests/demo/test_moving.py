"""Lists that move while they are read: what a client meets when pages do not fit together."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi, PageFilter
from kosmo_kernel.integrations.heroku.demo.company import company
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


HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}


def read(api: DemoApi, path: str, first: str, most: int = 50) -> tuple[list[list[Any]], list[str]]:
    """Return the pages of a list and the ranges that led to them, until the end or until there were that many."""
    pages: list[list[Any]] = []
    ranges = [first]
    transport = httpx.WSGITransport(app=api)
    with httpx.Client(transport=transport, base_url="http://api.heroku.example", headers=HEADERS) as client:
        while len(pages) < most:
            answer = client.get(path, headers={"Range": ranges[-1]})
            pages.append(answer.json())
            if "Next-Range" not in answer.headers:
                break
            ranges.append(answer.headers["Next-Range"])
    return pages, ranges


@pytest.mark.parametrize("records", [1, 3, 4, 100])
def test_each_page_begins_with_the_end_of_the_one_before(records: int) -> None:
    shown = company()
    pages, _ = read(DemoApi(shown, turn=overlap(records)), "/apps", "id ..; max=5")
    again = min(records, 4)
    assert [page[:again] for page in pages[1:]] == [page[-again:] for page in pages[:-1]]
    once = {app["id"]: app for page in pages for app in page}
    assert list(once.values()) == shown.apps
    assert sum(map(len, pages)) == len(shown.apps) + again * (len(pages) - 1)


def test_pages_overlap_in_every_order_and_where_records_share_what_they_are_ordered_by() -> None:
    shown = company()
    for app in shown.apps:
        app["updated_at"] = "2026-11-01T00:00:00Z"
    pages, _ = read(DemoApi(shown, turn=overlap(2)), "/apps", "updated_at ..; max=5, order=desc")
    once = {app["id"]: app for page in pages for app in page}
    assert list(once.values()) == shown.apps[::-1]
    assert len(pages) == 6


def test_pages_of_one_record_do_not_overlap() -> None:
    shown = company()
    pages, _ = read(DemoApi(shown, turn=overlap(1)), "/apps", "id ..; max=1")
    assert pages == [[app] for app in shown.apps]


def test_the_last_page_leads_to_the_first_again() -> None:
    shown = company()
    pages, ranges = read(DemoApi(shown, turn=circle), "/apps", "id ..; max=7", most=7)
    assert [len(page) for page in pages] == [7, 7, 5, 7, 7, 5, 7]
    assert ranges[:3] == ranges[3:6]


def test_a_page_leads_to_itself() -> None:
    pages, ranges = read(DemoApi(company(), turn=standstill), "/apps", "id ..; max=7", most=4)
    assert set(ranges) == {"id ..; max=7"}
    assert pages[1:] == pages[:-1]


def test_records_can_be_changed_between_two_pages() -> None:
    shown = company()

    def rename(_: Range, page: ListPage) -> ListPage:
        shown.apps[0] = shown.apps[0] | {"updated_at": "2026-11-20T08:59:59Z"}
        return page

    first = shown.apps[0]
    shown.apps[0]["updated_at"] = "2016-01-01T00:00:00Z"
    pages, _ = read(DemoApi(shown, turn=rename), "/apps", "updated_at ..; max=10")
    found = [app for page in pages for app in page if app["id"] == first["id"]]
    assert [app["updated_at"] for app in found] == ["2016-01-01T00:00:00Z", "2026-11-20T08:59:59Z"]
