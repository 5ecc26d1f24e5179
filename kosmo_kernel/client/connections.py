"""The requests of one account: what each one sends, and which transport sends it.

They go to the network, or to an API in this process. The network has the HTTP library, whose import takes longer than
the first answers of the demo, so it is imported with the first request that it sends.

The token is the only credential: there are no cookies and no redirects.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.secrets import TokenRedactor
from kosmo_kernel.client.transport import HttpRequest, HttpTransport

if TYPE_CHECKING:
    from kosmo_kernel.client.network import Network


class Connections:
    """The requests of one account. Thread-safe.

    Parameters:
        integration, account, transport: as for `Client`.
        timeout: the read timeout in seconds.
    """

    def __init__(
        self, integration: Integration, account: Account, transport: HttpTransport | None, timeout: float
    ) -> None:
        self._url, self.timeout, self._transport = account.url, timeout, transport
        self._redact = TokenRedactor(account.token.reveal()).redact
        agent = f"kosmo-kernel/{__version__}"
        self._headers = {"accept-encoding": "gzip", "user-agent": agent, **integration.headers}
        self._host = urlsplit(account.url).netloc.encode("idna").decode()
        self._credentials = lambda: integration.credentials.headers(account.token.reveal())
        self._networks: dict[str, Network] = {}  # by the address without its path
        self._lock = threading.Lock()
        self.closed = False

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> HttpRequest:
        """Return a new request, which can be sent more than once, to an address that the token may be sent to."""
        host = self._host if url.startswith(f"{self._url}/") else urlsplit(url).netloc
        return HttpRequest(url, {"host": host, **self._headers, **headers}, self._credentials)

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        """Send a request and return the response, whatever its status.

        Parameters:
            request: the request.
            check: raises if the call was cancelled; called repeatedly while all connections are in use.

        Raises:
            NoResponseError: there is no response.
            TruncatedResponseError: the response ended early; an `UnreadableResponseError` if it was not read in full.
            SettingsError: the environment variables for proxies or certificates are invalid.
            RuntimeError: the connections are closed.
        """
        response = (self._transport or self._network(request.url)).send(request, check)
        response.body = self._redact(response.body)
        return response

    def close(self) -> None:
        """Close all connections for good, those in use as soon as they have their responses."""
        with self._lock:
            self.closed = True
        for network in self._networks.values():
            network.close()

    def _network(self, url: str) -> Network:
        """Return the network of an address, which opens a connection when a request needs one."""
        from kosmo_kernel.client.network import Network

        address = self._url if url.startswith(f"{self._url}/") else "{0.scheme}://{0.netloc}".format(urlsplit(url))
        with self._lock:
            if self.closed:
                raise RuntimeError(f"the connections to {self._url} are closed")
            if address not in self._networks:
                self._networks[address] = Network(address, self.timeout)
            return self._networks[address]
