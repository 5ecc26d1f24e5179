"""What the network and an API in this process have in common: requests, how a response is read, why there is none.

`in_process` sends requests to a WSGI application in this process, as the demo is.
"""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from kosmo_kernel.catalogue.http import Response

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_NO_BODY = (204, 304)
# Decompressed size of one response. A page of a thousand records has one or two million bytes, and takes ten times as
# much memory as Python objects; more than this limit could exhaust the memory.
MAX_BODY_BYTES = 64 << 20
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
    """A GET request."""

    url: str
    headers: list[tuple[bytes, bytes]]


class HttpTransport(Protocol):
    """A sender of requests: the network, or `in_process`."""

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        """Return the response to a request; see `Connections.send`."""
        ...


class NoResponseError(Exception):
    """A request got no response.

    Attributes:
        why: the reason, as text.
        advice: what the user can do.
        retryable: whether a retry may succeed.
        is_connected: there was a connection to the service.
        is_stale: the connection was an older one, which broke: it may have been dead before the request was sent.
    """

    def __init__(self, why: str, advice: str, passing: Retryable, *, is_connected: bool = True) -> None:
        super().__init__(why)
        self.why, self.advice, self.retryable, self.is_connected = why, advice, passing, is_connected
        self.is_stale = False


class TruncatedResponseError(Exception):
    """A response ended early. `reply` has its status and headers, and no body."""

    def __init__(self, why: str, reply: Response) -> None:
        super().__init__(why)
        self.reply = reply


class UnreadableResponseError(TruncatedResponseError):
    """A response that is not read to its end, and not retried. `reply` has its status and headers, and no body."""


class InProcess:
    """Send requests to a WSGI application in this process."""

    def __init__(self, api: WSGIApplication) -> None:
        self._api = api

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        """Return the response of the application."""
        return read_response(*self.answer(request))

    def answer(self, request: HttpRequest) -> tuple[int, list[tuple[bytes, bytes]], list[bytes]]:
        """Return the status, the headers and the body of the application's response."""
        status, headers = "", list[tuple[str, str]]()
        url = urlsplit(request.url)
        environ: WSGIEnvironment = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),  # PEP 3333, "Unicode Issues"
            "QUERY_STRING": url.query,
            "SERVER_NAME": url.netloc,
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            **{f"HTTP_{name.decode().upper().replace('-', '_')}": v.decode("latin-1") for name, v in request.headers},
        }

        def start_response(line: str, fields: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = line, fields
            return lambda _body: None

        chunks = self._api(environ, start_response)
        try:
            stream = list(chunks)
        finally:
            if close := getattr(chunks, "close", None):
                close()
        return int(status[:3]), encoded(dict(headers)), stream


def in_process(api: WSGIApplication) -> HttpTransport:
    """Return a transport for requests to an API in this process."""
    return InProcess(api)


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as they are sent."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def read_response(
    status: int,
    fields: Iterable[tuple[bytes, bytes]],
    stream: Iterable[bytes],
    lost: tuple[type[Exception], ...] = (),
) -> Response:
    """Read a response to its end.

    Parameters:
        status: of the response.
        fields: its headers.
        stream: its body in pieces, as it was sent.
        lost: the errors of a stream that breaks off.

    Raises:
        TruncatedResponseError: it ended early.
        UnreadableResponseError: its body has more bytes, or is compressed in another way than asked for.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:  # repeated ones are joined with commas
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    reply = Response(status, headers, b"")
    broken: tuple[type[Exception], ...] = (*lost, zlib.error)
    try:
        body, received = _body(stream, reply)
    except broken as error:
        raise TruncatedResponseError(str(error) or type(error).__name__, reply) from error
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) != received and reply.status not in _NO_BODY:
        raise TruncatedResponseError(f"{received:,} bytes came of {int(length):,}", reply)
    reply.body = body
    return reply


def _body(stream: Iterable[bytes], reply: Response) -> tuple[bytes, int]:
    """Return the body of a response, and how many bytes of it were received.

    What is decompressed is bounded as it is decompressed, because a small piece may expand to any size.
    """
    coding = reply.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnreadableResponseError(f"it is packed as `{coding}`, and gzip was asked for", reply)
    decoder = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    pieces: list[bytes] = []
    size = received = 0
    for part in stream:
        received += len(part)
        most = min(MAX_BODY_BYTES, max(_SMALL_BYTES, MAX_EXPANSION * received)) if decoder else MAX_BODY_BYTES
        piece = decoder.decompress(part, most + 1 - size) if decoder else part
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise UnreadableResponseError(f"it has more than {MAX_BODY_BYTES >> 20} MiB", reply)
        if size > most:
            raise UnreadableResponseError(f"it unpacks to more than {MAX_EXPANSION} times its size", reply)
        pieces.append(piece)
    if decoder and received and not decoder.eof:
        raise TruncatedResponseError("the compressed body ends early", reply)
    return b"".join(pieces), received
