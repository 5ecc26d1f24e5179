"""Define what a user interface passes to a run: options, and the callbacks by which it serves the script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from kosmo_kernel.progress.snapshot import ProgressSnapshot
from kosmo_kernel.render.display import Display
from kosmo_kernel.settings.cell_options import Options


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of one run.

    Parameters:
        name: the name of the chunk in error messages: `In[3]`, `audit.lua`.
        args: the values of the chunk's `...`.
        account: the account that `heroku.<function>` uses in this run; the session's when None.
        timeout: seconds of wall-clock time, for this run; the session's when None, as the other limits.
        memory_limit: bytes of Lua heap, for this run.
        cpu_limit: seconds of Lua's own running time, for this run.
        dry_run: check calls and list them in `Result.planned`, but do not make them; they return empty lists and
            records. Variables that it sets exist in the next dry run, but not in the next regular run.
        fresh: send requests again instead of using cached results.
        force: allow calls that the permissions ask about or deny; all other checks still apply.
        inputs: values for Lua's globals, set before the chunk runs; see `values.from_python.lua_value`.
        outputs: Lua variables to read after it into `Result.outputs`.
        now: the time of the data, `time.now()`; that of the session when None, see `Session.time_of_data`.
        number: the number of the cell, whose value becomes `_` and `Out[number]`.
        later: the number of requests that other runs will need after this one, for the estimate in its progress.
    """

    name: str = "Lua"
    args: Sequence[str] = ()
    account: str | None = None
    timeout: float | None = None
    memory_limit: int | None = None
    cpu_limit: float | None = None
    dry_run: bool = False
    fresh: bool = False
    force: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    now: datetime | None = None
    number: int | None = None
    later: int = 0

    @classmethod
    def of_cell(cls, options: Options, **others: Any) -> Self:
        """Return the options of the run of a cell: the cell's options of the same names, and others."""
        names = [field.name for field in fields(cls) if hasattr(options, field.name)]
        return cls(**({name: getattr(options, name) for name in names} | others))

    def names_item(self, item: str) -> bool:
        """Return whether an argument of the script or an input is this text."""
        return item in self.args or any(isinstance(value, str) and value == item for value in self.inputs.values())

    def lua_variables(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the inputs of the run as Lua values, and the names of its outputs.

        Raises:
            InvalidArgumentsError: a name is none in Lua, or a value has no Lua form.
        """
        if not self.inputs and not self.outputs:
            return {}, ()
        from kosmo_kernel.values.from_python import lua_value
        from kosmo_kernel.values.lua_syntax import lua_name

        inputs = {lua_name(name): lua_value(value, name) for name, value in self.inputs.items()}
        return inputs, tuple(map(lua_name, self.outputs))


@dataclass(frozen=True, slots=True)
class Frontend:
    """The callbacks of a user interface. They are called in the thread that runs the script, while it runs.

    Parameters:
        output: called with `stdout` or `stderr` and a text.
        input: returns a line for `io.read` (called with `l`, `L` or `a`); without it, Lua reads an empty file.
        ask: called with a question about a call that needs permission; returns the user's reply, or None if there is no
            user. Without it, such a call is an error.
        display: called with each object of `display`; without it, its text is printed.
        progress: called while the run waits for a remote account: first after half a second of waiting, at most ten
            times a second, and once at the end. See `progress/throttle.py` for KOSMO_PROGRESS.
    """

    output: Callable[[str, str], None] | None = None
    input: Callable[[str], str | None] | None = None
    ask: Callable[[str], str | None] | None = None
    display: Callable[[Display], None] | None = None
    progress: Callable[[ProgressSnapshot], None] | None = None


NO_OPTIONS = RunOptions()
NO_FRONTEND = Frontend()
