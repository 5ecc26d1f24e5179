"""One Lua process as its parent sees it: started poor, spoken to in frames, killed when it must be.

The child gets an empty environment, no descriptor but its pipes, a session of its own, and nothing on its
command line but the folders to import from and the time zone; it walls itself in further before it says that it is
ready. Its error stream is also its lifeline (see `walls_lockdown.py`), so nobody reads that before its end.
Reading waits for the child and for a wake-up at once, so that a signal handler or another thread can end the wait
without an exception in the middle of a frame.
"""

from __future__ import annotations

import fcntl
import math
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from kosmo_kernel.errors import LuaProcessError
from kosmo_kernel.lua import walls, wire
from kosmo_kernel.settings.limits import Limits

START = "from kosmo_kernel.lua.worker import main; main(zone)"
MAX_UNREAD_SECONDS = 5.0  # seconds that a child may leave an answer unread
VARIABLES_LOST = "Its variables are gone; run what set them again."
FIRST_READ_BYTES = (
    1 << 16
)  # bytes that are read of a frame at first; for a megabyte Python would map and unmap memory each time
PIPE_BYTES = 1 << 20  # bytes the kernel may hold for us; the default makes sixteen times as many switches


def _import_folders() -> list[str]:
    """Where the child finds this package and lupa; it runs without site-packages."""
    folders = [str(Path(__file__).resolve().parents[2])]
    lupa = find_spec("lupa")
    if lupa is None or lupa.origin is None:
        raise LuaProcessError("lupa is not installed, so Lua cannot run. Install it: python -m pip install lupa")
    folders.append(str(Path(lupa.origin).parents[1]))
    return list(dict.fromkeys(folders))


def _zone() -> str:
    """The time zone as `TZ` has it. Linux's own is named too: of one without a name C wants the file each time."""
    return os.environ.get("TZ", ":/etc/localtime" if sys.platform == "linux" else "")


class LuaProcess:
    """A child that runs `worker.main`. Starting does not wait for it to be ready."""

    def __init__(self) -> None:
        code = f"import sys; sys.path[:0] = {_import_folders()!r}; zone = {_zone()!r}; {START}"
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code],
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
            raise LuaProcessError("the Lua process has no pipes")
        self._requests, self._replies, self._complaints = self._child.stdin, self._child.stdout, self._child.stderr
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._received = bytearray()
        self._allowed: tuple[int, int] | None = None
        _living.add(self)
        self._enlarge_pipes()
        os.set_blocking(self._requests.fileno(), False)
        self.allow(Limits().memory, Limits().cpu)

    def _enlarge_pipes(self) -> None:
        if sys.platform != "linux":
            return

        for pipe in (self._requests, self._replies):
            with suppress(OSError):  # over the user's quota the default size still works
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def cpu_seconds(self) -> float | None:
        """CPU time the child has used so far; None where the platform does not tell or the child has ended."""
        if sys.platform != "linux":
            return None
        try:
            # The clock of another process, as clock_getcpuclockid(3) makes it.
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return None

    def allow(self, memory: int, seconds: float) -> None:
        """Limit what the child may use until the next call of this: bytes of Lua heap, seconds of running time."""
        wanted = memory, math.ceil((self.cpu_seconds() or 0.0) + seconds)
        if wanted != self._allowed:  # nobody else changes it, the child least of all
            self._allowed, self._limited = wanted, walls.allow(self.pid, *wanted)

    def walls(self, report: bytes) -> tuple[walls.Wall, ...]:
        """The walls around the child; `report` is the text of the message with which it said that it was ready."""
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
        """The next payload; None when `wake` was called or the time is over first.

        Parameters:
            seconds: how long to wait.
            most: bytes that the payload may have.

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
            if self._wake_read in ready or time.monotonic() > until:  # a frame may come byte by byte
                return self._take_frame(most)

    def _take_frame(self, most: int) -> bytes | None:
        size_of = wire.LENGTH.size
        if len(self._received) < size_of:
            return None
        (size,) = wire.LENGTH.unpack_from(self._received)
        if size > most:
            self.kill()
            raise LuaProcessError(
                f"The Lua process sent a frame that no script can make, and was ended. {VARIABLES_LOST}"
            )
        if len(self._received) < size_of + size:
            return None
        payload = bytes(memoryview(self._received)[size_of : size_of + size])
        del self._received[: size_of + size]
        return payload

    def wake(self) -> None:
        """End a `read` that waits; from any thread or a signal handler."""
        with suppress(BlockingIOError, OSError):  # full: it will wake anyway; closed: nobody waits
            os.write(self._wake_write, b"!")

    def interrupt(self) -> None:
        """Ask the child to stop its script at the next instruction that looks."""
        if sys.platform == "win32":
            return  # no such signal: the script ends with its process
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)

    def check(self) -> None:
        """Make sure that the child still runs.

        Raises:
            LuaProcessError: it has ended.
        """
        if self._child.poll() is not None:
            raise self.ended()

    def ended(self) -> LuaProcessError:
        """The error that says how the child ended; ends it if it has not."""
        if self._child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(0.2)
        code = self._child.poll()
        self.kill()
        how = "was ended"
        if code is not None and code < 0:
            with suppress(ValueError):
                how = f"was ended by {signal.Signals(-code).name}"
            if how.endswith("SIGSYS"):
                how += ", since it tried what only an intruder would"
        elif code:
            how = f"ended with status {code}"
        said = ""
        with suppress(OSError, ValueError):
            os.set_blocking(self._complaints.fileno(), False)
            said = (self._complaints.read() or b"").decode(errors="replace").strip()
        self._close()
        detail = f"\n{said.splitlines()[-1]}" if said else ""
        return LuaProcessError(f"The process that runs Lua {how}. {VARIABLES_LOST}{detail}")

    def kill(self) -> None:
        """End the child now, whatever it does."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def close(self) -> None:
        """End the child and give back everything."""
        with suppress(OSError):
            self._requests.close()  # the end of its input ends it
        self.kill()
        self._close()

    def _close(self) -> None:
        for pipe in (self._requests, self._replies, self._complaints):
            with suppress(OSError):
                pipe.close()
        for descriptor in (self._wake_read, self._wake_write):
            with suppress(OSError):
                os.close(descriptor)
        self._wake_read = self._wake_write = -1


_living: weakref.WeakSet[LuaProcess] = weakref.WeakSet()


def _let_go() -> None:
    """In a fork of this process: the children are not its own, and its copies of their pipes would keep them alive."""
    for process in list(_living):
        process._close()  # noqa: SLF001 - the same file


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_let_go)
