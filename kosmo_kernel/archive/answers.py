"""The answers that an archive stores: outcomes of requests, with secrets redacted when they arrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

import msgspec

from kosmo_kernel.accounts import Account
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.archive.file import Archive
from kosmo_kernel.archive.runs import AskedAccount, RequestKey
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import LINK, NEXT_RANGE, Response
from kosmo_kernel.client.secrets import ERROR_WORD, clean, quotable_headers, without_secrets
from kosmo_kernel.client.transport import NoResponseError, TruncatedResponseError
from kosmo_kernel.safety.decoder import DecodeError, decode, decode_json
from kosmo_kernel.safety.redaction import REDACTED, in_texts, redact, would_change

# Outcomes of a request: a body that is JSON, one that is not, one that says that there is no record, one that ended
# early, and no response.
JSON, TEXT, NONE, BROKEN, NO_ANSWER = "json", "text", "none", "broken", "no answer"
# Statuses after which a later run may get another answer: there were too many requests, the token was no longer valid
# or has got more scopes since, or what was not there may be there by now. So may it after a fault of the service.
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
# The headers that the client reads of every service, besides those that an integration names.
_READ = frozenset({"content-type", "location", "retry-after", LINK, NEXT_RANGE})


class StoredAnswer(NamedTuple):
    """The outcome of a request."""

    outcome: str  # one of the names above
    # `status`, `headers`: those of the response; None if there was none.
    status: int | None
    headers: Mapping[str, str] | None
    body: bytes  # what was answered, or why there is no answer, as UTF-8
    at: str = ""  # when, as a text of ISO 8601; empty before it is stored

    @property
    def is_passing(self) -> bool:
        """True if the service failed in a way that may have passed at the next try, so that the run has no end yet."""
        if self.outcome in (TEXT, BROKEN, NO_ANSWER):
            return True
        status = self.status or HTTPStatus.OK
        return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def is_unfinished(self) -> bool:
        """True if the run has no end yet: the fault may have passed, or the token may be replaced."""
        return self.is_passing or self.status == HTTPStatus.UNAUTHORIZED

    @property
    def is_temporary(self) -> bool:
        """True if a later run asks again, because the answer may be another one by then."""
        return self.is_passing or (self.outcome != NONE and self.status in _REFUSALS)

    def response(self) -> Response:
        """Return the response.

        Raises:
            NoResponseError: there was none.
            TruncatedResponseError: it ended early.
            ValueError, LookupError, TypeError: the answer makes no sense.
        """
        if self.outcome == NO_ANSWER:
            facts = decode_json(self.body, "its reason", ValueError)
            raise NoResponseError(str(facts["why"]), str(facts["advice"]), "never")
        if self.status is None or self.headers is None or self.outcome not in (JSON, TEXT, NONE, BROKEN):
            raise ValueError(f"`{self.outcome}` is no response with a status and headers")
        if self.outcome == BROKEN:
            raise TruncatedResponseError(self.body.decode(), Response(self.status, self.headers, b""))
        return Response(self.status, self.headers, self.body)


class ResponseRedactor:
    """Makes the answers of an account, without secrets.

    Parameters:
        integration: the service.
        account: the account.
    """

    def __init__(self, integration: Integration, account: Account) -> None:
        self._account = account
        names = {integration.request_id, integration.credentials.scopes or "", *integration.read_headers}
        self._read = _READ | {name.lower() for name in names if name}

    def response(self, reply: Response, function: Function) -> StoredAnswer:
        """Return the answer of a complete response."""
        headers = self._headers(reply, function)
        try:
            value = decode(reply.body)
        except DecodeError:
            text = without_secrets(reply.body.decode(errors="replace"), function)
            return StoredAnswer(TEXT, reply.status, headers, self._text(text if function.is_quotable else REDACTED))
        if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            value = function.arranged(value, self._fingerprint) if function.arranged else value
            value = clean(function, value, self._fingerprint)
        elif not function.is_quotable:
            value = _error_word(value)
        outcome = NONE if _says_none(reply, function, value) else JSON
        return StoredAnswer(outcome, reply.status, headers, redacted_json(value, self._redact))

    def broken(self, error: TruncatedResponseError, function: Function) -> StoredAnswer:
        """Return the answer of a response that ended early."""
        reply = error.reply
        return StoredAnswer(BROKEN, reply.status, self._headers(reply, function), self._text(str(error)))

    def none(self, error: NoResponseError) -> StoredAnswer:
        """Return the answer of a request that got no response."""
        facts = {"why": error.reason, "advice": error.advice}
        return StoredAnswer(NO_ANSWER, None, None, redacted_json(facts, self._redact))

    def _headers(self, reply: Response, function: Function) -> dict[str, str]:
        headers = quotable_headers(function, reply.headers).items()
        return {name: self._redact(value) for name, value in headers if name in self._read or "warning" in name}

    def _fingerprint(self, secret: object) -> str:
        return fingerprints(self._account.alias).of(secret)

    def _redact(self, text: str) -> str:
        return redact(text, (self._account.token.reveal(),))

    def _text(self, text: str) -> bytes:
        return self._redact(text).encode(errors="replace")


def redacted_json(value: Any, change: Callable[[str], str]) -> bytes:
    """Return the JSON of a value whose texts are changed. Most values have no secret, which their JSON shows."""
    try:
        written = msgspec.json.encode(value)
    except UnicodeEncodeError:  # half a character, which an MCP server can send
        return msgspec.json.encode(in_texts(value, change))
    return msgspec.json.encode(in_texts(value, change)) if would_change(written.decode(), change) else written


def _says_none(reply: Response, function: Function, body: Any) -> bool:
    """Return whether a response says that there is no record where a function has at most one, which is no error."""
    if reply.status == HTTPStatus.NOT_FOUND and any(link.is_optional for link in function.links):
        return True
    missing = body.get("resource") if isinstance(body, dict) else None
    if reply.status != HTTPStatus.NOT_FOUND or not missing or not any(link.single for link in function.links):
        return False
    return missing not in {
        placeholder.removesuffix("_id") for link in function.links for placeholder in link.placeholders
    }


def _error_word(value: Any) -> dict[str, str]:
    """Return what is stored of an error about things that hold secrets."""
    words = {
        key: value[key] for key in ("id", "resource") if isinstance(value, dict) and isinstance(value.get(key), str)
    }
    return {key: word for key, word in words.items() if ERROR_WORD.fullmatch(word)} | {"message": REDACTED}


_T = TypeVar("_T")

_MAX_HEADERS_BYTES = 1 << 20


class StoredAnswers:
    """The answers of some runs of an archive, in the order in which they came.

    Parameters:
        archive: the archive.
        accounts: the accounts whose answers are taken.
        condition: which answers, in SQL.
    """

    def __init__(self, archive: Archive, accounts: Sequence[AskedAccount], condition: str) -> None:
        self._archive, self._condition = archive, condition
        self._sql = (
            "SELECT kosmo_answers.id, outcome, status, headers, at, hash, kosmo_bodies.body FROM kosmo_answers "
            "LEFT JOIN kosmo_bodies ON kosmo_bodies.id = kosmo_answers.body "
            f"WHERE request = ? AND account = ? AND kosmo_answers.id > ? AND {condition} "
            "ORDER BY kosmo_answers.id LIMIT 1"
        )
        self._accounts: dict[tuple[str, str], list[int]] = {}
        for account in accounts:
            self._accounts.setdefault(account.key, []).append(account.number)
        self._last: dict[RequestKey, int] = {}  # the number of the last answer that was taken

    def next(self, key: RequestKey, *, repeats: bool = False) -> StoredAnswer | None:
        """Return the next answer to a request, or None if there is none.

        Parameters:
            key: the request.
            repeats: after the last answer, return that one again.

        Raises:
            SettingsError: the answer is damaged.
        """
        key = key._replace(account=key.account_key[1])
        row = self._row(key, self._last.get(key, 0))
        if row is None and repeats and key in self._last:
            row = self._row(key, self._last[key] - 1)
        if row is None:
            return None
        self._last[key] = row[0]
        return self.read(key, lambda: self._answer(*row[1:]))

    def read(self, key: RequestKey, read: Callable[[], _T]) -> _T:
        """Return what `read` makes of the answer to a request.

        Raises:
            SettingsError: the answer makes no sense; the message names the file.
        """
        try:
            return read()
        except (ValueError, LookupError, TypeError) as error:
            raise self._archive.damaged(f"the answer to `{str(key)[:200]}` makes no sense: {error}") from None

    def _row(self, key: RequestKey, after: int) -> tuple[Any, ...] | None:
        for account in self._accounts.get(key[:2], ()):
            if rows := self._archive.rows(self._sql, (key.text, account, after)):
                return rows[0]
        return None

    def _answer(self, *row: Any) -> StoredAnswer:
        outcome, status, headers, at, digest, body = row
        if not (isinstance(outcome, str) and isinstance(at, str) and (status is None or type(status) is int)):
            raise ValueError("its outcome, status and time must be text, a number and text")
        header_fields = None if headers is None else _headers(headers)
        return StoredAnswer(outcome, status, header_fields, self._archive.body(digest, body), at)


def _headers(text: Any) -> Mapping[str, str]:
    """Return the headers of an answer.

    Raises:
        ValueError: they are none.
    """
    try:
        headers = decode(str(text), max_bytes=_MAX_HEADERS_BYTES, max_depth=1)
    except DecodeError:
        raise ValueError("its headers must be a short text, which has one object") from None
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("its headers must be an object of texts")
    return headers
