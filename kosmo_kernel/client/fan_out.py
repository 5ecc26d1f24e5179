"""One call for every item of a list: some threads take item after item, and the one that ends it tells what was found.

No thread waits for another, so it goes on with however few there are. Of several items that fail the first in the list
counts, as in a plain loop: what comes before it is still waited for, and nothing behind it is begun.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kosmo_kernel.client.answer import Answer
from kosmo_kernel.client.progress import Cancelled
from kosmo_kernel.errors import ApiError


class FanOut:
    """Calls for the items of a list.

    Parameters:
        fetch: makes one.
        calls: the arguments of each.
        known: what need not be asked for: answers in the order of the calls, None where there is none.
        end: is told what ended it before its time, or None, and all that was found, in order; once.
        left: whether nobody waits for it any more.
        collect: errors of the service are found like answers; else the first ends it. Others always end it.
    """

    def __init__(
        self,
        fetch: Callable[[Mapping[str, Any]], Answer],
        calls: Sequence[Mapping[str, Any]],
        known: Sequence[Answer | None],
        end: Callable[[BaseException | None, Sequence[Answer | ApiError]], None],
        left: Callable[[], bool],
        *,
        collect: bool,
    ) -> None:
        self._fetch, self._calls, self._end, self._left, self._collect = fetch, calls, end, left, collect
        self._lock = threading.Lock()
        self._found: dict[int, Answer | ApiError] = {
            place: answer for place, answer in enumerate(known) if answer is not None
        }
        self._failed: BaseException | None = None
        self._wanted = [place for place in range(len(calls)) if place not in self._found]
        self._next = 0  # the first of those that was not begun
        self._stop = len(calls)  # behind the first item that failed
        self._under_way: set[int] = set()
        self._over = False

    def work(self) -> None:
        """Take item after item until none is left. For any number of threads; never raises."""
        while (place := self._begin()) is not None:
            try:
                self._done(place, self._fetch(self._calls[place]), None)
            except Cancelled:
                return  # and so do all others
            except ApiError as error:
                self._done(place, error, None if self._collect else error)
            except BaseException as error:  # noqa: BLE001 - it is told to whoever waits for the answer
                self._done(place, None, error)
        self._look()

    def _begin(self) -> int | None:
        with self._lock:
            if self._is_begun() or self._left():
                return None
            self._next += 1
            self._under_way.add(self._wanted[self._next - 1])
            return self._wanted[self._next - 1]

    def _is_begun(self) -> bool:
        """Whether all that is wanted is."""
        return self._next >= len(self._wanted) or self._wanted[self._next] >= self._stop

    def _done(self, place: int, found: Answer | ApiError | None, failed: BaseException | None) -> None:
        with self._lock:
            self._under_way.discard(place)
            if found is not None:
                self._found[place] = found
            if failed is not None and place < self._stop:
                self._stop, self._failed = place + 1, failed
        self._look()

    def _look(self) -> None:
        """End it when all that counts was found."""
        with self._lock:
            if self._over or not self._is_begun() or any(place < self._stop for place in self._under_way):
                return
            self._over = True
        if not self._left():
            self._end(self._failed, [self._found[place] for place in sorted(self._found)])
