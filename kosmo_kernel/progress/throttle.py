"""When a run's progress is shown: only while it waits for a remote account, after a delay, and at intervals.

`KOSMO_PROGRESS=0` never shows it. `KOSMO_PROGRESS=1` shows it for every run that makes a call, without delay and also
with the demo account.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kosmo_kernel.progress.run import Progress
from kosmo_kernel.progress.snapshot import ProgressSnapshot
from kosmo_kernel.settings.table import PROGRESS

SHOW_AFTER_SECONDS = 0.5  # of waiting, before progress is shown
INTERVAL_SECONDS = 0.1  # between two updates


class ProgressThrottle:
    """Show the progress of a run at intervals, in the thread that runs it.

    Parameters:
        progress: the progress of the run.
        show: callback for a snapshot; None to show nothing.
        now: returns the time in seconds of a monotonic clock.

    Raises:
        SettingsError: `KOSMO_PROGRESS` is neither 0 nor 1.
    """

    def __init__(
        self,
        progress: Progress,
        show: Callable[[ProgressSnapshot], None] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        switch = PROGRESS.from_env()
        self._progress, self._now = progress, now
        self._show = None if switch is False else show
        self._always = switch is True
        self._waited = 0.0
        self._shown_at: float | None = None

    def waited(self, since: float, *, remote: bool) -> None:
        """Update the progress after a wait for calls.

        Parameters:
            since: the start of the wait, in the time of `now`.
            remote: whether one of the calls is made with a remote account.
        """
        if self._show is None or not (remote or self._always):
            return
        now = self._now()
        self._waited += now - since
        is_due = self._shown_at is None or now - self._shown_at >= INTERVAL_SECONDS
        if is_due and (self._always or self._waited >= SHOW_AFTER_SECONDS):
            self._shown_at = now
            self._show(self._progress.snapshot())

    def end(self, last: ProgressSnapshot) -> None:
        """Show the last snapshot of the run, if any was shown before."""
        if self._show is not None and self._shown_at is not None:
            self._show(last)
