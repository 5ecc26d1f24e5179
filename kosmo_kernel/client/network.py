"""The network: the HTTP connections of one account, and the reasons why a request gets no response.

Each request in flight uses its own connection and returns it with the response; the last one returned is reused first.
So there are never more connections than concurrent requests, and surplus ones become idle and are closed. (The pools of
HTTP libraries look at every connection for every request: with 32 in flight that is a third of a request's cost.)

Requests go to the connections of httpcore2 directly. A client above them would parse the URL and the headers again and
make a request and a response of its own, which together take as long as the request itself.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import httpcore2

from kosmo_kernel.accounts import is_loopback
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.responses import LATER
from kosmo_kernel.client.transport import (
    MAX_BODY_BYTES,
    PORTS,
    HttpRequest,
    NoResponseError,
    Retryable,
    host_and_port,
    read_response,
    target_of,
    uptime,
)
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import one_line

KEEPALIVE_SECONDS = 60.0  # lifetime of an idle connection: about the time that it takes to write the next cell
# Statuses of a proxy that do not depend on the request; the texts of its errors begin with the status.
_BUSY = ("502 ", "503 ", "504 ")
_PROXIES = tuple(PORTS)  # the schemes of proxies

_NETWORK = "Check the network, and HTTPS_PROXY if there is a proxy"

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


class Connection(Protocol):
    """A connection on which a request can be sent."""

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Return the response, whose body is still to come."""
        ...


class Network:
    """The connections to one address, each opened when a request needs it. Thread-safe.

    Parameters:
        url: the address.
        timeouts: the seconds for `connect`, `read` and `write`.
    """

    def __init__(self, url: str, timeouts: dict[str, float]) -> None:
        self._url, self._timeouts = url, timeouts
        self._origin = _url(url)
        self._lock = threading.Lock()
        # Each with the time at which it became idle.
        self._idle: deque[tuple[httpcore2.ConnectionInterface, float]] = deque()
        self._opener: httpcore2.ConnectionPool | None = None  # makes connections, and has none itself
        self._proxy: httpcore2.Proxy | None = None
        self._closed = False

    @property
    def idle(self) -> int:
        """The number of open connections that no request uses."""
        return len(self._idle)

    def send(self, request: HttpRequest) -> Response:
        """Send a request and return the response; see `Connections.send`."""
        connection, is_reused = self._acquire()
        try:
            return self.answer(connection, request)
        except NoResponseError as error:
            # Idle connections are likely as dead as this one, and each could take until the timeout to fail.
            self._close_idle()
            timed_out = isinstance(error.__cause__, httpcore2.TimeoutException)
            error.is_stale = is_reused and error.is_connected and not timed_out
            raise
        finally:
            self._release(connection)

    def answer(self, connection: Connection, request: HttpRequest) -> Response:
        """Return the response to a request that is sent on a connection; see `Connections.send` for the errors."""
        origin = self._origin
        address = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=request[0])
        message = httpcore2.Request(b"GET", address, extensions={"timeout": self._timeouts})
        message.headers = request[1]  # bytes, which need none of the library's checks of types
        try:
            response = connection.handle_request(message)
        except _LOST as error:
            raise self._no_response(error) from error
        return _read(response)

    def close(self) -> None:
        """Close all connections for good, those in use as soon as they have their responses."""
        with self._lock:
            self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, deque()
        for connection, _ in idle:
            connection.close()

    def _acquire(self) -> tuple[httpcore2.ConnectionInterface, bool]:
        """Return a connection, and whether it was used before."""
        expired: list[httpcore2.ConnectionInterface] = []
        try:
            with self._lock:
                if self._closed:
                    raise RuntimeError(f"the connections to {self._url} are closed")
                while self._idle and uptime() - self._idle[0][1] > KEEPALIVE_SECONDS:
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
            if not self._closed and connection.is_available():
                self._idle.append((connection, uptime()))
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
                    url = self._proxy.url
                    proxy = host_and_port(url.scheme.decode(), url.host.decode(), url.port)
                    text = f"the proxy {proxy} cannot be reached ({why})"
                    return NoResponseError(text, _PROXY, passing, is_connected=False)
                busy = kind is httpcore2.ProxyError and str(match).startswith(_BUSY)
                text = why.format(error=match, timeout=self._timeouts["read"])
                return NoResponseError(text, advice, "always" if busy else passing, is_connected=connected and not busy)
        return NoResponseError(str(error) or type(error).__name__, LATER, "always", is_connected=connected)


def _url(address: str) -> httpcore2.URL:
    """Return an address as the library has it.

    Raises:
        ValueError: it makes no sense.
    """
    parts = urlsplit(address)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return httpcore2.URL(
        scheme=parts.scheme, host=(parts.hostname or "").encode("idna"), port=parts.port, target=target_of(target)
    )


def _read(response: httpcore2.Response) -> Response:
    stream: Any = response.stream  # of a connection that waits
    try:
        return read_response(response.status, response.headers, stream, MAX_BODY_BYTES, lost=_LOST)
    finally:
        response.close()


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
