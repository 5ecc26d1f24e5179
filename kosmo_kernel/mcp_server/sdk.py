"""The server side of the Model Context Protocol, built on the official SDK.

The SDK takes half a second to import. Handlers run in its event loop and tool calls in threads. When a client cancels a
call or disconnects, the SDK cancels the handler, which cancels the call and does not wait for its thread. A call that
takes longer than clients wait goes on: with an answer that says so, or as a task if the server gives tasks.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
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

from kosmo_kernel import __version__, integrations
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp.child import MAX_MESSAGE_BYTES
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
    pages,
    read_resource,
)
from kosmo_kernel.progress.display import ProgressSnapshot

Context = ServerRequestContext[Any, Any]
Running = asyncio.Future[protocol.CallToolResult]
Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_CONCURRENT_CALLS = 16  # further calls wait, so that an agent cannot start any number of Lua processes
TASK_SECONDS = 5.0  # after which a client that takes tasks gets one
READ_BYTES = 1 << 16  # bytes per read
PATH = "/mcp"
SESSION_HEADER = b"mcp-session-id"
CACHE = CacheHint(ttl_ms=3_600_000)  # what is offered stays the same while the server runs
CACHED: Sequence[CacheableMethod] = ("tools/list", "resources/list", "resources/templates/list", "resources/read")
HOSTS = ("127.0.0.1", "localhost")
# Progress must increase with every notification, but some are sent while no call finishes. Until the run is over, half
# a call is subtracted from the finished ones, which leaves room for small steps.
HALF, STEP = 0.5, 1e-6


def server_of(handler: CallHandler, client: Callable[[Context], str | None]) -> Server[Any]:
    """Return the SDK's server, which passes tool calls to a handler.

    Parameters:
        handler: handles the calls.
        client: returns what identifies the client of a request, or None if nothing does.
    """
    requests = _Requests(handler, client)
    services = " and ".join(service.title for service in integrations.load_all())
    server = Server(
        NAME,
        version=__version__,
        title="Kosmo",
        description=f"{services} and walled Lua, for agents",
        instructions=INSTRUCTIONS.format(services=services),
        cache_hints=dict.fromkeys(CACHED, CACHE),
        on_list_tools=requests.list_tools,
        on_call_tool=requests.call_tool,
        on_list_resources=requests.list_resources,
        on_list_resource_templates=requests.list_templates,
        on_read_resource=requests.read_resource,
    )
    if requests.tasks:
        requests.tasks.register(server)
    return server


class _Requests:
    """The handlers of the requests of the protocol; for the parameters see `server_of`."""

    def __init__(self, handler: CallHandler, client: Callable[[Context], str | None]) -> None:
        self._handler, self._client = handler, client
        self._limiter = anyio.CapacityLimiter(MAX_CONCURRENT_CALLS)
        self._going_on = set[Running]()  # the event loop itself does not keep them
        self.tasks = Tasks() if handler.gives_tasks else None

    async def list_tools(self, _: Any, _params: Any) -> protocol.ListToolsResult:
        tools = [
            protocol.Tool(
                name=tool.name,
                title=tool.title,
                description=tool.description,
                input_schema=dict(tool.schema),
                annotations=protocol.ToolAnnotations(
                    read_only_hint=tool.read_only,
                    idempotent_hint=True if tool.read_only else None,
                    open_world_hint=tool.open_world,
                ),
            )
            for tool, _function in self._handler.offers.values()
        ]
        return protocol.ListToolsResult(tools=tools)

    async def call_tool(self, context: Context, params: protocol.CallToolRequestParams) -> Any:
        handler = self._handler
        if params.name not in handler.offers:
            names = ", ".join(f"`{name}`" for name in (LUA, SEARCH, READ))
            raise MCPError(protocol.INVALID_PARAMS, f"There is no tool `{params.name[:80]}`. There are {names}.")
        underway = InFlightCall(_progress_reporter(context))
        work = partial(handler.answer, params.name, params.arguments or {}, underway, self._client(context))
        running = asyncio.ensure_future(self._in_thread(work))
        tasks = self.tasks if self.tasks and self.tasks.are_taken(context) else None
        try:
            timeout = min(TASK_SECONDS, handler.answer_within) if tasks else handler.answer_within
            await asyncio.wait((running,), timeout=timeout)
            if tasks and not running.done():
                return tasks.start(underway, running)
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

    async def read_resource(self, context: Context, params: Any) -> protocol.ReadResourceResult:
        uri = str(params.uri)
        value_of = partial(self._handler.value_of, self._client(context))
        try:
            resource = await run_sync(read_resource, uri, value_of, limiter=self._limiter)
        except KosmoError as error:
            raise MCPError(protocol.INVALID_PARAMS, error.message) from None
        text = protocol.TextResourceContents(uri=uri, mime_type=resource.mime_type, text=resource.text)
        result = protocol.ReadResourceResult(contents=[text])
        return result if resource.is_fixed else result.model_copy(update={"ttl_ms": 0})

    async def list_resources(self, _: Any, _params: Any) -> protocol.ListResourcesResult:
        return protocol.ListResourcesResult(
            resources=[
                protocol.Resource(name=name, title=about, uri=f"{DOCS}{name}", mime_type=MARKDOWN)
                for name, about in pages().items()
            ]
        )

    async def list_templates(self, _: Any, _params: Any) -> protocol.ListResourceTemplatesResult:
        page = protocol.ResourceTemplate(
            name="docs", title="A page of the reference", uri_template=f"{DOCS}{{page}}", mime_type=MARKDOWN
        )
        value = protocol.ResourceTemplate(
            name="out", title="A value of `Out`, whole: as json, csv or md", uri_template=f"{OUT}{{number}}.{{form}}"
        )
        return protocol.ListResourceTemplatesResult(resource_templates=[page, value])


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


def _session_id(context: Context) -> str | None:
    """Return the session id of an HTTP request; requests of the protocol from 2026 on have none."""
    value = context.request.headers.get(SESSION_HEADER.decode()) if context.request is not None else None
    return str(value) if value else None


# Tasks -----------------------------------------------------------------------------------------------------------

# The protocol's extension for long calls, of the protocol from 2026-07-28 on. A client that declares it gets a task in
# place of a result that takes long. It asks for the state with `tasks/get`, which has the result in the end, and can
# cancel the task with `tasks/cancel`. The id of a task cannot be guessed, and whoever has it may use it. None of these
# tasks needs an input, so `tasks/update` has nothing to do.
EXTENSION = "io.modelcontextprotocol/tasks"
FIRST_PROTOCOL = "2026-07-28"  # versions are dates
POLL_MILLISECONDS = 2_000
KEEP_SECONDS = 3_600.0  # after the end of a task
MAX_ENDED_TASKS = 100


class TaskParams(protocol.RequestParams):
    """The parameters of the requests about one task."""

    task_id: str


@dataclass(slots=True)
class _Task:
    """A call that a client has as a task."""

    call: InFlightCall  # the call
    running: Running  # its result
    created: float  # the time of its creation, in seconds since 1970
    ended: float | None = None  # the time of its end; None until then
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def state(self) -> dict[str, Any]:
        """Return its state as the extension has it, with the result or the error if it has ended."""
        shared: dict[str, Any] = {
            "taskId": self.id,
            "createdAt": _timestamp(self.created),
            "lastUpdatedAt": _timestamp(self.ended or max(self.call.updated_at, self.created)),
            "ttlMs": None,
            "pollIntervalMs": POLL_MILLISECONDS,
        }
        if self.call.cancelled:
            return shared | {"status": "cancelled"}
        if self.ended is None:
            return shared | {"status": "working", "statusMessage": self.call.describe()}
        shared["ttlMs"] = round((self.ended - self.created + KEEP_SECONDS) * 1_000)
        if error := self.running.exception():
            message = f"The server has a fault: {type(error).__name__}."
            fault = {"code": protocol.INTERNAL_ERROR, "message": message}
            return shared | {"status": "failed", "statusMessage": message, "error": fault}
        result = self.running.result().model_dump(by_alias=True, mode="json", exclude_none=True)
        return shared | {"status": "completed", "result": result}


class Tasks:
    """The tasks of all clients. To be used in the event loop only.

    Parameters:
        clock: returns the time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tasks: dict[str, _Task] = {}

    def register(self, server: Server[Any]) -> None:
        """Let a server serve the extension."""
        server.extensions[EXTENSION] = {}
        for method, handle in {"get": self._get, "update": self._update, "cancel": self._cancel}.items():
            server.add_request_handler(f"tasks/{method}", TaskParams, handle)

    def are_taken(self, context: Context) -> bool:
        """Return whether the client of a request can be given a task."""
        capabilities = context.session.client_capabilities
        extensions = capabilities.extensions if capabilities else None
        return context.protocol_version >= FIRST_PROTOCOL and EXTENSION in (extensions or {})

    def start(self, call: InFlightCall, running: Running) -> dict[str, Any]:
        """Return the result that gives a client a task in place of the result of a call.

        Parameters:
            call: the call; it reports progress to the task from now on.
            running: its result.
        """
        task = _Task(call, running, self._clock())
        call.answered = True
        self._drop_old()
        self._tasks[task.id] = task
        running.add_done_callback(lambda _: self._end(task))
        return {"resultType": "task", **task.state()}

    def _end(self, task: _Task) -> None:
        task.ended = self._clock()
        if not task.running.cancelled():
            task.running.exception()  # it has been looked at, also if no client asks again

    async def _get(self, context: Context, params: TaskParams) -> dict[str, Any]:
        return self._find(context, params).state()

    async def _update(self, context: Context, params: TaskParams) -> dict[str, Any]:
        self._find(context, params)
        return {}

    async def _cancel(self, context: Context, params: TaskParams) -> dict[str, Any]:
        task = self._find(context, params)
        if task.ended is None:
            task.call.cancel()
        return {}

    def _find(self, context: Context, params: TaskParams) -> _Task:
        """Return the task of a request.

        Raises:
            MCPError: the client has not declared the extension, or there is no such task.
        """
        if context.protocol_version < FIRST_PROTOCOL:
            raise MCPError(protocol.METHOD_NOT_FOUND, "Method not found", context.method)
        if not self.are_taken(context):
            needed: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
            raise MCPError(
                protocol.MISSING_REQUIRED_CLIENT_CAPABILITY, f"The client has not declared {EXTENSION}.", needed
            )
        self._drop_old()
        if task := self._tasks.get(params.task_id):
            return task
        minutes = round(KEEP_SECONDS / 60)
        raise MCPError(protocol.INVALID_PARAMS, f"There is no such task: one is kept for {minutes} min after its end.")

    def _drop_old(self) -> None:
        """Forget the tasks that ended long ago, and the oldest ended ones if there are many."""
        latest = self._clock() - KEEP_SECONDS
        ended = sorted((task.ended, key) for key, task in self._tasks.items() if task.ended is not None)
        for number, (end, key) in enumerate(ended):
            if end <= latest or number < len(ended) - MAX_ENDED_TASKS:
                del self._tasks[key]


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
