"""Start a child process behind the walls; exchange frames with the one that runs Lua, and end it.

A child gets an empty environment, no file descriptors but its pipes, a session of its own, and a command line with
only the folders to import from and the time zone. It restricts itself further before it reports that it is ready. Its
error stream is also its lifeline (see `walls_lockdown.py`), so the parent reads it only after the child has ended.
`read` waits for the child and for a wake-up at the same time, so that a signal handler or another thread can end the
wait without raising an exception in the middle of a frame.
"""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from kosmo_kernel.errors import KosmoError, LuaProcessError
from kosmo_kernel.lua import walls, wire
from kosmo_kernel.settings.limits import Limits

START = "from kosmo_kernel.lua.worker import main; main(zone)"
MAX_UNREAD_SECONDS = 5.0  # seconds that a child may leave a reply unread
NO_WINDOWS = (
    "Lua does not run on Windows itself, because its walls need Linux or macOS. Install WSL and kosmo_kernel in it: "
    "https://learn.microsoft.com/windows/wsl/install"
)
VARIABLES_LOST = "Its variables are gone; run what set them again."
# Bytes that the first read of a frame asks for; for a megabyte, Python would map and unmap memory each time.
FIRST_READ_BYTES = 1 << 16
PIPE_BYTES = 1 << 20  # size of the pipes' buffers; the default causes sixteen times as many context switches


def _zone() -> str:
    """Return the time zone as in `TZ`.

    On Linux the default zone is named as well, since the C library would otherwise open its file at each use.
    """
    return os.environ.get("TZ", ":/etc/localtime" if sys.platform == "linux" else "")


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
            from kosmo_kernel.lua.walls_macos import missing_because

            reason = missing_because(package_folder())
            code = f"from kosmo_kernel.lua import walls_lockdown as walls; walls.no_macos_sandbox = {reason!r}; {code}"
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


class LuaProcess(WalledProcess):
    """A child process that runs `worker.main`."""

    def __init__(self) -> None:
        no_lupa = LuaProcessError("lupa is not installed, so Lua cannot run. Install it: python -m pip install lupa")
        super().__init__(import_folders("lupa", no_lupa), f"zone = {_zone()!r}; {START}")
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._received = bytearray()
        self._allowed: tuple[int, int] | None = None
        self._enlarge_pipes()
        self.allow(Limits().memory, Limits().cpu)

    def _enlarge_pipes(self) -> None:
        if sys.platform != "linux":
            return
        import fcntl  # not on Windows

        for pipe in (self._requests, self._replies):
            with suppress(OSError):  # over the user's quota the default size still works
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def allow(self, memory: int, seconds: float) -> None:
        """Limit the child to `memory` bytes of Lua heap and `seconds` more running time, until the next call."""
        wanted = memory, math.ceil((self.cpu_seconds() or 0.0) + seconds)
        if wanted != self._allowed:  # the limits change only here
            self._allowed, self._limited = wanted, walls.allow(self.pid, *wanted)

    def walls(self, report: bytes) -> tuple[walls.Wall, ...]:
        """Return the walls of the child; `report` is the text of its `ready` message."""
        return walls.parse_report(report, self._limited)

    def write(self, payload: bytes) -> None:
        """Send a payload.

        Raises:
            LuaProcessError: the child has ended.
        """
        view = memoryview(wire.LENGTH.pack(len(payload)) + payload)
        try:
            while True:
                with suppress(BlockingIOError):
                    view = view[os.write(self._requests.fileno(), view) :]
                if not view:
                    return
                _, ready, _ = select.select([], [self._requests], [], MAX_UNREAD_SECONDS)
                if not ready:
                    self.kill()
                    raise LuaProcessError(f"The Lua process asked and did not listen, and was ended. {VARIABLES_LOST}")
        except (BrokenPipeError, ValueError) as error:
            raise self.ended() from error

    def read(self, seconds: float, most: int) -> bytes | None:
        """Return the next payload, or None if `wake` is called or the time is over first.

        Parameters:
            seconds: how long to wait.
            most: the maximum number of bytes of the payload.

        Raises:
            LuaProcessError: the child has ended.
        """
        replies, until = self._replies.fileno(), time.monotonic() + seconds
        while True:
            payload = self._take_frame(most)
            if payload is not None:
                return payload
            ready, _, _ = select.select([replies, self._wake_read], [], [], max(0.0, until - time.monotonic()))
            if replies not in ready:
                with suppress(BlockingIOError):
                    os.read(self._wake_read, 1024)
                return None
            part = os.read(replies, PIPE_BYTES if self._received else FIRST_READ_BYTES)
            if not part:
                raise self.ended()
            self._received += part
            if self._wake_read in ready or time.monotonic() > until:  # a slow frame must not extend the wait
                return self._take_frame(most)

    def _take_frame(self, max_bytes: int) -> bytes | None:
        prefix = wire.LENGTH.size
        if len(self._received) < prefix:
            return None
        (size,) = wire.LENGTH.unpack_from(self._received)
        if size > max_bytes:
            self.kill()
            raise LuaProcessError(
                f"The Lua process sent a frame that no script can make, and was ended. {VARIABLES_LOST}"
            )
        if len(self._received) < prefix + size:
            return None
        payload = bytes(memoryview(self._received)[prefix : prefix + size])
        del self._received[: prefix + size]
        return payload

    def wake(self) -> None:
        """End a waiting `read`; may be called from any thread or signal handler."""
        with suppress(BlockingIOError, OSError):  # a full pipe wakes the reader anyway, a closed one has no reader
            os.write(self._wake_write, b"!")

    def interrupt(self) -> None:
        """Ask the child to stop its script the next time that its count hook runs."""
        if sys.platform == "win32":
            return  # there is no such signal, so the parent kills the process instead
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)

    def check(self) -> None:
        """Check that the child still runs.

        Raises:
            LuaProcessError: it has ended.
        """
        if self._child.poll() is not None:
            raise self.ended()

    def ended(self) -> LuaProcessError:
        """Return an error that says how the child ended; end it first if it still runs."""
        if self._child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(0.2)
        code = self._child.poll()
        self.kill()
        how = "was ended"
        if code is not None and code < 0:
            with suppress(ValueError):
                name = signal.Signals(-code).name
                how = f"was ended by {name}"
                how += ", since it tried what only an intruder would" if name == "SIGSYS" else ""
        elif code:
            how = f"ended with status {code}"
        errors = ""
        with suppress(OSError, ValueError):
            os.set_blocking(self._complaints.fileno(), False)
            errors = (self._complaints.read() or b"").decode(errors="replace").strip()
        self.close_pipes()
        detail = f"\n{errors.splitlines()[-1]}" if errors else ""
        return LuaProcessError(f"The process that runs Lua {how}. {VARIABLES_LOST}{detail}")

    def close(self) -> None:
        """End the child and close the pipes."""
        with suppress(OSError):
            self._requests.close()  # the child ends at the end of its input
        self.kill()
        self.close_pipes()

    def close_pipes(self) -> None:
        """Close this process's ends of all pipes."""
        super().close_pipes()
        for descriptor in (self._wake_read, self._wake_write):
            with suppress(OSError):
                os.close(descriptor)
        self._wake_read = self._wake_write = -1
