"""`kosmo snapshot`: save the lists of an account as files (`kosmo_kernel/snapshot`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click

from kosmo_kernel import integrations
from kosmo_kernel.cli.account_options import ON_DEMO, about_account, one_account
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.completions import files
from kosmo_kernel.cli.lua_run import terminal_frontend
from kosmo_kernel.cli.options import Recording, resume_options, setting_option
from kosmo_kernel.cli.output import document, print_note, print_result, print_rows
from kosmo_kernel.cli.shell_interface import FAILED, INTERRUPTED, SUCCESS
from kosmo_kernel.settings.table import SINCE_WITHIN
from kosmo_kernel.snapshot import Form, Since, SnapshotReport, take
from kosmo_kernel.snapshot.changes import LIST_CHANGES
from kosmo_kernel.text.quantities import counted

MAX_NAMES = 8  # of lists in a note


@command(
    "snapshot",
    "kosmo snapshot --demo -o before",
    "kosmo snapshot -a production -o audits/2026-11-25 --format parquet",
    "kosmo snapshot -a production -o everything --all",
    "kosmo snapshot -a production -o today --since yesterday",
    "kosmo snapshot -a production -o today --since yesterday --take-over domains --take-over collaborators",
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
@click.option(
    "--since",
    metavar="DIR",
    help="An earlier snapshot of the account: ask again only what may have changed, and date each record.",
    shell_complete=files,
)
@click.option(
    "--take-over",
    multiple=True,
    metavar="LIST",
    help="A list, or `all`, that is taken over for unchanged apps although it may have changed. Repeatable.",
)
@setting_option(SINCE_WITHIN)
@resume_options
def snapshot(
    *,
    account: str | None,
    demo: bool,
    output: str,
    every: bool,
    form: Form,
    since: str | None,
    take_over: tuple[str, ...],
    since_within: float | None,
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

    With --since DIR, lists of single apps are taken over from DIR for unchanged apps, unless they may change without a
    sign of it: of those without --all, dynos, domains and collaborators do, and are asked again. --take-over LIST takes
    over such a list, too. Each record says when it was seen, as `seen_at`. `kosmo integrations:docs resume` has more.

    With --json: `success`, `directory`, and the content of `manifest.json`.
    """
    if since is None and (take_over or since_within is not None):
        raise click.UsageError(f"--take-over and {SINCE_WITHIN.command} are about --since. Give it as well.")
    recording = Recording(record, resume, resume_within)
    session = recording.session(one_account(account, demo=demo))
    with session, recording.kept(), terminal_frontend(session, aside=True) as frontend:
        report = take(
            session,
            Path(output),
            form,
            every=every,
            frontend=replace(frontend, ask=None),
            since=Since(Path(since), take_over, since_within) if since is not None else None,
        )
    complete = report.manifest["complete"]
    if as_json:
        document({"success": complete, "directory": output, **report.manifest})
    else:
        _show(report, output)
        recording.print_note()
    if report.interrupted:
        return INTERRUPTED
    return SUCCESS if complete else FAILED


def _show(report: SnapshotReport, output: str) -> None:
    manifest = report.manifest
    tables = manifest["tables"].items()
    width = max(len(f"{table['rows']:,}") for _, table in tables)
    print_rows([(name, f"{table['rows']:>{width},}") for name, table in tables])
    source = f"the account {manifest['account']} at {manifest['begun']}"
    print_result(f"\nSaved in {output}: {source}, {counted(manifest['requests'], 'request')}.")
    if "since" in manifest:
        for text in _notes_of_taken_over(manifest):
            print_note(text)
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


def _notes_of_taken_over(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the notes of what was taken over, and of what was asked again."""
    tables: dict[str, dict[str, Any]] = manifest["tables"]
    taken = {name: table for name, table in tables.items() if table.get("taken_over")}
    shown = {name: table for name, table in taken.items() if name in LIST_CHANGES and LIST_CHANGES[name].shown_by}
    others = {name: table for name, table in taken.items() if name not in shown}
    for text, group in (("as nothing shows a change", shown), ("although it may have changed", others)):
        if group:
            counts = ", ".join(f"{name} of {table['taken_over']:,}" for name, table in group.items())
            oldest = min(table["oldest"] for table in group.values())
            yield f"Taken over, {text}: {counts}; the oldest was seen at {oldest}."
    again = [name for name, table in tables.items() if table["by"] and name not in taken and not _is_of_account(table)]
    names = ", ".join(again) if len(again) <= MAX_NAMES else counted(len(again), "list")
    if again:
        yield f"Asked again of each app or other record, because it may change without a sign there: {names}."


def _is_of_account(table: dict[str, Any]) -> bool:
    """Return whether a table of single items was read from lists of the whole account."""
    function = integrations.function_named(table["function"])
    return function is not None and any(link.bulk for link in function.links)
