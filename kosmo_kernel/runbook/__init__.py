"""Run a notebook from top to bottom with parameters, and write an executed copy with a report of the run.

The copy has two more cells: one sets the parameters, the other reports when the notebook was run, for which accounts
and with how many requests. It is written after each cell, so that it survives an abort. A secret as a parameter is an
error before anything runs; a secret in an output is redacted and the run reported as failed.

notebook.py  the notebook, its parameters and its account, and the two added cells
copy.py      the executed copy, with secrets redacted, and the report of the run
page.py      the copy as an HTML page, with its tables
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace
from traitlets.config import Config

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.results import answers_taken_over, count_incomplete_lines, read_lines, totals
from kosmo_kernel.runbook.copy import ExecutedCopy, Report, refuse_secrets, refuse_to_replace
from kosmo_kernel.runbook.notebook import LUA, Runbook, read, values_of, with_account
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.safety.redaction import REDACTED, redact
from kosmo_kernel.settings.installation import options, with_safe_options
from kosmo_kernel.settings.notebook_run import NotebookRun
from kosmo_kernel.settings.table import PROGRESS
from kosmo_kernel.text import counted

LUA_KERNEL = ["-m", "kosmo_kernel.kernel"]  # the arguments that start our own kernel
# The file that receives the kernel's stderr, which is no output of a cell, and which a cron job would mail.
STDERR_FILE = "said"
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
    """Run a notebook and write the executed copy. The calling thread must have no running event loop.

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
    refuse_to_replace(output, "copy", lambda path: read(path).is_copy)
    runbook.set(values)
    report, started = Report(output, values, note=note), time.perf_counter()
    with TemporaryDirectory() as folder:
        log = Path(folder, "calls")
        log.touch()
        copy = ExecutedCopy(runbook, output, report, log, on_cell)
        copy.add_report(Markdown("Run on {} UTC.").format(f"{report.started:%Y-%m-%d at %H:%M}"))
        copy.save()
        try:
            # Nobody watches the cells.
            with PROGRESS.exported(os.environ.get(PROGRESS.variable, "0")), replace(passed, calls=str(log)).passed_on():
                report.error = _execute(copy, Path(folder))
        finally:
            report.seconds, lines = time.perf_counter() - started, read_lines(log)
            report.accounts, report.calls, report.requests = totals(lines)
            report.taken_over = answers_taken_over(lines)
            if count_incomplete_lines(log):
                report.note = f"{note} It cost more: not every call could be noted.".lstrip()
            copy.save(is_last=True)
            if copy.leaked and report.error is None:
                report.error = f"An output held a secret. It is {REDACTED} in the copy; remove what shows it."
            copy.add_report(report.text(Markdown))
            copy.save(is_last=True)
    return report


def _execute(copy: ExecutedCopy, sockets: Path) -> str | None:
    """Run all cells and return the error message of the cell that failed, or None.

    Parameters:
        copy: receives each finished cell.
        sockets: a temporary folder for the kernel's sockets and its stderr.

    Raises:
        SettingsError: the notebook's kernel is unknown.
        KeyboardInterrupt: Ctrl-C; the kernel has ended.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from jupyter_core.utils import ensure_event_loop
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    client = NotebookClient(
        copy.runbook.notebook,
        timeout=None,
        resources={"metadata": {"path": str(copy.runbook.path.parent)}},
        on_cell_executed=copy.on_cell_executed,
        config=_config(sockets),
    )

    try:
        with (sockets / STDERR_FILE).open("wb") as stderr, client.setup_kernel(stderr=stderr):
            asyncio.Runner(loop_factory=ensure_event_loop).run(_run_cells(client))
    except CellExecutionError as error:
        return redact(f"{error.ename}: {error.evalue}", copy.secrets)
    except NoSuchKernel as error:
        hint = " `kosmo install` makes Lua's known." if copy.runbook.language == LUA else ""
        raise SettingsError(
            f"Jupyter knows no kernel `{error.name}`, which `{copy.runbook.path}` asks for.{hint}"
        ) from None
    except RuntimeError:  # nbclient's DeadKernelError, or jupyter_client's when a kernel exits during its start
        lines = (sockets / STDERR_FILE).read_text(encoding="utf-8", errors="replace").split("\n")
        last = f" It said: {lines[-2]}" if lines[1:] else ""
        return redact(f"The notebook's kernel ended after {counted(copy.report.cells, 'cell')}.{last}", copy.secrets)
    return None


async def _run_cells(client: Any) -> None:
    """Run all cells. `asyncio.Runner` cancels this at Ctrl-C, which nbclient takes for the death of its kernel."""
    try:
        for index, cell in enumerate(client.nb.cells):
            await client.async_execute_cell(cell, index)
    finally:
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError


def _config(folder: Path) -> Config:
    """Return the configuration that starts the kernel.

    The kernel uses Unix domain sockets where they exist, so that no other user can connect. Our own kernel is started
    so that it imports no modules from the notebook's folder, even if its kernel spec was written by an older version.
    """
    from jupyter_client.manager import AsyncKernelManager

    class Kernels(AsyncKernelManager):
        def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
            command = super().format_kernel_cmd(extra_arguments)
            is_ours = command[1 + len(options(command)) :][:2] == LUA_KERNEL
            return with_safe_options(command) if is_ours else command

    config = Config(NotebookClient={"kernel_manager_class": Kernels})
    if os.name != "nt":
        config.KernelManager = Config(transport="ipc", ip=str(folder / "kernel"))
    return config
