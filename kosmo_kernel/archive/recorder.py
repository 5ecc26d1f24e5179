"""Record a run: every response is in its archive as soon as it has arrived, with secrets redacted.

`kosmo run` begins a run, and the kernel of the notebook records it; they share its name. A new run replaces the runs of
before at its first answer, unless their processes still write.

With `resume`, a run goes on with the runs of before, unless they have ended: it takes their answers, each once, and
adds new ones. What a later try may change is asked again: refusals (status 401, 403, 404 and 429) and status 5xx,
answers that never came, and those whose fingerprints have another key.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kosmo_kernel.accounts import Account
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.archive.answers import (
    TEXT,
    ResponseRedactor,
    StoredAnswer,
    StoredAnswers,
)
from kosmo_kernel.archive.file import add_bodies, open_archive
from kosmo_kernel.archive.runs import (
    CURRENT,
    METHOD,
    EarlierAnswers,
    RequestKey,
    account_row,
    begin_run,
    change_text,
    check_owner,
    delete_replaced,
    earlier_answers,
    end_closed_run,
    end_run,
    give_up,
    read_accounts,
)
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.call import Transport
from kosmo_kernel.client.transport import NoResponseError, TruncatedResponseError
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.text import counted, iso_time, parse_time

_COLUMNS = "run, account, function, request, outcome, status, headers, body, key, temporary, at, seconds, script"
_BODY = "(SELECT id FROM kosmo_bodies WHERE hash = ?)"
_VALUES = ", ".join(_BODY if name == "body" else "?" for name in _COLUMNS.split(", "))
_INSERT = f"INSERT INTO kosmo_answers ({_COLUMNS}) VALUES ({_VALUES})"


class RecordedAnswer(NamedTuple):
    """An answer to record."""

    key: RequestKey  # the request
    account: Account  # the account
    function: str  # the full name of the function
    answer: StoredAnswer  # what was answered
    seconds: float  # how long that took
    fingerprints: str | None = None  # the id of the key of the fingerprints in it, or None


class Recorder:
    """Record a run in an archive. Thread-safe.

    Parameters:
        file: the path of the archive; it is created if it does not exist.
        account: the account of calls that name none.
        run: the name of a run that `kosmo run` has begun; empty for another one.
        resume: take the answers of the runs of before, unless they have ended.

    Attributes:
        file: the same.
        resumes: whether the run goes on with the runs of before, if there are such.
        recorded_account: the account of the runs that this one goes on with; None if it begins anew.

    Raises:
        SettingsError: the file is no archive or cannot be used, or its answers are too old.
        FileWriteError: it cannot be written.
    """

    live = True

    def __init__(self, file: Path, account: str, run: str = "", *, resume: bool = False) -> None:
        self.file = file
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._pending: dict[int, RecordedAnswer] = {}  # failures that may be retried, by the request's number
        self._rows: dict[tuple[str, str, Account], int] = {}  # of accounts, by service and name
        self._count = 0  # answers to requests that were sent
        self._taken = 0
        self._closed = self._finished = self._failed = False
        self._unwritable: KosmoError | None = None  # why an answer could not be written
        self._script: str | None = None  # digest and name of a script, written with its first answer
        self._text = ""  # the summary, once the recording is closed
        self._archive = open_archive(file, writes=True)
        try:
            name = run or os.urandom(8).hex()
            self._run, before = begin_run(self._archive, name, account, resume=resume)
            self._known = read_accounts(self._archive) if before else []
            condition = f"kosmo_answers.id <= {self._run.takes_to} AND NOT temporary AND {CURRENT}"
            self._answers = StoredAnswers(self._archive, self._known, condition)
            self._earlier = earlier_answers(self._archive, self._run.takes_to, self._run.number)
        except BaseException:
            self._archive.close()
            raise
        self.recorded_account = before[-1].account or None if before else None
        self._begun = before[0].begun if before else self._run.begun
        self._last_taken = ""  # the time of the newest answer that was taken
        self.resumes = resume

    @property
    def taken_over(self) -> EarlierAnswers | None:
        """The answers that were taken over from earlier runs, or None for nothing."""
        return self._earlier._replace(answers=self._taken) if self._taken else None

    def now(self) -> datetime:
        """Return the time of the data: of a run that goes on, that of the last answer that it took, else the time."""
        if not self.resumes or self._count:
            return datetime.now(UTC)
        return max(self._begun, parse_time(self._last_taken)) if self._last_taken else self._begun

    def check_owner(self, account: Account) -> None:
        """Check that the answers that are taken are of the same token and address as an account.

        Raises:
            SettingsError: they are not. Nothing was sent.
        """
        check_owner(self._archive, self._known, account)

    def response(self, key: RequestKey, answer: StoredAnswer) -> Response:
        """Return the response of an answer that was taken.

        Raises:
            NoResponseError, TruncatedResponseError: there was none, or it ended early.
            SettingsError: the answer is damaged.
        """
        return self._answers.read(key, answer.response)

    def take(self, key: RequestKey) -> StoredAnswer | None:
        """Return the answer of an earlier run to a request, each once; None if the request must be sent.

        Raises:
            SettingsError: the answer is damaged.
        """
        if not self._known:
            return None
        with self._lock:
            answer = None if self._closed else self._answers.next(key)
            if answer is None:
                return None
            self._taken += 1
            self._last_taken = max(self._last_taken, answer.at)  # the times were checked when the run began
            return answer

    def begin_script(self, name: str, source: str) -> None:
        """Note which script makes the next requests, so that a run that goes on can tell whether it has changed."""
        from hashlib import sha256

        self._script = f"{sha256(source.encode(errors='replace')).hexdigest()[:16]} {name}"

    def transport(self, integration: Integration, account: Account, connections: Transport) -> Transport:
        """Return a transport that uses the account's connections and records the responses.

        Raises:
            SettingsError: answers of the account that are taken are of another token or address.
        """
        self.check_owner(account)
        return _RecordingTransport(self, integration, account, connections)

    def number(self) -> int:
        """Return the number of the next request."""
        return next(self._numbers)

    def check_writable(self) -> None:
        """Check, before a request is sent, that no answer before it could not be written.

        Raises:
            FileWriteError, SettingsError: one could not, for example because the disk is full.
        """
        if self._unwritable is not None:
            raise self._unwritable.with_traceback(None)

    def keep(self, number: int, recorded: RecordedAnswer, *, passing: bool) -> None:
        """Record how a request ended.

        Parameters:
            number: the request's number.
            recorded: the answer.
            passing: a retry may succeed: write it only if no later one of the same number replaces it.

        Raises:
            FileWriteError: the file cannot be written, for example because the disk is full.
        """
        if passing:
            self._pending[number] = recorded
            return
        self._pending.pop(number, None)
        self._write([recorded])

    def summary(self) -> str:
        """Return sentences with the number of answers that were taken and of requests that were recorded."""
        with self._lock:
            if self._closed:
                return self._text
            requests = counted(self._count + len(self._pending), "request")
            if not self._earlier.answers:
                return f"{requests} recorded in {self.file}."
            answers = f"{counted(self._taken, 'answer')} taken from {self.file}, the oldest {self._earlier.age_text}"
            return f"{answers}; {requests} sent and recorded.{change_text(self._archive, self._run)}"

    def finish(self) -> None:
        """Note that the run has come to its end, so that the next one does not go on with it.

        A run to which a service was missing, or whose token was revoked, is not at its end: another one may go on.

        Raises:
            FileWriteError: it cannot be written.
        """
        with self._lock:
            self._finished = True
            if self._closed and not self._failed:
                end_closed_run(self.file, self._run.name)

    def close(self) -> None:
        """Finish the recording. A file of before is as it was if no request was recorded.

        Raises:
            FileWriteError: what is left to write cannot be written.
        """
        with self._lock:
            if self._closed:
                return
            try:
                self._write(self._pending.values())
                self._pending.clear()
                with self._archive.transaction() as connection:
                    if self._finished and not self._failed:
                        end_run(connection, self._run.name)
                    if not self._count:
                        give_up(connection, self._run.number)
                self._text = self.summary()
            finally:
                self._closed = True
                self._archive.close()

    def _write(self, answers: Collection[RecordedAnswer]) -> None:
        """Write answers, unless the recording is closed: they arrived after `close`."""
        with self._lock:
            if self._closed or not answers:
                return
            try:
                with self._archive.transaction() as connection:
                    if not self._count:
                        delete_replaced(connection, self._run.number)
                    for answer in answers:
                        connection.execute(_INSERT, self._values(connection, answer))
            except BaseException as error:
                self._rows.clear()  # they may not be there
                self._unwritable = error if isinstance(error, KosmoError) else None
                raise
            self._count += len(answers)
            self._script = None
            self._failed = self._failed or any(answer.answer.is_unfinished for answer in answers)

    def _values(self, connection: sqlite3.Connection, recorded: RecordedAnswer) -> tuple[Any, ...]:
        """Return the row of an answer, whose account and body are added if they are new."""
        answer, key = recorded.answer, recorded.key
        account = key.service, key.account, recorded.account
        if account not in self._rows:
            self._rows[account] = account_row(self._archive, connection, *account[:2], recorded.account)
        return (
            self._run.number,
            self._rows[account],
            recorded.function,
            key.text,
            answer.outcome,
            answer.status,
            None if answer.headers is None else msgspec.json.encode(answer.headers).decode(),
            *add_bodies(connection, [answer.body.decode()]),
            recorded.fingerprints,
            answer.is_temporary,
            iso_time(datetime.now(UTC)),
            round(recorded.seconds, 6),
            self._script,
        )


class _NumberedRequest(NamedTuple):
    """A request to record."""

    number: int  # its number
    key: RequestKey  # its key in the archive
    inner: Any  # the request of the inner transport
    function: Function  # its function
    earlier: StoredAnswer | None  # the answer of an earlier run, or None


class _RecordingTransport:
    """A transport that records the responses of an account's connections."""

    def __init__(self, recorder: Recorder, integration: Integration, account: Account, connections: Transport) -> None:
        self._recorder, self._integration, self._account = recorder, integration, account
        self._connections = connections
        self._redactor = ResponseRedactor(integration, account)
        budget = integration.budget
        self._free = f"{METHOD} {budget.path}" if budget and budget.path else None

    @property
    def closed(self) -> bool:
        return self._connections.closed

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> Any:
        inner = self._connections.request(url, headers, function)
        key = RequestKey.of_call(self._integration, self._account, url, headers)
        return _NumberedRequest(self._recorder.number(), key, inner, function, self._recorder.take(key))

    def sends(self, request: Any) -> bool:
        return request.earlier is None

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        if request.earlier is not None:
            return self._recorder.response(request.key, request.earlier)
        self._recorder.check_writable()
        began = time.monotonic()
        try:
            reply = self._connections.send(request.inner, check)
        except NoResponseError as error:
            self._keep(request, self._redactor.none(error), began, passing=error.retryable != "never")
            raise
        except TruncatedResponseError as error:
            self._keep(request, self._redactor.broken(error, request.function), began, passing=True)
            raise
        answer = self._redactor.response(reply, request.function)
        self._keep(request, answer, began, passing=answer.is_passing)
        if answer.outcome == TEXT or request.function.fingerprints:
            return reply
        # The run gets what its replay will get, so that both are the same.
        reply.body = answer.body
        return reply

    def close(self) -> None:
        self._connections.close()

    def _keep(self, request: _NumberedRequest, answer: StoredAnswer, began: float, *, passing: bool) -> None:
        if request.key.text == self._free:
            return  # queries of the request budget are not recorded
        name = f"{self._integration.name}.{request.function.name}"
        key_id = fingerprints(self._account.alias).key_id if request.function.fingerprints else None
        recorded = RecordedAnswer(request.key, self._account, name, answer, time.monotonic() - began, key_id)
        self._recorder.keep(request.number, recorded, passing=passing)
