"""When a run's progress is told: only while a remote account is waited for, not too soon, and not too often.

`KOSMO_PROGRESS=0` tells never. `KOSMO_PROGRESS=1` tells of every run that makes a call, from the first moment on and of
the fictional account as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kosmo_kernel.client.progress import Progress, ProgressSnapshot
from kosmo_kernel.settings.env import env_flag

SWITCH = "KOSMO_PROGRESS"
SHOW_AFTER_SECONDS = 0.5  # seconds of waiting in which nothing is told
INTERVAL_SECONDS = 0.1  # seconds between two times


class ProgressThrottle:
    """Tells somebody how far a run is, in the thread that runs it.

    Parameters:
        progress: of the run.
        show: is told; None for nobody.
        now: what time it is, in seconds, ever rising.

    Raises:
        SettingsError: `KOSMO_PROGRESS` is neither 0 nor 1.
    """

    def __init__(
        self,
        progress: Progress,
        show: Callable[[ProgressSnapshot], None] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        switch = env_flag(SWITCH)
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
        is_due = self._told_at is None or now - self._told_at >= INTERVAL_SECONDS
        if is_due and (self._always or self._waited >= SHOW_AFTER_SECONDS):
            self._told_at = now
            self._show(self._progress.snapshot())

    def end(self, last: ProgressSnapshot) -> None:
        """The run is over, and this is what it came to: told where anything was."""
        if self._show is not None and self._told_at is not None:
            self._show(last)
