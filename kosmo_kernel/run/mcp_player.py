"""MCP servers as a cassette has them: none is started, none has to be trusted, and nothing of this machine's is read.

A server that was asked may be asked the same again, and has the tools that it had. It counts as started from when its
tools are first needed, as it was then. One that was only configured is as it was: switched off, or not trusted.
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
from kosmo_kernel.mcp.names import lua_names, own_name
from kosmo_kernel.mcp.servers import no_tool, require_sdk
from kosmo_kernel.mcp.tools import tools_of
from kosmo_kernel.mcp.trust import TrustStatus


class ReplayedServers(Servers):
    """The servers of a session that replays.

    Parameters:
        player: has what they answered.
    """

    def __init__(self, player: Player) -> None:
        super().__init__(trust=RecordedTrust(player))
        self._player = player
        self._tools: dict[str, tuple[Tool, ...]] = {}
        self._abouts: dict[str, dict[str, Any]] = {}

    # What there is -----------------------------------------------------------------------------------

    def configuration(self) -> Configuration:
        """The servers of the cassette."""
        file, told = self._player.file, self._player.servers()
        return Configuration(file.parent, {name: _server(name, one, file) for name, one in told.items()})

    def called(self) -> dict[str, str]:
        """What each of them is called in Lua."""
        return lua_names(self._player.servers(), absent="server")

    def find(self, key: str) -> Server:
        """The server that a name means.

        Raises:
            NotRecordedError: there is none of that name in the cassette.
        """
        name = own_name(key, self.called())
        if name is None:
            raise self._player.no_server(key)
        return self.configuration().servers[name]

    def known(self, name: str) -> tuple[Tool, ...]:
        """The tools of a server, as far as they were needed yet."""
        return self._tools.get(name, ())

    def about(self, name: str) -> dict[str, Any]:
        """What a server said of itself; empty before its tools are needed."""
        return {**self._abouts[name], "pid": None} if name in self._abouts else {}

    # What they answered ------------------------------------------------------------------------------

    def tools(self, key: str, gone: Callable[[], bool] = lambda: False) -> tuple[Tool, ...]:
        """The tools that a server had when it was asked for them next.

        Raises:
            NotRecordedError: it was not asked.
            SettingsError: what arguments are checked with is not installed.
        """
        require_sdk()
        server = self.may_use(key).name
        told = self._player.result(RecordedServerRequest.of(server, "tools/list", {}))
        self._tools[server] = tools_of(server, told["tools"])
        self._abouts[server] = dict(told.get("about") or {})
        return self._tools[server]

    def tool(self, key: str, name: str, gone: Callable[[], bool] = lambda: False) -> Tool:
        """One tool; see `tools`.

        Raises:
            UnknownNameError: the server had none of that name.
        """
        server = self.may_use(key).name
        if found := self.known_tool(server, name):
            return found
        tools = self.tools(server, gone)
        if found := self.known_tool(server, name):
            return found
        raise no_tool(server, name, tools)

    def begin_call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        hearing: CallListener | None = None,
        server: Server | None = None,
    ) -> Future[dict[str, Any]]:
        """What a tool answered, at once."""
        found: Future[dict[str, Any]] = Future()
        try:
            found.set_result(self._told(tool.server, "tools/call", {"name": tool.name, "arguments": arguments}))
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer is told
            found.set_exception(error)
        return found

    def resources(self, key: str, gone: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """The resources that a server had."""
        return list(self._told(key, "resources/list", {})["resources"])

    def read_resource(self, key: str, uri: str, gone: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """What a resource held."""
        return self._told(key, "resources/read", {"uri": uri})

    def prompts(self, key: str, gone: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """The prompts that a server had."""
        return list(self._told(key, "prompts/list", {})["prompts"])

    def prompt(
        self,
        key: str,
        name: str,
        arguments: dict[str, str],
        gone: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """A prompt as it was filled in."""
        return self._told(key, "prompts/get", {"name": name, "arguments": arguments})

    def _told(self, key: str, method: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self._player.result(RecordedServerRequest.of(self.may_use(key).name, method, asked))


class RecordedTrust(Trust):
    """What the user had agreed to when the cassette was recorded; to what was asked, in any case."""

    def __init__(self, player: Player) -> None:
        super().__init__(player.file.parent)
        self._player = player

    def status(self, server: Server) -> TrustStatus:
        """Whether they had agreed to a server."""
        told = self._player.servers()[server.name]
        was: TrustStatus = told["trust"] if told.get("trust") in ("untrusted", "changed") else "trusted"
        return "trusted" if told.get("asked") else was


def _server(name: str, told: Mapping[str, Any], file: Path) -> Server:
    """A server of the cassette, without what would start it."""
    kind: Literal["stdio", "http"] = "http" if told.get("type") == "http" else "stdio"
    asked = bool(told.get("asked"))
    return Server(
        name=name,
        source=str(told.get("source", "user")),
        path=Path(str(told.get("path", file))),
        root=file.parent,
        kind=kind,
        enabled=asked or told.get("enabled") is not False,
        timeout=float(told.get("timeout", TIMEOUT)),
        fault="" if asked else str(told.get("fault", "")),
    )
