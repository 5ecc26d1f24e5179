"""Read the values of records, and set aside those that lack a key by which an inventory names, counts or places them.

A service sends these keys with every record. One without it, or with null in its place, is not guessed at: it is named
among what could not be read, the tables go on without it, and sums that would have it are bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kosmo_kernel.catalogue.inventory import Row
from kosmo_kernel.inventory.service import facts
from kosmo_kernel.text.paths import value_at

Tables = Mapping[str, Sequence[dict[str, Any]]]


def usable(tables: Tables) -> tuple[Tables, list[Row]]:
    """Return the lists without the records that lack a key, and a failure for each record that lacks one."""
    usable_rows: dict[str, Sequence[dict[str, Any]]] = {}
    failures: list[Row] = []
    for table, rows in tables.items():
        lacking = [_lacking(row, facts().required.get(table, ())) for row in rows]
        failures += [
            _failure(table, row, f"records without {_quoted(keys)} are left out")
            for row, keys in zip(rows, lacking, strict=True)
            if keys
        ]
        expected = facts().expected.get(table, ())  # of an object that is null, none is
        complete = [row for row, keys in zip(rows, lacking, strict=True) if not keys] if any(lacking) else rows
        failures += [
            _failure(table, row, f"records without {_quoted(keys)}")
            for row in complete
            if (keys := [path for path in _lacking(row, expected) if value_at(row, path.partition(".")[0])])
        ]
        usable_rows[table] = complete
    return usable_rows, failures


def _lacking(row: Row, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if value_at(row, path) is None]


def _quoted(paths: Sequence[str]) -> str:
    return " and ".join(f"`{path}`" for path in paths)


def _failure(table: str, row: Row, message: str) -> Row:
    """Return what says that a record lacks a key: what it is called, and the app, the team or the space it is of."""
    place = {key: value for key, paths in facts().places.items() if isinstance(value := _first(row, paths), str)}
    names = [*place.values(), *([str(name)] if (name := _first(row, facts().names)) else [])]
    record = ": ".join(names) or "a record without a name"
    return {"table": table, "type": "incomplete_record", "message": message, "record": record} | place


def _first(row: Row, paths: Sequence[str]) -> Any:
    """Return the value at the first of some paths that has one, or None."""
    return next((value for path in paths if (value := value_at(row, path)) is not None), None)
