"""Start a child process behind the walls, and end it.

A child gets an empty environment, no file descriptors but its pipes, a session of its own, and a command line with
only the folders to import from and the code to run. It restricts itself further before it reports that it is ready. Its
error stream is also its lifeline (see `lockdown.py`), so the parent reads it only after the child has ended.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from kosmo_kernel.errors import KosmoError, LuaProcessError

NO_WINDOWS = (
    "Lua does not run on Windows itself, because its walls need Linux or macOS. Install WSL and kosmo_kernel in it: "
    "https://learn.microsoft.com/windows/wsl/install"
)


MAX_CPU_SECONDS = 1 << 31  # the kernel counts nanoseconds in 64 bits, and a larger number would wrap around
# The kernel's limit ends the process, so it lies beyond the allowed running time, at which the parent only stops the
# run. It counts whole clock ticks: on a virtual machine, several percent more than the clock of the process.
CPU_MARGIN_SECONDS = 1
CPU_TICK_FACTOR = 1.5


class WalledProcess:
    """A child process with pipes and nothing else. Creating it does not wait until it is ready.

    Parameters:
        folders: what it may import from, because it runs without site-packages; see `import_folders`.
        code: the Python code that it runs.

    Raises:
        LuaProcessError: this is Windows.
    """

    def __init__(self, folders: Sequence[str], code: str) -> None:
        if sys.platform == "win32":
            raise LuaProcessError(NO_WINDOWS)
        if sys.platform == "darwin":
            from kosmo_kernel.walls.lockdown import no_sandbox_because

            reason = no_sandbox_because(package_folder())
            code = f"from kosmo_kernel.walls import lockdown as walls; walls.no_macos_sandbox = {reason!r}; {code}"
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {folders!r}; {code}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            close_fds=True,
            start_new_session=True,
            bufsize=0,
        )
        if self._child.stdin is None or self._child.stdout is None or self._child.stderr is None:
            raise LuaProcessError("the child process has no pipes")
        self._requests, self._replies, self._complaints = self._child.stdin, self._child.stdout, self._child.stderr
        os.set_blocking(self._requests.fileno(), False)
        _living.add(self)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def cpu_seconds(self) -> float | None:
        """Return the CPU time used by the child, or None if the platform cannot tell or the child has ended."""
        if sys.platform != "linux":
            return None
        try:
            # The clock id of another process, computed as in clock_getcpuclockid(3).
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return None

    def set_limits(self, address_space: int, seconds: float) -> dict[str, str]:
        """Limit the memory and the running time of the child, which must not be able to change them itself.

        Parameters:
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
        bounds = {
            "memory": (resource.RLIMIT_AS, address_space),
            "running_time": (resource.RLIMIT_CPU, math.ceil(running_time)),
        }
        walls = {}
        for name, (limit, value) in bounds.items():
            try:
                # Leave the hard limit alone, since an ordinary user could not raise it again for a larger run.
                _, hard = set_limit(self.pid, limit)
                set_limit(self.pid, limit, (value if hard == unlimited else min(value, hard), hard))
                walls[name] = ""
            except (OSError, ValueError, OverflowError) as error:
                walls[name] = str(error)
        return walls

    def is_idle(self) -> bool:
        """Return whether the child sleeps, and so does not need a processor; True if the platform cannot tell.

        A child that waits for a processor or a disk, or is stopped by a signal, is not idle.
        """
        try:
            status = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return True
        return status.rpartition(")")[2].split()[0] not in ("R", "D", "T", "t")

    def kill(self) -> None:
        """Kill the child immediately."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def close_pipes(self) -> None:
        """Close this process's ends of the pipes."""
        for pipe in (self._requests, self._replies, self._complaints):
            with suppress(OSError):
                pipe.close()


_living: weakref.WeakSet[WalledProcess] = weakref.WeakSet()


def _close_in_fork() -> None:
    """Close the pipes in a fork of this process, where the open copies would keep the children alive."""
    for process in list(_living):
        process.close_pipes()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_fork)


def import_folders(library: str, missing: KosmoError) -> list[str]:
    """Return the folders of this package and of a library that a child needs; raise `missing` without the library."""
    spec = find_spec(library)
    if spec is None or spec.origin is None:
        raise missing
    return list(dict.fromkeys([package_folder(), str(Path(spec.origin).parents[1])]))


def package_folder() -> str:
    """Return the folder that this package is imported from."""
    return str(Path(__file__).resolve().parents[2])
