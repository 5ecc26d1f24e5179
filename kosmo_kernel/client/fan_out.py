"""Make many calls: one for each item of a list, in several threads, or all of them from lists of the whole account.

The add-ons of five hundred apps would take five hundred requests; three lists have the same data: all apps, all
add-ons, and which app uses which add-on. An item that the lists do not settle gets a call of its own: one that is not
in the list of items, or that uses a record which the account cannot list. So answers and errors are those of the single
calls.

Each thread of a `FanOut` takes item after item, and the one that finishes last passes the answers to a callback. No
thread waits for another, so any number of threads will do. If several items fail, the first one in the list counts, as
in a plain loop: the items before it are completed, and no item after it is begun.

A thread of a `ThreadPool` is started when there is work and no idle thread, and ends after a while without work. The
threads are daemons, so that an abandoned request cannot keep Python from exiting. It may block its thread until the
service responds; after `abandon` that thread no longer counts against the limit of a run.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from kosmo_kernel.catalogue import BulkSource, Function, Link
from kosmo_kernel.client.call import Reply
from kosmo_kernel.errors import ApiError, NotRecordedError
from kosmo_kernel.progress.run import Cancelled
from kosmo_kernel.text import value_at

_Reply = TypeVar("_Reply")


class FanOut(Generic[_Reply]):
    """The calls for the items of a list.

    Parameters:
        fetch: makes one call.
        calls: the arguments of each call.
        replies: answers that are known already, in the order of the calls; None for a call to make.
        end: called once, with the error that ended the calls early or None, and with all answers in order.
        is_cancelled: returns whether the calls were cancelled.
        collects: returns whether an error of the service counts as an answer. Otherwise it ends the calls, as other
            errors always do.
    """

    def __init__(
        self,
        fetch: Callable[[Mapping[str, Any]], _Reply],
        calls: Sequence[Mapping[str, Any]],
        replies: Sequence[_Reply | None],
        end: Callable[[BaseException | None, Sequence[_Reply | ApiError]], None],
        is_cancelled: Callable[[], bool],
        *,
        collects: Callable[[ApiError], bool],
    ) -> None:
        self._fetch, self._calls, self._end = fetch, calls, end
        self._is_cancelled, self._collects = is_cancelled, collects
        self._lock = threading.Lock()
        self._answers: dict[int, _Reply | ApiError] = {
            index: answer for index, answer in enumerate(replies) if answer is not None
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


MAX_THREADS_PER_RUN = 64
MAX_THREADS = 256
IDLE_SECONDS = 20.0  # without work, after which a thread ends


class ThreadPool:
    """A pool of threads that run work in the order of submission. Work must not raise."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._queued = self._idle = self._threads = self._abandoned = 0
        self._generation = 0

    def __len__(self) -> int:
        """Return the number of threads."""
        return self._threads

    def submit(self, work: Callable[[], None]) -> None:
        """Run some work in a thread as soon as one is free."""
        with self._lock:
            self._queued += 1
            needs_thread = (
                self._queued > self._idle
                and self._threads - self._abandoned < MAX_THREADS_PER_RUN
                and self._threads < MAX_THREADS
            )
            if needs_thread:
                self._threads += 1
                self._idle += 1
            self._work.put(work)  # under the lock, or an idle thread could end without seeing it
        if needs_thread:
            threading.Thread(target=self._run, name="kosmo-call", daemon=True).start()

    def abandon(self) -> None:
        """End a run: busy threads no longer count against the limit. Queued work must check itself for cancellation."""
        with self._lock:
            self._generation += 1
            self._abandoned = self._threads - self._idle

    def close(self) -> None:
        """Let every thread end when the queue is empty."""
        with self._lock:
            for _ in range(self._threads):
                self._work.put(None)

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=IDLE_SECONDS)
            except Empty:
                work = None
            with self._lock:
                if work is None:
                    if self._queued and self._work.qsize():
                        continue  # work arrived during the timeout
                    self._idle -= 1
                    self._threads -= 1
                    return
                self._queued -= 1
                self._idle -= 1
                generation = self._generation
            work()
            with self._lock:
                if generation != self._generation:
                    self._abandoned = max(0, self._abandoned - 1)
                if self._threads - self._abandoned > MAX_THREADS_PER_RUN:  # it was abandoned and replaced
                    self._threads -= 1
                    return
                self._idle += 1


# Minimum number of calls per page of the list of items for which the lists take fewer requests: each such page comes
# with a few pages of records and links.
CALLS_PER_LIST_PAGE = 8


def answer_from_lists(
    function: Function, calls: Sequence[Mapping[str, Any]], fetch: Callable[[Function], Reply]
) -> list[Reply | None]:
    """Answer many calls of one function from a few lists of the whole account.

    Parameters:
        function: one of the integration's.
        calls: the arguments of each call, as `function.calls` gives them.
        fetch: calls a function without arguments.

    Returns:
        For each call the answer that `Client.fetch` would give, or None if the call has to be made by itself: for few
        calls, for functions without such lists, where one of the lists cannot be read, and for items that the lists
        do not settle. The first answer has the number of requests for all of them.
    """
    link = function.link(calls[0]) if calls else None
    bulk = link.bulk if link else None
    many = next((param for param in function.params if link and param.name in link.placeholders and param.each), None)
    if bulk is None or many is None or len(calls) < CALLS_PER_LIST_PAGE:
        return [None] * len(calls)
    try:
        lists = [fetch(bulk.list_items)]
        if len(calls) < CALLS_PER_LIST_PAGE * lists[0].requests:
            return [None] * len(calls)
        lists.append(fetch(replace(function, links=(Link(bulk.path),), params=())))
        if bulk.shared_links:
            lists.append(fetch(bulk.shared_links))
    except (ApiError, NotRecordedError):  # there may be no list of the whole account: each call is on its own
        return [None] * len(calls)
    replies: list[Reply | None] = []
    requests = sum(reply.requests for reply in lists)
    notes = tuple(note for reply in lists for note in reply.notes)
    names, data = [call[many.name] for call in calls], [list(reply.data) for reply in lists]
    for rows in records_of_items(bulk, many.each, names, data):
        if rows is None:
            replies.append(None)
            continue
        replies.append(Reply([rows], requests, lists[-1].remaining, notes))
        requests, notes = 0, ()  # the first reply has the cost of all
    return replies


def records_of_items(
    bulk: BulkSource, each: Sequence[str], item_names: Iterable[Any], lists: Sequence[Sequence[Any]]
) -> Iterator[list[Any] | None]:
    """Yield the records of each item, or None if the lists do not settle it.

    Parameters:
        bulk: describes the lists.
        each: the fields of an item that name it.
        item_names: one name of each item.
        lists: all items, all records, and with `shared_links` what links records to further items.
    """
    items, records, *links = lists
    key = bulk.item.rpartition(".")[2]  # identifies an item in the records
    names = {item.get(name): item.get(key) for item in items for name in each}
    indices, unsettled = _indices(bulk, records, links[0] if links else [])
    for name in item_names:
        item = names.get(name)
        yield None if item is None or item in unsettled else [records[index] for index in sorted(indices[item])]


def _indices(bulk: BulkSource, records: Sequence[Any], links: Sequence[Any]) -> tuple[Mapping[Any, set[int]], set[Any]]:
    """Return the indices of each item's records, and the items that use records outside the list."""
    indices: defaultdict[Any, set[int]] = defaultdict(set)
    unsettled: set[Any] = set()
    for index, record in enumerate(records):
        indices[value_at(record, bulk.item)].add(index)
    index_of = {record.get("id"): index for index, record in enumerate(records)}
    for link in links:
        item, record = value_at(link, bulk.link_item), value_at(link, bulk.link_record)
        if record in index_of:
            indices[item].add(index_of[record])
        else:
            unsettled.add(item)
    return indices, unsettled
