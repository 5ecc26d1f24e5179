"""Follow the parts of a list, and doubt that they end: a list is whole, or it is an error.

A service sends a long list in ranges: status 206, and `Next-Range` with the range of the next part. Of a service
without ranges, one response has the whole list, and a sign that there is more is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from kosmo_kernel.catalogue.http import LINK, NEXT_RANGE, Ranges, Response

PAGE_SIZE = 50  # records of a page that begins with the newest; more than most apps have in a week
_MADE = "created_at"
_REST_UNKNOWN = "a part of a list, and nothing says how to get the rest"
MAX_PAGES_WITHOUT_NEW = (
    10  # consecutive pages without a new record after which the call fails, against endless pagination
)


class PageError(Exception):
    """The next page cannot be known, and why: the end of the sentence "X answered …"."""


def next_range(page: Response, ranges: Ranges | None) -> str | None:
    """Return the `Range` of what follows a page of a list; None after the last one.

    Raises:
        PageError: there is more, and nothing says how to get it.
    """
    if ranges is None:
        is_part = page.status == HTTPStatus.PARTIAL_CONTENT or NEXT_RANGE in page.headers
        if is_part or 'rel="next"' in page.headers.get(LINK, ""):
            raise PageError(_REST_UNKNOWN)
        return None
    if page.status != HTTPStatus.PARTIAL_CONTENT:
        return None
    if following := page.headers.get(NEXT_RANGE):  # sent back unchanged: only the service knows its form
        return following
    if not page.value:
        return None
    # The header may have been lost on the way. So what follows the last record is requested, and an empty page ends the
    # list. After a page in another order, as the newest are, nothing is known to follow.
    last = page.value[-1].get(ranges.order) if page.range.partition(" ")[0] == ranges.order else None
    if not isinstance(last, str):
        raise PageError(_REST_UNKNOWN)
    return ranges.after(last)


class MergedPages:
    """The records of several pages, each `id` once.

    Attributes:
        rows: the records.
        ranges: those that selected the pages.
        pages_without_new: the number of pages without a new record since the last one that had some.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.pages_without_new = 0
        self.ranges: set[str] = set()
        self._ids: set[str | int] = set()

    def add(self, page: Response) -> None:
        """Add the records of a page."""
        self.ranges.add(page.range)
        new = [row for row in page.value if _id(row) not in self._ids]
        self._ids |= {key for row in new if (key := _id(row)) is not None}
        self.rows += new
        self.pages_without_new = 0 if new else self.pages_without_new + 1


def _id(row: Mapping[str, Any]) -> str | int | None:
    value = row.get("id")
    return value if isinstance(value, (str, int)) else None


class Since:
    """A day or a time, `2026-11-20` or `2026-11-20T09:00:00Z`, from which on records are asked for.

    Some lists are ordered by when something was started, which their records do not have, and not by when it was made.
    What is made waits in a queue for less than a day, so such a list is read until a record is a day too old.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        year, month, day = (int(part) for part in text[:10].split("-"))
        self._day_before = (date(year, month, 1) + timedelta(days=day - 2)).isoformat()

    def includes(self, row: Mapping[str, Any]) -> bool:
        """Return whether a record is as new, or does not tell."""
        time = row.get(_MADE)
        return not time or str(time) >= self._text

    def ends_before(self, row: Mapping[str, Any]) -> bool:
        """Return whether no later record of a list that begins with the newest is as new."""
        time = row.get(_MADE)
        return bool(time) and str(time)[:10] < self._day_before
