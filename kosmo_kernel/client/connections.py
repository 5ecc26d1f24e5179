"""The HTTP connections of one account, and the reasons why a request gets no response.

Each request in flight uses its own connection and returns it with the response; the last one returned is reused first.
So there are never more connections than concurrent requests, and surplus ones become idle and are closed. (The pools of
HTTP libraries look at every connection for every request: with 32 in flight that is a third of a request's cost.)

Requests go to the connections of httpcore2 directly. A client above them would parse the URL and the headers again and
make a request and a response of its own, which together take as long as the request itself.

The token is sent in the request's own headers. There are no other credentials, no cookies and no redirects.
"""

from __future__ import annotations

import io
import math
import os
import socket
import ssl
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote, unquote, unquote_to_bytes, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import httpcore2

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account, is_loopback
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.responses import LATER
from kosmo_kernel.client.secrets import TokenRedactor
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import one_line

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

Request = httpcore2.Request

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
DOWNLOAD_STEP_SECONDS = 5.0  # to connect for a download, or without a byte of it
# Accepted content encodings. Nested ones are not among them: they could expand a million to one.
_CODINGS = ("", "gzip", "identity")
_GZIP = 16 + zlib.MAX_WBITS  # the format for zlib
# Statuses of a proxy that do not depend on the request; the texts of its errors begin with the status.
_BUSY = ("502 ", "503 ", "504 ")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}  # the usual ones
_PROXIES = tuple(_PORTS)  # the schemes of proxies
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))  # what the target of a request may have as it is

_NETWORK = "Check the network, and HTTPS_PROXY if there is a proxy"

# Whether a retry may succeed. `met`: only if the address has answered before, because one that never did is more likely
# wrong than busy.
Retryable = Literal["always", "met", "never"]

_LOST = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError)
# With a proxy, these errors are about the connection to the proxy.
_CONNECT_ERRORS = (httpcore2.ConnectTimeout, socket.gaierror, ConnectionRefusedError)
_PROXY = "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY"

# Why a request got no response, what to do, and whether to retry. The first entry found in the chain of causes applies.
_FAILURES: tuple[tuple[type[Exception], str, str, Retryable], ...] = (
    (httpcore2.ConnectTimeout, "no connection was made in time", _NETWORK, "met"),
    (httpcore2.TimeoutException, "nothing came for {timeout:g} s", LATER, "always"),
    (httpcore2.ProxyError, "the proxy refused ({error})", _PROXY, "never"),
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


class HttpTransport(Protocol):
    """What sends a request in place of the network; see `in_process`."""

    def handle_request(self, request: Request) -> httpcore2.Response:
        """Return the response to a request."""
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


class Connections:
    """The connections of one account, the first opened at the first request. Thread-safe."""

    def __init__(
        self, integration: Integration, account: Account, transport: HttpTransport | None, connect: float, read: float
    ) -> None:
        self._url, self._redactor = account.url, TokenRedactor(account.token)
        self._origin = _url(account.url)
        self._root = account.url.removesuffix(urlsplit(account.url).path)  # the address without its path
        headers = {
            "host": _host(self._origin),
            "accept-encoding": "gzip",
            "user-agent": f"kosmo-kernel/{__version__}",
            **integration.headers,
            **integration.credentials.headers(account.token),
        }
        self._headers = _encoded(headers)
        # A token in the query is added to the request that is sent, and to nothing that is shown or recorded.
        name = integration.credentials.query
        self._query = urlencode({name: account.token}) if name else ""
        self._read = read
        self._timeout = {"timeout": {"connect": connect, "read": read, "write": read}}
        self._transport = transport
        self._lock = threading.Lock()
        self._gate = threading.BoundedSemaphore(MAX_CONNECTIONS)
        # Each with the time at which it became idle.
        self._idle: deque[tuple[httpcore2.ConnectionInterface, float]] = deque()
        self._opener: httpcore2.ConnectionPool | None = None  # makes connections, and has none itself
        self._proxy: httpcore2.Proxy | None = None
        self.closed = False

    @property
    def idle(self) -> int:
        """The number of open connections that no request uses."""
        return len(self._idle)

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> Request:
        """Return a new request, which can be sent more than once."""
        if self._query:
            url += ("&" if "?" in url else "?") + self._query
        origin = self._origin
        address = httpcore2.URL(
            scheme=origin.scheme, host=origin.host, port=origin.port, target=_target(url.removeprefix(self._root))
        )
        return Request(b"GET", address, headers=[*self._headers, *_encoded(headers)], extensions=self._timeout)

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
            if self._transport is not None:
                return self._answer(self._transport, request)
            connection, is_reused = self._acquire()
            try:
                return self._answer(connection, request)
            except NoResponseError as error:
                # Idle connections are likely as dead as this one, and each could take until the timeout to fail.
                self._close_idle()
                timed_out = isinstance(error.__cause__, httpcore2.TimeoutException)
                error.is_stale = is_reused and error.is_connected and not timed_out
                raise
            finally:
                self._release(connection)
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
        for connection, _ in idle:
            connection.close()

    def _answer(self, connection: HttpTransport, request: Request) -> Response:
        try:
            response = connection.handle_request(request)
        except _LOST as error:
            raise self._no_response(error) from error
        reply = _read(response, MAX_BODY_BYTES)
        reply.body = self._redactor.redact(reply.body)
        return reply

    def _acquire(self) -> tuple[httpcore2.ConnectionInterface, bool]:
        """Return a connection, and whether it was used before."""
        expired: list[httpcore2.ConnectionInterface] = []
        try:
            with self._lock:
                if self.closed:
                    raise RuntimeError(f"the connections to {self._url} are closed")
                while self._idle and _uptime() - self._idle[0][1] > KEEPALIVE_SECONDS:
                    expired.append(self._idle.popleft()[0])
                while self._idle:
                    connection, _ = self._idle.pop()
                    if not connection.has_expired():
                        return connection, True
                    expired.append(connection)  # the service has closed it
                return self._opened(), False
        finally:
            for connection in expired:
                connection.close()

    def _release(self, connection: httpcore2.ConnectionInterface) -> None:
        with self._lock:
            if not self.closed and connection.is_available():
                self._idle.append((connection, _uptime()))
                return
        connection.close()

    def _opened(self) -> httpcore2.ConnectionInterface:
        """Return a new connection, which is opened when a request is sent."""
        try:
            if self._opener is None:
                self._proxy = proxy_of(self._url)
                # Plain HTTP needs no certificates: loading them takes longer than the demo's first call.
                is_plain = self._url.startswith("http:")
                trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else trusted_certificates()
                self._opener = httpcore2.ConnectionPool(trust, self._proxy)
            return self._opener.create_connection(self._origin.origin)
        except (ImportError, OSError, ValueError) as error:
            raise SettingsError(
                f"No connection to {self._url} can be made, because HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, "
                f"NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR makes no sense: {one_line(str(error))}"
            ) from error

    def _no_response(self, error: Exception) -> NoResponseError:
        chain = tuple(_causes(error))
        connected = not isinstance(error, (httpcore2.ConnectError, httpcore2.ConnectTimeout))
        for kind, why, advice, passing in _FAILURES:
            match = next((cause for cause in chain if isinstance(cause, kind)), None)
            if match is not None:
                if self._proxy and kind in _CONNECT_ERRORS:
                    return NoResponseError(
                        f"the proxy {_host(self._proxy.url)} cannot be reached ({why})",
                        _PROXY,
                        passing,
                        is_connected=False,
                    )
                busy = kind is httpcore2.ProxyError and str(match).startswith(_BUSY)
                text = why.format(error=match, timeout=self._read)
                return NoResponseError(text, advice, "always" if busy else passing, is_connected=connected and not busy)
        return NoResponseError(str(error) or type(error).__name__, LATER, "always", is_connected=connected)


class InProcess:
    """Send requests to a WSGI application in this process."""

    def __init__(self, api: WSGIApplication) -> None:
        self._api = api

    def handle_request(self, request: Request) -> httpcore2.Response:
        """Return the response of the application."""
        url, status, headers = request.url, "", list[tuple[str, str]]()
        path, _, query = url.target.partition(b"?")
        environ: WSGIEnvironment = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme.decode(),
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": request.method.decode(),
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),  # PEP 3333, "Unicode Issues"
            "QUERY_STRING": query.decode(),
            "SERVER_NAME": url.host.decode(),
            "SERVER_PORT": str(url.origin.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
        }
        for name, value in request.headers:
            environ[f"HTTP_{name.decode().upper().replace('-', '_')}"] = value.decode("latin-1")

        def start_response(line: str, fields: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = line, fields
            return lambda _body: None

        chunks = self._api(environ, start_response)
        try:
            content = b"".join(chunks)
        finally:
            if close := getattr(chunks, "close", None):
                close()
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        return httpcore2.Response(int(status[:3]), headers=pairs, content=content)


def in_process(api: WSGIApplication) -> HttpTransport:
    """Return a transport for requests to an API in this process."""
    return InProcess(api)


def _url(address: str) -> httpcore2.URL:
    """Return an address as the library has it.

    Raises:
        ValueError: it makes no sense.
    """
    parts = urlsplit(address)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return httpcore2.URL(
        scheme=parts.scheme, host=(parts.hostname or "").encode("idna"), port=parts.port, target=_target(target)
    )


def _target(text: str) -> bytes:
    """Return the path and query of a request, in which a service may have other characters than HTTP has."""
    return (text if text.isascii() and text.isprintable() and " " not in text else quote(text, _PRINTABLE)).encode()


def _host(url: httpcore2.URL) -> str:
    """Return the host of a URL, with its port unless it is the usual one."""
    host = url.host.decode()
    host = f"[{host}]" if ":" in host else host
    return host if url.port in (None, _PORTS[url.scheme.decode()]) else f"{host}:{url.port}"


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _uptime() -> float:
    """Return the seconds of a clock that also runs while the machine sleeps, after which connections are dead."""
    return time.clock_gettime(_UPTIME)


def _read(response: httpcore2.Response, max_bytes: int, until: float = math.inf) -> Response:
    """Read a response to its end.

    Raises:
        TruncatedResponseError: it ended early.
        UnreadableResponseError: its body has more bytes, takes longer, or is compressed in another way than asked for.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:  # repeated ones are joined with commas
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    reply = Response(response.status, headers, b"")
    try:
        body, received = _body(response, reply, max_bytes, until)
    except (*_LOST, zlib.error) as error:
        raise TruncatedResponseError(str(error) or type(error).__name__, reply) from error
    finally:
        response.close()
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) != received and reply.status not in _NO_BODY:
        raise TruncatedResponseError(f"{received:,} bytes came of {int(length):,}", reply)
    reply.body = body
    return reply


def _body(response: httpcore2.Response, reply: Response, max_bytes: int, until: float) -> tuple[bytes, int]:
    """Return the body of a response, and how many bytes of it were received.

    It is decompressed in pieces, because a small one may expand to any size.
    """
    coding = reply.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnreadableResponseError(f"it is packed as `{coding}`, and gzip was asked for", reply)
    decoder = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    pieces: list[bytes] = []
    size = received = 0
    stream: Any = response.stream  # of a connection that waits
    for part in stream:
        received += len(part)
        piece = decoder.decompress(part, max_bytes + 1 - size) if decoder else part
        size += len(piece)
        if size > max_bytes:
            raise UnreadableResponseError(f"it has more than {max_bytes >> 20} MiB", reply)
        if until < math.inf and _uptime() > until:
            raise UnreadableResponseError(f"it takes longer than {DOWNLOAD_SECONDS:.0f} seconds", reply)
        pieces.append(piece)
    if decoder and received and not decoder.eof:
        raise TruncatedResponseError("the compressed body ends early", reply)
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
        except (*_LOST, TruncatedResponseError, ImportError, OSError, ValueError) as error:
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
        ValueError: the address makes no sense, or has a user in it.
    """
    if urlsplit(url).username is not None:
        raise ValueError("it has a user in it")
    address = _url(url)
    headers = {"host": _host(address), "accept-encoding": "gzip", "user-agent": f"kosmo-kernel/{__version__}"}
    timeout = {"timeout": dict.fromkeys(("connect", "read", "write"), DOWNLOAD_STEP_SECONDS)}
    with httpcore2.ConnectionPool(trusted_certificates(), proxy_of(url)) as pool:
        request = Request(b"GET", address, headers=_encoded(headers), extensions=timeout)
        return _read(pool.handle_request(request), most, until)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def proxy_of(url: str) -> httpcore2.Proxy | None:
    """Return the proxy that the environment or the system names for a URL; None for a loopback address.

    A proxy would carry a request for this machine over the network, with the token in plain text.

    Raises:
        ValueError: the address of the proxy makes no sense.
    """
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or is_loopback(url) or proxy_bypass(host):
        return None
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme not in _PROXIES:
        raise ValueError(f"a proxy is one of {', '.join(_PROXIES)}, and not {parts.scheme}")
    user = None
    if parts.username or parts.password:
        user = unquote(parts.username or "").encode(), unquote(parts.password or "").encode()
    return httpcore2.Proxy(_url(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"), user)


def trusted_certificates() -> ssl.SSLContext:
    """Return a context that trusts the certificates of SSL_CERT_FILE or SSL_CERT_DIR, else the system's and Mozilla's.

    The system's alone are not enough: many Python builds do not know where the system keeps them.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        return ssl.create_default_context(cafile=file, capath=None if file else folder)
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
