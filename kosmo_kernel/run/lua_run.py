"""One run of a script: the parts that handle its requests, and the errors that it received."""

from __future__ import annotations

from dataclasses import dataclass, field

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.run.call_tracker import CallTracker
from kosmo_kernel.run.chunks import ChunkHistory
from kosmo_kernel.run.lookups import Lookups
from kosmo_kernel.run.output import RunOutput

MAX_ERRORS = 1_000  # latest error replies to the script, one of which may have ended it


@dataclass(frozen=True, slots=True)
class LuaRun:
    """One run: the `Host` of the Lua machine.

    Parameters:
        calls: the calls.
        output: the output and displays.
        lookups: the requests for anything else.
        chunks: the texts of this and earlier runs.
        errors: the latest error replies to the script.
    """

    calls: CallTracker
    output: RunOutput
    lookups: Lookups
    chunks: ChunkHistory
    errors: list[KosmoError] = field(default_factory=list)

    def failed(self, error: KosmoError) -> None:
        """Keep an error reply, which the script may catch or end with."""
        self.errors.append(error)
        if len(self.errors) > 2 * MAX_ERRORS:
            del self.errors[:MAX_ERRORS]
