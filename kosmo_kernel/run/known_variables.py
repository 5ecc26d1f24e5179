"""Know which Lua variables are set, to name the one that is meant where a script uses one that is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.run.chunks import MAX_CHARACTERS_PARSED, ChunkHistory
from kosmo_kernel.text.nearest import nearest
from kosmo_kernel.text.patterns import lazy_pattern

MAX_CALL_LENGTH = 2_000  # characters from the beginning of a call's line in which its arguments are searched for
# A variable, or a field of one, as the only positional argument of a function with an underscore in its name.
_POSITIONAL = lazy_pattern(r"\.[a-z]+_\w+\s*\(\s*([A-Za-z_][\w.]*)\s*[,)]")
_NOTHING = "nil"


class KnownVariables:
    """The variables that a run of a script can read.

    Parameters:
        chunks: the scripts of the session.
        inputs: the names of the variables that the run was given.
        there: returns the names of the variables that exist now, those of Lua itself included.
        own: returns the names of the variables that scripts have set and that exist now.
    """

    def __init__(
        self,
        chunks: ChunkHistory,
        inputs: Collection[str],
        there: Callable[[], Iterable[str]],
        own: Callable[[], Iterable[str]],
    ) -> None:
        self._chunks, self._inputs, self._there, self._own = chunks, inputs, there, own
        self._explained: set[str] = set()

    def may_be_set(self, name: str) -> bool:
        """Return whether a variable is an input, set by a script, or there from the start, or an error explains it."""
        if name in self._explained or name in self._inputs or self._chunks.sets(name):
            return True
        try:
            return name in self._there()
        except KosmoError:
            return True  # the Lua process has just ended, so nothing is known

    def nearest_set(self, name: str) -> str:
        """Return the variable of the scripts with the nearest name; empty if there is none."""
        try:
            return next(iter(nearest(name, sorted(self._own()), 1)), "")
        except KosmoError:
            return ""

    def explain(self, error: KosmoError, source: str, line: int | None) -> None:
        """Say of an argument that is missing which variable is nil, if the script gives it one.

        Parameters:
            error: what the script failed with.
            source: the script.
            line: where it failed, counted from 1.
        """
        if not isinstance(error, InvalidArgumentsError) or not error.missing:
            return
        name = _argument(error.missing, source, line)
        variable = name.partition(".")[0]
        if not name or name == _NOTHING:
            return
        try:
            if name == variable and variable in self._there():
                return  # the argument is another one
        except KosmoError:
            return
        if name != variable:
            error.text = f"`{error.missing}` is nil, because `{name}` is nil."
            return
        why = "is nil" if self._chunks.sets(name) else "is not set"
        error.text = f"`{error.missing}` is nil, because the variable `{name}` {why}."
        if near := self.nearest_set(name):
            error.advice = f"Did you mean `{near}`?"
        self._explained.add(name)


def _argument(parameter: str, source: str, line: int | None) -> str:
    """Return the variable or the field that a call gives for a parameter; empty if it gives something else."""
    lines = source[:MAX_CHARACTERS_PARSED].split("\n")
    if line is None or not 1 <= line <= len(lines):
        return ""
    from kosmo_kernel.lua_syntax.tokens import masked

    start = sum(len(text) + 1 for text in lines[: line - 1])
    call = masked("\n".join(lines))[start : start + MAX_CALL_LENGTH]
    named = re.search(rf"[{{,;]\s*{re.escape(parameter)}\s*=\s*([A-Za-z_][\w.]*)\s*[,;}}]", call)
    match = named or _POSITIONAL.search(call.partition("\n")[0])
    return match[1] if match else ""
