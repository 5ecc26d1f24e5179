"""`kosmo archive`: say what an archive has, and write its lists as files (`kosmo_kernel/archive/contents.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.archive.contents import FORMS, Form, describe, export, lines
from kosmo_kernel.cli.command import Aside, CommandResult, command
from kosmo_kernel.cli.options import files
from kosmo_kernel.cli.output import print_utf8
from kosmo_kernel.cli.streams import SUCCESS
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.installation import how_to_install
from kosmo_kernel.settings.private_files import check_new
from kosmo_kernel.text import counted

INFO, EXPORT = "info", "export"


@command(
    "archive",
    "kosmo archive info history.kosmo",
    "kosmo archive export history.kosmo > history.jsonl",
    "kosmo archive export history.kosmo -o lists --format csv",
)
@click.argument("action", type=click.Choice((INFO, EXPORT)), metavar="info|export")
@click.argument("file", metavar="FILE", shell_complete=files)
@click.option("-o", "--output", metavar="DIR", help="Export to files in this new folder.", shell_complete=files)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="jsonl",
    show_default=True,
    metavar="F",
    help=f"The format of the files in DIR: {', '.join(FORMS)}.",
)
def archive(*, action: str, file: str, output: str | None, form: Form, as_json: bool) -> int:
    """Show what an archive has, or export its lists.

    FILE is an archive of `kosmo snapshot` or `--record`. `info` shows its snapshots, the lists of the newest one, what
    could not be read, and its recordings.

    `export` prints everything as lines of JSON: each record with its list and the time of its snapshot, and each
    answer of a recording with its request. With -o DIR, it writes a file for each list of the newest snapshot.

    With --json: `success`, `file` and, of `info`, `bytes`, `snapshots` and `recordings`, or of `export`, `directory`
    and `files` with the number of their records.
    """
    if action == INFO:
        if output is not None:
            raise click.UsageError("-o is for `export`.")
        about = describe(Path(file))
        return CommandResult({"file": file, **about}, *_parts(file, about)).print(as_json=as_json)
    if output is None:
        if form != "jsonl" or as_json:
            raise click.UsageError(f"{'--json' if as_json else f'--format {form}'} needs a folder: -o DIR.")
        for line in lines(Path(file)):
            print_utf8(f"{line.decode()}\n")
        return SUCCESS
    if form == "parquet" and find_spec("pyarrow") is None:
        raise SettingsError("Parquet needs pyarrow, which is not installed.", advice=how_to_install("parquet"))
    check_new(Path(output), EXPORT)
    counts = export(Path(file), Path(output), form)
    rows = [(name, f"{count:,}") for name, count in counts.items()]
    facts = {"file": file, "directory": output, "files": counts}
    return CommandResult(facts, rows, f"\nWritten to {output}.").print(as_json=as_json)


def _parts(file: str, about: dict[str, Any]) -> Iterator[str | list[tuple[str, str]]]:
    """Yield what is printed of the contents of an archive."""
    snapshots, recordings = about["snapshots"], about["recordings"]
    kinds = f"{counted(len(snapshots), 'snapshot')}, {counted(len(recordings), 'recording')}"
    yield f"{file}: {kinds}, {about['bytes']:,} bytes"
    tables = [(name, f"{count:,}") for newest in snapshots[-1:] for name, count in newest["tables"].items()]
    for title, rows in (
        ("Snapshots", [(snapshot["taken_at"], _facts(snapshot)) for snapshot in snapshots]),
        ("Lists of the newest", tables),
        ("Recordings", [(recording["begun"], _facts_of_recording(recording)) for recording in recordings]),
    ):
        if rows:
            yield f"\n{title}:\n"
            yield rows
    for failure in (failure for newest in snapshots[-1:] for failure in newest["failures"]):
        items = [f"{key} {value}" for key, value in failure.items() if key.endswith("_id") and key != "request_id"]
        yield Aside(f"Not read: {' of '.join([failure['table'], *items])}: {failure['message']}")


def _facts(snapshot: dict[str, Any]) -> str:
    state = "complete" if snapshot["complete"] else "incomplete"
    parts = [snapshot["account"], state, counted(len(snapshot["tables"]), "list")]
    for name, figure in snapshot["figures"].items():
        parts.append(f"{figure / 100:,.2f} USD a month" if name == "cents" else f"{figure:,} {name}")
    return ", ".join(parts)


def _facts_of_recording(recording: dict[str, Any]) -> str:
    state = f"ended {recording['ended']}" if recording["ended"] else "not ended"
    return f"{recording['account']}, {state}, {counted(recording['answers'], 'answer')}"
