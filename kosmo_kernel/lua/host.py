"""Who answers a script's questions, and how a run ends: the words that the machine and its user share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel.display import FORMS, VALUES
from kosmo_kernel.errors import KosmoError, LimitError, LuaProcessError, LuaRuntimeError, LuaSyntaxError, StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kosmo_kernel.limits import Limits
    from kosmo_kernel.lua.values import Handles

GONE = "Lua's variables are gone; run what set them again."


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call that a script makes: the function's full name, the account named in the path, the arguments."""

    path: str
    account: str | None
    named: dict[str, Any] | None
    positional: list[Any]
    line: int | None


@dataclass(frozen=True, slots=True)
class DisplayRequest:
    """Something that a script shows: its form, one of `display.FORMS`, what it is, and where it goes."""

    form: str
    given: Any
    id: str
    update: bool
    wait: bool


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

    def display(self, request: DisplayRequest) -> None:
        """The script showed something beside what it printed."""

    def redact(self, text: str) -> str:
        """A text without tokens."""

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
    stack: list[Frame] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frame:
    """One call on the way to an error: the chunk, the line in it, and what was called."""

    chunk: str
    line: int
    name: str


@contextmanager
def heard() -> Iterator[None]:
    """Reading what the child said: whatever makes no sense of it is the child's fault, and its end."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        raise LuaProcessError(f"The Lua process sent a message that makes no sense, and was ended: {GONE}") from error


MEANWHILE = {"output", "display"}  # what a child says that wants no answer


def meanwhile(header: dict[str, Any], blobs: list[bytes], handles: Handles) -> Callable[[Host], None]:
    """What the host is to do about a message that wants no answer.

    Raises:
        KeyError, IndexError, TypeError, ValueError: the message makes no sense.
    """
    if header["kind"] == "output":
        stream, text = str(header["stream"]), blobs[0].decode(errors="replace")
        return lambda host: host.output(stream, text)
    form = str(header["form"])
    if form not in FORMS or ("value" in header) != (form in VALUES):
        raise ValueError(f"the message shows something as {form!r}")
    given = handles.value(header["value"], blobs) if "value" in header else b"".join(blobs)
    request = DisplayRequest(
        form, given, str(header.get("id", "")), bool(header.get("update")), bool(header.get("wait"))
    )
    return lambda host: host.display(request)


def told(reply: dict[str, Any], limits: Limits, addition: str) -> Failure:
    """The failure that a child's reply tells of.

    Raises:
        KeyError, TypeError, ValueError: the reply makes no sense.
    """
    message = str(reply.get("message", ""))
    stack = [Frame(str(one["chunk"]), int(one["line"]), str(one["name"])) for one in reply.get("stack", ())]
    line = reply.get("line")
    if reply["type"] == "lua_syntax":
        error = LuaSyntaxError(message)
        error.incomplete = bool(reply.get("incomplete"))
        return Failure(error)
    if reply["type"] == "lua_runtime":
        facts = reply.get("facts")
        return Failure(LuaRuntimeError(message), facts if isinstance(facts, dict) else None, None, stack)
    return Failure(stopped(reply["type"], limits, addition), None, None if line is None else int(line), stack)


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
