"""Replay a cassette in place of the network. A request that is not in the cassette is an error."""

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
from kosmo_kernel.catalogue import Function, Integration
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
    api_error,
)
from kosmo_kernel.client.connections import NoResponseError, TruncatedResponseError
from kosmo_kernel.client.progress import counted
from kosmo_kernel.errors import NotRecordedError, SettingsError
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.settings.aliases import normalize_alias

_NAMED = ("servers", "tools", "prompts")  # lists whose items must have a name
_ANY = r'(?:[^"\\]|\\.)*'  # any content of a JSON string


class Player:
    """Answer requests from a cassette. Thread-safe.

    Parameters:
        file: the path of the cassette.

    Attributes:
        file: the same.
        recorded: the time of the recording.
        account: the account of calls that named none in the recorded run.

    Raises:
        SettingsError: the file cannot be read or is no cassette; the message names the line.
    """

    live = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._answers: dict[RecordedRequest | RecordedServerRequest, list[dict[str, Any]]] = {}
        self._next: dict[RecordedRequest | RecordedServerRequest, int] = {}
        self._accounts: dict[str, dict[str, str]] = {}
        self._servers: dict[str, dict[str, Any]] = {}
        self._hidden: list[tuple[RecordedServerRequest, re.Pattern[str]]] = []  # requests with redacted secrets
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

    def transport(self, integration: Integration, account: Account, _connections: Transport) -> Transport:
        """Return a transport that answers from the cassette."""
        return _ReplayingTransport(self, integration, account)

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the recorded accounts and of the run's account, sorted."""
        recorded = self._accounts.get(integration, {})
        return sorted({normalize_alias(self.account): self.account, **recorded}.values())

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that is not in the cassette."""
        has = dict.fromkeys(known for integration in self._accounts or ("",) for known in self.accounts(integration))
        return f"{self.file} was recorded without the account `{alias}`; it has {', '.join(has)}."

    def answer(self, asked: RecordedRequest) -> Response:
        """Return the recorded response to a request.

        Raises:
            NotRecordedError: the request was not recorded.
            NoResponseError: the request got no response.
            TruncatedResponseError: the response ended early.
        """
        return _reply(self._line(asked.lookup_key(), str(asked)))

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the MCP servers of the recorded run by name, each with its recorded configuration, if any."""
        return self._servers

    def result(self, asked: RecordedServerRequest) -> dict[str, Any]:
        """Return the recorded result of a request to an MCP server.

        Raises:
            NotRecordedError: the request was not recorded.
            ApiError: the request led to an error.
        """
        known = asked
        if asked not in self._answers:  # its arguments may have secrets, which are redacted in the cassette
            matches = (one for one, text in self._hidden if one[:2] == asked[:2] and text.fullmatch(asked.params))
            known = next(matches, asked)
        line = self._line(known, str(asked))
        if "error" in line:
            raise api_error(line["error"])
        return dict(line["result"])

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server that is not in the cassette."""
        has = f"it has {', '.join(self._servers)}" if self._servers else "it has none"
        return NotRecordedError(
            f"{self.file} was recorded without the MCP server `{name}`; {has}. Nothing was started. {self._again}"
        )

    def summary(self) -> str:
        """Return the line that says that the run was replayed."""
        return f"Replayed from {self.file}, recorded {self.recorded.strftime(TIMESTAMP_FORMAT)}. Nothing was sent."

    def close(self) -> None:
        """Do nothing; a `Cassette` has this method."""

    def _line(self, known: RecordedRequest | RecordedServerRequest, label: str) -> dict[str, Any]:
        """Return the next recorded line for a request, which error messages call `label`."""
        with self._lock:
            lines = self._answers.get(known, [])
            place = self._next.get(known, 0)
            self._next[known] = min(place + 1, len(lines) - 1)
        if not lines:
            count = sum(map(len, self._answers.values()))
            requests = counted(count, "request")
            raise NotRecordedError(
                f"{label} is not in {self.file}, which has {requests} of {self.recorded.strftime(TIMESTAMP_FORMAT)}. "
                f"Nothing was sent. {self._again}"
            )
        return lines[place]

    @property
    def _again(self) -> str:
        return f"To record it anew, give the same command `--record {self.file}` in place of `--replay`."

    def _read(self, line: Any, *, first: bool) -> None:
        if not isinstance(line, dict):
            raise ValueError("it must be an object")  # noqa: TRY004 - all mistakes in the file are reported as ValueError
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
        with suppress(NoResponseError, TruncatedResponseError):  # valid outcomes too
            _reply(line)
        self._answers.setdefault(asked.lookup_key(), []).append(line)
        self._accounts.setdefault(integration, {}).setdefault(normalize_alias(account), account)

    def _read_server(self, line: dict[str, Any]) -> None:
        server, method, asked = line["mcp"], line["method"], line.get("asked", {})
        if not isinstance(server, str) or not isinstance(asked, dict) or method not in RESULTS:
            raise ValueError(f"{method!r} is nothing that this package asks MCP servers")
        if "error" in line:
            api_error(line["error"])
        else:
            _check_result(method, line["result"])
        if method == SERVERS:
            for one in line["result"]["servers"]:
                self._servers[one["name"]] = self._servers.get(one["name"], {}) | one
            return
        self._servers.setdefault(server, {})["asked"] = True
        known = RecordedServerRequest.of(server, method, asked)
        if REDACTED in known.params and known not in self._answers:
            self._hidden.append((known, re.compile(re.escape(known.params).replace(re.escape(REDACTED), _ANY))))
        self._answers.setdefault(known, []).append(line)


class _ReplayingTransport:
    """A transport that answers from a cassette."""

    closed = False

    def __init__(self, player: Player, integration: Integration, account: Account) -> None:
        self._player, self._integration, self._account = player, integration, account

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str], function: Function) -> Any:
        return RecordedRequest.of(self._integration, self._account, url, headers, query)

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        check()
        return self._player.answer(request)

    def close(self) -> None:
        self.closed = True


def _reply(line: Mapping[str, Any]) -> Response:
    """Return the response in a line, or raise the error that the request led to."""
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
    """Check that a recorded result of an MCP server has the expected form.

    Raises:
        ValueError: it has not.
    """
    key = RESULTS[method]
    items = result.get(key, [] if "structuredContent" in result else None) if isinstance(result, dict) else None
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise ValueError(f"`result` must have a list `{key}` of objects")
    if key in _NAMED and not all(isinstance(one.get("name"), str) for one in items):
        raise ValueError(f"each of `{key}` must have a `name`")
