"""Replay MCP servers from a recording: none is started or has to be trusted, and no local configuration is read.

A server with recorded requests answers the same requests, and has the recorded tools. It counts as started as soon as
its tools are needed. A server that was only configured has its recorded state: disabled, or not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kosmo_kernel.archive.playback import Playback
from kosmo_kernel.archive.requests import RequestKey
from kosmo_kernel.mcp import CallListener, Configuration, Server, Servers, Tool, Trust
from kosmo_kernel.mcp.connection import ServerRequest
from kosmo_kernel.mcp.entries import TIMEOUT
from kosmo_kernel.mcp.names import lua_names, original_name
from kosmo_kernel.mcp.servers import ReadConfiguration, require_sdk
from kosmo_kernel.mcp.tools import tools_of
from kosmo_kernel.mcp.trust import TrustStatus


class ReplayedServers(Servers):
    """The servers of a session that replays a recording.

    Parameters:
        player: the player of the recording.
    """

    def __init__(self, player: Playback) -> None:
        super().__init__(trust=RecordedTrust(player))
        self._player = player
        servers = {name: _server(name, entry, player.file) for name, entry in player.servers().items()}
        self._recorded = ReadConfiguration(
            Configuration(player.file.parent, servers), lua_names(servers, absent="server")
        )
        self._tools: dict[str, tuple[Tool, ...]] = {}
        self._abouts: dict[str, dict[str, Any]] = {}

    def _current(self) -> ReadConfiguration:
        return self._recorded

    def find(self, key: str) -> Server:
        """Return the server with a Lua name or original name.

        Raises:
            NotRecordedError: the recording has no such server.
        """
        if original_name(key, self.called()) is None:
            raise self._player.no_server(key)
        return super().find(key)

    def known(self, name: str) -> tuple[Tool, ...]:
        """Return the tools of a server; none before they are needed."""
        return self._tools.get(name, ())

    def about(self, name: str) -> dict[str, Any]:
        """Return a server's information about itself; empty before its tools are needed."""
        return {**self._abouts[name], "pid": None} if name in self._abouts else {}

    def _is_fresh(self, name: str) -> bool:
        return name in self._tools

    async def _answer(
        self, server: Server, request: ServerRequest, listener: CallListener | None = None
    ) -> dict[str, Any]:
        """Return the recorded result of a request, or raise the recorded error.

        Raises:
            NotRecordedError: the request was not recorded.
            SettingsError: the package that checks arguments is not installed.
        """
        is_list = request.method == "tools/list"
        if is_list:
            require_sdk()
        result = self._player.result(RequestKey.of_server(server.name, request.method, request.params), request.method)
        if is_list:
            self._tools[server.name] = tools_of(server.name, result["tools"])
            self._abouts[server.name] = dict(result.get("about") or {})
        return result


class RecordedTrust(Trust):
    """The user's trust in servers at the time of the recording. Servers with recorded requests are always trusted."""

    def __init__(self, player: Playback) -> None:
        super().__init__(player.file.parent)
        self._player = player

    def status(self, server: Server) -> TrustStatus:
        """Return the recorded trust status of a server."""
        entry = self._player.servers()[server.name]
        recorded: TrustStatus = entry["trust"] if entry.get("trust") in ("untrusted", "changed") else "trusted"
        return "trusted" if entry.get("asked") else recorded


def _server(name: str, entry: Mapping[str, Any], file: Path) -> Server:
    """Return a server from its entry in the recording, without a command or URL."""
    kind: Literal["stdio", "http"] = "http" if entry.get("type") == "http" else "stdio"
    has_requests = bool(entry.get("asked"))
    return Server(
        name=name,
        source=str(entry.get("source", "user")),
        path=Path(str(entry.get("path", file))),
        root=file.parent,
        kind=kind,
        enabled=has_requests or entry.get("enabled") is not False,
        timeout=float(entry.get("timeout", TIMEOUT)),
        fault="" if has_requests else str(entry.get("fault", "")),
    )
