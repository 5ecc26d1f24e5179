"""Replay a cassette in place of the network. A request that is not in the cassette is an error."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.cassette import (
    SERVERS,
    RecordedRequest,
    RecordedServerRequest,
    Transport,
)
from kosmo_kernel.client.recording_file import (
    key_of,
    no_line,
    pattern_of,
    read_header,
    read_lines,
    response_of,
    result_of,
)
from kosmo_kernel.errors import NotRecordedError
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.text.quantities import counted
from kosmo_kernel.text.times import iso_time


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
        for line in read_lines(file, self._again):
            try:
                if line.number == 1:
                    self.recorded, self.account, _ = read_header(line.value)
                else:
                    self._read(line.value)
            except (ValueError, LookupError, TypeError) as error:
                raise no_line(file, line.number, error, self._again) from None

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
        return response_of(self._line(asked.lookup_key(), str(asked)))

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
        return result_of(self._line(known, str(asked)))

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server that is not in the cassette."""
        has = f"it has {', '.join(self._servers)}" if self._servers else "it has none"
        return NotRecordedError(
            f"{self.file} was recorded without the MCP server `{name}`; {has}. Nothing was started. {self._again}"
        )

    def summary(self) -> str:
        """Return the line that says that the run was replayed."""
        return f"Replayed from {self.file}, recorded {iso_time(self.recorded)}. Nothing was sent."

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
                f"{label} is not in {self.file}, which has {requests} of {iso_time(self.recorded)}. "
                f"Nothing was sent. {self._again}"
            )
        return lines[place]

    @property
    def _again(self) -> str:
        return f"To record it anew, give the same command `--record {self.file}` in place of `--replay`."

    def _read(self, line: dict[str, Any]) -> None:
        match key_of(line):
            case RecordedRequest() as asked:
                account = str(line["account"])
                self._accounts.setdefault(asked.integration, {}).setdefault(normalize_alias(account), account)
            case RecordedServerRequest(method=method) as asked if method == SERVERS:
                for one in line["result"]["servers"]:
                    self._servers[one["name"]] = self._servers.get(one["name"], {}) | one
                return
            case RecordedServerRequest() as asked:
                self._servers.setdefault(asked.server, {})["asked"] = True
                if REDACTED in asked.params and asked not in self._answers:
                    self._hidden.append((asked, pattern_of(asked)))
            case None:
                return
        self._answers.setdefault(asked, []).append(line)


class _ReplayingTransport:
    """A transport that answers from a cassette."""

    closed = False

    def __init__(self, player: Player, integration: Integration, account: Account) -> None:
        self._player, self._integration, self._account = player, integration, account

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str], function: Function) -> Any:
        return RecordedRequest.of(self._integration, self._account, url, headers, query)

    def sends(self, request: Any) -> bool:
        return False

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        check()
        return self._player.answer(request)

    def close(self) -> None:
        self.closed = True
