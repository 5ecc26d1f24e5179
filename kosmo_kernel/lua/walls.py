"""Report which walls restrict the Lua process, and whether the user requires all of them.

A wall is one restriction of the process. It sets most of them itself (`walls/lockdown.py`), and its parent sets the
limits of memory and running time (`walls/limits.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kosmo_kernel.settings.config_file import config
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
        built_outside: the result of `limits.allow`.
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
