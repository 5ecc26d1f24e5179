"""Match the regular expressions of tools' schemas in a child process, which is killed if it takes too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.lua.patterns import Patterns

if TYPE_CHECKING:
    from kosmo_kernel.mcp.schema_validator import Matches

CANCELLED = "nobody waits"
SECONDS = 1.0  # time limit for all patterns of one call


class SchemaMatching:
    """The child process that matches patterns, started at the first one. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._patterns = Patterns()
        self._is_timed_out = False

    @contextmanager
    def of_one_call(self, is_cancelled: Callable[[], bool] = lambda: False) -> Iterator[Matches]:
        """Yield a function that matches patterns for the arguments of one call; it returns None after a timeout.

        Parameters:
            is_cancelled: returns whether the call was cancelled.
        """
        with self._lock:
            self._patterns.begin(SECONDS)
            self._is_timed_out = False
            yield partial(self._matches, is_cancelled)

    def _matches(self, is_cancelled: Callable[[], bool], pattern: str, text: str) -> bool | None:
        if self._is_timed_out:
            return None
        # In a group, because a pattern between slashes would be read as one with flags.
        question = [text.encode(errors="replace"), f"(?:{pattern})".encode(errors="replace")]
        try:
            answer, _ = self._patterns.ask(
                {"verb": "match", "flags": "u"}, question, lambda: CANCELLED if is_cancelled() else None
            )
        except InvalidArgumentsError:
            return None  # the pattern is invalid
        except KosmoError:
            answer = {}
        self._is_timed_out = "count" not in answer
        return None if self._is_timed_out else answer["count"] > 0

    def close(self) -> None:
        """Stop the child process."""
        with self._lock:
            self._patterns.close()
