"""Match the regular expressions of tools' schemas in the reader, which is ended if it takes too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.lua import patterns
from kosmo_kernel.reader.allowance import Allowance

if TYPE_CHECKING:
    from kosmo_kernel.mcp.schema_validator import Matches

CANCELLED = "nobody waits"
SECONDS = 1.0  # time limit for all patterns of one call


def matches_of_one_call(is_cancelled: Callable[[], bool] = lambda: False) -> Matches:
    """Return a function that matches patterns for the arguments of one call; it returns None after a timeout.

    Parameters:
        is_cancelled: returns whether the call was cancelled.
    """
    allowance = Allowance(SECONDS, lambda: CANCELLED if is_cancelled() else None)

    def matches(pattern: str, text: str) -> bool | None:
        if allowance.is_used_up:
            return None
        # In a group, because a pattern between slashes would be read as one with flags.
        question = [text.encode(errors="replace"), f"(?:{pattern})".encode(errors="replace")]
        try:
            answer, _ = patterns.matches({"verb": "match", "flags": "u"}, question, allowance)
        except InvalidArgumentsError:
            return None  # the pattern is invalid
        except KosmoError:
            allowance.seconds = 0.0
            return None
        return bool(answer["count"])

    return matches
