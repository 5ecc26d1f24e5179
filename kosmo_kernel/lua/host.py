"""Who answers a script's questions, and how a run ends: the words that the machine and its user share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Protocol

from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import KosmoError, LimitError, LuaProcessError, LuaRuntimeError, LuaSyntaxError, StoppedError
from kosmo_kernel.settings.limits import Limits

# What a script may ask of MCP servers besides calls.
SERVER_QUESTIONS = frozenset(
    {"usable", "server", "known", "servers", "tools", "schema", "resources", "read_resource", "prompts", "get_prompt"}
)
HOST_CPU = "host_cpu_limit"  # the processor time that a run costs outside of Lua's process
MAX_MESSAGE = 64 << 10  # characters of an error's message, or of a name in its stack; Lua cuts them at 20,000 bytes
MAX_FRAMES = 1_000  # of a stack
VARIABLES_LOST = "Lua's variables are gone; run what set them again."


class CallRequest(NamedTuple):
    """A call that a script makes: the function's full name, the account named in the path, the arguments."""

    path: str
    account: str | None
    named: dict[str, Any] | None
    positional: list[Any]
    line: int | None


class Prepared(NamedTuple):
    """A call whose arguments were checked.

    Parameters:
        calls: how many calls it counts as; an item of a list argument is one.
        begin: makes it. Its answer will be one of `Host.answers`, under the number given here: 0 for a call that the
            script itself waits for, a new one for each call of an item of `parallel.map`.
    """

    calls: int
    begin: Callable[[int], None]


class DisplayRequest(NamedTuple):
    """Something that a script shows: its form, one of `display.FORMS`, what it is, where it goes, and how it came.

    `size` is in bytes; a value takes several times as much in Python. What the parent had already takes none.
    """

    form: str
    given: Any
    id: str
    update: bool
    wait: bool
    size: int


class Host(Protocol):
    """Who answers what a script asks. Whatever these raise as a KosmoError becomes an error in Lua."""

    def prepare(self, request: CallRequest) -> Prepared:
        """Check a call. Nothing is sent."""

    def answers(self, seconds: float) -> Iterable[tuple[int, list[Any] | KosmoError]]:
        """What was answered of what was begun: numbers, and the values for Lua or what went wrong.

        Waits for at most so many seconds when there is nothing yet.
        """

    def items(self, coming: int, done: int) -> None:
        """Of lists of the script's so many items more are begun, and so many done; their calls follow."""

    def drop(self, number: int) -> None:
        """Nobody waits for this answer any more."""

    def failures(self, count: int, of: int, rows: list[dict[str, Any]]) -> None:
        """So many items of a list of the script's failed and were collected; what is known of the first few."""

    def space(self, integration: str, key: str) -> str:
        """The account that `key` names in an integration's namespace."""

    def integration(self, name: str) -> tuple[dict[str, Any], Mapping[str, Function]]:
        """An integration that Lua did not begin with: its part of `surface.surface`, its functions by full name."""

    def docs(self, verb: str, page: str) -> str:
        """A page of the reference: `read`, `list` or `search`."""

    def mcp(self, verb: str, asked: Mapping[str, Any]) -> list[Any]:
        """What a script asks of MCP servers besides calls: one of `SERVER_QUESTIONS`, and of what."""

    def output(self, stream: str, text: str) -> None:
        """The script printed."""

    def display(self, request: DisplayRequest) -> None:
        """The script showed something beside what it printed."""

    def redact(self, text: str) -> str:
        """A text without tokens."""

    def failed(self, error: KosmoError) -> None:
        """One of the answers was this error; the script may catch it or end in it."""

    def output_of(self, number: int) -> Any:
        """What the cell with this number gave; None where nothing is known of it."""

    def output_numbers(self) -> list[int]:
        """The numbers of the cells whose values are kept, in order."""

    def joins(self, chunk: str, first: int, last: int) -> bool:
        """Return whether a chunk joins the lines from one to another with `..`, so that they are one expression."""

    def orders(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """In which order the script's text names keys: all of them, and those of each table that it writes out."""

    def input(self, form: str) -> str | None:
        """What `io.read` gets: `l`, `L` or `a`; None at the end."""


@dataclass(slots=True)
class Outcome:
    """How a run ended well: what it returned, whether the value is to be hidden, bytes of Lua heap.

    `outputs` has the variables that were asked for and are set, by name; `size` is an estimate of the bytes that the
    first value takes in this process.
    """

    values: list[Any]
    hidden: bool
    memory: int
    outputs: dict[str, Any] = field(default_factory=dict)
    size: int = 0


@dataclass(slots=True)
class Failure(Exception):  # noqa: N818 - the error is what it carries
    """How a run ended badly, as the child tells it. `error` is for people; `stack` is innermost first."""

    error: KosmoError
    facts: dict[str, Any] | None = None
    line: int | None = None
    stack: list[Frame] = field(default_factory=list)


class Frame(NamedTuple):
    """One call on the way to an error: the chunk, the line in it, and what was called."""

    chunk: str
    line: int
    name: str


class guard_child_message:  # noqa: N801 - it is used like a word
    """Reading what the child said: whatever makes no sense of it is the child's fault, and its end."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if kind is not None and issubclass(kind, _NO_SENSE):
            raise LuaProcessError(
                f"The Lua process sent a message that makes no sense, and was ended: {VARIABLES_LOST}"
            ) from error


_NO_SENSE = (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)


def failure_from_reply(reply: dict[str, Any], limits: Limits, addition: str) -> Failure:
    """The failure that a child's reply tells of.

    Raises:
        KeyError, TypeError, ValueError: the reply makes no sense.
    """
    message = str(reply.get("message", ""))[:MAX_MESSAGE]
    stack = [
        Frame(str(one["chunk"])[:MAX_MESSAGE], int(one["line"]), str(one["name"])[:MAX_MESSAGE])
        for one in islice(reply.get("stack", ()), MAX_FRAMES)
    ]
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
        HOST_CPU: f"more than {limits.host_cpu:g} s of processor time outside Lua, for what it asked ({HOST_CPU})",
        "timeout": f"more than {limits.timeout or 0:g} s (timeout)",
    }[why]
    return LimitError(f"The script used {used}.{addition}", limit=why)
