"""Replaying: a cassette answers in place of the network, and what is not in it is an error that says so."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.cassette import (
    METHOD,
    RESULTS,
    SERVERS,
    TIMESTAMP_FORMAT,
    VERSION,
    RecordedRequest,
    RecordedServerRequest,
    Transport,
)
from kosmo_kernel.client.connections import NoResponseError, TruncatedResponseError
from kosmo_kernel.errors import (
    ApiError,
    BadAnswerError,
    NotRecordedError,
    RateLimitError,
    RefusedError,
    SettingsError,
    UnreachableError,
)
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.settings.aliases import normalize_alias

# What a server's answer can come to, by its word in the cassette.
_FAILURES = {kind.type: kind for kind in (RefusedError, BadAnswerError, RateLimitError, UnreachableError)}
_NAMED = ("servers", "tools", "prompts")  # lists whose items are known by their names
_ANY = r'(?:[^"\\]|\\.)*'  # within a text of JSON


class Player:
    """Answers from a cassette. Threads may share it.

    Parameters:
        file: the cassette.

    Attributes:
        file: the same.
        recorded: when it was.
        account: what the run that was recorded meant by the account that it did not name.

    Raises:
        SettingsError: it cannot be read, or is no cassette; with the line.
    """

    live = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._answers: dict[RecordedRequest | RecordedServerRequest, list[dict[str, Any]]] = {}
        self._next: dict[RecordedRequest | RecordedServerRequest, int] = {}
        self._accounts: dict[str, dict[str, str]] = {}
        self._servers: dict[str, dict[str, Any]] = {}
        self._hidden: list[tuple[RecordedServerRequest, re.Pattern[str]]] = []  # questions that had secrets in them
        self.recorded, self.account = datetime.now(UTC), ""
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise SettingsError(f"The cassette {file} cannot be read: {error.strerror}.") from None
        if not lines:
            raise SettingsError(f"{file} is empty, and so no cassette. {self._again}")
        for number, line in enumerate(lines, 1):
            try:
                self._read(msgspec.json.decode(line), first=number == 1)
            except (ValueError, LookupError, TypeError) as error:
                why = str(error) if isinstance(error, ValueError) else f"{error} is missing or makes no sense"
                raise SettingsError(f"{file}:{number}: this is no line of a cassette: {why}. {self._again}") from None

    def wire(self, integration: Integration, account: Account, _connections: Transport) -> Transport:
        """The cassette in place of connections."""
        return _Replayed(self, integration, account)

    def accounts(self, integration: str) -> list[str]:
        """The accounts that were asked, in order of name, and the one that was meant."""
        asked = self._accounts.get(integration, {})
        return sorted({normalize_alias(self.account): self.account, **asked}.values())

    def answer(self, asked: RecordedRequest) -> Response:
        """What was recorded for a request.

        Raises:
            NotRecordedError: nothing.
            LostError: there was no answer.
            BrokenOffError: it did not end.
        """
        return _reply(self._line(asked.known(), str(asked)))

    def servers(self) -> dict[str, dict[str, Any]]:
        """The MCP servers that were configured or asked, by name, with what was said of each; nothing of most."""
        return self._servers

    def result(self, asked: RecordedServerRequest) -> dict[str, Any]:
        """What a server answered.

        Raises:
            NotRecordedError: nothing.
            ApiError: an error.
        """
        known = asked
        if asked not in self._answers:  # a secret in what was asked is not in the cassette
            like = (one for one, text in self._hidden if one[:2] == asked[:2] and text.fullmatch(asked.given))
            known = next(like, asked)
        line = self._line(known, str(asked))
        if "error" in line:
            raise _failure(line["error"])
        return dict(line["result"])

    def no_server(self, name: str) -> NotRecordedError:
        """The error for a server that is not in the cassette."""
        has = f"it has {', '.join(self._servers)}" if self._servers else "it has none"
        return NotRecordedError(
            f"{self.file} was recorded without the MCP server `{name}`; {has}. Nothing was started. {self._again}"
        )

    def summary(self) -> str:
        """That nothing is as it is now."""
        return f"Replayed from {self.file}, recorded {self.recorded.strftime(TIMESTAMP_FORMAT)}. Nothing was sent."

    def close(self) -> None:
        """There is nothing to be done."""

    def _line(self, known: RecordedRequest | RecordedServerRequest, said: str) -> dict[str, Any]:
        """The next line that was recorded for a request or a question, which a message calls so."""
        with self._lock:
            lines = self._answers.get(known, [])
            place = self._next.get(known, 0)
            self._next[known] = min(place + 1, len(lines) - 1)
        if not lines:
            count = sum(map(len, self._answers.values()))
            requests = f"{count:,} request{'' if count == 1 else 's'}"
            raise NotRecordedError(
                f"{said} is not in {self.file}, which has {requests} of {self.recorded.strftime(TIMESTAMP_FORMAT)}. "
                f"Nothing was sent. {self._again}"
            )
        return lines[place]

    @property
    def _again(self) -> str:
        return f"To record it anew, give the same command `--record {self.file}` in place of `--replay`."

    def _read(self, line: Any, *, first: bool) -> None:
        if not isinstance(line, dict):
            raise ValueError("it must be an object")  # noqa: TRY004 - told like every other mistake in the file
        if first:
            if line["cassette"] != VERSION:
                raise ValueError(f"its version is {line['cassette']!r}, and this is kosmo_kernel {__version__}")
            self.recorded = datetime.strptime(line["recorded"], TIMESTAMP_FORMAT).replace(tzinfo=UTC)
            self.account = str(line["account"])
            return
        if "mcp" in line:
            self._read_server(line)
            return
        if line["method"] != METHOD:
            raise ValueError(f"{line['method']!r} is no method that this package uses")
        headers = tuple(sorted(dict(line.get("asked", {})).items()))
        integration, account = str(line["integration"]), str(line["account"])
        asked = RecordedRequest(integration, account, str(line["path"]), headers)
        with suppress(NoResponseError, TruncatedResponseError):  # which are answers too
            _reply(line)
        self._answers.setdefault(asked.known(), []).append(line)
        self._accounts.setdefault(integration, {}).setdefault(normalize_alias(account), account)

    def _read_server(self, line: dict[str, Any]) -> None:
        server, method, asked = line["mcp"], line["method"], line.get("asked", {})
        if not isinstance(server, str) or not isinstance(asked, dict) or method not in RESULTS:
            raise ValueError(f"{method!r} is nothing that this package asks MCP servers")
        if "error" in line:
            _failure(line["error"])
        else:
            _check_result(method, line["result"])
        if method == SERVERS:
            for one in line["result"]["servers"]:
                self._servers[one["name"]] = self._servers.get(one["name"], {}) | one
            return
        self._servers.setdefault(server, {})["asked"] = True
        known = RecordedServerRequest.of(server, method, asked)
        if REDACTED in known.given and known not in self._answers:
            self._hidden.append((known, re.compile(re.escape(known.given).replace(re.escape(REDACTED), _ANY))))
        self._answers.setdefault(known, []).append(line)


class _Replayed:
    """A cassette in place of an account's connections."""

    closed = False

    def __init__(self, player: Player, integration: Integration, account: Account) -> None:
        self._player, self._integration, self._account = player, integration, account

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Any:
        return RecordedRequest.of(self._integration, self._account, url, headers, query)

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        check()
        return self._player.answer(request)

    def close(self) -> None:
        self.closed = True


def _reply(line: Mapping[str, Any]) -> Response:
    """How a request of a cassette ended."""
    if "no_answer" in line:
        raise NoResponseError(str(line["no_answer"]), str(line.get("advice", "")), "never")
    status, headers = line["status"], dict(line["headers"])
    if type(status) is not int or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("an answer has a status, which is a number, and headers, which are texts")
    if "broken" in line:
        raise TruncatedResponseError(str(line["broken"]), Response(status, headers, b""))
    body = str(line["text"]).encode() if "text" in line else msgspec.json.encode(line["body"])
    return Response(status, headers, body)


def _check_result(method: str, result: Any) -> None:
    """Look whether what a server answered has the form that it must have.

    Raises:
        ValueError: it has not.
    """
    within = RESULTS[method]
    listed = result.get(within, [] if "structuredContent" in result else None) if isinstance(result, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ValueError(f"`result` must have a list `{within}` of objects")
    if within in _NAMED and not all(isinstance(one.get("name"), str) for one in listed):
        raise ValueError(f"each of `{within}` must have a `name`")


def _failure(told: Mapping[str, Any]) -> ApiError:
    """What a server's answer came to."""
    about = {name: told[name] for name in ("status", "id", "request_id", "function", "account") if name in told}
    return _FAILURES[told["type"]](str(told["message"]), **about)
