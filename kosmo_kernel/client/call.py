"""The forms of one call on its way: its handle, its answers, and its entry in the plan of a dry run.

Except for `Answer` and `PackedAnswer`, they are the same for functions of services and for tools of MCP servers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kosmo_kernel.progress.estimate import Limiter
from kosmo_kernel.progress.run import ExpectedCall, Progress
from kosmo_kernel.values.packed_rows import PackedPart


class PlannedCall(NamedTuple):
    """One request that a dry run would have sent."""

    function: str  # its full name, such as `heroku.list_dynos`
    account: str
    arguments: dict[str, Any]
    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a service: the data, and what the headers of its responses reported.

    Parameters:
        data: the records of a list function in the service's order, or the one record, with the values of secret
            columns redacted. Do not change it: it may be cached.
        requests: the number of requests that were answered.
        remaining: the account's remaining request budget, if the service reports it.
        warnings: the service's warnings, each once per client.
        unchanged: nothing has changed according to the service. A list that is still in use is the same object as
            before.
    """

    data: list[dict[str, Any]] | dict[str, Any]
    requests: int
    remaining: int | None
    warnings: tuple[str, ...]
    unchanged: bool = False


class DeletedItem(NamedTuple):
    """The outcome for an item of a list argument that was deleted while the run went on.

    Parameters:
        argument: the name of the argument.
        item: the item.
    """

    argument: str
    item: Any


class PackedAnswer(NamedTuple):
    """The answer for one item of a list argument, until those for all items are there.

    Parameters:
        rows: the records.
        warnings: as in `Answer`.
    """

    rows: PackedPart
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, answer: Answer) -> PackedAnswer:
        """Return an answer in packed form; one record is a list of one."""
        rows = answer.data if isinstance(answer.data, list) else [answer.data]
        return cls(PackedPart.of(rows), answer.warnings)


@dataclass(slots=True)
class CallAnswer:
    """The answer to a call for Lua.

    Parameters:
        values: the return values for Lua.
        rows: the number of records, or None if the call returns no list.
        notes: warnings of the service, and notes of this package.
        failures: the items of a list argument that failed, with `errors = "collect"`.
        deleted: the items of a list argument that were deleted while the run went on, and are left out.
        shown: outputs to display, as pairs of a form of `display` and its content.
    """

    values: list[Any]
    rows: int | None
    notes: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[DeletedItem] = field(default_factory=list)
    shown: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class CallHandle:
    """The callbacks and the state of one call under way.

    The callbacks run in the thread that makes the call.

    Parameters:
        progress: the progress of the run.
        on_result: callback for the answer or the error.
        on_message: callback for a line of text for the user.
        on_answer: callback for each answered request, even if the call fails.
        fresh: do not use cached answers.
        counts: count the requests as calls in the progress. False for an item of `parallel.map`, where the item
            itself is counted.
        coming: the number of items of `parallel.map` that start with this call.
        expected: the fetches of the call in the estimate of the run; None for a call that it does not include.
        is_cancelled: the call was cancelled.
        on_cancel: called when it is, by the thread that cancels it.
        is_named: returns whether the user has named an item himself, in a script or as an input.
    """

    progress: Progress
    on_result: Callable[[CallAnswer | BaseException], None]
    on_message: Callable[[str], None]
    on_answer: Callable[[], None]
    fresh: bool = False
    counts: bool = True
    coming: int = 0
    expected: ExpectedCall | None = None
    is_cancelled: bool = False
    on_cancel: Callable[[], object] | None = None
    is_named: Callable[[object], bool] = lambda _item: False
    _done: list[int] = field(default_factory=list)  # a list, because threads can append without a lock

    @property
    def answered(self) -> int:
        """The number of requests of the call that were answered or failed."""
        return sum(self._done)

    @property
    def cancelled(self) -> bool:
        """Return whether the call or its run was cancelled."""
        return self.is_cancelled or self.progress.cancelled

    def cancel(self) -> None:
        """Cancel the call."""
        self.is_cancelled = True
        self.end_expected()
        if self.on_cancel is not None:
            self.on_cancel()

    def done(self, calls: int = 1) -> None:
        """Count requests of the call that were answered or failed."""
        self._done.append(calls)
        if self.counts:
            self.progress.end(calls)

    def expect(self, account: str, limiter: Limiter, fetches: int) -> None:
        """Include the fetches of the call in the estimate of the run."""
        self.expected = self.progress.expect(account, limiter, fetches, of_item=not self.counts)

    def fetched(self, requests: int) -> None:
        """Count a fetch of the call that is done, and the requests that it took."""
        self.done()
        if self.expected is not None:
            self.progress.fetched(self.expected, requests)

    def end_expected(self) -> None:
        """Expect no more fetches of the call."""
        if self.expected is not None:
            self.progress.end_expected(self.expected)
