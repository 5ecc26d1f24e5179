"""Copies of a snapshot with other records, as if the account had been different."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kosmo_kernel import archive
from kosmo_kernel.archive.snapshots import add
from kosmo_kernel.snapshot.lists import redacted
from kosmo_kernel.values.records import Records

Tables = dict[str, list[dict[str, Any]]]


def edited(source: Path, target: Path, change: Callable[[Tables], Any] = lambda _: None, **manifest: Any) -> Path:
    """Write a copy of the newest snapshot of an archive, and return the copy.

    Parameters:
        source, target: the archive, and that of the copy.
        change: changes the records of the lists, or removes lists.
        manifest: what the copy says about itself in place of what the snapshot says.
    """
    saved = archive.SavedSnapshot(source)
    records = {name: saved.records(name) for name in saved}
    tables: Tables = {name: list(rows) for name, rows in records.items()}
    change(tables)
    abouts = {name: replace(saved.manifest.tables[name], rows=len(rows)) for name, rows in tables.items()}
    lists = {
        name: redacted(Records(rows, saved.function(name), records[name].columns), str) for name, rows in tables.items()
    }
    add(target, replace(saved.manifest, tables=abouts, **manifest), lists, replaces=False)
    return target
