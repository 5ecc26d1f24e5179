"""The network: the HTTP connections of one account, and the reasons why a request gets no response.

Requests go to `httpx.HTTPTransport` directly: an `httpx.Client` above it would take as long again for redirects,
cookies and credentials, none of which are used here. A response is decompressed while it is read, within a bound.

Each connection has a transport of its own. Threads that share one wait for the lock of its pool with each request,
which takes a quarter of the processor time of many requests, and the pool can close a connection of which another
thread makes use (https://github.com/encode/httpcore/issues/1110).

All connections are replaced when one of them broke, or after a while without a request: the idle ones are then likely
dead as well, and each could take until the timeout to fail.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.request import getproxies, proxy_bypass

import certifi
import httpx
from msgspec import Struct, field

from kosmo_kernel.accounts import is_loopback
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.responses import LATER, UNAVAILABLE
from kosmo_kernel.client.transport import (
    HttpRequest,
    NoResponseError,
    Retryable,
    TruncatedResponseError,
    new_response,
    read_body,
)
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import one_line

MAX_CONNECTIONS = 64  # of one account
KEEPALIVE_SECONDS = 60.0  # lifetime of an idle connection: about the time that it takes to write the next cell
CONNECT_SECONDS = 10.0  # for a connection, unless the read timeout is shorter
POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation while a request waits for a connection
# Statuses of a proxy that do not depend on the request; the texts of its errors begin with the status.
_BUSY = tuple(f"{status:d} " for status in UNAVAILABLE)
_NO_CONTENT = httpx.ByteStream(b"")
# The seconds of a clock that also runs while the machine sleeps, after which connections are dead; macOS has no such
# clock, and another one suits there.
uptime = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

_NETWORK = "Check the network, and HTTPS_PROXY if there is a proxy"
# With a proxy, these errors are about the connection to the proxy.
_CONNECT_ERRORS = (httpx.ConnectTimeout, socket.gaierror, ConnectionRefusedError)
_OWN_AUTHORITY = "The certificate of an authority of your own belongs into the file that SSL_CERT_FILE names"
_PROXY = "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY"

# Why a request got no response, what to do, and whether to retry. The first entry found in the chain of causes applies.
_FAILURES: tuple[tuple[type[Exception], str, str, Retryable], ...] = (
    (httpx.ConnectTimeout, "no connection was made in time", _NETWORK, "met"),
    (httpx.TimeoutException, "nothing came for {timeout:g} s", LATER, "always"),
    (httpx.ProxyError, "the proxy refused ({error})", _PROXY, "never"),
    (ssl.SSLCertVerificationError, "its certificate cannot be trusted ({error})", _OWN_AUTHORITY, "never"),
    (ssl.SSLEOFError, "the connection broke off", LATER, "always"),
    (ssl.SSLError, "it does not speak https ({error})", "Check the address", "never"),
    (socket.gaierror, "its name is not known", _NETWORK, "met"),
    (ConnectionRefusedError, "the connection was refused", "Nothing listens there: check the address", "met"),
    (httpx.InvalidURL, "the address makes no sense ({error})", "Check the arguments of the call", "never"),
)


class _ConnectionPool(Struct, eq=False):
    """The connections that are open, and what they are used for."""

    idle: list[httpx.HTTPTransport] = field(default_factory=list)  # those that no request uses, the last one used last
    used_at: float = 0.0  # the time of the last request
    in_flight: int = 0  # the number of requests
    has_answered: bool = False  # so that a connection that breaks is likely an older one

    def close(self) -> None:
        """Close the idle connections."""
        while self.idle:
            self.idle.pop().close()


class Network:
    """The connections to one address, each opened when a request needs it. Thread-safe.

    Parameters:
        url: the address.
        timeout: the read timeout in seconds.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        timeouts = {"connect": min(CONNECT_SECONDS, timeout), "read": timeout, "write": timeout}
        self.extensions = {"timeout": timeouts}
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._proxy: httpx.Proxy | None = None
        self._verify: ssl.SSLContext | None = None
        self._pool: _ConnectionPool | None = None
        self._closed = False

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        """Send a request and return the response; see `Connections.send`."""
        while not self._slots.acquire(timeout=POLL_INTERVAL_SECONDS):
            check()
        try:
            return self._send(request)
        finally:
            self._slots.release()

    def _send(self, request: HttpRequest) -> Response:
        """Send a request on an idle connection, or else on a new one, and return the response."""
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the connections to {self._url} are closed")
            now, pool = uptime(), self._pool
            if pool is None or (not pool.in_flight and now - pool.used_at > KEEPALIVE_SECONDS):
                if pool:
                    pool.close()
                pool = self._pool = _ConnectionPool()
            transport = pool.idle.pop() if pool.idle else self._opened()
            pool.used_at = now
            pool.in_flight += 1
        is_broken = False
        try:
            response = self.answer(transport, request)
            pool.has_answered = True
        except NoResponseError as error:
            is_broken = error.is_connected
            error.is_stale = error.is_stale and pool.has_answered
            raise
        finally:
            with self._lock:
                pool.in_flight -= 1
                pool.idle.append(transport)
                if is_broken and self._pool is pool:
                    self._pool = None
                if self._pool is not pool:
                    pool.close()
        return response

    def answer(self, transport: httpx.BaseTransport, request: HttpRequest) -> Response:
        """Return the response to a request that a transport sends; see `Connections.send` for the errors."""
        outcome = self._attempt(transport, request)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close all connections for good, those in use as soon as they have their responses."""
        with self._lock:
            self._closed, pool, self._pool = True, self._pool, None
            if pool:
                pool.close()

    def _attempt(self, transport: httpx.BaseTransport, request: HttpRequest) -> Response | BaseException:
        """Return the response to a request, or the error to raise.

        The errors of httpx and the libraries below it, and all frames that have seen the token, stay here.
        """
        response = None
        try:
            headers = [(name.encode(), value.encode("latin-1")) for name, value in request.sent_headers().items()]
            message = httpx.Request("GET", request.url, headers=headers, stream=_NO_CONTENT, extensions=self.extensions)
            received = transport.handle_request(message)
            try:
                fields = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in received.headers.raw)
                response = new_response(received.status_code, fields)
                stream: Any = received.stream  # of a transport that is not asynchronous
                return read_body(response, stream)
            finally:
                received.close()
        except (httpx.TransportError, httpx.InvalidURL) as error:
            if response:
                return TruncatedResponseError(one_line(str(error)) or type(error).__name__, response)
            return self._no_response(error)
        except BaseException as error:  # noqa: BLE001 - it is raised by the caller
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)

    def _opened(self) -> httpx.HTTPTransport:
        try:
            self._proxy = proxy_of(self._url)
            if self._verify is None:
                # Plain HTTP needs no certificates: loading them takes longer than the demo's first call.
                is_plain = self._url.startswith("http:")
                self._verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else trusted_certificates()
            limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_SECONDS)
            return httpx.HTTPTransport(verify=self._verify, proxy=self._proxy, limits=limits)
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            reason = one_line(str(error))
        raise SettingsError(
            f"No connection to {self._url} can be made, because HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, "
            f"SSL_CERT_FILE or SSL_CERT_DIR makes no sense: {reason}"
        )

    def _no_response(self, error: Exception) -> NoResponseError:
        connected = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        is_stale = connected and not isinstance(error, httpx.TimeoutException)
        chain = tuple(_causes(error))
        for kind, reason, advice, retryable in _FAILURES:
            cause = next((cause for cause in chain if isinstance(cause, kind)), None)
            if cause is None or (kind is ssl.SSLError and connected):  # an error in a connection that was made passes
                continue
            secrets = self._proxy.auth or () if self._proxy else ()
            text = reason.format(error=one_line(str(cause), secrets), timeout=self._timeout)
            if self._proxy and kind in _CONNECT_ERRORS:
                text = f"the proxy {self._proxy.url.netloc.decode()} cannot be reached ({text})"
                return NoResponseError(text, _PROXY, retryable, is_connected=False)
            if kind is httpx.ProxyError and str(cause).startswith(_BUSY):
                return NoResponseError(text, advice, "always", is_connected=False)
            return NoResponseError(
                text, advice, retryable, is_connected=connected, is_stale=is_stale and retryable == "always"
            )
        return NoResponseError(
            str(error) or type(error).__name__, LATER, "always", is_connected=connected, is_stale=is_stale
        )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def proxy_of(url: str) -> httpx.Proxy | None:
    """Return the proxy that the environment or the system names for a URL; None for a loopback address.

    A proxy would carry a request for this machine over the network, with the token in plain text.

    Raises:
        ValueError, httpx.InvalidURL: the address of the proxy makes no sense.
    """
    scheme, _, rest = url.partition("://")
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or is_loopback(url) or proxy_bypass(rest.partition("/")[0]):
        return None
    return httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")


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
