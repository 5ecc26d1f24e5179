"""One run of a script: the parts that handle its requests, its errors, and the variables that are set."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from msgspec import Struct, field

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, LuaError, LuaRuntimeError
from kosmo_kernel.lua.host import Failure
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.call_tracker import CallTracker
from kosmo_kernel.run.chunks import MAX_CHARACTERS_PARSED, ChunkHistory
from kosmo_kernel.run.lookups import Lookups
from kosmo_kernel.run.options import RunOutput
from kosmo_kernel.text import lazy_pattern, nearest

MAX_CALL_LENGTH = 2_000  # characters from the beginning of a call's line in which its arguments are searched for
# A variable, or a field of one, as the only positional argument of a function with an underscore in its name.
_POSITIONAL = lazy_pattern(r"\.[a-z]+_\w+\s*\(\s*([A-Za-z_][\w.]*)\s*[,)]")
_NOTHING = "nil"
MAX_ERRORS = 1_000  # latest error replies to the script, one of which may have ended it


class LuaRun(Struct, frozen=True):
    """One run: the `Host` of the Lua machine."""

    calls: CallTracker  # the calls
    output: RunOutput  # the output and displays
    lookups: Lookups  # the requests for anything else
    chunks: ChunkHistory  # the texts of this and earlier runs
    errors: dict[int, KosmoError] = field(default_factory=dict)  # the latest error replies to the script, by number

    def failed(self, error: KosmoError) -> int:
        """Keep an error reply, which the script may catch or end with, and return its number."""
        number = next(reversed(self.errors), 0) + 1
        self.errors[number] = error
        self.errors.pop(number - MAX_ERRORS, None)
        return number

    def error_of(self, failure: Failure, result: Result, variables: KnownVariables) -> KosmoError:
        """Return the error that ended the run, with its place in the script, what to do, and the result until then."""
        error = self.errors.get(failure.cause, failure.error)
        position = failure.error.message.removesuffix(error.message)
        variables.explain(error, self.chunks.text(failure.chunk), failure.line)
        error.message = f"{position}{error.message}" if position != failure.error.message else position
        error.line, error.chunk = failure.line, failure.chunk
        error.excerpt = self.chunks.excerpt(error.chunk, error.line)
        error.stack = self.chunks.stack(failure.stack)
        if isinstance(failure.error, LuaError):
            from kosmo_kernel.lua_syntax.mistakes import advice

            source = self.chunks.text(error.chunk)[:MAX_CHARACTERS_PARSED]
            compiled = isinstance(failure.error, LuaRuntimeError)
            error.advice = advice(source, error.line, compiled=compiled, is_set=self.chunks.sets)
            error.text += "." * bool(error.advice)
        error.sanitize(self.output.clean)
        error.result = result
        return error


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
    by_name = re.search(rf"[{{,;]\s*{re.escape(parameter)}\s*=\s*([A-Za-z_][\w.]*)\s*[,;}}]", call)
    match = by_name or _POSITIONAL.search(call.partition("\n")[0])
    return match[1] if match else ""
