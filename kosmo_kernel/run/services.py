"""The services of the catalogue as a provider of calls, and the dispatcher that sends their requests for a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.client.call import CallAnswer, CallHandle, PlannedCall
from kosmo_kernel.lua.host import CallRequest
from kosmo_kernel.results.result import CallRecord

if TYPE_CHECKING:
    from kosmo_kernel.client.cassette import Cassette
    from kosmo_kernel.client.dispatcher import Dispatcher, ServiceCall


class Services:
    """The services of one session.

    Parameters:
        cassette: the cassette that records or replays all answers, if any.

    Attributes:
        used: the dispatcher, or None before the first call.
    """

    def __init__(self, cassette: Cassette | None = None) -> None:
        self._cassette = cassette
        self.used: Dispatcher | None = None

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of requests, created at the first call because its import loads the HTTP library."""
        if self.used is None:
            from kosmo_kernel.client.dispatcher import Dispatcher

            self.used = Dispatcher(self._cassette)
        return self.used

    def record(self, request: CallRequest, account: str) -> CallRecord:
        """Return the log record of a call that is not checked yet; see `Provider`."""
        alias = accounts.canonical_reserved(request.account or accounts.DEFAULT)
        if alias == accounts.DEFAULT:
            alias = accounts.canonical_reserved(account)
        return CallRecord(f"integrations.{request.path}", alias, 0.0, "ok")

    def bind(self, request: CallRequest, record: CallRecord) -> ServiceCall:
        """Check a call; see `Provider`."""
        integration_name, _, function_name = request.path.partition(".")
        integration = integrations.find(integration_name)
        values: Any = request.positional if request.named is None else request.named
        return self.dispatcher.bind(integration, integration.function(function_name), record.account, values)

    def plan(self, bound_call: ServiceCall) -> list[PlannedCall]:
        """Return the requests that a call would send.

        Raises:
            CredentialsError: requests to the account's address are not allowed.
        """
        return self.dispatcher.plan(bound_call)

    def empty(self, bound_call: ServiceCall) -> CallAnswer:
        """Return an empty answer for a call that is not made."""
        from kosmo_kernel.client.dispatcher import empty

        return empty(bound_call)

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Make a call in a thread of the pool."""
        self.dispatcher.begin(bound_call, handle)

    def tokens(self) -> tuple[str, ...]:
        """Return the tokens in use, which are redacted from every text that leaves the session."""
        return self.used.tokens() if self.used else ()

    def end_run(self) -> None:
        """No longer wait for the calls that the run began."""
        if self.used:
            self.used.end()

    def close(self) -> None:
        """Close all connections."""
        if self.used:
            self.used.close()
