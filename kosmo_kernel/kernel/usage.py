"""What the kernel and its Lua process use of the machine, for front ends that show it. Linux tells; others do not."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_PROC = Path("/proc")

_before: tuple[float, float] | None = None  # the time, and the seconds of CPU, when it was asked last


def usage(pids: Sequence[int]) -> dict[str, Any]:
    """The content of a `usage_reply`: memory in bytes, the use of processors in percent of one since it was asked last.

    Parameters:
        pids: of the processes that count.
    """
    global _before
    told: dict[str, Any] = {"hostname": socket.gethostname(), "pid": os.getpid(), "cpu_count": os.cpu_count()}
    if not _PROC.is_dir():
        return told
    seconds = sum(map(_cpu_seconds, pids))
    then, _before = _before, (time.monotonic(), seconds)
    used = 0.0 if then is None else max(0.0, (seconds - then[1]) / max(_before[0] - then[0], 1e-3))
    machine = {name: size * 1024 for name, size in _sizes(_PROC / "meminfo").items()}
    total, available = machine.get("MemTotal", 0), machine.get("MemAvailable", 0)
    return told | {
        "kernel_cpu": round(100 * used, 1),
        "kernel_memory": sum(_sizes(_PROC / str(pid) / "smaps_rollup").get("Pss", 0) * 1024 for pid in pids),
        "host_virtual_memory": {
            "total": total,
            "available": available,
            "used": total - available,
            "free": machine.get("MemFree", 0),
            "percent": round(100 * (1 - available / total), 1) if total else 0.0,
        },
    }


def _sizes(path: Path) -> dict[str, int]:
    """The kilobytes that a file of Linux's lists, by name; none of a process that has ended."""
    found: dict[str, int] = {}
    with suppress(OSError):
        for line in path.read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            number, _, unit = rest.strip().partition(" ")
            if unit == "kB":
                found[name] = int(number)
    return found


def _cpu_seconds(pid: int) -> float:
    with suppress(OSError):
        fields = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, counted from `state`
    return 0.0
