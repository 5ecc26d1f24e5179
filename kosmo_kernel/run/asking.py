"""One run's calls: checked and begun in the thread of the run, made in others, and logged in the order of their begin.

The threads that make them put what was found into a box that belongs to this run alone, so what comes after its end is
seen by nobody. `end` cancels what is still under way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.lua.host import Prepared
from kosmo_kernel.progress import Progress
from kosmo_kernel.result import Call, Result
from kosmo_kernel.run.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kosmo_kernel.calls import Asker, CallAnswer, Caller, Order
    from kosmo_kernel.lua.host import CallRequest
    from kosmo_kernel.progress import Snapshot

BLOCKING = 0  # the number of a call that the script itself waits for
FAILURES_MOST = 10_000  # collected failures of one run that are kept
FICTION = "Fictional data: the account in use is the demo."


@dataclass(slots=True)
class _Begun:
    """A call under way: its line in the log, since when, who asks, of how many requests, and whether over a network."""

    call: Call
    started: float
    asker: Asker
    count: int
    remote: bool


class Asking:
    """What one run asks of services.

    Parameters:
        caller: gives who sends the requests.
        result: where calls, notes and costs are noted.
        on_progress: is told how far it is, see `Telling`.
        dry_run: calls are checked and planned, and answered with nothing.
        fresh: answers that were kept from before will not do.
    """

    def __init__(
        self,
        caller: Callable[[], Caller],
        result: Result,
        on_progress: Callable[[Snapshot], None] | None = None,
        *,
        dry_run: bool = False,
        fresh: bool = False,
    ) -> None:
        self._caller, self._result = caller, result
        self._dry_run, self._fresh = dry_run, fresh
        self._progress = Progress()
        self._telling = Telling(self._progress, on_progress)
        self._box: SimpleQueue[tuple[int, CallAnswer | BaseException, float]] = SimpleQueue()
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._begun: dict[int, _Begun] = {}
        self._coming = 0  # items that are begun, before their first call is
        self._total = self._done = 0  # calls; the progress knows items of `parallel.map` instead
        self._notes: list[tuple[Call | None, str]] = []

    def prepare(self, request: CallRequest) -> Prepared:
        """Check a call.

        Raises:
            UnknownNameError: there is no such function.
            InvalidArgumentsError: all mistakes in one message.
        """
        integration_name, _, function_name = request.path.partition(".")
        named = accounts.plain(request.account or accounts.DEFAULT)
        alias = named if named != accounts.DEFAULT else accounts.plain(self._result.account)
        call = Call(f"integrations.{request.path}", alias, 0.0, "ok")
        started = time.perf_counter()
        try:
            integration = integrations.find(integration_name)
            function = integration.function(function_name)
            values: Mapping[str, Any] | Sequence[Any] = request.positional if request.named is None else request.named
            order = self._caller().order(integration, function, call.account, values)
        except KosmoError as error:
            call.status, call.error = "error", error.message
            call.duration_ms = (time.perf_counter() - started) * 1000
            self._result.calls.append(call)
            raise
        if call.account == accounts.DEMO and named != accounts.DEMO and FICTION not in self._result.notes:
            self._result.notes.append(FICTION)
        return Prepared(len(order.calls), partial(self._plan if self._dry_run else self._begin, call, order, started))

    def _plan(self, _call: Call, order: Order, _started: float, number: int) -> None:
        from kosmo_kernel.calls import empty  # noqa: PLC0415 - it brings the HTTP library

        self._result.planned += self._caller().plan(order)
        self._box.put((number, empty(order), 0.0))

    def _begin(self, call: Call, order: Order, started: float, number: int) -> None:
        from kosmo_kernel.calls import Asker  # noqa: PLC0415 - as above

        def hear(answer: CallAnswer | BaseException) -> None:
            self._box.put((number, answer, time.perf_counter()))

        of_item, count = number != BLOCKING, len(order.calls)
        asker = Asker(self._progress, hear, self._lines.put, self._fresh, counts=not of_item, coming=self._coming)
        self._progress.begin(call.account, self._coming if of_item else count)
        if of_item:
            self._coming = 0
        self._total += count
        self._result.calls.append(call)
        self._begun[number] = _Begun(call, started, asker, count, remote=call.account != accounts.DEMO)
        self._caller().begin(order, asker)

    def items(self, coming: int, done: int) -> None:
        """Of lists of the script's so many items more are begun, and so many done; their calls follow."""
        self._coming += coming
        self._progress.end(done)

    def answers(self, seconds: float) -> list[tuple[int, list[Any] | KosmoError]]:
        """What was answered, waiting for at most so long when nothing was yet.

        Raises:
            Exception: a fault of ours, in the thread that made a call.
        """
        since, remote = time.monotonic(), any(one.remote for one in self._begun.values())
        found = list(self._boxed(seconds))
        self._telling.waited(since, remote=remote)
        return [(number, self._noted(number, answer, at)) for number, answer, at in found]

    def _boxed(self, seconds: float) -> Iterator[tuple[int, CallAnswer | BaseException, float]]:
        try:
            yield self._box.get(timeout=seconds)
            while True:
                yield self._box.get_nowait()
        except Empty:
            return

    def _noted(self, number: int, answer: CallAnswer | BaseException, at: float) -> list[Any] | KosmoError:
        begun = self._begun.pop(number, None)
        if begun:
            self._done += begun.count
            begun.call.duration_ms = (at - begun.started) * 1000
        if isinstance(answer, BaseException):
            if begun:
                begun.call.status, begun.call.error = "error", str(answer)
            if not isinstance(answer, KosmoError):
                raise answer
            return answer
        if begun:
            begun.call.rows, begun.call.requests = answer.rows, answer.requests
            self._notes += [(begun.call, note) for note in answer.notes]
            if answer.failures:
                self.failures(
                    f"{len(answer.failures):,} of {begun.count:,} could not be read", answer.failures, begun.call
                )
        return answer.values

    def failures(self, what: str, rows: Sequence[dict[str, Any]], call: Call | None = None) -> None:
        """Something failed and was collected: what it is in a few words, and the first of it."""
        room = FAILURES_MOST - len(self._result.failures)
        if room > 0:
            self._result.failures += rows[:room]
            self._notes.append((call, f"{what}: {rows[0].get('message')}" if rows else what))

    def lines(self) -> Iterator[str]:
        """What is to be told people at once: what the threads had to say since."""
        while not self._lines.empty():
            yield self._lines.get()

    def drop(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        begun = self._begun.pop(number, None)
        if begun:
            begun.asker.gone = True
            self._done += min(begun.asker.answered, begun.count)  # a part of a list
            begun.call.status, begun.call.duration_ms = "dropped", (time.perf_counter() - begun.started) * 1000

    def end(self) -> list[str]:
        """The run is over: what is under way is cancelled. Returns what people should know, in order of the calls."""
        for number in list(self._begun):
            self.drop(number)
        self._progress.cancel()
        if self._total:
            self._result.cost = replace(self._progress.snapshot(), done=self._done, total=self._total)
            self._telling.end(self._result.cost)
            self._caller().end()
        places = {id(call): place for place, call in enumerate(self._result.calls)}
        self._notes.sort(key=lambda noted: places.get(id(noted[0]), len(places)))
        return [note for _, note in self._notes]
