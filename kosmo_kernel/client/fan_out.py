"""Make one call for each item of a list, in several threads.

Each thread takes item after item, and the one that finishes last passes the answers to a callback. No thread waits for
another, so any number of threads will do. If several items fail, the first one in the list counts, as in a plain loop:
the items before it are completed, and no item after it is begun.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from kosmo_kernel.errors import ApiError
from kosmo_kernel.progress.run import Cancelled

_Reply = TypeVar("_Reply")


class FanOut(Generic[_Reply]):
    """The calls for the items of a list.

    Parameters:
        fetch: makes one call.
        calls: the arguments of each call.
        known: answers that are known already, in the order of the calls; None for a call to make.
        end: called once, with the error that ended the calls early or None, and with all answers in order.
        is_cancelled: returns whether the calls were cancelled.
        collects: returns whether an error of the service counts as an answer. Otherwise it ends the calls, as other
            errors always do.
    """

    def __init__(
        self,
        fetch: Callable[[Mapping[str, Any]], _Reply],
        calls: Sequence[Mapping[str, Any]],
        known: Sequence[_Reply | None],
        end: Callable[[BaseException | None, Sequence[_Reply | ApiError]], None],
        is_cancelled: Callable[[], bool],
        *,
        collects: Callable[[ApiError], bool],
    ) -> None:
        self._fetch, self._calls, self._end = fetch, calls, end
        self._is_cancelled, self._collects = is_cancelled, collects
        self._lock = threading.Lock()
        self._answers: dict[int, _Reply | ApiError] = {
            index: answer for index, answer in enumerate(known) if answer is not None
        }
        self._failed: BaseException | None = None
        self._missing = [index for index in range(len(calls)) if index not in self._answers]
        self._next = 0  # index in `_missing` of the next call to begin
        self._stop = len(calls)  # index after the first failed item
        self._under_way: set[int] = set()
        self._over = False

    def work(self) -> None:
        """Make calls until none remains. Any number of threads may run it; it never raises."""
        while (index := self._begin()) is not None:
            try:
                self._done(index, self._fetch(self._calls[index]), None)
            except Cancelled:
                return  # all other threads stop as well
            except ApiError as error:
                self._done(index, error, None if self._collects(error) else error)
            except BaseException as error:  # noqa: BLE001 - passed to the callback
                self._done(index, None, error)
        self._end_if_complete()

    def _begin(self) -> int | None:
        with self._lock:
            if self._is_begun() or self._is_cancelled():
                return None
            self._next += 1
            self._under_way.add(self._missing[self._next - 1])
            return self._missing[self._next - 1]

    def _is_begun(self) -> bool:
        """Return whether all calls are begun that have to be."""
        return self._next >= len(self._missing) or self._missing[self._next] >= self._stop

    def _done(self, index: int, answer: _Reply | ApiError | None, failed: BaseException | None) -> None:
        with self._lock:
            self._under_way.discard(index)
            if answer is not None:
                self._answers[index] = answer
            if failed is not None and index < self._stop:
                self._stop, self._failed = index + 1, failed
        self._end_if_complete()

    def _end_if_complete(self) -> None:
        """Call `end` if all calls that count are complete."""
        with self._lock:
            if self._over or not self._is_begun() or any(index < self._stop for index in self._under_way):
                return
            self._over = True
        if not self._is_cancelled():
            self._end(self._failed, [self._answers[index] for index in sorted(self._answers)])
