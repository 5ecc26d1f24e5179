"""The interface of what makes calls: the services of the catalogue (`services.py`), MCP servers (`mcp/run_tools.py`).

Everything that is the same for all calls (consent, log, dry run, progress, notes) uses only this interface. The access
of a session to MCP servers is made at its first use by a script or an editor; most sessions use none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.client.call import SPACE, CallHandle, CallRequest, PlannedCall, Reply
from kosmo_kernel.errors import KosmoError, SettingsError

if TYPE_CHECKING:
    from kosmo_kernel.mcp import Servers
    from kosmo_kernel.mcp.consent import ToolCall
    from kosmo_kernel.mcp.run_tools import McpTools

    # A call with checked arguments.
    BoundCall: TypeAlias = "ServiceCall | ToolCall"

NOT_RECORDED = "An archive has no answers of MCP servers, and with `--from` none is asked."
NOT_ALLOWED = "This session asks no MCP servers: `kosmo mcp:serve` lets scripts do so with `--allow-mcp`."
FICTION = "Fictional data of the demo, whose day is 20 November 2026."


class ServiceCall(Struct):
    """A call of a service's function with checked arguments; without arguments, what is the same for all its calls."""

    integration: Integration  # the service
    function: Function  # one of its functions
    account: str  # the account's alias
    name: str  # the full name of the function in errors
    path: str  # its name in the log, as the script spells it
    remote: bool  # whether its calls are sent over the network
    notice: str  # a line for the user if a call does not name the demo and uses it; else empty
    calls: Sequence[dict[str, Any]] = ()  # the arguments of each request, see `Function.calls`
    count: int = 0  # the number of requests
    fan_out_argument: str = ""  # the name of the argument that received a list; empty if there is none
    collect: bool = False  # list failed items instead of ending the call at the first one

    @property
    def title(self) -> str:
        """The name of the call at the start of an error."""
        return f"{self.name} (account {self.account})"


class Provider(Protocol):
    """Makes the calls of one kind."""

    def log_name(self, request: CallRequest, account: str) -> tuple[str, str]:
        """Return the name and the account of a call in the log, as far as they are known before it is checked.

        Parameters:
            request: the call.
            account: the account of calls that name none.
        """

    def bind(self, request: CallRequest, account: str) -> Any:
        """Check a call, and return it as a `BoundCall`. The parameters are as for `log_name`.

        Raises:
            UnknownNameError: there is no such function.
            InvalidArgumentsError: the arguments are invalid; the message lists all mistakes.
        """

    def plan(self, bound_call: Any) -> list[PlannedCall]:
        """Return the requests that a call would send."""

    def empty(self, bound_call: Any) -> Reply:
        """Return an empty answer for a call that is not made."""

    def begin(self, bound_call: Any, handle: CallHandle) -> None:
        """Make a call in another thread, and pass its answer or error to the handle unless it is cancelled."""


class SessionServers:
    """The access of a session to MCP servers.

    Parameters:
        refusal: the error message if the session has no access; empty if it has.
        is_cancelled: returns whether the current run was cancelled.
    """

    def __init__(self, refusal: str, is_cancelled: Callable[[], bool]) -> None:
        self._refusal, self._is_cancelled = refusal, is_cancelled
        self._servers: Servers | None = None

    def get(self) -> Servers:
        """Return the servers, without starting one.

        Raises:
            SettingsError: this session has no access to MCP servers.
        """
        if self._refusal:
            raise SettingsError(self._refusal)
        if self._servers is None:
            from kosmo_kernel.mcp import Servers

            self._servers = Servers()
        return self._servers

    def tools(
        self, ask: Callable[[str], str | None], say: Callable[[str], None], *, force: bool, dry_run: bool
    ) -> McpTools:
        """Return the access of one run to the servers.

        Parameters:
            ask: shows a question to the user and returns the answer, or None if there is no user to ask.
            say: callback for a line of text for the user.
            force: call tools that may change something without asking.
            dry_run: start no servers and call no tools.

        Raises:
            SettingsError: this session has no access to MCP servers.
        """
        from kosmo_kernel.mcp.consent import ToolConsent
        from kosmo_kernel.mcp.run_tools import McpTools

        consent = ToolConsent(ask, needed=not (force or dry_run))
        return McpTools(self.get(), consent, self._is_cancelled, say, dry_run=dry_run)

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets of the servers, to redact from every text."""
        return self._servers.secrets() if self._servers else ()

    def close(self) -> None:
        """Stop the servers."""
        if self._servers:
            self._servers.close()

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]] | None:
        """Return the names that can follow a chain of names below `app.mcp`, like `Session.names`; None for others.

        Nothing is started.
        """
        if tuple(chain[:2]) != ("app", SPACE):
            return None
        try:
            servers = self.get()
            match chain[2:]:
                case []:
                    return sorted((lua_name, "table") for lua_name in servers.usable().values())
                case [server]:
                    return sorted((tool.lua, "function") for tool in servers.known(servers.find(str(server)).name))
        except KosmoError:
            return []  # no errors during completion
        return []
