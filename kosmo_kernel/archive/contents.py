"""Describe an archive, its snapshots and its recordings; and write the lists of a snapshot as CSV."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from kosmo_kernel.archive.file import open_archive
from kosmo_kernel.archive.snapshots import ReadBudget, SavedSnapshot, snapshots_of
from kosmo_kernel.render.tables import csv_of, exact_table
from kosmo_kernel.settings.private_files import new_folder, write_private

SUFFIX = ".csv"
_RUNS = (
    "SELECT account, begun, ended, (SELECT count(*) FROM kosmo_answers WHERE run=kosmo_runs.id) FROM kosmo_runs "
    "ORDER BY id"
)


def describe(file: Path) -> dict[str, Any]:
    """Return what an archive has, as JSON: `bytes`, its `snapshots` and its `recordings`.

    Raises:
        SettingsError: it is no archive, or it was changed.
    """
    with closing(open_archive(file)) as archive:
        runs = archive.rows(_RUNS)
    return {
        "bytes": file.stat().st_size,
        "snapshots": [
            {
                "taken_at": snapshot.begun,
                "integration": snapshot.integration,
                "account": snapshot.account,
                "complete": snapshot.complete,
                "figures": snapshot.figures,
                "tables": {name: about.rows for name, about in snapshot.tables.items()},
                "failures": snapshot.failures,
            }
            for snapshot in snapshots_of(file)
        ],
        "recordings": [
            {"account": account, "begun": begun, "ended": ended, "answers": answers}
            for account, begun, ended, answers in runs
        ],
    }


def export(file: Path, folder: Path) -> dict[str, int]:
    """Write each list of the newest snapshot as CSV into a new folder.

    Returns:
        The number of records of each file.

    Raises:
        SettingsError: the file is no archive, has no snapshot, or was changed.
        FileWriteError: the folder cannot be written; there is none.
    """
    saved, counts = SavedSnapshot(file), {}
    with new_folder(folder) as temporary:
        for name in saved:
            saved.budget = ReadBudget(file)  # one list at a time is in memory
            records = saved.records(name)
            counts[f"{name}{SUFFIX}"] = len(records)
            lines = csv_of(exact_table(records))
            write_private(temporary / f"{name}{SUFFIX}", "".join(lines).encode())
    return counts
