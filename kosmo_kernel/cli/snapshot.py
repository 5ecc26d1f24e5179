"""`kosmo snapshot`: save the lists of an account as files (`kosmo_kernel/snapshot`)."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import click

from kosmo_kernel.cli.account_options import ON_DEMO, about_account, one_account
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.completions import files
from kosmo_kernel.cli.lua_run import terminal_frontend
from kosmo_kernel.cli.options import Recording, resume_options
from kosmo_kernel.cli.output import document, print_note, print_result, print_rows
from kosmo_kernel.cli.shell_interface import FAILED, INTERRUPTED, SUCCESS
from kosmo_kernel.snapshot import Form, SnapshotReport, take
from kosmo_kernel.text.quantities import counted


@command(
    "snapshot",
    "kosmo snapshot --demo -o before",
    "kosmo snapshot -a production -o audits/2026-11-25 --format parquet",
    "kosmo snapshot -a production -o everything --all",
    "kosmo snapshot -a production -o everything --all --record everything.jsonl --resume",
)
@click.option("-a", "--account", **about_account("The account to use."))
@click.option("--demo", **ON_DEMO)
@click.option("-o", "--output", required=True, metavar="DIR", help="The new folder.", shell_complete=files)
@click.option("--all", "every", is_flag=True, help="Save every list that the token can read, not only those of audits.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("jsonl", "parquet")),
    default="jsonl",
    show_default=True,
    metavar="F",
    help="The format of the files: jsonl (one record per line, as Heroku sent it) or parquet.",
)
@resume_options
def snapshot(
    *,
    account: str | None,
    demo: bool,
    output: str,
    every: bool,
    form: Form,
    record: str | None,
    resume: bool,
    resume_within: float | None,
    as_json: bool,
) -> int:
    """Save the lists of an account, to compare later.

    The command writes a file for each list that the audits read to DIR, and `manifest.json` with the time, the account,
    and errors. With --all these are all lists that there are; those of the whole account are read first, and then the
    command says how many requests and minutes the others take, such as those of each app. Ctrl-C keeps what was read.

    If something could not be read, it is named with the reason, also in `manifest.json`, and the exit code is 1. DIR
    must be a new or an empty folder. In Python, `kosmo_kernel.snapshot.read(DIR)` returns DataFrames.

    With --record FILE --resume, a snapshot that was killed goes on: what was answered is not asked again. An incomplete
    snapshot in DIR is replaced.

    With --json: `success`, `directory`, and the content of `manifest.json`.
    """
    recording = Recording(record, resume, resume_within)
    session = recording.session(one_account(account, demo=demo))
    with session, recording.kept(), terminal_frontend(session, aside=True) as frontend:
        report = take(
            session,
            Path(output),
            form,
            every=every,
            frontend=replace(frontend, ask=None),
        )
    complete = report.manifest["complete"]
    if as_json:
        document({"success": complete, "directory": output, **report.manifest, **recording.facts()})
    else:
        _show(report, output)
        recording.print_note()
    if report.interrupted:
        return INTERRUPTED
    return recording.finished(SUCCESS if complete else FAILED)


def _show(report: SnapshotReport, output: str) -> None:
    manifest = report.manifest
    tables = manifest["tables"].items()
    width = max(len(f"{table['rows']:,}") for _, table in tables)
    print_rows([(name, f"{table['rows']:>{width},}") for name, table in tables])
    source = f"the account {manifest['account']} at {manifest['begun']}"
    print_result(f"\nSaved in {output}: {source}, {counted(manifest['requests'], 'request')}.")
    for text in report.notes:
        print_note(text)
    missing = [failure for failure in manifest["failures"] if failure["table"] not in manifest["tables"]]
    for table, failures in groupby(missing, key=itemgetter("table")):
        first, *others = failures
        more = f" {counted(len(others), 'other failure')} of this list: see manifest.json." if others else ""
        print_note(f"{table}: {first['message']}{more}")
    for one in manifest["left_out"]:
        print_note(f"{one['table']}: {one['why']}")
    if not manifest["complete"]:
        print_note("It is incomplete; what was read is kept.")
