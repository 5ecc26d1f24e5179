"""Record the responses of MCP servers: the lines of a cassette that `mcp_player.py` replays.

Results are recorded in the form of the protocol, and errors of a server as the error that they lead to. Tools are
recorded when they are first needed and after a change, the configured servers when a script looks at them. Progress and
log messages are not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from kosmo_kernel.client.cassette import SERVERS, RecordedServerRequest
from kosmo_kernel.client.recorder import Recorder
from kosmo_kernel.errors import ApiError
from kosmo_kernel.mcp import CallListener, Configuration, Server, Servers, Tool

T = TypeVar("T")


class RecordedServers(Servers):
    """The servers of a session that records a cassette.

    Parameters:
        recorder: the recorder of the cassette.
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
                "name": one.name,
                "type": one.kind,
                "enabled": one.enabled,
                "trust": self.trust.status(one),
                "source": one.source,
                "path": str(one.path),
                "timeout": one.timeout,
                "fault": one.fault,
            }
            for one in configuration.servers.values()
        ]
        if configured != self._configured:
            self._configured = configured
            self._recorder.note(RecordedServerRequest.of("", SERVERS, {}), {"servers": configured})
        return configuration

    def tools(self, key: str, is_cancelled: Callable[[], bool] = lambda: False) -> tuple[Tool, ...]:
        """Return and record the tools of a server; see `Servers.tools`."""
        server, send = self.find(key).name, super().tools
        return self._recorded(
            server, "tools/list", {}, lambda: send(key, is_cancelled), lambda tools: self._described(server, tools)
        )

    def tool(self, key: str, name: str, is_cancelled: Callable[[], bool] = lambda: False) -> Tool:
        """Return a tool of a server, and record the server's tools if they are new; see `Servers.tool`."""
        server = self.find(key).name
        try:
            return super().tool(key, name, is_cancelled)
        except ApiError as error:  # the server does not start
            self._keep(server, "tools/list", {}, _failed(error))
            raise
        finally:
            tools = self.known(server)
            if tools and tools is not self._listed.get(server):
                self._keep(server, "tools/list", {}, {"result": self._described(server, tools)})

    def begin_call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        listener: CallListener | None = None,
        server: Server | None = None,
    ) -> Future[dict[str, Any]]:
        """Call a tool, and record its answer before the future completes; see `Servers.begin_call`."""
        asked = {"name": tool.name, "arguments": arguments}
        self._hidden.update(self.secrets())
        inner, outer = super().begin_call(tool, arguments, listener, server), Future[dict[str, Any]]()

        def done(future: Future[dict[str, Any]]) -> None:
            if future.cancelled() or not outer.set_running_or_notify_cancel():
                return
            try:
                outer.set_result(self._recorded(tool.server, "tools/call", asked, future.result, dict))
            except BaseException as error:  # noqa: BLE001 - raised by the future's `result`
                outer.set_exception(error)

        outer.add_done_callback(lambda future: future.cancelled() and inner.cancel())
        inner.add_done_callback(done)
        return outer

    def resources(self, key: str, is_cancelled: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """Return and record the resources of a server; see `Servers.resources`."""
        send = super().resources
        return self._recorded(
            key, "resources/list", {}, lambda: send(key, is_cancelled), lambda items: {"resources": items}
        )

    def read_resource(self, key: str, uri: str, is_cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """Return and record the content of a resource; see `Servers.read_resource`."""
        send = super().read_resource
        return self._recorded(key, "resources/read", {"uri": uri}, lambda: send(key, uri, is_cancelled), dict)

    def prompts(self, key: str, is_cancelled: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """Return and record the prompts of a server; see `Servers.prompts`."""
        send = super().prompts
        return self._recorded(
            key, "prompts/list", {}, lambda: send(key, is_cancelled), lambda items: {"prompts": items}
        )

    def prompt(
        self, key: str, name: str, arguments: dict[str, str], is_cancelled: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """Return and record a prompt, filled in with arguments; see `Servers.prompt`."""
        send, asked = super().prompt, {"name": name, "arguments": arguments}
        return self._recorded(key, "prompts/get", asked, lambda: send(key, name, arguments, is_cancelled), dict)

    def _recorded(
        self,
        key: str,
        method: str,
        asked: Mapping[str, Any],
        send: Callable[[], T],
        encode: Callable[[T], dict[str, Any]],
    ) -> T:
        """Send a request, record its result or error, and return the result."""
        try:
            result = send()
        except ApiError as error:
            self._keep(key, method, asked, _failed(error))
            raise
        self._keep(key, method, asked, {"result": encode(result)})
        return result

    def _keep(self, key: str, method: str, asked: Mapping[str, Any], ending: Mapping[str, Any]) -> None:
        self._hidden.update(self.secrets())
        self._recorder.keep_server_reply(
            RecordedServerRequest.of(self.find(key).name, method, asked), ending, self._hidden
        )

    def _described(self, server: str, tools: tuple[Tool, ...]) -> dict[str, Any]:
        """Return the tools of a server in the form of the protocol, and its information about itself."""
        self._listed[server] = tools
        about = {name: one for name, one in self.about(server).items() if name != "pid"}
        return {"tools": [_protocol_form(tool) for tool in tools], "about": about}


def _protocol_form(tool: Tool) -> dict[str, Any]:
    """Return a tool in the form of the protocol, with the properties that `Tool` has."""
    properties = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": dict(tool.schema),
        "outputSchema": None if tool.output is None else dict(tool.output),
        "annotations": {"readOnlyHint": True} if tool.read_only else {},
    }
    return {name: value for name, value in properties.items() if value or name == "inputSchema"}


def _failed(error: ApiError) -> dict[str, Any]:
    return {"error": {name: value for name, value in error.facts().items() if name != "retryable"}}
