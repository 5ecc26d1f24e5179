"""Define what a user interface passes to a run: options, and the callbacks by which it serves the script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from kosmo_kernel.progress.snapshot import ProgressSnapshot
from kosmo_kernel.render.display import Display
from kosmo_kernel.settings.cell_options import OptionValues


class RunOptions(OptionValues):
    """The options of one run, of which those of cells and commands are attributes of their names.

    A run uses `account`, `timeout`, `memory_limit` and `cpu_limit`, of which those that are not set are the session's;
    `dry_run`, which checks calls and lists them in `Result.planned`, but does not make them, so that they return empty
    lists and records; and `fresh`. Variables that a dry run sets exist in the next dry run only.

    Parameters:
        name: the name of the chunk in error messages: `In[3]`, `audit.lua`.
        args: the values of the chunk's `...`.
        force: allow calls that the permissions ask about or deny; all other checks still apply.
        inputs: values for Lua's globals, set before the chunk runs; see `values.from_python.lua_value`.
        outputs: Lua variables to read after it into `Result.outputs`.
        now: the time of the data, `time.now()`; that of the session when None, see `Session.time_of_data`.
        number: the number of the cell, whose value becomes `_` and `Out[number]`.
        later: the number of requests that other runs will need after this one, for the estimate in its progress.
        options: the options of a cell or a command, by name.
    """

    def __init__(
        self,
        name: str = "Lua",
        args: Sequence[str] = (),
        *,
        force: bool = False,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] = (),
        now: datetime | None = None,
        number: int | None = None,
        later: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.name, self.args, self.force = name, args, force
        self.inputs, self.outputs = inputs or {}, outputs
        self.now, self.number, self.later = now, number, later

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
        from kosmo_kernel.values.lua_literals import lua_name

        inputs = {lua_name(name): lua_value(value, name) for name, value in self.inputs.items()}
        return inputs, tuple(map(lua_name, self.outputs))


class Frontend(Struct, frozen=True):
    """The callbacks of a user interface. They are called in the thread that runs the script, while it runs."""

    output: Callable[[str, str], None] | None = None  # called with `stdout` or `stderr` and a text
    # Returns a line for `io.read` (called with `l`, `L` or `a`); without it, Lua reads an empty file.
    input: Callable[[str], str | None] | None = None
    # Called with a question about a call that needs permission; returns the user's reply, or None if there is no user.
    # Without it, such a call is an error.
    ask: Callable[[str], str | None] | None = None
    # Called with each object of `display`; without it, its text is printed.
    display: Callable[[Display], None] | None = None
    # Called while the run waits for a remote account: first after half a second of waiting, at most ten times a second,
    # and once at the end. See `progress/throttle.py` for KOSMO_PROGRESS.
    progress: Callable[[ProgressSnapshot], None] | None = None


NO_OPTIONS = RunOptions()
NO_FRONTEND = Frontend()
