"""One run of a script: the parts that handle its requests, its errors, the texts of chunks, and what variables are set.

A Lua table has no order, so the order in which its keys were written is read from the text. So is whether several lines
are one expression. The text is parsed when Lua requests it, up to `MAX_CHARACTERS_PARSED` characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain, pairwise
from types import ModuleType

from msgspec import Struct, field

from kosmo_kernel.calls.call_tracker import CallTracker
from kosmo_kernel.calls.output import RunOutput
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, LuaError, LuaRuntimeError
from kosmo_kernel.lua.failure import Failure, Frame
from kosmo_kernel.lua.lookups import Lookups
from kosmo_kernel.results import Result
from kosmo_kernel.text import lazy_pattern, nearest

MAX_CALL_LENGTH = 2_000  # characters from the beginning of a call's line in which its arguments are searched for
# A variable, or a field of one, as the only positional argument of a function with an underscore in its name.
_POSITIONAL = lazy_pattern(r"\.[a-z]+_\w+\s*\(\s*([A-Za-z_][\w.]*)\s*[,)]")
_NOTHING = "nil"
MAX_ERRORS = 1_000  # latest error replies to the script, one of which may have ended it


MAX_CHUNKS_KEPT = 200
CONTEXT_LINES = 1  # lines shown before and after the failed one
MAX_CHARACTERS_PARSED = 200_000  # characters parsed, of one text and of all together: about 6,000 lines
MAX_CONSTRUCTORS = 1_000  # table constructors of all texts whose key order is sent to Lua


class ChunkHistory:
    """The texts of the last chunks by name; a reused name refers to the newer text.

    The key order of the older text is kept: its tables may still exist, and cells without a number share a name.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._ran: dict[str, None] = {}  # the distinct texts, the latest last
        self._assigned_before: set[str] = set()  # fields that texts which are no longer kept assign

    def add(self, name: str, text: str) -> None:
        """Keep the text of a chunk."""
        self._texts.pop(name, None)
        self._ran.pop(text, None)
        while len(self._texts) >= MAX_CHUNKS_KEPT:
            self._texts.pop(next(iter(self._texts)))
        while len(self._ran) >= MAX_CHUNKS_KEPT:
            oldest = next(iter(self._ran))
            del self._ran[oldest]
            if "=" in oldest or "function" in oldest:
                self._assigned_before |= _source().assigned_fields(oldest[:MAX_CHARACTERS_PARSED])
        self._texts[name] = text
        self._ran[text] = None

    def text(self, name: str) -> str:
        """Return the text of a chunk; empty if it is no longer kept."""
        return self._texts.get(name, "")

    def last_line(self, name: str) -> int:
        """Return the number of the last line of a chunk that is not empty; 0 if the chunk is no longer kept."""
        return self.text(name).rstrip().count("\n") + 1 if self.text(name) else 0

    def assigns(self, name: str) -> bool:
        """Return whether a chunk assigns a field of this name, or may do so beyond what is parsed of it.

        It does with `row.seen = true` and `row["seen"] = true`.
        """
        return name in self._assigned_before or any(
            name in text and (name in text[MAX_CHARACTERS_PARSED:] or name in _source().assigned_fields(_start(text)))
            for text in self._ran
        )

    def sets(self, name: str) -> bool:
        """Return whether a chunk sets or declares a variable of this name, or may do so beyond what is parsed of it."""
        return any(
            name in text and (name in text[MAX_CHARACTERS_PARSED:] or name in _source().set_variables(_start(text)))
            for text in self._ran
        )

    def names_item(self, item: str) -> bool:
        """Return whether a chunk has a text as a string: `"my-app"`, `'my-app'` or `[[my-app]]`."""
        quoted = [f"{before}{item}{after}" for before, after in ('""', "''", "[]")]
        return any(item in text and any(string in text for string in quoted) for text in self._ran)

    def key_orders(self) -> tuple[list[str], list[tuple[str, ...]]]:
        """Return the order of table keys in the chunks, the latest chunk first.

        Returns:
            All names without duplicates, and the names of each table constructor. Of constructors with the same set of
            names, only the first counts.
        """
        names: dict[str, None] = {}
        constructors: dict[frozenset[str], tuple[str, ...]] = {}
        remaining = MAX_CHARACTERS_PARSED
        for text in reversed(self._ran):
            if remaining <= 0 or len(constructors) >= MAX_CONSTRUCTORS:
                break
            groups = _source().keys(text[:remaining]) if "=" in text else ()
            remaining -= len(text)
            names.update(dict.fromkeys(chain.from_iterable(groups)))
            for group in groups:
                if len(group) > 1:
                    constructors.setdefault(frozenset(group), group)
        return list(names), list(constructors.values())[:MAX_CONSTRUCTORS]

    def concatenations(self, chunk: str, first: int, last: int) -> bool:
        """Return whether `..` joins each of the lines `first` to `last` of a chunk, counted from 1, to the next."""
        from kosmo_kernel.values.lua_tokens import tokens_of

        text = _start(self.text(chunk))
        lines = text.split("\n")
        if not text or not 1 <= first <= last <= len(lines):
            return False
        start = sum(len(line) + 1 for line in lines[: first - 1])
        end = start + sum(len(line) + 1 for line in lines[first - 1 : last])
        tokens = [token for token in tokens_of(text) if token.kind != "comment"]
        tokens = [token for token in tokens if start <= token.start < end]
        breaks = [(a, b) for a, b in pairwise(tokens) if "\n" in text[a.end : b.start]]
        return all(_JOIN in (a[:2], b[:2]) for a, b in breaks)

    def excerpt(self, chunk: str, line: int | None) -> str:
        """Return a line of a chunk with its neighbours, marked as in IPython; empty if the line is unknown."""
        lines = self._texts.get(chunk, "").splitlines()
        if line is None or not 1 <= line <= len(lines):
            return ""
        numbers = range(max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES) + 1)
        return "\n".join(
            f"{'----> ' if number == line else '      '}{number} {lines[number - 1]}" for number in numbers
        )

    def stack(self, frames: Sequence[Frame]) -> tuple[str, ...]:
        """Return the calls that led to an error, innermost first; empty if there were none."""
        if len(frames) < 2:
            return ()
        return tuple(f"{frame.chunk}:{frame.line}: in {frame.name}" for frame in frames)


_JOIN = ("mark", "..")  # kind and text of the token


def _source() -> ModuleType:
    from kosmo_kernel.values import lua_source  # when a script needs it

    return lua_source


def _start(text: str) -> str:
    return text[:MAX_CHARACTERS_PARSED]


class LuaRun(Struct, frozen=True):
    """One run: what handles the requests of its script. A KosmoError that a part raises becomes an error in Lua."""

    calls: CallTracker  # the calls
    output: RunOutput  # the output and displays
    lookups: Lookups  # the requests for anything else
    chunks: ChunkHistory  # the texts of this and earlier runs
    result: Result  # the result until now
    errors: dict[int, KosmoError] = field(default_factory=dict)  # the latest error replies to the script, by number

    def failed(self, error: KosmoError) -> int:
        """Keep an error reply, which the script may catch or end with, and return its number."""
        number = next(reversed(self.errors), 0) + 1
        self.errors[number] = error
        self.errors.pop(number - MAX_ERRORS, None)
        return number

    def error_of(self, failure: Failure, variables: KnownVariables, parses: Callable[[str, int], bool]) -> KosmoError:
        """Return the error that ended the run, with its place in the script, what to do, and the result until then.

        Parameters:
            failure: how the run ended.
            variables: the variables that the run could read.
            parses: returns whether Lua parses a script beyond a line.
        """
        error = self.errors.get(failure.cause, failure.error)
        start, line = f"{failure.chunk}:{failure.line}:", self.chunks.last_line(failure.chunk)
        if failure.line is not None and line and failure.line > line and failure.error.message.startswith(start):
            # Lua finds what is unfinished below the last line.
            failure.error.message = f"{failure.chunk}:{line}:{failure.error.message.removeprefix(start)}"
            failure.line = line
        position = failure.error.message.removesuffix(error.message)
        variables.explain(error, self.chunks.text(failure.chunk), failure.line)
        error.message = f"{position}{error.message}" if position != failure.error.message else position
        error.line, error.chunk = failure.line, failure.chunk
        error.stack = self.chunks.stack(failure.stack)
        if isinstance(failure.error, LuaError):
            from kosmo_kernel.lua.habits import advice

            source = self.chunks.text(error.chunk)[:MAX_CHARACTERS_PARSED]
            compiled = isinstance(failure.error, LuaRuntimeError)
            written = advice(source, error.line, compiled=compiled, is_set=self.chunks.sets, parses=parses)
            error.advice = written.text
            error.text += "." * (bool(error.advice) and error.text[-1:] not in ".?!")
            if not compiled and written.line:  # Lua finds what is missing in a line in one below it
                at_line, line = f"{error.chunk}:{error.line}:", written.line
                if error.text.startswith(at_line):
                    error.text = f"{error.chunk}:{line}:{error.text.removeprefix(at_line)}"
                    error.line = line
        error.excerpt = self.chunks.excerpt(error.chunk, error.line)
        error.sanitize(self.output.clean)
        error.result = self.result
        return error


# How other languages write constants of Lua.
_CONSTANTS = {"None": "nil", "null": "nil", "NULL": "nil", "undefined": "nil", "True": "true", "False": "false"}


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
        """Return the variable of the scripts with the nearest name, or a constant of Lua; empty if there is none."""
        if name in _CONSTANTS:
            return _CONSTANTS[name]
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
        reason = "is nil" if self._chunks.sets(name) else "is not set"
        error.text = f"`{error.missing}` is nil, because the variable `{name}` {reason}."
        if near := self.nearest_set(name):
            error.advice = f"Did you mean `{near}`?"
        self._explained.add(name)


def _argument(parameter: str, source: str, line: int | None) -> str:
    """Return the variable or the field that a call gives for a parameter; empty if it gives something else."""
    lines = source[:MAX_CHARACTERS_PARSED].split("\n")
    if line is None or not 1 <= line <= len(lines):
        return ""
    from kosmo_kernel.values.lua_tokens import masked

    start = sum(len(text) + 1 for text in lines[: line - 1])
    call = masked("\n".join(lines))[start : start + MAX_CALL_LENGTH]
    by_name = re.search(rf"[{{,;]\s*{re.escape(parameter)}\s*=\s*([A-Za-z_][\w.]*)\s*[,;}}]", call)
    match = by_name or _POSITIONAL.search(call.partition("\n")[0])
    return match[1] if match else ""
