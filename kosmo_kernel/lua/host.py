"""Types shared by the machine that runs Lua and the code that uses it.

`Host` is the interface through which a script's calls, output and lookups reach the rest of the program. `Outcome` and
`Failure` are the two ways in which a run ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec import Struct, field

from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import KosmoError, LimitError, LuaRuntimeError, LuaSyntaxError, StoppedError
from kosmo_kernel.settings.limits import Limits

if TYPE_CHECKING:
    from kosmo_kernel.client.call import CallRequest
    from kosmo_kernel.questions.question import Question
    from kosmo_kernel.render.display import DisplayRequest

# Requests about MCP servers that a script may make besides tool calls.
MCP_REQUESTS = frozenset({"usable", "server", "known", "servers", "tools", "schema"})
HOST_CPU = "host_cpu_limit"  # the limit on the processor time that a run uses in the parent process
MAX_MESSAGE = 64 << 10  # characters of an error message or of a name in a stack; Lua cuts them at 20,000 bytes
MAX_FRAMES = 1_000  # frames of a stack


class Prepared(Protocol):
    """A call whose arguments are valid."""

    @property
    def calls(self) -> int:
        """The number of calls that it counts as; each item of a list argument is one."""

    @property
    def begin(self) -> Callable[[int], None]:
        """Starts the call. `Host.answers` yields its result under the number passed here.

        The number is 0 for a call that the script itself waits for, and a new one for each call made in `parallel.map`.
        """


class CallHost(Protocol):
    """Makes the calls of a script."""

    def prepare(self, request: CallRequest) -> Prepared:
        """Check a call without sending anything."""

    def answers(self, seconds: float) -> Iterable[tuple[int, list[Any] | KosmoError]]:
        """Yield the number of each call that has finished, with its values for Lua or its error.

        Wait up to `seconds` when none has finished yet.
        """

    def items(self, coming: int, finished: int) -> None:
        """Report how many more items of the script's lists have been started and finished, before their calls."""

    def cancel(self, number: int) -> None:
        """Discard the result of this call, because the script no longer waits for it."""

    def failures(self, count: int, of: int, rows: list[dict[str, Any]]) -> None:
        """Report that `count` of the `of` items of a list failed; `rows` describes the first of them."""


class OutputHost(Protocol):
    """Shows what a script prints and displays, and reads its input."""

    def write(self, stream: str, text: str) -> None:
        """Write a text that the script printed."""

    def display(self, request: DisplayRequest) -> None:
        """Show rich output of the script."""

    def read(self, form: str) -> str | None:
        """Return what `io.read` reads in the format `l`, `L` or `a`, or None at the end of the input."""

    def unmatched(self, field: str, value: str, similar: str) -> None:
        """Report a test of `list.filter` or the like that matches nothing: `field` is never `value`, but `similar`."""

    def redact(self, text: str) -> str:
        """Return a text without tokens."""


class LookupHost(Protocol):
    """Answers a script's requests for anything but calls."""

    def record_types(self, full_name: str) -> dict[str, Any]:
        """Return the types of a function's records, and nothing for an unknown function."""

    def signatures(self, integration: str) -> dict[str, str]:
        """Return the signatures of an integration's functions by name."""

    def resolve_account(self, integration: str, key: str) -> str:
        """Return the account that `key` names in an integration's namespace."""

    def integration(self, name: str) -> tuple[dict[str, Any], Mapping[str, Function]]:
        """Return an integration that Lua did not start with: its part of `surface.surface`, and its functions."""

    def integrations(self) -> list[str]:
        """Return the names of all integrations, installed ones included."""

    def table(self, integration: str, name: str) -> Question:
        """Return a table of an integration."""

    def archive(self, file: str, taken_at: str) -> tuple[str, datetime]:
        """Open an archive, and return the account as which it answers, and the time of its data.

        Parameters:
            file: its path.
            taken_at: the beginning of the time of a snapshot; empty for the newest one.
        """

    def docs(self, verb: str, page: str) -> str:
        """Return a page of the reference; `verb` is `read`, `list` or `search`."""

    def mcp(self, verb: str, arguments: Mapping[str, Any]) -> list[Any]:
        """Return the result of a request about MCP servers; `verb` is one of `MCP_REQUESTS`."""

    def now(self) -> datetime:
        """Return the time of the data that the run reads."""

    def set_now(self, now: datetime) -> None:
        """Replace the time of the data for the session."""

    def output_of(self, number: int) -> Any:
        """Return the value of the cell with this number, or None if it is not kept."""

    def output_numbers(self) -> list[int]:
        """Return the numbers of the cells whose values are kept, in order."""


class ChunkHost(Protocol):
    """Knows the source text of chunks."""

    def concatenations(self, chunk: str, first: int, last: int) -> bool:
        """Return whether `..` joins the lines of a chunk from `first` to `last` into one expression."""

    def assigns(self, name: str) -> bool:
        """Return whether a chunk that ran in this session assigns a field of this name."""

    def key_orders(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Return the keys in the script's text, in order: all of them, and those of each table constructor."""


class Host(Protocol):
    """The interface that handles a script's requests. A KosmoError raised by a part becomes an error in Lua."""

    @property
    def calls(self) -> CallHost:
        """The calls."""

    @property
    def output(self) -> OutputHost:
        """The output and input."""

    @property
    def lookups(self) -> LookupHost:
        """The requests for anything else."""

    @property
    def chunks(self) -> ChunkHost:
        """The texts of chunks."""

    def failed(self, error: KosmoError) -> int:
        """Record that a request failed with this error, and return its number, 1 or more; the run may end with it."""


class Outcome(Struct):
    """The result of a run that succeeded."""

    values: list[Any]  # what it returned
    hidden: bool  # whether the value must not be shown
    memory: int  # bytes of the Lua heap
    outputs: dict[str, Any] = field(default_factory=dict)  # the requested variables that are set, by name
    size: int = 0  # an estimate of the bytes that the first value takes in this process


class Failure(Exception):  # noqa: N818 - it carries the error that users see
    """A run that failed, as the child reports it."""

    def __init__(
        self, error: KosmoError, cause: int = 0, chunk: str = "", line: int | None = None, stack: Sequence[Frame] = ()
    ) -> None:
        super().__init__(error)
        self.error = error  # the error that users see
        self.cause = cause  # the number from `Host.failed` if the run failed with the error of a request; 0 if not
        self.chunk, self.line = chunk, line  # the chunk in which it failed, empty if unknown, and its line, if known
        self.stack = stack  # the frames, innermost first


class Frame(NamedTuple):
    """A stack frame of an error: the chunk, its line, and the name of the function."""

    chunk: str
    line: int
    name: str


def failure_from_reply(reply: dict[str, Any], limits: Limits, addition: str) -> Failure:
    """Return the failure that a child's reply describes.

    Parameters:
        reply: the header of the child's message.
        limits: of the run.
        addition: a sentence to add to the error's message.

    Raises:
        KeyError, TypeError, ValueError: the reply is malformed.
    """
    message = str(reply.get("message", ""))[:MAX_MESSAGE]
    stack = [
        Frame(str(frame["chunk"])[:MAX_MESSAGE], int(frame["line"]), str(frame["name"])[:MAX_MESSAGE])
        for frame in islice(reply.get("stack", ()), MAX_FRAMES)
    ]
    chunk, line = str(reply.get("chunk", ""))[:MAX_MESSAGE], reply.get("line")
    error: KosmoError
    if reply["type"] == "lua_syntax":
        error = LuaSyntaxError(message, incomplete=bool(reply.get("incomplete")))
    elif reply["type"] == "lua_runtime":
        error = LuaRuntimeError(message)
    else:
        error = stopped(reply["type"], limits, addition)
    return Failure(error, int(reply.get("cause", 0)), chunk, None if line is None else int(line), stack)


def stopped(reason: str, limits: Limits, addition: str = "") -> KosmoError:
    """Return the error for a run that was stopped: `reason` is `interrupted` or the limit that it exceeded."""
    if reason == "interrupted":
        return StoppedError(f"Interrupted.{addition}")
    excess = {
        "cpu_limit": f"more than {limits.cpu:g} s of its own running time (cpu_limit)",
        "memory_limit": f"more than {limits.memory:,} bytes of memory (memory_limit)",
        "call_limit": f"more than {limits.calls:,} calls (call_limit)",
        HOST_CPU: f"more than {limits.host_cpu:g} s of processor time outside Lua, for what it asked ({HOST_CPU})",
        "timeout": f"more than {limits.timeout or 0:g} s (timeout)",
    }[reason]
    return LimitError(f"The script used {excess}.{addition}", limit=reason)
