"""`kosmo snapshot`, `archive` and `inventory`: what an account has, in files.

A snapshot is saved in an archive (`kosmo_kernel/snapshot`), whose content `kosmo archive` shows or exports
(`kosmo_kernel/archive/contents.py`). An inventory is a folder (`kosmo_kernel/checks/inventory.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from kosmo_kernel.cli import options
from kosmo_kernel.cli.command import CommandResult, NoteLine, Rows, command, document, print_note
from kosmo_kernel.cli.streams import FAILED, INTERRUPTED, SUCCESS
from kosmo_kernel.settings.private_files import check_new
from kosmo_kernel.text import counted, iso_time, listed

MAX_APPS = 3  # that are named beside a day, or teams

if TYPE_CHECKING:
    from kosmo_kernel.checks.inventory import Inventory
    from kosmo_kernel.snapshot import SnapshotReport


@command(
    "snapshot",
    "kosmo snapshot --demo -o before.kosmo",
    "kosmo snapshot -a production -o history.kosmo",
    "kosmo snapshot -a production -o everything.kosmo --all",
    "kosmo snapshot -a production -o everything.kosmo --all --record run.kosmo --resume",
)
@options.account_options("The account to use.")
@click.option("-o", "--output", required=True, metavar="FILE", help="The archive.", type=options.FILE)
@click.option("--all", "every", is_flag=True, help="Save every list that the token can read, not only those of audits.")
@options.resume_options
def snapshot(*, account: str | None, output: str, every: bool, recording: options.Recording, as_json: bool) -> int:
    """Save the lists of an account, to compare later.

    FILE is a SQLite database. Each list that the audits read is a view in it, such as `apps` and `dynos`. With --all
    these are all lists that there are; those of the whole account are read first, and then the command says how many
    requests and minutes the others take, such as those of each app. Ctrl-C keeps what was read.

    If FILE has snapshots of the account, this one is added: the views show the newest, and `apps_history` has all of
    them. If something could not be read, it is named with the reason, and the exit code is 1. In Python,
    `heroku.from_archive(FILE)` answers from it.

    With --record RUN --resume, a snapshot that was killed goes on: what was answered is not asked again. If the last
    snapshot in FILE is incomplete, it is replaced.

    With --json: `success`, `file`, `snapshots` (how many FILE has), and what was read and what was not.
    """
    if recording.record is not None and Path(recording.record).absolute() == Path(output).absolute():
        raise click.UsageError("The snapshot and the recording of its requests need a file each.")
    from kosmo_kernel.cli.lua_run import terminal_frontend
    from kosmo_kernel.snapshot import take

    session = recording.session(account)
    with session, recording.explained(), terminal_frontend(session, aside=True, asks=False) as frontend:
        report = take(session, Path(output), every=every, frontend=frontend)
    manifest = report.manifest
    if every and not report.interrupted:
        from kosmo_kernel.checks.run import add_cents_and_findings  # with it come all checks

        manifest.figures |= add_cents_and_findings(Path(output))
    facts = {"file": output, "snapshots": report.snapshots, **msgspec.to_builtins(manifest), **recording.facts()}
    code = INTERRUPTED if report.interrupted else SUCCESS if manifest.complete else FAILED
    CommandResult(facts, *_saved(report, output), *recording.notes(), code=code).print(as_json=as_json)
    return recording.finished(code)


def _saved(report: SnapshotReport, output: str) -> Iterator[str | Rows]:
    """Yield what is printed of a new snapshot."""
    manifest = report.manifest
    width = max((len(f"{table.rows:,}") for table in manifest.tables.values()), default=0)
    yield [(name, f"{table.rows:>{width},}") for name, table in manifest.tables.items()]
    source = f"the account {manifest.account} at {manifest.begun}"
    yield f"\nSaved in {output}: {source}, {counted(manifest.requests, 'request')}."
    if report.snapshots > 1:
        yield NoteLine(f"It was added to {output}, which has {counted(report.snapshots, 'snapshot')} now.")
    yield from map(NoteLine, report.notes)
    missing = [failure for failure in manifest.failures if failure["table"] not in manifest.tables]
    for table, failures in groupby(missing, key=itemgetter("table")):
        first, *others = failures
        number = counted(len(others), "other failure")
        more = f" {number} of this list: see `kosmo archive {output}`." if others else ""
        yield NoteLine(f"{table}: {first['message']}{more}")
    for omission in manifest.left_out:
        yield NoteLine(f"{omission['table']}: {omission['why']}")
    if not manifest.complete:
        yield NoteLine("It is incomplete; what was read is kept.")


@command("archive", "kosmo archive history.kosmo", "kosmo archive history.kosmo -o lists")
@click.argument("file", type=options.FILE)
@click.option("-o", "--output", metavar="DIR", help="Write the lists as CSV, into this new folder.", type=options.FILE)
def archive(*, file: str, output: str | None) -> CommandResult:
    """Show what an archive has, or export its lists.

    FILE is an archive of `kosmo snapshot` or `--record`. The command shows its snapshots, the lists of the newest one,
    what could not be read, and its recordings.

    With -o DIR, it writes each list of the newest snapshot as CSV. A spreadsheet runs no text in it as a formula.

    With --json: `success`, `file` and `bytes`, `snapshots` and `recordings`, or with -o `directory` and `files` with
    the number of their records.
    """
    from kosmo_kernel.archive.contents import describe, export

    if output is None:
        about = describe(Path(file))
        return CommandResult({"file": file, **about}, *_parts(file, about))
    check_new(Path(output), "export")
    counts = export(Path(file), Path(output))
    rows = [(name, f"{count:,}") for name, count in counts.items()]
    return CommandResult({"file": file, "directory": output, "files": counts}, rows, f"\nWritten to {output}.")


def _parts(file: str, about: dict[str, Any]) -> Iterator[str | Rows]:
    """Yield what is printed of the contents of an archive."""
    snapshots, recordings = about["snapshots"], about["recordings"]
    kinds = f"{counted(len(snapshots), 'snapshot')}, {counted(len(recordings), 'recording')}"
    yield f"{file}: {kinds}, {about['bytes']:,} bytes"
    snapshot_rows, recording_rows = [], []
    for snapshot in snapshots:
        state = "complete" if snapshot["complete"] else "incomplete"
        facts = [snapshot["account"], state, counted(len(snapshot["tables"]), "list")]
        for name, figure in snapshot["figures"].items():
            facts.append(f"{figure / 100:,.2f} USD a month" if name == "cents" else f"{figure:,} {name}")
        snapshot_rows.append((snapshot["taken_at"], ", ".join(facts)))
    for recording in recordings:
        state = f"ended {recording['ended']}" if recording["ended"] else "not ended"
        answers = counted(recording["answers"], "answer")
        recording_rows.append((recording["begun"], f"{recording['account']}, {state}, {answers}"))
    tables = [(name, f"{count:,}") for newest in snapshots[-1:] for name, count in newest["tables"].items()]
    for title, rows in (
        ("Snapshots", snapshot_rows),
        ("Lists of the newest", tables),
        ("Recordings", recording_rows),
    ):
        if rows:
            yield f"\n{title}:\n"
            yield rows
    for failure in (failure for newest in snapshots[-1:] for failure in newest["failures"]):
        items = [f"{key} {value}" for key, value in failure.items() if key.endswith("_id") and key != "request_id"]
        yield NoteLine(f"Not read: {' of '.join([failure['table'], *items])}: {failure['message']}")


@command(
    "inventory",
    "kosmo inventory --demo -o inventory",
    "kosmo inventory -a production -o moves/2026-11-28",
    "kosmo inventory --from everything.kosmo -o inventory",
    "kosmo inventory --table costs --format csv --demo",
)
@options.account_options("The account to use.")
@click.option("-o", "--output", metavar="DIR", help="The new folder.", type=options.FILE)
@click.option("--table", metavar="NAME", help="Print one table, and write no folder.")
@options.format_options
@options.recording_options
def inventory(
    *,
    account: str | None,
    output: str | None,
    table: str | None,
    layout: options.Layout,
    recording: options.Recording,
    as_json: bool,
) -> int:
    """List all that an account has, to plan a move.

    The command writes a page to read (`index.html`), every table as CSV and JSON, `summary.json`, and `imports.tf` with
    import blocks for Terraform. It has apps, processes (those scaled to zero as well), buildpacks, costs, add-ons,
    domains and certificates, names of config vars, hosts of drains and webhooks, pipelines, teams, people and Private
    Spaces. No value of a config var and no other secret is in it.

    It takes eight requests for each app; the progress line says how far it is. With --from FILE an archive answers; a
    snapshot that was taken with --all has everything that it needs. What could not be read is named, on the page as
    well, and the exit code is 1. DIR must be a new or an empty folder, and has the whole inventory or nothing.

    With --table, one table is printed, and only its lists are asked for; `kosmo docs heroku.tables` names them.

    With --record FILE --resume, an inventory that was killed goes on: what was answered is not asked again. An
    incomplete inventory in DIR is replaced.

    With --json: `success`, `directory`, and the content of `summary.json`, or `success`, `table`, `rows` and `unread`.
    """
    if (output is None) == (table is None):
        raise click.UsageError("Give -o DIR for a folder, or --table NAME for one table on standard output.")
    if table is None and layout != options.Layout():
        raise click.UsageError("--format is about --table. A folder has every table as CSV and as JSON.")
    if table is not None:
        return _one_table(table, recording, account, layout, as_json=as_json)
    return _folder(Path(str(output)), recording, account, as_json=as_json)


def _folder(folder: Path, recording: options.Recording, account: str | None, *, as_json: bool) -> int:
    """Write the whole inventory, and return the exit code."""
    from kosmo_kernel.checks.inventory import from_account
    from kosmo_kernel.checks.inventory_folder import may_be_replaced, write
    from kosmo_kernel.cli.lua_run import terminal_frontend

    session = recording.session(account)
    with session, terminal_frontend(session, aside=True, asks=False) as frontend:
        resumes = session.recording.resumes
        check_new(folder, "inventory", replaces=resumes and may_be_replaced(folder))
        inventory = from_account(session, frontend)
    with recording.explained():
        summary = write(inventory, folder, resumes=resumes)
    facts = {"directory": str(folder), **summary}
    code = INTERRUPTED if inventory.report.interrupted else SUCCESS if inventory.complete else FAILED
    CommandResult(facts, *_written(inventory, folder), *recording.notes(), code=code).print(as_json=as_json)
    return recording.finished(code)


def _written(inventory: Inventory, folder: Path) -> Iterator[str | Rows]:
    """Yield what is printed of a new inventory."""
    from kosmo_kernel.checks.inventory import service
    from kosmo_kernel.checks.inventory_folder import PAGE, SUMMARY

    yield [(figure.name, f"{figure.text}  {figure.detail}".rstrip()) for figure in inventory.key_figures]
    if days := inventory.next_days:
        yield f"\nThe next days that {service().title} decides:\n"
        yield [
            (day["day"], f"{day['kind']} {day['what']} ({listed(day['apps'] or day['teams'], MAX_APPS)})")
            for day in days
        ]
    source = f"the snapshot {inventory.origin}" if inventory.origin else counted(inventory.requests, "request")
    yield f"\nWritten to {folder}: the account {inventory.account} at {iso_time(inventory.time)}, {source}."
    yield f"Open {folder / PAGE}"
    yield from map(NoteLine, inventory.report.notes)
    for unread in inventory.unread:
        items = f" ({counted(len(unread.items), 'item')}: see {SUMMARY})" if unread.items else ""
        yield NoteLine(f"{unread.name}: {unread.reason}{items}")
    if not inventory.complete:
        yield NoteLine("It is incomplete; what was read is in it.")


def _one_table(
    name: str,
    recording: options.Recording,
    account: str | None,
    layout: options.Layout,
    *,
    as_json: bool,
) -> int:
    """Print one table, and return the exit code."""
    from kosmo_kernel.checks.run import run_questions
    from kosmo_kernel.cli.lua_run import terminal_frontend
    from kosmo_kernel.cli.values import write_values
    from kosmo_kernel.questions.discovery import find_named_table
    from kosmo_kernel.results import looked_at_note

    table = find_named_table(name)
    session = recording.session(account)
    with session, terminal_frontend(session, aside=True, asks=False) as frontend:
        report = run_questions([table], session=session, frontend=frontend)
    [result] = report.results
    if result.error is not None:
        raise result.error.with_traceback(None)  # which is of another thread
    is_whole = not result.unread
    if as_json:
        facts = {"table": table.name, "account": report.account, "time": iso_time(report.now)}
        document({"success": is_whole, **facts, "rows": result.records, "unread": result.reasons, **recording.facts()})
    else:
        write_values([result.records], layout)
    looked = [] if result.records else [looked_at_note(result.calls)]
    for text in (*(() if as_json else recording.notes()), *report.notes, *looked, *result.reasons):
        print_note(text)
    return recording.finished(SUCCESS if is_whole else FAILED)
