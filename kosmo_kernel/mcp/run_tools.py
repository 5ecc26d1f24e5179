"""The calls of MCP servers' tools in one run, and the other requests of a script about MCP servers.

A server is started when its tools must be known: before a call, because the tool's schema names the arguments and its
annotations say whether it is read-only. A dry run starts no server. Answers come from the event loop of the servers and
are put into the same queue as the run's other answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from kosmo_kernel.client.call import SPACE, CallHandle, CallRequest, PlannedCall, Reply
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.mcp import Server, Servers, Tool
from kosmo_kernel.mcp.calls import arguments_by_name, displays_of, result_value
from kosmo_kernel.mcp.consent import ToolCall, ToolConsent
from kosmo_kernel.values.records import Opaque, Records

METHOD = "tools/call"  # the name of a call in the protocol


class McpTools:
    """The access of one run to MCP servers.

    Parameters:
        servers: returns the servers of the session.
        is_cancelled: returns whether the run was cancelled.
        say: callback for a line of text for the user.
        dry_run: start no servers and call no tools.
    """

    def __init__(
        self,
        servers: Servers,
        consent: ToolConsent,
        is_cancelled: Callable[[], bool],
        say: Callable[[str], None],
        *,
        dry_run: bool = False,
    ) -> None:
        self._servers, self._is_cancelled, self._say, self._dry_run = servers, is_cancelled, say, dry_run
        self.consent = consent

    def log_name(self, request: CallRequest, _account: str) -> tuple[str, str]:
        """Return the name and the server of a call in the log; see `Provider`."""
        server = f"{SPACE}.{request.account}" if request.account else SPACE
        return f"{server}.{request.path.removeprefix(f'{SPACE}.')}", server

    def bind(self, request: CallRequest, _account: str) -> ToolCall:
        """Check a call, and start its server if necessary; see `Provider`.

        Raises:
            UnknownNameError: there is no such server or tool.
            UntrustedError: the user has not approved the server.
            InvalidArgumentsError: the arguments cannot be sent.
            KosmoError: the server does not start.
        """
        name = request.path.removeprefix(f"{SPACE}.")
        if request.account:
            server = self._servers.may_use(request.account)
        else:
            server, name = self._servers.split(name)
            self._servers.may_use(server.name)
        tool = (
            self._servers.known_tool(server.name, name)
            if self._dry_run
            else self._servers.tool(server.name, name, self._is_cancelled)
        )
        if tool is None:
            values = request.by_name if request.by_name is not None else dict(enumerate(request.positional, start=1))
            return ToolCall(server, f"{SPACE}.{server.name}.{name}", {str(key): value for key, value in values.items()})
        _check_data(tool, request)
        return ToolCall(server, tool.function, arguments_by_name(tool, request.by_name, request.positional), tool)

    def plan(self, bound_call: ToolCall) -> list[PlannedCall]:
        """Return the call as a dry run lists it."""
        server = bound_call.server
        return [PlannedCall(bound_call.name, bound_call.account, bound_call.arguments, METHOD, server.address)]

    def empty(self, _bound_call: ToolCall) -> Reply:
        """Return an empty answer for a call that is not made."""
        return Reply([Records([])])

    def begin(self, bound_call: ToolCall, handle: CallHandle) -> None:
        """Make a call, and pass its answer or error to the handle in another thread."""
        servers, tool = self._servers, bound_call.tool
        if tool is None:
            raise SettingsError(f"{bound_call.name} is not known, and cannot be called.")

        def done(future: Future[dict[str, Any]]) -> None:
            if future.cancelled():
                return
            handle.progress.answered(None)
            handle.done()
            try:
                answer = future.result()
                value = result_value(tool, bound_call.arguments, answer, servers.secrets())
                rows = len(value) if isinstance(value, Records) else None
                handle.on_result(Reply([value], rows=rows, displays=displays_of(answer)))
            except BaseException as error:  # noqa: BLE001 - unexpected errors are raised in the thread of the run
                handle.on_result(error)

        future = servers.begin_call(tool, bound_call.arguments, bound_call.server)
        handle.on_answer()  # a call of a tool is one request
        handle.on_cancel = future.cancel  # the server is notified
        future.add_done_callback(done)

    # Requests other than calls of tools --------------------------------------------------------------

    def answer(self, verb: str, parameters: Mapping[str, Any]) -> Any:
        """Answer a request that is no call of a tool.

        Parameters:
            verb: one of `lua.request_handler.MCP_REQUESTS`, the end of the name of a method below.
            parameters: the parameters of the request, such as `server`.

        Raises:
            KosmoError: the request failed.
        """
        value = getattr(self, f"_on_{verb}")(parameters)
        return Records(value) if isinstance(value, list) else value

    def _on_usable(self, _parameters: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the Lua names and the original names of the servers in `app.mcp`.

        Invalid configuration files are reported to the user here, so once per run.
        """
        for fault in self._servers.configuration().faults:
            self._say(f"{fault}\n")
        usable = self._servers.usable()
        return {"called": list(usable.values()), "names": list(usable)}

    def _on_server(self, parameters: Mapping[str, Any]) -> str:
        """Return the original name of a server, which must be trusted."""
        return self._servers.may_use(str(parameters.get("server"))).name

    def _on_known(self, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the Lua names and the signatures of a server's tools; none if it was not started."""
        tools = self._servers.known(str(parameters.get("server")))
        return {"called": [tool.lua for tool in tools], "signatures": [tool.signature for tool in tools]}

    def _on_servers(self, _parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        servers = self._servers
        configuration = servers.configuration()
        return [
            {
                "name": server.name,
                "type": server.kind,
                "trust": servers.trust.status(server),
                "running": servers.runs(server.name),
                "command": server.address or None,
                "lua_path": f"app.{SPACE}.{configuration.lua_names[server.name]}",
                "source": server.source,
                "path": str(server.path),
                "timeout": server.timeout,
                "fault": server.fault or None,
            }
            for server in configuration.servers.values()
        ]

    def _on_tools(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        server = self._running(self._servers.find(str(parameters.get("server"))))
        lua_name = self._servers.configuration().lua_names[server]
        tools = self._servers.tools(server, self._is_cancelled)
        return [row_of(tool, lua_name) for tool in tools]

    def _on_schema(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        server, name = self._servers.split(str(parameters.get("path")))
        return dict(self._servers.tool(self._running(server), name, self._is_cancelled).schema)

    def _running(self, server: Server) -> str:
        """Return the name of a server that will be asked.

        Raises:
            SettingsError: a dry run would have to start it.
        """
        if self._dry_run and not self._servers.runs(server.name):
            raise SettingsError(
                f"A dry run starts no MCP server, and `{server.name}` does not run: what it offers is not known."
            )
        return server.name


def row_of(tool: Tool, lua_name: str) -> dict[str, Any]:
    """Return a tool as a record.

    Parameters:
        tool: the tool.
        lua_name: the Lua name of its server.
    """
    return {
        "server": tool.server,
        "name": tool.name,
        "operation": tool.effect,
        "signature": tool.signature,
        "description": tool.description,
        "lua_path": f"app.{SPACE}.{lua_name}.{tool.lua}",
    }


def _check_data(tool: Tool, request: CallRequest) -> None:
    """Check that the arguments are data, and not functions or other values that were sent only as text."""
    positional = ((f"argument {number}", value) for number, value in enumerate(request.positional, start=1))
    faults = [
        f"`{name}` has no JSON form: {value.fault or 'it is a ' + value.partition(':')[0]}"
        for name, value in (*(request.by_name or {}).items(), *positional)
        if isinstance(value, Opaque)
    ]
    if faults:
        raise InvalidArgumentsError.of_call(tool.function, faults, tool.signature)
