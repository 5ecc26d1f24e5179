"""`kosmo check`: run checks, and fail a build if they find something (`kosmo_kernel/checks`)."""

from __future__ import annotations

import io
import sys
from datetime import datetime
from itertools import groupby
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel.checks.report import NOT_CHECKED
from kosmo_kernel.cli import dropped
from kosmo_kernel.cli.command import Command, CommandResult, NoteLine, Rows, command, print_json, print_note, print_utf8
from kosmo_kernel.cli.options import TIME, Recording, account_options, choice_option, recording_options
from kosmo_kernel.cli.streams import INTERRUPTED, USAGE_ERROR
from kosmo_kernel.errors import CredentialsError, FileWriteError, SettingsError
from kosmo_kernel.questions import FIRST, SUFFIX, discovery, services, shipped_files
from kosmo_kernel.questions.head import read_text
from kosmo_kernel.questions.question import SEVERITIES, Question, parse_question
from kosmo_kernel.settings.private_files import PUBLIC, write, writing

if TYPE_CHECKING:
    from kosmo_kernel.checks.report import QuestionReport
    from kosmo_kernel.session import Session

TABLE, LOWEST = "table", SEVERITIES[0]
# Each format for programs: the suffix of its files, and its function, imported when it is used. It gets the report and
# the lowest severity that counts, and returns a text, or a JSON value.
FORMATS = {
    "json": (".json", "kosmo_kernel.checks.report:json_document"),
    "junit": (".xml", "kosmo_kernel.checks.ci_formats:junit"),
    "html": (".html", "kosmo_kernel.checks.page:html"),
}
_FORMAT_OF = {suffix: name for name, (suffix, _) in FORMATS.items()}
_PATH = click.Path(path_type=Path)
_REPORT_WIDTH = 100  # characters of a line of prose in a table that is written to a file


class CheckCommand(Command):
    """The command, whose exit code 1 says that checks found something, so that other failures need another one."""

    def exit_code(self, error: Exception) -> int:
        """Return 3 if nothing was wrong with the command line: a recording or the output cannot be written."""
        return NOT_CHECKED if isinstance(error, FileWriteError) else USAGE_ERROR


@command(
    "check",
    "kosmo check --start --demo",
    "kosmo check --all -p leavers '[\"tom.ashby@postbox.example\"]' --demo",
    "kosmo check crashed-dynos stack-out-of-support -a production --fail-on high",
    "kosmo check --all checks/ -p quiet-apps.days 365 --format json",
    "kosmo check --all --accept accepted.toml -o checks.xml",
    "kosmo check --new maintenance",
    cls=CheckCommand,
)
@click.argument("names", nargs=-1, metavar="[NAME or FILE]...")
@click.option("--all", "every", is_flag=True, help="Run all checks: those that come with kosmo, and your own.")
@click.option("--start", is_flag=True, help="Run the checks that every account should pass.")
@account_options("The account to use.")
@click.option("-p", "texts", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter. Can be repeated.")
@click.option("--at", metavar="TIME", type=TIME, help="Count ages to this time, and not to now.")
@choice_option(
    "--fail-on",
    words=SEVERITIES,
    metavar="S",
    text="The lowest severity that fails:",
    default=LOWEST,
    show_default=True,
)
@choice_option("--format", "form", words=(TABLE, *FORMATS), metavar="F", text="Print the report as")
@click.option(
    "-o",
    "--output",
    "outputs",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="Write the report to this file, too, in the format of its name, or else that of --format. Can be repeated.",
)
@click.option("--accept", "accepted", type=_PATH, metavar="FILE", help="Let the findings that FILE accepts not fail.")
@click.option("--against", type=_PATH, metavar="ARCHIVE", help="Let only findings fail that ARCHIVE does not have.")
@click.option("--full", is_flag=True, help="In a table, show all findings of each check, with all columns.")
@click.option(
    "--why",
    "with_reasons",
    is_flag=True,
    help="In a table, say why findings matter. Of a single check it is always said.",
)
@recording_options
@click.option("--new", metavar="NAME", help="Write the file of a first check of your own, and run nothing.")
@click.option("--table", "is_table", is_flag=True, help="With --new, write the file of a table.")
def check(
    *,
    names: tuple[str, ...],
    every: bool,
    start: bool,
    fail_on: str,
    form: str | None,
    outputs: tuple[Path, ...],
    full: bool,
    with_reasons: bool,
    recording: Recording,
    new: str | None,
    is_table: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Run checks, and fail if they find something.

    A check is a question about an account, such as which dynos have crashed; `kosmo check` alone lists all of them.
    NAME is one of these, FILE a check of your own, or a folder of them. Each list is read once for all checks.

    Parameters are named NAME, for all checks that have it, or CHECK.NAME; `config.toml` can set them, too. Some checks
    mean nothing without one, such as who has left: with --all they are "not set up", which changes no exit code.

    FILE of --accept is TOML that accepts single findings, each with a reason and a last day, after which it counts
    again. ARCHIVE has snapshots of `kosmo snapshot --all`: the checks run over the newest, too, and findings are new,
    still there or gone. With --from FILE, the archive answers in place of the account. With --record FILE --resume, a
    run that was killed goes on: what was answered is not asked again.

    The exit code is 0 if nothing was found, 1 if something was, 2 if the command was called wrongly, and 3 if nothing
    was found and something could not be checked, or a file could not be written; then the whole report is printed.

    With --json, as with --format json: `success`, `exit_code`, `summary`, and `checks` with the `findings` of each.
    """
    if new is not None or is_table:
        return _write_new(new, is_table=is_table, others=bool(names or every or start)).print(as_json=as_json)
    if as_json and form not in (None, "json"):
        raise click.UsageError("--json is --format json. Give one of them.")
    for output in outputs:
        if instead := dropped.FORMATS.get(output.suffix):
            raise click.UsageError(f"{output}: this format was dropped. {instead}")
        if not output.absolute().parent.is_dir():
            raise click.UsageError(f"There is no folder {output.parent} for --output.")
    if not (names or every or start):
        as_json = as_json or form == "json"
        return _list(as_json=as_json).print(as_json=as_json)
    checks = discovery.select_checks(names, every=every, start=start)
    report = _report(checks, names, recording, **options)
    _print_notes(report, recording)
    form = "json" if as_json else form or TABLE
    return recording.finished(
        _write(report, fail_on, form, outputs, as_json=as_json, full=full, with_reasons=with_reasons)
    )


def _report(
    checks: list[Question],
    names: tuple[str, ...],
    recording: Recording,
    *,
    account: str | None,
    texts: tuple[tuple[str, str], ...],
    at: datetime | None,
    accepted: Path | None,
    against: Path | None,
) -> QuestionReport:
    """Run checks, compare their findings with those of a snapshot, and accept those that are accepted."""
    from kosmo_kernel.checks.exemptions import accept, compare, read_acceptances
    from kosmo_kernel.checks.parameters import parse_parameters, require_parameters
    from kosmo_kernel.checks.run import run_questions
    from kosmo_kernel.session import Session

    parameters = parse_parameters(checks, dict(texts))
    # A check that is named by itself lacks none.
    require_parameters([check for check in checks if check.name in names or check.file in names], parameters)
    # These files are read before anything is asked, so that a mistake in one costs nothing.
    exemptions = read_acceptances(accepted, [*discovery.all_checks(), *checks]) if accepted else []
    snapshot = Session(from_archive=against) if against else None
    with recording.session(account) as session:
        if against is not None:
            from kosmo_kernel.snapshot import check_account

            advice = "Findings of different users are not compared. Name another file, or another account."
            if note := check_account(against, session, advice):
                print_note(note)
        report = _run(checks, session, parameters, at)
    if not report.interrupted:
        if snapshot is not None:
            with snapshot:
                compare(report, run_questions(checks, parameters=parameters, session=snapshot), str(against))
        accept(report, exemptions)
    return report


def _run(checks: list[Question], session: Session, parameters: dict[str, Any], at: datetime | None) -> QuestionReport:
    """Run checks, with a progress line."""
    from kosmo_kernel.calls.output import Frontend
    from kosmo_kernel.checks.run import run_questions
    from kosmo_kernel.cli.lua_run import long_run_advice
    from kosmo_kernel.cli.streams import styled
    from kosmo_kernel.progress.display import TerminalProgress

    for check in discovery.replaced_checks(checks):
        print_note(f"{check.name}: {check.file} is used, and not the check of that name that comes with kosmo.")
    with TerminalProgress(styled(sys.stderr), long_run_advice()) as line:
        report = run_questions(checks, session=session, parameters=parameters, now=at, frontend=Frontend(progress=line))
    if report.results and all(isinstance(result.error, CredentialsError) for result in report.results):
        raise CredentialsError(report.results[0].reason)
    return report


def _print_notes(report: QuestionReport, recording: Recording) -> None:
    """Print to standard error what the checks printed, and the notes on the run, with those on its recording."""
    if recording.taken_over:
        report.notes.append(recording.taken_over)
        report.taken_over = recording.facts()
    printed = [f"{result.question.name}: {text}" for result in report.results for text in result.output.splitlines()]
    for note in (*(() if recording.taken_over else recording.notes()), *printed, *report.notes):
        print_note(note)


def _write(
    report: QuestionReport, fail_on: str, form: str, outputs: tuple[Path, ...], *, as_json: bool, **details: bool
) -> int:
    """Write a report to files and to standard output, and return the exit code.

    Parameters:
        report: the report.
        fail_on: the lowest severity that fails.
        form: the format of standard output, and of files whose names have none.
        outputs: the files. If there are any, standard output has a table.
        as_json: standard output has JSON all the same.
        details: `full` and `with_reasons`, as for `print_report`.
    """
    for output in outputs:
        try:
            content = _content(report, fail_on, _FORMAT_OF.get(output.suffix, form), **details)
            write(output, content, durable=False, mode=PUBLIC)
        except FileWriteError as error:
            report.unwritten.append(str(error))
    if form == TABLE or (outputs and not as_json):
        from kosmo_kernel.cli.check_table import print_report
        from kosmo_kernel.cli.terminal import console

        details["full"] = details["full"] or bool(report.unwritten)  # what is in no file is printed whole
        print_report(console(), report, **details)
    elif form == "json":
        print_json(_content(report, fail_on, form))
    else:
        print_utf8(_content(report, fail_on, form).decode())
    for text in report.unwritten:
        print_note(text)
    return INTERRUPTED if report.interrupted else report.exit_code(fail_on)


def _content(report: QuestionReport, fail_on: str, form: str, **details: bool) -> bytes:
    """Return a report in a format, as UTF-8 that ends in a line feed."""
    if form == TABLE:
        from rich.console import Console

        from kosmo_kernel.cli.check_table import print_report

        text = io.StringIO()
        screen = Console(file=text, width=_REPORT_WIDTH, highlight=False, markup=False, emoji=False)
        print_report(screen, report, **details)
        return text.getvalue().encode(errors="backslashreplace")
    from kosmo_kernel.safety.text import with_json_escapes
    from kosmo_kernel.values.records import encode

    content: Any = resolve_name(FORMATS[form][1])(report, fail_on)
    if isinstance(content, str):
        return content.encode(errors="backslashreplace")
    return with_json_escapes(encode(content, indent=2)) + b"\n"


def _list(*, as_json: bool) -> CommandResult:
    """Return the checks with their titles, the most severe first."""
    checks = sorted(discovery.all_checks(), key=lambda check: (-SEVERITIES.index(check.severity), check.name))
    facts = {}
    if as_json:
        from kosmo_kernel.checks.report import about_check

        facts["checks"] = [about_check(check) for check in checks]
    parts: list[str | Rows] = []
    for severity, group in groupby(checks, key=lambda check: check.severity):
        rows = []
        for check in group:
            needs = "".join(f"; needs -p {parameter.name}" for parameter in check.parameters if parameter.required)
            rows.append((check.name, f"{check.title}{needs}{'' if check.is_shipped else f' ({check.file})'}"))
        parts += [f"{severity}:", rows]
    start = sum(check.in_start for check in checks)
    note = (
        f"\n{len(checks)} checks. `kosmo check --start` runs the {start} that every account should pass, "
        "`kosmo check --all` all, and `kosmo check NAME...` some."
    )
    return CommandResult(facts, *parts, NoteLine(note))


def _write_new(name: str | None, *, is_table: bool, others: bool) -> CommandResult:
    """Write the first file of a check or of a table, and say how to run it.

    Parameters:
        name: its name, for a file in the user's folder of checks or else in the current folder; or the path of a file.
        is_table: write a table.
        others: whether something is to be run as well.

    Raises:
        click.UsageError: the options do not go together.
        SettingsError: the name cannot be that of a check or a table, or the file exists.
        FileWriteError: it cannot be written.
    """
    if name is None:
        raise click.UsageError("--table is about --new. `kosmo inventory --table NAME` prints a table.")
    if others:
        raise click.UsageError("--new writes a file and runs nothing. Give it alone.")
    path = Path(name if name.endswith(SUFFIX) else name + SUFFIX)
    if len(path.parts) == 1 and not name.endswith(SUFFIX):
        path = (discovery.own_folder() or Path()) / path
    text = read_text(Path(shipped_files(services()[0], FIRST)["table" if is_table else "check"]))
    parse_question(text, str(path))  # raises an error for a name that it cannot have
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except FileExistsError:
        raise SettingsError(f"{path} is there already. Choose another name.") from None
    with writing(path):
        path.write_text(text, encoding="utf-8")
    if is_table:
        condition = "" if path in discovery.own_tables().values() else f", once `[checks] folder` names {path.parent}"
        example = f"kosmo inventory --table {path.stem} --demo{condition}"
    else:
        example = f"kosmo check {path.stem if discovery.check_files().get(path.stem) == path else path} --demo"
    return CommandResult({"file": str(path)}, str(path), NoteLine(f"Try it: {example}"))
