"""Check from the parent process that a child keeps to its limits.

The count hook in the child normally stops a script in time. This module catches the cases in which the hook does not
run: one long step in C, a bug in lupa, or a child that hangs or never stops sending. The clocks are read less often
while a limit is far away.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from kosmo_kernel.errors import LuaProcessError
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.settings.limits import Limits

GRACE_SECONDS = 0.5  # seconds that a child has to stop by itself before it is killed
POLL_INTERVAL_SECONDS = 0.25  # seconds between two checks while no limit is near
STOPPING_POLL_SECONDS = GRACE_SECONDS / 20  # seconds between two checks near a limit
MAX_IDLE_SECONDS = 20.0  # seconds that a child may use no CPU time while the parent waits for it


@dataclass(slots=True)
class StopReason:
    """Why a run must stop early, if it must. Any thread or signal handler may set it.

    Parameters:
        why: `interrupted`, or the limit that the run exceeded; None while it may go on.
        deadline: the time of `time.monotonic` at which the child is killed if it has not stopped the run.
        closed: whether the machine was closed, so that no result is needed.
    """

    why: str | None = None
    deadline: float = 0.0
    closed: bool = False

    @property
    def is_immediate(self) -> bool:
        """Return whether a second interrupt asked to stop at once."""
        return self.why is not None and self.deadline == 0.0

    def request(self, why: str, grace: float) -> None:
        """Ask the run to stop within `grace` seconds; only the first reason counts."""
        if self.why is None:
            self.deadline, self.why = time.monotonic() + grace, why

    def interrupt(self) -> None:
        """Ask the run to stop: within the grace period, or at once if it was asked before."""
        if self.why is None:
            self.request("interrupted", GRACE_SECONDS)
        else:
            self.deadline = 0.0


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

    def is_over(self) -> bool:
        """Return whether the child has used up its CPU time and the grace period after it.

        Raises:
            LuaProcessError: the child used no CPU time for `MAX_IDLE_SECONDS`.
        """
        used, self._checked_at = self._child.cpu_seconds(), time.monotonic()
        if used is None or used != self._used:
            self._used, self.still_since = used, self._checked_at
        elif (
            self._checked_at - self.still_since > MAX_IDLE_SECONDS
        ):  # a healthy child computes, or waits for the parent
            raise LuaProcessError(
                f"The Lua process did nothing for {MAX_IDLE_SECONDS:.0f} s, and was ended: {self._variables_lost}"
            )
        return used is not None and self._start is not None and used - self._start > self.limits.cpu + GRACE_SECONDS
