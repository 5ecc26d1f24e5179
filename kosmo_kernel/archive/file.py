"""The file of an archive: who may have written it, its tables, and how processes share it.

A file belongs to the user, is private, and is no link. SQLite reads what stands beside a database, too: a `-journal` or
a `-wal` that somebody else put there would be taken for its newest content. So these must belong to the user as well,
and a folder in which everybody may replace files is refused.

A file that somebody else made may have triggers, indexes on expressions or virtual tables, which run whatever they like
when a row is written or read. So every table, index and trigger must have exactly the text in `TABLES`. Views may have
any text, because they do nothing until they are queried, and this package never queries one.

While it is written the file is in WAL mode, in which a process that is killed at any moment loses nothing that it has
written. A loss of power can lose the last answers, and never damages the file. When the last process closes it, it is
one file in rollback mode, which can be read where nothing can be written. WAL needs memory that processes share. Where
the file system has none, as those of networks, one process has the file for itself.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import quote

import msgspec

from kosmo_kernel import __version__
from kosmo_kernel.errors import FileWriteError, KosmoError, SettingsError
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.settings.private_files import GROUP_AND_OTHERS, LOCK_TIMEOUT_SECONDS, PRIVATE

APPLICATION_ID = 0x4B6F736D  # "Kosm": what `file` and other programs recognize a file by
VERSION = 2  # of the tables, as `user_version`

TABLES = {
    # A run that was recorded. `takes_to` is the last answer that a run that goes on may take, and `replaced_by` the run
    # at whose first answer this one is deleted.
    "kosmo_runs": """CREATE TABLE kosmo_runs (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  begun TEXT NOT NULL,
  ended TEXT,
  version TEXT NOT NULL,
  takes_to INTEGER NOT NULL DEFAULT 0,
  replaced_by INTEGER
)""",
    # Who was asked: an account of a service with the address and the keyed hash of its token.
    "kosmo_accounts": """CREATE TABLE kosmo_accounts (
  id INTEGER PRIMARY KEY,
  service TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  salt BLOB NOT NULL,
  owner BLOB NOT NULL
)""",
    # What was answered, once, by its hash.
    "kosmo_bodies": """CREATE TABLE kosmo_bodies (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  body TEXT NOT NULL
)""",
    "kosmo_answers": """CREATE TABLE kosmo_answers (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES kosmo_runs (id),
  account INTEGER NOT NULL REFERENCES kosmo_accounts (id),
  function TEXT NOT NULL,
  request TEXT NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER,
  requests INTEGER NOT NULL,
  notes TEXT NOT NULL,
  scopes TEXT NOT NULL,
  body INTEGER NOT NULL REFERENCES kosmo_bodies (id),
  key TEXT,
  temporary INTEGER NOT NULL,
  at TEXT NOT NULL,
  seconds REAL NOT NULL,
  script TEXT
)""",
    # A snapshot, with the document that says what was read and what could not be.
    "kosmo_snapshots": """CREATE TABLE kosmo_snapshots (
  id INTEGER PRIMARY KEY,
  taken_at TEXT NOT NULL,
  document TEXT NOT NULL
)""",
    # A list of a snapshot, with the columns of its view.
    "kosmo_lists": """CREATE TABLE kosmo_lists (
  id INTEGER PRIMARY KEY,
  snapshot INTEGER NOT NULL REFERENCES kosmo_snapshots (id),
  name TEXT NOT NULL,
  function TEXT NOT NULL,
  columns INTEGER NOT NULL REFERENCES kosmo_bodies (id)
)""",
    # The records of a list.
    "kosmo_rows": """CREATE TABLE kosmo_rows (
  list INTEGER NOT NULL REFERENCES kosmo_lists (id),
  position INTEGER NOT NULL,
  record INTEGER NOT NULL REFERENCES kosmo_bodies (id),
  PRIMARY KEY (list, position)
) WITHOUT ROWID""",
}
INDEXES = {"kosmo_requests": "CREATE INDEX kosmo_requests ON kosmo_answers (request, account)"}

_EXPECTED = {("table", name): text for name, text in TABLES.items()}
_EXPECTED |= {("index", name): text for name, text in INDEXES.items()}

_ANEW = "Name another file: `kosmo snapshot -o FILE` makes one of an account, and `--record FILE` one of a run."


def check_tables(connection: sqlite3.Connection, file: Path) -> None:
    """Check that a file is an archive that this version reads.

    Raises:
        SettingsError: it is another database, one of a newer version, or it has tables, indexes or triggers of others.
        sqlite3.Error: it is no database, or it is damaged.
    """
    [[application]] = connection.execute("PRAGMA application_id")
    [[version]] = connection.execute("PRAGMA user_version")
    if application != APPLICATION_ID:
        raise SettingsError(
            f"{file} is no archive of kosmo_kernel, but another SQLite database, and only an archive is read or "
            f"replaced. Nothing was sent. {_ANEW}"
        )
    if version > VERSION:
        raise SettingsError(
            f"{file} was written by a newer kosmo_kernel: its format is {version}, and this is kosmo_kernel "
            f"{__version__} with format {VERSION}. Update kosmo_kernel, or name another file."
        )
    there = {
        (kind, name): text
        for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master WHERE type != 'view'")
        if not (kind == "index" and text is None)  # the index of a UNIQUE column, which the text of its table makes
    }
    if version != VERSION or there != _EXPECTED:
        other = sorted(str(name) for kind, name in there.keys() ^ _EXPECTED.keys())
        names = f" ({', '.join(other)[:200]!r})" if other else ""
        raise SettingsError(
            f"{file} is not used: its tables, indexes or triggers are not those of an archive{names}, so another "
            f"version of kosmo_kernel wrote it, or another program has changed it. {_ANEW}"
        )


MAX_VALUE_BYTES = 96 << 20  # of one value, such as a list with all of its pages
READ_SECONDS = 10.0  # for one query, of a file that somebody may have made to take for ever
MAX_REASON = 400  # characters of what is wrong with a file, which may have a text of it
Name = Annotated[str, msgspec.Meta(max_length=1_000)]
Fact = Annotated[str, msgspec.Meta(max_length=10_000)] | bool | int | None  # of an error
STEPS = 10_000  # of SQLite's machine between two looks at the clock
_POLL_SECONDS = 0.02
_NEVER = float("inf")
_HASH_BYTES = 16
_NOT_SHARED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_REASONS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_AUTH: errno.EACCES,
}


class Archive:
    """An open archive. Thread-safe.

    Attributes:
        file: its path.
        dead: the runs that no living process writes, as far as that is known.
    """

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self.file = file
        self.dead: frozenset[int] = frozenset()
        self._connection = connection
        self._lock = threading.RLock()
        self._deadline = _NEVER
        connection.set_progress_handler(lambda: time.monotonic() > self._deadline, STEPS)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Raises:
            SettingsError: the file is damaged, or the query takes too long.
        """
        return list(self.stream(sql, values))

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one, so that the caller can count what they have, and stop at each.

        Raises:
            SettingsError: the file is damaged, or one row takes too long.
        """
        cursor = None
        while True:
            with self._lock:
                self._deadline = time.monotonic() + READ_SECONDS
                try:
                    cursor = cursor or self._connection.execute(sql, values)
                    row = cursor.fetchone()
                except sqlite3.Error as error:
                    raise _explained(self.file, error, writes=False) from None
                finally:
                    self._deadline = _NEVER
            if row is None:
                return
            yield row

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write within the block, all of it or nothing.

        Raises:
            FileWriteError: it cannot be written, for example because the disk is full; the file is as before.
            SettingsError: another program writes it for too long, or it is damaged.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise _explained(self.file, error, writes=True) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()

    def body(self, digest: Any, text: Any) -> bytes:
        """Return a body by the columns of its row.

        Raises:
            SettingsError: it is missing, or was changed after it was written.
        """
        if isinstance(text, str):
            content = text.encode(errors="replace")
            if digest_of(content) == digest:
                return content
        raise self.damaged("a response in it was changed after it was written")

    def damaged(self, why: str) -> SettingsError:
        """Return the error for a file whose content makes no sense."""
        return _damaged(self.file, why)

    def close(self) -> None:
        """Close the file. The last process that has it open leaves one file, which has nothing deleted in it."""
        with self._lock:
            try:
                if not self._is_read_only():
                    self._connection.execute("PRAGMA incremental_vacuum").fetchall()
                    with suppress(sqlite3.OperationalError):  # another process has it open, and closes it later
                        self._connection.execute("PRAGMA busy_timeout = 0")
                        self._connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            except sqlite3.Error:
                pass  # what was written is in the file already, or in the one beside it that SQLite reads with it
            finally:
                self._connection.close()

    # Opening -----------------------------------------------------------------------------------------

    def _is_read_only(self) -> bool:
        return bool(self._connection.execute("PRAGMA query_only").fetchone()[0])

    def prepare(self, *, writes: bool, is_empty: bool) -> None:
        """Check that the file is an archive, after making it one if it `is_empty`, and begin to share it."""
        connection = self._connection
        self._deadline = time.monotonic() + READ_SECONDS
        for name, value in (("trusted_schema", "OFF"), ("cell_size_check", "ON"), ("mmap_size", "0")):
            connection.execute(f"PRAGMA {name} = {value}")
        if not writes:
            connection.execute("PRAGMA query_only = ON")
        elif is_empty or self._is_unused():
            self._create_tables()
        check_tables(connection, self.file)
        if writes:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            self.dead = self._runs_without_process()
            self._share()
        self._deadline = _NEVER

    def _is_unused(self) -> bool:
        """Return whether the file is a database without tables, which a full disk left when it was made."""
        pages = self._connection.execute("PRAGMA page_count").fetchone()[0]
        return pages > 0 and not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone()

    def _create_tables(self) -> None:
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        with self.transaction() as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():  # another process may have been first
                for text in _EXPECTED.values():
                    connection.execute(text)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {VERSION}")

    def _runs_without_process(self) -> frozenset[int]:
        """Return the runs that no living process writes: all, if nobody else has the file open, else those that ended.

        Only a process that is alone can end WAL mode. The lock that it takes then excludes that another one begins.
        """
        connection = self._connection
        try:
            connection.execute("PRAGMA busy_timeout = 0")
            is_alone = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete"
            if is_alone:
                connection.execute("BEGIN EXCLUSIVE")
                is_alone = connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        except sqlite3.OperationalError as error:
            if _code(error) not in _NOT_SHARED:
                raise
            is_alone = False
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(LOCK_TIMEOUT_SECONDS * 1000)}")
        try:
            runs = connection.execute("SELECT id FROM kosmo_runs WHERE ? OR ended IS NOT NULL", (is_alone,))
            return frozenset(run for [run] in runs)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _share(self) -> None:
        """Begin WAL mode: with others, or alone where processes share no memory."""
        connection, until = self._connection, time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                    return
                break
            except sqlite3.OperationalError as error:  # SQLite does not wait for others here
                if _code(error) not in _NOT_SHARED:
                    break
                if time.monotonic() > until:
                    raise
                time.sleep(_POLL_SECONDS)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        with suppress(sqlite3.OperationalError):  # then it stays in rollback mode, which is slower
            connection.execute("PRAGMA journal_mode = WAL").fetchall()


def open_archive(file: Path, *, writes: bool = False) -> Archive:
    """Open an archive.

    Parameters:
        file: its path.
        writes: answers are added; a file that does not exist, or that is empty, becomes an archive.

    Raises:
        SettingsError: it is missing, no archive, damaged, of a newer version or of another user, or may be changed by
            others; the message names the file.
        FileWriteError: it cannot be written.
    """
    location = Place.of(file)
    if writes:
        location.create()
    is_empty = location.check(writes=writes)
    if is_empty and not writes:
        raise SettingsError(f"{file} is empty, and so no archive. {_ANEW}")
    connection = None
    try:
        connection = _connected(location, writes=writes)
        archive = Archive(file, connection)
        archive.prepare(writes=writes, is_empty=is_empty)
        location.check(writes=writes)  # again, with what SQLite has opened beside it
    except BaseException as error:
        if connection:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise _explained(file, error, writes=writes) from error
        raise
    return archive


def _connected(location: Place, *, writes: bool) -> sqlite3.Connection:
    mode = "mode=rw"
    if not writes:
        # SQLite reads a file in WAL mode only if it can write beside it.
        mode = "mode=ro" if location.can_write_beside() else "mode=ro&immutable=1"
    uri = f"file:{quote(str(location.path))}?{mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    return connection


def _damaged(file: Path, why: str) -> SettingsError:
    reason = shortened(why, MAX_REASON)
    return SettingsError(f"{file} is damaged, or no archive of kosmo_kernel: {reason}. Nothing was sent. {_ANEW}")


def advice_to_resume(file: Path) -> str:
    """Return what to do where a recording could not be written any more."""
    return f"The answers before are in it: once it can be written again, `--record {file} --resume` goes on with them."


def _explained(file: Path, error: sqlite3.Error, *, writes: bool) -> KosmoError:
    """Return an error of SQLite as one that names the file, and what to do."""
    code = _code(error)
    if code in _NOT_SHARED:
        return SettingsError(
            f"Another program has been writing {file} for {LOCK_TIMEOUT_SECONDS:.0f} s. Wait until it is done."
        )
    if code in _DAMAGED:
        return _damaged(file, _reason(error))
    if code == sqlite3.SQLITE_INTERRUPT:
        return _damaged(file, f"it takes more than {READ_SECONDS:.0f} s to read")
    if code == sqlite3.SQLITE_TOOBIG and not writes:
        return _damaged(file, f"it has a value of more than {MAX_VALUE_BYTES >> 20} MiB")
    if not writes:
        return SettingsError(f"{file} cannot be read: {_reason(error)}.")
    number = _REASONS.get(code, errno.EIO)
    text = os.strerror(number) if code in _REASONS else _reason(error)
    return FileWriteError(file, OSError(number, text), advice_to_resume(file))


def _reason(error: sqlite3.Error) -> str:
    """Return what SQLite says, without a text of the file, which follows the name of the column."""
    return shortened(str(error).partition(" with text ")[0], MAX_REASON)


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error; 0 if it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def digest_of(content: bytes) -> bytes:
    """Return the digest by which a body is stored once."""
    return blake2b(content, digest_size=_HASH_BYTES).digest()


def add_bodies(connection: sqlite3.Connection, texts: Sequence[str]) -> list[bytes]:
    """Add bodies that are not there yet, within a transaction, and return the digests of all."""
    digests = [digest_of(text.encode()) for text in texts]
    connection.executemany(
        "INSERT OR IGNORE INTO kosmo_bodies (hash, body) VALUES (?, ?)", zip(digests, texts, strict=True)
    )
    return digests


_BESIDE = ("-wal", "-shm", "-journal")


class Place(NamedTuple):
    """The place of an archive."""

    file: Path  # the path that messages name
    path: Path  # the path without links in its folders

    @classmethod
    def of(cls, file: Path) -> Self:
        """Return the place of a file.

        Raises:
            SettingsError: its name cannot be that of a file.
        """
        try:
            path = Path(os.path.realpath(file.parent)) / file.name
            with suppress(OSError):
                path.lstat()
        except ValueError:  # a NUL, or half a character
            raise SettingsError("The name of a file has a character that none can have.") from None
        return cls(file, path)

    def create(self) -> None:
        """Create an empty file that only its owner can access, unless there is a file.

        Raises:
            SettingsError: it cannot be created.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            os.close(os.open(self.path, flags, PRIVATE))
        except (FileExistsError, IsADirectoryError):
            return
        except OSError as error:
            raise SettingsError(f"{self.file} cannot be written: {error.strerror}.") from None

    def check(self, *, writes: bool) -> bool:
        """Check that the file can be trusted as far as it is used, and return whether it is empty.

        A file that is written and that others can read is made private.

        Raises:
            SettingsError: it cannot.
        """
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            advice = "`kosmo snapshot -o FILE` makes an archive."
            raise SettingsError(f"There is no file {self.file}.", advice=advice) from None
        except OSError as error:
            raise SettingsError(f"{self.file} cannot be read: {error.strerror}.") from None
        for why in self._faults(status, writes=writes):
            raise SettingsError(f"{self.file} is not used: {why}. Nothing was sent.")
        if writes and os.name == "posix" and status.st_mode & GROUP_AND_OTHERS:
            self.path.chmod(PRIVATE)
        return not status.st_size

    def can_write_beside(self) -> bool:
        """Return whether files can be written in the folder.

        Raises:
            SettingsError: they cannot, and there is one that SQLite would have to take in.
        """
        if os.access(self.path.parent, os.W_OK):
            return True
        for suffix in ("-wal", "-journal"):
            beside = self.path.with_name(f"{self.path.name}{suffix}")
            if beside.exists() and beside.stat().st_size:
                raise SettingsError(
                    f"{self.file} was not closed by the process that wrote it, and what it wrote last, in "
                    f"{beside.name}, cannot be taken in because nothing can be written in this folder. Copy both files "
                    "to another folder."
                )
        return False

    def _faults(self, status: os.stat_result, *, writes: bool) -> Iterator[str]:
        """Yield why the file cannot be trusted."""
        if stat.S_ISLNK(status.st_mode):
            yield "it is a link. Name the file itself"
        if not stat.S_ISREG(status.st_mode):
            yield "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is no regular file"
        if os.name != "posix":
            return
        of_users = {os.geteuid()} if writes else {os.geteuid(), 0}
        if status.st_uid not in of_users and (writes or not _is_in_checkout_of(status.st_uid)):
            advice = "Name a file of your own" if writes else "Copy it, if you trust it"
            yield f"it belongs to another user, so its answers could be anything. {advice}"
        if writes and status.st_nlink > 1:
            yield "it has several names (hard links). Name a file of its own"
        if writes and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield "other users can write it, so its answers could be anything. Name another file"
        if status.st_mode & stat.S_IWOTH:
            yield "every user of this machine can write it. If you trust it: chmod o-w"
        yield from self._faults_around(status)

    def _faults_around(self, status: os.stat_result) -> Iterator[str]:
        """Yield why what is beside the file, or its folder, cannot be trusted."""
        mode = self.path.parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield "every user of this machine can replace files in its folder. Name a file in another folder"
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                beside = self.path.with_name(f"{self.path.name}{suffix}").lstat()
                is_ours = stat.S_ISREG(beside.st_mode) and beside.st_uid in {os.geteuid(), status.st_uid}
                if not is_ours or beside.st_nlink > 1 or beside.st_mode & stat.S_IWOTH:
                    yield (
                        f"somebody else may have made {self.path.name}{suffix} beside it, which SQLite would read. "
                        "Delete that file"
                    )


def _is_in_checkout_of(user: int) -> bool:
    """Return whether the folder that is worked in belongs to a user, whose files are trusted then."""
    with suppress(FileNotFoundError):
        return Path.cwd().stat().st_uid == user
    return False
