"""The client side of the Model Context Protocol, built on the official SDK.

In this package only this module imports the SDK, because that takes half a second. An `SdkConnection` belongs to the
event loop that opened it. It takes and returns JSON values, not the SDK's types, and raises the errors of `child.py`.

The stdio transport is our own: the SDK's takes quadratic time for a line without an end, does not keep standard error,
and does not expose the process. It passes every valid message to the SDK, and replaces an invalid response with an
error response, so that the caller does not wait for its timeout.

Over HTTP the SDK reads a body to its end and decodes it, so a server that sends without end, or five million empty
lists, would fill the memory of this process. Bodies are counted while they arrive: a JSON body as a whole, and a stream
of events event by event. They are not compressed, because a small one could expand to any size.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import httpx2
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp import Client, MCPError
from mcp import types as protocol
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
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
from kosmo_kernel.mcp.secrets import ResolvedServer
from kosmo_kernel.safety.intake import count_values

T = TypeVar("T")
OnProgress = Callable[[float, float | None, str | None], None]

MAX_TOOLS = 10_000
MAX_NOISE_BYTES = 1_000  # of a line that is no message
MAX_PAGES = 1_000  # pages of a list; the cursors of a faulty server may never end
LOG_LEVEL: protocol.LoggingLevel = "info"
MODERN = "auto"  # tries the protocol of 2026 first, and falls back to the older handshake
PROBE = "server/discover"  # the method of its first request
LEGACY = "legacy"
SILENCE = 1 / 3
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
    unmatched_id: str = ""  # the id of a response that matches no request; empty if there was none
    status: int = 0  # the HTTP status of the last response if it was an error, else 0
    last_message_time: float = 0.0  # the loop's time when the last message arrived
    probe: str | int | None = None  # the id of the `PROBE` request, once it was sent
    _pending: set[str | int] = field(default_factory=set)

    def sent(self, message: protocol.JSONRPCMessage) -> None:
        """Record a message that is being sent."""
        if isinstance(message, protocol.JSONRPCRequest):
            self._pending.add(message.id)
            if message.method == PROBE:
                self.probe = message.id

    def received(self, message: protocol.JSONRPCMessage) -> None:
        """Record a message that was received."""
        self.last_message_time = asyncio.get_running_loop().time()
        if isinstance(message, (protocol.JSONRPCResponse, protocol.JSONRPCError)):
            if message.id not in self._pending:
                self.unmatched_id = str(message.id)[:40]
            elif message.id is not None:
                self._pending.discard(message.id)


class SdkConnection:
    """An initialized connection to a server.

    Parameters:
        client: the SDK's client.
        transport: the state of its transport.
        timeout: seconds for each response.
    """

    def __init__(self, client: Client, wire: MessageTransport, timeout: float) -> None:
        self._client, self.transport, self._timeout = client, wire, timeout
        # The SDK would check results against the server's schemas without a limit; `calls.result_faults` does it.
        vars(client.session)["validate_tool_result"] = _accept
        info, capabilities = client.server_info, client.server_capabilities
        self.offers = {kind: getattr(capabilities, kind) for kind in ("tools", "resources", "prompts")}
        self.about = {
            "title": (info.title or info.name) if info else "",
            "version": info.version if info else "",
            "protocol": client.protocol_version,
            "instructions": client.instructions or "",
            "offers": [kind for kind, capability in self.offers.items() if capability is not None],
        }
        self.tells_of_tools = bool(capabilities.tools and capabilities.tools.list_changed)

    async def send(self, method: str, params: Mapping[str, Any], on_progress: OnProgress) -> dict[str, Any]:
        """Send a request and return its result, as in the protocol.

        A list has all pages, is empty if the server does not offer its kind, and has the resource templates too.

        Parameters:
            method: the method of the protocol.
            params: its parameters.
            on_progress: called with the progress of a tool, the total or None, and a message or None.
        """
        client = self._client
        match method:
            case "tools/list" | "resources/list" | "prompts/list":
                kind = method.removesuffix("/list")
                if self.offers[kind] is None:
                    return {kind: []}
                kinds = (kind, "resource_templates") if kind == "resources" else (kind,)
                return {kind: [item for each in kinds for item in await self._response(self._all(each))]}
            case "tools/call":
                return await self._call(params["name"], params["arguments"], on_progress)
            case "resources/read":
                contents = await self._response(client.read_resource(params["uri"], cache_mode="refresh"))
                return {"contents": [_to_json(part) for part in contents.contents]}
            case "prompts/get":
                prompt = await self._response(client.get_prompt(params["name"], params["arguments"]))
                description = {"description": prompt.description} if prompt.description else {}
                return {**description, "messages": [_to_json(message) for message in prompt.messages]}
        raise ValueError(f"{method} is not in use")

    async def _call(self, tool: str, arguments: dict[str, Any], report: OnProgress) -> dict[str, Any]:
        """Call a tool and return its `content`, `isError`, and `structuredContent` if present.

        If it is, texts are omitted from `content`, because they repeat it.
        """

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            report(progress, total, message)

        result = await self._response(self._client.call_tool(tool, arguments, progress_callback=on_progress))
        content, failed = result.content, bool(result.is_error)
        if failed or "structured_content" not in result.model_fields_set:
            return {"content": [_to_json(block) for block in content], "isError": failed}
        media = [_to_json(block) for block in content if not isinstance(block, protocol.TextContent)]
        return {"content": media, "isError": failed, "structuredContent": result.structured_content}

    async def changes(self, changed: Callable[[], None]) -> None:
        """Call `changed` for each change of the tools. With the protocol of 2026, a client must subscribe to changes.

        Return when the subscription ends, after one more call, because later changes would be missed.
        """
        with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError, httpx2.HTTPError):
            async with self._client.listen(tools_list_changed=True) as events:
                try:
                    async for _ in events:
                        changed()
                finally:
                    changed()

    async def _all(self, kind: str) -> list[dict[str, Any]]:
        """Return all items of a paginated list."""
        fetch: Callable[..., Awaitable[Any]] = getattr(self._client, f"list_{kind}")
        items: list[dict[str, Any]] = []
        cursor, cursors = None, set[str]()
        while True:
            page = await fetch(cursor=cursor, cache_mode="refresh")
            items += [_to_json(item) for item in getattr(page, kind)]
            if kind == "tools" and len(items) > MAX_TOOLS:
                raise MalformedError(f"it has more than {MAX_TOOLS:,} tools")
            cursor = page.next_cursor
            if not cursor:
                return items
            if cursor in cursors or len(cursors) >= MAX_PAGES:
                raise MalformedError(f"its list of {kind} has no end: the same pages come again and again")
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
    *,
    mode: str,
    timeout: float,  # noqa: ASYNC109 - it applies to each response
    changed: Callable[[], None],
    say: Callable[[str, str], None],
) -> AsyncIterator[SdkConnection]:
    """Open a connection, and close it at the end of the context.

    Parameters:
        filled: the server's entry with references resolved.
        child: the running process of a stdio server; None for an HTTP server.
        mode: `MODERN` or `LEGACY`.
        timeout: seconds for each response. After `SILENCE` of it, a stdio server is assumed to use the older protocol.
        changed: called when the server's tools have changed.
        say: called with the level and text of each log message of the server.

    Raises:
        McpError: the server cannot be reached, or does not support the protocol.
    """
    wire = MessageTransport()

    async def on_message(message: object) -> None:
        if isinstance(message, protocol.ToolListChangedNotification):
            changed()

    async def on_log(params: protocol.LoggingMessageNotificationParams) -> None:
        text = params.data if isinstance(params.data, str) else json.dumps(params.data, default=str)
        say(params.level, text)

    async with AsyncExitStack() as stack:
        transport = _lines(child, wire, timeout * SILENCE) if child else _http(filled, wire, timeout)
        client = Client(
            transport,
            mode=mode,
            client_info=protocol.Implementation(name="kosmo_kernel", version=__version__),
            message_handler=on_message,
            logging_callback=on_log,
            log_level=LOG_LEVEL,
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


class _Silence(Exception):  # noqa: N818 - not an error: a message may still come
    """The program has not sent its first message in time."""


class _MessageReader(ObjectReceiveStream[SessionMessage]):
    """The messages that a program sends, one per line.

    They are read in the SDK's calls, and written so: an intermediate task would delay each message by an iteration of
    the event loop, and these delays are half of the time of a small call.

    Parameters:
        child: the program.
        wire: the state of the transport.
        patience: seconds to wait for the first message, after which the probe gets an error response, for servers that
            do not know it and send none.
    """

    def __init__(self, child: Child, wire: MessageTransport, patience: float) -> None:
        self._child, self._wire = child, wire
        self._first_deadline: float | None = asyncio.get_running_loop().time() + patience
        self._first_line: asyncio.Task[bytes | None] | None = None  # survives `_first_deadline`
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
            while (line := await self._line()) is not None:
                if (message := _message(line, self._child)) is not None:
                    self._first_deadline = None
                    self._wire.received(message)
                    self._yields = not isinstance(message, protocol.JSONRPCResponse)
                    return SessionMessage(message)
        except _Silence:
            if self._wire.probe is None:
                return await self.receive()
            fault = protocol.ErrorData(code=protocol.REQUEST_TIMEOUT, message="no answer")
            return SessionMessage(protocol.JSONRPCError(jsonrpc="2.0", id=self._wire.probe, error=fault))
        except TooLongError:
            self._wire.too_long = True
        except OSError:
            pass  # the stream has ended
        except BaseException:
            self._wire.closed.set()
            raise
        self._wire.closed.set()
        raise anyio.EndOfStream

    async def _line(self) -> bytes | None:
        if self._first_deadline is None and self._first_line is None:
            return await self._child.line()
        self._first_line = self._first_line or asyncio.ensure_future(self._child.line())
        if self._first_deadline is not None:
            await asyncio.wait((self._first_line,), timeout=self._first_deadline - asyncio.get_running_loop().time())
            if not self._first_line.done():
                self._first_deadline = None
                raise _Silence
        first_line, self._first_line = self._first_line, None
        return await first_line

    async def aclose(self) -> None:
        """Stop reading."""
        if self._first_line:
            self._first_line.cancel()
        self._wire.closed.set()


class _MessageWriter(ObjectSendStream[SessionMessage]):
    """The messages to a program. Sending never blocks; a caller waits for the response only."""

    def __init__(self, child: Child, wire: MessageTransport) -> None:
        self._child, self._wire = child, wire

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        self._wire.sent(item.message)
        self._child.write_line(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode())

    async def aclose(self) -> None:
        """Do nothing: `Child.end` closes the program's input."""


@asynccontextmanager
async def _lines(
    child: Child, wire: MessageTransport, patience: float
) -> AsyncIterator[tuple[_MessageReader, _MessageWriter]]:
    """Open the transport to a child process, with one message per line."""
    yield _MessageReader(child, wire, patience), _MessageWriter(child, wire)


def _message(line: bytes, child: Child) -> protocol.JSONRPCMessage | None:
    """Return the message in a line; None for other output, which is added to `Child.noise`.

    Raises:
        TooLongError: it has too many values to decode them.
    """
    if not line.strip():
        return None
    if count_values(line, MAX_MESSAGE_VALUES) > MAX_MESSAGE_VALUES:
        raise TooLongError
    try:
        return protocol.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        child.noise.feed(line[:MAX_NOISE_BYTES] + b"\n")
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
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
