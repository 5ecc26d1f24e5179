"""MCP servers whose answers are written down: the lines of a cassette that `mcp_player.py` reads.

What a server answers is kept as the protocol has it, and what it came to where that was an error of the server. Its
tools are kept when they are first needed and when they have changed, and which servers are configured when a script
looks. Progress and logs are for people, and are not kept.
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
    """The servers of a session that records.

    Parameters:
        recorder: writes down what they answer.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._configured: list[dict[str, Any]] = []  # as it was last written down
        self._listed: dict[str, tuple[Tool, ...]] = {}  # likewise, by server
        self._hidden: set[str] = set()  # the secrets of all servers that were asked, of those that ended meanwhile too

    def configuration(self) -> Configuration:
        """What is configured now. Of each server it is noted what scripts may see of it, and not what starts it."""
        found = super().configuration()
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
            for one in found.servers.values()
        ]
        if configured != self._configured:
            self._configured = configured
            self._recorder.note(RecordedServerRequest.of("", SERVERS, {}), {"servers": configured})
        return found

    def tools(self, key: str, gone: Callable[[], bool] = lambda: False) -> tuple[Tool, ...]:
        """As `Servers` has it."""
        server, ask = self.find(key).name, super().tools
        return self._kept(
            server, "tools/list", {}, lambda: ask(key, gone), lambda tools: self._described(server, tools)
        )

    def tool(self, key: str, name: str, gone: Callable[[], bool] = lambda: False) -> Tool:
        """As `Servers` has it."""
        server = self.find(key).name
        try:
            return super().tool(key, name, gone)
        except ApiError as error:  # it does not even start
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
        hearing: CallListener | None = None,
        server: Server | None = None,
    ) -> Future[dict[str, Any]]:
        """As `Servers` has it. What is answered is kept before anybody sees it."""
        asked = {"name": tool.name, "arguments": arguments}
        self._hidden.update(self.secrets())
        inner, kept = super().begin_call(tool, arguments, hearing, server), Future[dict[str, Any]]()

        def done(future: Future[dict[str, Any]]) -> None:
            if future.cancelled() or not kept.set_running_or_notify_cancel():
                return
            try:
                kept.set_result(self._kept(tool.server, "tools/call", asked, future.result, dict))
            except BaseException as error:  # noqa: BLE001 - whoever waits for the answer is told
                kept.set_exception(error)

        kept.add_done_callback(lambda future: future.cancelled() and inner.cancel())
        inner.add_done_callback(done)
        return kept

    def resources(self, key: str, gone: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """As `Servers` has it."""
        ask = super().resources
        return self._kept(key, "resources/list", {}, lambda: ask(key, gone), lambda found: {"resources": found})

    def read_resource(self, key: str, uri: str, gone: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """As `Servers` has it."""
        ask = super().read_resource
        return self._kept(key, "resources/read", {"uri": uri}, lambda: ask(key, uri, gone), dict)

    def prompts(self, key: str, gone: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """As `Servers` has it."""
        ask = super().prompts
        return self._kept(key, "prompts/list", {}, lambda: ask(key, gone), lambda found: {"prompts": found})

    def prompt(
        self, key: str, name: str, arguments: dict[str, str], gone: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """As `Servers` has it."""
        ask, asked = super().prompt, {"name": name, "arguments": arguments}
        return self._kept(key, "prompts/get", asked, lambda: ask(key, name, arguments, gone), dict)

    def _kept(
        self,
        key: str,
        method: str,
        asked: Mapping[str, Any],
        answer: Callable[[], T],
        written: Callable[[T], dict[str, Any]],
    ) -> T:
        """What a server answers, which is written down; or the error of the server that comes of it, likewise."""
        try:
            found = answer()
        except ApiError as error:
            self._keep(key, method, asked, _failed(error))
            raise
        self._keep(key, method, asked, {"result": written(found)})
        return found

    def _keep(self, key: str, method: str, asked: Mapping[str, Any], ending: Mapping[str, Any]) -> None:
        self._hidden.update(self.secrets())
        self._recorder.keep_server_reply(
            RecordedServerRequest.of(self.find(key).name, method, asked), ending, self._hidden
        )

    def _described(self, server: str, tools: tuple[Tool, ...]) -> dict[str, Any]:
        """The tools of a server as the protocol has them, and what it said of itself."""
        self._listed[server] = tools
        about = {name: one for name, one in self.about(server).items() if name != "pid"}
        return {"tools": [_as_told(tool) for tool in tools], "about": about}


def _as_told(tool: Tool) -> dict[str, Any]:
    """A tool as the protocol describes it, as far as we know it."""
    told = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": dict(tool.schema),
        "outputSchema": None if tool.output is None else dict(tool.output),
        "annotations": {"readOnlyHint": True} if tool.read_only else {},
    }
    return {name: value for name, value in told.items() if value or name == "inputSchema"}


def _failed(error: ApiError) -> dict[str, Any]:
    return {"error": {name: value for name, value in error.facts().items() if name != "retryable"}}
