"""The server side of the Model Context Protocol, built on the official SDK.

The SDK takes half a second to import. Handlers run in its event loop and tool calls in threads. When a client cancels a
call or disconnects, the SDK cancels the handler, which cancels the call and does not wait for its thread. A call that
takes longer than clients wait is answered, and goes on.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

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
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from kosmo_kernel import __version__, integrations
from kosmo_kernel.mcp.child import MAX_MESSAGE_BYTES
from kosmo_kernel.mcp_server.answers import ToolResult
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.mcp_server.sessions import InFlightCall
from kosmo_kernel.mcp_server.tools import INSTRUCTIONS, LUA, READ, SEARCH
from kosmo_kernel.progress.display import ProgressSnapshot

Context = ServerRequestContext[Any, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_CONCURRENT_CALLS = 16  # further calls wait, so that an agent cannot start any number of Lua processes
READ_BYTES = 1 << 16  # bytes per read
PATH = "/mcp"
SESSION_HEADER = b"mcp-session-id"
# What is offered stays the same while the server runs.
CACHE: Mapping[CacheableMethod, CacheHint] = {"tools/list": CacheHint(ttl_ms=3_600_000)}
HOSTS = ("127.0.0.1", "localhost")
# Progress must increase with every notification, but some are sent while no call finishes. Until the run is over, half
# a call is subtracted from the finished ones, which leaves room for small steps.
HALF, STEP = 0.5, 1e-6


def server_of(handler: CallHandler, client: Callable[[Context], str]) -> Server[Any]:
    """Return the SDK's server, which passes tool calls to a handler.

    Parameters:
        handler: handles the calls.
        client: returns what identifies the client of a request.
    """
    requests = _Requests(handler, client)
    services = " and ".join(service.title for service in integrations.load_all())
    return Server(
        "kosmo",
        version=__version__,
        title="Kosmo",
        description=f"{services} and walled Lua, for agents",
        instructions=INSTRUCTIONS.format(services=services),
        cache_hints=CACHE,
        on_list_tools=requests.list_tools,
        on_call_tool=requests.call_tool,
    )


class _Requests:
    """The handlers of the requests of the protocol; for the parameters see `server_of`."""

    def __init__(self, handler: CallHandler, client: Callable[[Context], str]) -> None:
        self._handler, self._client = handler, client
        self._limiter = anyio.CapacityLimiter(MAX_CONCURRENT_CALLS)
        self._going_on = set[asyncio.Future[protocol.CallToolResult]]()  # the event loop itself does not keep them

    async def list_tools(self, _: Any, _params: Any) -> protocol.ListToolsResult:
        tools = [
            protocol.Tool(
                name=tool.name,
                title=tool.title,
                description=tool.description,
                input_schema=tool.schema,
                annotations=protocol.ToolAnnotations(
                    read_only_hint=tool.reads,
                    idempotent_hint=True if tool.reads else None,
                    open_world_hint=tool.open_world,
                ),
            )
            for tool in self._handler.offers.values()
        ]
        return protocol.ListToolsResult(tools=tools)

    async def call_tool(self, context: Context, params: protocol.CallToolRequestParams) -> protocol.CallToolResult:
        handler = self._handler
        if params.name not in handler.offers:
            names = ", ".join(f"`{name}`" for name in (LUA, SEARCH, READ))
            raise MCPError(protocol.INVALID_PARAMS, f"There is no tool `{params.name[:80]}`. There are {names}.")
        underway = InFlightCall(_progress_reporter(context), self._client(context))
        work = partial(handler.answer, params.name, params.arguments or {}, underway)
        running = asyncio.ensure_future(self._in_thread(work))
        try:
            await asyncio.wait((running,), timeout=handler.answer_within)
            early = None if running.done() else handler.early_answer(underway)
            if early is None:
                return await running
        except BaseException:
            underway.cancel()
            running.cancel()
            raise
        self._going_on.add(running)
        running.add_done_callback(self._going_on.discard)
        return _content(early)

    async def _in_thread(self, work: Callable[[], ToolResult]) -> protocol.CallToolResult:
        return _content(await run_sync(work, abandon_on_cancel=True, limiter=self._limiter))


def _content(result: ToolResult) -> protocol.CallToolResult:
    content: list[protocol.ContentBlock] = [protocol.TextContent(type="text", text=result.text)]
    return protocol.CallToolResult(content=content, is_error=result.failed)


def _progress_reporter(context: Context) -> Callable[[ProgressSnapshot], None]:
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


# The event loop watches pipes, sockets and terminals. A file cannot be watched, and never blocks.


class _StdioReader(ObjectReceiveStream[SessionMessage | Exception]):
    """The messages of a client, read in the SDK's calls: a task in between would delay each one."""

    def __init__(self, descriptor: int) -> None:
        self._lines = lines(descriptor)

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


class StdioWriter(ObjectSendStream[SessionMessage]):
    """Writes whole messages to a file descriptor, in the event loop and without ever blocking it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._drained = asyncio.Event()
        self._error: OSError | None = None

    async def send(self, item: SessionMessage) -> None:
        """Write a message after those before it, and wait until it is written, which it is also if that is cancelled.

        Raises:
            anyio.BrokenResourceError: the client has disconnected.
        """
        is_idle = not self._buffer
        self._buffer += item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
        if is_idle:
            self._drained.clear()
            self._flush()
        await self._drained.wait()
        if self._error:
            raise anyio.BrokenResourceError from self._error

    async def aclose(self) -> None:
        """Do nothing: the end of the process closes its output."""

    def _flush(self) -> None:
        try:
            while self._buffer and select.select([], [self._descriptor], [], 0)[1]:
                part = self._buffer[: select.PIPE_BUF]  # as many bytes do not block
                del self._buffer[: os.write(self._descriptor, part)]
        except OSError as error:
            self._error = error
            self._buffer.clear()
        if self._buffer:
            self._loop.add_writer(self._descriptor, self._flush)
        elif not self._drained.is_set():
            self._loop.remove_writer(self._descriptor)
            self._drained.set()


async def lines(descriptor: int, most: int = MAX_MESSAGE_BYTES) -> AsyncIterator[str]:
    """Yield the lines of a file descriptor; a line of more than `most` bytes is dropped.

    The last line need not have an end.
    """
    parts: list[bytes] = []  # of the line that has not ended
    size = 0
    with suppress(OSError):
        while piece := await _read(descriptor):
            *ends, rest = piece.split(b"\n")
            for end in ends:
                if size + len(end) <= most:
                    yield b"".join([*parts, end]).decode(errors="replace")
                parts, size = [], 0
            size += len(rest)
            parts = [*parts, rest] if size <= most else []
    if any(parts):
        yield b"".join(parts).decode(errors="replace")


async def _read(descriptor: int) -> bytes:
    """Return the next bytes of a file descriptor, without blocking the event loop; none at its end."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # a file, or a device such as the null device
        return os.read(descriptor, READ_BYTES)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, READ_BYTES)


async def over_streams(handler: CallHandler, stdin: int, stdout: int) -> None:
    """Serve one client over two file descriptors, until its input ends."""
    server = server_of(handler, lambda _context: "")
    await server.run(_StdioReader(stdin), StdioWriter(stdout), server.create_initialization_options())


def application(handler: CallHandler, port: int, token: str) -> Application:
    """Return an ASGI application that serves clients with the token at `PATH`.

    A web page in the user's browser can send requests to this machine. It does not have the token, and requests with
    another `Host` or `Origin` than this machine are rejected.
    """
    hosts = [f"{host}:{port}" for host in HOSTS]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
    )
    server = server_of(handler, _session_id)
    server.add_request_handler("server/discover", protocol.RequestParams, _discover)
    app = server.streamable_http_app(streamable_http_path=PATH, transport_security=security)
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


def _session_id(context: Context) -> str:
    """Return the session id of an HTTP request, which identifies its client.

    Raises:
        MCPError: the request has none, because its version of the protocol has no sessions.
    """
    session = context.request.headers.get(SESSION_HEADER.decode()) if context.request is not None else None
    if not session:
        raise _unsupported_version(context)
    return str(session)


async def _discover(context: Context, _params: protocol.RequestParams) -> protocol.DiscoverResult:
    """Let a client that asks what it can use take an earlier version."""
    raise _unsupported_version(context)


def _unsupported_version(context: Context) -> MCPError:
    """Return the error for versions of the protocol without sessions, those from 2026 on."""
    versions = protocol.UnsupportedProtocolVersionErrorData(
        supported=list(HANDSHAKE_PROTOCOL_VERSIONS), requested=context.protocol_version
    )
    message = f"Over HTTP this server needs a version with sessions: {HANDSHAKE_PROTOCOL_VERSIONS[-1]} or earlier."
    return MCPError(protocol.UNSUPPORTED_PROTOCOL_VERSION, message, versions.model_dump())
