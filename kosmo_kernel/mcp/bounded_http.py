"""Limit the bodies that an MCP server sends over HTTP: their size, and the number of values of JSON in them.

The SDK reads a body to its end and decodes it, so a server that sends without end, or five million empty lists, would
fill the memory of this process. Bodies are counted while they arrive: a JSON body as a whole, and a stream of events
event by event. They are not compressed, because a small one could expand to any size.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2

from kosmo_kernel.mcp.child import MAX_MESSAGE_BYTES, MAX_MESSAGE_VALUES
from kosmo_kernel.safety.intake import count_values

HEADERS = {"accept-encoding": "identity"}  # of requests whose responses are bounded
_EVENTS = "text/event-stream"
_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


def limit_body(response: httpx2.Response, on_excess: Callable[[], None]) -> None:
    """Limit the body of a response that has not been read.

    Parameters:
        response: the response.
        on_excess: called when it is too large; then reading it raises `httpx2.ReadError`.

    Raises:
        httpx2.DecodingError: it is compressed although no compression was accepted.
    """
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise httpx2.DecodingError("the response is compressed, which was not accepted", request=response.request)
    if isinstance(response.stream, httpx2.AsyncByteStream):
        of_events = response.headers.get("content-type", "").lower().startswith(_EVENTS)
        response.stream = _BoundedStream(response.stream, on_excess, of_events=of_events)


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, on_excess: Callable[[], None], *, of_events: bool) -> None:
        self._stream, self._on_excess, self._of_events = stream, on_excess, of_events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = values = 0
        async for piece in self._stream:
            event = _last_event(piece) if self._of_events else None
            if event is None:
                size += len(piece)
                values += count_values(piece, MAX_MESSAGE_VALUES)
            else:
                size, values = len(event), count_values(event, MAX_MESSAGE_VALUES)
            if size > MAX_MESSAGE_BYTES or values > MAX_MESSAGE_VALUES:
                self._on_excess()
                raise httpx2.ReadError("the message is too large")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _last_event(piece: bytes) -> bytes | None:
    """Return what comes after the last event that ends in a piece of a stream; None if no event ends in it."""
    end = max(piece.rfind(mark) for mark in _EVENT_ENDS)
    return None if end < 0 else piece[end:]
