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

from kosmo_kernel.catalogue.http import PageRequest, Response
from kosmo_kernel.catalogue.pages import (
    CURSOR_KEYS,
    HREF,
    LINK,
    LINKS,
    MAX_ENVELOPE_DEPTH,
    MORE_KEYS,
    NEXT_PAGE,
    NEXT_RANGE,
    TOTAL_HEADERS,
    Pages,
)
from kosmo_kernel.client.etag_cache import ResponsePage
from kosmo_kernel.text.paths import value_at
from kosmo_kernel.text.patterns import lazy_pattern

PAGE_SIZE = 50  # records of a page that begins with the newest; more than most apps have in a week
_MADE = "created_at"
BARREN_PAGES = 10  # consecutive pages without a new record after which the call fails, against endless pagination
UNSTATED = "nobody says how this list ends, so it may have more records"
_LINK = lazy_pattern(r"<([^<>]*)>([^<]*)")
_NEXT = lazy_pattern(r'\brel\s*=\s*"?[^";]*\bnext\b', re.IGNORECASE)
_EMPTY = lazy_pattern(r'\bresults\s*=\s*"?false\b', re.IGNORECASE)  # a link for later, when there may be more
_HUMP = lazy_pattern(r"(?<=[a-z0-9])(?=[A-Z])")


class PageError(Exception):
    """The next page cannot be known, or must not be requested, and why: the end of the sentence "X answered …"."""


class Following(NamedTuple):
    """The page or the end that follows a page."""

    request: PageRequest | None  # for the next page; None after the last one
    is_unstated: bool = False  # nobody says whether there is more
    total: int | None = None  # the number of all records, if the answer states it


def following(page: PageAnswer) -> Following:
    """Return what follows a page.

    Raises:
        PageError: the next page cannot be known, or is elsewhere.
    """
    if page.pages.kind == "range":
        if page.reply.status != HTTPStatus.PARTIAL_CONTENT:
            return Following(None)
        next_range = page.reply.headers.get(NEXT_RANGE)  # sent back unchanged: only the service knows its form
        if not next_range and not page.pages.ends_partial:
            raise PageError("a part of a list (status 206), and no `Next-Range` that leads to the rest")
        return Following(PageRequest(headers={"Range": next_range}) if next_range else page.range_after())
    total = page.total()
    match page.pages.kind:
        case "link-header":
            found, is_unstated = page.next_link()
        case "cursor":
            found, is_unstated = page.next_cursor()
        case "page-number" | "offset":
            found, is_unstated = page.next_number(total)
        case _:
            found, is_unstated = None, page.pages.kind == "unstated" and bool(page.rows)
    if found is None and (sign := page.sign_of_more()):
        raise PageError(f"a part of a list: {sign}, and nothing says how to get the rest")
    return Following(found, is_unstated, total)


class PageAnswer(NamedTuple):
    """One page of a list, and what led to it."""

    pages: Pages  # how pages follow
    url: str  # the address of the API
    reply: Response
    value: Any  # the decoded body
    rows: Sequence[Any]  # the elements of the list in it
    request: PageRequest  # the request that led to it
    before: int  # the number of records of the pages before it
    hidden: str = ""  # the parameter of the query that has the token

    def total(self) -> int | None:
        """Return the number of all records that the answer states, if it does."""
        found = value_at(self.value, self.pages.total) if self.pages.total else None
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return found
        text = next((self.reply.headers[name] for name in TOTAL_HEADERS if name in self.reply.headers), "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None

    def range_after(self) -> PageRequest | None:
        """Return the request for what follows the last record, where the header that says it may have been lost.

        None if the page is empty, and so the end of the list, or was asked for in another order, as the newest are.
        """
        first = self.pages.first.headers.get("Range", "")
        attribute, _, bounds = first.partition(" ")
        asked = self.request.headers.get("Range", "").partition(" ")[0]
        last = self.rows[-1] if self.rows else None
        value = last.get(attribute) if isinstance(last, Mapping) else None
        if asked != attribute or not bounds.startswith("..") or not isinstance(value, str):
            return None
        return PageRequest(headers={"Range": f"{attribute} ]{value}{bounds}"})

    def next_link(self) -> tuple[PageRequest | None, bool]:
        """Return the request for the next page, and whether nobody says that there is none."""
        if LINK in self.reply.headers:
            return self._linked(), False
        if not self.rows:
            return None, False
        # The header is missing: there may be one page, or the header was lost on the way.
        if self.pages.param and (self._is_full or self.before):
            return self._numbered(1), False
        return None, self._is_full or bool(self.before)

    @property
    def _is_full(self) -> bool:
        """Whether the page has as many records as a page can have, as far as that is known."""
        return bool(self.rows) and len(self.rows) >= self.pages.size

    def _linked(self) -> PageRequest | None:
        for address, attributes in _LINK.findall(self.reply.headers.get(LINK, "")):
            if _NEXT.search(attributes) and not _EMPTY.search(attributes):
                return self._at(address)
        return None

    def next_cursor(self) -> tuple[PageRequest | None, bool]:
        """Return the request for the next page, and whether nobody says that there is none."""
        pages = self.pages
        more = value_at(self.value, pages.more) if pages.more else None
        if more is False or (pages.cursor_in == "element" and not self.rows):
            return None, False
        source: Any = self.value
        if pages.cursor_in == "element":
            source = self.rows[-1]
        elif pages.cursor_in == "header":
            source = self.reply.headers
        is_there, cursor = _find(source, pages.cursor)
        if cursor in (None, "", False, 0) or isinstance(cursor, (dict, list)):
            if more is True:
                raise PageError("a part of a list, and no cursor that leads to the rest")
            is_stated = is_there or _has_links(source, pages.cursor)
            if pages.cursor_in == "header":  # is left out after the last page; a first one that is full is doubted
                return None, self._is_full and not self.before
            return None, not is_stated and bool(self.rows)
        text = str(cursor)
        if _is_address(text):
            return self._at(text), False
        if not pages.param:
            raise PageError("a cursor that no parameter takes")
        return PageRequest(query={**pages.first.query, pages.param: text}), False

    def next_number(self, total: int | None) -> tuple[PageRequest | None, bool]:
        """Return the request for the next page by its number, or by the number of records before it.

        The second value is whether nobody says that there is none.
        """
        pages = self.pages
        if linked := self._linked():
            return linked, False
        if pages.last_header:
            last = self.reply.headers.get(pages.last_header, "")
            if not last.isdecimal() or len(last) > 9:
                raise PageError(f"a page without the header {pages.last_header}, which has the number of the last one")
            return (self._numbered(1) if self._number() < int(last) else None), False
        more = value_at(self.value, pages.more) if pages.more else None
        received = self.before + len(self.rows)
        # A `count` that is the number of records in this page: some services count the page, others the list.
        is_own_count = pages.total[-1:] == ("count",) and total == len(self.rows)
        if more is False or (total is not None and received >= total and not (is_own_count and self._is_full)):
            return None, False
        if is_own_count and self.rows and not pages.size:
            return None, True
        if not self.rows:
            if more is True or total is not None:
                raise PageError(f"an empty page after {received:,} records, where there must be more")
            return None, False
        return self._numbered(1 if pages.kind == "page-number" else len(self.rows)), False

    def _number(self) -> int:
        """Return the number of this page, or of the records before it."""
        query = dict(parse_qsl(urlsplit(self.request.target).query)) or self.request.query
        number = str(query.get(self.pages.param, ""))
        default = 0 if self.pages.kind == "offset" else self.pages.start
        return int(number) if number.isdecimal() and len(number) < 10 else default

    def _numbered(self, more: int) -> PageRequest:
        number = {self.pages.param: str(self._number() + more)}
        if self.request.target:
            path, _, query = self.request.target.partition("?")
            return PageRequest(target=f"{path}?{urlencode({**dict(parse_qsl(query)), **number})}")
        return PageRequest(query={**self.pages.first.query, **number})

    def _at(self, address: str) -> PageRequest:
        """Return the request for an address, which must be one of the service."""
        base = urlsplit(self.url)
        try:
            target = urlsplit(urljoin(f"{self.url}{self.request.target}", address))
        except ValueError:
            raise PageError("the address of a next page that is none") from None
        if (target.scheme, target.netloc) != (base.scheme, base.netloc):
            raise PageError(f"that the next page is at {target.netloc}; the token is sent to {base.netloc} only")
        pairs = parse_qsl(target.query, keep_blank_values=True)
        query = urlencode([(name, text) for name, text in pairs if name != self.hidden])  # the token is added again
        return PageRequest(target=f"{target.path}?{query}" if query else target.path)

    def sign_of_more(self) -> str:
        """Return a sign that there are more records; empty if there is none."""
        if self.reply.status == HTTPStatus.PARTIAL_CONTENT:
            return "the status is 206"
        headers = self.reply.headers
        if self.pages.kind != "link-header" and self._linked():
            return "a `Link` header leads to a next page"
        if name := next((name for name in (NEXT_RANGE, NEXT_PAGE) if headers.get(name)), ""):
            return f"the header `{name}` leads to a next page"
        return _sign_in(self.value, 0) if isinstance(self.value, Mapping) else ""


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


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://", "/", "?"))


def address_of(page: PageRequest, url: str) -> str:
    """Return the address of a page of the list at an address."""
    if page.target:
        base = urlsplit(url)
        return f"{base.scheme}://{base.netloc}{page.target}"
    return f"{url}{'&' if '?' in url else '?'}{urlencode(page.query)}" if page.query else url


def fault_of_last(pages: Sequence[ResponsePage]) -> str:
    """Return what is wrong if the last page repeats the one before, or ends a list below its total; else nothing."""
    page = pages[-1]
    if len(pages) > 1 and page.content and page.content == pages[-2].content:
        return f"pages that go in circles, page {len(pages)} the last"
    count = sum(one.count or 0 for one in pages) if page.following is None and page.total is not None else 0
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

    def add(self, pages: Sequence[ResponsePage]) -> None:
        """Add the records of the pages that were not added yet."""
        for page in pages[self._pages :]:
            new = [row for row in page.decoded() if not self._is_known(row)]
            self._known.update((key, row) for row in new if (key := _id(row)) is not None)
            self.rows += new
            self.barren = 0 if new else self.barren + 1
        self._pages = len(pages)

    def _is_known(self, row: dict[str, Any]) -> bool:
        key = _id(row)
        known = None if key is None else self._known.get(key)
        return known is not None and (self._by_id or known == row)


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
        made = row.get(_MADE)
        return not made or str(made) >= self._text

    def ends_before(self, row: Mapping[str, Any]) -> bool:
        """Return whether no later record of a list that begins with the newest is as new."""
        made = row.get(_MADE)
        return bool(made) and str(made)[:10] < self._day_before
