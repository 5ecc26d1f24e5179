"""Read a snapshot as frames or records by table name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel.client.saved_tables import CHANGED, SavedTable, SavedTables
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.snapshot.lists import columns_of
from kosmo_kernel.values.records import Records, columns_with_item

if TYPE_CHECKING:
    from kosmo_kernel.render.frames import KosmoFrame


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
        self._saved = SavedTables(folder)
        self.folder, self.manifest = folder, self._saved.manifest

    @property
    def account(self) -> str:
        """The alias of the account."""
        return self._saved.account

    @property
    def complete(self) -> bool:
        """Return whether every list of the account could be read."""
        return self.manifest["complete"] is True

    @property
    def time(self) -> datetime:
        """The time at which the snapshot was started."""
        return self._saved.time

    def __getitem__(self, name: str) -> KosmoFrame:
        """Read a table.

        Raises:
            UnknownTableError: the snapshot has no such table (also a KeyError).
            SettingsError: the table's file is missing or was changed.
        """
        from kosmo_kernel.render.frames import frame_of, spelled

        table = self._table(name)
        attrs = {"account": self.account, "time": self.manifest["begun"]}
        if not table.is_parquet:
            return frame_of(self.records(name), attrs)
        frame = spelled(_parquet_frame(table.file, attrs))
        table.check_count(len(frame))
        return frame

    def records(self, name: str) -> Records:
        """Read a table as records, which needs no pandas.

        Raises:
            UnknownTableError: the snapshot has no such table (also a KeyError).
            SettingsError: the table's file is missing or was changed.
        """
        items = self._table(name).items
        rows, function = self._saved.rows(name), self._saved.function(name)
        if function is None:
            return Records(rows, account=self.account)
        # Snapshots of older versions do not say which list a table was read with: it was the function's first one.
        columns = columns_with_item(function) if items is None else columns_of(function, items)
        return Records(rows, function, columns, self.account)

    def _table(self, name: str) -> SavedTable:
        if name not in self._saved.tables:
            raise UnknownTableError(self._saved.why_missing(name))
        return self._saved.tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._saved.tables)

    def __len__(self) -> int:
        return len(self._saved.tables)

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


def _parquet_frame(file: Path, attrs: Mapping[str, Any]) -> KosmoFrame:
    from kosmo_kernel.render.frames import read_parquet

    try:
        return read_parquet(str(file), attrs)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise SettingsError(f"{file} cannot be read: {error}. {CHANGED}") from None
