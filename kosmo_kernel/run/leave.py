"""Leave to make a call: what the permissions say of it, and what a person says where they say to ask.

A person is asked once in a run about a function and an account, however many calls of it there are; the answer is not
kept beyond the run. Everything is read when a run first wants to know it, so that a run has one set of rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmo_kernel.accounts import spelled
from kosmo_kernel.errors import NotAllowedError
from kosmo_kernel.permissions import how_to_allow, how_to_allow_tool, permission, tool_permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmo_kernel.calls import Order
    from kosmo_kernel.permissions import Permission
    from kosmo_kernel.result import Result
    from kosmo_kernel.run.tools import ToolOrder

YES = ("y", "yes")
NO = ("n", "no", "")


class Leave:
    """What one run may do.

    Parameters:
        result: of the run, where it is noted when the permissions were passed over.
        ask: puts a question to a person and gives the answer; None where there is nobody.
        force: nothing is asked about or denied.
        dry_run: nothing is sent, so nobody is asked; what is denied is denied all the same.
    """

    def __init__(
        self, result: Result, ask: Callable[[str], str | None], *, force: bool = False, dry_run: bool = False
    ) -> None:
        self._result, self._ask = result, ask
        self._force, self._dry_run = force, dry_run
        self._found: dict[tuple[str, str, str], Permission] = {}
        self._answers: dict[tuple[str, str], bool | None] = {}

    def check(self, order: Order) -> None:
        """See whether a call may be made. Its arguments were checked, and nothing was sent.

        Raises:
            NotAllowedError: it may not.
            SettingsError, UnknownNameError: a mistake in a file with permissions.
            KeyboardInterrupt: while a person was asked.
        """
        integration, effect, alias = order.integration.name, order.function.effect, spelled(order.alias)
        key = (integration, alias, effect)
        if key not in self._found:
            self._found[key] = permission(integration, alias, effect)
        found = self._found[key]
        if found.policy == "allow":
            return
        if self._force:
            self._result.permission_bypassed = True
        elif found.policy == "deny":
            self._refuse(order, found, f"{self._said(effect, 'deny', found)}. Nothing was sent.")
        elif not self._dry_run:
            self._asked_about(order, found)

    def check_tool(self, order: ToolOrder) -> None:
        """See whether a tool of an MCP server may be called; as `check`."""
        server, effect = order.server.name, order.effect
        key, about = ("mcp", server, effect), (order.function, server)
        if key not in self._found:
            self._found[key] = tool_permission(server, effect)
        found = self._found[key]
        if found.policy == "allow":
            return
        if self._force:
            self._result.permission_bypassed = True
            return
        said = f"{effect}s of this server are {found.policy_in_words} ({found.place or 'unless you allow them'})"
        if found.policy == "ask":
            if self._dry_run:
                return
            if about not in self._answers:
                arguments = ", ".join(f"{name} = {value}" for name, value in order.arguments.items())
                with_ = f" ({arguments})" if arguments else ""
                verb = "may change something with" if effect == "write" else "reads from"
                self._answers[about] = self._says_yes(f"{order.function}{with_} {verb} the MCP server {server}.")
            if self._answers[about]:
                return
            said += ", and there is nobody to ask here" if self._answers[about] is None else ", and the answer was no"
        raise NotAllowedError(
            f"{order.function}: {said}. Nothing was sent. {how_to_allow_tool(server, effect)}",
            function=order.function,
            account=f"mcp.{server}",
            operation=effect,
            permission=found.policy,
        )

    def _asked_about(self, order: Order, found: Permission) -> None:
        about = (f"{order.integration.name}.{order.function.name}", spelled(order.alias))
        if about not in self._answers:
            self._answers[about] = self._answer(order)
        answer = self._answers[about]
        if answer:
            return
        said = self._said(order.function.effect, "ask", found)
        if answer is None:
            said += ", and there is nobody to ask here"
        else:
            said += ", and the answer was no"
        self._refuse(order, found, f"{said}. Nothing was sent.")

    def _answer(self, order: Order) -> bool | None:
        """What a person says; None where there is nobody, or nobody who answers yes or no."""
        function, arguments = order.function, ", ".join(f"{k} = {v}" for k, v in order.calls[0].items())
        with_ = f" ({arguments}{', and so on' if len(order.calls) > 1 else ''})" if arguments else ""
        verb = "changes something at" if function.effect == "write" else "reads from"
        name = f"{order.integration.name}.{function.name}"
        return self._says_yes(f"{name}{with_} {verb} {order.integration.title}, account {order.alias}.")

    def _says_yes(self, what: str) -> bool | None:
        """Whether a person agrees to something; None where there is nobody, or nobody who answers yes or no."""
        for _ in range(3):
            told = self._ask(f"{what} Go on, for all of this run? [y/N] ")
            if told is None:
                return None
            if (word := told.strip().lower()) in (*YES, *NO):
                return word in YES
        return False

    @staticmethod
    def _said(effect: str, policy: str, found: Permission) -> str:
        """What the permissions say, in words."""
        where = f'{effect} = "{policy}" in {found.place}' if found.place else "unless you allow them"
        return f"{effect}s of this account are {found.policy_in_words} ({where})"

    def _refuse(self, order: Order, found: Permission, why: str) -> None:
        name, effect = f"{order.integration.name}.{order.function.name}", order.function.effect
        alias = spelled(order.alias)
        raise NotAllowedError(
            f"{name} (account {order.alias}): {why} {how_to_allow(order.integration.name, alias, effect, found)}",
            function=name,
            account=order.alias,
            operation=effect,
            permission=found.policy,
        )
