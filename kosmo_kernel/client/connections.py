"""The connections of one account: how they are opened, kept and given up, and why a request gets no answer.

Every request in flight has a connection of its own, and gives it back when it has its answer; the one given back last
is taken first. So there are never more connections than requests were in flight, and those that nobody needs any more
grow old unused and are closed. (One pool for all of them, as httpx has it, looks at every connection for every request:
with 32 in flight that is a third of a request's cost.)

The token is in the request's own headers. Nothing else sends credentials, keeps cookies or follows a redirect.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal
from urllib.request import getproxies, proxy_bypass

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account, is_loopback
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.responses import LATER
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import one_line

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

# httpx brings its own command line along, and that all of rich: a third of its import, and no request needs it.
_COMMAND_LINE = "httpx._main"
sys.modules.setdefault(_COMMAND_LINE, None)  # type: ignore[arg-type]  # how Python is told that there is none
import httpx  # noqa: E402 - see above

if sys.modules[_COMMAND_LINE] is None:
    del sys.modules[_COMMAND_LINE]

HttpTransport = httpx.BaseTransport  # what carries requests
Request = httpx.Request

MAX_CONNECTIONS = 64  # connections of one account
KEEPALIVE_SECONDS = 60.0  # seconds that an idle one is kept: people take that long to write the next cell
POLL_INTERVAL_SECONDS = (
    0.1  # seconds after which one who waits for a connection looks whether its answer is still wanted
)
_NO_BODY = (204, 304)
# Bytes of one answer, unpacked: a page of a thousand records has one or two million, and they become ten times as
# much in Python. Whatever sends more would fill the memory of whoever asks.
MAX_BODY_BYTES = 64 << 20
# What a body may be packed with: what is asked for. One within another could unpack a million to one.
_CODINGS = ("", "gzip", "identity")
_BUSY = ("502", "503", "504")  # what a proxy says when the trouble is not with the request

_NETWORK = "Check the network, and HTTPS_PROXY if there is a proxy"

# Whether the same request may be answered a moment later: `met` is for an address that has answered before, since one
# that never did is more likely wrong than busy.
Passing = Literal["always", "met", "never"]

# Of these it is the proxy that did not answer, where there is one.
_ON_THE_WAY = (httpx.ConnectTimeout, socket.gaierror, ConnectionRefusedError)
_PROXY = "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY"

# Why a request got no answer, and what to do: the first that is in the chain of causes counts.
_LOST: tuple[tuple[type[Exception], str, str, Passing], ...] = (
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
    """A request got no answer.

    Attributes:
        why: in words.
        advice: what to do.
        passing: whether it may pass by itself.
    """

    def __init__(self, why: str, advice: str, passing: Passing) -> None:
        super().__init__(why)
        self.why, self.advice, self.passing = why, advice, passing


class TruncatedResponseError(Exception):
    """An answer began and did not end. `reply` has its head, and no body."""

    def __init__(self, why: str, reply: Response) -> None:
        super().__init__(why)
        self.reply = reply


class UnreadableResponseError(TruncatedResponseError):
    """An answer that is not read to its end, however often it is asked for. `reply` has its head, and no body."""


class Connections:
    """The connections of one account, the first opened at the first request. Threads may share it.

    Parameters:
        integration: the service, which says what is sent along with every request.
        account: whose token is sent, and where to.
        transport: what carries the requests instead of the network.
        connect: seconds to wait for a connection.
        read: seconds to wait for an answer, or for more of it.
    """

    def __init__(
        self,
        integration: Integration,
        account: Account,
        transport: HttpTransport | None,
        connect: float,
        read: float,
    ) -> None:
        self._url = account.url
        self._headers = [
            ("accept-encoding", "gzip"),
            ("user-agent", f"kosmo-kernel/{__version__}"),
            *integration.headers.items(),
            *integration.credentials.headers(account.token).items(),
        ]
        self._read = read
        self._timeout = {"timeout": {"connect": connect, "read": read, "write": read, "pool": None}}
        self._transport = transport
        self._lock = threading.Lock()
        self._gate = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._idle: deque[tuple[HttpTransport, float]] = deque()  # each with when it was given back
        self._trust: ssl.SSLContext | None = None
        self._proxy: httpx.Proxy | None = None
        self.closed = False

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Request:
        """A request, which can be sent more than once."""
        all_headers = [*self._headers, *headers.items()]
        return Request("GET", url, headers=all_headers, params=query or None, extensions=self._timeout)

    def send(self, request: Request, check: Callable[[], None]) -> Response:
        """The answer to a request, whatever its status.

        Parameters:
            request: what `request` made.
            check: raises when nobody wants the answer any more; asked while all connections are in use.

        Raises:
            LostError: there is no answer.
            BrokenOffError: it did not end; an `UnreadableResponseError` where it is not worth reading.
            SettingsError: environment variables about proxies or certificates that make no sense.
            RuntimeError: the connections are closed.
        """
        while not self._gate.acquire(timeout=POLL_INTERVAL_SECONDS):
            check()
        try:
            transport = self._taken()
            try:
                return self._answer(transport, request)
            finally:
                self._given_back(transport)
        finally:
            self._gate.release()

    def close(self) -> None:
        """Close all connections, those in use as soon as they have their answers. They stay closed."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, deque()
        for transport, _ in idle:
            transport.close()

    def _answer(self, transport: HttpTransport, request: Request) -> Response:
        try:
            response = transport.handle_request(request)
        except httpx.TransportError as error:
            raise self._lost(error) from error
        status, headers = response.status_code, _headers(response.headers.raw)
        try:
            body = _body(response, Response(status, headers, b""))
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise TruncatedResponseError(str(error) or type(error).__name__, Response(status, headers, b"")) from error
        finally:
            response.close()
        told, came = headers.get("content-length", ""), response.num_bytes_downloaded or len(body)
        if told.isdecimal() and int(told) != came and status not in _NO_BODY:
            raise TruncatedResponseError(f"{came:,} bytes came of {int(told):,}", Response(status, headers, b""))
        return Response(status, headers, body)

    def _taken(self) -> HttpTransport:
        stale: list[HttpTransport] = []
        try:
            with self._lock:
                if self.closed:
                    raise RuntimeError(f"the connections to {self._url} are closed")
                if self._transport is not None:
                    return self._transport
                while self._idle and time.monotonic() - self._idle[0][1] > KEEPALIVE_SECONDS:
                    stale.append(self._idle.popleft()[0])
                return self._idle.pop()[0] if self._idle else self._opened()
        finally:
            for transport in stale:
                transport.close()

    def _given_back(self, transport: HttpTransport) -> None:
        if transport is self._transport:
            return
        with self._lock:
            if not self.closed:
                self._idle.append((transport, time.monotonic()))
                return
        transport.close()

    def _opened(self) -> HttpTransport:
        """A place for one connection, which is made when a request is sent."""
        try:
            if self._trust is None:
                self._proxy = _proxy(self._url)
                self._trust = _plain_http_context() if self._url.startswith("http:") else _trusting()
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

    def _lost(self, error: httpx.TransportError) -> NoResponseError:
        chain = tuple(_causes(error))
        for kind, why, advice, passing in _LOST:
            found = next((cause for cause in chain if isinstance(cause, kind)), None)
            if found is not None:
                if self._proxy and kind in _ON_THE_WAY:
                    where = self._proxy.url.netloc.decode()  # the password is not in it
                    return NoResponseError(f"the proxy {where} cannot be reached ({why})", _PROXY, passing)
                busy = kind is httpx.ProxyError and str(found).startswith(_BUSY)
                return NoResponseError(
                    why.format(error=found, timeout=self._read), advice, "always" if busy else passing
                )
        return NoResponseError(str(error) or type(error).__name__, LATER, "always")


def in_process(api: WSGIApplication) -> HttpTransport:
    """What carries requests to an API in this process."""
    return httpx.WSGITransport(api)


def _body(response: httpx.Response, head: Response) -> bytes:
    """The body of an answer, unpacked piece by piece: a small one may unpack to any size."""
    coding = head.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnreadableResponseError(f"it is packed as `{coding}`, and gzip was asked for", head)
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise UnreadableResponseError(f"it has more than {MAX_BODY_BYTES >> 20} MiB", head)
        pieces.append(piece)
    return b"".join(pieces)


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; those that came more than once in one."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _proxy(url: str) -> httpx.Proxy | None:
    """The proxy that the environment, or the system, wants asked for an address; none for this machine.

    A proxy would carry what is meant for this machine off it, the token in plain text.
    """
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or is_loopback(url) or proxy_bypass(host):
        return None
    return httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")


def _trusting() -> ssl.SSLContext:
    """Whose certificates count: those of SSL_CERT_FILE or SSL_CERT_DIR, else the system's and Mozilla's.

    The system's alone are not enough: many a Python does not know where its system keeps them.
    """
    context = httpx.create_ssl_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_default_certs()
    return context


def _plain_http_context() -> ssl.SSLContext:
    """For where no TLS is spoken: reading certificates takes longer than the first call of the demo."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
