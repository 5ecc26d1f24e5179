"""Make the error of a failed run of Lua, with the place in the script where it was raised."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from kosmo_kernel.errors import KosmoError, LimitError, LuaRuntimeError, LuaSyntaxError, StoppedError
from kosmo_kernel.settings.limits import Limits

HOST_CPU = "host_cpu_limit"  # the limit on the processor time that a run uses in the parent process
MAX_MESSAGE = 64 << 10  # characters of an error message or of a name in a stack; Lua cuts them at 20,000 bytes
MAX_FRAMES = 1_000  # frames of a stack


class Failure(Exception):  # noqa: N818 - it carries the error that users see
    """A run that failed, as the child reports it."""

    def __init__(
        self, error: KosmoError, cause: int = 0, chunk: str = "", line: int | None = None, stack: Sequence[Frame] = ()
    ) -> None:
        super().__init__(error)
        self.error = error  # the error that users see
        self.cause = cause  # the number from `LuaRun.failed` if the run failed with the error of a request; 0 if not
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
