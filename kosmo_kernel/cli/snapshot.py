"""`kosmo snapshot`: save the lists of an account in an archive (`kosmo_kernel/snapshot`)."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.lua_run import terminal_frontend
from kosmo_kernel.cli.options import Recording, account_options, files, resume_options
from kosmo_kernel.cli.output import document, print_note, print_result, print_rows
from kosmo_kernel.cli.streams import FAILED, INTERRUPTED, SUCCESS
from kosmo_kernel.snapshot import SnapshotReport, take
from kosmo_kernel.text import counted


@command(
    "snapshot",
    "kosmo snapshot --demo -o before.kosmo",
    "kosmo snapshot -a production -o history.kosmo",
    "kosmo snapshot -a production -o everything.kosmo --all",
    "kosmo snapshot -a production -o everything.kosmo --all --record run.kosmo --resume",
)
@account_options("The account to use.")
@click.option("-o", "--output", required=True, metavar="FILE", help="The archive.", shell_complete=files)
@click.option("--all", "every", is_flag=True, help="Save every list that the token can read, not only those of audits.")
@resume_options
def snapshot(*, account: str | None, output: str, every: bool, recording: Recording, as_json: bool) -> int:
    """Save the lists of an account, to compare later.

    FILE is a SQLite database. Each list that the audits read is a view in it, such as `apps` and `dynos`. With --all
    these are all lists that there are; those of the whole account are read first, and then the command says how many
    requests and minutes the others take, such as those of each app. Ctrl-C keeps what was read.

    If FILE has snapshots of the account, this one is added: the views show the newest, and `apps_history` has all of
    them. If something could not be read, it is named with the reason, and the exit code is 1. In Python,
    `kosmo_kernel.archive.read(FILE)` returns DataFrames.

    With --record RUN --resume, a snapshot that was killed goes on: what was answered is not asked again. If the last
    snapshot in FILE is incomplete, it is replaced.

    With --json: `success`, `file`, `snapshots` (how many FILE has), and what was read and what was not.
    """
    if recording.record is not None and Path(recording.record).absolute() == Path(output).absolute():
        raise click.UsageError("The snapshot and the recording of its requests need a file each.")
    session = recording.session(account)
    with session, recording.explained(), terminal_frontend(session, aside=True) as frontend:
        report = take(session, Path(output), every=every, frontend=replace(frontend, ask=None))
    if every and not report.interrupted:
        from kosmo_kernel.checks.run import add_cents_and_findings  # with it come all checks

        report.manifest.figures |= add_cents_and_findings(Path(output))
    complete = report.manifest.complete
    if as_json:
        about = msgspec.to_builtins(report.manifest)
        facts = recording.facts()
        document({"success": complete, "file": output, "snapshots": report.snapshots, **about, **facts})
    else:
        _show(report, output)
        recording.print_note()
    if report.interrupted:
        return INTERRUPTED
    return recording.finished(SUCCESS if complete else FAILED)


def _show(report: SnapshotReport, output: str) -> None:
    manifest = report.manifest
    width = max(len(f"{table.rows:,}") for table in manifest.tables.values())
    print_rows([(name, f"{table.rows:>{width},}") for name, table in manifest.tables.items()])
    source = f"the account {manifest.account} at {manifest.begun}"
    print_result(f"\nSaved in {output}: {source}, {counted(manifest.requests, 'request')}.")
    if report.snapshots > 1:
        print_note(f"It was added to {output}, which has {counted(report.snapshots, 'snapshot')} now.")
    for text in report.notes:
        print_note(text)
    missing = [failure for failure in manifest.failures if failure["table"] not in manifest.tables]
    for table, failures in groupby(missing, key=itemgetter("table")):
        first, *others = failures
        more = (
            f" {counted(len(others), 'other failure')} of this list: see `kosmo archive info {output}`."
            if others
            else ""
        )
        print_note(f"{table}: {first['message']}{more}")
    for omission in manifest.left_out:
        print_note(f"{omission['table']}: {omission['why']}")
    if not manifest.complete:
        print_note("It is incomplete; what was read is kept.")
