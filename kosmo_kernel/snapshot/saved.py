"""A snapshot that was written, as frames by the names of its tables.

A file that has other records than the manifest says is refused: a comparison would take what is cut off for gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kosmo_kernel import __version__, integrations
from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.snapshot.folder import MANIFEST, TIMESTAMP_FORMAT, VERSION
from kosmo_kernel.values.records import Records, columns_with_item, decode

_CHANGED = "It was cut or changed after it was written: get it from a copy, or take the snapshot anew."


class UnknownTableError(SettingsError, KeyError):
    """A snapshot has no such table."""


class SavedSnapshot(Mapping[str, "KosmoFrame"]):
    """A snapshot that was read: its tables by name, each a frame that is made when it is asked for.

    Parameters:
        folder: where it is.

    Attributes:
        folder: the same.
        manifest: what `manifest.json` has.

    Raises:
        SettingsError: there is no snapshot, or one that makes no sense.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / MANIFEST
        try:
            self.manifest: dict[str, Any] = decode(file.read_bytes())
            version = self.manifest["kosmo_snapshot"]
            self._tables = {
                name: (folder / one["file"], one["function"], int(one["rows"]))
                for name, one in self.manifest["tables"].items()
            }
        except OSError as error:
            where = file.absolute()  # a notebook may run in another folder than the one somebody thinks of
            raise SettingsError(f"{folder} is no snapshot: {where} cannot be read: {error.strerror}.") from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise SettingsError(f"{file} makes no sense: {error}. Take the snapshot anew.") from None
        if version != VERSION:
            raise SettingsError(f"{file} has version {version!r}, and this is kosmo_kernel {__version__}.")

    @property
    def account(self) -> str:
        """Whose it is."""
        return str(self.manifest["account"])

    @property
    def complete(self) -> bool:
        """Whether all could be read."""
        return self.manifest["complete"] is True

    @property
    def time(self) -> datetime:
        """When it was begun."""
        return datetime.strptime(self.manifest["begun"], TIMESTAMP_FORMAT).replace(tzinfo=UTC)

    def __getitem__(self, name: str) -> KosmoFrame:
        """A table.

        Raises:
            UnknownTableError: the snapshot has none of that name; a KeyError too.
            SettingsError: its file is gone, or is not as it was written.
        """
        if name not in self._tables:
            raise UnknownTableError(self._why_not(name))
        file, full_name, count = self._tables[name]
        attrs = {"account": self.account, "time": self.manifest["begun"]}
        from kosmo_kernel.render.frames import frame_of, read_parquet

        try:
            if file.suffix == ".parquet":
                frame = read_parquet(str(file), attrs)
                _check(file, len(frame), count)
                return frame
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror or error}.") from None
        except ValueError as error:
            raise SettingsError(f"{file} cannot be read: {error}. {_CHANGED}") from None
        rows = [_record(file, number, line) for number, line in enumerate(lines, 1)]
        _check(file, len(rows), count)
        function = _function(full_name)
        columns = columns_with_item(function) if function and function.fan_out else None
        return frame_of(Records(rows, function, columns), attrs)

    def _why_not(self, name: str) -> str:
        """What to say of a table that is not there."""
        failures = self.manifest.get("failures", ())
        why = next((one["message"] for one in failures if one["table"] == name), "")
        if why:
            return f"{self.folder} has no table `{name}`, which could not be read when it was taken: {why}"
        return f"{self.folder} has no table `{name}`. It has: {', '.join(self) or 'none'}."

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        state = "complete" if self.complete else "incomplete"
        return f"<snapshot of {self.account}, {self.manifest['begun']}, {state}: {', '.join(self)}>"


def read(folder: str | os.PathLike[str]) -> SavedSnapshot:
    """A snapshot as frames, by the names of its tables: `read("before")["apps"]`.

    Parameters:
        folder: where it is; `~` is your home.

    Raises:
        SettingsError: there is none, or one that makes no sense, or no such home.
    """
    place = Path(folder)
    try:
        return SavedSnapshot(place.expanduser())
    except RuntimeError:  # pathlib's word for no home
        raise SettingsError(f"{place} is no snapshot: there is no such home. Name the folder in full.") from None


def _record(file: Path, number: int, line: bytes) -> dict[str, Any]:
    """The record that a line has."""
    try:
        record = decode(line)
    except ValueError as error:
        raise SettingsError(f"{file}:{number} cannot be read: {error}. {_CHANGED}") from None
    if not isinstance(record, dict):
        raise SettingsError(f"{file}:{number} cannot be read: it is no record. {_CHANGED}")
    return record


def _check(file: Path, found: int, count: int) -> None:
    """Refuse a file that has not all that was written, or more."""
    if found != count:
        raise SettingsError(f"{file} has {found:,} records, and {MANIFEST} beside it says {count:,}. {_CHANGED}")


def _function(full_name: str) -> Function | None:
    """A function of the catalogue; None where it is no longer there."""
    name, _, function = full_name.partition(".")
    integration = integrations.known(name)
    return integration.names().get(function) if integration else None
