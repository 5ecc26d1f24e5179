"""Start the child process that runs Lua, exchange frames with it, check that it keeps to its limits, and end it.

`read` waits for the child and for a wake-up at the same time, so that a signal handler or another thread can end the
wait without raising an exception in the middle of a frame.

The count hook in the child normally stops a script in time. `LimitWatch` catches the cases in which the hook does not
run: one long step in C, a bug in lupa, or a child that hangs or never stops sending. It reads the clocks less often
while a limit is far away. The kernel imports this file before anything else of a cell, so it needs few others.
"""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from kosmo_kernel.errors import LuaProcessError
from kosmo_kernel.walls import wire
from kosmo_kernel.walls.process import WalledProcess, import_folders

if TYPE_CHECKING:
    from kosmo_kernel.settings.limits import Limits

START = "from kosmo_kernel.lua.worker import main; main(zone)"
MAX_UNREAD_SECONDS = 5.0  # seconds that a child may leave a reply unread
VARIABLES_LOST = "Lua's variables are gone; run what set them again."
# Bytes that the first read of a frame asks for; for a megabyte, Python would map and unmap memory each time.
FIRST_READ_BYTES = 1 << 16
BASE_ADDRESS_SPACE_BYTES = 256 << 20  # besides the heap: Python (16 MiB), and a reply on its way into Lua
HEAP_COPIES = 2  # the heap may hold a result and its frame, and Python then copies the frame twice
PIPE_BYTES = 1 << 20  # size of the pipes' buffers; the default causes sixteen times as many context switches
START_MEMORY_BYTES, START_CPU_SECONDS = 256 << 20, 30.0  # the limits of the child until the first request
GRACE_SECONDS = 0.5  # seconds in which a child can compute, and stop by itself, before it is killed
GRACE_WITHOUT_CLOCK_SECONDS = 1.5  # the same in wall-clock time, where the CPU time of a child cannot be read
MAX_STOPPING_SECONDS = 5.0  # wall-clock time after which a child is killed even if it had no CPU time to stop
POLL_INTERVAL_SECONDS = 0.25  # seconds between two checks while no limit is near
STOPPING_POLL_SECONDS = GRACE_SECONDS / 20  # seconds between two checks near a limit
MAX_IDLE_SECONDS = 20.0  # seconds that a child may use no CPU time while the parent waits for it


def unusable(what: str) -> LuaProcessError:
    """Return the error for a child that did something that only a broken one does."""
    return LuaProcessError(f"The Lua process {what}, and was ended: {VARIABLES_LOST}")


def _zone() -> str:
    """Return the time zone as in `TZ`.

    On Linux the default zone is named as well, since the C library would otherwise open its file at each use.
    """
    return os.environ.get("TZ", ":/etc/localtime" if sys.platform == "linux" else "")


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
        self.allow(START_MEMORY_BYTES, START_CPU_SECONDS)

    def _enlarge_pipes(self) -> None:
        if sys.platform != "linux":
            return
        import fcntl  # not on Windows

        for pipe in (self._requests, self._replies):
            with suppress(OSError):  # over the user's quota the default size still works
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def allow(self, memory: int, seconds: float) -> None:
        """Limit the child to `memory` bytes of Lua heap and `seconds` more running time, until the next call."""
        allowed = memory, math.ceil((self.cpu_seconds() or 0.0) + seconds)
        if allowed != self._allowed:  # the limits change only here
            self._allowed = allowed
            address_space = BASE_ADDRESS_SPACE_BYTES + HEAP_COPIES * memory
            self.limited = self.set_limits(address_space, allowed[1])

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
                    raise unusable("asked and did not listen")
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
            raise unusable("sent a frame that no script can make")
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


class StopReason:
    """Why a run must stop early, if it must. Any thread or signal handler may set it."""

    __slots__ = ("closed", "is_immediate", "reason")

    def __init__(self, *, closed: bool = False) -> None:
        self.reason: str | None = None  # `interrupted`, or the limit that the run exceeded; None while it may go on
        self.is_immediate = False  # whether a second interrupt asked to stop at once
        self.closed = closed  # whether the machine was closed, so that no result is needed

    def request(self, reason: str) -> None:
        """Ask the run to stop within the grace period; only the first reason counts."""
        if self.reason is None:
            self.reason = reason

    def interrupt(self) -> None:
        """Ask the run to stop: within the grace period, or at once if it was asked before."""
        self.is_immediate = self.reason is not None
        self.request("interrupted")


class GracePeriod:
    """The time that a child had to stop by itself.

    On a busy machine, a child gets little CPU time and its parent may see a reply late. The grace period therefore
    counts only time in which the child could compute, and of the time between two checks no more than `MAX_STEP`.
    """

    MAX_STEP = 2 * STOPPING_POLL_SECONDS

    __slots__ = ("available", "cpu", "elapsed")

    def __init__(self, cpu: float | None) -> None:
        self.cpu = cpu  # the CPU time of the child at the last check
        self.available = 0.0  # seconds in which the child could compute
        self.elapsed = 0.0  # seconds of wall-clock time

    def add(self, cpu: float | None, elapsed: float, *, idle: bool) -> None:
        """Count the time since the last check.

        Parameters:
            cpu: the CPU time of the child.
            elapsed: the wall-clock time since the last check.
            idle: whether the child sleeps, so that it could compute if it had anything to do.
        """
        step = min(elapsed, self.MAX_STEP)
        had_cpu = max(0.0, cpu - self.cpu) if cpu is not None and self.cpu is not None else 0.0
        self.available += max(had_cpu, step) if idle else had_cpu
        self.elapsed += step
        self.cpu = cpu

    @property
    def is_over(self) -> bool:
        """Return whether the child had its time."""
        limit = GRACE_WITHOUT_CLOCK_SECONDS if self.cpu is None else GRACE_SECONDS
        return self.available > limit or self.elapsed > MAX_STOPPING_SECONDS


class LimitWatch:
    """Checks the limits of the child during one request.

    Parameters:
        child: the process to watch.
        limits: of the request; its CPU time counts from now.

    Attributes:
        still_since: the time since which the parent waits for the child, and the child has used no CPU time.
    """

    def __init__(self, child: LuaProcess, limits: Limits) -> None:
        self._child, self.limits = child, limits
        self._used = self._start = child.cpu_seconds()
        self.still_since = self._checked_at = time.monotonic()
        self._grace: GracePeriod | None = None  # since the run must stop

    def seconds(self, *, stopping: bool) -> float:
        """Return how long to wait for the child's next message before calling `is_over`; 0 means now."""
        if stopping:
            pause = STOPPING_POLL_SECONDS
        elif self._used is None or self._start is None:
            pause = POLL_INTERVAL_SECONDS
        else:
            remaining = self.limits.cpu + GRACE_SECONDS - (self._used - self._start)
            pause = min(POLL_INTERVAL_SECONDS, max(remaining, STOPPING_POLL_SECONDS))
        return max(0.0, self._checked_at + pause - time.monotonic())

    def is_over(self, *, stopping: bool) -> bool:
        """Return whether the child has used up its time: its CPU time and the grace period, or that after a request.

        Parameters:
            stopping: whether the child was asked to stop.

        Raises:
            LuaProcessError: the child used no CPU time for `MAX_IDLE_SECONDS`.
        """
        cpu, now = self._child.cpu_seconds(), time.monotonic()
        elapsed, self._checked_at = now - self._checked_at, now
        if cpu is None or cpu != self._used:
            self._used, self.still_since = cpu, now
        elif now - self.still_since > MAX_IDLE_SECONDS:  # a healthy child computes, or waits for the parent
            raise unusable(f"did nothing for {MAX_IDLE_SECONDS:.0f} s")
        if stopping and self._grace is None:
            self._grace = GracePeriod(cpu)
        elif self._grace is not None:
            self._grace.add(cpu, elapsed, idle=self._child.is_idle())
            if self._grace.is_over:
                return True
        return cpu is not None and self._start is not None and cpu - self._start > self.limits.cpu + GRACE_SECONDS
