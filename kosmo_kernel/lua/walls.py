"""Report which walls restrict the Lua process, and refuse to run or say so once where one that is required is missing.

A wall is one restriction of the process. It sets most of them itself (`walls/lockdown.py`), and its parent sets the
limits of memory and running time (`walls/process.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.project_file import ignored_settings
from kosmo_kernel.settings.table import REQUIRE_WALLS

# The meaning of each wall, in the order in which they are shown.
MEANINGS = {
    "system_calls": "It can ask the system for its pipes, memory without code, the clock, and its own end only.",
    "files": "It can open no file and no socket, and leaves no core dump.",
    "processes": "It can start no process.",
    "privileges": "It can gain no privilege.",
    "environment": "It has no environment variable but the time zone.",
    "memory": "Its address space is limited, whatever happens inside Lua.",
    "running_time": "Its running time is limited, even when nobody is left to watch it.",
    "lifeline": "It ends with the process that started it, however that ends.",
}
NOT_REPORTED = "the Lua process did not say"


class Wall(NamedTuple):
    """A wall around the Lua process."""

    name: str  # a short name, one of `MEANINGS`
    stands: bool  # whether it is in place on this machine
    meaning: str  # what it prevents
    why_not: str = ""  # why it is missing; empty when it is in place


def parse_report(report: bytes, built_outside: dict[str, str]) -> tuple[Wall, ...]:
    """Return all walls, in the order of `MEANINGS`.

    Parameters:
        report: the report of the Lua process, which it sends when it is ready.
        built_outside: the result of `WalledProcess.set_limits`.
    """
    lines = (line.partition("\t") for line in report.decode(errors="replace").splitlines())
    missing = {name: why for name, _, why in lines} | built_outside
    return tuple(
        Wall(name, not (why := missing.get(name, NOT_REPORTED)), meaning, why) for name, meaning in MEANINGS.items()
    )


def missing(walls: Iterable[Wall]) -> str:
    """Return the names of the missing walls as a text, empty when none is missing."""
    return ", ".join(wall.name for wall in walls if not wall.stands)


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
                "`kosmo integrations:doctor` tells why; take that setting back to run with fewer walls."
            )

    def notes(self, walls: Sequence[Wall]) -> list[str]:
        """Return the notes about missing walls and misspelt environment variables, once the walls are known, and once.

        Parameters:
            walls: the walls; none while they are not known.
        """
        if self._reported or not walls:
            return []
        self._reported = True
        notes = ignored_settings()
        if gaps := missing(walls):
            notes.append(
                f"Walls around Lua that are missing on this machine: {gaps}. `kosmo integrations:doctor` tells why, "
                "and SECURITY what that means."
            )
        return notes
