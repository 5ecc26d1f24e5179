"""Cache decoded answers by their ETag.

A response has an `ETag`. A request with that tag gets status 304 if nothing has changed, and the cached answer is used.
A list is cached as a whole, with its pages: a 304 does not name the next page, so that of the cached page is used. If
every page is unchanged, the answer is the same object as before.

Each client, and so each token, has its own cache, in memory only. It has no secrets, since they are redacted when a
response is parsed. Lua scripts cannot change cached values, because they get a copy as text in another process. Python
code gets the cached rows inside `Records`, which is read-only; code that passes them on as plain objects (a list, a
nested value) must copy them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from kosmo_kernel.catalogue.http import PageRequest

MAX_BYTES = 64 << 20  # total size of the encoded bodies; decoded values take four times as much
ENTRY_OVERHEAD_BYTES = 1000  # counted for each page besides its body


@dataclass(frozen=True, slots=True)
class CachedPage:
    """One response: a page of a list, or a record.

    Parameters:
        request: the request for the page.
        content: the list of records, or the one record.
        following: the request for the next page; None after the last page.
        tag: the ETag, or None.
        size: the size of the body in bytes.
    """

    request: PageRequest
    content: Any
    following: PageRequest | None
    tag: str | None
    size: int


@dataclass(frozen=True, slots=True)
class CachedList:
    """A complete answer and its pages."""

    pages: tuple[CachedPage, ...]
    data: Any

    def page(self, request: PageRequest, full: int | None) -> CachedPage | None:
        """Return the cached page for a request, or None if it cannot be revalidated.

        A full last page is not revalidated: it may have a next page by now, although it is unchanged.

        Parameters:
            full: the page size, or None if unknown.
        """
        page = next((page for page in self.pages if page.tag and page.request == request), None)
        if page is None or page.following or not isinstance(page.content, list):
            return page
        count = len(page.content)
        as_others = len(self.pages) > 1 and count >= len(self.pages[0].content)
        return None if full is None or count >= full or as_others else page


class ETagCache:
    """A cache of answers whose bodies have at most `most` bytes; it evicts the least recently used. Thread-safe."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._max_bytes = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, CachedList] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._size = 0

    def find(self, key: str) -> CachedList | None:
        """Return the answer cached under a key, or None."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def keep(self, key: str, kept: CachedList) -> None:
        """Replace the answer under a key, unless the new one has no ETag or is too large."""
        size = sum(page.size + ENTRY_OVERHEAD_BYTES for page in kept.pages)
        with self._lock:
            self._forget(key)
            if size > self._max_bytes or not any(page.tag for page in kept.pages):
                return
            self._kept[key] = kept
            self._sizes[key] = size
            self._size += size
            while self._size > self._max_bytes:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: str) -> None:
        if self._kept.pop(key, None) is not None:
            self._size -= self._sizes.pop(key)
