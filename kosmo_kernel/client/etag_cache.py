"""Cache answers by their ETag.

A response has an `ETag`. A request with that tag gets status 304 if nothing has changed, and the cached answer is used.
A list is cached as a whole, with its pages: a 304 does not name the next page, so that of the cached page is used.

Answers are cached as JSON, which takes a quarter of the memory of decoded records, and an answer that only the cache
holds is not decoded. If every page is unchanged and the list is still in use somewhere, the answer is the same object
as before. The number of answers is limited as well, so that a run over thousands of apps fills no memory with them.

Each client, and so each token, has its own cache, in memory only. It has no secrets, since they are redacted when a
response is parsed. Lua scripts cannot change cached values, because they get a copy as text in another process. Python
code gets the rows inside `Records`, which is read-only; code that passes them on as plain objects (a list, a nested
value) must copy them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, ref

from kosmo_kernel.catalogue.http import PageRequest
from kosmo_kernel.values.records import decode, encode

MAX_BYTES = 32 << 20  # of all answers
MAX_ANSWERS = 4_500  # as many as an account of Heroku can ask for at once; a second look at them finds all of them
PAGE_OVERHEAD_BYTES = 700  # that a page takes besides its JSON


class _List(list[dict[str, Any]]):
    """A list that can have weak references."""

    __slots__ = ("__weakref__",)


@dataclass(slots=True, eq=False)
class ResponsePage:
    """One response: a page of a list, or a record. Its content is JSON from when the cache keeps it.

    Parameters:
        request: the request for the page.
        content: the list of records, or the one record; None if it is JSON.
        following: the request for the next page; None after the last page.
        tag: the ETag, or None.
        json: the content as JSON, or empty.
        count: the number of records of a list; None for a record.
        is_unstated: nobody says whether another page follows.
        total: the number of all records of the list, if the response states it.
    """

    request: PageRequest
    content: Any
    following: PageRequest | None
    tag: str | None
    json: bytes = b""
    count: int | None = None
    is_unstated: bool = False
    total: int | None = None

    def decoded(self) -> Any:
        """Return the content; decoded anew if it is JSON."""
        return decode(self.json) if self.json else self.content

    def pack(self) -> int:
        """Keep the content as JSON only, and return the bytes that the page takes."""
        if not self.json:
            self.count = len(self.content) if isinstance(self.content, list) else None
            self.json, self.content = encode(self.content), None
        return len(self.json) + PAGE_OVERHEAD_BYTES


@dataclass(slots=True, eq=False)
class CachedAnswer:
    """A complete answer: its pages, and its data as long as somebody else holds it.

    Parameters:
        pages: the pages, packed.
        size: the bytes that they take.
        held: refers to the data that `hold` returned last.
    """

    pages: Sequence[ResponsePage]
    size: int
    held: ReferenceType[Any] | None = None

    @property
    def data(self) -> Any:
        """The data that `hold` returned last, or None if nobody uses it any more."""
        return self.held() if self.held is not None else None

    def hold(self, data: Any) -> Any:
        """Return the data of the answer, which `data` finds as long as it is in use; that is only so for lists."""
        if isinstance(data, list):
            data = _List(data)
            self.held = ref(data)
        return data

    def page(self, request: PageRequest, page_size: int | None) -> ResponsePage | None:
        """Return the cached page for a request, or None if it cannot be revalidated.

        A full last page is not revalidated: it may have a next page by now, although it is unchanged.

        Parameters:
            page_size: the number of records of a full page, or None if unknown.
        """
        page = next((page for page in self.pages if page.tag and page.request == request), None)
        if page is None or page.following or page.count is None:
            return page
        as_others = len(self.pages) > 1 and page.count >= (self.pages[0].count or 0)
        return None if page_size is None or page.count >= page_size or as_others else page


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

    def find(self, key: str) -> CachedAnswer | None:
        """Return the answer cached under a key, or None."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def keep(self, key: str, pages: Sequence[ResponsePage], data: Any) -> Any:
        """Replace the answer under a key, unless the new one has no ETag or is too large; return its data."""
        if not self._max_bytes:
            return data
        is_tagged = any(page.tag for page in pages)
        answer = CachedAnswer(pages, sum(page.pack() for page in pages)) if is_tagged else None
        with self._lock:
            if (replaced := self._answers.pop(key, None)) is not None:
                self._size -= replaced.size
            if answer is None or answer.size > self._max_bytes:
                return data
            self._answers[key] = answer
            self._size += answer.size
            while self._size > self._max_bytes or len(self._answers) > self._max_answers:
                self._size -= self._answers.popitem(last=False)[1].size
        return answer.hold(data)
