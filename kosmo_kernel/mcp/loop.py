"""The event loop that all MCP servers of a session share, in a background thread.

Waking the thread costs as much as a small call, so coroutines submitted before it has woken are started in one batch.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Loop:
    """An event loop in a background thread, which starts with the first coroutine. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pending: list[tuple[Coroutine[Any, Any, Any], Future[Any]]] = []

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the loop and return its future. Cancelling the future cancels the coroutine."""
        future: Future[T] = Future()
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="kosmo-mcp", daemon=True)
                self._thread.start()
            self._pending.append((work, future))
            if len(self._pending) == 1:
                self._loop.call_soon_threadsafe(self._start, self._loop)
        return future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the pending coroutines. Runs in the loop."""
        with self._lock:
            pending, self._pending = self._pending, []
        for work, future in pending:
            _begin(work, future, loop)

    def close(self) -> None:
        """Cancel all running coroutines and stop the thread."""
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
    """Run a coroutine in a task, pass its result to the future, and cancel the task when the future is cancelled."""

    def cancelled_before_start(_task: asyncio.Task[None]) -> None:
        work.close()
        future.cancel()

    async def run() -> None:
        # The future is set here and not in a done callback, which would run one iteration of the loop later.
        task.remove_done_callback(cancelled_before_start)
        try:
            result = await work
        except asyncio.CancelledError:
            future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - `future.result()` raises it
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(result)

    def cancel_task(future: Future[T]) -> None:
        if future.cancelled() and not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    task = loop.create_task(run())
    task.add_done_callback(cancelled_before_start)
    future.add_done_callback(cancel_task)
