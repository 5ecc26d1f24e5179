"""Services that several sessions use side by side, such as those of a run of checks.

The same call with the same arguments is made once: a session that begins it while another one waits for its answer
waits for the same answer, and one that begins it later gets it at once. Answers stay in this process, as lists that
nobody changes, so that no script can change what another one gets. The items of a list argument that the token may not
read do not fail the call, as they would in a script: the sessions get the other items, and the failures beside them.

The questions of a notebook's cells share replies for a few minutes, so that each list is asked once for all cells of a
run. A cell that runs again asks anew: it gets no reply that it has had before.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from http import HTTPStatus

from msgspec import Struct, field
from msgspec.structs import replace

from kosmo_kernel.catalogue import Function
from kosmo_kernel.client.call import CallHandle, Reply
from kosmo_kernel.errors import ApiError, KosmoError, RefusedError
from kosmo_kernel.progress.run import Progress
from kosmo_kernel.run.provider import ServiceCall
from kosmo_kernel.run.recording import RecordingMode
from kosmo_kernel.run.services import ItemOutcome, PreparedServices, Services, refused_list
from kosmo_kernel.settings.limits import MAX_RECORDS
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.text import normalize_alias
from kosmo_kernel.values.records import Records, encode

SHARE_SECONDS = 300.0  # for which cells share responses; those of `kosmo run` have no limit
MAX_CALLS_KEPT = 2_000  # answers that are kept; a run of checks has a few dozen

_Key = tuple[str, str, str, bool, bytes]


class SharedServices(PreparedServices):
    """Services that several sessions share. Thread-safe.

    Parameters:
        recording: the recording mode of the sessions.
        origin: the services whose connections are used. They must outlive these.
        today: as for `Services`.
        collects: whether items that the token may not read do not fail a call.
        replies: those of earlier cells of a notebook, which are used, and to which those of this run are added.
        cell: the cell that runs.

    Attributes:
        recording: the recording mode.
        progress: the progress of all sessions together.
        oldest: when the oldest of the replies came that are of other cells; None if there are none.
        needed_later: returns the names of the functions that the sessions may still call, for the estimate.
    """

    def __init__(
        self,
        recording: RecordingMode,
        origin: Services,
        today: date,
        *,
        collects: bool = True,
        replies: KeptReplies | None = None,
        cell: str = "",
    ) -> None:
        super().__init__(recording.cassette, lambda: today)
        self._kept, self._cell = replies, cell
        self.oldest: datetime | None = None
        self.recording = recording
        self._collects_refusals = collects
        self.progress = Progress(later=self._requests_later)
        self.needed_later: Callable[[], set[str]] = set
        self._functions: Sequence[Function] = ()  # of the service, once a call with a list argument has begun
        self._items: dict[str, int] = {}  # the largest number of items of such a call, by argument
        self._clients, self._lock = origin.connections()
        self._calls_lock = threading.Lock()
        self._calls: dict[_Key, _SharedCall] = {}  # the oldest first
        self._records = 0  # in the answers that are kept

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Pass the answer of a call to the handle, and make the call unless another session has made it."""
        key = _key(bound_call)
        with self._calls_lock:
            call = self._calls.get(key)
            if call is not None and call.add(handle):
                return
            call = self._calls[key] = _SharedCall.begun_by(handle, self.progress, self._make_room)
        if self._kept is not None and self._take_kept(bound_call, key, call):
            return
        if refusal := self._missing_scope(bound_call):
            call.complete(refused_list(bound_call, refusal) if bound_call.collect else refusal)
            return
        self.progress.begin(bound_call.account, bound_call.count)
        if argument := bound_call.fan_out_argument:
            self._items[argument] = max(bound_call.count, self._items.get(argument, 0))
            self._functions = bound_call.integration.functions
        super().begin(bound_call, call)

    def _take_kept(self, bound_call: ServiceCall, key: _Key, call: _SharedCall) -> bool:
        """Complete a call with the reply that another cell had, or else keep its own; return whether it was there."""
        replies = self._kept
        if replies is None or bound_call.function.local or (self._cassette and not self._cassette.live):
            return False
        try:
            client = self._client(bound_call.integration, bound_call.account, is_fictional=not bound_call.remote)
        except KosmoError:  # the call itself will raise it
            return False
        name = (*key[:3], key[4])  # with the failures beside the records or without them: it is the same list
        earlier = replies.take(name, self._cell, client.account)
        if earlier is None:
            call.on_reply = partial(replies.keep, name, self._cell, client.account)
            return False
        self.oldest = min(self.oldest or earlier.at, earlier.at)
        beside = [Records(earlier.reply.failures)] if bound_call.collect else []
        call.complete(replace(earlier.reply, values=[earlier.reply.data, *beside], requests=0))
        return True

    def keep_only(self, is_needed: Callable[[str], bool]) -> None:
        """Forget answers that no session needs any more.

        Parameters:
            is_needed: returns whether the answers of a function, by its name, are needed.
        """
        with self._calls_lock:
            self._calls = {key: call for key, call in self._calls.items() if not call.is_answered or is_needed(key[1])}
            self._records = sum(call.records for call in self._calls.values())

    def end_run(self) -> None:
        """Go on: other sessions may wait for the same calls."""

    def close(self) -> None:
        """End all calls. The connections stay open, because they belong to other services."""
        self.progress.cancel()
        self._close_pools()

    def _requests_later(self) -> int:
        """Return the number of requests for the items of lists that are needed and not begun."""
        needed = self.needed_later() if self._functions else set()
        with self._calls_lock:
            needed -= {key[1] for key in self._calls}
        return sum(self._items_of(function) for function in self._functions if function.name in needed)

    def _items_of(self, function: Function) -> int:
        """Return the number of items that a list is read for; 0 if there is a list of the whole account."""
        if any(link.bulk or not link.places for link in function.links):
            return 0
        return max((self._items.get(link.places[0], 0) for link in function.links), default=0)

    def _make_room(self, records: int) -> None:
        """Count the records of an answer, and forget the oldest answers if there are too many in all."""
        with self._calls_lock:
            self._records += records
            for key, call in list(self._calls.items()):
                if self._records <= MAX_RECORDS and len(self._calls) <= MAX_CALLS_KEPT:
                    return
                if call.is_answered:
                    self._records -= call.records
                    del self._calls[key]

    def _collects(self, bound_call: ServiceCall, error: ApiError) -> bool:
        """Return whether the failure of one item does not end the call: the token may not read this item."""
        if bound_call.collect or not self._collects_refusals:
            return bound_call.collect
        return isinstance(error, RefusedError) and error.status != HTTPStatus.UNAUTHORIZED

    def _merged(self, bound_call: ServiceCall, answers: Sequence[ItemOutcome]) -> Reply | ApiError:
        """Return the answers for all items as one; the first failure if no item can be read."""
        errors = [answer for answer in answers if isinstance(answer, ApiError)]
        if errors and len(errors) == len(answers) and not bound_call.collect:
            return errors[0]
        return super()._merged(bound_call, answers)

    def _missing_scope(self, bound_call: ServiceCall) -> RefusedError | None:
        """Return the error of a call that every item would be refused, as far as that is known without a request."""
        link = bound_call.function.link(bound_call.calls[0]) if bound_call.calls else None
        granted = self.scopes(bound_call.integration, bound_call.account)
        if link is None or not bound_call.integration.credentials.lacks(link.scope, granted):
            return None
        text = f"It needs a token with the scope {link.scope}; this one has {', '.join(granted)}."
        error = RefusedError(text, where=bound_call.title, function=bound_call.name, account=bound_call.account)
        error.status = HTTPStatus.FORBIDDEN
        return error


class _SharedCall(CallHandle, eq=False, kw_only=True):
    """A call, the handles that wait for its answer, and the answer; cancelled when none of them waits any more."""

    on_records: Callable[[int], None]  # called with the number of records when the answer is there
    on_reply: Callable[[Reply], None] | None = None  # called with the reply, if there is one
    waiting: list[CallHandle]
    _answer: Reply | BaseException | None = None
    _abandoned: bool = False
    _state: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def begun_by(cls, first: CallHandle, progress: Progress, on_records: Callable[[int], None]) -> _SharedCall:
        """Return a call that a handle begins, to which its requests are added.

        Parameters:
            first: the handle.
            progress: the progress of all sessions together.
            on_records: see the attribute.
        """
        call = cls(
            progress,
            lambda _answer: None,
            first.on_message,
            first.on_answer,
            is_named=first.is_named,
            on_records=on_records,
            waiting=[first],
        )
        call.on_result = call.complete
        return call

    @property
    def is_answered(self) -> bool:
        """Return whether the answer is there."""
        return self._answer is not None

    @property
    def records(self) -> int:
        """The number of records of the answer, at least 1 when it is there."""
        return 0 if self._answer is None else max(1, getattr(self._answer, "rows", 0) or 0)

    @property
    def cancelled(self) -> bool:
        """Return whether the run has ended, or nobody waits for the answer any more."""
        with self._state:
            if self._answer is None and all(handle.cancelled for handle in self.waiting):
                self._abandoned = True
            return self._abandoned or self.progress.cancelled

    def add(self, handle: CallHandle) -> bool:
        """Pass the answer to another handle, now or later; return False if nobody waited for it any more."""
        with self._state:
            if self._answer is None:
                if not self._abandoned:
                    self.waiting.append(handle)
                return not self._abandoned
        _pass(self._answer, handle)
        return True

    def complete(self, answer: Reply | BaseException) -> None:
        """Pass the answer to all handles that wait for it."""
        with self._state:
            self._answer = answer
            waiting, self.waiting = self.waiting, []
        if self.on_reply is not None and isinstance(answer, Reply):
            self.on_reply(answer)
        for handle in waiting:
            _pass(answer, handle)
        self.on_records(self.records)


def _pass(answer: Reply | BaseException, handle: CallHandle) -> None:
    """Pass an answer to a handle: an error as a copy, because each session adds its place in the script to it."""
    if isinstance(answer, Reply):
        handle.on_result(replace(answer, values=list(answer.values)))
        return
    error = type(answer).__new__(type(answer), *answer.args)
    vars(error).update(vars(answer))
    handle.on_result(error)


def _key(bound_call: ServiceCall) -> _Key:
    """Return what the same calls have in common."""
    arguments = encode([bound_call.fan_out_argument, bound_call.calls])
    account = normalize_alias(bound_call.account)
    return bound_call.integration.name, bound_call.function.name, account, bound_call.collect, arguments


class KeptReply(Struct):
    """A reply, when it came, and the cells that have had it."""

    reply: Reply
    account: object  # with its token and address: another one of the same name gets no reply of this one
    at: datetime
    seconds: float  # of the clock
    cells: set[str] = field(default_factory=set)


class KeptReplies:
    """Replies by the call that they answer. Thread-safe.

    Parameters:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._max_age = clock, math.inf if notebook_run() else SHARE_SECONDS
        self._lock = threading.Lock()
        self._replies: dict[Hashable, KeptReply] = {}  # the oldest first

    def take(self, key: Hashable, cell: str, account: object) -> KeptReply | None:
        """Return the reply to a call for a cell that has not had it, unless it is too old; None if there is none."""
        with self._lock:
            entry = self._replies.get(key)
            is_usable = entry is not None and entry.account == account and cell not in entry.cells
            if entry is None or not is_usable or self._clock() - entry.seconds > self._max_age:
                return None
            entry.cells.add(cell)
            return entry

    def keep(self, key: Hashable, cell: str, account: object, reply: Reply) -> None:
        """Keep a reply with records that a cell has had, and forget the oldest ones if there are too many in all."""
        if reply.failures and not reply.rows:  # it may be all that could not be read
            return
        with self._lock:
            self._replies.pop(key, None)
            self._replies[key] = KeptReply(reply, account, datetime.now(UTC), self._clock(), {cell})
            records = sum(entry.reply.rows or 1 for entry in self._replies.values())
            for oldest in list(self._replies):
                if records <= MAX_RECORDS:
                    return
                records -= self._replies.pop(oldest).reply.rows or 1
