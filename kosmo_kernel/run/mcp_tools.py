"""The calls of MCP servers' tools in one run, and the other requests of a script to MCP servers.

A server is started when its tools must be known: before a call is checked, because the tool's schema defines the
arguments and its annotations say whether it is read-only. A dry run starts no server. Answers come from the event loop
of the servers and are put into the same queue as the run's other answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Thread
from typing import Any

from msgspec import Struct

from kosmo_kernel.client.call import CallHandle, PlannedCall, Reply
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.lua.host import MCP_REQUESTS, SPACE, CallRequest
from kosmo_kernel.lua.values import Opaque
from kosmo_kernel.mcp import Server, Servers, Tool
from kosmo_kernel.mcp.calls import checked, displays_of, is_checked_in_reader, result_value
from kosmo_kernel.mcp.connection import CallListener
from kosmo_kernel.mcp.pages import arguments_of, server_page, tool_page, unknown_page
from kosmo_kernel.mcp.tools import original_name
from kosmo_kernel.mcp.trust import consent_lines as command_of
from kosmo_kernel.pages import Page
from kosmo_kernel.reader.task import stopped_when
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text import nearest
from kosmo_kernel.values.records import Records

CANCELLED = "nobody waits"
PROGRESS_EVERY = 1.0  # seconds between two progress lines of a tool


class ServerCall(Struct, frozen=True):
    """A call of a tool, or a request for a resource or a prompt."""

    server: Server
    name: str  # the full name of the tool, or of the function in `mcp`; that of a tool contains its server
    arguments: dict[str, Any]  # what is sent
    method: str = "tools/call"  # the name of the request in the protocol
    tool: Tool | None = None  # the tool that is called; None in a dry run if it is not known, and for other requests
    effect: str = "read"  # `read` or `write`
    # Whether something of the script's choice is sent, which the server may pass on, so that it is a way out for data.
    open_world: bool = True
    # Whether a server in the user's own file declares the tool as read-only: such a call needs nobody to be asked.
    is_own_read: bool = False

    count = 1
    remote = True
    notice = ""

    @property
    def title(self) -> str:
        """The name at the start of an error."""
        return self.name

    path = title  # in the log

    @property
    def account(self) -> str:
        """The server in the log."""
        return f"{SPACE}.{self.server.name}"

    @property
    def purpose(self) -> str:
        """Describe the request as the end of a sentence in the question to the user."""
        verb = "may change something with" if self.effect == "write" else "reads from"
        return f"{verb} the MCP server {self.server.name}"


def tool_call(server: Server, name: str, arguments: dict[str, Any], tool: Tool | None = None) -> ServerCall:
    """Return a call of a tool with checked arguments; in a dry run the tool may be unknown, and they are unchecked."""
    effect = tool.effect if tool else "write"
    return ServerCall(
        server,
        f"{SPACE}.{server.name}.{name}",
        arguments,
        tool=tool,
        effect=effect,
        open_world=tool is None or tool.open_world,
        is_own_read=effect == "read" and not server.of_project,
    )


class McpTools:
    """The access of one run to MCP servers.

    Parameters:
        servers: returns the servers of the session.
        is_cancelled: returns whether the run was cancelled.
        say: callback for a line of text for the user.
        admit: checks that a request is allowed, and returns whether to send it or, in a dry run, only to list it.
        dry_run: start no servers and call no tools.
    """

    def __init__(
        self,
        servers: Callable[[], Servers],
        is_cancelled: Callable[[], bool],
        say: Callable[[str], None],
        admit: Callable[[ServerCall], bool],
        *,
        dry_run: bool = False,
    ) -> None:
        self._servers, self._is_cancelled, self._say, self._dry_run = servers, is_cancelled, say, dry_run
        self._admit = admit

    def log_name(self, request: CallRequest, _account: str) -> tuple[str, str]:
        """Return the name and the server of a call in the log; see `Provider`."""
        server = f"{SPACE}.{request.account}" if request.account else SPACE
        return f"{server}.{request.path.removeprefix(f'{SPACE}.')}", server

    def bind(self, request: CallRequest, _account: str) -> ServerCall:
        """Check a call, and start its server if necessary; see `Provider`.

        Raises:
            UnknownNameError: there is no such server or tool.
            UntrustedError: the user has not approved the server.
            InvalidArgumentsError: the arguments are invalid; the message lists all mistakes.
            KosmoError: the server does not start.
        """
        servers = self._servers()
        name = request.path.removeprefix(f"{SPACE}.")
        if request.account:
            server = servers.may_use(request.account)
        else:
            server, name = servers.split(name)
            servers.may_use(server.name)
        tool = (
            servers.known_tool(server.name, name)
            if self._dry_run
            else servers.tool(server.name, name, self._is_cancelled)
        )
        if tool is None:
            values = request.by_name if request.by_name is not None else dict(enumerate(request.positional, start=1))
            return tool_call(server, name, {str(key): value for key, value in values.items()})
        _check_data(tool, request)
        with stopped_when(lambda: CANCELLED if self._is_cancelled() else None):
            arguments = checked(tool, request.by_name, request.positional, patterns=True)
        return tool_call(server, tool.name, arguments, tool)

    def plan(self, bound_call: ServerCall) -> list[PlannedCall]:
        """Return the call as a dry run lists it."""
        where = one_line(bound_call.server.url if bound_call.server.kind == "http" else bound_call.server.command)
        return [PlannedCall(bound_call.name, bound_call.account, bound_call.arguments, bound_call.method, where)]

    def empty(self, _bound_call: ServerCall) -> Reply:
        """Return an empty answer for a call that is not made."""
        return Reply([Records([])])

    def begin(self, bound_call: ServerCall, handle: CallHandle) -> None:
        """Make a call, and pass its answer or error to the handle in another thread."""
        servers, tool = self._servers(), bound_call.tool
        if tool is None:
            raise SettingsError(f"{bound_call.name} is not known, and cannot be called.")

        def done(future: Future[dict[str, Any]]) -> None:
            if future.cancelled():
                return
            handle.progress.answered(None)
            handle.done()
            if future.exception() or not is_checked_in_reader(tool, future.result()):
                finish(future)
            else:  # the reader checks it, and the event loop must not wait for that
                Thread(target=finish, args=(future,), daemon=True).start()

        def finish(future: Future[dict[str, Any]]) -> None:
            try:
                answer = future.result()
                with stopped_when(lambda: CANCELLED if handle.cancelled else None):
                    value = result_value(tool, answer, servers.secrets())
                rows = len(value) if isinstance(value, Records) else None
                handle.on_result(Reply([value], rows=rows, displays=displays_of(answer)))
            except BaseException as error:  # noqa: BLE001 - unexpected errors are raised in the thread of the run
                handle.on_result(error)

        listener = _listener(bound_call, handle.on_message)
        future = servers.begin_call(tool, bound_call.arguments, listener, bound_call.server)
        handle.on_answer()  # a call of a tool is one request
        handle.on_cancel = future.cancel  # the server is notified
        future.add_done_callback(done)

    # Requests other than calls of tools --------------------------------------------------------------

    def question(self, verb: str, parameters: Mapping[str, Any]) -> Reply:
        """Answer a request that is no call of a tool.

        Parameters:
            verb: the name of an `_on_…` method below.
            parameters: the parameters of the request, such as `server`.

        Raises:
            NotAllowedError: the permissions or the user do not allow the request.
            KosmoError: the request failed.
            KeyboardInterrupt: the user interrupted the confirmation prompt.
        """
        value = getattr(self, f"_on_{verb}")(parameters)
        is_records = isinstance(value, list) and all(isinstance(row, dict) for row in value)
        shows = displays_of(value) if isinstance(value, dict) else []
        return Reply([Records(value) if is_records else value], displays=shows)

    def has_page(self, name: str) -> bool:
        """Return whether a name in the reference is that of a server or tool, and not of a function in `mcp`."""
        first = name.removeprefix("app.").removeprefix(f"{SPACE}.").partition(".")[0].partition("(")[0]
        return name.startswith("app.") or first not in MCP_REQUESTS | {"call"} or first in self._servers().called()

    def page(self, name: str) -> Page:
        """Return the page of a server or a tool, `mcp.github` or `mcp.github.search_issues`. No server is started.

        Raises:
            UnknownNameError: there is no such server or tool.
        """
        return page(self._servers(), name)

    def _on_usable(self, _parameters: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the Lua names and the original names of the servers in `app.mcp`.

        Invalid configuration files are reported to the user here, so once per run.
        """
        for fault in self._servers().configuration().faults:
            self._say(f"{fault}\n")
        usable = self._servers().usable()
        return {"called": list(usable.values()), "names": list(usable)}

    def _on_server(self, parameters: Mapping[str, Any]) -> str:
        """Return the original name of a server, which must be enabled and trusted."""
        return self._servers().may_use(str(parameters.get("server"))).name

    def _on_known(self, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the Lua names and the signatures of a server's tools; none if it was not started."""
        tools = self._servers().known(str(parameters.get("server")))
        return {"called": [tool.lua for tool in tools], "signatures": [tool.signature for tool in tools]}

    def _on_servers(self, _parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        servers = self._servers()
        configuration = servers.configuration()
        lua_names = servers.called()
        return [
            {
                "name": server.name,
                "type": server.kind,
                "enabled": server.enabled,
                "trust": servers.trust.status(server),
                "running": bool(servers.about(server.name)),
                "command": None if server.fault or not (server.command or server.url) else command_of(server)[0],
                "lua_path": f"app.{SPACE}.{lua_names[server.name]}",
                "source": server.source,
                "path": str(server.path),
                "timeout": server.timeout,
                "fault": server.fault or None,
            }
            for server in configuration.servers.values()
        ]

    def _on_tools(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        server = self._server(parameters)
        lua_name = self._servers().called()[server]
        return [
            {
                "server": server,
                "name": tool.name,
                "operation": tool.effect,
                "signature": tool.signature,
                "description": tool.description,
                "lua_path": f"app.{SPACE}.{lua_name}.{tool.lua}",
            }
            for tool in self._servers().tools(server, self._is_cancelled)
        ]

    def _on_schema(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        server, name = self._servers().split(str(parameters.get("path")))
        self._require_running(server.name)
        return dict(self._servers().tool(server.name, name, self._is_cancelled).schema)

    def _on_resources(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self._list(self._server(parameters), "resources")

    def _on_read_resource(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        server, uri = self._servers().may_use(str(parameters.get("server"))), str(parameters.get("uri"))
        request = ServerCall(server, f"{SPACE}.read_resource", {"uri": uri}, "resources/read")
        if not self._admit(request):
            return {"contents": []}
        return self._servers().ask(server.name, request.method, request.arguments, is_cancelled=self._is_cancelled)

    def _on_prompts(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self._list(self._server(parameters), "prompts")

    def _on_get_prompt(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        server, name = self._servers().may_use(str(parameters.get("server"))), str(parameters.get("name"))
        arguments = parameters.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise InvalidArgumentsError(f"The prompt `{name[:80]}` takes one table of named texts.")
        if not self._dry_run or self._servers().about(server.name):
            self._check_prompt(server.name, name, arguments)
        texts = {str(key): value if isinstance(value, str) else str(value) for key, value in arguments.items()}
        request = {"name": name, "arguments": texts}
        if not self._admit(ServerCall(server, f"{SPACE}.get_prompt", request, "prompts/get", open_world=bool(texts))):
            return {"messages": []}
        return self._servers().ask(server.name, "prompts/get", request, is_cancelled=self._is_cancelled)

    def _check_prompt(self, server: str, name: str, arguments: Mapping[str, Any]) -> None:
        """Check that a server has a prompt, and that its arguments are complete."""
        prompts = {prompt["name"]: prompt for prompt in self._list(server, "prompts")}
        if name not in prompts:
            near = nearest(name, list(prompts)) or list(prompts)
            raise UnknownNameError(f"The MCP server `{server}` has no prompt `{name[:80]}`.", tuple(near))
        required = [prompt["name"] for prompt in prompts[name].get("arguments") or () if prompt.get("required")]
        if missing := [argument for argument in required if arguments.get(argument) is None]:
            raise InvalidArgumentsError(
                f"The prompt `{name}` needs {', '.join(f'`{argument}`' for argument in missing)}."
            )

    def _list(self, server: str, kind: str) -> list[dict[str, Any]]:
        return list(self._servers().ask(server, f"{kind}/list", is_cancelled=self._is_cancelled)[kind])

    def _server(self, parameters: Mapping[str, Any]) -> str:
        server = self._servers().find(str(parameters.get("server"))).name
        self._require_running(server)
        return server

    def _require_running(self, server: str) -> None:
        """Raise an error if a dry run would have to start a server."""
        if self._dry_run and not self._servers().about(server):
            raise SettingsError(
                f"A dry run starts no MCP server, and `{server}` does not run: what it offers is not known."
            )


def _listener(bound_call: ServerCall, say: Callable[[str], None]) -> CallListener:
    """Return a listener that shows the server's log messages and, throttled, its progress to the user."""
    shown_at = 0.0

    def progress(current: float, total: float | None, message: str | None) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= PROGRESS_EVERY:
            shown_at = time.monotonic()
            of = f"{current:g} of {total:g}" if total else f"{current:g}"
            say(f"{bound_call.name}: {of}{f', {one_line(message)}' if message else ''}\n")

    def log(level: str, text: str) -> None:
        say(f"{SPACE}.{bound_call.server.name}: {level}: {one_line(text)}\n")

    return CallListener(progress, log)


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


def page(servers: Servers, name: str) -> Page:
    """Return the page of a server or a tool, from what is known without a request to it.

    Parameters:
        servers: the servers of the session.
        name: `github`, `mcp.github` or `mcp.github.search_issues`, with Lua names or original names.

    Raises:
        UnknownNameError: there is no such server or tool.
        UntrustedError: the user has not approved the server.
    """
    path = name.removeprefix("app.").removeprefix(f"{SPACE}.")
    if original_name(path, servers.called()) or "." not in path:
        return _page(servers, servers.find(path), "")
    return _page(servers, *servers.split(path))


def resolved(servers: Servers, server: str, tool: str) -> dict[str, Any]:
    """Return the description of a server or a tool for an editor: `type`, `page`, and the `arguments` of a tool.

    Raises:
        KosmoError: as for `page`.
    """
    entry = servers.find(server)
    description = {"type": "function" if tool else "table", "page": _page(servers, entry, tool)}
    tools = {known_tool.name: known_tool for known_tool in servers.known(entry.name)}
    own = original_name(tool, {name: known_tool.lua for name, known_tool in tools.items()})
    return description | ({"arguments": arguments_of(tools[own])} if own else {})


def _page(servers: Servers, server: Server, tool: str) -> Page:
    servers.trust.require(server)
    lua_name, tools = servers.called()[server.name], servers.known(server.name)
    if not tools:
        return unknown_page(lua_name, server.name)
    if not tool:
        return server_page(lua_name, tools, servers.about(server.name))
    own = original_name(tool, {known_tool.name: known_tool.lua for known_tool in tools})
    if own is None:
        near = nearest(tool, [known_tool.lua for known_tool in tools])
        raise UnknownNameError(f"The MCP server `{server.name}` has no tool `{tool[:80]}`.", tuple(near))
    return tool_page(lua_name, next(known_tool for known_tool in tools if known_tool.name == own))
