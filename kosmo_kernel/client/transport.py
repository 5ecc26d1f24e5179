"""What the network and an API in this process have in common: requests, how a response is read, why there is none.

`in_process` sends requests to a WSGI application in this process, as the demo is.
"""

from __future__ import annotations

import io
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import quote, unquote_to_bytes, urlsplit

from kosmo_kernel.catalogue.http import Response

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS has only the latter, which suits there
_NO_BODY = (204, 304)
# Decompressed size of one response. A page of a thousand records has one or two million bytes, and takes ten times as
# much memory as Python objects; more than this limit could exhaust the memory.
MAX_BODY_BYTES = 64 << 20
# Accepted content encodings. Nested ones are not among them: they could expand a million to one.
_CODINGS = ("", "gzip", "identity")
_GZIP = 16 + zlib.MAX_WBITS  # the format for zlib
PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}  # the usual ones
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))  # what the target of a request may have as it is

# Whether a retry may succeed. `met`: only if the address has answered before, because one that never did is more likely
# wrong than busy.
Retryable = Literal["always", "met", "never"]
# A GET request to the address of an account: its path and query, and its headers.
HttpRequest = tuple[bytes, list[tuple[bytes, bytes]]]


class HttpTransport(Protocol):
    """A sender of requests: the network, or `in_process`."""

    def send(self, request: HttpRequest) -> Response:
        """Return the response to a request; see `Connections.send` for the errors."""
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

    def send(self, request: HttpRequest) -> Response:
        """Return the response of the application."""
        return read_response(*self.answer(request), MAX_BODY_BYTES)

    def answer(self, request: HttpRequest) -> tuple[int, list[tuple[bytes, bytes]], list[bytes]]:
        """Return the status, the headers and the body of the application's response."""
        status, headers = "", list[tuple[str, str]]()
        path, _, query = request[0].partition(b"?")
        fields = [(name.decode(), value.decode("latin-1")) for name, value in request[1]]
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
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),  # PEP 3333, "Unicode Issues"
            "QUERY_STRING": query.decode(),
            "SERVER_NAME": dict(fields)["host"],
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in fields},
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
        return int(status[:3]), [(name.encode(), value.encode("latin-1")) for name, value in headers], stream


def in_process(api: WSGIApplication) -> HttpTransport:
    """Return a transport for requests to an API in this process."""
    return InProcess(api)


def target_of(text: str) -> bytes:
    """Return the path and query of a request, in which a service may have other characters than HTTP has."""
    return (text if text.isascii() and text.isprintable() and " " not in text else quote(text, _PRINTABLE)).encode()


def host_of(url: str) -> str:
    """Return the host of a URL, with its port unless it is the usual one.

    Raises:
        ValueError: the URL makes no sense.
    """
    parts = urlsplit(url)
    return host_and_port(parts.scheme, (parts.hostname or "").encode("idna").decode(), parts.port)


def host_and_port(scheme: str, host: str, port: int | None) -> str:
    """Return a host, with the port unless it is the usual one of the scheme."""
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, PORTS.get(scheme)) else f"{host}:{port}"


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as they are sent."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


# Returns the seconds of a clock that also runs while the machine sleeps, after which connections are dead.
uptime = partial(time.clock_gettime, _UPTIME)


def read_response(
    status: int,
    fields: Iterable[tuple[bytes, bytes]],
    stream: Iterable[bytes],
    max_bytes: int,
    *,
    lost: tuple[type[Exception], ...] = (),
) -> Response:
    """Read a response to its end.

    Parameters:
        status: of the response.
        fields: its headers.
        stream: its body in pieces, as it was sent.
        max_bytes: the most bytes of its body.
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
        body, received = _body(stream, reply, max_bytes)
    except broken as error:
        raise TruncatedResponseError(str(error) or type(error).__name__, reply) from error
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) != received and reply.status not in _NO_BODY:
        raise TruncatedResponseError(f"{received:,} bytes came of {int(length):,}", reply)
    reply.body = body
    return reply


def _body(stream: Iterable[bytes], reply: Response, max_bytes: int) -> tuple[bytes, int]:
    """Return the body of a response, and how many bytes of it were received.

    It is decompressed in pieces, because a small one may expand to any size.
    """
    coding = reply.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnreadableResponseError(f"it is packed as `{coding}`, and gzip was asked for", reply)
    decoder = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    pieces: list[bytes] = []
    size = received = 0
    for part in stream:
        received += len(part)
        piece = decoder.decompress(part, max_bytes + 1 - size) if decoder else part
        size += len(piece)
        if size > max_bytes:
            raise UnreadableResponseError(f"it has more than {max_bytes >> 20} MiB", reply)
        pieces.append(piece)
    if decoder and received and not decoder.eof:
        raise TruncatedResponseError("the compressed body ends early", reply)
    return b"".join(pieces), received
