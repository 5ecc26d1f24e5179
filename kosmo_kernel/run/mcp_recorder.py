"""Record the responses of MCP servers, which `mcp_player.py` replays.

Results are recorded in the form of the protocol, and errors of a server as the error that they lead to. Tools are
recorded when they are needed and after a change, the configured servers when a script looks at them. Progress and log
messages are not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.errors import ApiError
from kosmo_kernel.mcp import CallListener, Configuration, Server, Servers, Tool
from kosmo_kernel.mcp.connection import ServerRequest

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
            taken = self._recorder.take_result(server.name, request.method, request.params)
            if taken is not None:
                return taken
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
