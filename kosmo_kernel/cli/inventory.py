"""`kosmo inventory`: all that an account has, in one folder (`kosmo_kernel/inventory`)."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from kosmo_kernel import inventory as inventories
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.lua_run import terminal_frontend
from kosmo_kernel.cli.options import (
    Layout,
    Recording,
    account_options,
    check_formats,
    files,
    format_options,
    resume_options,
)
from kosmo_kernel.cli.output import document, print_note, print_result, print_rows
from kosmo_kernel.cli.streams import FAILED, INTERRUPTED, SUCCESS
from kosmo_kernel.inventory import AccountData
from kosmo_kernel.questions.discovery import find_named_table, tables_by_service
from kosmo_kernel.session import Session
from kosmo_kernel.settings.private_files import check_new
from kosmo_kernel.text import counted, iso_time


def _complete_table(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [name for names in tables_by_service().values() for name in names if name.startswith(incomplete)]


@command(
    "inventory",
    "kosmo inventory --demo -o inventory",
    "kosmo inventory -a production -o moves/2026-11-28",
    "kosmo inventory --snapshot everything.kosmo -o inventory",
    "kosmo inventory --table costs --format csv --demo",
)
@account_options("The account to use.")
@click.option("--snapshot", metavar="FILE", help="Read a snapshot in place of the account.", shell_complete=files)
@click.option("-o", "--output", metavar="DIR", help="The new folder.", shell_complete=files)
@click.option("--table", metavar="NAME", help="Print one table, and write no folder.", shell_complete=_complete_table)
@format_options
@resume_options
def inventory(
    *,
    account: str | None,
    snapshot: str | None,
    output: str | None,
    table: str | None,
    layout: Layout,
    recording: Recording,
    as_json: bool,
) -> int:
    """List all that an account has, to plan a move.

    The command writes a page to read (`index.html`), every table as CSV and JSON, `summary.json`, and `imports.tf` with
    import blocks for Terraform. It has apps, processes (those scaled to zero as well), buildpacks, costs, add-ons,
    domains and certificates, names of config vars, hosts of drains and webhooks, pipelines, teams, people and Private
    Spaces. No value of a config var and no other secret is in it.

    It takes eight requests for each app, and says first how long that is. A snapshot that was taken with --all has
    everything that it needs. What could not be read is named, on the page as well, and the exit code is 1. DIR must be
    a new or an empty folder, and has the whole inventory or nothing.

    With --table, one table is printed, and only its lists are asked for; `kosmo docs heroku.tables` names them.

    With --record FILE --resume, an inventory that was killed goes on: what was answered is not asked again. An
    incomplete inventory in DIR is replaced.

    With --json: `success`, `directory`, and the content of `summary.json`, or `success`, `table`, `rows` and `unread`.
    """
    if (output is None) == (table is None):
        raise click.UsageError("Give -o DIR for a folder, or --table NAME for one table on standard output.")
    if table is None and layout != Layout():
        raise click.UsageError("--format is about --table. A folder has every table as CSV and as JSON.")
    if snapshot is not None:
        _check_snapshot(has_account=bool(account), is_recorded=recording.record is not None or recording.resume)
    if output is None:
        return _one_table(str(table), recording, account, snapshot, layout, as_json=as_json)
    folder, resumes = Path(output), False
    if snapshot is not None:
        check_new(folder, "inventory")
        data = inventories.from_snapshot(Path(snapshot))
    else:
        with (
            recording.session(account) as session,
            terminal_frontend(session, aside=True) as frontend,
        ):
            resumes = session.recording.resumes
            check_new(folder, "inventory", replaces=resumes and inventories.may_be_replaced(folder))
            data = inventories.from_account(session, replace(frontend, ask=None))
    with recording.explained():
        summary = inventories.write(data, folder, resumes=resumes)
    if as_json:
        document({"success": data.complete, "directory": output, **summary})
    else:
        _show(data, output)
        recording.print_note()
    return recording.finished(INTERRUPTED if data.interrupted else SUCCESS if data.complete else FAILED)


def _check_snapshot(*, has_account: bool, is_recorded: bool) -> None:
    """Check that no option is given that a snapshot does not go with."""
    if has_account:
        raise click.UsageError("A snapshot has its own account. Give --snapshot or an account, not both.")
    if is_recorded:
        raise click.UsageError("Nothing is asked for --snapshot, so there is nothing to record. Leave out --record.")


def _one_table(
    name: str, recording: Recording, account: str | None, snapshot: str | None, layout: Layout, *, as_json: bool
) -> int:
    """Print one table, and return the exit code."""
    from kosmo_kernel.checks.run import run_questions
    from kosmo_kernel.cli.values import write_values

    check_formats(as_json=as_json, layout=layout)
    table = find_named_table(name)
    opened = Session(snapshot=snapshot) if snapshot is not None else recording.session(account)
    with opened as session, terminal_frontend(session, aside=True) as frontend:
        report = run_questions([table], session=session, frontend=replace(frontend, ask=None))
    [result] = report.results
    if result.error is not None:
        raise result.error.with_traceback(None)  # which is of another thread
    is_whole = not result.unread
    if as_json:
        facts = {"table": table.name, "account": report.account, "time": iso_time(report.now)}
        document({"success": is_whole, **facts, "rows": result.records, "unread": result.reasons, **recording.facts()})
    else:
        write_values([result.records], layout)
        recording.print_note()
    for text in (*report.notes, *result.reasons):
        print_note(text)
    return recording.finished(SUCCESS if is_whole else FAILED)


def _show(data: AccountData, output: str) -> None:
    print_rows([(figure.name, f"{figure.text}  {figure.detail}".rstrip()) for figure in inventories.key_figures(data)])
    source = f"the snapshot {data.origin}" if data.origin else counted(data.requests, "request")
    print_result(f"\nWritten to {output}: the account {data.account} at {iso_time(data.time)}, {source}.")
    print_result(f"Open {Path(output) / inventories.PAGE}")
    for text in data.notes:
        print_note(text)
    missing = inventories.unread(data)
    for item in missing:
        items = f" ({counted(len(item.items), 'item')}: see {inventories.SUMMARY})" if item.items else ""
        print_note(f"{item.table}: {item.reason}{items}")
    if missing:
        print_note("It is incomplete; what was read is in it.")
