"""Services that the sessions of a run of questions use side by side.

The sessions have the store of the session that runs the questions, and one reading of it, so that each list is
requested once; a list that was put together of the answers for many items is kept until the run ends. The items of a
list argument that the token may not read do not fail the call, as they would in a script: the sessions get the other
items, and the failures beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any

from msgspec.json import encode

from kosmo_kernel.archive.store import Reading
from kosmo_kernel.calls.provider import ServiceCall
from kosmo_kernel.calls.services import ItemOutcome, Services, refused_list
from kosmo_kernel.catalogue import CONCURRENCY, Function
from kosmo_kernel.client.call import CallHandle, Reply
from kosmo_kernel.errors import ApiError, NotRecordedError, RefusedError
from kosmo_kernel.progress.run import Progress
from kosmo_kernel.values.records import Records

FindGaps = Callable[[Function, Records, str], tuple[list[dict[str, Any]], Collection[int]]]


class SharedServices(Services):
    """Services that several sessions share. Thread-safe.

    Parameters:
        origin: the services whose connections and store are used. They must outlive these.
        today: the date of the data.
        fresh: take no answer that the store had before.

    Attributes:
        progress: the progress of all sessions together.
        question_reading: how the calls of all sessions read.
        concurrency: that of two lists, as questions ask for one list after the other.
        find_gaps: returns what the records of a list lack, as failures, and the positions of those to leave out; None
            to take records as they are. What an archive does not have is a failure of such a run, too.
        needed_later: returns the names of the functions that the sessions may still call, for the estimate.
    """

    concurrency = 2 * CONCURRENCY

    def __init__(self, origin: Services, today: date, *, fresh: bool = False) -> None:
        super().__init__(origin.recording, lambda: today)
        self.progress = Progress(later=self._requests_later)
        self.needed_later: Callable[[], set[str]] = set
        self._functions: Sequence[Function] = ()  # of the service, once a call with a list argument has begun
        self._items: dict[str, int] = {}  # the largest number of items of such a call, by argument
        self._begun: set[str] = set()  # the names of the functions that were called
        self._lists: dict[Hashable, Reply] = {}  # the answers that have a list, by what was asked
        self.find_gaps: FindGaps | None = None
        self._clients, self._lock = origin.connections()
        self.store = origin.store
        self.question_reading: Reading = self.reading(fresh=fresh)

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Make a call whose requests count in the progress of all sessions."""
        argument = bound_call.fan_out_argument
        arguments = encode(bound_call.calls, order="deterministic")
        key = bound_call.name, bound_call.account, argument, arguments, bound_call.collect

        def keep(answer: Reply | BaseException) -> None:
            answer = self._with_gaps(bound_call, answer) if self.find_gaps else answer
            if isinstance(answer, Reply) and (argument or not any(bound_call.calls)):
                self._lists[key] = answer
            handle.on_result(answer)

        call = _SharedCall.of(handle, self.progress, self.question_reading, keep)
        if refusal := self._missing_scope(bound_call):
            handle.on_result(refused_list(bound_call, refusal) if bound_call.collect else refusal)
            return
        self.progress.begin(bound_call.account, bound_call.count, function=bound_call.function.name)
        self._begun.add(bound_call.function.name)
        if reply := self._lists.get(key):
            self.question_reading.from_store += bound_call.count
            call.done(bound_call.count)
            handle.on_result(reply)
            return
        if argument:
            self._items[argument] = max(bound_call.count, self._items.get(argument, 0))
            self._functions = bound_call.integration.functions
        super().begin(bound_call, call)

    def _with_gaps(self, bound_call: ServiceCall, answer: Reply | BaseException) -> Reply | BaseException:
        """Return an answer with what its records lack among its failures, and without those that are left out."""
        returns_list = bound_call.fan_out_argument or bound_call.function.returns == "list"
        if isinstance(answer, NotRecordedError) and bound_call.collect and returns_list:
            return refused_list(bound_call, answer)
        if self.find_gaps is None or not isinstance(answer, Reply) or not isinstance(answer.values[0], Records):
            return answer
        records = answer.values[0]
        gaps, left_out = self.find_gaps(bound_call.function, records, bound_call.fan_out_argument)
        if gaps:
            records = records.take(index for index in range(len(records)) if index not in left_out)
            answer.failures = [*answer.failures, *gaps]
            answer.values = [records, Records(answer.failures)] if bound_call.collect else [records]
        return answer

    def end_run(self) -> None:
        """Go on: the threads serve other sessions, too."""

    def close(self) -> None:
        """End all calls. The connections stay open, because they belong to other services."""
        self.progress.cancel()
        self._close_pools()

    def _requests_later(self) -> int:
        """Return the number of requests for the items of lists that are needed and not begun."""
        needed = self.needed_later() - self._begun if self._functions else set()
        return sum(self._items_of(function) for function in self._functions if function.name in needed)

    def _items_of(self, function: Function) -> int:
        """Return the number of items that a list is read for; 0 if there is a list of the whole account."""
        if any(link.bulk or not link.placeholders for link in function.links):
            return 0
        return max((self._items.get(link.placeholders[0], 0) for link in function.links), default=0)

    def _collects(self, bound_call: ServiceCall, error: ApiError) -> bool:
        """Return whether the failure of one item does not end the call: the token may not read this item."""
        return bound_call.collect or (isinstance(error, RefusedError) and error.status != HTTPStatus.UNAUTHORIZED)

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
    """A call of one of the sessions, which ends when its own run or that of all sessions ends."""

    own: CallHandle  # of the session

    @classmethod
    def of(
        cls, own: CallHandle, progress: Progress, reading: Reading, on_result: Callable[[Reply | BaseException], None]
    ) -> _SharedCall:
        """Return a call of a session, whose requests are added to a progress."""
        call = cls(progress, on_result, own.on_message, own.on_answer, is_named=own.is_named, reading=reading, own=own)
        own.on_cancel = call.end_expected
        return call

    @property
    def cancelled(self) -> bool:
        """Return whether the call, its run or all runs were cancelled."""
        return self.own.cancelled or self.progress.cancelled
