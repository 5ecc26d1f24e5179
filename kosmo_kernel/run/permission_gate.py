"""Check whether a call is allowed by the permissions, and ask the user for confirmation if they require it.

The user confirms once per run for each function and account; the answer is not kept after the run. A tool of an MCP
server that may pass on its arguments is a way out for the account's data, and so are the URI of a resource and the
arguments of a prompt. They are confirmed as well, once per session, unless the user's own settings allow them. Where
nobody can be asked, as in CI, a call is refused, except one case: by adding a server, the user agreed to its read-only
tools, for scripts that they run themselves. This does not hold for the servers of a project, nor for an agent, which
could be led to pass on data.

Permissions are read at their first use and cached, so that they do not change during a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kosmo_kernel.errors import NotAllowedError
from kosmo_kernel.results.result import Result
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.permissions import Permission, Target, how_to_allow, permission

if TYPE_CHECKING:
    from kosmo_kernel.run.provider import BoundCall

Answers = dict[tuple[str, Target], bool]
"""The user's answers by function and account or server: True for an agreement."""

YES = ("y", "yes")
NO = ("n", "no", "")
WAY_OUT = "may pass on what it is given to others"


class PermissionGate:
    """The permission checks of one run.

    Parameters:
        result: the run's result, whose `permission_bypassed` is set if `force` overrides a permission.
        ask: shows a prompt to the user and returns the answer, or None if there is no user to ask.
        force: allow every call.
        sends: whether requests are sent; without, calls are not confirmed, but still denied if the permissions say so.
        session_answers: the user's answers for all of the session, to which this run adds.
        of_agent: an agent chose the script.
    """

    def __init__(
        self,
        result: Result,
        ask: Callable[[str], str | None],
        *,
        force: bool = False,
        sends: bool = True,
        session_answers: Answers | None = None,
        of_agent: bool = False,
    ) -> None:
        self._result, self._ask = result, ask
        self._force, self._sends, self._of_agent = force, sends, of_agent
        self._permissions: dict[tuple[Target, str], Permission] = {}
        self._answers: dict[tuple[str, Target], bool | None] = {}
        self._session_answers: Answers = {} if session_answers is None else session_answers

    def check(self, call: BoundCall) -> None:
        """Check that a call is allowed, after its arguments were checked and before anything is sent.

        Raises:
            NotAllowedError: it is not allowed.
            SettingsError, UnknownNameError: a file with permissions is invalid.
            KeyboardInterrupt: the user interrupted the confirmation prompt.
        """
        if not call.count:
            return  # the list argument is empty, so nothing is sent
        key = call.target, call.effect
        rule = self._permissions.get(key)
        if rule is None:
            rule = self._permissions[key] = permission(*key)
        if rule.policy == "allow" and (rule.location or not call.open_world):
            return  # the usual case: formatting the question below takes as long as checking the arguments
        why = self._why_not(rule, call)
        if why is not None:
            raise NotAllowedError(
                f"{call.title}: {_rule_text(call, rule)}{why}. Nothing was sent. {how_to_allow(*key, rule)}",
                function=call.name,
                account=call.account,
                operation=call.effect,
                permission="ask" if rule.policy == "allow" else rule.policy,
            )

    def _why_not(self, rule: Permission, call: BoundCall) -> str | None:
        """Return why a call is not allowed, as the end of a sentence about the permission; None if it is allowed."""
        if self._force:
            self._result.permission_bypassed = True
            return None
        if rule.policy == "deny":
            return ""
        if not self._sends:
            return None
        confirmed = call.name, call.target
        if confirmed not in self._answers:
            self._answers[confirmed] = self._answer(call, confirmed, for_session=rule.policy == "allow")
        agrees = self._answers[confirmed]
        if agrees is None and rule.policy == "allow" and call.is_own_read and not self._of_agent:
            return None
        if agrees is None:
            return ", and there is nobody to ask here"
        return None if agrees else ", and the answer was no"

    def _answer(self, call: BoundCall, confirmed: tuple[str, Target], *, for_session: bool) -> bool | None:
        """Return the user's answer about a call, of this session if they gave one; None if nobody can be asked."""
        if not for_session:
            return self._confirm(f"{_call_text(call)} {call.purpose}. Go on, for all of this run? [y/N] ")
        answer = self._session_answers.get(confirmed)
        if answer is None:
            question = f"{_call_text(call)} {call.purpose}, and {WAY_OUT}. Go on, for all of this session? [y/N] "
            answer = self._confirm(question)
        if answer is not None:
            self._session_answers[confirmed] = answer
        return answer

    def _confirm(self, question: str) -> bool | None:
        """Return whether the user agrees; None if there is no user to ask. Three unclear answers count as no."""
        for _ in range(3):
            answer = self._ask(question)
            if answer is None:
                return None
            if (word := answer.strip().lower()) in (*YES, *NO):
                return word in YES
        return False


def _call_text(call: BoundCall) -> str:
    """Format a call for the prompt; a server names its tools and the script gives the arguments: one line each."""
    name = one_line(call.name)
    text = ", ".join(one_line(f"{key} = {value}") for key, value in call.arguments.items())
    return f"{name} ({text}{', and so on' if call.count > 1 else ''})" if text else name


def _rule_text(call: BoundCall, rule: Permission) -> str:
    """Describe a permission in words."""
    if rule.policy == "allow":
        return f"this call {WAY_OUT}, so it is asked about once in a session"
    where = f'{call.effect} = "{rule.policy}" in {rule.location}' if rule.location else "unless you allow them"
    return f"{call.effect}s of this {call.target.kind} are {rule.policy_in_words} ({where})"
