"""Report which walls restrict the Lua process, and set the two that only its parent can set.

A wall is one restriction of the process. It sets most of them itself (`walls_lockdown.py`). The limits of memory and
running time change with each run, and the process must not be able to change them, so its parent sets them from
outside.
"""

from __future__ import annotations

import math
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

BASE_ADDRESS_SPACE_BYTES = 256 << 20  # besides the heap: Python (16 MiB), and a reply on its way into Lua
HEAP_COPIES = 2  # the heap may hold a result and its frame, and Python then copies the frame twice
MAX_CPU_SECONDS = 1 << 31  # the kernel counts nanoseconds in 64 bits, and a larger number would wrap around
# The kernel's limit ends the process, so it lies beyond the allowed running time, at which the parent only stops the
# run. It counts whole clock ticks: on a virtual machine, several percent more than the clock of the process.
CPU_MARGIN_SECONDS = 1
CPU_TICK_FACTOR = 1.5


class Wall(NamedTuple):
    """A wall around the Lua process.

    Parameters:
        name: a short name, one of `MEANINGS`.
        stands: whether it is in place on this machine.
        meaning: what it prevents.
        why_not: why it is missing; empty when it is in place.
    """

    name: str
    stands: bool
    meaning: str
    why_not: str = ""


def parse_report(report: bytes, built_outside: dict[str, str]) -> tuple[Wall, ...]:
    """Return all walls, in the order of `MEANINGS`.

    Parameters:
        report: the report of the Lua process, which it sends when it is ready.
        built_outside: the result of `allow`.
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


def allow(pid: int, memory: int, seconds: float) -> dict[str, str]:
    """Set the limits of memory and running time of a process.

    Parameters:
        pid: a process of the same user.
        memory: bytes of Lua heap that it may use.
        seconds: running time, counted from the start of the process.

    Returns:
        Each wall's name, and why it is missing: empty when it is in place.
    """
    try:
        import resource

        set_limit, unlimited = resource.prlimit, resource.RLIM_INFINITY
    except (ImportError, AttributeError):
        return dict.fromkeys(("memory", "running_time"), "only Linux can limit a process from outside")
    running_time = min(seconds * CPU_TICK_FACTOR + CPU_MARGIN_SECONDS, MAX_CPU_SECONDS)
    wanted = {
        "memory": (resource.RLIMIT_AS, BASE_ADDRESS_SPACE_BYTES + HEAP_COPIES * memory),
        "running_time": (resource.RLIMIT_CPU, math.ceil(running_time)),
    }
    walls = {}
    for name, (limit, value) in wanted.items():
        try:
            # Leave the hard limit alone, since an ordinary user could not raise it again for a larger run.
            _, hard = set_limit(pid, limit)
            set_limit(pid, limit, (value if hard == unlimited else min(value, hard), hard))
            walls[name] = ""
        except (OSError, ValueError, OverflowError) as error:
            walls[name] = str(error)
    return walls
