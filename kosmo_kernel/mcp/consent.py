"""A call of an MCP server's tool, and the user's consent to it.

A tool that its server declares as read-only needs none. Any other may change something, so the user is asked, once per
run for each tool, and the answer is not kept after the run. Where nobody can be asked, as in CI, the call is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kosmo_kernel.client.call import SPACE
from kosmo_kernel.errors import NotAllowedError
from kosmo_kernel.safety.redaction import one_line

if TYPE_CHECKING:
    from kosmo_kernel.mcp import Server, Tool

YES = ("y", "yes")
NO = ("n", "no", "")
MAX_TRIES = 3  # questions until an unclear answer counts as no


class ToolCall(Struct, frozen=True):
    """A call of a tool."""

    server: Server
    name: str  # the tool's full name, which contains its server
    arguments: dict[str, Any]  # what is sent
    tool: Tool | None = None  # the tool; None in a dry run if it is not known

    count = 1
    remote = True
    notice = ""

    @property
    def title(self) -> str:
        """The name at the start of an error."""
        return self.name

    path = title  # in the log

    @property
    def account(self) -> str:
        """The server in the log."""
        return f"{SPACE}.{self.server.name}"

    @property
    def effect(self) -> str:
        """`read` or `write`."""
        return self.tool.effect if self.tool else "write"


class ToolConsent:
    """The consent to the calls of one run.

    Parameters:
        ask: shows a question to the user and returns the answer, or None if there is no user to ask.
        needed: whether consent is needed; with `--force`, and where nothing is sent, it is not.
    """

    def __init__(self, ask: Callable[[str], str | None], *, needed: bool = True) -> None:
        self._ask, self._needed = ask, needed
        self._answers: dict[str, bool | None] = {}

    def check(self, call: ToolCall) -> None:
        """Check that a call is allowed, before anything is sent.

        Raises:
            NotAllowedError: the user does not agree to it, or cannot be asked.
            KeyboardInterrupt: the user interrupted the question.
        """
        if call.effect == "read" or not self._needed:
            return
        if call.name not in self._answers:
            self._answers[call.name] = self._confirm(_question(call))
        agrees = self._answers[call.name]
        if agrees:
            return
        reason = "there is nobody to ask here" if agrees is None else "the answer was no"
        raise NotAllowedError(
            f"{call.title}: its server does not say that it only reads, so you are asked first, and {reason}. Nothing "
            "was sent. `--force` allows such tools for one run of a command.",
            function=call.name,
            account=call.account,
        )

    def _confirm(self, question: str) -> bool | None:
        """Return whether the user agrees; None if there is no user to ask."""
        for _ in range(MAX_TRIES):
            answer = self._ask(question)
            if answer is None:
                return None
            if (word := answer.strip().lower()) in (*YES, *NO):
                return word in YES
        return False


def _question(call: ToolCall) -> str:
    """Return the question about a call; a server names its tools and the script gives the arguments: one line each."""
    text = ", ".join(one_line(f"{key} = {value}") for key, value in call.arguments.items())
    name = f"{one_line(call.name)} ({text})" if text else one_line(call.name)
    server = one_line(call.server.name)
    return f"{name} may change something with the MCP server {server}. Go on, for all of this run? [y/N] "
