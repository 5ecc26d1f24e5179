"""The protocol, by its official SDK. The only file that imports it: that alone takes half a second.

A `Connection` lives in the event loop that opened it. What goes in and out are JSON values, so that nobody else needs
the SDK's types; what goes wrong are the four errors of `errors.py`, which know nothing of servers.

The transport to a program is ours: the SDK's own reads a line without an end in quadratic time, keeps no complaints,
and does not tell which process it started. It hands the SDK whatever is a message, and answers for a server whose
answer is none.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, TypeVar

import anyio
import httpx2
from mcp import Client, MCPError
from mcp import types as protocol
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.message import SessionMessage
from pydantic import BaseModel, ValidationError

from kosmo_kernel import __version__
from kosmo_kernel.mcp.child import MAX_MESSAGE_BYTES, Child
from kosmo_kernel.mcp.errors import ClosedError, MalformedError, McpError, ServerRejectedError, ServerTimeoutError
from kosmo_kernel.mcp.references import ResolvedServer
from kosmo_kernel.mcp.streams import LineReader, LineWriter

T = TypeVar("T")

PAGES_MOST = 1_000  # of a list; a server whose cursors go round would never end
LOG_LEVEL: protocol.LoggingLevel = "info"
MODERN = "auto"  # asks for the protocol of 2026 first, and shakes hands as before where a server does not know it
PROBE = "server/discover"  # what that asks
OLD = "legacy"
NO_MESSAGE = "its answer is no JSON-RPC message"

# The SDK logs what it tells us as errors anyway; without a handler Python would print that on standard error.
for _name in ("mcp", "client"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class MessageTransport:
    """What goes over a transport besides messages.

    Parameters:
        child: the server, where it is a program.
    """

    def __init__(self, child: Child | None) -> None:
        self.child = child
        self.closed = asyncio.Event()
        self.too_long = False
        self.stray = ""  # the id of an answer that nobody asked for
        self.status = 0  # the HTTP status of the last answer that was a refusal
        self.heard = 0.0  # when the last message came, as the loop's clock has it
        self.probe: str | int | None = None  # the id of the question of 2026, once it was asked
        self._asked: set[str | int] = set()

    def sent(self, message: protocol.JSONRPCMessage) -> None:
        """A message goes out."""
        if isinstance(message, protocol.JSONRPCRequest):
            self._asked.add(message.id)
            if message.method == PROBE:
                self.probe = message.id

    def overflowed(self) -> None:
        """A message has no end."""
        self.too_long = True

    def received(self, message: protocol.JSONRPCMessage) -> None:
        """A message came."""
        self.heard = asyncio.get_running_loop().time()
        if isinstance(message, (protocol.JSONRPCResponse, protocol.JSONRPCError)):
            if message.id not in self._asked:
                self.stray = str(message.id)[:40]
            elif message.id is not None:
                self._asked.discard(message.id)


class SdkConnection:
    """A server that was started or reached, and has said what it can do.

    Parameters:
        client: the SDK's.
        wire: below it.
        timeout: seconds for each answer.
    """

    def __init__(self, client: Client, wire: MessageTransport, timeout: float) -> None:
        self._client, self.wire, self._timeout = client, wire, timeout
        info, can = client.server_info, client.server_capabilities
        self.title = (info.title or info.name) if info else ""
        self.version = info.version if info else ""
        self.protocol = client.protocol_version
        self.instructions = client.instructions or ""
        self.offers = {"tools": can.tools, "resources": can.resources, "prompts": can.prompts}
        self.tells_of_tools = bool(can.tools and can.tools.list_changed)

    async def tools(self) -> list[dict[str, Any]]:
        """All tools, as the protocol describes them."""
        return await self._all("tools", lambda cursor: self._client.list_tools(cursor=cursor, cache_mode="refresh"))

    async def resources(self) -> list[dict[str, Any]]:
        """All resources."""
        return await self._all(
            "resources", lambda cursor: self._client.list_resources(cursor=cursor, cache_mode="refresh")
        )

    async def templates(self) -> list[dict[str, Any]]:
        """All templates of resources."""
        ask = self._client.list_resource_templates
        return await self._all("resource_templates", lambda cursor: ask(cursor=cursor, cache_mode="refresh"))

    async def prompts(self) -> list[dict[str, Any]]:
        """All prompts."""
        return await self._all("prompts", lambda cursor: self._client.list_prompts(cursor=cursor, cache_mode="refresh"))

    async def call(
        self,
        tool: str,
        arguments: dict[str, Any],
        hear: Callable[[float, float | None, str | None], None],
    ) -> dict[str, Any]:
        """What a tool answers: `content`, `isError`, and `structuredContent` where it has that.

        With that, texts are left out of `content`: they say the same again.
        """

        async def told(progress: float, total: float | None, message: str | None) -> None:
            hear(progress, total, message)

        result = await self._answer(self._client.call_tool(tool, arguments, progress_callback=told))
        content, failed = result.content, bool(result.is_error)
        if failed or "structured_content" not in result.model_fields_set:
            return {"content": [_plain(block) for block in content], "isError": failed}
        others = [_plain(block) for block in content if not isinstance(block, protocol.TextContent)]
        return {"content": others, "isError": failed, "structuredContent": result.structured_content}

    async def read_resource(self, uri: str) -> dict[str, Any]:
        """What a resource holds: `contents`."""
        found = await self._answer(self._client.read_resource(uri, cache_mode="refresh"))
        return {"contents": [_plain(one) for one in found.contents]}

    async def prompt(self, name: str, arguments: dict[str, str]) -> dict[str, Any]:
        """A prompt, filled in: `description`, where it has one, and `messages`."""
        found = await self._answer(self._client.get_prompt(name, arguments))
        about = {"description": found.description} if found.description else {}
        return {**about, "messages": [_plain(one) for one in found.messages]}

    async def changes(self, changed: Callable[[], None]) -> None:
        """Tell of each change of the tools, where the server is of 2026 and tells only whoever listens.

        Ends when the server ends that. What it would have said from then on may be a change, so that is told as one.
        """
        with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError, httpx2.HTTPError):
            async with self._client.listen(tools_list_changed=True) as events:
                try:
                    async for _ in events:
                        changed()
                finally:
                    changed()

    async def _all(self, kind: str, ask: Callable[[str | None], Awaitable[Any]]) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        found: list[dict[str, Any]] = []
        cursor, seen = None, set[str]()
        async with _in_time(self._timeout):
            while True:
                page = await self._answer(ask(cursor))
                found += [_plain(one) for one in getattr(page, kind)]
                cursor = page.next_cursor
                if not cursor:
                    return found
                if cursor in seen or len(seen) >= PAGES_MOST:
                    raise MalformedError(f"its list of {kind} has no end: the same pages come again and again")
                seen.add(cursor)

    async def _answer(self, asked: Awaitable[T]) -> T:
        """What the server answers; what goes wrong as one of our errors.

        Raises:
            ClosedError, MalformedError, SilentError, TurnedDownError: as they say.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await asked
        except McpError:
            raise
        except TimeoutError:
            raise ServerTimeoutError from None
        except Exception as error:  # noqa: BLE001 - whatever is no error of the protocol is raised as it is
            raise _meant(error, self.wire) from None


@asynccontextmanager
async def connected(
    filled: ResolvedServer,
    child: Child | None,
    *,
    mode: str,
    patience: float | None,
    timeout: float,  # noqa: ASYNC109 - it is each answer's
    changed: Callable[[], None],
    say: Callable[[str, str], None],
) -> AsyncIterator[SdkConnection]:
    """Open a connection, for as long as the context lasts.

    Parameters:
        filled: the server.
        child: the server as a program that runs already; None for one that has an address.
        mode: `MODERN` or `OLD`.
        patience: seconds until a program that has said nothing is taken for one of before 2026; None for the SDK's own.
        timeout: seconds for each answer.
        changed: is told when the server's tools have changed.
        say: is told level and text of what the server logs.

    Raises:
        ClosedError, MalformedError, SilentError, TurnedDownError: there is no server that speaks the protocol.
    """
    wire = MessageTransport(child)

    async def heard(message: object) -> None:
        if isinstance(message, protocol.ToolListChangedNotification):
            changed()

    async def logged(params: protocol.LoggingMessageNotificationParams) -> None:
        text = params.data if isinstance(params.data, str) else json.dumps(params.data, default=str)
        say(params.level, text)

    async with AsyncExitStack() as stack:
        transport = _lines(child, wire, patience) if child else _http(filled, wire, timeout)
        client = Client(
            transport,
            mode=mode,
            client_info=protocol.Implementation(name="kosmo_kernel", version=__version__),
            message_handler=heard,
            logging_callback=logged,
            log_level=LOG_LEVEL,
        )
        try:
            await stack.enter_async_context(client)
        except Exception as error:  # noqa: BLE001 - whatever is no error of the protocol is raised as it is
            raise _meant(error, wire) from None
        yield SdkConnection(client, wire, timeout)


def _meant(error: BaseException, wire: MessageTransport) -> BaseException:
    """One of our errors for one of the SDK's; any other as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    meant = error
    match error:
        case MCPError(code=protocol.CONNECTION_CLOSED):
            meant = ClosedError(too_long=wire.too_long)
        case MCPError(code=protocol.REQUEST_TIMEOUT):
            meant = ServerTimeoutError()
        case MCPError(code=protocol.PARSE_ERROR, message=message) if message == NO_MESSAGE:
            meant = MalformedError(message)
        case MCPError():
            meant = ServerRejectedError(error.message, error.code, wire.status)
        case httpx2.HTTPError():
            meant = ClosedError(str(error) or type(error).__name__)
        case ConnectionError() | anyio.BrokenResourceError() | anyio.ClosedResourceError():
            meant = ClosedError()
        case ValidationError():
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"]))
            meant = MalformedError(f"it is not as the protocol has it ({where}: {fault['msg']})")
        case RuntimeError():  # what it promises of its answers does not hold
            meant = MalformedError(str(error).partition("\n")[0])
    return meant


# Transports ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _http(filled: ResolvedServer, wire: MessageTransport, seconds: float) -> AsyncIterator[Any]:
    """The SDK's transport to an address, with the entry's headers."""

    async def answered(response: httpx2.Response) -> None:
        wire.status = response.status_code if response.is_error else 0

    timeout = httpx2.Timeout(seconds, read=None)  # each request has its own end, and a stream need not have one
    hooks = {"response": [answered]}
    async with (
        httpx2.AsyncClient(headers=dict(filled.headers), timeout=timeout, event_hooks=hooks) as client,
        streamable_http_client(filled.url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES) as streams,
    ):
        yield streams


@asynccontextmanager
async def _lines(
    child: Child, wire: MessageTransport, patience: float | None
) -> AsyncIterator[tuple[LineReader[SessionMessage], LineWriter[SessionMessage]]]:
    """A transport to a program: one message a line."""

    def read(line: bytes) -> SessionMessage | None:
        message = _message(line, child)
        if message is None:
            return None
        wire.received(message)
        # What it tells meanwhile is heard before the answer that follows, and a flood of it stops nobody.
        coming.gives_way = not isinstance(message, protocol.JSONRPCResponse)
        return SessionMessage(message)

    def write(item: SessionMessage) -> bytes:
        wire.sent(item.message)
        return item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()

    def silent() -> SessionMessage | None:
        """The answer of a server that does not know the question of 2026 and says nothing to it: no."""
        if wire.probe is None:
            return None
        fault = protocol.ErrorData(code=protocol.REQUEST_TIMEOUT, message="no answer")
        return SessionMessage(protocol.JSONRPCError(jsonrpc="2.0", id=wire.probe, error=fault))

    coming = LineReader(child, read, wire.closed.set, wire.overflowed, patience=patience, instead=silent)
    yield coming, LineWriter(child, write)


def _message(line: bytes, child: Child) -> protocol.JSONRPCMessage | None:
    """The message in a line; None where it is something else that was printed."""
    if not line.strip():
        return None
    try:
        return protocol.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        child.noise.add(line)
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match given:
        case {"id": int() | str() as number, **rest} if "method" not in rest:
            # It answers, in no form that anybody could read; whoever asked need not wait for the time to be up.
            fault = protocol.ErrorData(code=protocol.PARSE_ERROR, message=NO_MESSAGE)
            return protocol.JSONRPCError(jsonrpc="2.0", id=number, error=fault)
    return None


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ServerTimeoutError from None


# Values ----------------------------------------------------------------------------------------------------------


def _plain(model: BaseModel) -> dict[str, Any]:
    """As the protocol writes it."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
