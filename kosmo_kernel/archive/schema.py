"""The tables of an archive, and the check that a file has these and nothing else that runs when it is used.

A file that somebody else made may have triggers, indexes on expressions or virtual tables, which run whatever they
like when a row is written or read. So every table, index and trigger must have exactly the text below. Views may have
any text, because they do nothing until they are queried, and this package never queries one.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kosmo_kernel import __version__
from kosmo_kernel.errors import SettingsError

APPLICATION_ID = 0x4B6F736D  # "Kosm": what `file` and other programs recognize a file by
VERSION = 1  # of the tables, as `user_version`

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
    # Who was asked: an account of a service with the address and the keyed hash of its token, or an MCP server.
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
  headers TEXT,
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


def create(connection: sqlite3.Connection) -> None:
    """Create the tables in an empty file, within a transaction of the caller."""
    for text in _EXPECTED.values():
        connection.execute(text)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def check(connection: sqlite3.Connection, file: Path) -> None:
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
            "replaced. Nothing was sent. Name another file."
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
            "program has changed it. Name another file."
        )
