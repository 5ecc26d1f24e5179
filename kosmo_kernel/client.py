"""HTTP for one account of one service: a function and its arguments in, complete data or an error out.

Nothing here knows a service by name. Headers, how a page leads to the next, what an error body means and
where the request budget is told come from the `Integration`; the token and the address from the `Account`.

`Client.fetch` asks for page after page until the integration knows no next one, so a list is complete or
an error, never short. `Client._send` is one request and its answer.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import httpx

from kosmo_kernel import __version__
from kosmo_kernel.accounts import is_loopback
from kosmo_kernel.answers import LATER, Call
from kosmo_kernel.catalogue import PageRequest, Reply
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.redact import one_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from wsgiref.types import WSGIApplication

    from kosmo_kernel.accounts import Account
    from kosmo_kernel.catalogue import Function, Integration

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0
CONNECTIONS = 64  # at the same time
# httpx drops an idle connection after 5 s, less than people take to write the next cell.
KEEPALIVE = 60.0
# A service that leads to ever new pages without a new record on any of them is going in circles.
BARREN_PAGES = 10

# Why a request got no answer, and what to do: the first that is in the chain of causes counts.
_LOST: tuple[tuple[type[Exception], str, str], ...] = (
    (httpx.ConnectTimeout, "no connection was made in time", "Check the network, and HTTPS_PROXY if there is a proxy"),
    (httpx.TimeoutException, "nothing came for {timeout:g} s", LATER),
    (httpx.ProxyError, "the proxy refused ({error})", "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY"),
    (
        ssl.SSLCertVerificationError,
        "its certificate cannot be trusted ({error})",
        "The certificate of an authority of your own belongs into the file that SSL_CERT_FILE names",
    ),
    (ssl.SSLError, "it does not speak https ({error})", "Check the address"),
    (socket.gaierror, "its name is not known", "Check the network, and HTTPS_PROXY if there is a proxy"),
    (ConnectionRefusedError, "the connection was refused", "Nothing listens there: check the address"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned.

    Parameters:
        data: the records of a list function in the service's order, or the one record. The values of secret
            columns are replaced.
        requests: how many requests it took.
        remaining: how many requests the account has left, where the service says so.
        request_id: of the last request, what the service's support asks for.
        warnings: what the service had to say besides, each once.
        scopes: what the token is for, where the service says so.
    """

    data: list[dict[str, Any]] | dict[str, Any]
    requests: int
    remaining: int | None
    request_id: str | None
    warnings: tuple[str, ...]
    scopes: tuple[str, ...] = ()


class Client:
    """The connections of one account, opened at the first request and kept until `close`. Threads may share it.

    Parameters:
        integration: the service.
        account: whose token is sent, and where to.
        transport: what carries the requests instead of the network, `in_process` for example.
        timeout: how many seconds to wait for an answer, or for more of it.
    """

    def __init__(
        self,
        integration: Integration,
        account: Account,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout: float = READ_TIMEOUT,
    ) -> None:
        self.integration = integration
        self.account = account
        self._transport = transport
        self._timeout = timeout
        self._lock = threading.Lock()
        # Whoever waits for a connection waits here: httpcore's pool, once it is full, closes connections that are
        # in use (of 3,000 requests by eight threads over two connections it lost 35).
        self._gate = threading.BoundedSemaphore(CONNECTIONS)
        self._http: httpx.Client | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Client of {self.integration.name}, account {self.account.alias}, {self.account.url}>"

    def fetch(self, function: Function, args: Mapping[str, Any]) -> Answer:
        """Call a function and wait for all of its answer.

        Parameters:
            function: one of the integration's.
            args: by name, as `function.calls` gives them.

        Raises:
            RefusedError: a 4xx: credentials, access, no such thing, bad parameters.
            RateLimitError: a 429.
            UnreachableError: no usable connection, or a 502, 503 or 504.
            BadAnswerError: any other status, a body cut short, or JSON that is not what the function promises.
            SettingsError: environment variables about proxies or certificates that make no sense.
            RuntimeError: the client is closed.
        """
        call = Call(self.integration, self.account, function, args)
        data: list[dict[str, Any]] | dict[str, Any]
        data = self._rows(call) if function.returns == "list" else call.record(self._success(call, PageRequest()))
        return Answer(data, call.requests, call.remaining, call.request_id, tuple(call.warnings), call.scopes)

    def close(self) -> None:
        """Close all connections. A closed client stays closed."""
        with self._lock:
            self._closed = True
            if self._http is not None:
                self._http.close()

    def _rows(self, call: Call) -> list[dict[str, Any]]:
        """All pages of a list. A record that moved to a later page meanwhile is kept once, known by its `id`."""
        rows: list[dict[str, Any]] = []
        known: set[str | int] = set()
        asked: list[PageRequest] = []
        barren = 0
        page: PageRequest | None = self.integration.first_page
        while page is not None:
            reply = self._success(call, page)
            found = call.rows(reply)
            asked.append(page)
            page = self.integration.next_page(reply, page)
            if page is None and not rows:
                return found  # nothing can have moved
            new = [row for row in found if _id(row) not in known]
            known.update(key for row in new if (key := _id(row)) is not None)
            rows += new
            barren = 0 if new else barren + 1
            if page in asked or (page is not None and barren >= BARREN_PAGES):
                raise call.bad_answer(reply, f"pages that go in circles, page {len(asked)} the last")
        return rows

    def _success(self, call: Call, page: PageRequest) -> Reply:
        """An answer with a status of success; any other is an error."""
        reply = self._send(call, page)
        call.note(reply)
        if not httpx.codes.is_success(reply.status):
            raise call.failure(reply)
        return reply

    def _send(self, call: Call, page: PageRequest) -> Reply:
        """One request and its answer, whatever the status; an error only where there is no whole answer."""
        http = self._opened()
        request = http.build_request("GET", call.url, headers=page.headers, params=page.query or None)
        with self._gate:
            try:
                response = http.send(request, stream=True)
            except httpx.TransportError as error:
                raise call.no_answer(*_lost(error, self._timeout)) from error
            status, headers = response.status_code, dict(response.headers.items())
            try:
                body = response.read()
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise call.cut_short(Reply(status, headers, b""), error) from error
            finally:
                response.close()
        return Reply(status, headers, body)

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._closed:
                raise RuntimeError(f"{self!r} is closed")
            if self._http is None:
                self._http = self._open()
            return self._http

    def _open(self) -> httpx.Client:
        no_tls = self._transport is not None or self.account.url.startswith("http:")
        try:
            return httpx.Client(
                auth=_Bearer(self.account.token),
                headers={
                    "accept-encoding": "gzip",
                    "user-agent": f"kosmo-kernel/{__version__}",
                    **self.integration.headers,
                },
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                timeout=httpx.Timeout(self._timeout, connect=min(CONNECT_TIMEOUT, self._timeout), pool=None),
                limits=httpx.Limits(keepalive_expiry=KEEPALIVE),
                follow_redirects=False,
                transport=self._transport,
                # A proxy would carry what is meant for this machine off it, the token in plain text.
                trust_env=not is_loopback(self.account.url),
                verify=_trusting_nobody() if no_tls else _trusting(),
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            raise SettingsError(
                f"No connection to {self.account.url} can be made, because HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, "
                f"NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR makes no sense: {one_line(str(error))}"
            ) from error


def in_process(api: WSGIApplication) -> httpx.BaseTransport:
    """What carries requests to an API in this process."""
    return httpx.WSGITransport(api)


class _Bearer(httpx.Auth):
    """The account's token on every request. With an `auth` of its own httpx looks for no other credentials."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._header
        yield request


def _lost(error: httpx.TransportError, timeout: float) -> tuple[str, str]:
    """Why a request got no answer, and what to do."""
    chain = tuple(_causes(error))
    for kind, why, advice in _LOST:
        found = next((cause for cause in chain if isinstance(cause, kind)), None)
        if found is not None:
            return why.format(error=found, timeout=timeout), advice
    return str(error) or type(error).__name__, LATER


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _trusting() -> ssl.SSLContext:
    """Whose certificates count: those of SSL_CERT_FILE or SSL_CERT_DIR, else the system's and Mozilla's.

    The system's alone are not enough: many a Python does not know where its system keeps them.
    """
    context = httpx.create_ssl_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_default_certs()
    return context


def _trusting_nobody() -> ssl.SSLContext:
    """For where no TLS is spoken: reading certificates takes longer than the first call of the demo."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _id(row: Mapping[str, Any]) -> str | int | None:
    value = row.get("id")
    return value if isinstance(value, (str, int)) else None
