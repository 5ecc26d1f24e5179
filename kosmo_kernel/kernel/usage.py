"""Memory and CPU use of the kernel and its Lua process, for front ends that show it.

The numbers come from Linux's `/proc`; on other systems only the host name, process id and CPU count are sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_PROC = Path("/proc")

_previous: tuple[float, float] | None = None  # time and CPU seconds at the previous request


def usage(pids: Sequence[int]) -> dict[str, Any]:
    """Return the content of a `usage_reply`: memory in bytes, and CPU use since the last call in percent of one CPU."""
    global _previous
    content: dict[str, Any] = {"hostname": socket.gethostname(), "pid": os.getpid(), "cpu_count": os.cpu_count()}
    if not _PROC.is_dir():
        return content
    seconds = sum(map(_cpu_seconds, pids))
    previous, _previous = _previous, (time.monotonic(), seconds)
    share = 0.0 if previous is None else max(0.0, (seconds - previous[1]) / max(_previous[0] - previous[0], 1e-3))
    machine = {name: size * 1024 for name, size in _sizes(_PROC / "meminfo").items()}
    total, available = machine.get("MemTotal", 0), machine.get("MemAvailable", 0)
    return content | {
        "kernel_cpu": round(100 * share, 1),
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
    """Return the sizes in kilobytes that a file in `/proc` lists, by name; empty if the process has ended."""
    sizes: dict[str, int] = {}
    with suppress(OSError):
        for line in path.read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            number, _, unit = rest.strip().partition(" ")
            if unit == "kB":
                sizes[name] = int(number)
    return sizes


def _cpu_seconds(pid: int) -> float:
    with suppress(OSError):
        fields = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, counted from `state`
    return 0.0
