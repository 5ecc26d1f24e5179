"""The server side of the Model Context Protocol, built on the official SDK.

The SDK takes half a second to import. Handlers run in its event loop and tool calls in threads. When a client cancels a
call or disconnects, the SDK cancels the handler, which cancels the call and does not wait for its thread. A call that
takes longer than clients wait goes on: as a task if the client takes tasks, else with an answer that says so.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import anyio
from anyio.to_thread import run_sync
from mcp import MCPError
from mcp import types as protocol
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.message import SessionMessage

from kosmo_kernel import __version__, integrations
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp.child import ReadStream, WriteStream
from kosmo_kernel.mcp_server.answers import ToolResult
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.mcp_server.in_flight import InFlightCall
from kosmo_kernel.mcp_server.resources import DOCS, MARKDOWN, OUT, read_resource
from kosmo_kernel.mcp_server.streams import TextOutput
from kosmo_kernel.mcp_server.tasks import Running, Tasks, declares_tasks
from kosmo_kernel.mcp_server.tools import INSTRUCTIONS, LUA, NAME, READ, SEARCH, OfferedTool, pages
from kosmo_kernel.progress.snapshot import ProgressSnapshot

Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_CONCURRENT_CALLS = 16  # further calls wait, so that an agent cannot start any number of Lua processes
TASK_SECONDS = 5.0  # after which a client that takes tasks gets one
PATH = "/mcp"
SESSION_HEADER = b"mcp-session-id"
CACHE = CacheHint(ttl_ms=3_600_000)  # what is offered stays the same while the server runs
HOSTS = ("127.0.0.1", "localhost")
# Progress must increase with every notification, but some are sent while no call finishes. Until the run is over, half
# a call is subtracted from the finished ones, which leaves room for small steps.
HALF, STEP = 0.5, 1e-6


def server_of(handler: CallHandler, client: Callable[[ServerRequestContext[Any, Any]], str | None]) -> Server[Any]:
    """Return the SDK's server, which passes tool calls to a handler.

    Parameters:
        handler: handles the calls.
        client: returns what identifies the client of a request, or None if nothing does.
    """
    limiter = anyio.CapacityLimiter(MAX_CONCURRENT_CALLS)
    tasks, going_on = Tasks(), set[Running]()

    async def list_tools(_: Any, _params: Any) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=[_tool(offer) for offer in handler.offers.values()])

    async def call_tool(context: ServerRequestContext[Any, Any], params: protocol.CallToolRequestParams) -> Any:
        if params.name not in handler.offers:
            tools = ", ".join(f"`{name}`" for name in (LUA, SEARCH, READ))
            raise MCPError(protocol.INVALID_PARAMS, f"There is no tool `{params.name[:80]}`. There are {tools}.")
        underway = InFlightCall(_progress_reporter(context))
        work = partial(handler.answer, params.name, params.arguments or {}, underway, client(context))
        running = asyncio.ensure_future(_in_thread(work, limiter))
        takes_tasks = declares_tasks(context)
        try:
            timeout = min(TASK_SECONDS, handler.answer_within) if takes_tasks else handler.answer_within
            await asyncio.wait((running,), timeout=timeout)
            early = None
            if not running.done():
                if takes_tasks:
                    return tasks.start(underway, running)
                early = handler.early_answer(underway)
            if early is None:
                return await running
        except BaseException:
            underway.cancel()
            running.cancel()
            raise
        going_on.add(running)  # the event loop itself does not keep it
        running.add_done_callback(going_on.discard)
        return _content(early)

    services = " and ".join(service.title for service in integrations.load_all())
    server = Server(
        NAME,
        version=__version__,
        title="Kosmo",
        description=f"{services} and walled Lua, for agents",
        instructions=INSTRUCTIONS.format(services=services),
        cache_hints={
            "tools/list": CACHE,
            "resources/list": CACHE,
            "resources/templates/list": CACHE,
            "resources/read": CACHE,
        },
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_reader(handler, client, limiter),
    )
    tasks.register(server)
    return server


def _reader(
    handler: CallHandler, client: Callable[[ServerRequestContext[Any, Any]], str | None], limiter: anyio.CapacityLimiter
) -> Callable[[ServerRequestContext[Any, Any], Any], Awaitable[protocol.ReadResourceResult]]:
    """Return the handler of requests for resources; see `server_of`."""

    async def read(context: ServerRequestContext[Any, Any], params: Any) -> protocol.ReadResourceResult:
        uri = str(params.uri)
        value_of = partial(handler.value_of, client(context))
        try:
            resource = await run_sync(read_resource, uri, value_of, limiter=limiter)
        except KosmoError as error:
            raise MCPError(protocol.INVALID_PARAMS, error.message) from None
        text = protocol.TextResourceContents(uri=uri, mime_type=resource.mime_type, text=resource.text)
        result = protocol.ReadResourceResult(contents=[text])
        return result if resource.is_fixed else result.model_copy(update={"ttl_ms": 0})

    return read


async def _in_thread(work: Callable[[], ToolResult], limiter: anyio.CapacityLimiter) -> protocol.CallToolResult:
    return _content(await run_sync(work, abandon_on_cancel=True, limiter=limiter))


def _content(result: ToolResult) -> protocol.CallToolResult:
    content: list[protocol.ContentBlock] = [protocol.TextContent(type="text", text=result.text)]
    return protocol.CallToolResult(content=content, is_error=result.failed)


async def _list_resources(_: Any, _params: Any) -> protocol.ListResourcesResult:
    return protocol.ListResourcesResult(
        resources=[
            protocol.Resource(name=name, title=about, uri=f"{DOCS}{name}", mime_type=MARKDOWN)
            for name, about in pages().items()
        ]
    )


async def _list_templates(_: Any, _params: Any) -> protocol.ListResourceTemplatesResult:
    page = protocol.ResourceTemplate(
        name="docs", title="A page of the reference", uri_template=f"{DOCS}{{page}}", mime_type=MARKDOWN
    )
    value = protocol.ResourceTemplate(
        name="out", title="A value of `Out`, whole: as json, csv or md", uri_template=f"{OUT}{{number}}.{{form}}"
    )
    return protocol.ListResourceTemplatesResult(resource_templates=[page, value])


def _tool(offer: OfferedTool) -> protocol.Tool:
    tool = offer.tool
    annotations = protocol.ToolAnnotations(
        read_only_hint=tool.read_only,
        idempotent_hint=True if tool.read_only else None,
        open_world_hint=tool.open_world,
    )
    return protocol.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.schema),
        annotations=annotations,
    )


def _progress_reporter(context: ServerRequestContext[Any, Any]) -> Callable[[ProgressSnapshot], None]:
    """Return a function for the call's thread that sends progress to the client, if it requested progress."""
    loop, progress = asyncio.get_running_loop(), 0.0

    def report(state: ProgressSnapshot) -> None:
        nonlocal progress
        progress = float(state.done) if state.over else max(state.done - HALF, progress + STEP)
        notification = context.session.report_progress(progress, float(max(state.total, state.done)), state.text())
        try:
            asyncio.run_coroutine_threadsafe(notification, loop)
        except RuntimeError:  # the server has ended meanwhile
            notification.close()

    return report


# Transports ------------------------------------------------------------------------------------------------------


class _StdioReader(ReadStream[SessionMessage | Exception]):
    """The messages of a client, read in the SDK's calls: a task in between would delay each one.

    Parameters:
        lines: of standard input.
    """

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def __anext__(self) -> SessionMessage | Exception:
        line = await anext(self._lines)
        try:
            return SessionMessage(protocol.jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError as error:  # the SDK passes it over
            return error

    async def aclose(self) -> None:
        """Do nothing: the end of the process closes its input."""


class _StdioWriter(WriteStream[SessionMessage]):
    """The messages to a client, written in the SDK's calls.

    Parameters:
        output: standard output.
    """

    def __init__(self, output: TextOutput) -> None:
        self._output = output

    async def send(self, item: SessionMessage, /) -> None:
        """Send a message.

        Raises:
            anyio.BrokenResourceError: the client has disconnected.
        """
        try:
            await self._output.write(item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n")
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        """Do nothing: the end of the process closes its output."""


async def over_streams(handler: CallHandler, lines: AsyncIterator[str], output: TextOutput) -> None:
    """Serve one client over standard streams, until its input ends."""
    server = server_of(handler, lambda _context: "")
    await server.run(_StdioReader(lines), _StdioWriter(output), server.create_initialization_options())


def application(handler: CallHandler, port: int, token: str) -> Application:
    """Return an ASGI application that serves clients with the token at `PATH`.

    A web page in the user's browser can send requests to this machine. It does not have the token, and requests with
    another `Host` or `Origin` than this machine are rejected.
    """
    hosts = [f"{host}:{port}" for host in HOSTS]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
    )
    app = server_of(handler, _session_id).streamable_http_app(streamable_http_path=PATH, transport_security=security)
    expected = f"Bearer {token}".encode()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        authorization = headers.get(b"authorization", b"")
        if scope["type"] == "http" and not secrets.compare_digest(authorization, expected):
            fields = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": HTTPStatus.UNAUTHORIZED, "headers": fields})
            await send({"type": "http.response.body", "body": b"This server wants its token: Authorization: Bearer\n"})
            return
        await app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "DELETE" and (session := headers.get(SESSION_HEADER)):
            await run_sync(handler.end, session.decode("latin-1"))

    return guarded


def _session_id(context: ServerRequestContext[Any, Any]) -> str | None:
    """Return the session id of an HTTP request; requests of the protocol from 2026 on have none."""
    value = context.request.headers.get(SESSION_HEADER.decode()) if context.request is not None else None
    return str(value) if value else None
