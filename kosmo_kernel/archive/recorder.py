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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kosmo_kernel.accounts import Account
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.archive.answers import StoredAnswer, StoredAnswers
from kosmo_kernel.archive.file import add_bodies, open_archive
from kosmo_kernel.archive.runs import (
    CURRENT,
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
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import ClientCall
from kosmo_kernel.errors import ApiError, KosmoError
from kosmo_kernel.text import counted, iso_time, parse_time

_INSERT = (
    "INSERT INTO kosmo_answers (run, account, function, request, outcome, status, requests, notes, scopes, body, key, "
    "temporary, at, seconds, script) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT id FROM kosmo_bodies WHERE hash = ?), "
    "?, ?, ?, ?, ?)"
)


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
        self._rows: dict[tuple[str, str, Account], int] = {}  # of accounts, by service and name
        self._count = self._requests = 0  # answers of the service, and the requests that they took
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

    def ask(self, call: ClientCall) -> Reply:
        """Return the answer that an earlier run left to a call, each once, else that of the service, which is recorded.

        Raises:
            ApiError: the service answered with an error.
            FileWriteError: the file cannot be written, now or for an answer before, after which nothing is sent.
            SettingsError: the answers of the account are of another token or address, or the answer is damaged.
        """
        if (earlier := self._taken_answer(call)) is not None:
            return self._answers.reply(call, earlier)
        if self._unwritable is not None:
            raise self._unwritable.with_traceback(None)
        began, answered = time.monotonic(), itertools.count()

        def on_answer() -> None:
            next(answered)
            call.on_answer()

        try:
            reply = call.fetch(on_answer)
        except ApiError as error:
            self._write(call, StoredAnswer.of_error(call, error, next(answered)), began)
            raise
        self._write(call, StoredAnswer.of_reply(call, reply), began)
        return reply

    def _taken_answer(self, call: ClientCall) -> StoredAnswer | None:
        """Return the answer of an earlier run to a call; None if the service must be asked."""
        if not self._known:
            return None
        self.check_owner(call.client.account)
        with self._lock:
            answer = None if self._closed else self._answers.next(call)
            if answer is not None:
                self._taken += 1
                self._last_taken = max(self._last_taken, answer.at)  # the times were checked when the run began
            return answer

    def begin_script(self, name: str, source: str) -> None:
        """Note which script makes the next requests, so that a run that goes on can tell whether it has changed."""
        from hashlib import sha256

        self._script = f"{sha256(source.encode(errors='replace')).hexdigest()[:16]} {name}"

    def summary(self) -> str:
        """Return sentences with the number of answers that were taken and of requests that were recorded."""
        with self._lock:
            if self._closed:
                return self._text
            requests = counted(self._requests, "request")
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
                with self._archive.transaction() as connection:
                    if self._finished and not self._failed:
                        end_run(connection, self._run.name)
                    if not self._count:
                        give_up(connection, self._run.number)
                self._text = self.summary()
            finally:
                self._closed = True
                self._archive.close()

    def _write(self, call: ClientCall, answer: StoredAnswer, began: float) -> None:
        """Write an answer, unless the recording is closed: it arrived after `close`."""
        with self._lock:
            if self._closed:
                return
            try:
                with self._archive.transaction() as connection:
                    if not self._count:
                        delete_replaced(connection, self._run.number)
                    connection.execute(_INSERT, self._values(connection, call, answer, time.monotonic() - began))
            except BaseException as error:
                self._rows.clear()  # they may not be there
                self._unwritable = error if isinstance(error, KosmoError) else None
                raise
            self._count += 1
            self._requests += answer.requests
            self._script = None
            self._failed = self._failed or answer.is_unfinished

    def _values(
        self, connection: sqlite3.Connection, call: ClientCall, answer: StoredAnswer, seconds: float
    ) -> tuple[Any, ...]:
        """Return the row of an answer, whose account and body are added if they are new."""
        key, account = RequestKey.of(call), call.client.account
        identity = key.service, key.account, account
        if identity not in self._rows:
            self._rows[identity] = account_row(self._archive, connection, *identity[:2], account)
        return (
            self._run.number,
            self._rows[identity],
            call.name,
            key.text,
            answer.outcome,
            answer.status,
            answer.requests,
            answer.notes,
            answer.scopes,
            *add_bodies(connection, [answer.body.decode()]),
            fingerprints(account.alias).key_id if call.function.fingerprints else None,
            answer.is_temporary,
            iso_time(datetime.now(UTC)),
            round(seconds, 6),
            self._script,
        )
