"""The answers that an archive stores: what each call of a function was answered, after redaction.

An answer is a whole list, one record, or the facts of the error that there was. It is looked up by the address and the
account that were asked, and functions that read and redact alike share it, as in the store of a session.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple

import msgspec

from kosmo_kernel.archive.file import MAX_VALUE_BYTES, Archive, Fact, Name
from kosmo_kernel.archive.runs import AskedAccount, RequestKey
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import ClientCall
from kosmo_kernel.client.secrets import clean, form_of
from kosmo_kernel.errors import ApiError, SettingsError, api_error
from kosmo_kernel.safety.decoder import DecodeError, decode
from kosmo_kernel.safety.redaction import in_texts, redact, would_change

LIST: Final = "list"  # the outcomes of a call
RECORD: Final = "record"
FAILURE: Final = "failure"
MAX_ANSWER_VALUES = 3_000_000  # a list of 60,000 apps; they take up to 300 MB while they are decoded
LARGE_BODY_BYTES = 1 << 20  # from which on the records of an answer are kept as JSON
MAX_FACTS = 100  # of an error
# Statuses after which a later run may get another answer: the token was no longer valid or has got more scopes since,
# or what was not there may be there by now. So may it after a fault of the service, or too many requests.
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_COLUMNS = "kosmo_answers.id, outcome, status, requests, notes, scopes, at, hash, kosmo_bodies.body"


class StoredAnswer(NamedTuple):
    """The answer to a call."""

    outcome: Literal["list", "record", "failure"]
    status: int | None  # 200, or that of the error; None if there was no response
    requests: int  # that were answered
    notes: str  # the notes of the reply, a list as JSON
    scopes: Name  # those that the service has reported of the token
    at: str  # when, as a text of ISO 8601; empty before it is stored
    body: bytes  # the records, the record, or the facts of the error, as JSON

    @classmethod
    def of_reply(cls, call: ClientCall, reply: Reply) -> StoredAnswer:
        """Return what is stored of a reply, which gets the same."""
        reply.values[0], body = _redacted(call, reply.data)
        reply.notes, notes = _redacted(call, list(reply.notes))
        outcome: Literal["list", "record"] = RECORD if isinstance(reply.data, dict) else LIST
        return cls(outcome, HTTPStatus.OK, reply.requests, notes.decode(), call.client.scopes_text, "", body)

    @classmethod
    def of_error(cls, call: ClientCall, error: ApiError, requests: int) -> StoredAnswer:
        """Return what is stored of an error."""
        parts = {"where": error.where, "text": error.text, "advice": error.advice}
        _, body = _redacted(call, error.facts() | parts)
        return cls(FAILURE, error.status, requests, "[]", call.client.scopes_text, "", body)

    @property
    def is_temporary(self) -> bool:
        """True if a later run asks again, because the answer may be another one by then."""
        return self.outcome == FAILURE and (self.status in _REFUSALS or api_error(self._value()).retryable)

    @property
    def is_unfinished(self) -> bool:
        """True if the run has no end yet: the fault may have passed, or the token may be replaced."""
        return self.is_temporary and self.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)

    def reply(self, call: ClientCall) -> Reply:
        """Return the answer as the reply that it was.

        Raises:
            ApiError: it was this error.
            LimitError: the run has more than it may.
            ValueError, LookupError, TypeError: the answer makes no sense.
        """
        value = self._value()
        if not isinstance(value, list if self.outcome == LIST else dict):
            raise ValueError(f"`{self.outcome}` is no outcome of such a body")  # noqa: TRY004 - the caller has one error
        call.client.scopes_text = self.scopes
        for _ in range(self.requests):
            call.progress.answered(None)
            call.on_answer()
        rows: list[Any] = value if isinstance(value, list) else [value]
        if self.outcome == FAILURE:
            raise api_error(rows[0])
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("a list has something that is no record")
        call.progress.received.take(len(self.body), len(rows), lambda: call.name)
        notes = decode(self.notes, max_depth=1, type=list[str])
        return Reply([clean(call.function, value, str)], self.requests, None, notes)

    def _value(self) -> Any:
        try:
            if self.outcome == FAILURE:
                return decode(self.body, max_values=MAX_FACTS, type=dict[str, Fact])
            return decode(self.body, max_bytes=MAX_VALUE_BYTES, max_values=MAX_ANSWER_VALUES)
        except DecodeError as error:
            raise ValueError(f"it is no JSON within bounds: {error}") from None


def _redacted(call: ClientCall, value: Any) -> tuple[Any, bytes]:
    """Return a value without the token of the account, which most values do not have, and its JSON."""

    def change(text: str) -> str:
        return redact(text, (call.client.account.token.reveal(),))

    body = msgspec.json.encode(value)
    if would_change(body.decode(), change):
        value = in_texts(value, change)
        body = msgspec.json.encode(value)
    return value, body


class StoredAnswers:
    """The answers of some runs of an archive, in the order in which they came.

    Parameters:
        archive: the archive.
        accounts: the accounts whose answers are taken.
        condition: which answers, in SQL.
    """

    def __init__(self, archive: Archive, accounts: Sequence[AskedAccount], condition: str) -> None:
        self._archive = archive
        self._sql = (
            f"SELECT {_COLUMNS} FROM kosmo_answers LEFT JOIN kosmo_bodies ON kosmo_bodies.id = kosmo_answers.body "
            "WHERE request = ? AND account = ? AND function IN (SELECT value FROM json_each(?)) "
            f"AND kosmo_answers.id > ? AND {condition} ORDER BY kosmo_answers.id LIMIT 1"
        )
        self._accounts: dict[tuple[str, str], list[int]] = {}
        for account in accounts:
            self._accounts.setdefault(account.key, []).append(account.number)
        self._alike: dict[str, str] = {}  # the functions that share answers, as JSON, by the form of their answers
        self._last: dict[tuple[RequestKey, str], int] = {}  # the number of the last answer that was taken
        self._decoding = threading.Lock()  # because many large answers at once would fill the memory

    def next(self, call: ClientCall, *, repeats: bool = False) -> StoredAnswer | None:
        """Return the next answer to a call, or None if there is none.

        Parameters:
            call: the call.
            repeats: after the last answer, return that one again.

        Raises:
            SettingsError: the answer is damaged.
        """
        key = RequestKey.of(call), form_of(call.function)
        row = self._row(call, key, self._last.get(key, 0))
        if row is None and repeats and key in self._last:
            row = self._row(call, key, self._last[key] - 1)
        if row is None:
            return None
        self._last[key], *columns, digest, body = row
        try:
            return msgspec.convert([*columns, self._archive.body(digest, body)], StoredAnswer)
        except ValueError as error:
            raise self._makes_no_sense(call, error) from None

    def reply(self, call: ClientCall, answer: StoredAnswer) -> Reply:
        """Return an answer as the reply that it was, see `StoredAnswer.reply`.

        Raises:
            SettingsError: the answer makes no sense; the message names the file.
        """
        try:
            with self._decoding:
                reply = answer.reply(call)
                is_large = answer.outcome == LIST and len(answer.body) > LARGE_BODY_BYTES
                return reply.pack() if is_large else reply
        except (ValueError, LookupError, TypeError) as error:
            raise self._makes_no_sense(call, error) from None

    def _makes_no_sense(self, call: ClientCall, error: Exception) -> SettingsError:
        return self._archive.damaged(f"the answer to `{str(RequestKey.of(call))[:200]}` makes no sense: {error}")

    def _row(self, call: ClientCall, key: tuple[RequestKey, str], after: int) -> tuple[Any, ...] | None:
        request, form = key
        if form not in self._alike:
            service = call.client.integration
            names = [f"{service.name}.{other.name}" for other in service.functions if form_of(other) == form]
            self._alike[form] = msgspec.json.encode([call.name, *names]).decode()
        for account in self._accounts.get(request.account_key, ()):
            if rows := self._archive.rows(self._sql, (request.text, account, self._alike[form], after)):
                return rows[0]
        return None
