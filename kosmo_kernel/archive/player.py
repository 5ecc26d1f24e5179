"""Replay a recording in place of the network. A request that is not in it is an error.

Requests are matched by account, method, path, query and page headers, those to MCP servers by server, method and
arguments, so their order does not matter. A repeated request gets the next recorded response, and then the last one
again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.accounts import read_accounts
from kosmo_kernel.archive.answers import StoredAnswers
from kosmo_kernel.archive.file import open_archive
from kosmo_kernel.archive.requests import MCP, SERVERS, RequestKey
from kosmo_kernel.archive.responses import StoredAnswer
from kosmo_kernel.archive.runs import Run, read_runs
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.transport import Transport
from kosmo_kernel.errors import NotRecordedError, SettingsError
from kosmo_kernel.text.nearest import normalize_alias
from kosmo_kernel.text.quantities import counted, iso_time


class Player:
    """Answer requests from a recording. Thread-safe.

    Parameters:
        file: the path of the archive.

    Attributes:
        file: the same.
        recorded: the time of the recording.
        account: the account of calls that named none in the recorded run.

    Raises:
        SettingsError: the file cannot be read, or is no archive with a recording.
    """

    live = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._archive = open_archive(file)
        try:
            runs = self._runs()
            self.recorded, self.account = runs[0].begun, runs[-1].account
            known = read_accounts(self._archive)
            self._answers = StoredAnswers(self._archive, known, "1")
            self._accounts = [(one.service, one.name) for one in known if one.service != MCP]
            self._servers = self._read_servers([one.name for one in known if one.service == MCP])
        except BaseException:
            self._archive.close()
            raise

    def transport(self, integration: Integration, account: Account, _connections: Transport) -> Transport:
        """Return a transport that answers from the recording."""
        return _ReplayingTransport(self, integration, account)

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the recorded accounts and of the run's account, sorted."""
        recorded = {normalize_alias(name): name for service, name in self._accounts if service == integration}
        return sorted({normalize_alias(self.account): self.account, **recorded}.values())

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that is not in the recording."""
        services = dict.fromkeys(service for service, _ in self._accounts) or ("",)
        has = dict.fromkeys(known for service in services for known in self.accounts(service))
        return f"{self.file} was recorded without the account `{alias}`; it has {', '.join(has)}."

    def answer(self, key: RequestKey) -> Response:
        """Return the recorded response to a request.

        Raises:
            NotRecordedError: the request was not recorded.
            NoResponseError: the request got no response.
            TruncatedResponseError: the response ended early.
            SettingsError: the response is damaged.
        """
        return self._answers.read(key, self._next(key).response)

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the MCP servers of the recorded run by name, each with its recorded configuration, if any."""
        return self._servers

    def result(self, key: RequestKey, method: str) -> dict[str, Any]:
        """Return the recorded result of a request to an MCP server.

        Raises:
            NotRecordedError: the request was not recorded.
            ApiError: the request led to an error.
            SettingsError: the result is damaged.
        """
        return self._answers.read(key, partial(self._next(key).result, method))

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server that is not in the recording."""
        has = f"it has {', '.join(self._servers)}" if self._servers else "it has none"
        return NotRecordedError(
            f"{self.file} was recorded without the MCP server `{name}`; {has}. Nothing was started. {self._again}"
        )

    def summary(self) -> str:
        """Return the line that says that the run was replayed."""
        return f"Replayed from {self.file}, recorded {iso_time(self.recorded)}. Nothing was sent."

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def _runs(self) -> list[Run]:
        runs = read_runs(self._archive)
        if not runs:
            raise SettingsError(f"{self.file} has no recorded run. {self._again}")
        return runs

    def _next(self, key: RequestKey) -> StoredAnswer:
        with self._lock:
            taken = self._answers.next(key, repeats=True)
        if taken is not None:
            return taken.answer
        [[count]] = self._archive.rows("SELECT count(*) FROM kosmo_answers WHERE request != ?", (SERVERS,))
        raise NotRecordedError(
            f"{key} is not in {self.file}, which has {counted(count, 'request')} of {iso_time(self.recorded)}. "
            f"Nothing was sent. {self._again}"
        )

    def _read_servers(self, names: list[str]) -> dict[str, dict[str, Any]]:
        servers: dict[str, dict[str, Any]] = {}
        key = RequestKey.of_server("", SERVERS, {})
        while taken := self._answers.next(key):
            result = self._answers.read(key, partial(taken.answer.result, SERVERS))
            for one in result["servers"]:
                servers[one["name"]] = servers.get(one["name"], {}) | one
        for name in filter(None, names):
            servers.setdefault(name, {})["asked"] = True
        return servers

    @property
    def _again(self) -> str:
        return f"To record it anew, give the same command `--record {self.file}` in place of `--replay`."


class _ReplayingTransport:
    """A transport that answers from a recording."""

    closed = False

    def __init__(self, player: Player, integration: Integration, account: Account) -> None:
        self._player, self._integration, self._account = player, integration, account

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> Any:
        return RequestKey.of_call(self._integration, self._account, url, headers)

    def sends(self, request: Any) -> bool:
        return False

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        check()
        return self._player.answer(request)

    def close(self) -> None:
        self.closed = True
