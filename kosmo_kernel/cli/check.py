"""`kosmo check`: run checks, and fail a build if they find something (`kosmo_kernel/checks`)."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel.checks.check_file import SEVERITIES, Check
from kosmo_kernel.checks.discovery import all_checks, check_files, replaced_checks, select_checks
from kosmo_kernel.checks.formats import FORMATS, format_report
from kosmo_kernel.cli.account_options import ON_DEMO, about_account, one_account
from kosmo_kernel.cli.command import Command, command
from kosmo_kernel.cli.completions import files
from kosmo_kernel.cli.options import Recording, resume_options
from kosmo_kernel.cli.output import document, print_json, print_note, print_result, print_rows, print_utf8, write_file
from kosmo_kernel.cli.shell_interface import INTERRUPTED, SUCCESS, USAGE_ERROR
from kosmo_kernel.errors import CredentialsError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kosmo_kernel.checks.report import CheckReport
    from kosmo_kernel.session import Session

TABLE = "table"
_REPORT_WIDTH = 100  # characters of a line of a table that is written to a file


class CheckCommand(Command):
    """The command, whose exit code 1 says that checks found something, so that other failures need another one."""

    failure_code = USAGE_ERROR


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete the name of a check, or else of a file."""
    from click.shell_completion import CompletionItem

    checks = [check for check in all_checks() if check.name.startswith(incomplete)]
    return [CompletionItem(check.name, help=check.title) for check in checks] or files(ctx, param, incomplete)


def _moment(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("it takes a time, such as 2026-11-20 or 2026-11-20T09:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@command(
    "check",
    "kosmo check --all --demo",
    "kosmo check crashed-dynos stack-out-of-support -a production --fail-on high",
    "kosmo check --all checks/ -p quiet-apps.days 365 --format json --output checks.json",
    "kosmo check --new maintenance",
    cls=CheckCommand,
)
@click.argument("names", nargs=-1, metavar="[NAME or FILE]...", shell_complete=_complete)
@click.option("--all", "every", is_flag=True, help="Run all checks: those that come with kosmo, and your own.")
@click.option("-a", "--account", **about_account("The account to use."))
@click.option("--demo", **ON_DEMO)
@click.option("-p", "given", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter. Can be repeated.")
@click.option("--at", metavar="TIME", callback=_moment, help="Count ages to this time, and not to now.")
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default=SEVERITIES[0],
    show_default=True,
    metavar="S",
    help=f"The lowest severity that fails: {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice((TABLE, *FORMATS)),
    metavar="F",
    help=f"Print the report as {', '.join((TABLE, *FORMATS)[:-1])} or {(TABLE, *FORMATS)[-1]}.",
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the report to this file.")
@click.option("--full", is_flag=True, help="In a table, show all findings of each check.")
@resume_options
@click.option("--new", metavar="NAME", help="Write the file of a first check of your own, and run nothing.")
def check(
    *,
    names: tuple[str, ...],
    every: bool,
    account: str | None,
    demo: bool,
    given: tuple[tuple[str, str], ...],
    at: datetime | None,
    fail_on: str,
    form: str | None,
    output: Path | None,
    full: bool,
    record: str | None,
    resume: bool,
    resume_within: float | None,
    new: str | None,
    as_json: bool,
) -> int:
    """Run checks, and fail if they find something.

    A check is a question about an account, such as which dynos have crashed; `kosmo check` alone lists all of them.
    NAME is one of these, FILE a check of your own, or a folder of them. Each list of the account is read once,
    whatever the number of checks.

    Parameters are named NAME, for all checks that have it, or CHECK.NAME. The same can be set in `config.toml`.

    With --record FILE --resume, a run that was killed goes on: what was answered is not asked again.

    The exit code is 0 if nothing was found, 1 if something was, 2 if the command was called wrongly, and 3 if nothing
    was found and something could not be checked.

    With --json, as with --format json: `success`, `exit_code`, `summary`, and `checks` with the `findings` of each.
    """
    if new is not None:
        return _write_new(new, as_json=as_json, others=bool(names or every))
    if as_json and form not in (None, "json"):
        raise click.UsageError("--json is --format json. Give one of them.")
    if output is not None and not output.absolute().parent.is_dir():
        raise click.UsageError(f"There is no folder {output.parent} for --output.")
    if not names and not every:
        return _list(as_json=as_json or form == "json")
    from kosmo_kernel.checks.parameters import parse_parameters

    checks = select_checks(names, every=every)
    parameters = parse_parameters(checks, dict(given))
    for replaced in replaced_checks(checks).values():
        print_note(f"{replaced.name}: {replaced.file} is used, and not the check of that name that comes with kosmo.")
    recording = Recording(record, resume, resume_within)
    with recording.session(one_account(account, demo=demo)) as session:
        report = _run(checks, session, parameters, at)
    recording.print_note()
    _write(report, "json" if as_json else form or TABLE, fail_on, output, full=full)
    return INTERRUPTED if report.interrupted else report.exit_code(fail_on)


def _run(checks: list[Check], session: Session, parameters: dict[str, Any], at: datetime | None) -> CheckReport:
    """Run checks, with a progress line, and print what they printed and the notes to standard error."""
    from kosmo_kernel.checks.run import run_checks
    from kosmo_kernel.cli.streams import styled
    from kosmo_kernel.render.terminal_progress import TerminalProgress
    from kosmo_kernel.run.options import Frontend

    with TerminalProgress(styled(sys.stderr)) as line:
        report = run_checks(checks, session=session, parameters=parameters, now=at, frontend=Frontend(progress=line))
    if report.results and all(isinstance(result.error, CredentialsError) for result in report.results):
        raise CredentialsError(report.results[0].reason)
    for result in report.results:
        for text in result.output.splitlines():
            print_note(f"{result.check.name}: {text}")
    for note in report.notes:
        print_note(note)
    return report


def _write(report: CheckReport, form: str, fail_on: str, output: Path | None, *, full: bool) -> None:
    """Print the report, or write it to a file, whole or not at all."""
    if form != TABLE:
        content = format_report(report, form, fail_on)
        if output:
            write_file(output, content)
        elif form == "json":
            print_json(content)
        else:
            print_utf8(content.decode())
        return
    from rich.console import Console

    from kosmo_kernel.cli.check_table import print_report
    from kosmo_kernel.cli.terminal import console

    if output is None:
        print_report(console(), report, full=full)
        return
    text = io.StringIO()
    print_report(Console(file=text, width=_REPORT_WIDTH, highlight=False, markup=False, emoji=False), report, full=full)
    write_file(output, text.getvalue().encode(errors="backslashreplace"))


def _list(*, as_json: bool) -> int:
    """Print the checks with their titles, the most severe first."""
    checks = sorted(all_checks(), key=lambda one: (-SEVERITIES.index(one.severity), one.name))
    if as_json:
        from kosmo_kernel.checks.json_document import about_check

        document({"success": True, "checks": [about_check(one) for one in checks]})
        return SUCCESS
    for severity, group in groupby(checks, key=lambda one: one.severity):
        print_result(f"{severity}:")
        print_rows(_rows(group))
    print_note(f"\n{len(checks)} checks. `kosmo check --all` runs them; `kosmo check NAME...` runs some.")
    return SUCCESS


def _rows(checks: Iterable[Check]) -> Iterable[tuple[str, str]]:
    return ((check.name, check.title + ("" if check.is_shipped else f" ({check.file})")) for check in checks)


def _write_new(name: str, *, as_json: bool, others: bool) -> int:
    """Write the first file of a check, and say how to run it."""
    from kosmo_kernel.checks.new_check import write_new_check

    if others:
        raise click.UsageError("--new writes a file and runs nothing. Give it alone.")
    path = write_new_check(name)
    if as_json:
        document({"success": True, "file": str(path)})
        return SUCCESS
    print_result(str(path))
    is_named = check_files().get(path.stem) == path
    print_note(f"Try it: kosmo check {path.stem if is_named else path} --demo")
    return SUCCESS
