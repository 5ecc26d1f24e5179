"""Run questions over one account: each in a Lua process of its own, several side by side, all with the same answers.

The sessions of the questions share services (`run/shared_services.py`), so that each list is requested once. Threads
run the questions, so that one waits for the service while another one computes. The thread that called shows the
progress of all of them, and ends them when it is interrupted.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel import accounts
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.progress.snapshot import ProgressSnapshot
from kosmo_kernel.progress.throttle import ProgressThrottle
from kosmo_kernel.questions.discovery import source_with_tables
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.options import Frontend, RunOptions
from kosmo_kernel.session import Session

if TYPE_CHECKING:
    from kosmo_kernel.run.shared_services import SharedServices

MAX_WORKERS = 6  # questions side by side; a Lua process takes 12 MB, and more of them do not make the service faster
POLL_INTERVAL_SECONDS = 0.1  # between two looks at the progress
_FUNCTION = re.compile(r"(?:get|list)_\w+")


class Chunk(NamedTuple):
    """The Lua that asks one question."""

    name: str  # in messages
    source: str
    inputs: Mapping[str, Any]


class ChunkOutcome(NamedTuple):
    """The result of a chunk, and the error that ended it, if one did."""

    result: Result | None
    error: KosmoError | None


class QuestionRun:
    """A run of questions."""

    def __init__(
        self, chunks: Mapping[int, Chunk], account: str, now: datetime, shared: SharedServices, frontend: Frontend
    ) -> None:
        self._chunks = chunks  # the Lua of each question, by its index
        self._account, self._now = account, now
        self._shared, self._frontend = shared, frontend  # the frontend gets the progress of the whole run
        self.outcomes: dict[int, ChunkOutcome] = {}  # of each chunk that was begun, by its index
        self.interrupted = False
        self.cost: ProgressSnapshot | None = None  # the calls and requests of the whole run; None if there were none
        self.seconds = 0.0
        self._waiting = deque(chunks)
        self._running: dict[int, Session | None] = {}  # the session of each chunk, once it has one
        self._lock = threading.Lock()
        self._crash: BaseException | None = None  # an unexpected error in a thread
        shared.needed_later = self._needed_later

    def run(self, is_cancelled: Callable[[], bool]) -> None:
        """Run the chunks in threads, until all have ended or the run is interrupted."""
        started = time.perf_counter()
        count = min(MAX_WORKERS, len(self._waiting))
        threads = [threading.Thread(target=self._work, name="kosmo-question", daemon=True) for _ in range(count)]
        throttle = ProgressThrottle(self._shared.progress, self._frontend.progress)
        remote = not accounts.is_demo(self._account)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    since = time.monotonic()
                    thread.join(POLL_INTERVAL_SECONDS)
                    throttle.waited(since, remote=remote)
                    if is_cancelled() and not self.interrupted:
                        self._interrupt()
        except KeyboardInterrupt:
            self._interrupt()
        finally:
            self._end(threads)
        if self._crash is not None:
            raise self._crash
        self._shared.progress.cancel()
        cost = self._shared.progress.snapshot()
        if cost.total:
            self.cost = cost
            throttle.end(cost)
        self.seconds = time.perf_counter() - started

    def _work(self) -> None:
        """Run chunks until none waits. The next Lua process starts while a chunk runs."""
        process: LuaProcess | None = None
        try:
            while (index := self._take()) is not None:
                with Session(self._account, process=process, shared=self._shared) as session:
                    session.start()
                    process = LuaProcess() if self._waiting else None
                    self.outcomes[index] = self._run_chunk(index, session)
                    self._forget_answers(index)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that called
            self._crash = error
        finally:
            if process is not None:
                process.close()

    def _take(self) -> int | None:
        with self._lock:
            if self.interrupted or not self._waiting:
                return None
            index = self._waiting.popleft()
            self._running[index] = None
            return index

    def _run_chunk(self, index: int, session: Session) -> ChunkOutcome:
        """Run one chunk in a fresh session."""
        chunk = self._chunks[index]
        try:
            with session.expecting_run():
                with self._lock:
                    self._running[index] = session
                    is_interrupted = self.interrupted
                if is_interrupted:
                    session.interrupt()
                options = RunOptions(name=chunk.name, inputs=chunk.inputs, now=self._now)
                return ChunkOutcome(session.execute(chunk.source, options), None)
        except KosmoError as error:
            return ChunkOutcome(error.result, error)

    def _forget_answers(self, index: int) -> None:
        """Forget the answers that only one chunk needed: those of functions that no other text has any more."""
        with self._lock:
            del self._running[index]
        needed = {name.replace("_", "") for name in self._needed_later()}  # `list_add_ons` is `list_addons`
        self._shared.keep_only(lambda name: name.replace("_", "") in needed)

    def _needed_later(self) -> set[str]:
        """Return the names of functions in the texts of the chunks that have not ended."""
        with self._lock:
            indexes = [*self._waiting, *self._running]
        return {name for index in indexes for name in self._names[index]}

    @cached_property
    def _names(self) -> dict[int, set[str]]:
        """The words that may be names of functions, of each chunk and of the tables that it uses."""
        return {
            index: set(_FUNCTION.findall(source_with_tables(chunk.source))) for index, chunk in self._chunks.items()
        }

    def _interrupt(self) -> None:
        """Stop all chunks; those that run end as interrupted."""
        self.interrupted = True
        with self._lock:
            running = [session for session in self._running.values() if session]
        self._shared.progress.cancel()
        for session in running:
            session.interrupt()

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for the threads after an interrupt; another interrupt ends their Lua processes."""
        try:
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        except KeyboardInterrupt:
            with self._lock:
                running = [session for session in self._running.values() if session]
            for session in running:
                session.interrupt()
            raise
