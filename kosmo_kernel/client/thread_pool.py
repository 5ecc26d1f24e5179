"""Threads that make calls.

A thread is started when there is work and none is idle, and ends after a while without work. They are daemons, since a
request that nobody waits for any more must not keep Python from ending. Such a request may still hold its thread for as
long as the service keeps silent; once its run has ended (`write_off`) that thread no longer counts, so that the next
run has as many as ever. There are never more than `MOST` in all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

MAX_THREADS_PER_RUN = 64  # threads for one run
MAX_THREADS = 256
IDLE_SECONDS = 20.0  # seconds that a thread waits for work


class ThreadPool:
    """Threads that take work in the order in which it comes. Work must not raise."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._queued = self._idle = self._threads = self._lost = 0
        self._era = 0

    def __len__(self) -> int:
        """How many threads there are."""
        return self._threads

    def submit(self, work: Callable[[], None]) -> None:
        """Have a thread do this soon."""
        with self._lock:
            self._queued += 1
            starts = (
                self._queued > self._idle
                and self._threads - self._lost < MAX_THREADS_PER_RUN
                and self._threads < MAX_THREADS
            )
            if starts:
                self._threads += 1
                self._idle += 1
            self._work.put(work)  # under the lock, or a thread that ends for want of work would not see this
        if starts:
            threading.Thread(target=self._run, name="kosmo-call", daemon=True).start()

    def abandon(self) -> None:
        """A run is over: whoever is still at work does it for nobody. Work that waits has to see that for itself."""
        with self._lock:
            self._era += 1
            self._lost = self._threads - self._idle

    def close(self) -> None:
        """Have every thread end when it has nothing left to do."""
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
                        continue  # it came at the last moment
                    self._idle -= 1
                    self._threads -= 1
                    return
                self._queued -= 1
                self._idle -= 1
                era = self._era
            work()
            with self._lock:
                if era != self._era:
                    self._lost = max(0, self._lost - 1)
                if self._threads - self._lost > MAX_THREADS_PER_RUN:  # it was written off, and replaced
                    self._threads -= 1
                    return
                self._idle += 1
