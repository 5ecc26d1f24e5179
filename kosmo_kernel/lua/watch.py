"""Check from the parent process that a child keeps to its limits.

The count hook in the child normally stops a script in time. This module catches the cases in which the hook does not
run: one long step in C, a bug in lupa, or a child that hangs or never stops sending. The clocks are read less often
while a limit is far away.
"""

from __future__ import annotations

import time
from typing import ClassVar

from msgspec import Struct

from kosmo_kernel.errors import LuaProcessError
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.settings.limits import Limits

GRACE_SECONDS = 0.5  # seconds in which a child can compute, and stop by itself, before it is killed
GRACE_WITHOUT_CLOCK_SECONDS = 1.5  # the same in wall-clock time, where the CPU time of a child cannot be read
MAX_STOPPING_SECONDS = 5.0  # wall-clock time after which a child is killed even if it had no CPU time to stop
POLL_INTERVAL_SECONDS = 0.25  # seconds between two checks while no limit is near
STOPPING_POLL_SECONDS = GRACE_SECONDS / 20  # seconds between two checks near a limit
MAX_IDLE_SECONDS = 20.0  # seconds that a child may use no CPU time while the parent waits for it


class StopReason(Struct):
    """Why a run must stop early, if it must. Any thread or signal handler may set it."""

    why: str | None = None  # `interrupted`, or the limit that the run exceeded; None while it may go on
    is_immediate: bool = False  # whether a second interrupt asked to stop at once
    closed: bool = False  # whether the machine was closed, so that no result is needed

    def request(self, why: str) -> None:
        """Ask the run to stop within the grace period; only the first reason counts."""
        if self.why is None:
            self.why = why

    def interrupt(self) -> None:
        """Ask the run to stop: within the grace period, or at once if it was asked before."""
        if self.why is None:
            self.why = "interrupted"
        else:
            self.is_immediate = True


class Grace(Struct):
    """The time that a child had to stop by itself.

    On a busy machine, a child gets little CPU time and its parent may see a reply late. The grace period therefore
    counts only time in which the child could compute, and of the time between two checks no more than `MAX_STEP`.
    """

    MAX_STEP: ClassVar[float] = 2 * STOPPING_POLL_SECONDS

    cpu: float | None  # the CPU time of the child at the last check
    available: float = 0.0  # seconds in which the child could compute
    elapsed: float = 0.0  # seconds of wall-clock time

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
        variables_lost: the end of the error message, about Lua's variables.

    Attributes:
        still_since: the time since which the parent waits for the child, and the child has used no CPU time.
    """

    def __init__(self, child: LuaProcess, limits: Limits, variables_lost: str) -> None:
        self.limits = limits
        self._child, self._variables_lost = child, variables_lost
        self._used = self._start = child.cpu_seconds()
        self.still_since = self._checked_at = time.monotonic()
        self._grace: Grace | None = None  # since the run must stop

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
        used, now = self._child.cpu_seconds(), time.monotonic()
        elapsed, self._checked_at = now - self._checked_at, now
        if used is None or used != self._used:
            self._used, self.still_since = used, now
        elif now - self.still_since > MAX_IDLE_SECONDS:  # a healthy child computes, or waits for the parent
            raise LuaProcessError(
                f"The Lua process did nothing for {MAX_IDLE_SECONDS:.0f} s, and was ended: {self._variables_lost}"
            )
        if stopping and self._grace is None:
            self._grace = Grace(used)
        elif self._grace is not None:
            self._grace.add(used, elapsed, idle=self._child.is_idle())
            if self._grace.is_over:
                return True
        return used is not None and self._start is not None and used - self._start > self.limits.cpu + GRACE_SECONDS
