"""Limit the memory and the running time of a walled process, from outside.

The limits change with each request, and the process must not be able to change them, so its parent sets them.
"""

from __future__ import annotations

import math

MAX_CPU_SECONDS = 1 << 31  # the kernel counts nanoseconds in 64 bits, and a larger number would wrap around
# The kernel's limit ends the process, so it lies beyond the allowed running time, at which the parent only stops the
# run. It counts whole clock ticks: on a virtual machine, several percent more than the clock of the process.
CPU_MARGIN_SECONDS = 1
CPU_TICK_FACTOR = 1.5


def allow(pid: int, address_space: int, seconds: float) -> dict[str, str]:
    """Set the limits of memory and running time of a process.

    Parameters:
        pid: a process of the same user.
        address_space: bytes of memory that it may have mapped, its code included.
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
        "memory": (resource.RLIMIT_AS, address_space),
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
