"""The one event loop that all servers of a session live in, in a thread of its own.

Waking a thread costs as much as a small call, so what is begun while it has not yet woken goes along with what woke it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Loop:
    """An event loop in the background. Its thread starts with the first thing to do; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._coming: list[tuple[Coroutine[Any, Any, Any], Future[Any]]] = []

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have something done. Cancelling the future cancels that."""
        future: Future[T] = Future()
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="kosmo-mcp", daemon=True)
                self._thread.start()
            self._coming.append((work, future))
            if len(self._coming) == 1:
                self._loop.call_soon_threadsafe(self._start, self._loop)
        return future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start what has come; in the loop."""
        with self._lock:
            coming, self._coming = self._coming, []
        for work, future in coming:
            _begin(work, future, loop)

    def close(self) -> None:
        """End the thread. What was not done by then is cancelled."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _begin(work: Coroutine[Any, Any, T], future: Future[T], loop: asyncio.AbstractEventLoop) -> None:
    """Do something in a task, tell its future how it ended, and end it when that is cancelled."""

    def never_begun(_task: asyncio.Task[None]) -> None:
        work.close()
        future.cancel()

    async def carried() -> None:
        # Told from here and not by a callback of the task: that is a turn of the loop, which the answer waits for.
        task.remove_done_callback(never_begun)
        try:
            result = await work
        except asyncio.CancelledError:
            future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where the future is waited for
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(result)

    def left(future: Future[T]) -> None:
        if future.cancelled() and not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    task = loop.create_task(carried())
    task.add_done_callback(never_begun)
    future.add_done_callback(left)
