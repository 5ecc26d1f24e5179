"""One run of a script: the parts that handle its requests, and the errors that it received."""

from __future__ import annotations

from msgspec import Struct, field

from kosmo_kernel.errors import KosmoError, LuaError, LuaRuntimeError
from kosmo_kernel.lua.host import Failure
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.call_tracker import CallTracker
from kosmo_kernel.run.chunks import ChunkHistory
from kosmo_kernel.run.known_variables import KnownVariables
from kosmo_kernel.run.lookups import Lookups
from kosmo_kernel.run.output import RunOutput

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
            from kosmo_kernel.run.habits import advice

            source, compiled = self.chunks.text(error.chunk), isinstance(failure.error, LuaRuntimeError)
            error.advice = advice(source, error.line, compiled=compiled, is_set=self.chunks.sets)
            error.text += "." * bool(error.advice)
        error.sanitize(self.output.clean)
        error.result = result
        return error
