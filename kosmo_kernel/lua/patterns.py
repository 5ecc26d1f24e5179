"""Match regular expressions for scripts in the reader, under a limit of time of their own.

The replies are checked and not trusted, because a pattern may attack the engine.
"""

from __future__ import annotations

from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, LimitError
from kosmo_kernel.reader.reading import HEADER_BYTES, PROCESS, TIME, read
from kosmo_kernel.reader.task import Allowance, Task
from kosmo_kernel.walls import wire

MAX_MATCH_SECONDS = 0.5  # seconds of CPU time for one request, including compiling the pattern
MAX_MEMORY_BYTES = 192 << 20  # needed for backtracking; replies use a quarter of it
MAX_ANSWER_BYTES = 16 << 20  # size of a reply; the engine stops at half of it
MAX_MESSAGE_LENGTH = 2000  # characters of an error message
FAILURE_KEYS = ("error", "limit")  # the keys of a reply that reports an error
MATCH = Task(
    "kosmo_kernel.lua.regex_engine:match",
    "the pattern",
    libraries=("regex",),
    seconds=MAX_MATCH_SECONDS,
    memory=MAX_MEMORY_BYTES,
    max_result=MAX_ANSWER_BYTES,
)


def matches(header: dict[str, Any], blobs: list[bytes], allowance: Allowance) -> tuple[dict[str, Any], list[bytes]]:
    """Match a pattern, and return the reply for Lua: `count`, `groups` and `names`, and the texts.

    Parameters:
        header, blobs: see `regex_engine.answer`.
        allowance: of the run.

    Raises:
        InvalidArgumentsError: the pattern, a flag or the replacement is invalid.
        LimitError: the request takes too much time or memory, or its result is too large.
        SettingsError: the engine is not installed or does not start.
        StoppedError: the run must stop.
    """
    name = f"regex.{header['verb']}"
    try:
        reply, texts = _checked(read(MATCH, wire.pack(header, blobs), allowance))
    except LimitError as error:
        raise _limit_error(name, error.limit) from None
    if problem := reply.get("error"):
        message, limit = f"{name}: {problem}", reply["limit"]
        raise LimitError(f"{message} ({limit}).", limit=limit) if limit else InvalidArgumentsError(f"{message}.")
    return reply, texts


def _limit_error(name: str, limit: str) -> KosmoError:
    if limit == TIME:
        return LimitError(
            f"{name}: the pattern took more than {MAX_MATCH_SECONDS:g} s on this subject (pattern_time). "
            "A repeat within a repeat, such as (a+)+, is the usual cause.",
            limit="pattern_time",
        )
    return LimitError(f"{name}: the process that matches ended (pattern_process).", limit="pattern_process")


def _checked(payload: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return the expected fields of a reply, converted to the expected types, and its texts.

    Raises:
        LimitError: it is malformed.
    """
    try:
        header, texts = wire.unpack(payload, max_header=HEADER_BYTES)
        if "error" in header:
            return {
                key: str(header[key])[:MAX_MESSAGE_LENGTH].encode(errors="replace").decode() for key in FAILURE_KEYS
            }, []
        names = [(str(name), int(group)) for name, group in header.get("names", ())]
        return {"count": int(header["count"]), "groups": int(header.get("groups", 0)), "names": names}, texts
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise LimitError("The reply is malformed.", limit=PROCESS) from None
