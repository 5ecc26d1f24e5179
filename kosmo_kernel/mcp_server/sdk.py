"""The server of the Model Context Protocol: the official SDK's own server class and transports.

The SDK takes half a second to import. Handlers run in its event loop and tool calls in threads. When a client cancels a
call or disconnects, the SDK cancels the handler, which cancels the call and does not wait for its thread. A call that
takes longer than clients wait is answered, and goes on.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
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
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from kosmo_kernel import __version__
from kosmo_kernel.mcp_server.answers import ToolResult
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.mcp_server.sessions import InFlightCall
from kosmo_kernel.progress.display import ProgressSnapshot

Context = ServerRequestContext[Any, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_CONCURRENT_CALLS = 16  # further calls wait, so that an agent cannot start any number of Lua processes
PATH = "/mcp"
SESSION_HEADER = "mcp-session-id"
# Progress must increase with every notification, but some are sent while no call finishes. Until the run is over, half
# a call is subtracted from the finished ones, which leaves room for small steps.
HALF, STEP = 0.5, 1e-6


def server_of(handler: CallHandler, client: Callable[[Context], str] = lambda _context: "") -> Server[Any]:
    """Return the SDK's server, which passes tool calls to a handler.

    Parameters:
        handler: handles the calls.
        client: returns what identifies the client of a request.
    """
    limiter = anyio.CapacityLimiter(MAX_CONCURRENT_CALLS)
    detached = set[asyncio.Future[ToolResult]]()  # the event loop itself does not keep them

    async def list_tools(_context: Context, _params: Any) -> protocol.ListToolsResult:
        return protocol.ListToolsResult.model_validate({"tools": [*handler.tools.values()]})

    async def call_tool(context: Context, params: protocol.CallToolRequestParams) -> protocol.CallToolResult:
        if params.name not in handler.tools:
            names = ", ".join(f"`{name}`" for name in handler.tools)
            raise MCPError(protocol.INVALID_PARAMS, f"There is no tool `{params.name[:80]}`. There are {names}.")
        call = InFlightCall(_progress_reporter(context), client(context))
        work = partial(handler.answer, params.name, params.arguments or {}, call)
        loop, takes_long = asyncio.get_running_loop(), asyncio.Event()
        call.on_long = partial(loop.call_soon_threadsafe, takes_long.set)
        running = asyncio.ensure_future(run_sync(work, abandon_on_cancel=True, limiter=limiter))
        waiting = asyncio.ensure_future(takes_long.wait())
        try:
            await asyncio.wait((running, waiting), timeout=handler.answer_within, return_when=asyncio.FIRST_COMPLETED)
            early = None if running.done() else handler.early_answer(call)
            result = await running if early is None else early
        except BaseException:
            call.answered = True  # the client waits no longer
            call.cancel()
            running.cancel()
            raise
        finally:
            waiting.cancel()
        if not running.done():
            detached.add(running)
            running.add_done_callback(detached.discard)
        text = protocol.TextContent(type="text", text=result.text)
        return protocol.CallToolResult(content=[text], is_error=result.failed)

    return Server(
        "kosmo",
        version=__version__,
        title="Kosmo",
        description="Accounts of services and walled Lua, for agents",
        instructions=handler.instructions,
        cache_hints={"tools/list": CacheHint(ttl_ms=3_600_000)},  # which stays the same while the server runs
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


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


async def serve_stdio(handler: CallHandler) -> None:
    """Serve the client at the other end of standard input and output, until it closes one of them."""
    server = server_of(handler)
    try:
        async with stdio_server() as (reader, writer):
            await server.run(reader, writer, server.create_initialization_options())
    except* OSError:  # the client no longer reads
        pass


def application(handler: CallHandler, port: int, token: str) -> Application:
    """Return an ASGI application that serves clients with the token at `PATH`.

    A web page in the user's browser can send requests to this machine. It does not have the token, and requests with
    another `Host` or `Origin` than this machine are rejected.
    """
    hosts = [f"{host}:{port}" for host in ("127.0.0.1", "localhost")]
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
        session = headers.get(SESSION_HEADER.encode())
        if scope["type"] == "http" and scope["method"] == "DELETE" and session:
            await run_sync(handler.sessions.end, session.decode("latin-1"))

    return guarded


def _session_id(context: Context) -> str:
    """Return the session id of an HTTP request, which identifies its client.

    Raises:
        MCPError: the request has none, because its version of the protocol has no sessions.
    """
    session = context.request.headers.get(SESSION_HEADER) if context.request is not None else None
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
