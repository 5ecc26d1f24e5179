"""The thread pools in which calls are made: one of a session, and one of each account for lists of items.

A thread is started when there is work and no idle thread, and ends after `IDLE_SECONDS` without work. The threads are
daemons, so that an abandoned request cannot keep Python from exiting. An abandoned request may block its thread until
the service responds; after `abandon` that thread no longer counts against the limit of a run. A pool never has more
than `MAX_THREADS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

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
