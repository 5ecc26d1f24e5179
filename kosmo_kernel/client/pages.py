"""Follow the pages of a list, and doubt that they end: a list is whole, or it is an error.

What comes next is in the answer, in a form that `Pages` describes. An answer may also have signs of more where nothing
follows: a status 206, a link to a next page, a flag, a total above the number of records. Each of them is an error.
Where neither a document nor the answer says how a list ends, `unstated` says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from kosmo_kernel.catalogue.http import (
    CURSOR_KEYS,
    HREF,
    INCOMPLETE,
    LINK,
    LINKS,
    MAX_ENVELOPE_DEPTH,
    MORE_KEYS,
    NEXT_PAGE,
    NEXT_RANGE,
    TOTAL_HEADERS,
    PageRequest,
    Pages,
    Response,
)
from kosmo_kernel.client.etag_cache import records_of
from kosmo_kernel.text import lazy_pattern, value_at

PAGE_SIZE = 50  # records of a page that begins with the newest; more than most apps have in a week
_MADE = "created_at"
BARREN_PAGES = 10  # consecutive pages without a new record after which the call fails, against endless pagination
UNSTATED = "nobody says how this list ends, so it may have more records"
_LINK = lazy_pattern(r"<([^<>]*)>([^<]*)")
_NEXT = lazy_pattern(r'\brel\s*+=\s*+(?:"[^";]*|[^";=]*)\bnext\b', re.IGNORECASE)
_EMPTY = lazy_pattern(r'\bresults\s*=\s*"?false\b', re.IGNORECASE)  # a link for later, when there may be more
_HUMP = lazy_pattern(r"(?<=[a-z0-9])(?=[A-Z])")


class PageError(Exception):
    """The next page cannot be known, or must not be requested, and why: the end of the sentence "X answered …"."""


class Pagination(NamedTuple):
    """The order of the pages of a list, and the request for each next one."""

    pages: Pages  # where a page says what comes next
    url: str  # the address of the API
    hidden: str = ""  # the parameter of the query that has the token

    def read(self, page: Response) -> None:
        """Add to a page what follows it. Its value is the decoded body.

        Raises:
            PageError: the next page cannot be known, or is elsewhere.
        """
        pages = self.pages
        if pages.kind == "range":
            if page.status == HTTPStatus.PARTIAL_CONTENT:
                page.following = self._next_range(page)
            return
        if isinstance(page.value, Mapping) and page.value.get(INCOMPLETE) is True:
            raise PageError(f"a part of a list: `{INCOMPLETE}` is true, so the search ended early")
        page.total = self._total(page)
        match pages.kind:
            case "link-header":
                page.following, page.is_unstated = self._next_link(page)
            case "cursor":
                page.following, page.is_unstated = self._next_cursor(page)
            case "page-number" | "offset":
                page.following, page.is_unstated = self._next_number(page)
            case kind:
                page.is_unstated = kind == "unstated" and bool(self._rows(page))
        if page.following is None and (sign := self._sign_of_more(page)):
            raise PageError(f"a part of a list: {sign}, and nothing says how to get the rest")

    def _rows(self, page: Response) -> Sequence[Any]:
        """Return the elements of the list in a page."""
        rows = self.pages.elements(page.value)
        return rows if isinstance(rows, list) else ()

    def _total(self, page: Response) -> int | None:
        """Return the number of all records that a page states, if it does."""
        total = value_at(page.value, self.pages.total) if self.pages.total else None
        if isinstance(total, int) and not isinstance(total, bool) and total >= 0:
            return total
        text = next((page.headers[name] for name in TOTAL_HEADERS if name in page.headers), "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None

    def _next_range(self, page: Response) -> PageRequest | None:
        """Return the request for what follows a part of a list.

        Where the header that says it may have been lost, it is what follows the last record; None if the page is
        empty, and so the end of the list, or was asked for in another order, as the newest are.
        """
        if next_range := page.headers.get(NEXT_RANGE):  # sent back unchanged: only the service knows its form
            return PageRequest(headers={"Range": next_range})
        if not self.pages.ends_partial:
            raise PageError("a part of a list (status 206), and no `Next-Range` that leads to the rest")
        attribute, _, bounds = self.pages.first.headers.get("Range", "").partition(" ")
        order = page.request.headers.get("Range", "").partition(" ")[0]
        last = next(reversed(self._rows(page)), None)
        value = last.get(attribute) if isinstance(last, Mapping) else None
        if order != attribute or not bounds.startswith("..") or not isinstance(value, str):
            return None
        return PageRequest(headers={"Range": f"{attribute} ]{value}{bounds}"})

    # Each of the next three returns the request for the next page, and whether nobody says that there is none.

    def _next_link(self, page: Response) -> tuple[PageRequest | None, bool]:
        if LINK in page.headers:
            return self._linked(page), False
        if not self._rows(page):
            return None, False
        # The header is missing: there may be one page, or the header was lost on the way.
        may_go_on = self._is_full(page) or bool(page.before)
        if self.pages.param and may_go_on:
            return self._numbered(page, 1), False
        return None, may_go_on

    def _next_cursor(self, page: Response) -> tuple[PageRequest | None, bool]:
        pages, rows = self.pages, self._rows(page)
        more = value_at(page.value, pages.more) if pages.more else None
        if more is False or (pages.cursor_in == "element" and not rows):
            return None, False
        source: Any = {"element": rows[-1:], "header": [page.headers], "body": [page.value]}[pages.cursor_in][0]
        is_there, cursor = _find(source, pages.cursor)
        if cursor in (None, "", False, 0) or isinstance(cursor, (dict, list)):
            if more is True:
                raise PageError("a part of a list, and no cursor that leads to the rest")
            if pages.cursor_in == "header":  # is left out after the last page; a first one that is full is doubted
                return None, self._is_full(page) and not page.before
            return None, not (is_there or _has_links(source, pages.cursor)) and bool(rows)
        text = str(cursor)
        if text.startswith(("https://", "http://", "/", "?")):
            return self._at(page, text), False
        if not pages.param:
            raise PageError("a cursor that no parameter takes")
        return PageRequest(query={**pages.first.query, pages.param: text}), False

    def _next_number(self, page: Response) -> tuple[PageRequest | None, bool]:
        pages, rows, total = self.pages, self._rows(page), page.total
        if linked := self._linked(page):
            return linked, False
        if pages.last_header:
            last = page.headers.get(pages.last_header, "")
            if not last.isdecimal() or len(last) > 9:
                raise PageError(f"a page without the header {pages.last_header}, which has the number of the last one")
            return (self._numbered(page, 1) if self._number(page) < int(last) else None), False
        more = value_at(page.value, pages.more) if pages.more else None
        received = page.before + len(rows)
        # A `count` that is the number of records in this page: some services count the page, others the list.
        is_own_count = pages.total[-1:] == ("count",) and total == len(rows)
        if more is False or (total is not None and received >= total and not (is_own_count and self._is_full(page))):
            return None, False
        if is_own_count and rows and not pages.size:
            return None, True
        if not rows:
            if more is True or total is not None:
                raise PageError(f"an empty page after {received:,} records, where there must be more")
            return None, False
        return self._numbered(page, 1 if pages.kind == "page-number" else len(rows)), False

    def _is_full(self, page: Response) -> bool:
        """Return whether a page has as many records as a page can have, as far as that is known."""
        rows = self._rows(page)
        return bool(rows) and len(rows) >= self.pages.size

    def _linked(self, page: Response) -> PageRequest | None:
        for address, attributes in _LINK.findall(page.headers.get(LINK, "")):
            if _NEXT.search(attributes) and not _EMPTY.search(attributes):
                return self._at(page, address)
        return None

    def _number(self, page: Response) -> int:
        """Return the number of a page, or of the records before it."""
        query = dict(parse_qsl(urlsplit(page.request.target).query)) or page.request.query
        number = str(query.get(self.pages.param, ""))
        default = 0 if self.pages.kind == "offset" else self.pages.start
        return int(number) if number.isdecimal() and len(number) < 10 else default

    def _numbered(self, page: Response, more: int) -> PageRequest:
        number = {self.pages.param: str(self._number(page) + more)}
        if page.request.target:
            path, _, query = page.request.target.partition("?")
            return PageRequest(target=f"{path}?{urlencode({**dict(parse_qsl(query)), **number})}")
        return PageRequest(query={**self.pages.first.query, **number})

    def _at(self, page: Response, address: str) -> PageRequest:
        """Return the request for an address, which must be one of the service."""
        base = urlsplit(self.url)
        try:
            target = urlsplit(urljoin(f"{self.url}{page.request.target}", address))
        except ValueError:
            raise PageError("the address of a next page that is none") from None
        if (target.scheme, target.netloc) != (base.scheme, base.netloc):
            raise PageError(f"that the next page is at {target.netloc}; the token is sent to {base.netloc} only")
        pairs = parse_qsl(target.query, keep_blank_values=True)
        query = urlencode([(name, text) for name, text in pairs if name != self.hidden])  # the token is added again
        return PageRequest(target=f"{target.path}?{query}" if query else target.path)

    def _sign_of_more(self, page: Response) -> str:
        """Return a sign that there are more records; empty if there is none."""
        if page.status == HTTPStatus.PARTIAL_CONTENT:
            return "the status is 206"
        if self.pages.kind != "link-header" and self._linked(page):
            return "a `Link` header leads to a next page"
        if name := next((name for name in (NEXT_RANGE, NEXT_PAGE) if page.headers.get(name)), ""):
            return f"the header `{name}` leads to a next page"
        return _sign_in(page.value, 0) if isinstance(page.value, Mapping) else ""


def _sign_in(value: Mapping[str, Any], depth: int) -> str:
    for name, inner in value.items():
        snake = _HUMP.sub("_", name).lower().strip("_@").replace("-", "_").replace(".", "_")
        if snake in MORE_KEYS and inner is True:
            return f"`{name}` is true"
        if snake in CURSOR_KEYS and snake not in ("cursor", "after") and isinstance(inner, (str, int)) and inner:
            return f"`{name}` leads to more"
        if isinstance(inner, Mapping):
            if snake in CURSOR_KEYS and inner.get(HREF):
                return f"`{name}` leads to more"
            if depth < MAX_ENVELOPE_DEPTH and (sign := _sign_in(inner, depth + 1)):
                return sign
    return ""


def _find(value: Any, path: Sequence[str]) -> tuple[bool, Any]:
    """Return whether there is something at a path, even null, and what."""
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return False, None
        value = value[key]
    return True, value


def _has_links(value: Any, path: Sequence[str]) -> bool:
    """Return whether an answer has links to pages, among which the one to the next is missing after the last page."""
    above = next((path[: n + 1] for n, key in enumerate(path) if key in LINKS), ())
    return bool(above) and bool(value_at(value, above))


def address_of(page: PageRequest, url: str) -> str:
    """Return the address of a page of the list at an address."""
    if page.target:
        base = urlsplit(url)
        return f"{base.scheme}://{base.netloc}{page.target}"
    return f"{url}{'&' if '?' in url else '?'}{urlencode(page.query)}" if page.query else url


def fault_of_last(pages: Sequence[Response]) -> str:
    """Return what is wrong if the last page repeats the one before, or ends a list below its total; else nothing."""
    page = pages[-1]
    if len(pages) > 1 and page.value and page.value == pages[-2].value:
        return f"pages that go in circles, page {len(pages)} the last"
    count = sum(page.count or 0 for page in pages) if page.following is None and page.total is not None else 0
    if page.following is None and page.total is not None and count < page.total:
        return f"{count:,} records in all, and {page.total:,} as their number"
    return ""


class MergedPages:
    """The records of several pages, each once.

    Parameters:
        by_id: records with the same `id` are the same one; else only if all of their fields are equal, because an `id`
            may belong to something in the record.

    Attributes:
        rows: the records.
        barren: the number of pages without a new record since the last one that had some.
    """

    def __init__(self, *, by_id: bool) -> None:
        self.rows: list[dict[str, Any]] = []
        self.barren = 0
        self._by_id = by_id
        self._pages = 0
        self._known: dict[str | int, dict[str, Any]] = {}

    def add(self, pages: Sequence[Response]) -> None:
        """Add the records of the pages that were not added yet."""
        for page in pages[self._pages :]:
            new = [row for row in records_of(page) if not self._is_known(row)]
            self._known.update((key, row) for row in new if (key := _id(row)) is not None)
            self.rows += new
            self.barren = 0 if new else self.barren + 1
        self._pages = len(pages)

    def _is_known(self, row: dict[str, Any]) -> bool:
        key = _id(row)
        earlier = None if key is None else self._known.get(key)
        return earlier is not None and (self._by_id or earlier == row)


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
