"""Snapshots in an archive: the lists of an account at one moment, written at once and read by name.

A snapshot is one row of `kosmo_snapshots`, whose document says what was read and what could not be. Each list has a row
in `kosmo_lists`, and each of its records one in `kosmo_rows`, which names the record's text: a text that several
snapshots have is stored once. Records are read with the digest of their text and counted, because in a comparison a
record that was lost would look like a deleted one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from kosmo_kernel import integrations
from kosmo_kernel.archive.file import Fact, Name, add_bodies, digest_of, open_archive
from kosmo_kernel.archive.runs import delete_unused
from kosmo_kernel.archive.views import DAY, FIGURES, create_views, view_columns
from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.errors import FileWriteError, LimitError, SettingsError
from kosmo_kernel.safety.decoder import DecodeError, count_values, decode
from kosmo_kernel.settings.config_file import resolve
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.settings.private_files import writing
from kosmo_kernel.settings.table import MEMORY_LIMIT
from kosmo_kernel.text import listed, parse_time
from kosmo_kernel.values.records import Records, columns_of

if TYPE_CHECKING:
    from sqlite3 import Connection

    from kosmo_kernel.render.frames import KosmoFrame

CHANGED = "It was cut or changed after it was written: get it from a copy, or take the snapshot anew."
_FIGURE_COLUMNS = tuple(Column(name, name, "integer", nullable=True, main=True) for name in FIGURES)
_LIST = re.compile(r"[a-z][a-z0-9_]{0,99}")  # the name of a list, which names a file where lists are exported
BATCH_BYTES, BATCH_VALUES = 1 << 20, 100_000  # of the records that are decoded at once
BYTES_PER_VALUE = 32  # that the values of real records take at least
_RECORDS = (
    "SELECT hash, CAST(body AS BLOB) FROM kosmo_rows LEFT JOIN kosmo_bodies AS b ON b.id=record WHERE list=? "
    "ORDER BY position"
)
_TIME = 40  # characters of a time
_MAX_TIMES = 10  # that a message names
_LAST = "SELECT id, document FROM kosmo_snapshots ORDER BY id DESC LIMIT 1"


_T = TypeVar("_T")


class UnknownListError(SettingsError, KeyError):
    """A snapshot has no such list."""


class SavedList(msgspec.Struct):
    """The facts of a list in the document of a snapshot."""

    function: Name  # its full name
    rows: int
    by: list[str]  # the arguments that it was read with


class Manifest(msgspec.Struct, omit_defaults=True):
    """The document of a snapshot."""

    integration: Name
    account: Name
    begun: Name
    ended: Name
    complete: bool
    requests: int
    tables: dict[str, SavedList]
    failures: list[dict[str, Fact]]  # what could not be read, each with its `table`
    left_out: list[dict[str, Name]]  # what was not tried, each with its `table` and `why`
    kosmo_kernel: Name  # the version that wrote it
    deleted: list[dict[str, Any]] = []
    figures: dict[str, int] = {}  # what the history shows, by name
    user: Name = ""  # the id of the user whose account it is; empty if that is not known
    address: Name = ""  # of the service, see `owner.address_of`; empty if that is not known
    token: Name = ""  # a salted hash, see `owner.token_hash`; empty if that is not known

    def __post_init__(self) -> None:
        """Check what msgspec does not."""
        parse_time(self.begun)
        if not all(map(_LIST.fullmatch, self.tables)):
            raise ValueError("the name of a list must be a word of letters, digits and `_`")
        for entries, facts in ((self.failures, ("table", "type", "message")), (self.left_out, ("table", "why"))):
            if not all(isinstance(entry.get(fact), str) for entry in entries for fact in facts):
                raise ValueError("a failure names no list, or no reason")


class ReadBudget:
    """What may be read of the records of a file that anybody may have written: few bytes of it can be many records.

    That is as much as the file is long, and what a run may have besides.

    Parameters:
        file: the path of the file.
        check: raises an error if the run has ended; called for each record.
    """

    def __init__(self, file: Path, check: Callable[[], None] = lambda: None) -> None:
        self._file, self.check = file, check
        size = file.stat().st_size if file.exists() else 0
        self._bytes = self._bytes_left = int(resolve(MEMORY_LIMIT)) + size
        self._values = self._values_left = Limits().values + size // BYTES_PER_VALUE

    def charge(self, text: bytes) -> int:
        """Count a record before it is decoded, and return the number of its values.

        Raises:
            LimitError: there is more than a run may have.
        """
        self.check()
        count = count_values(text, self._values_left)
        self._bytes_left -= len(text)
        self._values_left -= count
        if min(self._bytes_left, self._values_left) < 0:
            raise LimitError(
                f"{self._file} has records of more than {self._bytes:,} bytes or {self._values:,} values, which is "
                "more than one run may have (memory_limit).",
                limit="memory_limit",
            )
        return count


class SavedSnapshot(Mapping[str, "KosmoFrame"]):
    """A snapshot: a mapping of list names to frames; each frame is read when it is accessed.

    Parameters:
        file: the archive; `~` is expanded to a home directory.
        taken_at: the beginning of its time, such as a day; the newest such snapshot is read. The newest one when empty.

    Attributes:
        file: the archive.
        manifest: what was read, and what could not be.
        times: the times of all snapshots of the archive, the oldest first.
        budget: what may be read of the records of all lists.

    Raises:
        SettingsError: the file is no archive, has no such snapshot, or was changed.
    """

    def __init__(self, file: str | os.PathLike[str], taken_at: str = "") -> None:
        self.file = file = Path(os.path.expanduser(file))
        self.budget = ReadBudget(file)
        with closing(open_archive(file)) as archive:
            numbered = archive.rows("SELECT id, substr(taken_at, 1, ?) FROM kosmo_snapshots ORDER BY id", (_TIME,))
            self.times = [str(time) for _, time in numbered]
            matching = [number for number, time in numbered if str(time).startswith(taken_at)]
            if not matching:
                raise SettingsError(_no_snapshot(file, taken_at, self.times))
            self._number = matching[-1]
            [[document]] = archive.rows("SELECT document FROM kosmo_snapshots WHERE id=?", (self._number,))
        self.manifest = _manifest(document, file)

    @property
    def account(self) -> str:
        """The alias of the account."""
        return self.manifest.account

    @property
    def complete(self) -> bool:
        """True if every list of the account could be read."""
        return self.manifest.complete

    @property
    def time(self) -> datetime:
        """The time at which the snapshot was started."""
        return parse_time(self.manifest.begun)

    def __getitem__(self, name: str) -> KosmoFrame:
        """Read a list.

        Raises:
            UnknownListError: the snapshot has no such list (also a KeyError).
            SettingsError: the file was changed.
        """
        from kosmo_kernel.render.frames import frame_of

        return frame_of(self.records(name), {"account": self.account, "time": self.manifest.begun})

    def records(self, name: str) -> Records:
        """Read a list as records, which needs no pandas; errors as when it is read as a frame."""
        function, rows = self.function(name), self._rows(name)
        columns = columns_of(function, self.manifest.tables[name].by) if function else None
        return Records(rows, function, columns, self.account)

    def function(self, name: str) -> Function | None:
        """Return the function of a list, or None if the catalogue has it no longer.

        Raises:
            UnknownListError: the snapshot has no such list.
        """
        if name not in self:
            raise UnknownListError(self.why_missing(name))
        return integrations.function_named(self.manifest.tables[name].function)

    def why_missing(self, name: str) -> str:
        """Return the error message for a list that the snapshot does not have."""
        reason = next((entry["message"] for entry in self.manifest.failures if entry["table"] == name), "")
        if reason:
            return f"{self.file} has no list `{name}`, which could not be read when it was taken: {reason}"
        if why := next((entry["why"] for entry in self.manifest.left_out if entry["table"] == name), ""):
            return f"{self.file} has no list `{name}`. {why}"
        return f"{self.file} has no list `{name}`. It has: {', '.join(self) or 'none'}."

    def __contains__(self, name: object) -> bool:
        return name in self.manifest.tables

    def __iter__(self) -> Iterator[str]:
        return iter(self.manifest.tables)

    def __len__(self) -> int:
        return len(self.manifest.tables)

    def __repr__(self) -> str:
        state = "complete" if self.complete else "incomplete"
        return f"<snapshot of {self.account}, {self.manifest.begun}, {state}: {', '.join(self)}>"

    def _rows(self, name: str) -> list[dict[str, Any]]:
        where = f"The list `{name}` in {self.file}"
        rows: list[dict[str, Any]] = []
        batch: list[bytes] = []
        size = values = 0
        with closing(open_archive(self.file)) as archive:
            lists = archive.rows("SELECT id FROM kosmo_lists WHERE snapshot=? AND name=?", (self._number, name))
            for digest, body in (row for number in lists for row in archive.stream(_RECORDS, number)):
                if not isinstance(body, bytes) or digest_of(body) != digest:
                    raise SettingsError(f"{where} cannot be read: a record is not what was written. {CHANGED}")
                count = self.budget.charge(body)
                if size + len(body) > BATCH_BYTES or values + count > BATCH_VALUES:
                    rows += _decoded(batch, where)
                    batch, size, values = [], 0, 0
                batch.append(body)
                size += len(body)
                values += count
        rows += _decoded(batch, where)
        if len(rows) != (expected := self.manifest.tables[name].rows):
            raise SettingsError(f"{where} has {len(rows):,} records, and the snapshot says {expected:,}. {CHANGED}")
        return rows


def snapshots_of(file: Path) -> list[Manifest]:
    """Return what each snapshot of an archive says about itself, the oldest first.

    Raises:
        SettingsError: the file is no archive, or was changed.
    """
    budget = ReadBudget(file)
    with closing(open_archive(file)) as archive:
        documents = archive.stream("SELECT document FROM kosmo_snapshots ORDER BY id")
        return [_manifest(document, file, budget) for [document] in documents]


def check_target(file: Path, account: str) -> Manifest | None:
    """Check that a snapshot of an account can be added to a file, and return what its last one says, if any.

    Raises:
        SettingsError: the file is no archive, has snapshots of another account, or cannot be written.
    """
    if file.exists() and (file.stat().st_size or not file.is_file()):
        with closing(open_archive(file)) as archive:
            last = archive.rows(_LAST)
        _check_account(file, last, account)
        return _manifest(last[0][1], file) if last else None
    above = next(parent for parent in Path(os.path.realpath(file)).parents if parent.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise SettingsError(f"A snapshot cannot be written to {file}: nothing can be made in {above}.")
    return None


class ReadList(NamedTuple):
    """A list that was read, with the JSON text of each of its records."""

    records: Records
    texts: Sequence[str]


def add(file: Path, manifest: Manifest, lists: Mapping[str, ReadList], *, replaces: bool) -> int:
    """Add a snapshot to an archive, which is created if it is missing, and return how many snapshots it has now.

    Parameters:
        file: the archive.
        manifest: what was read.
        lists: the lists by name.
        replaces: a run goes on, so that an incomplete last snapshot is replaced.

    Raises:
        SettingsError: the file is no archive, or has snapshots of another user.
        FileWriteError: it cannot be written; it is as before.
    """
    with _written(file), closing(open_archive(file, writes=True)) as archive, archive.transaction() as connection:
        last = connection.execute(_LAST).fetchall()
        _check_account(file, last, manifest.account, manifest.user, manifest.address)
        if replaces and last and not _manifest(last[0][1], file).complete:
            _remove(connection, last[0][0])
        number = connection.execute(
            "INSERT INTO kosmo_snapshots (taken_at, document) VALUES (?, ?)",
            (manifest.begun, msgspec.json.encode(manifest).decode()),
        ).lastrowid
        for name, read_list in lists.items():
            [columns] = add_bodies(connection, [view_columns(read_list.records).decode()])
            at = connection.execute(
                "INSERT INTO kosmo_lists (snapshot, name, function, columns) SELECT ?, ?, ?, id FROM kosmo_bodies "
                "WHERE hash=?",
                (number, name, manifest.tables[name].function, columns),
            ).lastrowid
            digests = add_bodies(connection, read_list.texts)
            connection.executemany(
                "INSERT INTO kosmo_rows (list, position, record) SELECT ?, ?, id FROM kosmo_bodies WHERE hash=?",
                ((at, position, digest) for position, digest in enumerate(digests)),
            )
        create_views(connection)
        [[count]] = connection.execute("SELECT count(*) FROM kosmo_snapshots")
    return int(count)


def add_figures(file: Path, figures: Mapping[str, int]) -> None:
    """Add figures to the newest snapshot of an archive.

    Raises:
        SettingsError: the file is no archive, or was changed.
        FileWriteError: it cannot be written; it is as before.
    """
    with _written(file), closing(open_archive(file, writes=True)) as archive, archive.transaction() as connection:
        [(number, document)] = connection.execute(_LAST)
        manifest = _manifest(document, file)
        manifest.figures = {**manifest.figures, **figures}
        values = (msgspec.json.encode(manifest).decode(), number)
        connection.execute("UPDATE kosmo_snapshots SET document=? WHERE id=?", values)


def history(file: str | os.PathLike[str]) -> KosmoFrame:
    """Return the figures of each snapshot of an archive as a frame: its day, apps, dynos, people, cents and findings.

    Parameters:
        file: the archive; `~` is expanded to a home directory.

    Raises:
        SettingsError: the file is no archive, or was changed.
    """
    from kosmo_kernel.render.frames import frame_of

    rows = [
        {"day": manifest.begun[:DAY], **{name: manifest.figures.get(name) for name in FIGURES}}
        for manifest in snapshots_of(Path(file).expanduser())
    ]
    return frame_of(Records(rows, columns=(Column("day", "The day", main=True), *_FIGURE_COLUMNS)))


@contextmanager
def _written(file: Path) -> Iterator[None]:
    """Write an archive within the block; a new one that cannot be written is deleted.

    Raises:
        FileWriteError: that of the block, with what is left of the file.
    """
    is_new = not file.exists()
    with writing(file):
        file.parent.mkdir(0o700, parents=True, exist_ok=True)
    try:
        yield
    except BaseException as error:
        if is_new:
            file.unlink(missing_ok=True)
        if isinstance(error, FileWriteError):
            error.advice = "Nothing of it is there." if is_new else "It is as before."
        raise


def _no_snapshot(file: Path, taken_at: str, times: Sequence[str]) -> str:
    """Return the error message for a file without the snapshot that was asked for."""
    if not times:
        return f"{file} has no snapshot. `kosmo snapshot -o {file}` adds one."
    return f"{file} has no snapshot of {taken_at[:_TIME]}. It has those of {listed(times, _MAX_TIMES)}."


def _remove(connection: Connection, number: int) -> None:
    """Remove a snapshot."""
    connection.execute("DELETE FROM kosmo_rows WHERE list IN (SELECT id FROM kosmo_lists WHERE snapshot=?)", (number,))
    connection.execute("DELETE FROM kosmo_lists WHERE snapshot=?", (number,))
    connection.execute("DELETE FROM kosmo_snapshots WHERE id=?", (number,))
    delete_unused(connection)


def _check_account(
    file: Path, last: Sequence[tuple[Any, ...]], account: str, user: str = "", address: str = ""
) -> None:
    """Check that the last snapshot of an archive is of the same account, and of the same user as far as known.

    Raises:
        SettingsError: it is not.
    """
    for _, document in last:
        before = _manifest(document, file)
        if before.account != account:
            raise SettingsError(
                f"{file} has snapshots of the account `{before.account}`, and this is `{account}`. Name another file."
            )
        if user and before.user and before.user != user:
            raise SettingsError(
                f"{file} has snapshots of another user than the one whose token `{account}` is now. Nothing was added. "
                "Name another file."
            )
        if address and before.address and before.address != address:
            raise SettingsError(
                f"{file} has snapshots of `{account}` at {before.address}, and it is at {address} now. Nothing was "
                "added. Name another file."
            )


def _manifest(document: Any, file: Path, budget: ReadBudget | None = None) -> Manifest:
    """Return the document of a snapshot.

    Raises:
        SettingsError: it is none.
        LimitError: there is more than the budget has.
    """
    content = document.encode(errors="replace") if isinstance(document, str) else b""
    if budget:
        budget.charge(content)
    return _read_json(content, f"The snapshot in {file}", Manifest)


def _decoded(texts: Sequence[bytes], where: str) -> list[dict[str, Any]]:
    """Return the records of some texts.

    Raises:
        SettingsError: one is no record.
    """
    rows: list[dict[str, Any]] = _read_json(b"[" + b",".join(texts) + b"]", where, list)
    if len(rows) != len(texts) or not all(isinstance(row, dict) for row in rows):
        raise SettingsError(f"{where} cannot be read: a record is none. {CHANGED}")
    return rows


def _read_json(content: bytes, where: str, type_: type[_T]) -> _T:
    try:
        value: _T = decode(content, type=type_)
    except DecodeError as error:
        reason = f"it has {error}" if error.is_excess else str(error)
        raise SettingsError(f"{where} cannot be read: {reason}. {CHANGED}") from None
    return value
