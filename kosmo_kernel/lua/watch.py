"""Whether a child keeps to its limits, seen from outside, where nothing that happens inside it can hide.

Its own hook stops a script in time; this looks for a child whose hook does not come to it: one long step in C, a fault
of lupa's, a child that does nothing or talks without end. The clocks are read seldom while a limit is far.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from kosmo_kernel.errors import LuaProcessError
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.settings.limits import Limits

GRACE_SECONDS = 0.5  # seconds that a child has to stop by itself before it is killed
POLL_INTERVAL_SECONDS = 0.25  # seconds between two looks while no limit is near
SOON = GRACE_SECONDS / 20
STILL = 20.0  # seconds that a child may use no time of its own while it is waited for


@dataclass(slots=True)
class StopReason:
    """Why the run in progress must end before its time, if it must. Threads and signal handlers may say so.

    Parameters:
        why: `interrupted`, or the limit that it passed.
        by: when its child is killed if it has not ended it, in seconds of `time.monotonic`.
        closed: nobody waits for anything any more.
    """

    why: str | None = None
    by: float = 0.0
    closed: bool = False

    @property
    def hurried(self) -> bool:
        """Whether it was asked a second time."""
        return self.why is not None and self.by == 0.0

    def request(self, why: str, grace: float) -> None:
        """Have it end, for the first reason that comes up; the child has so many seconds for it."""
        if self.why is None:
            self.by, self.why = time.monotonic() + grace, why

    def interrupt(self) -> None:
        """Somebody has it end: soon, or if that was said before, at once."""
        if self.why is None:
            self.request("interrupted", GRACE_SECONDS)
        else:
            self.by = 0.0


class LimitWatch:
    """One request's watch over its child.

    Parameters:
        child: who is watched.
        limits: of the request; its CPU time counts from now.
        gone: what to tell about Lua's variables.
    """

    def __init__(self, child: LuaProcess, limits: Limits, gone: str) -> None:
        self.limits = limits
        self._child, self._gone = child, gone
        self._used = self._start = child.cpu_seconds()
        self._still_since = self._looked_at = time.monotonic()

    def seconds(self, *, stopping: bool) -> float:
        """How long to wait for the child's next message before `is_over` is asked; 0 when it is time already."""
        if stopping:
            pause = SOON
        elif self._used is None or self._start is None:
            pause = POLL_INTERVAL_SECONDS
        else:
            left = self.limits.cpu + GRACE_SECONDS - (self._used - self._start)
            pause = min(POLL_INTERVAL_SECONDS, max(left, SOON))
        return max(0.0, self._looked_at + pause - time.monotonic())

    def is_over(self) -> bool:
        """Whether the child has used its CPU time, and the grace after it.

        Raises:
            LuaProcessError: it did nothing for so long that it never will.
        """
        used, self._looked_at = self._child.cpu_seconds(), time.monotonic()
        if used is None or used != self._used:
            self._used, self._still_since = used, self._looked_at
        elif self._looked_at - self._still_since > STILL:  # Lua computes or waits for us
            raise LuaProcessError(f"The Lua process did nothing for {STILL:.0f} s, and was ended: {self._gone}")
        return used is not None and self._start is not None and used - self._start > self.limits.cpu + GRACE_SECONDS
