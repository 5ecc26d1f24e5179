"""Share what replays of recordings and of snapshots have in common: saved answers in place of the network."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from kosmo_kernel.archive.requests import RequestKey
from kosmo_kernel.client.transport import Cassette
from kosmo_kernel.errors import NotRecordedError


class Playback(Cassette, Protocol):
    """Saved answers in place of the network: a `Player`, or a `SnapshotPlayer`."""

    file: Path  # the file or folder that has them
    recorded: datetime  # the time of the data
    account: str  # the account of calls that name none

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the accounts of a service."""
        ...

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that there is not."""
        ...

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the MCP servers by name, each with its recorded configuration, if any."""
        ...

    def result(self, key: RequestKey, method: str) -> dict[str, Any]:
        """Return the recorded result of a request to an MCP server.

        Raises:
            NotRecordedError: the request was not recorded.
            ApiError: the request led to an error.
        """
        ...

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server that there is not."""
        ...
