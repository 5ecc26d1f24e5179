"""The protocol, by its official SDK. The only file here that imports it: that alone takes half a second.

Handlers answer in the SDK's event loop, and each call of a tool in a thread. When a client cancels a call, or goes, the
SDK cancels its handler, which tells the thread and waits for it no more.
"""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync
from mcp import MCPError
from mcp import types as protocol
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from kosmo_kernel import __version__, docs
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.mcp_server.call_handler import InFlightCall, ToolResult
from kosmo_kernel.mcp_server.tools import INSTRUCTIONS, NAME, PREFIX, READ, SEARCH, pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mcp.server.context import ServerRequestContext

    from kosmo_kernel.client.progress import ProgressSnapshot
    from kosmo_kernel.mcp_server.call_handler import CallHandler
    from kosmo_kernel.mcp_server.tools import OfferedTool

    Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_CONCURRENT_CALLS = 16  # calls; others wait, so that an agent cannot fill the machine with Lua processes
PATH = "/mcp"
HOSTS = ("127.0.0.1", "localhost")
MARKDOWN = "text/markdown"
# The protocol wants progress to rise with every message, and there are messages while no call is answered. So what is
# done counts half until the run is over, which leaves room for small steps below it.
HALF, STEP = 0.5, 1e-6


def server_of(desk: CallHandler) -> Server[Any]:
    """The SDK's server, with the desk behind it."""
    room = anyio.CapacityLimiter(MAX_CONCURRENT_CALLS)

    async def list_tools(_: Any, _params: Any) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=[_described(one) for one in desk.offers.values()])

    async def call_tool(
        context: ServerRequestContext[Any, Any], params: protocol.CallToolRequestParams
    ) -> protocol.CallToolResult:
        if params.name not in desk.offers:
            raise MCPError(protocol.INVALID_PARAMS, f"There is no tool `{params.name[:80]}`.")
        underway = InFlightCall(_teller(context))
        try:
            work = partial(desk.answer, params.name, params.arguments or {}, underway)
            answer = await run_sync(work, abandon_on_cancel=True, limiter=room)
        except BaseException:
            underway.cancel()
            raise
        return _result(answer)

    async def list_resources(_: Any, _params: Any) -> protocol.ListResourcesResult:
        return protocol.ListResourcesResult(
            resources=[
                protocol.Resource(name=name, title=about, uri=f"{PREFIX}{name}", mime_type=MARKDOWN)
                for name, about in pages().items()
            ]
        )

    async def list_templates(_: Any, _params: Any) -> protocol.ListResourceTemplatesResult:
        one = protocol.ResourceTemplate(
            name="docs", title="A page of the reference", uri_template=f"{PREFIX}{{page}}", mime_type=MARKDOWN
        )
        return protocol.ListResourceTemplatesResult(resource_templates=[one])

    async def read_resource(_: Any, params: protocol.ReadResourceRequestParams) -> protocol.ReadResourceResult:
        uri = str(params.uri)
        if not uri.startswith(PREFIX):
            raise MCPError(protocol.INVALID_PARAMS, f"There is no resource `{uri[:80]}`: pages are {PREFIX}…")
        try:
            page = docs.read(uri.removeprefix(PREFIX))
        except UnknownNameError as error:
            raise MCPError(protocol.INVALID_PARAMS, error.message) from None
        text = protocol.TextResourceContents(uri=uri, mime_type=MARKDOWN, text=str(page))
        return protocol.ReadResourceResult(contents=[text])

    return Server(
        NAME,
        version=__version__,
        title="Kosmo",
        description="Heroku and walled Lua, for agents",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def _described(one: OfferedTool) -> protocol.Tool:
    tool = one.tool
    notes = protocol.ToolAnnotations(
        read_only_hint=tool.read_only,
        idempotent_hint=True if tool.read_only else None,
        open_world_hint=tool.name not in (READ, SEARCH),
    )
    return protocol.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.schema),
        output_schema=dict(tool.output) if tool.output is not None else None,
        annotations=notes,
    )


def _result(answer: ToolResult) -> protocol.CallToolResult:
    content: list[protocol.ContentBlock] = [protocol.TextContent(type="text", text=answer.text)]
    if answer.value is None:
        return protocol.CallToolResult(content=content, is_error=answer.failed)
    return protocol.CallToolResult(content=content, structured_content=answer.value, is_error=answer.failed)


def _teller(context: ServerRequestContext[Any, Any]) -> Callable[[ProgressSnapshot], None]:
    """Tells the client how far its call is, where it asked for that; from the thread of the call."""
    loop, told = asyncio.get_running_loop(), 0.0

    def tell(state: ProgressSnapshot) -> None:
        nonlocal told
        told = float(state.done) if state.over else max(state.done - HALF, told + STEP)
        report = context.session.report_progress(told, float(max(state.total, state.done)), state.text())
        try:
            asyncio.run_coroutine_threadsafe(report, loop)
        except RuntimeError:  # the server has ended meanwhile
            report.close()

    return tell


# Transports ------------------------------------------------------------------------------------------------------


async def over_streams(desk: CallHandler, lines: AsyncIterator[str]) -> None:
    """Serve the one client at the other end of our standard streams, until it has nothing more to say.

    Standard output is the protocol's meanwhile: what else is written there goes to standard error.

    Parameters:
        desk: what answers.
        lines: what the client says.
    """
    server = server_of(desk)
    stdin: Any = lines  # the SDK only reads its lines, one after the other
    try:
        async with stdio_server(stdin=stdin) as (coming, going):
            await server.run(coming, going, server.create_initialization_options())
    except* BrokenPipeError:  # the client has gone without a word
        pass


def application(desk: CallHandler, port: int, token: str) -> Application:
    """Serve whoever has the token, as an ASGI application at `PATH`.

    A web page that the user looks at can send requests to this machine. It does not have the token; and a request that
    names another host than this machine, or comes from a page of another one, is turned down before.

    Parameters:
        desk: what answers.
        port: where the application will be.
        token: what a client sends as `Authorization: Bearer …`.
    """
    here = [f"{host}:{port}" for host in HOSTS]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=here, allowed_origins=[f"http://{one}" for one in here]
    )
    app = server_of(desk).streamable_http_app(streamable_http_path=PATH, transport_security=security)
    wanted = f"Bearer {token}".encode()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http" and not secrets.compare_digest(given, wanted):
            headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": HTTPStatus.UNAUTHORIZED, "headers": headers})
            await send({"type": "http.response.body", "body": b"This server wants its token: Authorization: Bearer\n"})
            return
        await app(scope, receive, send)

    return guarded
