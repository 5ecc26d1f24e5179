"""The HTTP connections of one account, and the reasons why a request gets no response.

Each request in flight uses its own connection and returns it with the response; the last one returned is reused first.
So there are never more connections than concurrent requests, and surplus ones become idle and are closed. (A single
httpx pool looks at every connection for every request: with 32 in flight that is a third of a request's cost.)

The token is sent in the request's own headers. There are no other credentials, no cookies and no redirects.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account, is_loopback
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.quoted_tokens import TokenRedactor
from kosmo_kernel.client.responses import LATER
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import one_line

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# httpx imports its command line, and with it all of rich: a third of its import time, and no request needs it.
_COMMAND_LINE = "httpx._main"
sys.modules.setdefault(_COMMAND_LINE, None)  # type: ignore[arg-type]  # None makes the import fail, which httpx allows
import httpx  # noqa: E402 - only after the module it would import is ruled out

if sys.modules[_COMMAND_LINE] is None:
    del sys.modules[_COMMAND_LINE]

_NOTHING = httpx.ByteStream(b"")  # the body of a request
HttpTransport = httpx.BaseTransport
Request = httpx.Request

MAX_CONNECTIONS = 64  # of one account
KEEPALIVE_SECONDS = 60.0  # lifetime of an idle connection: about the time that it takes to write the next cell
POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation while a request waits for a connection
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS has only the latter, which suits there
_NO_BODY = (204, 304)
# Decompressed size of one response. A page of a thousand records has one or two million bytes, and takes ten times as
# much memory as Python objects; more than this limit could exhaust the memory.
MAX_BODY_BYTES = 64 << 20
MAX_REDIRECTS = 5  # of a download
DOWNLOAD_SECONDS = 300.0  # for a download
# Accepted content encodings. Nested ones are not among them: they could expand a million to one.
_CODINGS = ("", "gzip", "identity")
_GZIP = 16 + zlib.MAX_WBITS  # the format for zlib
# Statuses of a proxy that do not depend on the request; the texts of httpx's errors begin with the status of the proxy.
_BUSY = ("502 ", "503 ", "504 ")

_NETWORK = "Check the network, and HTTPS_PROXY if there is a proxy"

# Whether a retry may succeed. `met`: only if the address has answered before, because one that never did is more likely
# wrong than busy.
Retryable = Literal["always", "met", "never"]

# With a proxy, these errors are about the connection to the proxy.
_CONNECT_ERRORS = (httpx.ConnectTimeout, socket.gaierror, ConnectionRefusedError)
_PROXY = "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY"

# Why a request got no response, what to do, and whether to retry. The first entry found in the chain of causes applies.
_FAILURES: tuple[tuple[type[Exception], str, str, Retryable], ...] = (
    (httpx.ConnectTimeout, "no connection was made in time", _NETWORK, "met"),
    (httpx.TimeoutException, "nothing came for {timeout:g} s", LATER, "always"),
    (httpx.ProxyError, "the proxy refused ({error})", _PROXY, "never"),
    (
        ssl.SSLCertVerificationError,
        "its certificate cannot be trusted ({error})",
        "The certificate of an authority of your own belongs into the file that SSL_CERT_FILE names",
        "never",
    ),
    (ssl.SSLEOFError, "the connection broke off", LATER, "always"),
    (ssl.SSLError, "it does not speak https ({error})", "Check the address", "never"),
    (socket.gaierror, "its name is not known", _NETWORK, "met"),
    (ConnectionRefusedError, "the connection was refused", "Nothing listens there: check the address", "met"),
)


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


class Connections:
    """The connections of one account, the first opened at the first request. Thread-safe."""

    def __init__(
        self, integration: Integration, account: Account, transport: HttpTransport | None, connect: float, read: float
    ) -> None:
        self._url, self._redactor = account.url, TokenRedactor(account.token)
        self._headers = [
            ("host", httpx.URL(account.url).netloc.decode()),
            ("accept-encoding", "gzip"),
            ("user-agent", f"kosmo-kernel/{__version__}"),
            *integration.headers.items(),
            *integration.credentials.headers(account.token).items(),
        ]
        # A token in the query is added to the request that is sent, and to nothing that is shown or recorded.
        name = integration.credentials.query
        self._query = urlencode({name: account.token}) if name else ""
        self._read = read
        self._timeout = {"timeout": {"connect": connect, "read": read, "write": read, "pool": None}}
        self._transport = transport
        self._lock = threading.Lock()
        self._gate = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._idle: deque[tuple[HttpTransport, float]] = deque()  # each with the time at which it became idle
        self._trust: ssl.SSLContext | None = None
        self._proxy: httpx.Proxy | None = None
        self.closed = False

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str], function: Function) -> Request:
        """Return a new request, which can be sent more than once."""
        all_headers = [*self._headers, *headers.items()]
        if self._query:
            url += ("&" if "?" in url else "?") + self._query
        # With a stream in place of content, httpx does not make and look through the headers a second time.
        return Request("GET", url, headers=all_headers, params=query or None, stream=_NOTHING, extensions=self._timeout)

    def sends(self, request: Request) -> bool:
        """Return True: every request is sent."""
        return True

    def send(self, request: Request, check: Callable[[], None]) -> Response:
        """Send a request and return the response, whatever its status.

        Parameters:
            check: raises if the call was cancelled; called repeatedly while all connections are in use.

        Raises:
            NoResponseError: there is no response.
            TruncatedResponseError: the response ended early; an `UnreadableResponseError` if it was not read in full.
            SettingsError: the environment variables for proxies or certificates are invalid.
            RuntimeError: the connections are closed.
        """
        while not self._gate.acquire(timeout=POLL_INTERVAL_SECONDS):
            check()
        try:
            transport, is_reused = self._acquire()
            try:
                return self._answer(transport, request)
            except NoResponseError as error:
                # Idle connections are likely as dead as this one, and each could take until the timeout to fail.
                self._close_idle()
                timed_out = isinstance(error.__cause__, httpx.TimeoutException)
                error.is_stale = is_reused and error.is_connected and not timed_out
                raise
            finally:
                self._release(transport)
        finally:
            self._gate.release()

    def close(self) -> None:
        """Close all connections for good, those in use as soon as they have their responses."""
        with self._lock:
            self.closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, deque()
        for transport, _ in idle:
            transport.close()

    def _answer(self, transport: HttpTransport, request: Request) -> Response:
        try:
            response = transport.handle_request(request)
        except httpx.TransportError as error:
            raise self._no_response(error) from error
        status, headers = response.status_code, dict[str, str]()
        for raw_name, raw_value in response.headers.raw:  # repeated ones are joined with commas
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        try:
            body, received = _body(response, Response(status, headers, b""))
        except (httpx.TransportError, zlib.error) as error:
            raise TruncatedResponseError(str(error) or type(error).__name__, Response(status, headers, b"")) from error
        finally:
            response.close()
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) != received and status not in _NO_BODY:
            raise TruncatedResponseError(f"{received:,} bytes came of {int(length):,}", Response(status, headers, b""))
        return Response(status, headers, self._redactor.redact(body))

    def _acquire(self) -> tuple[HttpTransport, bool]:
        """Return a transport for one connection, and whether it was used before."""
        stale: list[HttpTransport] = []
        try:
            with self._lock:
                if self.closed:
                    raise RuntimeError(f"the connections to {self._url} are closed")
                if self._transport is not None:
                    return self._transport, False
                while self._idle and _uptime() - self._idle[0][1] > KEEPALIVE_SECONDS:
                    stale.append(self._idle.popleft()[0])
                return (self._idle.pop()[0], True) if self._idle else (self._opened(), False)
        finally:
            for transport in stale:
                transport.close()

    def _release(self, transport: HttpTransport) -> None:
        if transport is self._transport:
            return
        with self._lock:
            if not self.closed:
                self._idle.append((transport, _uptime()))
                return
        transport.close()

    def _opened(self) -> HttpTransport:
        """Return a transport for one connection, which is opened when a request is sent."""
        try:
            if self._trust is None:
                self._proxy = _proxy(self._url)
                # Plain HTTP needs no certificates: loading them takes longer than the demo's first call.
                plain = self._url.startswith("http:")
                self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else _trusting()
            return httpx.HTTPTransport(
                verify=self._trust,
                trust_env=False,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_SECONDS),
                proxy=self._proxy,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            raise SettingsError(
                f"No connection to {self._url} can be made, because HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, "
                f"NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR makes no sense: {one_line(str(error))}"
            ) from error

    def _no_response(self, error: httpx.TransportError) -> NoResponseError:
        chain = tuple(_causes(error))
        connected = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        for kind, why, advice, passing in _FAILURES:
            match = next((cause for cause in chain if isinstance(cause, kind)), None)
            if match is not None:
                if self._proxy and kind in _CONNECT_ERRORS:
                    where = self._proxy.url.netloc.decode()  # without user and password
                    return NoResponseError(
                        f"the proxy {where} cannot be reached ({why})", _PROXY, passing, is_connected=False
                    )
                busy = kind is httpx.ProxyError and str(match).startswith(_BUSY)
                text = why.format(error=match, timeout=self._read)
                return NoResponseError(text, advice, "always" if busy else passing, is_connected=connected and not busy)
        return NoResponseError(str(error) or type(error).__name__, LATER, "always", is_connected=connected)


def in_process(api: WSGIApplication) -> HttpTransport:
    """Return a transport for requests to an API in this process."""

    def with_bytes(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # WSGI has the bytes of a path as Latin-1, and httpx gives its text (PEP 3333, "Unicode Issues").
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin1")
        return api(environ, start_response)

    return httpx.WSGITransport(with_bytes)


def _uptime() -> float:
    """Return the seconds of a clock that also runs while the machine sleeps, after which connections are dead."""
    return time.clock_gettime(_UPTIME)


def _body(response: httpx.Response, head: Response) -> tuple[bytes, int]:
    """Return the body of a response, and how many bytes of it were received.

    It is decompressed in pieces, because a small one may expand to any size.
    """
    coding = head.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnreadableResponseError(f"it is packed as `{coding}`, and gzip was asked for", head)
    stream: Any = response.stream  # that of a transport that waits
    decoder = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    pieces: list[bytes] = []
    size = received = 0
    for part in stream:
        received += len(part)
        piece = decoder.decompress(part, MAX_BODY_BYTES + 1 - size) if decoder else part
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise UnreadableResponseError(f"it has more than {MAX_BODY_BYTES >> 20} MiB", head)
        pieces.append(piece)
    if decoder and received and not decoder.eof:
        raise TruncatedResponseError("the compressed body ends early", head)
    return b"".join(pieces), received


def download(url: str, most: int, hosts: Collection[str] = ()) -> bytes:
    """Return what is at an https address; no token is sent, and redirects are followed to https addresses only.

    Parameters:
        url: the address; http is read on this machine only.
        most: the most bytes.
        hosts: the only hosts that redirects may lead to; any if there are none.

    Raises:
        SettingsError: it cannot be read, or has more bytes.
    """
    is_local, until = is_loopback(url), _uptime() + DOWNLOAD_SECONDS
    for _ in range(MAX_REDIRECTS):
        if not url.startswith("https://") and not (is_local and url.startswith("http://") and is_loopback(url)):
            raise SettingsError(f"{one_line(url)} is no https address.")
        if hosts and urlsplit(url).netloc not in hosts:
            raise SettingsError(f"{one_line(url)} is none of the addresses of known documents.")
        try:
            reply = _read_once(url, most, until)
        except (httpx.HTTPError, httpx.InvalidURL, ImportError, OSError, ValueError) as error:
            why = one_line(str(error)) or type(error).__name__
            raise SettingsError(f"{one_line(url)} cannot be read: {why}. {_NETWORK}.") from error
        if "location" not in reply.headers or reply.status // 100 != 3:
            break
        url = urljoin(url, reply.headers["location"])
    else:
        raise SettingsError(f"{one_line(url)} is behind more than {MAX_REDIRECTS} redirects.")
    if reply.status != HTTPStatus.OK:
        raise SettingsError(f"{one_line(url)} was answered with {reply.status}, not with a document.")
    return reply.body


def _read_once(url: str, most: int, until: float) -> Response:
    """Return the answer of an address, redirects not followed.

    Raises:
        ValueError: it has more bytes, takes longer, or the address has a user in it.
    """
    if urlsplit(url).username is not None:
        raise ValueError("it has a user in it")
    headers = {"accept-encoding": "gzip", "user-agent": f"kosmo-kernel/{__version__}"}
    client = httpx.Client(verify=_trusting(), proxy=_proxy(url), trust_env=False, headers=headers)
    with client, client.stream("GET", url) as response:
        pieces, size = list[bytes](), 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise ValueError(f"it has more than {most >> 20} MiB")
            if _uptime() > until:
                raise ValueError(f"it takes longer than {DOWNLOAD_SECONDS:.0f} seconds")
        return Response(response.status_code, response.headers, b"".join(pieces))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _proxy(url: str) -> httpx.Proxy | None:
    """Return the proxy that the environment or the system names for a URL; None for a loopback address.

    A proxy would carry a request for this machine over the network, with the token in plain text.
    """
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or is_loopback(url) or proxy_bypass(host):
        return None
    return httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")


def _trusting() -> ssl.SSLContext:
    """Return a context that trusts the certificates of SSL_CERT_FILE or SSL_CERT_DIR, else the system's and Mozilla's.

    The system's alone are not enough: many Python builds do not know where the system keeps them.
    """
    context = httpx.create_ssl_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_default_certs()
    return context
