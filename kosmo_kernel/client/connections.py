"""The requests of one account: what each one sends, how many there are at a time, and how a response is read.

They go to a transport: to the network, or to an API in this process. The network has the HTTP library, whose import
takes longer than the first answers of the demo, so it is imported with the first request that it sends.

The token is sent in the request's own headers. There are no other credentials, no cookies and no redirects.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.secrets import TokenRedactor
from kosmo_kernel.client.transport import HttpRequest, HttpTransport, encoded, host_of, target_of

if TYPE_CHECKING:
    from kosmo_kernel.client.network import Network

MAX_CONNECTIONS = 64  # of one account
POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation while a request waits for a connection


class Connections:
    """The requests of one account, of which a limited number are in flight. Thread-safe."""

    def __init__(
        self, integration: Integration, account: Account, transport: HttpTransport | None, connect: float, read: float
    ) -> None:
        self._url, self._redactor = account.url, TokenRedactor(account.token)
        self._root = account.url.removesuffix(urlsplit(account.url).path)  # the address without its path
        headers = {
            "host": host_of(account.url),
            "accept-encoding": "gzip",
            "user-agent": f"kosmo-kernel/{__version__}",
            **integration.headers,
            **integration.credentials.headers(account.token),
        }
        self._headers = encoded(headers)
        self.timeouts = {"connect": connect, "read": read, "write": read}  # in seconds
        self._transport = transport
        self._network: Network | None = None
        self._lock = threading.Lock()
        # A queue of permits, because a semaphore of `threading` is Python code, and takes several times as long.
        self._permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(MAX_CONNECTIONS):
            self._permits.put(None)
        self.closed = False

    @property
    def idle(self) -> int:
        """The number of open connections that no request uses."""
        return self._network.idle if self._network else 0

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> HttpRequest:
        """Return a new request, which can be sent more than once."""
        return target_of(url.removeprefix(self._root)), [*self._headers, *encoded(headers)]

    def sends(self, request: HttpRequest) -> bool:
        """Return True: every request is sent."""
        return True

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        """Send a request and return the response, whatever its status.

        Parameters:
            check: raises if the call was cancelled; called repeatedly while all connections are in use.

        Raises:
            NoResponseError: there is no response.
            TruncatedResponseError: the response ended early; an `UnreadableResponseError` if it was not read in full.
            SettingsError: the environment variables for proxies or certificates are invalid.
            RuntimeError: the connections are closed.
        """
        while True:
            try:
                self._permits.get(timeout=POLL_INTERVAL_SECONDS)
                break
            except Empty:
                check()
        try:
            reply = (self._transport or self._network or self._opened()).send(request)
        finally:
            self._permits.put(None)
        if reply.body:
            reply.body = self._redactor.redact(reply.body)
        return reply

    def close(self) -> None:
        """Close all connections for good, those in use as soon as they have their responses."""
        with self._lock:
            self.closed = True
        if self._network:
            self._network.close()

    def _opened(self) -> Network:
        """Return the network, which opens a connection when a request needs one."""
        from kosmo_kernel.client.network import Network

        with self._lock:
            if self._network is None:
                self._network = Network(self._url, self.timeouts)
                if self.closed:
                    self._network.close()
            return self._network
