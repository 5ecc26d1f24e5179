"""The store of answers: what services answered to a session, so that questions ask for each list once.

`Answers` keeps whole answers after redaction, each under the address that was asked and the account that asked it. A
list argument of 500 apps is 500 answers, so that any other question can use any of them. A function of a service always
asks, and what it got is kept. A question (a check, a table, the inventory) asks through a `Reading`, which takes an
answer that was at most `MAX_AGE_SECONDS` old when the run began. What a run has read it uses to its end, even if that
takes longer.

Answers are kept as JSON, the newest `MAX_BYTES` of it. A run keeps the lists of the whole account that it has read to
its end, also those that the store has dropped: there are few of them, and many questions need them. Failures are kept
by the reading alone, so that one run asks once for what cannot be read, and the next run asks again. Of two threads
that want the same answer, one asks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct, field

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import NEWEST, SINCE, Function
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.secrets import form_of
from kosmo_kernel.errors import ApiError
from kosmo_kernel.text import Moment
from kosmo_kernel.values.records import PackedRows

MAX_AGE_SECONDS = 600.0  # of an answer when the run of a question begins
YOUNG_SECONDS = 60.0  # up to which the age of an answer is not told
MAX_BYTES = 64 << 20  # of the JSON of all answers
OVERHEAD_BYTES = 700  # that an answer takes besides its JSON
_POLL_SECONDS = 0.1  # between two looks of a waiting thread whether its run has ended
_HASH_BYTES = 16


class AnswerKey(NamedTuple):
    """Identify an answer by what was asked."""

    service: str
    account: bytes  # a hash of its address and its token
    path: str  # with the query, and of another host than that of the API with its name
    range: str  # `newest` and `since` of the call
    form: str  # how the function reads and redacts what came: functions of one address share answers of one form
    of_account: bool  # of a call without arguments


def address_of(function: Function, args: Mapping[str, object]) -> tuple[str, str]:
    """Return the path that a call asks for, and the part of the list, `newest 5`; empty for all of it."""
    # Where a record says which of several addresses is asked, the arguments stand in place of the address.
    link = None if function.chooser else function.link(args)
    path = f"{link.host}{function.url(args)}" if link else f"/{function.name} {sorted(args.items())}"
    return path, ", ".join(f"{name} {args[name]}" for name in (NEWEST, SINCE) if args.get(name))


class KeptAnswer(Struct, frozen=True):
    """A whole answer."""

    content: PackedRows  # the records as JSON, or the one record as a list
    is_list: bool
    read: Moment  # when it was there
    number: int  # the order in which answers came
    size: int  # in bytes
    has_age: bool  # whether it came from a service now, and not from an archive, which has its own time

    def reply(self) -> Reply:
        """Return the answer as a new reply; its records are decoded when somebody reads them."""
        rows = PackedRows(parts=self.content.parts())
        return Reply([rows if self.is_list else rows[0]])


class Reading:
    """Hold what the questions of one run may take from the store, and what they have taken.

    Parameters:
        after: the number of the last answer before the run.
        began: when the run began.
        fresh: take no answer that was there before the run.

    Attributes:
        oldest: when the oldest answer was read that the run has used; None before the first.
        from_store: the number of answers that were there before they were asked for.
        failures: what could not be read in this run.
    """

    def __init__(self, after: int, began: Moment, *, fresh: bool = False) -> None:
        self._after, self._began, self._fresh = after, began, fresh
        self.oldest: datetime | None = None
        self.from_store = 0
        self.failures: dict[AnswerKey, ApiError] = {}
        self._lists: dict[AnswerKey, KeptAnswer] = {}  # of the whole account, that the run has used

    def age_note(self, ask_again: str) -> str:
        """Return a note on the age of the oldest answer when the run began; empty if that was young.

        Parameters:
            ask_again: what the user gives to ask again: an argument, or an option.
        """
        if self.oldest is None or (age := (self._began.time - self.oldest).total_seconds()) <= YOUNG_SECONDS:
            return ""
        return f"read at {self.oldest.astimezone():%H:%M} ({age // 60:.0f} min ago); {ask_again} asks again"

    def chosen(self, key: AnswerKey, answer: KeptAnswer | None) -> KeptAnswer | None:
        """Return the answer of the store if it is new enough, else that which the run has used before, or None."""
        if answer and (answer.number > self._after or self._is_new(answer)):
            return answer
        return self._lists.get(key)

    def _is_new(self, answer: KeptAnswer) -> bool:
        return not self._fresh and self._began.seconds_since(answer.read) <= MAX_AGE_SECONDS

    def note(self, key: AnswerKey, answer: KeptAnswer, *, from_store: bool) -> None:
        """Note that the run uses an answer, which the store had or which has just come."""
        self.from_store += from_store
        if key.of_account:
            self._lists[key] = answer
        if answer.has_age:
            self.oldest = min(self.oldest or answer.read.time, answer.read.time)


class _Request(Struct, eq=False):
    """A request under way."""

    ended: threading.Event = field(default_factory=threading.Event)


class Answers:
    """The answers of a session. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secret = os.urandom(_HASH_BYTES)
        self._answers: dict[AnswerKey, KeptAnswer] = {}  # the oldest first
        self._requests: dict[AnswerKey, _Request] = {}
        self._size = self._count = 0

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self._answers)

    @property
    def size(self) -> int:
        """The bytes that all answers take."""
        return self._size

    def reading(self, began: Moment | None = None, *, fresh: bool = False, of_all: bool = False) -> Reading:
        """Return the reading of a run of questions.

        Parameters:
            began: when the run began; now when None.
            fresh: take no answer from before.
            of_all: the run began with the session, as in `kosmo run`, so that no answer is too old.
        """
        return Reading(0 if of_all and not fresh else self._count, began or Moment.now(), fresh=fresh)

    def key(self, account: Account, function: Function, args: Mapping[str, object]) -> AnswerKey:
        """Return the key of the answer to a call without a list argument."""
        who = blake2b(f"{account.url}\0{account.token.reveal()}".encode(errors="surrogatepass"), key=self._secret)
        return AnswerKey(account.integration, who.digest(), *address_of(function, args), form_of(function), not args)

    def take(self, key: AnswerKey, reading: Reading) -> Reply | None:
        """Return an answer that a reading accepts, or None.

        Raises:
            ApiError: the same run could not read it before.
        """
        with self._lock:
            if failure := reading.failures.get(key):
                raise _copied(failure)
            answer = reading.chosen(key, self._answers.get(key))
            if answer is None:
                return None
            reading.note(key, answer, from_store=True)
        return answer.reply()

    def ask(
        self,
        key: AnswerKey,
        request: Callable[[], Reply],
        reading: Reading | None,
        check: Callable[[], None],
        *,
        has_age: bool = True,
    ) -> Reply:
        """Return the answer to a call: for a reading one that it accepts, else what a request gets, which is kept.

        Parameters:
            key: what is asked.
            request: sends the request, and returns the whole answer.
            reading: the reading of a question; None for a function, which always asks.
            check: raises an error if the run has ended; called while another thread makes the same request.
            has_age: the answer comes from a service now, and not from an archive.

        Raises:
            ApiError: the service answered with an error.
        """
        own = _Request()
        while True:
            if reading and (reply := self.take(key, reading)):
                return reply
            with self._lock:
                other = self._requests.get(key)
                if other is None or reading is None:
                    self._requests[key] = own
                    break
            while not other.ended.wait(_POLL_SECONDS):
                check()
        try:
            return self._keep(key, request(), reading, has_age=has_age)
        except ApiError as error:
            if reading:
                with self._lock:
                    reading.failures[key] = _copied(error)
            raise
        finally:
            with self._lock:
                if self._requests.get(key) is own:
                    del self._requests[key]
            own.ended.set()

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._answers.clear()
            self._size = 0

    def _keep(self, key: AnswerKey, reply: Reply, reading: Reading | None, *, has_age: bool) -> Reply:
        """Keep the whole answer of a reply, and return the reply, whose records are there as JSON, too."""
        data = reply.values[0]
        is_list = not isinstance(data, dict)
        content = data.packed() if isinstance(data, PackedRows) else PackedRows.of(data if is_list else [data])
        size = sum(len(text) for _, text in content.parts()) + OVERHEAD_BYTES
        with self._lock:
            self._count += 1
            answer = KeptAnswer(content, is_list, Moment.now(), self._count, size, has_age)
            if reading:
                reading.note(key, answer, from_store=False)
            if replaced := self._answers.pop(key, None):
                self._size -= replaced.size
            if size <= MAX_BYTES:
                self._answers[key] = answer
                self._size += size
            while self._size > MAX_BYTES:
                self._size -= self._answers.pop(next(iter(self._answers))).size
        if is_list:
            reply.values[0] = PackedRows(None if isinstance(data, PackedRows) else data, content.parts())
        return reply


def _copied(error: ApiError) -> ApiError:
    """Return a copy of an error, because each run adds its place in the script to it."""
    copy = type(error).__new__(type(error), *error.args)
    vars(copy).update(vars(error))
    return copy
