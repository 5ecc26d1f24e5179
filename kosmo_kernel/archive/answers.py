"""Take the answers of an archive, each in its turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from kosmo_kernel.archive.accounts import AskedAccount
from kosmo_kernel.archive.file import Archive
from kosmo_kernel.archive.requests import MCP, RequestKey, matches
from kosmo_kernel.archive.responses import StoredAnswer
from kosmo_kernel.safety.intake import is_deeper_than
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.values.records import decode

_T = TypeVar("_T")

MAX_HIDDEN = 100_000  # requests to MCP servers that have redacted secrets
_MAX_HEADERS = 1 << 20  # characters


class TakenAnswer(NamedTuple):
    """An answer with its time, as a text of ISO 8601."""

    answer: StoredAnswer
    at: str


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
        for one in accounts:
            self._accounts.setdefault(one.key, []).append(one.number)
        self._last: dict[RequestKey, int] = {}  # the number of the last answer that was taken
        self._hidden: list[RequestKey] | None = None

    def next(self, key: RequestKey, *, repeats: bool = False) -> TakenAnswer | None:
        """Return the next answer to a request, or None if there is none.

        Parameters:
            key: the request.
            repeats: after the last answer, return that one again.

        Raises:
            SettingsError: the answer is damaged.
        """
        key = key._replace(account=key.account_key[1])
        row = self._row(key, self._last.get(key, 0))
        if row is None and key not in self._last and key.service == MCP:
            known = next((one for one in self._requests_with_secrets() if _is_same(one, key)), None)
            return self.next(known, repeats=repeats) if known else None
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

    def _answer(self, *row: Any) -> TakenAnswer:
        outcome, status, headers, at, digest, body = row
        if not (isinstance(outcome, str) and isinstance(at, str) and (status is None or type(status) is int)):
            raise ValueError("its outcome, status and time must be text, a number and text")
        known = None if headers is None else _headers(headers)
        return TakenAnswer(StoredAnswer(outcome, status, known, self._archive.body(digest, body)), at)

    def _requests_with_secrets(self) -> list[RequestKey]:
        """Return the recorded requests to MCP servers whose secrets are redacted."""
        if self._hidden is None:
            names = {number: name for (service, name), numbers in self._accounts.items() for number in numbers
                     if service == MCP}  # fmt: skip
            rows = self._archive.rows(
                "SELECT DISTINCT account, request FROM kosmo_answers "
                f"WHERE instr(request, ?) AND {self._condition} LIMIT {MAX_HIDDEN}",
                (REDACTED,),
            )
            self._hidden = [
                RequestKey(MCP, names[account], text)
                for account, text in rows
                if account in names and isinstance(text, str)
            ]
        return self._hidden


def _headers(text: Any) -> Mapping[str, str]:
    """Return the headers of an answer.

    Raises:
        ValueError: they are none.
    """
    if not isinstance(text, str) or len(text) > _MAX_HEADERS or is_deeper_than(text.encode(), 1):
        raise ValueError("its headers must be a short text, which has one object")
    headers = decode(text.encode())
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("its headers must be an object of texts")
    return headers


def _is_same(recorded: RequestKey, key: RequestKey) -> bool:
    return recorded.account == key.account and recorded != key and matches(recorded.text, key.text)
