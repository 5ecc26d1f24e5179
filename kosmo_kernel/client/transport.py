"""Send the requests of an account to its service, or take saved answers in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response


class Transport(Protocol):
    """The transport of an account's requests: its connections, or an archive in their place."""

    @property
    def closed(self) -> bool:
        """Return whether the transport is closed."""
        ...

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> Any:
        """Return a new request for a function, which can be sent more than once."""
        ...

    def sends(self, request: Any) -> bool:
        """Return whether a request is sent over the network, and not answered from a recording."""
        ...

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        """Send a request and return the response, whatever its status; see `Connections.send`."""
        ...

    def close(self) -> None:
        """Close the transport for good."""
        ...


class Cassette(Protocol):
    """An archive in use: a `Recorder` or a `Player`.

    Attributes:
        live: whether requests are sent.
    """

    live: bool

    def transport(self, integration: Integration, account: Account, connections: Transport) -> Transport:
        """Return the transport for an account, whose own connections are given."""
        ...

    def summary(self) -> str:
        """Return a line for the user about a run that used the cassette; empty for none."""
        ...

    def close(self) -> None:
        """Finish the cassette."""
        ...
