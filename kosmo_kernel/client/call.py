"""The forms of one call on its way: its request, handle, reply and plan.

They are the same for functions of services and for tools of MCP servers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field

from kosmo_kernel.values.records import PackedRows

if TYPE_CHECKING:
    from kosmo_kernel.progress.run import ExpectedCall, Limiter, Progress


SPACE = "mcp"  # the name of MCP servers below `app` in Lua, and the first part of the full names of tools
BLOCKING = 0  # the number of a call for which the caller waits; the numbers of other calls are greater


class CallRequest(NamedTuple):
    """A call before it is checked: a function's name and its arguments."""

    path: str  # the function's full name
    account: str | None  # the account named in the path, if any
    by_name: dict[str, Any] | None  # the arguments by name, or None when they are positional
    positional: list[Any]  # the arguments by position; empty when they are named
    line: int | None  # the line of the script that makes the call, if known
    # The reading of the table whose Lua makes the call: 0, or the number of a table that asks again; None for a script.
    reading: int | None = None


class PlannedCall(NamedTuple):
    """One request that a dry run would have sent, or those for each item of a list that is empty in a dry run."""

    function: str  # its full name, such as `heroku.list_dynos`
    account: str
    arguments: dict[str, Any]
    method: str
    url: str
    each: str = ""  # the argument that has the list
    requests: int | None = 1  # None if the number of items is not known


class DeletedItem(NamedTuple):
    """The outcome for an item of a list argument that was deleted while the run went on."""

    argument: str  # the name of the argument
    item: Any


class Reply(Struct):
    """The complete reply to a call, from the client of the account to the run.

    The client makes it with the records of a list function in the service's order, or with the one record; the values
    of secret columns are redacted. Do not change these: calls may share them. The services turn them into `Records`.
    """

    values: list[Any]  # the return values for Lua
    requests: int = 0  # the number of requests that were answered
    remaining: int | None = None  # the account's remaining request budget, if the service reports it
    notes: Sequence[str] = ()  # the service's warnings, each once per client, and notes of this package
    rows: int | None = None  # the number of records, or None if the call returns no list
    failures: Sequence[dict[str, Any]] = ()  # the items of a list argument that failed and do not fail the call
    deleted: Sequence[DeletedItem] = ()  # the items of a list argument that were deleted meanwhile, and are left out
    displays: Sequence[tuple[str, bytes]] = ()  # outputs to display, as pairs of a form of `display` and its content

    @property
    def data(self) -> Any:
        """The first value: the records, decoded, or the one record."""
        value = self.values[0]
        return value.decoded() if isinstance(value, PackedRows) else value

    def pack(self) -> Reply:
        """Keep the records, or the one record, as JSON only, and return the reply."""
        value = self.values[0]
        if isinstance(value, PackedRows):
            self.values = [value.packed()]
        else:
            self.values = [PackedRows.of(value if isinstance(value, list) else [value])]
        return self


class CallHandle(Struct):
    """The callbacks and the state of one call under way.

    The callbacks run in the thread that makes the call.
    """

    progress: Progress  # of the run
    on_result: Callable[[Reply | BaseException], None]
    on_message: Callable[[str], None]  # for a line of text for the user
    on_answer: Callable[[], None]  # for each answered request, even if the call fails
    # Whether the requests count as calls in the progress. Of an item of `parallel.map`, the item itself is counted.
    counts: bool = True
    coming: int = 0  # the number of items of `parallel.map` that start with this call
    expected: ExpectedCall | None = None  # its fetches in the estimate of the run, if that includes them
    is_cancelled: bool = False
    reading: Any = None  # the `archive.store.Reading` of the question that makes the call; None for any other call
    on_cancel: Callable[[], object] | None = None  # called by the thread that cancels the call
    is_named: Callable[[object], bool] = lambda _item: False  # whether the user has named an item in a script or input
    _counts: list[int] = field(default_factory=list)  # a list, because threads can append without a lock

    @property
    def answered(self) -> int:
        """The number of requests of the call that were answered or failed."""
        return sum(self._counts)

    @property
    def cancelled(self) -> bool:
        """Return whether the call or its run was cancelled."""
        return self.is_cancelled or self.progress.cancelled

    def check(self) -> None:
        """Raise an error if the call or its run was cancelled.

        Raises:
            Cancelled: it was.
        """
        if self.cancelled:
            from kosmo_kernel.progress.run import Cancelled

            raise Cancelled

    def cancel(self) -> None:
        """Cancel the call."""
        self.is_cancelled = True
        self.end_expected()
        if self.on_cancel is not None:
            self.on_cancel()

    def done(self, calls: int = 1, *, requests: int = 0) -> None:
        """Count requests of the call that were answered or failed.

        Parameters:
            calls: the number of requests, where one for an item of a list counts once for all of its pages.
            requests: the number of requests that a fetch took, in the estimate of the run; 0 for no fetch.
        """
        self._counts.append(calls)
        if self.counts:
            self.progress.end(calls)
        if requests and self.expected is not None:
            self.progress.fetched(self.expected, requests)

    def expect(self, account: str, limiter: Limiter, fetches: int) -> None:
        """Include the fetches of the call in the estimate of the run."""
        self.expected = self.progress.expect(account, limiter, fetches, of_item=not self.counts)

    def end_expected(self) -> None:
        """Expect no more fetches of the call."""
        if self.expected is not None:
            self.progress.end_expected(self.expected)
