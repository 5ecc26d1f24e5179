"""Check whether a call is allowed by the permissions, and ask the user for confirmation if they require it.

The user confirms once per run for each function and account; the answer is not kept after the run. Permissions are read
at their first use and cached, so that they do not change during a run.
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
    """The permission checks of one run.

    Parameters:
        result: the run's result, whose `permission_bypassed` is set if `force` overrides a permission.
        ask: shows a prompt to the user and returns the answer, or None if there is no user to ask.
        force: allow every call.
        sends: whether requests are sent; without, calls are not confirmed, but still denied if the permissions say so.
    """

    def __init__(
        self, result: Result, ask: Callable[[str], str | None], *, force: bool = False, sends: bool = True
    ) -> None:
        self._result, self._ask = result, ask
        self._force, self._sends = force, sends
        self._permissions: dict[tuple[str, str, str], Permission] = {}
        self._answers: dict[tuple[str, str], bool | None] = {}

    def check(self, bound_call: BoundCall) -> None:
        """Check that a call is allowed, after its arguments were checked and before anything is sent.

        Raises:
            NotAllowedError: it is not allowed.
            SettingsError, UnknownNameError: a file with permissions is invalid.
            KeyboardInterrupt: the user interrupted the confirmation prompt.
        """
        if not bound_call.calls:
            return  # the list argument is empty, so nothing is sent
        integration, function = bound_call.integration, bound_call.function
        name, alias, effect = f"{integration.name}.{function.name}", normalize_alias(bound_call.alias), function.effect
        rule = self._permission((integration.name, alias, effect), permission)
        verb = "changes something at" if effect == "write" else "reads from"
        call = _call_text(name, bound_call.calls[0], more=len(bound_call.calls) > 1)
        why = self._why_not(rule, (name, alias), f"{call} {verb} {integration.title}, account {bound_call.alias}.")
        if why is not None:
            raise NotAllowedError(
                f"{name} (account {bound_call.alias}): {_rule_text(effect, 'account', rule)}{why}. Nothing was sent. "
                f"{how_to_allow(integration.name, alias, effect, rule)}",
                function=name,
                account=bound_call.alias,
                operation=effect,
                permission=rule.policy,
            )

    def check_tool(self, bound_call: BoundToolCall) -> None:
        """Check that a call of an MCP server's tool is allowed, like `check`."""
        name, server, effect = bound_call.function, bound_call.server.name, bound_call.effect
        rule = self._permission(("mcp", server, effect), lambda _, server, effect: tool_permission(server, effect))
        if rule.policy == "allow":
            return  # the usual case: formatting the prompt below takes as long as checking the arguments
        verb = "may change something with" if effect == "write" else "reads from"
        call = _call_text(name, bound_call.arguments)
        why = self._why_not(rule, (name, server), f"{call} {verb} the MCP server {server}.")
        if why is not None:
            raise NotAllowedError(
                f"{name}: {_rule_text(effect, 'server', rule)}{why}. Nothing was sent. "
                f"{how_to_allow_tool(server, effect, rule)}",
                function=name,
                account=f"mcp.{server}",
                operation=effect,
                permission=rule.policy,
            )

    def _permission(self, key: tuple[str, str, str], read: Callable[[str, str, str], Permission]) -> Permission:
        """Return a permission, which is read at its first use and cached for the run."""
        if key not in self._permissions:
            self._permissions[key] = read(*key)
        return self._permissions[key]

    def _why_not(self, rule: Permission, about: tuple[str, str], what: str) -> str | None:
        """Return why a call is not allowed, as the end of a sentence about the permission; None if it is allowed.

        Parameters:
            rule: the permission.
            about: the function and the account or server, for which the user confirms once.
            what: a sentence about the call for the prompt.
        """
        if rule.policy == "allow":
            return None
        if self._force:
            self._result.permission_bypassed = True
            return None
        if rule.policy == "deny":
            return ""
        if not self._sends:
            return None
        if about not in self._answers:
            self._answers[about] = self._confirm(what)
        if self._answers[about] is None:
            return ", and there is nobody to ask here"
        return None if self._answers[about] else ", and the answer was no"

    def _confirm(self, what: str) -> bool | None:
        """Return whether the user agrees; None if there is no user to ask. Three unclear answers count as no."""
        for _ in range(3):
            answer = self._ask(f"{what} Go on, for all of this run? [y/N] ")
            if answer is None:
                return None
            if (word := answer.strip().lower()) in (*YES, *NO):
                return word in YES
        return False


def _call_text(name: str, arguments: Mapping[str, Any], *, more: bool = False) -> str:
    """Format a call for the prompt; the arguments come from the script, so they are sanitized to one line each."""
    text = ", ".join(one_line(f"{key} = {value}") for key, value in arguments.items())
    return f"{name} ({text}{', and so on' if more else ''})" if text else name


def _rule_text(effect: str, owner: str, rule: Permission) -> str:
    """Describe a permission in words."""
    where = f'{effect} = "{rule.policy}" in {rule.place}' if rule.place else "unless you allow them"
    return f"{effect}s of this {owner} are {rule.policy_in_words} ({where})"
