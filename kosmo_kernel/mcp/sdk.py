"""The client side of the Model Context Protocol, built on the official SDK.

In this package only this module imports the SDK, because that takes half a second. An `SdkConnection` belongs to the
event loop that opened it. It takes and returns JSON values, not the SDK's types, and raises the errors of `child.py`.

The stdio transport is our own: the SDK's takes quadratic time for a line without an end, does not keep standard error,
and does not expose the process. It passes every valid message to the SDK, and replaces an invalid response with an
error response, so that the caller does not wait for its timeout.

A connection begins with the handshake that all servers but the newest know. Those without it turn it down at once,
while some of the others neither answer an unknown first request nor survive it.

Over HTTP the SDK reads a body to its end and decodes it, so a server that sends without end, or five million empty
lists, would fill the memory of this process. Bodies are counted while they arrive: a JSON body as a whole, and a stream
of events event by event. They are not compressed, because a small one could expand to any size.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import httpx2
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp import Client, MCPError
from mcp import types as protocol
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from pydantic import BaseModel, ValidationError

from kosmo_kernel import __version__
from kosmo_kernel.mcp.child import (
    MAX_MESSAGE_BYTES,
    MAX_MESSAGE_VALUES,
    Child,
    ClosedError,
    MalformedError,
    McpError,
    ServerRejectedError,
    ServerTimeoutError,
    TooLongError,
)
from kosmo_kernel.mcp.variables import ResolvedServer
from kosmo_kernel.safety.decoder import DecodeError, count_values, decode

T = TypeVar("T")

MAX_TOOLS = 10_000
MAX_NOISE_BYTES = 1_000  # of a line that is no message
MAX_PAGES = 1_000  # pages of a list; the cursors of a faulty server may never end
HANDSHAKE, WITHOUT_HANDSHAKE = "legacy", "auto"  # the SDK's names: the protocol until 2025, and of 2026
_UNCOMPRESSED = {"accept-encoding": "identity"}  # of requests whose responses are bounded
_EVENTS = "text/event-stream"
_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")

# The SDK logs failures that it also raises; without a handler Python would print them on standard error.
for _name in ("mcp", "client"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


@dataclass(slots=True)
class MessageTransport:
    """The state of a transport, which the SDK does not expose."""

    closed: asyncio.Event = field(default_factory=asyncio.Event)  # set when the transport is closed
    too_long: bool = False  # a message exceeded the size limit
    fault: str = ""  # what is wrong with a response that is not read; empty if nothing is
    status: int = 0  # the HTTP status of the last response if it was an error, else 0
    last_message_time: float = 0.0  # the loop's time when the last message arrived


class SdkConnection:
    """An initialized connection to a server.

    Parameters:
        client: the SDK's client.
        transport: the state of its transport.
        timeout: seconds for each response.
    """

    def __init__(self, client: Client, wire: MessageTransport, timeout: float) -> None:
        self._client, self.transport, self._timeout = client, wire, timeout
        # The SDK would check results against the server's schemas, which may take for ever.
        vars(client.session)["validate_tool_result"] = _accept

    async def tools(self) -> list[dict[str, Any]]:
        """Return its tools, as in the protocol; none if it does not offer any.

        Raises:
            McpError: the request failed.
        """
        if self._client.server_capabilities.tools is None:
            return []
        return await self._response(self._all_tools())

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool and return its `content`, `isError`, and `structuredContent` if present.

        If it is, texts are omitted from `content`, because they repeat it.

        Raises:
            McpError: the request failed.
        """
        result = await self._response(self._client.call_tool(tool, arguments))
        content, failed = result.content, bool(result.is_error)
        if failed or "structured_content" not in result.model_fields_set:
            return {"content": [_to_json(block) for block in content], "isError": failed}
        media = [_to_json(block) for block in content if not isinstance(block, protocol.TextContent)]
        return {"content": media, "isError": failed, "structuredContent": result.structured_content}

    async def _all_tools(self) -> list[dict[str, Any]]:
        """Return the tools of all pages."""
        tools: list[dict[str, Any]] = []
        cursor, cursors = None, set[str]()
        while True:
            page = await self._client.list_tools(cursor=cursor, cache_mode="refresh")
            tools += map(_to_json, page.tools)
            if len(tools) > MAX_TOOLS:
                raise MalformedError(f"it has more than {MAX_TOOLS:,} tools")
            cursor = page.next_cursor
            if not cursor:
                return tools
            if cursor in cursors or len(cursors) >= MAX_PAGES:
                raise MalformedError("its list of tools has no end: the same pages come again and again")
            cursors.add(cursor)

    async def _response(self, request: Awaitable[T]) -> T:
        """Return the response to a request.

        Raises:
            McpError: the request failed.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await request
        except McpError:
            raise
        except TimeoutError:
            raise ServerTimeoutError from None
        except Exception as error:  # noqa: BLE001 - `_translate` returns unknown errors unchanged
            raise _translate(error, self.transport) from None


@asynccontextmanager
async def connected(
    filled: ResolvedServer,
    child: Child | None,
    mode: str,
    *,
    timeout: float,  # noqa: ASYNC109 - it applies to each response
    changed: Callable[[], None],
) -> AsyncIterator[SdkConnection]:
    """Open a connection, and close it at the end of the context.

    Parameters:
        filled: the server's entry with references resolved.
        child: the running process of a stdio server; None for an HTTP server.
        mode: `HANDSHAKE` or `WITHOUT_HANDSHAKE`.
        timeout: seconds for each response.
        changed: called when the server's tools have changed.

    Raises:
        McpError: the server cannot be reached, or does not support the protocol.
    """
    wire = MessageTransport()

    async def on_message(message: object) -> None:
        if isinstance(message, protocol.ToolListChangedNotification):
            changed()

    async with AsyncExitStack() as stack:
        transport = (
            nullcontext((_MessageReader(child, wire), _MessageWriter(child))) if child else _http(filled, wire, timeout)
        )
        client = Client(
            transport,
            mode=mode,
            client_info=protocol.Implementation(name="kosmo_kernel", version=__version__),
            message_handler=on_message,
        )
        try:
            await stack.enter_async_context(client)
        except Exception as error:  # noqa: BLE001 - `_translate` returns unknown errors unchanged
            raise _translate(error, wire) from None
        yield SdkConnection(client, wire, timeout)


async def _accept(_tool: str, _result: protocol.CallToolResult) -> None:
    """Accept a result as it is."""


def _translate(error: BaseException, wire: MessageTransport) -> BaseException:
    """Convert an error of the SDK to an `McpError`; return any other error unchanged."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    translated = error
    match error:
        case MCPError(code=protocol.CONNECTION_CLOSED):
            translated = ClosedError(wire.fault, too_long=wire.too_long)
        case MCPError(code=protocol.REQUEST_TIMEOUT):
            translated = ServerTimeoutError()
        case MCPError(data=MalformedError() as malformed):  # from `_message`; a server's data is JSON
            translated = malformed
        case MCPError():
            translated = ServerRejectedError(error.message, error.code, wire.status)
        case httpx2.HTTPError():
            translated = ClosedError(str(error) or type(error).__name__)
        case ConnectionError() | anyio.BrokenResourceError() | anyio.ClosedResourceError():
            translated = ClosedError()
        case ValidationError():
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"]))
            translated = MalformedError(f"it is not as the protocol has it ({where}: {fault['msg']})")
        case RuntimeError():  # the SDK raises it for a result that needs an input
            translated = MalformedError(str(error).partition("\n")[0])
    return translated


# Transports ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _http(filled: ResolvedServer, wire: MessageTransport, seconds: float) -> AsyncIterator[Any]:
    """Open the SDK's HTTP transport with the entry's headers."""

    async def on_response(response: httpx2.Response) -> None:
        wire.status = response.status_code if response.is_error else 0
        if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            wire.fault = "the response is compressed, which was not accepted"
            raise httpx2.DecodingError(wire.fault, request=response.request)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            of_events = response.headers.get("content-type", "").lower().startswith(_EVENTS)
            response.stream = _BoundedStream(response.stream, wire, of_events=of_events)

    timeout = httpx2.Timeout(seconds, read=None)  # requests have their own timeout, and streams may stay open
    hooks = {"response": [on_response]}
    async with (
        httpx2.AsyncClient(headers={**_UNCOMPRESSED, **filled.headers}, timeout=timeout, event_hooks=hooks) as client,
        streamable_http_client(filled.url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES) as streams,
    ):
        yield streams


class _BoundedStream(httpx2.AsyncByteStream):
    """The body of a response, of which no message may be too large.

    Parameters:
        stream: the body.
        wire: the state of the transport.
        of_events: the body is a stream of events, each of which is a message.
    """

    def __init__(self, stream: httpx2.AsyncByteStream, wire: MessageTransport, *, of_events: bool) -> None:
        self._stream, self._wire, self._of_events = stream, wire, of_events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = values = 0
        async for piece in self._stream:
            end = max(piece.rfind(mark) for mark in _EVENT_ENDS) if self._of_events else -1
            if end >= 0:  # what follows belongs to the next message
                size = values = 0
            part = piece[max(end, 0) :]
            size += len(part)
            values += count_values(part, MAX_MESSAGE_VALUES)
            if size > MAX_MESSAGE_BYTES or values > MAX_MESSAGE_VALUES:
                self._wire.too_long = True
                raise httpx2.ReadError("the message is too large")
            yield piece

    async def aclose(self) -> None:
        """Close the body."""
        await self._stream.aclose()


class _MessageReader(ObjectReceiveStream[SessionMessage]):
    """The messages that a program sends, one per line.

    They are read in the SDK's calls, and written so: an intermediate task would delay each message by an iteration of
    the event loop, and these delays are half of the time of a small call.

    Parameters:
        child: the program.
        wire: the state of the transport.
    """

    def __init__(self, child: Child, wire: MessageTransport) -> None:
        self._child, self._wire = child, wire
        self._yields = False

    async def receive(self) -> SessionMessage:
        """Return the next message.

        Raises:
            anyio.EndOfStream: the program has closed its output, or a line exceeded the size limit.
        """
        if self._yields:  # handlers of a notification run first, and a flood of them does not block the loop
            self._yields = False
            await asyncio.sleep(0)
        try:
            while (line := await self._child.line()) is not None:
                if (message := _message(line, self._child)) is not None:
                    self._wire.last_message_time = asyncio.get_running_loop().time()
                    self._yields = not isinstance(message, protocol.JSONRPCResponse)
                    return SessionMessage(message)
        except TooLongError:
            self._wire.too_long = True
        except OSError:
            pass  # the stream has ended
        except BaseException:
            self._wire.closed.set()
            raise
        self._wire.closed.set()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Stop reading."""
        self._wire.closed.set()


class _MessageWriter(ObjectSendStream[SessionMessage]):
    """The messages to a program. Sending never blocks; a caller waits for the response only."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        self._child.write_line(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode())

    async def aclose(self) -> None:
        """Do nothing: `Child.end` closes the program's input."""


def _message(line: bytes, child: Child) -> protocol.JSONRPCMessage | None:
    """Return the message in a line; None for other output, which is added to `Child.noise`.

    Raises:
        TooLongError: it has too many values to decode them.
    """
    if not line.strip():
        return None
    try:
        content = decode(line, max_values=MAX_MESSAGE_VALUES)
        return protocol.jsonrpc_message_adapter.validate_python(content, by_name=False)
    except DecodeError as error:
        if error.is_excess:
            raise TooLongError from None
        content = None
    except ValueError:
        pass
    child.noise.feed(line[:MAX_NOISE_BYTES] + b"\n")
    match content:
        case {"id": int() | str() as request_id, **rest} if "method" not in rest:
            # An invalid response: the error ends the request now and not after its timeout.
            malformed = MalformedError("its answer is no JSON-RPC message")
            fault = protocol.ErrorData(code=protocol.PARSE_ERROR, message=str(malformed), data=malformed)
            return protocol.JSONRPCError(jsonrpc="2.0", id=request_id, error=fault)
    return None


# Values ----------------------------------------------------------------------------------------------------------


def _to_json(model: BaseModel) -> dict[str, Any]:
    """Return a model as JSON values, with the protocol's field names."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
