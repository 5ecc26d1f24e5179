"""Which walls stand between a script and everything else, and the two that only the parent can build.

Most walls the Lua process builds itself (`walls_lockdown.py`). How much memory and running time it may use changes
with each run and must not be the process's own to change, so its parent sets those limits from outside.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.config_file import config

# What each wall means, in the order in which they are shown.
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
UNTOLD = "the Lua process did not say"

REQUIRE = "KOSMO_REQUIRE_WALLS"

OWN = 256 << 20  # bytes of address space on top: Python (16 MiB), and an answer of the parent's on its way into Lua
HEAP_COPIES = 2  # the heap may hold a result with its frame, and Python then copies the frame twice
MAX_CPU_SECONDS = 1 << 31  # seconds; the kernel counts nanoseconds in 64 bits, and a larger number would wrap around
SPARE = 1  # seconds on top of the running time allowed, in which the parent ends a run in a better way


class Wall(NamedTuple):
    """A wall around the Lua process.

    Parameters:
        name: a short name, one of `MEANINGS`.
        stands: whether it stands on this machine.
        meaning: what it keeps the process from.
        why_not: why it does not stand.
    """

    name: str
    stands: bool
    meaning: str
    why_not: str = ""


def parse_report(report: bytes, built_outside: dict[str, str]) -> tuple[Wall, ...]:
    """All walls.

    Parameters:
        report: what the Lua process said when it was ready.
        built_outside: what `allow` returned.
    """
    lines = (line.partition("\t") for line in report.decode(errors="replace").splitlines())
    missing = {name: why for name, _, why in lines} | built_outside
    return tuple(Wall(name, not (why := missing.get(name, UNTOLD)), meaning, why) for name, meaning in MEANINGS.items())


def missing(walls: Iterable[Wall]) -> str:
    """The names of the walls that do not stand, for people; empty when all do."""
    return ", ".join(wall.name for wall in walls if not wall.stands)


def requirement(env: Mapping[str, str] | None = None) -> str:
    """What says that nothing may run where a wall is missing, in words; empty when nothing does.

    `KOSMO_REQUIRE_WALLS` is 1 or 0, and comes before `require_walls` in `config.toml`.

    Raises:
        SettingsError: the variable is neither 0 nor 1. A typing error must not open the door.
        UnknownNameError: a mistake in `config.toml`.
    """
    told = (os.environ if env is None else env).get(REQUIRE, "").strip()
    if told not in ("", "0", "1"):
        raise SettingsError(f"{REQUIRE} must be 1 (a missing wall keeps Lua from running) or 0, got {told[:40]!r}.")
    if told:
        return f"{REQUIRE}=1" if told == "1" else ""
    settings = config(env)
    return f"require_walls = true in {settings.place('require_walls')}" if settings.get("require_walls") else ""


def required(env: Mapping[str, str] | None = None) -> bool:
    """Whether nothing may run where a wall is missing.

    Raises:
        SettingsError, UnknownNameError: as `requirement`.
    """
    return bool(requirement(env))


def allow(pid: int, memory: int, seconds: float) -> dict[str, str]:
    """Limit what a process may use from now on.

    Parameters:
        pid: a process of the same user.
        memory: bytes of Lua heap that are legal.
        seconds: of running time, counted from the start of the process.

    Returns:
        The names of the walls built, each with why it does not stand: empty when it does.
    """
    try:
        import resource

        set_limit, endless = resource.prlimit, resource.RLIM_INFINITY
    except (ImportError, AttributeError):
        return dict.fromkeys(("memory", "running_time"), "only Linux can limit a process from outside")
    wanted = {
        "memory": (resource.RLIMIT_AS, OWN + HEAP_COPIES * memory),
        "running_time": (resource.RLIMIT_CPU, min(math.ceil(seconds) + SPARE, MAX_CPU_SECONDS)),
    }
    walls = {}
    for name, (limit, most) in wanted.items():
        try:
            # The hard limit stays, since an ordinary user could not raise it again for a larger run.
            _, hard = set_limit(pid, limit)
            set_limit(pid, limit, (most if hard == endless else min(most, hard), hard))
            walls[name] = ""
        except (OSError, ValueError, OverflowError) as error:
            walls[name] = str(error)
    return walls
