"""The server side of the Model Context Protocol, built on the official SDK.

The SDK takes half a second to import. Handlers run in its event loop and tool calls in threads. When a client cancels a
call or disconnects, the SDK cancels the handler, which cancels the call and does not wait for its thread. A call that
takes longer than clients wait goes on: with an answer that says so, or as a task if the server gives tasks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.to_thread import run_sync
from mcp import MCPError
from mcp import types as protocol
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.message import SessionMessage

from kosmo_kernel import __version__, integrations
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp_server.answers import ToolResult
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.mcp_server.sessions import InFlightCall
from kosmo_kernel.mcp_server.tools import (
    DOCS,
    INSTRUCTIONS,
    LUA,
    MARKDOWN,
    NAME,
    OUT,
    READ,
    SEARCH,
    OfferedTool,
    pages,
    read_resource,
)
from kosmo_kernel.progress.display import ProgressSnapshot

if TYPE_CHECKING:
    from kosmo_kernel.mcp_server.tasks import Tasks

Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_CONCURRENT_CALLS = 16  # further calls wait, so that an agent cannot start any number of Lua processes
TASK_SECONDS = 5.0  # after which a client that takes tasks gets one
PATH = "/mcp"
SESSION_HEADER = b"mcp-session-id"
CACHE = CacheHint(ttl_ms=3_600_000)  # what is offered stays the same while the server runs
CACHED: Sequence[CacheableMethod] = ("tools/list", "resources/list", "resources/templates/list", "resources/read")
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
    going_on = set[asyncio.Future[protocol.CallToolResult]]()
    tasks = _tasks() if handler.gives_tasks else None

    async def list_tools(_: Any, _params: Any) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=[_tool(offer) for offer in handler.offers.values()])

    async def call_tool(context: ServerRequestContext[Any, Any], params: protocol.CallToolRequestParams) -> Any:
        if params.name not in handler.offers:
            tools = ", ".join(f"`{name}`" for name in (LUA, SEARCH, READ))
            raise MCPError(protocol.INVALID_PARAMS, f"There is no tool `{params.name[:80]}`. There are {tools}.")
        underway = InFlightCall(_progress_reporter(context))
        work = partial(handler.answer, params.name, params.arguments or {}, underway, client(context))
        running = asyncio.ensure_future(_in_thread(work, limiter))
        client_tasks = tasks if tasks and tasks.are_taken(context) else None
        try:
            timeout = min(TASK_SECONDS, handler.answer_within) if client_tasks else handler.answer_within
            await asyncio.wait((running,), timeout=timeout)
            early = None
            if not running.done():
                if client_tasks:
                    return client_tasks.start(underway, running)
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
        cache_hints=dict.fromkeys(CACHED, CACHE),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_reader(handler, client, limiter),
    )
    if tasks:
        tasks.register(server)
    return server


def _tasks() -> Tasks:
    from kosmo_kernel.mcp_server.tasks import Tasks  # only for a server with the option

    return Tasks()


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
        progress = float(state.finished) if state.over else max(state.finished - HALF, progress + STEP)
        notification = context.session.report_progress(progress, float(max(state.total, state.finished)), state.text())
        try:
            asyncio.run_coroutine_threadsafe(notification, loop)
        except RuntimeError:  # the server has ended meanwhile
            notification.close()

    return report


# Transports ------------------------------------------------------------------------------------------------------


class _StdioReader(ObjectReceiveStream[SessionMessage | Exception]):
    """The messages of a client, read in the SDK's calls: a task in between would delay each one.

    Parameters:
        lines: of standard input.
    """

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message, or the error of a line that is none, which the SDK passes over.

        Raises:
            anyio.EndOfStream: the client has closed its side.
        """
        async for line in self._lines:
            try:
                return SessionMessage(protocol.jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError as error:
                return error
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Do nothing: the end of the process closes its input."""


class _StdioWriter(ObjectSendStream[SessionMessage]):
    """The messages to a client, written in the SDK's calls.

    Parameters:
        write: writes a text to standard output.
    """

    def __init__(self, write: Callable[[str], Awaitable[None]]) -> None:
        self._write = write

    async def send(self, item: SessionMessage) -> None:
        """Send a message.

        Raises:
            anyio.BrokenResourceError: the client has disconnected.
        """
        try:
            await self._write(item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n")
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        """Do nothing: the end of the process closes its output."""


async def over_streams(
    handler: CallHandler, lines: AsyncIterator[str], write: Callable[[str], Awaitable[None]]
) -> None:
    """Serve one client over standard streams, until its input ends.

    Parameters:
        handler: handles the calls.
        lines: of standard input.
        write: writes a text to standard output, or raises an OSError if nobody reads it any more.
    """
    server = server_of(handler, lambda _context: "")
    await server.run(_StdioReader(lines), _StdioWriter(write), server.create_initialization_options())


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
