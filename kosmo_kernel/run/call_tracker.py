"""Track the calls of one run: check and begin them in the run's thread, and log them in the order of their start.

Other threads make the calls and put the answers into a queue. The queue belongs to this run only, so an answer that
arrives after the run is ignored. `end` cancels the calls that are still under way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.client.progress import Progress, ProgressSnapshot
from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.lua.host import CallRequest, Prepared
from kosmo_kernel.results.result import CallRecord, Result
from kosmo_kernel.run.permission_gate import PermissionGate
from kosmo_kernel.run.progress_throttle import SWITCH, ProgressThrottle
from kosmo_kernel.settings.env import env_flag

if TYPE_CHECKING:
    from kosmo_kernel.client.dispatcher import BoundCall, CallAnswer, CallHandle, Dispatcher
    from kosmo_kernel.run.mcp_tools import BoundToolCall, McpTools, ToolAnswer, ToolCallHandle

BLOCKING = 0  # the number of a call for which the whole script waits
MAX_FAILURES_KEPT = 10_000  # collected failures per run
MAX_ITEMS_NAMED = 5  # failed items named in a note
SERVERS = "mcp"  # the first part of the full names of MCP servers' tools
FICTION = "Fictional data: the account in use is the demo."


@dataclass(slots=True)
class PendingCall:
    """A call under way: its log record, start time, handle, number of requests, and whether it uses the network."""

    call: CallRecord
    started: float
    handle: CallHandle | ToolCallHandle
    count: int
    remote: bool


class CallTracker:
    """The calls of one run.

    Parameters:
        caller: returns the dispatcher that makes the calls.
        result: the result to which calls, notes and costs are added.
        gate: the permission gate.
        on_progress: callback for the progress, see `ProgressThrottle`.
        dry_run: check and plan calls, and give empty answers.
        fresh: do not use cached answers.
        tools: makes the `McpTools` of the run; its argument is a callback for lines of text for the user.
    """

    def __init__(
        self,
        caller: Callable[[], Dispatcher],
        result: Result,
        gate: PermissionGate,
        on_progress: Callable[[ProgressSnapshot], None] | None = None,
        *,
        tools: Callable[[Callable[[str], None]], McpTools] | None = None,
        dry_run: bool = False,
        fresh: bool = False,
    ) -> None:
        self._caller, self._result, self._gate = caller, result, gate
        self._dry_run, self._fresh = dry_run, fresh
        self._on_progress = on_progress
        env_flag(SWITCH)  # raises an error for an invalid value before anything runs
        self._queue: SimpleQueue[tuple[int, CallAnswer | ToolAnswer | BaseException, float]] = SimpleQueue()
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._pending: dict[int, PendingCall] = {}
        self._counting = threading.Lock()
        self._coming = 0  # items of `parallel.map` that are begun, and whose first call is not yet
        self._total = self._done = 0  # calls; the progress counts items of `parallel.map` instead
        self._notes: list[tuple[CallRecord | None, str]] = []
        self._unread: list[tuple[CallRecord | None, str]] = []
        self._make_tools = tools
        self._tools: McpTools | None = None
        self._shown: list[tuple[str, bytes]] = []
        self._is_sent = False  # whether the dispatcher was used

    @cached_property
    def _progress(self) -> Progress:
        """The progress, made at the first call because most cells make none."""
        return Progress()

    @cached_property
    def _throttle(self) -> ProgressThrottle:
        return ProgressThrottle(self._progress, self._on_progress)

    def prepare(self, request: CallRequest) -> Prepared:
        """Check a call, and return what begins it.

        Raises:
            UnknownNameError: there is no such function.
            InvalidArgumentsError: the arguments are invalid; the message lists all mistakes.
            NotAllowedError: the permissions or the user do not allow the call.
            KeyboardInterrupt: the user interrupted the confirmation prompt.
        """
        integration_name, _, function_name = request.path.partition(".")
        if integration_name == SERVERS:
            return self._prepare_tool(request)
        named = accounts.canonical_reserved(request.account or accounts.DEFAULT)
        alias = named if named != accounts.DEFAULT else accounts.canonical_reserved(self._result.account)
        call = CallRecord(f"integrations.{request.path}", alias, 0.0, "ok")
        started = time.perf_counter()
        try:
            integration = integrations.find(integration_name)
            function = integration.function(function_name)
            values: Mapping[str, Any] | Sequence[Any] = request.positional if request.named is None else request.named
            bound_call = self._caller().bind(integration, function, call.account, values)
            self._gate.check(bound_call)
        except KosmoError as error:
            call.status, call.error = "error", error.message
            call.duration_ms = (time.perf_counter() - started) * 1000
            self._result.calls.append(call)
            raise
        if call.account == accounts.DEMO and named != accounts.DEMO and FICTION not in self._result.notes:
            self._result.notes.append(FICTION)
        return Prepared(
            len(bound_call.calls), partial(self._plan if self._dry_run else self._begin, call, bound_call, started)
        )

    def _prepare_tool(self, request: CallRequest) -> Prepared:
        """Check a call of an MCP server's tool, like `prepare`."""
        server = f"{SERVERS}.{request.account}" if request.account else SERVERS
        call = CallRecord(f"{server}.{request.path.removeprefix(f'{SERVERS}.')}", server, 0.0, "ok", requests=1)
        started = time.perf_counter()
        try:
            bound_call = self.tools.bound_call(request)
            call.path, call.account = bound_call.function, f"{SERVERS}.{bound_call.server.name}"
            self._gate.check_tool(bound_call)
        except KosmoError as error:
            call.status, call.error, call.requests = "error", error.message, 0
            call.duration_ms = (time.perf_counter() - started) * 1000
            self._result.calls.append(call)
            raise
        begin = self._plan_tool if self._dry_run else self._begin_tool
        return Prepared(1, partial(begin, call, bound_call, started))

    def _plan_tool(self, _call: CallRecord, bound_call: BoundToolCall, _started: float, number: int) -> None:
        self._result.planned.append(self.tools.plan(bound_call))
        self._queue.put((number, self.tools.nothing(), 0.0))

    def _begin_tool(self, call: CallRecord, bound_call: BoundToolCall, started: float, number: int) -> None:
        of_item = number != BLOCKING

        def on_result(answer: ToolAnswer | BaseException) -> None:
            self._progress.answered(None)
            if not of_item:
                self._progress.end()
            self._queue.put((number, answer, time.perf_counter()))

        self._progress.begin(call.account, self._coming if of_item else 1)
        if of_item:
            self._coming = 0
        self._total += 1
        self._result.calls.append(call)
        self._pending[number] = PendingCall(call, started, self.tools.begin(bound_call, on_result), 1, remote=True)

    @property
    def tools(self) -> McpTools:
        """The run's access to MCP servers, made at its first use.

        Raises:
            SettingsError: this run has no access to MCP servers.
        """
        if self._tools is None:
            if self._make_tools is None:
                raise SettingsError("MCP servers are not asked in this run.")
            self._tools = self._make_tools(self._lines.put)
        return self._tools

    def displays(self) -> list[tuple[str, bytes]]:
        """Return the outputs that came with answers since the last call, as pairs of a `display` form and content."""
        shown, self._shown = self._shown, []
        return shown

    def _plan(self, _call: CallRecord, bound_call: BoundCall, _started: float, number: int) -> None:
        from kosmo_kernel.client.dispatcher import empty

        self._result.planned += self._caller().plan(bound_call)
        self._queue.put((number, empty(bound_call), 0.0))

    def _begin(self, call: CallRecord, bound_call: BoundCall, started: float, number: int) -> None:
        from kosmo_kernel.client.dispatcher import CallHandle

        def on_result(answer: CallAnswer | BaseException) -> None:
            self._queue.put((number, answer, time.perf_counter()))

        def on_answer() -> None:
            with self._counting:
                call.requests += not self._progress.cancelled  # later responses are in no result

        of_item, count = number != BLOCKING, len(bound_call.calls)
        handle = CallHandle(
            self._progress, on_result, self._lines.put, on_answer, self._fresh, counts=not of_item, coming=self._coming
        )
        self._progress.begin(call.account, self._coming if of_item else count)
        if of_item:
            self._coming = 0
        self._total += count
        self._is_sent = True
        self._result.calls.append(call)
        self._pending[number] = PendingCall(call, started, handle, count, remote=call.account != accounts.DEMO)
        self._caller().begin(bound_call, handle)

    def items(self, coming: int, done: int) -> None:
        """Count items of `parallel.map` that are begun, before their calls, and items that are done."""
        self._coming += coming
        self._progress.end(done)

    def answers(self, seconds: float) -> list[tuple[int, list[Any] | KosmoError]]:
        """Return the new answers by the number of their call, waiting up to some seconds for the first one.

        Raises:
            Exception: an unexpected error in the thread that made a call.
        """
        since, remote = time.monotonic(), any(one.remote for one in self._pending.values())
        answers = list(self._queued(seconds))
        self._throttle.waited(since, remote=remote)
        return [(number, self._completed(number, answer, at)) for number, answer, at in answers]

    def _queued(self, seconds: float) -> Iterator[tuple[int, CallAnswer | ToolAnswer | BaseException, float]]:
        try:
            yield self._queue.get(timeout=seconds)
            while True:
                yield self._queue.get_nowait()
        except Empty:
            return

    def _completed(
        self, number: int, answer: CallAnswer | ToolAnswer | BaseException, at: float
    ) -> list[Any] | KosmoError:
        pending = self._pending.pop(number, None)
        if pending:
            self._done += pending.count
            pending.call.duration_ms = (at - pending.started) * 1000
        if isinstance(answer, BaseException):
            if pending:
                pending.call.status, pending.call.error = "error", str(answer)
            if not isinstance(answer, KosmoError):
                raise answer
            return answer
        if pending:
            pending.call.rows = answer.rows
            self._notes += [(pending.call, note) for note in answer.notes]
            self._shown += answer.shown
            if answer.failures:
                self.failures(_unread(answer.failures, pending.count), answer.failures, pending.call)
        return answer.values

    def failures(self, said: str, rows: Sequence[dict[str, Any]], call: CallRecord | None = None) -> None:
        """Add collected failures to the result: a line of text about them, and a row for each."""
        self._result.failures += rows[: MAX_FAILURES_KEPT - len(self._result.failures)]
        if len(self._unread) < MAX_FAILURES_KEPT:
            self._unread.append((call, said))

    def lines(self) -> Iterator[str]:
        """Yield the lines of text for the user that the threads have put out since the last call."""
        while not self._lines.empty():
            yield self._lines.get()

    def cancel(self, number: int) -> None:
        """Cancel a call by its number."""
        pending = self._pending.pop(number, None)
        if pending:
            pending.handle.cancel()
            self._done += min(pending.handle.answered, pending.count)  # of a list argument, some items may be done
            pending.call.status, pending.call.duration_ms = "dropped", (time.perf_counter() - pending.started) * 1000

    def end(self) -> tuple[list[str], list[str]]:
        """End the run, and cancel the calls that are under way.

        Returns:
            The notes for the user, and the notes on failed items; each in the order of the calls.
        """
        for number in list(self._pending):
            self.cancel(number)
        if self._total:
            self._progress.cancel()
            self._result.cost = replace(self._progress.snapshot(), done=self._done, total=self._total)
            self._throttle.end(self._result.cost)
        if self._is_sent:
            self._caller().end()
        places = {id(call): place for place, call in enumerate(self._result.calls)}
        for noted in filter(None, (self._notes, self._unread)):
            noted.sort(key=lambda one: places.get(id(one[0]), len(places)))
        return [note for _, note in self._notes], [note for _, note in self._unread]


def _unread(rows: Sequence[Mapping[str, Any]], count: int) -> str:
    """Return a line on the items of a list argument that could not be read: how many, which, and why."""
    argument = next(iter(rows[0]))  # its name is the first key
    items = f" {argument.removesuffix('_id')}s" if argument.endswith("_id") else ""
    named = [f"{row[argument]} ({row['status'] or ''} {row['id'] or row['type']})" for row in rows[:MAX_ITEMS_NAMED]]
    more = f" and {len(rows) - MAX_ITEMS_NAMED:,} more" if len(rows) > MAX_ITEMS_NAMED else ""
    return f"{len(rows):,} of {count:,}{items} could not be read: {', '.join(named)}{more}"
