"""Who answers a script's questions, and how a run ends: the words that the machine and its user share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel.errors import KosmoError, LimitError, StoppedError

if TYPE_CHECKING:
    from kosmo_kernel.limits import Limits


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call that a script makes: the function's full name, the account named in the path, the arguments."""

    path: str
    account: str | None
    named: dict[str, Any] | None
    positional: list[Any]
    line: int | None


class Host(Protocol):
    """Who answers what a script asks. Whatever these raise as a KosmoError becomes an error in Lua."""

    def call(self, request: CallRequest) -> list[Any]:
        """Make a call; the values it returns to Lua."""

    def space(self, integration: str | None, key: str) -> str:
        """The account that `key` names in an integration's namespace."""

    def docs(self, verb: str, page: str) -> str:
        """A page of the reference: `read`, `list` or `search`."""

    def output(self, stream: str, text: str) -> None:
        """The script printed."""

    def failed(self, error: KosmoError) -> None:
        """One of the answers was this error; the script may catch it or end in it."""

    def input(self, form: str) -> str | None:
        """What `io.read` gets: `l`, `L` or `a`; None at the end."""


@dataclass(slots=True)
class Outcome:
    """How a run ended well: what it returned, whether the value is to be hidden, bytes of Lua heap."""

    values: list[Any]
    hidden: bool
    memory: int


@dataclass(slots=True)
class Failure(Exception):  # noqa: N818 - the error is what it carries
    """How a run ended badly, as the child tells it. `error` is for people; `stack` is innermost first."""

    error: KosmoError
    facts: dict[str, Any] | None = None
    line: int | None = None
    stack: list[dict[str, Any]] = field(default_factory=list)


def stopped(why: str, limits: Limits, addition: str = "") -> KosmoError:
    """The error for a run that was ended before its time."""
    if why == "interrupted":
        return StoppedError(f"Interrupted.{addition}")
    used = {
        "cpu_limit": f"more than {limits.cpu:g} s of its own running time (cpu_limit)",
        "memory_limit": f"more than {limits.memory:,} bytes of memory (memory_limit)",
        "call_limit": f"more than {limits.calls:,} calls (call_limit)",
        "timeout": f"more than {limits.timeout or 0:g} s (timeout)",
    }[why]
    return LimitError(f"The script used {used}.{addition}", limit=why)
