"""What the network and an API in this process have in common: requests, how a response is read, why there is none.

`in_process` sends requests to a WSGI application in this process, as the demo is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.util import setup_testing_defaults

from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.text import lazy_pattern

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_NO_BODY = (204, 304)
# Decompressed size of one response and its values, each of up to 100 bytes as a Python object. A page of a thousand
# records has one or two million bytes and 40,000 values; a report of the usage of 5,000 apps in twelve months, which
# comes in one piece, has 6 MB and 360,000. A fan-out keeps many responses in memory, so a run has a budget for the
# values of large ones, and 32 of the largest take less than 1 GB. A text with a character beyond U+FFFF takes four
# bytes for each of its characters.
MAX_BODY_BYTES = 8 << 20
MAX_WIDE_BODY_BYTES = 3 << 20
MAX_BODY_VALUES = 1_000_000
LARGE_BODY_VALUES = 100_000  # a response with more of them is large
_WIDE = lazy_pattern(rb"[\xf0-\xf4]|\\u[dD][89abAB]")  # a character beyond U+FFFF
# Accepted content encodings. Nested ones are not among them: they could expand a million to one.
_CODINGS = ("", "gzip", "identity")
_GZIP = 16 + zlib.MAX_WBITS  # the format for zlib
# A long compressed response with a larger ratio is made to fill the memory: records differ in their ids at least.
MAX_EXPANSION = 100
_SMALL_BYTES = 1 << 20  # a decompressed size with any ratio

# Whether a retry may succeed. `met`: only if the address has answered before, because one that never did is more likely
# wrong than busy.
Retryable = Literal["always", "met", "never"]


class HttpRequest(NamedTuple):
    """A GET request. The token joins it where it is sent, so that nothing else that has the request shows it."""

    url: str
    headers: Mapping[str, str]  # without the token
    credentials: Callable[[], Mapping[str, str]]  # returns the headers with the token

    def sent_headers(self) -> dict[str, str]:
        """Return the headers with the token."""
        return {**self.headers, **self.credentials()}


class HttpTransport(Protocol):
    """A sender of requests: the network, or `in_process`."""

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        """Return the response to a request; see `Connections.send`."""
        ...


class NoResponseError(Exception):
    """A request got no response.

    Attributes:
        reason: why, as text.
        advice: what the user can do.
        retryable: whether a retry may succeed.
        is_connected: there was a connection to the service.
        is_stale: the connection was an older one, which broke: it may have been dead before the request was sent.
    """

    def __init__(
        self, reason: str, advice: str, passing: Retryable, *, is_connected: bool = True, is_stale: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.advice, self.retryable = reason, advice, passing
        self.is_connected, self.is_stale = is_connected, is_stale


class TruncatedResponseError(Exception):
    """A response ended early. `reply` has its status and headers, and no body."""

    def __init__(self, reason: str, reply: Response) -> None:
        super().__init__(reason)
        self.reply = reply


class UnreadableResponseError(TruncatedResponseError):
    """A response that is not read to its end, and not retried. `reply` has its status and headers, and no body."""


class InProcess:
    """Send requests to a WSGI application in this process."""

    def __init__(self, api: WSGIApplication) -> None:
        self._api = api

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        """Return the response of the application."""
        status, headers, body = self.answer(request)
        return read_body(new_response(status, headers), body)

    def answer(self, request: HttpRequest) -> tuple[int, list[tuple[str, str]], list[bytes]]:
        """Return the status, the headers and the body of the application's response."""
        url = urlsplit(request.url)
        environ = {
            "SERVER_NAME": url.netloc,
            "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),  # PEP 3333, "Unicode Issues"
            "QUERY_STRING": url.query,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.sent_headers().items()},
        }
        setup_testing_defaults(environ)
        status, headers = "", list[tuple[str, str]]()

        def start_response(line: str, fields: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = line, fields
            return lambda _body: None

        chunks = self._api(environ, start_response)
        try:
            body = list(chunks)
        finally:
            if close := getattr(chunks, "close", None):
                close()
        return int(status[:3]), headers, body


def in_process(api: WSGIApplication) -> HttpTransport:
    """Return a transport for requests to an API in this process."""
    return InProcess(api)


def new_response(status: int, fields: Iterable[tuple[str, str]]) -> Response:
    """Return a response without its body."""
    headers: dict[str, str] = {}
    for name, value in fields:  # repeated ones are joined with commas
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Response(status, headers, b"")


def read_body(response: Response, stream: Iterable[bytes]) -> Response:
    """Read the body of a response to its end, and return the response.

    What is decompressed is bounded as it is decompressed, because a small piece may expand to any size.

    Parameters:
        response: the response; its body is set.
        stream: the body in pieces, as it was sent.

    Raises:
        TruncatedResponseError: it ended early.
        UnreadableResponseError: it has too many bytes, or is compressed in another way than asked for.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnreadableResponseError(f"it is packed as `{coding}`, and gzip was asked for", response)
    decoder = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    pieces: list[bytes] = []
    size = received = 0
    for part in stream:
        received += len(part)
        limit = min(MAX_BODY_BYTES, max(_SMALL_BYTES, MAX_EXPANSION * received)) if decoder else MAX_BODY_BYTES
        try:
            piece = decoder.decompress(part, limit + 1 - size) if decoder else part
        except zlib.error as error:
            raise TruncatedResponseError(str(error), response) from None
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise UnreadableResponseError(f"it has more than {MAX_BODY_BYTES >> 20} MiB", response)
        if size > limit:
            raise UnreadableResponseError(f"it unpacks to more than {MAX_EXPANSION} times its size", response)
        pieces.append(piece)
    if decoder and received and not decoder.eof:
        raise TruncatedResponseError("the compressed body ends early", response)
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) != received and response.status not in _NO_BODY:
        raise TruncatedResponseError(f"{received:,} bytes came of {int(length):,}", response)
    response.body = b"".join(pieces)
    if size > MAX_WIDE_BODY_BYTES and _WIDE.search(response.body):
        response.body = b""
        limit = MAX_WIDE_BODY_BYTES >> 20
        raise UnreadableResponseError(f"it has more than {limit} MiB with characters beyond U+FFFF", response)
    return response
