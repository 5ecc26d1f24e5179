"""Answers that the service need not send again.

An answer comes with a tag (`ETag`); asked with that tag, the service says in a few bytes that nothing has changed
(304), and what was decoded then is the answer now. A list is kept as a whole with the pages that it was made of: a 304
says nothing about the next page, so it is the page's own that is followed, and a list of which every page is
unchanged is the very same object as before.

One memory belongs to one client, so to one token: what one account may see never answers another. It lives in this
process and holds no secrets, since those are taken out the moment they arrive. No script changes what is kept: Lua gets
its values as text into a process of its own. Python gets the very rows, in `Records`, which has no way to write to them
but whose rows are plain objects: whoever hands them out as such (a list, a nested value) hands out a copy.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from kosmo_kernel.catalogue.http import PageRequest

MAX_BYTES = 64 << 20  # bytes of the bodies that what is kept was decoded from; as values they take four times as much
ENTRY_OVERHEAD_BYTES = 1000  # bytes that an answer costs beside its body


@dataclass(frozen=True, slots=True)
class CachedPage:
    """One answer.

    Parameters:
        request: what was asked for.
        content: its records as a list, or its one record.
        following: what to ask for next; None after the last page.
        tag: what the service calls this state of it, or None.
        size: bytes of its body.
    """

    request: PageRequest
    content: Any
    following: PageRequest | None
    tag: str | None
    size: int


@dataclass(frozen=True, slots=True)
class CachedList:
    """A whole answer, and the pages that it was made of."""

    pages: tuple[CachedPage, ...]
    data: Any

    def page(self, request: PageRequest, full: int | None) -> CachedPage | None:
        """What came for this request, if the service can be asked whether that is unchanged.

        A last page that is full may have a next one by now, with itself unchanged: it has to be read.

        Parameters:
            request: what is asked for.
            full: how many records make a page full, or None where that is not known.
        """
        page = next((page for page in self.pages if page.tag and page.request == request), None)
        if page is None or page.following or not isinstance(page.content, list):
            return page
        count = len(page.content)
        as_others = len(self.pages) > 1 and count >= len(self.pages[0].content)
        return None if full is None or count >= full or as_others else page


class ETagCache:
    """What was answered lately, least recently used out. Threads may share it.

    Parameters:
        most: bytes of bodies.
    """

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, CachedList] = OrderedDict()
        self._size = 0

    def find(self, key: str) -> CachedList | None:
        """What is kept under a key."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def keep(self, key: str, kept: CachedList) -> None:
        """Keep an answer in place of the one before, if it is worth it and there is room for it."""
        with self._lock:
            self._forget(key)
            if _size(kept) > self._most or not any(page.tag for page in kept.pages):
                return
            self._kept[key] = kept
            self._size += _size(kept)
            while self._size > self._most:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= _size(kept)


def _size(kept: CachedList) -> int:
    return sum(page.size + ENTRY_OVERHEAD_BYTES for page in kept.pages)
