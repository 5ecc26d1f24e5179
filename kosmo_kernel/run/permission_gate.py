"""Leave to make a call: what the permissions say of it, and what a person says where they say to ask.

A person is asked once in a run about a function and an account, however many calls of it there are; the answer is not
kept beyond the run. Everything is read when a run first wants to know it, so that a run has one set of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import NotAllowedError
from kosmo_kernel.results.result import Result
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.settings.permissions import Permission, how_to_allow, how_to_allow_tool, permission, tool_permission

if TYPE_CHECKING:
    from kosmo_kernel.client.dispatcher import BoundCall
    from kosmo_kernel.run.mcp_tools import BoundToolCall

YES = ("y", "yes")
NO = ("n", "no", "")


class PermissionGate:
    """What one run may do.

    Parameters:
        result: of the run, where it is noted when the permissions were passed over.
        ask: puts a question to a person and gives the answer; None where there is nobody.
        force: nothing is asked about or denied.
        sends: whether anything is sent; where not, nobody is asked, and what is denied is denied all the same.
    """

    def __init__(
        self, result: Result, ask: Callable[[str], str | None], *, force: bool = False, sends: bool = True
    ) -> None:
        self._result, self._ask = result, ask
        self._force, self._sends = force, sends
        self._found: dict[tuple[str, str, str], Permission] = {}
        self._answers: dict[tuple[str, str], bool | None] = {}

    def check(self, order: BoundCall) -> None:
        """See whether a call may be made. Its arguments were checked, and nothing was sent.

        Raises:
            NotAllowedError: it may not.
            SettingsError, UnknownNameError: a mistake in a file with permissions.
            KeyboardInterrupt: while a person was asked.
        """
        if not order.calls:
            return  # an empty list of apps: nothing is asked for
        integration, function = order.integration, order.function
        name, alias, effect = f"{integration.name}.{function.name}", normalize_alias(order.alias), function.effect
        found = self._held((integration.name, alias, effect), permission)
        verb = "changes something at" if effect == "write" else "reads from"
        call = _called(name, order.calls[0], more=len(order.calls) > 1)
        why = self._why_not(found, (name, alias), f"{call} {verb} {integration.title}, account {order.alias}.")
        if why is not None:
            raise NotAllowedError(
                f"{name} (account {order.alias}): {_said(effect, 'account', found)}{why}. Nothing was sent. "
                f"{how_to_allow(integration.name, alias, effect, found)}",
                function=name,
                account=order.alias,
                operation=effect,
                permission=found.policy,
            )

    def check_tool(self, order: BoundToolCall) -> None:
        """See whether a tool of an MCP server may be called; as `check`."""
        name, server, effect = order.function, order.server.name, order.effect
        found = self._held(("mcp", server, effect), lambda _, server, effect: tool_permission(server, effect))
        if found.policy == "allow":
            return  # as most calls are: to word the question takes as long as to check what they are given
        verb = "may change something with" if effect == "write" else "reads from"
        call = _called(name, order.arguments)
        why = self._why_not(found, (name, server), f"{call} {verb} the MCP server {server}.")
        if why is not None:
            raise NotAllowedError(
                f"{name}: {_said(effect, 'server', found)}{why}. Nothing was sent. "
                f"{how_to_allow_tool(server, effect, found)}",
                function=name,
                account=f"mcp.{server}",
                operation=effect,
                permission=found.policy,
            )

    def _held(self, key: tuple[str, str, str], read: Callable[[str, str, str], Permission]) -> Permission:
        """What holds in this run; read when it is first wanted."""
        if key not in self._found:
            self._found[key] = read(*key)
        return self._found[key]

    def _why_not(self, found: Permission, about: tuple[str, str], what: str) -> str | None:
        """Why a call may not be made, besides what the permissions say; None where it may.

        Parameters:
            found: the permission.
            about: the function and whose it is, which a person is asked about once.
            what: the call, in a sentence for that person.
        """
        if found.policy == "allow":
            return None
        if self._force:
            self._result.permission_bypassed = True
            return None
        if found.policy == "deny":
            return ""
        if not self._sends:
            return None
        if about not in self._answers:
            self._answers[about] = self._says_yes(what)
        if self._answers[about] is None:
            return ", and there is nobody to ask here"
        return None if self._answers[about] else ", and the answer was no"

    def _says_yes(self, what: str) -> bool | None:
        """Whether a person agrees to something; None where there is nobody, or nobody who answers yes or no."""
        for _ in range(3):
            told = self._ask(f"{what} Go on, for all of this run? [y/N] ")
            if told is None:
                return None
            if (word := told.strip().lower()) in (*YES, *NO):
                return word in YES
        return False


def _called(name: str, arguments: Mapping[str, Any], *, more: bool = False) -> str:
    """A call as a person is asked about it: its arguments are the script's, and so is whatever they look like."""
    given = ", ".join(one_line(f"{key} = {value}") for key, value in arguments.items())
    return f"{name} ({given}{', and so on' if more else ''})" if given else name


def _said(effect: str, whose: str, found: Permission) -> str:
    """What the permissions say, in words."""
    where = f'{effect} = "{found.policy}" in {found.place}' if found.place else "unless you allow them"
    return f"{effect}s of this {whose} are {found.policy_in_words} ({where})"
