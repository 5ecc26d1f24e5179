"""Read the folder of a snapshot: its manifest, and the records of its tables.

A file whose number of records differs from the manifest is an error: in a comparison, records that were truncated would
look like deleted ones. From Parquet come the records that its columns stand for; there a missing key reads as null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel import __version__, integrations
from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.text.times import parse_time
from kosmo_kernel.values.records import decode

MANIFEST = "manifest.json"
KIND = "kosmo_snapshot"  # the key of the manifest that only a snapshot has
VERSION = 1
CHANGED = "It was cut or changed after it was written: get it from a copy, or take the snapshot anew."
NESTED = "json"  # key in the `.attrs` of a Parquet file: the columns whose lists and objects are stored as JSON texts


class SavedTable(NamedTuple):
    """A table of a snapshot.

    Parameters:
        file: the file of its records.
        function: the full name of the list.
        records: the number of records.
        items: the arguments that the list was read with, or None in snapshots that do not say it.
    """

    file: Path
    function: str
    records: int
    items: list[str] | None

    @property
    def is_parquet(self) -> bool:
        """Return whether the file is Parquet, and not JSON lines."""
        return self.file.suffix == ".parquet"

    def check_count(self, actual: int) -> None:
        """Check that the file has as many records as the manifest says.

        Raises:
            SettingsError: it has more or fewer.
        """
        if actual != self.records:
            raise SettingsError(
                f"{self.file} has {actual:,} records, and {MANIFEST} beside it says {self.records:,}. {CHANGED}"
            )


class SavedTables:
    """The manifest of a snapshot, and the records of its tables, which are read when they are asked for.

    Attributes:
        folder: the folder of the snapshot.
        manifest: the content of `manifest.json`.
        tables: the tables by name.

    Raises:
        SettingsError: the folder has no snapshot, or an invalid one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / MANIFEST
        try:
            self.manifest: dict[str, Any] = decode(file.read_bytes())
            version = self.manifest[KIND]
            if version != VERSION:
                raise SettingsError(f"{file} has version {version!r}, and this is kosmo_kernel {__version__}.")
            self.tables = {
                name: SavedTable(folder / table["file"], table["function"], int(table["rows"]), table.get("by"))
                for name, table in self.manifest["tables"].items()
            }
            self.time = parse_time(self.manifest["begun"])
        except OSError as error:
            where = file.absolute()  # absolute, since a notebook may run in another folder than expected
            raise SettingsError(f"{folder} is no snapshot: {where} cannot be read: {error.strerror}.") from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise SettingsError(f"{file} makes no sense: {error}. Take the snapshot anew.") from None

    @property
    def account(self) -> str:
        """The alias of the account."""
        return str(self.manifest["account"])

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The errors of what could not be read, each with its `table`."""
        return list(self.manifest.get("failures", ()))

    def function(self, name: str) -> Function | None:
        """Return the function that a table has the records of, or None if the catalogue has it no longer."""
        return integrations.function_named(self.tables[name].function)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the records of a table.

        Raises:
            SettingsError: the table's file is missing or was changed.
        """
        table = self.tables[name]
        try:
            rows = _parquet_rows(table.file) if table.is_parquet else list(_json_lines(table.file))
        except OSError as error:
            raise SettingsError(f"{table.file} cannot be read: {error.strerror or error}.") from None
        except ValueError as error:
            raise SettingsError(f"{table.file} cannot be read: {error}. {CHANGED}") from None
        table.check_count(len(rows))
        return rows

    def why_missing(self, name: str) -> str:
        """Return the error message for a table that the snapshot does not have."""
        reason = next((failure["message"] for failure in self.failures if failure["table"] == name), "")
        if reason:
            return f"{self.folder} has no table `{name}`, which could not be read when it was taken: {reason}"
        left_out = (one["why"] for one in self.manifest.get("left_out", ()) if one["table"] == name)
        if why := next(left_out, ""):
            return f"{self.folder} has no table `{name}`. {why}"
        return f"{self.folder} has no table `{name}`. It has: {', '.join(self.tables) or 'none'}."


def _json_lines(file: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            record = decode(line)
        except ValueError as error:
            raise SettingsError(f"{file}:{number} cannot be read: {error}. {CHANGED}") from None
        if not isinstance(record, dict):
            raise SettingsError(f"{file}:{number} cannot be read: it is no record. {CHANGED}")
        yield record


def _parquet_rows(file: Path) -> list[dict[str, Any]]:
    """Return the records that the columns of a file stand for: `app.name` is the field `name` of an object `app`."""
    from pyarrow import parquet

    table = parquet.read_table(str(file))
    nested = set(decode((table.schema.metadata or {}).get(b"PANDAS_ATTRS", b"{}")).get(NESTED, ()))
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    columns = [_values(table.column(name).to_pylist(), as_json=name in nested) for name in names]
    paths = [name.split(".") for name in names]
    return [_record(paths, values) for values in zip(*columns, strict=True)]


def _values(values: list[Any], *, as_json: bool) -> list[Any]:
    if as_json:
        return [None if value is None else decode(value.encode()) for value in values]
    return [_time(value) if isinstance(value, datetime) else value for value in values]


def _time(moment: datetime) -> str:
    """Return a time as services write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _record(paths: list[list[str]], values: tuple[Any, ...]) -> dict[str, Any]:
    """Return the record of a row; an object of which nothing is known is null."""
    record: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        *above, last = path
        place: dict[str, Any] = record
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return {key: _without_empty(value) for key, value in record.items()}


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping) and value:
        fields = {key: _without_empty(field) for key, field in value.items()}
        return None if all(field is None for field in fields.values()) else fields
    return value
