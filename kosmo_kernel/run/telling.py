"""When a run's progress is told: only while a remote account is waited for, not too soon, and not too often.

`KOSMO_PROGRESS=0` tells never. `KOSMO_PROGRESS=1` tells of every run that makes a call, from the first moment on and of
the fictional account as well.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kosmo_kernel.switches import switched

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmo_kernel.progress import Progress, Snapshot

SWITCH = "KOSMO_PROGRESS"
AFTER = 0.5  # seconds of waiting in which nothing is told
EVERY = 0.1  # seconds between two times


class Telling:
    """Tells somebody how far a run is, in the thread that runs it.

    Parameters:
        progress: of the run.
        show: is told; None for nobody.
        now: what time it is, in seconds, ever rising.

    Raises:
        SettingsError: `KOSMO_PROGRESS` is neither 0 nor 1.
    """

    def __init__(
        self, progress: Progress, show: Callable[[Snapshot], None] | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        switch = switched(SWITCH)
        self._progress, self._now = progress, now
        self._show = None if switch is False else show
        self._always = switch is True
        self._waited = 0.0
        self._told_at: float | None = None

    def waited(self, since: float, *, remote: bool) -> None:
        """Calls were waited for, one with a remote account among them or not, since then (as `now` has it)."""
        if self._show is None or not (remote or self._always):
            return
        now = self._now()
        self._waited += now - since
        is_due = self._told_at is None or now - self._told_at >= EVERY
        if is_due and (self._always or self._waited >= AFTER):
            self._told_at = now
            self._show(self._progress.snapshot())

    def end(self, last: Snapshot) -> None:
        """The run is over, and this is what it came to: told where anything was."""
        if self._show is not None and self._told_at is not None:
            self._show(last)
