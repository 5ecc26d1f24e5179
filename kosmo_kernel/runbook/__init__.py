"""Run a notebook from top to bottom with parameters, and write an executed copy with a report of the run.

The copy has two more cells: one sets the parameters, the other reports when the notebook was run, for which accounts
and with how many requests. It is written after each cell, so that it survives an abort. A secret as a parameter is an
error before anything runs; a secret in an output is redacted and the run reported as failed.

notebook.py  the notebook, its parameters and its account, and the two added cells
cells.py     execute the cells
copy.py      the executed copy, with secrets redacted, and the report of the run
page.py      the copy as an HTML page, with its tables
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.results import answers_taken_over, count_incomplete_lines, read_lines, totals
from kosmo_kernel.runbook.cells import execute
from kosmo_kernel.runbook.copy import ExecutedCopy, Report, is_copy, refuse_secrets, refuse_to_replace
from kosmo_kernel.runbook.notebook import Runbook, read, values_of, with_account
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.settings.notebook_run import NotebookRun
from kosmo_kernel.settings.table import PROGRESS

_NOT_RECORDED = NotebookRun()

__all__ = ["Report", "Runbook", "read", "run", "with_account"]


def run(
    runbook: Runbook,
    texts: Mapping[str, str],
    output: Path,
    *,
    passed: NotebookRun = _NOT_RECORDED,
    note: str = "",
    on_cell: Callable[[int, int], None] = lambda _cells, _all_cells: None,
) -> Report:
    """Run a notebook and write the executed copy.

    Parameters:
        runbook: the notebook; it is modified and becomes the copy.
        texts: the values of parameters by name.
        output: the file of the copy; the copy of an earlier run is replaced.
        passed: what the kernel must know of the recording of the run.
        note: a line to add to the report in the copy.
        on_cell: called with the number of finished cells and the number of all cells.

    Returns:
        The report of the run. Its `error` is set if a cell failed or an output contained a secret.

    Raises:
        UnknownNameError: the notebook does not declare a parameter of that name. Nothing was run.
        InvalidArgumentsError: a value has the wrong kind or is a secret, or `output` is another file. Nothing was run.
        SettingsError: the notebook's kernel is unknown, or the copy cannot be written.
        KeyboardInterrupt: Ctrl-C; the kernel has ended, and the copy has the outputs so far.
    """
    values = values_of(runbook.parameters(), texts)
    refuse_secrets(values)
    if output.exists() and output.samefile(runbook.path):
        raise InvalidArgumentsError(f"`{output}` is the notebook itself. Give the copy another name.")
    refuse_to_replace(output, "copy", is_copy)
    runbook.set(values)
    report = Report(output, values, note=note)
    copy = ExecutedCopy(runbook, output, report, on_cell)
    copy.add_report(Markdown("Run on {} UTC.").format(f"{report.started:%Y-%m-%d at %H:%M}"))
    copy.save()
    started = time.perf_counter()
    with TemporaryDirectory() as folder, _exported(replace(passed, calls=str(log := Path(folder, "calls")))):
        copy.calls = log
        try:
            report.error = execute(copy, Path(folder))
        finally:
            report.seconds = time.perf_counter() - started
            lines = read_lines(log) if log.exists() else []
            report.accounts, report.calls, report.requests = totals(lines)
            report.taken_over = answers_taken_over(lines)
            if log.exists() and count_incomplete_lines(log):
                report.note = f"{note} It cost more: not every call could be noted.".lstrip()
            copy.join()
            copy.clean()
            if copy.leaked and report.error is None:
                report.error = (
                    f"An output held a secret. It is {REDACTED} in the copy; take what shows it out of the notebook."
                )
            copy.add_report(report.markdown())
            copy.save()
    return report


@contextmanager
def _exported(passed: NotebookRun) -> Iterator[None]:
    """Set the environment of the kernel within the block. Nobody watches, so it shows no progress."""
    with PROGRESS.exported(os.environ.get(PROGRESS.variable, "0")), passed.passed_on():
        yield
