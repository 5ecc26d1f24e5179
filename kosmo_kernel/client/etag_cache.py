"""Cache answers by their ETag.

A response has an `ETag`. A request with that tag gets status 304 if nothing has changed, and the cached answer is used.
A list is cached as a whole, with its pages: a 304 does not name the next page, so that of the cached page is used.

Answers are cached as JSON, which takes a quarter of the memory of decoded records. Each page is encoded once, for the
cache and for the lists that it is part of, and an unchanged one is not decoded. If every page is unchanged and the list
is still in use somewhere, the answer is the same object as before. The number of answers is limited as well, so that a
run over thousands of apps fills no memory with them.

Each client, and so each token, has its own cache, in memory only. It has no secrets, since they are redacted when a
response is parsed. Lua scripts cannot change cached values, because they get a copy as text in another process. Python
code gets the rows inside `Records`, which is read-only; code that passes them on as plain objects (a list, a nested
value) must copy them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from weakref import ReferenceType, ref

from msgspec import Struct

from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.values.records import PackedRows, decode, encode

TAG = "etag"  # the header
MAX_BYTES = 32 << 20  # of all answers
MAX_ANSWERS = 4_500  # as many as an account of Heroku can ask for at once; a second look at them finds all of them
PAGE_OVERHEAD_BYTES = 700  # that a page takes besides its JSON


def records_of(page: Response) -> Any:
    """Return the records of a page, or the one record; decoded anew if there is only their JSON."""
    value = page.value  # another thread may keep the page as JSON meanwhile
    return decode(page.body) if value is None else value


def json_of(page: Response) -> bytes:
    """Return the records of a page, or the one record, as JSON. From then on that is the body."""
    if not page.is_redacted:
        page.body, page.is_redacted = encode(page.value), True
    return page.body


class CachedAnswer(Struct, eq=False):
    """A complete answer, as JSON, and its list as long as somebody else holds it."""

    pages: Sequence[Response]
    size: int  # the bytes that they take
    is_distinct: bool  # the list has all records of all pages
    list_ref: ReferenceType[PackedRows] | None = None  # to the list that `rows` returned last

    def rows(self, decoded: list[dict[str, Any]] | None = None) -> PackedRows | None:
        """Return the list, which has the same records as `decoded`.

        Parameters:
            decoded: the records; without them the list is not decoded, and None if it is not that of all pages.
        """
        rows = self.list_ref() if self.list_ref is not None else None
        if rows is None and (self.is_distinct or decoded is not None):
            parts = [(page.count or 0, page.body) for page in self.pages] if self.is_distinct else []
            rows = PackedRows(decoded, parts)
            self.list_ref = ref(rows)
        return rows

    def page(self, range_: str, page_size: int | None) -> Response | None:
        """Return the cached page of a `Range`, or None if it cannot be revalidated.

        A full last page is not revalidated: it may have a next page by now, although it is unchanged.

        Parameters:
            page_size: the number of records of a full page, or None if unknown.
        """
        page = next((page for page in self.pages if page.headers.get(TAG) and page.range == range_), None)
        if page is None or page.following or page.count is None:
            return page
        as_others = len(self.pages) > 1 and page.count >= (self.pages[0].count or 0)
        return None if page_size is None or page.count >= page_size or as_others else page

    def same_as(self, page: Response) -> Response:
        """Return the cached page with the same content as one that was read again, or that one if there is none."""
        earlier = next((earlier for earlier in self.pages if earlier.range == page.range), None)
        if earlier is None or earlier.following != page.following:
            return page
        if earlier.body != json_of(page):
            return page
        earlier.headers = {TAG: page.headers.get(TAG, "")}
        return earlier


class ETagCache:
    """A cache of answers; it evicts the least recently used. Thread-safe.

    Parameters:
        max_bytes: the bytes of all answers; 0 for no cache.
        max_answers: the number of answers.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, max_answers: int = MAX_ANSWERS) -> None:
        self._max_bytes, self._max_answers = max_bytes, max_answers
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, CachedAnswer] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self._answers)

    def find(self, key: str) -> CachedAnswer | None:
        """Return the answer cached under a key, or None."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def keep(self, key: str, pages: Sequence[Response], data: Any) -> Any:
        """Replace the answer under a key, unless the new one has no ETag or is too large; return its data.

        Parameters:
            key: the key.
            pages: the pages of the answer.
            data: the one record, or the list of records, which is returned with the JSON of the pages if they are kept.
        """
        is_distinct = isinstance(data, list) and len(data) == sum(page.count or 0 for page in pages)
        if not self._max_bytes:  # a recording may have encoded the pages
            has_json = is_distinct and all(page.is_redacted for page in pages)
            return CachedAnswer(pages, 0, is_distinct).rows(data) if has_json else data
        answer: CachedAnswer | None = None
        if any(page.headers.get(TAG) for page in pages):
            size = sum(len(json_of(page)) + PAGE_OVERHEAD_BYTES for page in pages)
            answer = CachedAnswer(pages, size, is_distinct)
        with self._lock:
            if (replaced := self._answers.pop(key, None)) is not None:
                self._size -= replaced.size
            if answer is None or answer.size > self._max_bytes:
                return data
            self._answers[key] = answer
            self._size += answer.size
            while self._size > self._max_bytes or len(self._answers) > self._max_answers:
                self._size -= self._answers.popitem(last=False)[1].size
        for page in pages:
            page.headers, page.value = {TAG: page.headers.get(TAG, "")}, None
        return answer.rows(data) if isinstance(data, list) else data
