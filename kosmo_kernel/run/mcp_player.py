"""Replay MCP servers from a cassette: none is started or has to be trusted, and no local configuration is read.

A server with recorded requests answers the same requests, and has the recorded tools. It counts as started as soon as
its tools are needed. A server that was only configured has its recorded state: disabled, or not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal

from kosmo_kernel.client.cassette import RecordedServerRequest
from kosmo_kernel.client.player import Player
from kosmo_kernel.mcp import CallListener, Configuration, Server, Servers, Tool, Trust
from kosmo_kernel.mcp.entries import TIMEOUT
from kosmo_kernel.mcp.names import lua_names, original_name
from kosmo_kernel.mcp.servers import no_tool, require_sdk
from kosmo_kernel.mcp.tools import tools_of
from kosmo_kernel.mcp.trust import TrustStatus


class ReplayedServers(Servers):
    """The servers of a session that replays a cassette.

    Parameters:
        player: the player of the cassette.
    """

    def __init__(self, player: Player) -> None:
        super().__init__(trust=RecordedTrust(player))
        self._player = player
        self._tools: dict[str, tuple[Tool, ...]] = {}
        self._abouts: dict[str, dict[str, Any]] = {}

    # Configuration and state -------------------------------------------------------------------------

    def configuration(self) -> Configuration:
        """Return the configuration of the servers in the cassette."""
        file, servers = self._player.file, self._player.servers()
        return Configuration(file.parent, {name: _server(name, one, file) for name, one in servers.items()})

    def called(self) -> dict[str, str]:
        """Return the Lua name of each server."""
        return lua_names(self._player.servers(), absent="server")

    def find(self, key: str) -> Server:
        """Return the server with a Lua name or original name.

        Raises:
            NotRecordedError: the cassette has no such server.
        """
        name = original_name(key, self.called())
        if name is None:
            raise self._player.no_server(key)
        return self.configuration().servers[name]

    def known(self, name: str) -> tuple[Tool, ...]:
        """Return the tools of a server; none before they are needed."""
        return self._tools.get(name, ())

    def about(self, name: str) -> dict[str, Any]:
        """Return a server's information about itself; empty before its tools are needed."""
        return {**self._abouts[name], "pid": None} if name in self._abouts else {}

    # Recorded responses ------------------------------------------------------------------------------

    def tools(self, key: str, is_cancelled: Callable[[], bool] = lambda: False) -> tuple[Tool, ...]:
        """Return the next recorded list of a server's tools.

        Raises:
            NotRecordedError: no list was recorded.
            SettingsError: the package that checks arguments is not installed.
        """
        require_sdk()
        server = self.may_use(key).name
        result = self._player.result(RecordedServerRequest.of(server, "tools/list", {}))
        self._tools[server] = tools_of(server, result["tools"])
        self._abouts[server] = dict(result.get("about") or {})
        return self._tools[server]

    def tool(self, key: str, name: str, is_cancelled: Callable[[], bool] = lambda: False) -> Tool:
        """Return a tool of a server; see `tools`.

        Raises:
            UnknownNameError: the server has no such tool.
        """
        server = self.may_use(key).name
        if tool := self.known_tool(server, name):
            return tool
        tools = self.tools(server, is_cancelled)
        if tool := self.known_tool(server, name):
            return tool
        raise no_tool(server, name, tools)

    def begin_call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        listener: CallListener | None = None,
        server: Server | None = None,
    ) -> Future[dict[str, Any]]:
        """Return a completed future with the recorded answer of a tool."""
        future: Future[dict[str, Any]] = Future()
        try:
            future.set_result(self._result(tool.server, "tools/call", {"name": tool.name, "arguments": arguments}))
        except Exception as error:  # noqa: BLE001 - raised by the future's `result`
            future.set_exception(error)
        return future

    def resources(self, key: str, is_cancelled: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """Return the recorded resources of a server."""
        return list(self._result(key, "resources/list", {})["resources"])

    def read_resource(self, key: str, uri: str, is_cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """Return the recorded content of a resource."""
        return self._result(key, "resources/read", {"uri": uri})

    def prompts(self, key: str, is_cancelled: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """Return the recorded prompts of a server."""
        return list(self._result(key, "prompts/list", {})["prompts"])

    def prompt(
        self,
        key: str,
        name: str,
        arguments: dict[str, str],
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Return a recorded prompt, filled in with the arguments."""
        return self._result(key, "prompts/get", {"name": name, "arguments": arguments})

    def _result(self, key: str, method: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self._player.result(RecordedServerRequest.of(self.may_use(key).name, method, asked))


class RecordedTrust(Trust):
    """The user's trust in servers at the time of the recording. Servers with recorded requests are always trusted."""

    def __init__(self, player: Player) -> None:
        super().__init__(player.file.parent)
        self._player = player

    def status(self, server: Server) -> TrustStatus:
        """Return the recorded trust status of a server."""
        entry = self._player.servers()[server.name]
        recorded: TrustStatus = entry["trust"] if entry.get("trust") in ("untrusted", "changed") else "trusted"
        return "trusted" if entry.get("asked") else recorded


def _server(name: str, entry: Mapping[str, Any], file: Path) -> Server:
    """Return a server from its entry in the cassette, without a command or URL."""
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
