"""Track the calls of one run: check and begin them in the run's thread, and log them in the order of their start.

Functions of services only read, and the scope of a token decides what it can read. A call of an MCP server's tool may
need the user's consent (`consent.py`).

Other threads make the calls and put the answers into a queue. The queue belongs to this run only, so an answer that
arrives after the run is ignored. `end` cancels the calls that are still under way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from kosmo_kernel.accounts import is_demo
from kosmo_kernel.calls.output import RunOutput
from kosmo_kernel.calls.provider import ServiceCall
from kosmo_kernel.client.call import BLOCKING, SPACE, CallHandle, CallRequest, DeletedItem, Reply
from kosmo_kernel.errors import KosmoError, StoppedError
from kosmo_kernel.results import MAX_ITEMS_NAMED, CallRecord, Result, deletion_notes
from kosmo_kernel.settings.cell_options import NO_OPTIONS, Options
from kosmo_kernel.settings.table import PROGRESS
from kosmo_kernel.text import Moment, counted, listed
from kosmo_kernel.values.records import FAILURE_FIELDS, failure_of

if TYPE_CHECKING:
    from kosmo_kernel.archive.store import Reading
    from kosmo_kernel.calls.provider import BoundCall, Provider
    from kosmo_kernel.calls.services import Services
    from kosmo_kernel.mcp.run_tools import McpTools
    from kosmo_kernel.progress.display import ProgressSnapshot, ProgressThrottle
    from kosmo_kernel.progress.run import Progress

MAX_FAILURES_KEPT = 10_000  # collected failures per run
POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation of a single call


class PendingCall(CallHandle, eq=False, kw_only=True):
    """A call of a run, from its check to its answer."""

    record: CallRecord  # its entry in the log
    started: float  # the time when it was checked
    calls: int  # the number of requests that it counts as
    remote: bool  # whether it uses the network
    bound: ServiceCall | None = None  # the call of a service
    begin: Callable[[int], None] = lambda _number: None  # starts it under a number
    number: int = BLOCKING  # the number, once it is started


class CallTracker:
    """The calls of one run.

    Parameters:
        make_services: returns the `Services` of the session.
        make_tools: makes the `McpTools` of the run, with a callback for lines of text for the user.
        result: the result to which calls, notes and costs are added.
        output: shows what comes with answers.
        options: the options of the run; `dry_run` checks and plans calls, and gives empty answers.
        on_progress: callback for the progress, see `ProgressThrottle`.
        is_named: returns whether the user has named an item himself, in a script or as an input.
    """

    def __init__(
        self,
        make_services: Callable[[], Services],
        make_tools: Callable[[Callable[[str], None]], McpTools],
        result: Result,
        output: RunOutput,
        *,
        options: Options = NO_OPTIONS,
        on_progress: Callable[[ProgressSnapshot], None] | None = None,
        is_named: Callable[[object], bool] = lambda _item: False,
    ) -> None:
        PROGRESS.from_env()  # raises an error for an invalid value before anything runs
        self._make_services, self._make_tools = make_services, make_tools
        self._result, self.output = result, output
        self._on_progress, self._is_named = on_progress, is_named
        self._dry_run, self._fresh, self._later = options.dry_run, options.fresh, options.later
        self._ask_again = options.ask_again
        self._began = Moment.now()
        self._reading: Reading | None = options.reading
        self._readings: dict[int, Reading] = {}  # of the tables that a script uses
        self._queue: SimpleQueue[tuple[PendingCall, Reply | BaseException, float]] = SimpleQueue()
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._pending: dict[int, PendingCall] = {}
        self._counting = threading.Lock()
        self._coming = 0  # items of `parallel.map` that are begun, and whose first call is not yet
        self._total = self._done = 0  # calls; the progress counts items of `parallel.map` instead
        self._notes: list[tuple[CallRecord | None, str]] = []
        self._unread: list[tuple[CallRecord | None, str]] = []
        # By the id of a refusal: where its line is in `_unread`, and the calls of which all items were refused.
        self._refused: dict[str, tuple[int, list[str]]] = {}

    @cached_property
    def _progress(self) -> Progress:
        """The progress, made at the first call because most cells make none."""
        from kosmo_kernel.progress.run import Progress

        return Progress(later=lambda: self._later)

    @cached_property
    def _throttle(self) -> ProgressThrottle | None:
        from kosmo_kernel.progress.display import ProgressThrottle

        return ProgressThrottle(self._progress.snapshot, self._on_progress) if self._on_progress else None

    @cached_property
    def _services(self) -> Services:
        return self._make_services()

    @cached_property
    def tools(self) -> McpTools:
        """The run's access to MCP servers, made at its first use.

        Raises:
            SettingsError: this run has no access to MCP servers.
        """
        return self._make_tools(self._lines.put)

    def _reading_of(self, request: CallRequest) -> Reading | None:
        """Return the reading of the question that makes a call; None for a call of a script."""
        if self._reading is not None or request.reading is None:
            return self._reading
        if request.reading not in self._readings:
            fresh = self._fresh or bool(request.reading)
            self._readings[request.reading] = self._services.reading(None if fresh else self._began, fresh=fresh)
        return self._readings[request.reading]

    def prepare(self, request: CallRequest) -> PendingCall:
        """Check a call, and return it.

        Raises:
            UnknownNameError: there is no such function.
            InvalidArgumentsError: the arguments are invalid; the message lists all mistakes.
            NotAllowedError: the user does not agree to the call, or cannot be asked.
            KeyboardInterrupt: the user interrupted the confirmation prompt.
        """
        provider: Provider = self.tools if request.path.startswith(f"{SPACE}.") else self._services
        started = time.perf_counter()
        bound_call: BoundCall | None = None
        try:
            bound_call = provider.bind(request, self._result.account)
            if not isinstance(bound_call, ServiceCall):
                self.tools.consent.check(bound_call)
        except KosmoError as error:
            path, account = provider.log_name(request, self._result.account)
            if bound_call:
                path, account = bound_call.path, bound_call.account
            milliseconds = (time.perf_counter() - started) * 1000
            self._result.calls.append(CallRecord(path, account, milliseconds, "error", error=error.message))
            raise
        if bound_call.notice:
            self._result.inform(bound_call.notice)

        def on_answer() -> None:
            with self._counting:
                record.requests += not self._progress.cancelled  # later responses are in no result

        record = CallRecord(bound_call.path, bound_call.account, 0.0, "ok")
        if isinstance(bound_call, ServiceCall) and bound_call.fan_out_argument:
            record.argument, record.items = bound_call.fan_out_argument, bound_call.count
        pending = PendingCall(
            self._progress,
            lambda answer: self._queue.put((pending, answer, time.perf_counter())),
            self._lines.put,
            on_answer,
            is_named=self._is_named,
            reading=self._reading_of(request),
            record=record,
            started=started,
            calls=bound_call.count,
            remote=bound_call.remote,
            bound=bound_call if isinstance(bound_call, ServiceCall) else None,
        )
        pending.begin = partial(self._plan if self._dry_run else self._begin, provider, bound_call, pending)
        return pending

    def call(self, request: CallRequest, is_cancelled: Callable[[], bool]) -> list[Any]:
        """Make one call, wait for it, and return its values.

        Parameters:
            request: the call.
            is_cancelled: returns whether the call was cancelled.

        Raises:
            StoppedError: the call was cancelled.
            KosmoError: the call failed.
        """
        self.prepare(request).begin(BLOCKING)
        while not is_cancelled():
            for _, answer in self.answers(POLL_INTERVAL_SECONDS):
                if isinstance(answer, KosmoError):
                    raise answer
                return answer
        raise StoppedError("Interrupted.")

    def _plan(self, provider: Provider, bound_call: BoundCall, pending: PendingCall, number: int) -> None:
        pending.number = number
        self._result.planned += provider.plan(bound_call)
        self._queue.put((pending, provider.empty(bound_call), 0.0))

    def _begin(self, provider: Provider, bound_call: BoundCall, pending: PendingCall, number: int) -> None:
        pending.number = number
        function = bound_call.function.name if isinstance(bound_call, ServiceCall) else ""
        if number == BLOCKING:
            self._progress.begin(bound_call.account, pending.calls, function=function)
        else:  # a call of an item of `parallel.map`
            pending.counts, pending.coming, self._coming = False, self._coming, 0
            self._progress.begin(bound_call.account, pending.coming, function=function, items=True)
        self._total += pending.calls
        self._result.calls.append(pending.record)
        self._pending[number] = pending
        provider.begin(bound_call, pending)

    def items(self, coming: int, finished: int) -> None:
        """Count items of `parallel.map` that are begun, before their calls, and items that are done."""
        self._coming += coming
        self._progress.end_items(finished)

    def answers(self, seconds: float) -> list[tuple[int, list[Any] | KosmoError]]:
        """Return the new answers by the number of their call, waiting up to some seconds for the first one.

        Raises:
            Exception: an unexpected error in the thread that made a call.
        """
        since, remote = time.monotonic(), any(call.remote for call in self._pending.values())
        queued = []
        with suppress(Empty):
            queued.append(self._queue.get(timeout=seconds))
            while True:
                queued.append(self._queue.get_nowait())
        if self._throttle is not None:
            self._throttle.waited(since, remote=remote)
        while not self._lines.empty():
            self.output.write("stderr", self._lines.get())
        return [(call.number, self._completed(call, answer, at)) for call, answer, at in queued]

    def _completed(self, call: PendingCall, answer: Reply | BaseException, at: float) -> list[Any] | KosmoError:
        pending = self._pending.pop(call.number, None)
        if pending:
            self._done += pending.calls
            pending.record.duration_ms = (at - pending.started) * 1000
        if isinstance(answer, BaseException):
            if pending:
                pending.record.status, pending.record.error = "error", str(answer)
            if not isinstance(answer, KosmoError):
                raise answer
            if pending:
                pending.record.failures = [failure_of(answer)]
            return answer
        if pending:
            pending.record.rows, pending.record.failures = answer.rows, answer.failures
            self._notes += [(pending.record, note) for note in answer.notes]
            if answer.displays:
                self.output.show(answer.displays)
            if answer.deleted:
                self._add_deleted(answer.deleted)
            if answer.failures:
                self._tell_failures(answer.failures, pending)
        return answer.values

    def _tell_failures(self, rows: Sequence[dict[str, Any]], pending: PendingCall) -> None:
        """Add what a call could not read to the result; all calls of which the token may read nothing share a line."""
        reasons = {row["id"] if row["status"] == HTTPStatus.FORBIDDEN else "" for row in rows}
        reason = next(iter(reasons)) if len(reasons) == 1 and len(rows) == pending.calls else ""
        if not reason or (pending.calls == 1 and reason not in self._refused):
            self._keep_failures(_unread(rows, pending, self._names(pending.bound)), rows, pending.record)
            return
        items = counted(len(rows), next(iter(rows[0])).removesuffix("_id"))
        position, calls = self._refused.setdefault(reason, (len(self._unread), []))
        calls.append(f"{pending.record.path.rpartition('.')[2]} of {items}")
        line = f"The token may read none of: {', '.join(calls)} ({HTTPStatus.FORBIDDEN:d} {reason})"
        self._keep_failures(line, rows, pending.record, position)

    def _names(self, call: ServiceCall | None) -> Mapping[Any, str]:
        """Return the names of the records that the session has listed and whose ids are the items of a call."""
        params = [param for param in call.function.params if param.name == call.fan_out_argument] if call else []
        listers = [lister for param in params if call and (lister := call.integration.lister(param))]
        lists = (self._services.listed(call.integration.name, lister.name, call.account) for lister in listers if call)
        return {row["id"]: row["name"] for records in lists for row in records or () if "id" in row and "name" in row}

    def failures(self, count: int, of: int, rows: list[dict[str, Any]]) -> None:
        """Add failed items of `parallel.map` to the result; `rows` describes the first of them."""
        what = f"{count:,} of {of:,} items failed"
        self._keep_failures(f"{what}: {rows[0].get('message')}" if rows else what, rows)

    def _keep_failures(
        self, line: str, rows: Sequence[dict[str, Any]], call: CallRecord | None = None, position: int | None = None
    ) -> None:
        """Add collected failures to the result: a line of text about them, and a row for each.

        Parameters:
            position: that of the line that this one replaces; the end, or None, for a new line.
        """
        self._result.failures += rows[: MAX_FAILURES_KEPT - len(self._result.failures)]
        position = len(self._unread) if position is None else position
        if position < MAX_FAILURES_KEPT:
            self._unread[position : position + 1] = [(call, line)]

    def _add_deleted(self, items: Iterable[DeletedItem]) -> None:
        """Add items of list arguments that were deleted meanwhile to the result, each once."""
        for item in items:
            row = {item.argument: item.item}
            if row not in self._result.deleted:
                self._result.deleted.append(row)

    def _describe(self, reading: Reading) -> None:
        """Add to the result how many answers a reading took from the store, and how old the oldest was."""
        self._result.from_store += reading.from_store
        if reading.oldest:
            self._result.read_at = min(self._result.read_at or reading.oldest, reading.oldest)
        if not is_demo(self._result.account) and (note := reading.age_note(self._ask_again)):
            self._result.inform(note)

    def cancel(self, number: int) -> None:
        """Cancel a call by its number."""
        pending = self._pending.pop(number, None)
        if pending:
            pending.cancel()
            self._done += min(pending.answered, pending.calls)  # of a list argument, some items may be done
            pending.record.status = "dropped"
            pending.record.duration_ms = (time.perf_counter() - pending.started) * 1000

    def end(self) -> None:
        """End the run: cancel the calls under way, and complete the result with its cost, its output and its notes.

        The notes are in the order of the calls.
        """
        for number in list(self._pending):
            self.cancel(number)
        if self._total:
            self._progress.cancel()
            self._result.cost = replace(self._progress.snapshot(), finished=self._done, total=self._total)
            if self._throttle is not None:
                self._throttle.end(self._result.cost)
            if "_services" in vars(self):
                self._services.end_run()
        for reading in self._readings.values():
            self._describe(reading)
        indices = {id(call): index for index, call in enumerate(self._result.calls)}
        for noted in filter(None, (self._notes, self._unread)):
            noted.sort(key=lambda note: indices.get(id(note[0]), len(indices)))
        notes = [note for _, note in self._notes] + deletion_notes(self._result.deleted)
        self.output.end(notes, [note for _, note in self._unread])


def _unread(rows: Sequence[Mapping[str, Any]], pending: PendingCall, names: Mapping[Any, str]) -> str:
    """Return a line on what a call could not read: its list, or how many and which items of one, and why."""
    argument, count = next(iter(rows[0])), pending.calls  # the first key is the name of the argument
    if argument == FAILURE_FIELDS[0].name:
        return f"{pending.record.path.rpartition('.')[2]} could not be read: {rows[0]['message']}"
    items = f" {argument.removesuffix('_id')}s" if argument.endswith("_id") else ""
    failures = [
        f"{names.get(row[argument], row[argument])} ({row['status'] or ''} {row['id'] or row['type']})" for row in rows
    ]
    return f"{len(rows):,} of {count:,}{items} could not be read: {listed(failures, MAX_ITEMS_NAMED)}"
