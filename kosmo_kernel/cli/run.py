"""`kosmo run NOTEBOOK`: run a notebook with parameters, and save the results and a report of the run in a copy.

Standard output has the paths of the files that were written, one on each line, so that a script can use them;
everything else goes to standard error. The exit code is 1 if a cell failed.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from kosmo_kernel import runbook
from kosmo_kernel.cli.command import CommandResult, NoteLine, command
from kosmo_kernel.cli.options import Recording, account_option, on_demo, one_account, recording_options
from kosmo_kernel.cli.streams import FAILED, SUCCESS, console
from kosmo_kernel.runbook import Report, page
from kosmo_kernel.safety.markup import Plain
from kosmo_kernel.settings.table import DEMO_ACCOUNT
from kosmo_kernel.text import iso_time
from kosmo_kernel.values.lua_literals import Parameter


@command(
    "run",
    "kosmo run notebooks/dyno-audit.ipynb --account production -o audit.ipynb",
    "kosmo run notebooks/incident.ipynb -p name my-app --html",
    "kosmo run notebooks/access-audit.ipynb --demo --html",
    "kosmo run notebooks/dyno-audit.ipynb --parameters",
)
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter. Can be repeated."
)
@account_option("The account of the run, in place of the default account.")
@on_demo
@click.option("-o", "output", type=click.Path(path_type=Path), metavar="OUT", help="Write the copy to OUT.")
@click.option("--html", is_flag=True, help="Also write a web page without the code.")
@recording_options
@click.option("--parameters", "lists", is_flag=True, help="List the notebook's parameters and run nothing.")
def run(
    *,
    notebook: Path,
    parameters: tuple[tuple[str, str], ...],
    account: str | None,
    demo: bool,
    output: Path | None,
    html: bool,
    recording: Recording,
    lists: bool,
    as_json: bool,
) -> int:
    """Run a notebook with parameters, and write a copy.

    The notebook is run from top to bottom, and is not changed: the new outputs are written to a copy. The copy is OUT,
    or a file in this folder that is named after the notebook and the time. It says when the notebook was run, for which
    accounts, with which parameters and with how many requests. It can replace the copy of an earlier run, but no other
    file.

    Parameters are the variables that the cell with the tag `parameters` assigns. The default value sets the type: if
    the default is a text, `007` stays a text. Write lists in JSON. Tokens are not accepted: use the name of an account.

    The run uses the default account, or with --from that of the archive, also where the notebook declares `account =
    "demo"`, as the shipped notebooks do: opened in Jupyter, they stay on the demo. Name another account with --account,
    or use the demo with --demo.

    With --record and --from you can test a runbook without a network and without a token. With --record and --resume a
    run that was killed goes on: what was answered is not asked again.

    The exit code is 0 if all cells ran, and 1 if one failed. After a failure the copy has the outputs up to that cell.
    """
    recording.check()

    from kosmo_kernel.calls.recording import KernelRecording

    book = runbook.read(notebook)
    if lists:
        return _listed(book.parameters()).print(as_json=as_json)
    chosen = one_account(account, demo=demo)
    of_kernel = None if recording.archive is None else KernelRecording(None, recording.archive)
    of_archive = of_kernel.account if of_kernel else None
    values = runbook.with_account(book, dict(parameters), chosen, of_archive=of_archive)
    target = output or Path(f"{notebook.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.ipynb")
    if html:
        page.check(target)
    with ExitStack() as stack:
        if demo:
            stack.enter_context(DEMO_ACCOUNT.exported("1"))
        of_kernel = of_kernel or KernelRecording(recording.record, None, resume=recording.resume)
        progress = _progress(stack, notebook.stem)
        report = runbook.run(book, values, target, passed=of_kernel.passed, note=of_kernel.note, on_cell=progress)
    again = _command(notebook, parameters, account, output, demo=demo)
    written = page.write(target, report.accounts, report.started, again) if html else None
    code = _result(notebook, report, written, of_kernel.text()).print(as_json=as_json)
    if not report.error:
        of_kernel.finish()
    return code


def _command(
    notebook: Path, parameters: tuple[tuple[str, str], ...], account: str | None, output: Path | None, *, demo: bool
) -> str:
    """Return the command that makes a page again. Parameters are no secrets, or there was no run."""
    words = ["kosmo", "run", str(notebook), *(word for name, value in parameters for word in ("-p", name, value))]
    words += ["--demo"] if demo else ["-a", account] if account else []
    return shlex.join([*words, *(["-o", str(output)] if output else []), "--html"])


def _listed(parameters: list[Parameter]) -> CommandResult:
    """Return the parameters of a notebook."""
    rows = [{"name": p.name, "kind": p.kind, "default": p.default, "description": p.doc} for p in parameters]
    lines = (f"{p.name} = {p.default}{f'    {p.doc}' if p.doc else ''}" for p in parameters)
    return CommandResult({"parameters": rows}, *(lines if rows else [NoteLine("The notebook declares no parameters.")]))


def _progress(stack: ExitStack, name: str) -> Callable[[int, int], None]:
    """Return the `on_cell` callback: a transient progress bar on a terminal, otherwise a no-op."""
    if not sys.stderr.isatty():
        return lambda _completed, _of: None
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    name_column = TextColumn("{task.description}", markup=False)
    columns = (name_column, BarColumn(), MofNCompleteColumn(), "cells", TimeElapsedColumn())
    bar = stack.enter_context(Progress(*columns, console=console(sys.stderr), transient=True))
    task = bar.add_task(name, total=None)
    return lambda completed, of: bar.update(task, completed=completed, total=of)


def _result(notebook: Path, report: Report, page: Path | None, resumed: str) -> CommandResult:
    """Return the report of a run, and the paths of the files that were written."""
    facts = {
        "error": report.error,
        "notebook": str(notebook),
        "output": str(report.output),
        "html": None if page is None else str(page),
        "parameters": report.parameters,
        "started": iso_time(report.started),
        "seconds": round(report.seconds, 3),
        "cells": report.cells,
        "accounts": report.accounts,
        "calls": report.calls,
        "requests": report.requests,
        **({"taken_over": report.taken_over.facts()} if report.taken_over else {}),
    }
    paths = [str(path) for path in (report.output, page) if path]
    notes = filter(None, (resumed, report.text(Plain) if report.error is None else report.error))
    return CommandResult(facts, *paths, *map(NoteLine, notes), code=FAILED if report.error else SUCCESS)
