"""The threads that make calls, and one call for every item of a list."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

import pytest
from altered_api import soon
from patience import PATIENCE

from kosmo_kernel.client import fan_out as threads
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.fan_out import FanOut, ThreadPool
from kosmo_kernel.errors import RefusedError, SettingsError
from kosmo_kernel.progress.run import Cancelled

# The pool ------------------------------------------------------------------------------------------------


class Held:
    """Work that waits until it may go on, and counts."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self._changed = threading.Condition()
        self.begun = self.done = 0

    def __call__(self) -> None:
        with self._changed:
            self.begun += 1
            self._changed.notify_all()
        self.go.wait(PATIENCE)
        with self._changed:
            self.done += 1
            self._changed.notify_all()

    def wait_for(self, begun: int = 0, done: int = 0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.begun >= begun and self.done >= done, PATIENCE)


def until(true: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.001)):
        if true():
            return
        threading.Event().wait(0.001)
    pytest.fail("it did not come to pass")


def test_a_thread_is_started_only_when_none_is_idle() -> None:
    pool, work = ThreadPool(), Held()
    work.go.set()
    for count in range(1, 6):
        pool.submit(work)
        work.wait_for(done=count)
        until(lambda: pool._idle == len(pool))

    assert len(pool) == 1
    pool.close()


def test_there_are_no_more_threads_than_may_work_at_once_and_the_rest_waits() -> None:
    pool, work = ThreadPool(), Held()
    for _ in range(100):
        pool.submit(work)
    work.wait_for(begun=threads.MAX_THREADS_PER_RUN)

    assert (len(pool), work.begun) == (threads.MAX_THREADS_PER_RUN, threads.MAX_THREADS_PER_RUN)
    work.go.set()
    work.wait_for(done=100)
    pool.close()


def test_threads_that_are_written_off_make_room_for_others_up_to_a_limit() -> None:
    pool, lost, work = ThreadPool(), Held(), Held()
    for _ in range(10):
        for _ in range(threads.MAX_THREADS_PER_RUN):
            pool.submit(lost)
        until(lambda: not pool._work.qsize() or len(pool) == threads.MAX_THREADS)
        pool.abandon()

    assert len(pool) == threads.MAX_THREADS
    lost.go.set()
    work.go.set()
    lost.wait_for(done=10 * threads.MAX_THREADS_PER_RUN)
    pool.submit(work)
    work.wait_for(done=1)
    until(lambda: len(pool) <= threads.MAX_THREADS_PER_RUN)
    pool.close()


def test_idle_threads_end_by_themselves_and_at_the_close(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Held()
    work.go.set()
    closed = ThreadPool()
    closed.submit(work)
    work.wait_for(done=1)
    closed.close()
    until(lambda: len(closed) == 0)
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.01)
    idle = ThreadPool()
    idle.submit(work)
    until(lambda: len(idle) == 0)
    idle.submit(work)
    work.wait_for(done=3)


def test_work_that_comes_as_the_last_thread_ends_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(SimpleQueue[Any]):
        """Gives work when the idle thread has ended for want of it, unless the thread has to wait with that."""

        def put(self, item: Any, *_: Any) -> None:
            while any(thread.is_alive() for thread in idle) and not pool._lock.locked():
                threading.Event().wait(0.001)
            super().put(item)

    work, idle, others = Held(), set[threading.Thread](), set(threading.enumerate())
    work.go.set()
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.2)
    pool = ThreadPool()
    pool._work = Late()
    pool.submit(work)
    work.wait_for(done=1)
    idle |= set(threading.enumerate()) - others
    pool.submit(work)
    work.wait_for(done=2)
    pool.close()


# One call for every item ---------------------------------------------------------------------------------

Found = tuple[BaseException | None, list[Any]]


def answer(value: int) -> Reply:
    return Reply([[{"value": value}]], 1)


def fanned_out(fetch: Callable[[int], Any], count: int, workers: int = 4, *, collect: bool = False) -> list[Found]:
    """Return what a fan-out tells, in a list of one."""
    told: list[Found] = []

    def fetched(args: Mapping[str, Any]) -> Reply:
        return answer(fetch(args["n"]))

    calls = [{"n": n} for n in range(count)]
    known = [None] * count
    one = FanOut(fetched, calls, known, lambda *all_: told.append(all_), lambda: False, collects=lambda _: collect)
    for thread in [soon(one.work) for _ in range(workers)]:
        thread.join(PATIENCE)
    return told


def values(found: Found) -> list[Any]:
    return [row["value"] for one in found[1] for row in one.data]


@pytest.mark.parametrize(("count", "workers"), [(0, 1), (1, 3), (100, 1), (100, 7)])
def test_all_is_found_in_the_order_of_the_items_and_told_once(count: int, workers: int) -> None:
    told = fanned_out(lambda n: n * n, count, workers)

    assert [(failed, values((failed, found))) for failed, found in told] == [(None, [n * n for n in range(count)])]


def test_what_is_known_is_not_asked_for() -> None:
    told: list[Found] = []
    asked: list[int] = []

    def fetched(args: Mapping[str, Any]) -> Reply:
        asked.append(args["n"])
        return answer(args["n"])

    known = [answer(0), None, answer(2), None, answer(4)]
    calls = [{"n": n} for n in range(5)]
    FanOut(fetched, calls, known, lambda *all_: told.append(all_), lambda: False, collects=lambda _error: False).work()

    assert (asked, values(told[0])) == ([1, 3], [0, 1, 2, 3, 4])


def test_the_first_of_several_failures_counts_though_another_comes_first() -> None:
    later = threading.Event()

    def fetch(n: int) -> int:
        if n == 1:
            later.wait(PATIENCE)
            raise RefusedError("one")
        if n == 2:
            later.set()
            raise RefusedError("two")
        return n

    failed, _ = fanned_out(fetch, 1000)[0]

    assert str(failed) == "one"


def test_after_a_failure_nothing_more_is_begun() -> None:
    asked: list[int] = []

    def fetch(n: int) -> int:
        asked.append(n)
        raise RefusedError("no")

    fanned_out(fetch, 1000, workers=1)

    assert asked == [0]


def test_failures_of_the_service_can_be_found_like_answers_and_others_cannot() -> None:
    def refused(n: int) -> int:
        if n % 2:
            raise RefusedError(f"no {n}")
        return n

    def unset(n: int) -> int:
        if n == 3:
            raise SettingsError("unset")
        return refused(n)

    failed, found = fanned_out(refused, 4, collect=True)[0]

    assert (failed, [str(one) if isinstance(one, RefusedError) else one.data for one in found]) == (
        None,
        [[{"value": 0}], "no 1", [{"value": 2}], "no 3"],
    )
    assert str(fanned_out(unset, 9, collect=True)[0][0]) == "unset"


def test_a_run_that_has_ended_is_told_nothing() -> None:
    def fetch(_n: int) -> int:
        raise Cancelled

    assert fanned_out(fetch, 100) == []
