"""The interface of what makes calls: the services of the catalogue (`services.py`), and MCP servers (`mcp_tools.py`).

Everything that is the same for all calls (permissions, log, dry run, progress, notes) uses only this interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from kosmo_kernel.client.call import CallHandle, PlannedCall, Reply
from kosmo_kernel.lua.host import CallRequest
from kosmo_kernel.settings.permissions import Target

SPACE = "mcp"  # the name of MCP servers below `app` in Lua, and the first part of the full names of tools
FICTION = "Fictional data: the account in use is the demo."


class BoundCall(Protocol):
    """A call with checked arguments."""

    @property
    def name(self) -> str:
        """The full name of the function in questions and errors."""

    @property
    def title(self) -> str:
        """The name of the call at the start of an error."""

    @property
    def path(self) -> str:
        """The name of the function in the log."""

    @property
    def account(self) -> str:
        """The account in the log."""

    @property
    def count(self) -> int:
        """The number of calls that it counts as."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments that the question to the user shows."""

    @property
    def notice(self) -> str:
        """The note for the user, once in a run with such a call; empty for nothing."""

    @property
    def remote(self) -> bool:
        """Return whether it is sent over the network."""

    @property
    def effect(self) -> str:
        """Return `read` or `write`, its effect on the service."""

    @property
    def open_world(self) -> bool:
        """Return whether its arguments may reach others than its service, so that it is a way out for data."""

    @property
    def is_own_read(self) -> bool:
        """Return whether it is read-only, of a server that the user added: such a call needs nobody to be asked."""

    @property
    def purpose(self) -> str:
        """Describe the call as the end of a sentence in the question to the user."""

    @property
    def target(self) -> Target:
        """The account or the server whose permissions apply."""


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
