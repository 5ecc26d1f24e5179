"""Record the responses of MCP servers, and replay them: then none is started or has to be trusted.

Results are recorded in the form of the protocol, and errors of a server as the error that they lead to. Tools are
recorded when they are needed and after a change, the configured servers when a script looks at them. Progress and log
messages are not recorded.

In a replay no local configuration is read. A server with recorded requests answers the same requests, and has the
recorded tools. It counts as started as soon as its tools are needed. A server that was only configured has its recorded
state: disabled, or not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kosmo_kernel.archive.player import Playback
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.archive.runs import RequestKey
from kosmo_kernel.errors import ApiError
from kosmo_kernel.mcp import CallListener, Configuration, Server, Servers, Tool, Trust
from kosmo_kernel.mcp.config import DEFAULT_TIMEOUT
from kosmo_kernel.mcp.connection import ServerRequest
from kosmo_kernel.mcp.servers import require_sdk
from kosmo_kernel.mcp.tools import lua_names, original_name, tools_of
from kosmo_kernel.mcp.trust import TrustStatus

TOOLS = ServerRequest("tools/list")


class RecordedServers(Servers):
    """The servers of a session that records.

    Parameters:
        recorder: the recorder.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._configured: list[dict[str, Any]] = []  # the servers last recorded
        self._listed: dict[str, tuple[Tool, ...]] = {}  # the tools last recorded, by server
        self._hidden: set[str] = set()  # the secrets of all servers in use, also of those that have ended

    def configuration(self) -> Configuration:
        """Return the current configuration, and record what scripts can see of it: no commands and no environments."""
        configuration = super().configuration()
        configured = [
            {
                "name": server.name,
                "type": server.kind,
                "enabled": server.enabled,
                "trust": self.trust.status(server),
                "source": server.source,
                "path": str(server.path),
                "timeout": server.timeout,
                "fault": server.fault,
            }
            for server in configuration.servers.values()
        ]
        if configured != self._configured:
            self._configured = configured
            self._recorder.note_servers(configured)
        return configuration

    async def _answer(
        self, server: Server, request: ServerRequest, listener: CallListener | None = None
    ) -> dict[str, Any]:
        """Return a server's result of a request, and record it or the error that it led to."""
        self._hidden.update(self.secrets())
        if request.method != TOOLS.method:
            earlier = self._recorder.take_result(server.name, request.method, request.params)
            if earlier is not None:
                return earlier
        try:
            result = await super()._answer(server, request, listener)
        except ApiError as error:
            self._keep(server, request, error)
            raise
        if request.method != TOOLS.method:
            self._keep(server, request, result)
        tools = self.known(server.name)
        if request.method == TOOLS.method or tools is not self._listed.get(server.name):
            self._listed[server.name] = tools
            about = {name: fact for name, fact in self.about(server.name).items() if name != "pid"}
            self._keep(server, TOOLS, {"tools": list(map(_protocol_form, tools)), "about": about})
        return result

    def _keep(self, server: Server, request: ServerRequest, reply: Mapping[str, Any] | ApiError) -> None:
        self._hidden.update(self.secrets())
        self._recorder.keep_server_reply(server.name, request.method, request.params, reply, self._hidden)


def _protocol_form(tool: Tool) -> dict[str, Any]:
    """Return a tool in the form of the protocol, with the properties that `Tool` has."""
    properties = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": dict(tool.schema),
        "outputSchema": None if tool.output is None else dict(tool.output),
        "annotations": {
            **({"readOnlyHint": True} if tool.read_only else {}),
            **({} if tool.open_world else {"openWorldHint": False}),
        },
    }
    return {name: value for name, value in properties.items() if value or name == "inputSchema"}


class ReplayedServers(Servers):
    """The servers of a session that replays a recording.

    Parameters:
        player: the player of the recording.
    """

    def __init__(self, player: Playback) -> None:
        super().__init__(trust=RecordedTrust(player))
        self._player = player
        servers = {name: _server(name, entry, player.file) for name, entry in player.servers().items()}
        self._recorded = Configuration(player.file.parent, servers, lua_names(servers, absent="server"))
        self._tools: dict[str, tuple[Tool, ...]] = {}
        self._abouts: dict[str, dict[str, Any]] = {}

    def _current(self) -> Configuration:
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
        timeout=float(entry.get("timeout", DEFAULT_TIMEOUT)),
        fault="" if has_requests else str(entry.get("fault", "")),
    )
