"""Run a notebook from top to bottom, with parameters, into a copy that tells of the run.

The copy is the notebook with one cell more that sets the parameters, and one that says when it was run, for which
accounts and with how many requests. It is written after each cell, so that an end of any kind leaves what was there.
papermill runs it where it is installed and nbclient elsewhere; both hand every finished cell to the same copy.

Nothing secret is written: a parameter that is a token is refused before anything runs, and one in an output is
replaced and makes the run a failure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.results.call_log import VARIABLE, logged, torn, totals
from kosmo_kernel.runbook.cells import execute
from kosmo_kernel.runbook.copy import ExecutedCopy, is_copy, refuse_secrets, refuse_to_replace
from kosmo_kernel.runbook.notebook import ACCOUNT, Runbook, read
from kosmo_kernel.runbook.parameters import values_of
from kosmo_kernel.runbook.report import Report
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.settings.limits import ROWS_VARIABLE, rows_shown

ROWS = 2000  # of a table: who reads a page cannot ask for more, and a longer one keeps a browser busy

__all__ = ["ACCOUNT", "Report", "Runbook", "read", "run"]


def run(
    runbook: Runbook,
    given: Mapping[str, str],
    output: Path,
    *,
    note: str = "",
    on_cell: Callable[[int, int], None] = lambda _done, _of: None,
) -> Report:
    """Run a notebook into a copy.

    Parameters:
        runbook: the notebook; it becomes the copy.
        given: parameters by name, as texts.
        output: where the copy goes; the copy of an earlier run that is there is replaced.
        note: what else the copy tells of the run, in a line.
        on_cell: called with how many cells are done, and of how many.

    Returns:
        What it came to. `error` is set where a cell failed or a secret was found in an output.

    Raises:
        UnknownNameError: a parameter that the notebook does not declare. Nothing has run; the same goes for the next.
        InvalidArgumentsError: a value of the wrong kind, or a secret; or another file is where the copy goes.
        SettingsError: its kernel is not known, `KOSMO_ROWS` makes no sense, or the copy cannot be written.
        KeyboardInterrupt: Ctrl-C; the kernel has ended, and the copy has what came before.
    """
    values = values_of(runbook.parameters(), given)
    refuse_secrets(values)
    if output.exists() and output.samefile(runbook.path):
        raise InvalidArgumentsError(f"`{output}` is the notebook itself. Give the copy another name.")
    refuse_to_replace(output, "copy", is_copy)
    rows = str(rows_shown(ROWS))
    runbook.set(values)
    report = Report(output, values, note=note)
    copy = ExecutedCopy(
        runbook, output.absolute(), on_cell, values=values
    )  # papermill changes the folder while it runs
    copy.add_report(f"Run on {report.started:%Y-%m-%d at %H:%M} UTC.")
    copy.save()
    started = time.perf_counter()
    with TemporaryDirectory() as folder, _variable(ROWS_VARIABLE, rows), _variable(VARIABLE, f"{folder}/calls"):
        copy.calls = log = Path(folder, "calls")
        try:
            report.error = execute(copy, Path(folder))
        finally:
            report.seconds, report.cells = time.perf_counter() - started, copy.done
            report.accounts, report.calls, report.requests = totals(logged(log) if log.exists() else ())
            if log.exists() and torn(log):
                report.note = f"{note} It cost more: not every call could be noted.".lstrip()
            copy.join()
            copy.clean()
            report.unread = list(copy.unread)
            if copy.leaked and report.error is None:
                report.error = (
                    f"An output held a secret. It is {REDACTED} in the copy; take what shows it out of the notebook."
                )
            copy.add_report(report.markdown())
            copy.save()
    return report


class _variable:  # noqa: N801 - reads as what it does: `with _variable(…)`
    """An environment variable for a while; the processes that are started meanwhile inherit it."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value, self._before = name, value, os.environ.get(name)

    def __enter__(self) -> None:
        os.environ[self._name] = self._value

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            del os.environ[self._name]
        else:
            os.environ[self._name] = self._before
