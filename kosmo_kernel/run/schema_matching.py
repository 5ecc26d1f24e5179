"""Patterns of tools' schemas, matched as those of scripts are: by a process that is ended when it takes too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.lua.patterns import Patterns
from kosmo_kernel.mcp.schema_patterns import Matches

CANCELLED = "nobody waits"
SECONDS = 1.0  # of running time for the patterns of one call


class SchemaMatching:
    """The process that matches, started by the first pattern; several threads may check at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._patterns = Patterns()
        self._is_late = False

    @contextmanager
    def of_one_call(self, gone: Callable[[], bool] = lambda: False) -> Iterator[Matches]:
        """What matches for the arguments of one call. Once it was late, it knows nothing more of that call.

        Parameters:
            gone: whether nobody waits for the call any more.
        """
        with self._lock:
            self._patterns.begin(SECONDS)
            self._is_late = False
            yield partial(self._matches, gone)

    def _matches(self, gone: Callable[[], bool], pattern: str, text: str) -> bool | None:
        if self._is_late:
            return None
        # In brackets, because a pattern between slashes would have flags behind it.
        question = [text.encode(errors="replace"), f"(?:{pattern})".encode(errors="replace")]
        try:
            answer, _ = self._patterns.ask(
                {"verb": "match", "flags": "u"}, question, lambda: CANCELLED if gone() else None
            )
        except InvalidArgumentsError:
            return None  # the pattern is none
        except KosmoError:
            answer = {}
        self._is_late = "count" not in answer
        return None if self._is_late else answer["count"] > 0

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._patterns.close()
