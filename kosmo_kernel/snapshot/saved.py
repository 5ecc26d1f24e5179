"""Read a snapshot as frames or records by table name.

A file whose number of records differs from the manifest is an error: in a comparison, records that were truncated would
look like deleted ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel import __version__, integrations
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.snapshot.folder import MANIFEST, TIMESTAMP_FORMAT, VERSION
from kosmo_kernel.snapshot.lists import columns_of
from kosmo_kernel.values.records import Records, columns_with_item, decode

if TYPE_CHECKING:
    from kosmo_kernel.render.frames import KosmoFrame

_CHANGED = "It was cut or changed after it was written: get it from a copy, or take the snapshot anew."


class UnknownTableError(SettingsError, KeyError):
    """A snapshot has no such table."""


class SavedSnapshot(Mapping[str, "KosmoFrame"]):
    """A mapping of table names to frames; each frame is read when it is accessed.

    Attributes:
        folder: the folder of the snapshot.
        manifest: the content of `manifest.json`.

    Raises:
        SettingsError: the folder has no snapshot, or an invalid one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / MANIFEST
        try:
            self.manifest: dict[str, Any] = decode(file.read_bytes())
            version = self.manifest["kosmo_snapshot"]
            self._tables = {
                name: (folder / table["file"], table["function"], int(table["rows"]), table.get("by"))
                for name, table in self.manifest["tables"].items()
            }
        except OSError as error:
            where = file.absolute()  # absolute, since a notebook may run in another folder than expected
            raise SettingsError(f"{folder} is no snapshot: {where} cannot be read: {error.strerror}.") from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise SettingsError(f"{file} makes no sense: {error}. Take the snapshot anew.") from None
        if version != VERSION:
            raise SettingsError(f"{file} has version {version!r}, and this is kosmo_kernel {__version__}.")

    @property
    def account(self) -> str:
        """The alias of the account."""
        return str(self.manifest["account"])

    @property
    def complete(self) -> bool:
        """Return whether every list of the account could be read."""
        return self.manifest["complete"] is True

    @property
    def time(self) -> datetime:
        """The time at which the snapshot was started."""
        return datetime.strptime(self.manifest["begun"], TIMESTAMP_FORMAT).replace(tzinfo=UTC)

    def __getitem__(self, name: str) -> KosmoFrame:
        """Read a table.

        Raises:
            UnknownTableError: the snapshot has no such table (also a KeyError).
            SettingsError: the table's file is missing or was changed.
        """
        from kosmo_kernel.render.frames import frame_of, read_parquet

        file, _, expected, _ = self._table(name)
        attrs = {"account": self.account, "time": self.manifest["begun"]}
        if file.suffix != ".parquet":
            return frame_of(self.records(name), attrs)
        with _read_errors(file):
            frame = read_parquet(str(file), attrs)
        _check_count(file, len(frame), expected)
        return frame

    def records(self, name: str) -> Records:
        """Read a table as records; a snapshot of JSON lines needs no pandas for it.

        Raises:
            UnknownTableError: the snapshot has no such table (also a KeyError).
            SettingsError: the table's file is missing or was changed.
        """
        file, full_name, expected, items = self._table(name)
        if file.suffix == ".parquet":
            from kosmo_kernel.values.from_python import lua_value

            records = lua_value(self[name], name)
            return Records(records.rows, records.function, records.columns, self.account)
        with _read_errors(file):
            lines = file.read_bytes().splitlines()
        rows = [_record(file, number, line) for number, line in enumerate(lines, 1)]
        _check_count(file, len(rows), expected)
        function = integrations.function_named(full_name)
        if function is None:
            return Records(rows, account=self.account)
        # Snapshots of older versions do not say which list a table was read with: it was the function's first one.
        columns = columns_with_item(function) if items is None else columns_of(function, items)
        return Records(rows, function, columns, self.account)

    def _table(self, name: str) -> tuple[Path, str, int, list[str] | None]:
        if name not in self._tables:
            raise UnknownTableError(self._missing_table(name))
        return self._tables[name]

    def _missing_table(self, name: str) -> str:
        """Return the error message for a missing table."""
        failures = self.manifest.get("failures", ())
        reason = next((failure["message"] for failure in failures if failure["table"] == name), "")
        if reason:
            return f"{self.folder} has no table `{name}`, which could not be read when it was taken: {reason}"
        left_out = (one["why"] for one in self.manifest.get("left_out", ()) if one["table"] == name)
        if why := next(left_out, ""):
            return f"{self.folder} has no table `{name}`. {why}"
        return f"{self.folder} has no table `{name}`. It has: {', '.join(self) or 'none'}."

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        state = "complete" if self.complete else "incomplete"
        return f"<snapshot of {self.account}, {self.manifest['begun']}, {state}: {', '.join(self)}>"


def read(folder: str | os.PathLike[str]) -> SavedSnapshot:
    """Read a snapshot as frames by table name: `read("before")["apps"]`.

    Parameters:
        folder: the folder of the snapshot; `~` is expanded to a home directory.

    Raises:
        SettingsError: the folder has no snapshot or an invalid one, or the home directory does not exist.
    """
    place = Path(folder)
    try:
        return SavedSnapshot(place.expanduser())
    except RuntimeError:  # what pathlib raises for an unknown home directory
        raise SettingsError(f"{place} is no snapshot: there is no such home. Name the folder in full.") from None


@contextmanager
def _read_errors(file: Path) -> Iterator[None]:
    """Raise an error that names the file if it cannot be read."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise SettingsError(f"{file} cannot be read: {error}. {_CHANGED}") from None


def _record(file: Path, number: int, line: bytes) -> dict[str, Any]:
    """Decode the record on a line."""
    try:
        record = decode(line)
    except ValueError as error:
        raise SettingsError(f"{file}:{number} cannot be read: {error}. {_CHANGED}") from None
    if not isinstance(record, dict):
        raise SettingsError(f"{file}:{number} cannot be read: it is no record. {_CHANGED}")
    return record


def _check_count(file: Path, actual: int, expected: int) -> None:
    """Check that a file has as many records as the manifest says."""
    if actual != expected:
        raise SettingsError(f"{file} has {actual:,} records, and {MANIFEST} beside it says {expected:,}. {_CHANGED}")
