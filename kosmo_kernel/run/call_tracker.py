"""Track the calls of one run: check and begin them in the run's thread, and log them in the order of their start.

Functions of services only read, and the scope of a token decides what it can read. Before a request to an MCP server is
begun, `PermissionGate` checks whether the permissions allow it, and asks the user if they require it. The user confirms
once per run for each tool; the answer is not kept after the run. A tool that may pass on its arguments is a way out for
the account's data, and so are the URI of a resource and the arguments of a prompt. They are confirmed as well, once per
session, unless the user's own settings allow them. Where nobody can be asked, as in CI, a call is refused, except one
case: by adding a server, the user agreed to its read-only tools, for scripts that they run themselves. This does not
hold for the servers of a project, nor for an agent, which could be led to pass on data. Permissions are read at their
first use and cached, so that they do not change in a run.

Other threads make the calls and put the answers into a queue. The queue belongs to this run only, so an answer that
arrives after the run is ignored. `end` cancels the calls that are still under way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from kosmo_kernel.client.call import CallHandle, DeletedItem, Reply
from kosmo_kernel.errors import KosmoError, NotAllowedError, StoppedError
from kosmo_kernel.lua.host import BLOCKING, SPACE, CallRequest
from kosmo_kernel.results import MAX_ITEMS_NAMED, CallRecord, Result, deletion_notes
from kosmo_kernel.run.options import NO_OPTIONS, RunOptions, RunOutput
from kosmo_kernel.run.provider import ServiceCall
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.permissions import Permission, how_to_allow, permission
from kosmo_kernel.settings.table import PROGRESS
from kosmo_kernel.text import listed
from kosmo_kernel.values.records import FAILURE_FIELDS

if TYPE_CHECKING:
    from kosmo_kernel.progress.display import ProgressSnapshot, ProgressThrottle
    from kosmo_kernel.progress.run import Progress
    from kosmo_kernel.run.mcp_tools import McpTools, ServerCall
    from kosmo_kernel.run.provider import BoundCall, Provider
    from kosmo_kernel.run.services import Services

MAX_FAILURES_KEPT = 10_000  # collected failures per run
POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation of a single call


class PendingCall(CallHandle, eq=False, kw_only=True):
    """A call of a run, from its check to its answer; see also `lua.host.Prepared`."""

    record: CallRecord  # its entry in the log
    started: float  # the time when it was checked
    calls: int  # the number of requests that it counts as
    remote: bool  # whether it uses the network
    begin: Callable[[int], None] = lambda _number: None  # starts it under a number
    number: int = BLOCKING  # the number, once it is started


class CallTracker:
    """The calls of one run.

    Parameters:
        make_services: returns the `Services` of the session.
        make_tools: makes the `McpTools` of the run, with a callback for lines of text for the user, and with `_admit`.
        result: the result to which calls, notes and costs are added.
        gate: the permission gate.
        output: shows what comes with answers.
        options: the options of the run; `dry_run` checks and plans calls, and gives empty answers.
        on_progress: callback for the progress, see `ProgressThrottle`.
        is_named: returns whether the user has named an item himself, in a script or as an input.
    """

    def __init__(
        self,
        make_services: Callable[[], Services],
        make_tools: Callable[[Callable[[str], None], Callable[[ServerCall], bool]], McpTools],
        result: Result,
        gate: PermissionGate,
        output: RunOutput,
        *,
        options: RunOptions = NO_OPTIONS,
        on_progress: Callable[[ProgressSnapshot], None] | None = None,
        is_named: Callable[[object], bool] = lambda _item: False,
    ) -> None:
        PROGRESS.from_env()  # raises an error for an invalid value before anything runs
        self._make_services, self._make_tools = make_services, make_tools
        self._result, self._gate, self._output = result, gate, output
        self._on_progress, self._is_named = on_progress, is_named
        self._dry_run, self._later = options.dry_run, options.later
        self._queue: SimpleQueue[tuple[PendingCall, Reply | BaseException, float]] = SimpleQueue()
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._pending: dict[int, PendingCall] = {}
        self._counting = threading.Lock()
        self._coming = 0  # items of `parallel.map` that are begun, and whose first call is not yet
        self._total = self._done = 0  # calls; the progress counts items of `parallel.map` instead
        self._notes: list[tuple[CallRecord | None, str]] = []
        self._unread: list[tuple[CallRecord | None, str]] = []

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
        return self._make_tools(self._lines.put, self._admit)

    def _admit(self, request: ServerCall) -> bool:
        """Check that a request to an MCP server is allowed, and return whether to send it; a dry run only lists it."""
        self._gate.check(request)
        if self._dry_run:
            self._result.planned += self.tools.plan(request)
        return not self._dry_run

    def prepare(self, request: CallRequest) -> PendingCall:
        """Check a call, and return it.

        Raises:
            UnknownNameError: there is no such function.
            InvalidArgumentsError: the arguments are invalid; the message lists all mistakes.
            NotAllowedError: the permissions or the user do not allow the call.
            KeyboardInterrupt: the user interrupted the confirmation prompt.
        """
        provider: Provider = self.tools if request.path.startswith(f"{SPACE}.") else self._services
        started = time.perf_counter()
        bound_call: BoundCall | None = None
        try:
            bound_call = provider.bind(request, self._result.account)
            if not isinstance(bound_call, ServiceCall):
                self._gate.check(bound_call)
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
        pending = PendingCall(
            self._progress,
            lambda answer: self._queue.put((pending, answer, time.perf_counter())),
            self._lines.put,
            on_answer,
            is_named=self._is_named,
            record=record,
            started=started,
            calls=bound_call.count,
            remote=bound_call.remote,
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
        if number == BLOCKING:
            self._progress.begin(bound_call.account, pending.calls)
        else:  # a call of an item of `parallel.map`
            pending.counts, pending.coming, self._coming = False, self._coming, 0
            self._progress.begin(bound_call.account, pending.coming, items=True)
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
            self._output.write("stderr", self._lines.get())
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
            return answer
        if pending:
            pending.record.rows = answer.rows
            self._notes += [(pending.record, note) for note in answer.notes]
            if answer.displays:
                self._output.show(answer.displays)
            if answer.deleted:
                self._add_deleted(answer.deleted)
            if answer.failures:
                self._keep_failures(_unread(answer.failures, pending), answer.failures, pending.record)
        return answer.values

    def failures(self, count: int, of: int, rows: list[dict[str, Any]]) -> None:
        """Add failed items of `parallel.map` to the result; `rows` describes the first of them."""
        what = f"{count:,} of {of:,} items failed"
        self._keep_failures(f"{what}: {rows[0].get('message')}" if rows else what, rows)

    def _keep_failures(self, line: str, rows: Sequence[dict[str, Any]], call: CallRecord | None = None) -> None:
        """Add collected failures to the result: a line of text about them, and a row for each."""
        self._result.failures += rows[: MAX_FAILURES_KEPT - len(self._result.failures)]
        if len(self._unread) < MAX_FAILURES_KEPT:
            self._unread.append((call, line))

    def _add_deleted(self, items: Iterable[DeletedItem]) -> None:
        """Add items of list arguments that were deleted meanwhile to the result, each once."""
        for item in items:
            row = {item.argument: item.item}
            if row not in self._result.deleted:
                self._result.deleted.append(row)

    def cancel(self, number: int) -> None:
        """Cancel a call by its number."""
        pending = self._pending.pop(number, None)
        if pending:
            pending.cancel()
            self._done += min(pending.answered, pending.calls)  # of a list argument, some items may be done
            pending.record.status = "dropped"
            pending.record.duration_ms = (time.perf_counter() - pending.started) * 1000

    def end(self) -> tuple[list[str], list[str]]:
        """End the run, and cancel the calls that are under way.

        Returns:
            The notes for the user, and the notes on failed items; each in the order of the calls.
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
        indices = {id(call): index for index, call in enumerate(self._result.calls)}
        for noted in filter(None, (self._notes, self._unread)):
            noted.sort(key=lambda note: indices.get(id(note[0]), len(indices)))
        return [note for _, note in self._notes] + deletion_notes(self._result.deleted), [
            note for _, note in self._unread
        ]


def _unread(rows: Sequence[Mapping[str, Any]], pending: PendingCall) -> str:
    """Return a line on what a call could not read: its list, or how many and which items of one, and why."""
    argument, count = next(iter(rows[0])), pending.calls  # the first key is the name of the argument
    if argument == FAILURE_FIELDS[0].name:
        return f"{pending.record.path.rpartition('.')[2]} could not be read: {rows[0]['message']}"
    items = f" {argument.removesuffix('_id')}s" if argument.endswith("_id") else ""
    failures = [f"{row[argument]} ({row['status'] or ''} {row['id'] or row['type']})" for row in rows]
    return f"{len(rows):,} of {count:,}{items} could not be read: {listed(failures, MAX_ITEMS_NAMED)}"


Answers = dict[tuple[str, str], bool]
"""The user's answers by tool and server: True for an agreement."""

YES = ("y", "yes")
NO = ("n", "no", "")
WAY_OUT = "may pass on what it is given to others"


class PermissionGate:
    """The permission checks of one run.

    Parameters:
        result: the run's result, whose `permission_bypassed` is set if `force` overrides a permission.
        ask: shows a prompt to the user and returns the answer, or None if there is no user to ask.
        force: allow every call.
        sends: whether requests are sent; without, calls are not confirmed, but still denied if the permissions say so.
        session_answers: the user's answers for all of the session, to which this run adds.
        of_agent: an agent chose the script.
    """

    def __init__(
        self,
        result: Result,
        ask: Callable[[str], str | None],
        *,
        force: bool = False,
        sends: bool = True,
        session_answers: Answers | None = None,
        of_agent: bool = False,
    ) -> None:
        self._result, self._ask = result, ask
        self._force, self._sends, self._of_agent = force, sends, of_agent
        self._permissions: dict[tuple[str, str], Permission] = {}
        self._answers: dict[tuple[str, str], bool | None] = {}
        self._session_answers: Answers = {} if session_answers is None else session_answers

    def check(self, call: ServerCall) -> None:
        """Check that a request is allowed, after its arguments were checked and before anything is sent.

        Raises:
            NotAllowedError: it is not allowed.
            SettingsError, UnknownNameError: a file with permissions is invalid.
            KeyboardInterrupt: the user interrupted the confirmation prompt.
        """
        key = call.server.name, call.effect
        rule = self._permissions.get(key)
        if rule is None:
            rule = self._permissions[key] = permission(*key)
        if rule.policy == "allow" and (rule.location or not call.open_world):
            return  # the usual case: formatting the question below takes as long as checking the arguments
        why = self._why_not(rule, call)
        if why is not None:
            raise NotAllowedError(
                f"{call.title}: {_rule_text(call, rule)}{why}. Nothing was sent. {how_to_allow(*key)}",
                function=call.name,
                account=call.account,
                operation=call.effect,
                permission="ask" if rule.policy == "allow" else rule.policy,
            )

    def _why_not(self, rule: Permission, call: ServerCall) -> str | None:
        """Return why a call is not allowed, as the end of a sentence about the permission; None if it is allowed."""
        if self._force:
            self._result.permission_bypassed = True
            return None
        if rule.policy == "deny":
            return ""
        if not self._sends:
            return None
        confirmed = call.name, call.server.name
        if confirmed not in self._answers:
            self._answers[confirmed] = self._answer(call, confirmed, for_session=rule.policy == "allow")
        agrees = self._answers[confirmed]
        if agrees is None and rule.policy == "allow" and call.is_own_read and not self._of_agent:
            return None
        if agrees is None:
            return ", and there is nobody to ask here"
        return None if agrees else ", and the answer was no"

    def _answer(self, call: ServerCall, confirmed: tuple[str, str], *, for_session: bool) -> bool | None:
        """Return the user's answer about a call, of this session if they gave one; None if nobody can be asked."""
        if not for_session:
            return self._confirm(f"{_call_text(call)} {call.purpose}. Go on, for all of this run? [y/N] ")
        answer = self._session_answers.get(confirmed)
        if answer is None:
            question = f"{_call_text(call)} {call.purpose}, and {WAY_OUT}. Go on, for all of this session? [y/N] "
            answer = self._confirm(question)
        if answer is not None:
            self._session_answers[confirmed] = answer
        return answer

    def _confirm(self, question: str) -> bool | None:
        """Return whether the user agrees; None if there is no user to ask. Three unclear answers count as no."""
        for _ in range(3):
            answer = self._ask(question)
            if answer is None:
                return None
            if (word := answer.strip().lower()) in (*YES, *NO):
                return word in YES
        return False


def _call_text(call: ServerCall) -> str:
    """Format a call for the prompt; a server names its tools and the script gives the arguments: one line each."""
    name = one_line(call.name)
    text = ", ".join(one_line(f"{key} = {value}") for key, value in call.arguments.items())
    return f"{name} ({text})" if text else name


def _rule_text(call: ServerCall, rule: Permission) -> str:
    """Describe a permission in words."""
    if rule.policy == "allow":
        return f"this call {WAY_OUT}, so it is asked about once in a session"
    where = f'{call.effect} = "{rule.policy}" in {rule.location}' if rule.location else "unless you allow them"
    return f"{call.effect}s of this server are {rule.policy_in_words} ({where})"
