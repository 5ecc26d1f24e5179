"""The Lua state of a session: its process and the walls of that, what is set, and what an editor asks about it.

Nothing here runs a script, sends a request or changes a variable; `session.Session` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kosmo_kernel import integrations
from kosmo_kernel.calls.provider import SessionServers
from kosmo_kernel.calls.recording import RecordingMode
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.lua.failure import Failure
from kosmo_kernel.lua.lookups import KeptValues
from kosmo_kernel.lua.machine import Machine, Wall, missing
from kosmo_kernel.lua.run import MAX_CHARACTERS_PARSED, ChunkHistory
from kosmo_kernel.lua.surface import surface
from kosmo_kernel.results import Result
from kosmo_kernel.settings.config_file import config, misspelt_variables
from kosmo_kernel.settings.table import REQUIRE_WALLS
from kosmo_kernel.text import nearest
from kosmo_kernel.values.records import Opaque

if TYPE_CHECKING:
    from kosmo_kernel.lua.process import LuaProcess

_FUNCTION_KEYS = ("source", "line", "chunk", "params")  # of a function that a script defined


class LuaState:
    """A Lua state that persists between runs.

    Parameters:
        recording: the recording mode of the session, which knows the functions that there are.
        walls: what to do about walls that are missing.
        process: a Lua process that was started beforehand; when None, the first run starts one.
        refusal: why scripts may not use MCP servers; empty if they may.

    Attributes:
        expecting_run: a context manager; an interrupt during its block cancels the next run before it starts.
        interruptible: a context manager in which an interrupt stops the conversion of a run's values in the main
            thread.
        servers: the session's MCP servers.
    """

    def __init__(self, recording: RecordingMode, walls: WallChecks, process: LuaProcess | None, refusal: str) -> None:
        self._walls = walls
        self._chunks = ChunkHistory()
        self._shown = KeptValues()  # the values of numbered cells, available in Lua as `Out`
        self._machine = Machine(recording.functions, lambda: _surface(recording), process)
        self.expecting_run, self.interruptible = self._machine.cancellable_start, self._machine.interruptible
        self.servers = SessionServers(refusal, lambda: self._machine.is_stopping)

    def start(self) -> None:
        """Start the Lua process without waiting for it."""
        self._machine.start()

    @property
    def pid(self) -> int | None:
        """The process id of the Lua process, or None when none runs."""
        return self._machine.pid

    def interrupt(self) -> None:
        """Stop the current run, from any thread or a signal handler. A second call ends the Lua process."""
        self._machine.interrupt()

    def walls(self) -> tuple[Wall, ...]:
        """Return the walls of the sandbox on this machine. Start the Lua process if necessary, and wait for it.

        Raises:
            LuaProcessError: it does not start.
        """
        try:
            return self._machine.walls()
        except Failure as failure:
            raise failure.error from None

    @property
    def kept(self) -> KeptValues:
        """The values that Lua has as `Out`, by number."""
        return self._shown

    def keep(self, number: int, value: Any, size: int) -> str:
        """Keep a value as `Out[number]`, unless it is nil or no data, such as a function. A run keeps its own.

        Return a note that names the earlier values that were dropped for it; empty if none was.

        Parameters:
            number: the number; an earlier value of it is replaced.
            value: the value.
            size: its estimated size in bytes.
        """
        is_kept = value is not None and not isinstance(value, Opaque)
        return self._shown.add(number, value, size) if is_kept else ""

    def _requested(self, name: str, variables: Mapping[str, Any], result: Result) -> Any:
        """Return a requested variable; raise an error if it does not exist or is not data."""
        value = variables.get(name)
        error: KosmoError
        if name not in variables:
            near = nearest(name, [variable for variable, _ in self.names(())])
            error = UnknownNameError(f"Lua has no variable `{name}`, or it is nil.", tuple(near))
        elif isinstance(value, Opaque):
            kind = {"function": "a function", "thread": "a coroutine"}.get(value.partition(":")[0], "a namespace")
            error = InvalidArgumentsError(value.fault or f"{name}: {kind} has no Python form")
        else:
            return value
        error.result = result
        raise error

    # Editor support ----------------------------------------------------------------------------------

    def completeness(self, source: str) -> tuple[str, str]:
        """Return whether a chunk is `complete`, `incomplete` or `invalid`, and the indentation of the next line."""
        state = str(self._ask("check", source)["state"])
        if state != "incomplete":
            return state, ""
        if source.rstrip().endswith(":"):  # no further lines complete `for app in apps:`
            from kosmo_kernel.lua.habits import is_foreign

            start = source.rstrip()[:MAX_CHARACTERS_PARSED]
            if is_foreign(start, start.count("\n") + 1, self._chunks.sets):
                return "invalid", ""
        from kosmo_kernel.values.lua_source import indent

        return state, indent(source)

    def parses(self, source: str, line: int) -> bool:
        """Return whether Lua parses a chunk at least beyond a line, counted from 1; False while that is not known."""
        try:
            reply = self._ask("check", source)
        except KosmoError:
            return False
        wrong = reply.get("line")
        return reply["state"] != "invalid" or (isinstance(wrong, int) and wrong > line)

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]]:
        """Return the names that can follow a chain of names, without side effects and without requests.

        Parameters:
            chain: `("app", "integrations", "heroku")`, with a number for an item of a list; empty for globals and
                persistent locals.

        Returns:
            The name and Lua type of each, sorted by name; a script's function has the type `function(a, b)`.

        Raises:
            TryLaterError: a script is running.
        """
        if (names := self.servers.names(chain)) is not None:
            return names
        return sorted((str(name), str(kind)) for name, kind in self._ask("names", chain=list(chain))["names"].items())

    def variables(self) -> list[dict[str, str]]:
        """Return the variables that scripts have set, sorted by name: `name`, `scope`, `type` and `size` as strings.

        Raises:
            TryLaterError: a script is running.
        """
        rows = [(name, *f"{text}\n\n".split("\n")[:3]) for name, text in sorted(self._variables())]
        return [dict(zip(("name", "scope", "type", "size"), row, strict=True)) for row in rows]

    def _variables(self) -> list[tuple[str, str]]:
        return [(str(name), str(text)) for name, text in self._ask("variables")["variables"].items()]

    def resolve(self, chain: Sequence[str | int]) -> dict[str, Any] | None:
        """Return a description of the value at the end of a chain of names, or None if it does not exist.

        Returns:
            `type`, and `text` if it is short; `function` for a function of the catalogue, `heroku.list_apps`; `source`,
            `line`, `chunk`, `params` and `script` (the whole chunk) for a function that a script defined; `of`, `path`
            and `many` for a part of a function's result: the function's name, the fields that lead to the part, and
            whether it is a list; `reads` for a record that converts to its name; `space` for a namespace,
            `app.integrations.heroku`.

        Raises:
            TryLaterError: a script is running.
        """
        reply = self._ask("resolve", chain=list(chain))
        if not reply.get("found"):
            return None
        keys = ("type", "text", "function", "of", "path", "many", "reads", "space", *_FUNCTION_KEYS)
        script = {"script": self._chunks.text(str(reply["chunk"]))} if "chunk" in reply else {}
        return {key: reply[key] for key in keys if key in reply} | script

    def _ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        try:
            return self._machine.ask(kind, source, **header)
        except Failure as failure:
            raise failure.error from None


def _surface(recording: RecordingMode) -> list[dict[str, Any]]:
    """Return the initial content of `app.integrations`."""
    there = integrations.loaded() if recording.services else ()
    return surface(there, {integration.name: recording.names(integration, recording.account) for integration in there})


def requirement() -> str:
    """Return the setting that forbids running Lua where a wall is missing, as a text; empty when none does.

    `KOSMO_REQUIRE_WALLS` is 1 or 0, and takes precedence over `require_walls` in `config.toml`.

    Raises:
        SettingsError: the variable is neither 0 nor 1; a typing error must not disable the requirement.
        UnknownNameError: `config.toml` contains a mistake.
    """
    is_required = REQUIRE_WALLS.from_env()
    if is_required is not None:
        return f"{REQUIRE_WALLS.variable}=1" if is_required else ""
    settings = config()
    return f"require_walls = true in {settings.place('require_walls')}" if settings.get("require_walls") else ""


class WallChecks:
    """The checks of one session.

    Attributes:
        required: the setting that forbids running Lua where a wall is missing, as a text; empty when none does.

    Raises:
        SettingsError, UnknownNameError: a mistake in that setting.
    """

    def __init__(self) -> None:
        self.required = requirement()
        self._reported = False

    def check(self, walls: Sequence[Wall]) -> None:
        """Check that no wall is missing.

        Raises:
            SettingsError: one is.
        """
        if gaps := missing(walls):
            raise SettingsError(
                f"{self.required}, and walls around Lua are missing on this machine: {gaps}. Nothing was run. "
                "`kosmo doctor` tells why; take that setting back to run with fewer walls."
            )

    def notes(self, walls: Sequence[Wall]) -> list[str]:
        """Return the notes about missing walls and misspelt environment variables, once the walls are known, and once.

        Parameters:
            walls: the walls; none while they are not known.
        """
        if self._reported or not walls:
            return []
        self._reported = True
        notes = misspelt_variables()
        if gaps := missing(walls):
            notes.append(
                f"Walls around Lua that are missing on this machine: {gaps}. `kosmo doctor` tells why, "
                "and SECURITY what that means."
            )
        return notes
