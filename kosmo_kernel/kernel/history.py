"""The input history of all Lua notebooks, in one SQLite file, laid out like IPython's.

Each kernel is a numbered session, and its entries have the numbers of its cells. In a request, session 0 is the current
one and -1 the one before it. Secrets are redacted from the entries. Outputs are kept in memory only, for the current
session.

A background thread does all SQLite work, so that a cell waits neither for the disk nor for the lock of another kernel.
If the file cannot be used, the history is kept in memory until the kernel exits.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import TryLaterError
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.settings.table import HISTORY

if TYPE_CHECKING:
    import sqlite3  # imported in the background thread, so that the first cell does not wait for it

MAX_ENTRIES_FOUND = 10_000  # the most entries that one request returns
MAX_OUTPUTS_KEPT = 100  # how many cells have their output kept
LOCK_TIMEOUT_SECONDS = 5.0  # how long SQLite waits for another kernel's lock
START_DELAY_SECONDS = 0.1  # before SQLite is imported, so that the first cell need not share the interpreter with that
TIMEOUT_SECONDS = 10.0  # how long to wait for a query, or for the last entries to be written
NOWHERE = ":memory:"

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (session INTEGER PRIMARY KEY AUTOINCREMENT, start TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS history (session INTEGER, line INTEGER, source TEXT, PRIMARY KEY (session, line));
"""
_SEARCH = "SELECT session, line, source FROM history WHERE source GLOB ? ORDER BY session DESC, line DESC LIMIT ?"
# In a grouped query with `max()`, SQLite takes the bare columns from the row that has the maximum.
_SEARCH_UNIQUE = (
    "SELECT session, line, source, max(session * 1000000000 + line) AS newest FROM history WHERE source GLOB ? "
    "GROUP BY source ORDER BY newest DESC LIMIT ?"
)
_RANGE = "SELECT session, line, source FROM history WHERE session = ? AND line >= ? AND line < ? ORDER BY line LIMIT ?"

Entry = tuple[int, int, Any]


def file() -> Path | str:
    """Return the history file in the user's Jupyter data directory, or `:memory:` if history is turned off."""
    if HISTORY.from_env() is False:
        return NOWHERE
    try:
        return _jupyter_data_folder() / "kosmo-lua" / "history.sqlite"
    except RuntimeError:  # the user has no home directory
        return NOWHERE


def _jupyter_data_folder() -> Path:
    """Return what `jupyter_data_dir` does, the import of which would take a twentieth of the kernel's memory.

    Raises:
        RuntimeError: the user has no home directory.
    """
    if folder := os.environ.get("JUPYTER_DATA_DIR"):
        return Path(folder)
    if sys.platform != "linux":
        from jupyter_core.paths import jupyter_data_dir

        return Path(jupyter_data_dir())
    return Path(os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser(), "jupyter")


class History:
    """The cells of this kernel and of earlier ones. The file is opened on first use.

    Parameters:
        path: the SQLite file, or `:memory:`; the user's own file when None.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._path = path
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_urgent = threading.Event()  # somebody waits for the work
        self._unwritten: list[tuple[int, str]] = []
        self._outputs: dict[int, str] = {}
        self._database: sqlite3.Connection | None = None
        self._session = 0  # 0 until the first cell is added

    def add(self, number: int, code: str) -> None:
        """Add a cell, to be written by the next `write`."""
        self._unwritten.append((number, code))

    def write(self) -> None:
        """Write the cells that were added, in the background: when a cell has ended, or takes long."""
        if self._unwritten:
            cells, self._unwritten = self._unwritten, []
            self._submit(lambda: self._write(cells))

    def show(self, number: int, output: str) -> None:
        """Keep the output of the cell with this number."""
        self._outputs[number] = output
        while len(self._outputs) > MAX_OUTPUTS_KEPT:
            del self._outputs[next(iter(self._outputs))]

    def find(self, request: Mapping[str, Any]) -> list[Entry]:
        """Return the entries that match a history request, oldest first.

        Parameters:
            request: the content of the request. `hist_access_type` is `tail` for the last `n` entries; `range` for the
                entries of `session` from `start` up to but not including `stop`, 0 being the current session and -1 the
                one before; or `search` for the entries whose text matches the glob `pattern`, at most the last `n`, and
                with `unique` only the latest of equal texts.

        Returns:
            `(session, number, text)`, or `(session, number, (text, output))` with `output`.

        Raises:
            TryLaterError: another kernel has the file locked for too long.
        """
        results: SimpleQueue[list[Entry]] = SimpleQueue()
        kind, limit = request["hist_access_type"], min(request.get("n") or MAX_ENTRIES_FOUND, MAX_ENTRIES_FOUND)
        session, start, stop = int(request.get("session") or 0), request.get("start") or 0, request.get("stop")

        def query() -> None:
            if kind == "range":
                results.put(self._rows(_RANGE, self._number(session), start, stop or 1 << 60, limit))
            else:
                search = _SEARCH_UNIQUE if request.get("unique") else _SEARCH
                pattern = request.get("pattern") if kind == "search" else None
                results.put(self._rows(search, pattern or "*", limit)[::-1])

        self.write()
        self._submit(query)
        self._is_urgent.set()
        try:
            entries = results.get(timeout=TIMEOUT_SECONDS)
        except Empty:
            raise TryLaterError("The history file is in use by another kernel.") from None
        if not request.get("output"):
            return entries
        outputs = self._outputs
        return [(s, line, (text, outputs.get(line) if s == self._session else None)) for s, line, text in entries]

    def close(self) -> None:
        """Write all pending entries and close the file."""
        self.write()
        if self._thread is not None:
            self._work.put(None)
            self._is_urgent.set()
            self._thread.join(TIMEOUT_SECONDS)

    # In the background thread ---------------------------------------------------------------------------------------

    def _submit(self, work: Callable[[], None]) -> None:
        self._work.put(work)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="history", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        self._is_urgent.wait(START_DELAY_SECONDS)
        while work := self._work.get():
            work()
        if self._database is not None:
            self._database.close()

    def _write(self, cells: Sequence[tuple[int, str]]) -> None:
        import sqlite3

        for number, code in cells:
            source = redact(code).encode(errors="replace").decode()
            with suppress(sqlite3.Error):  # this entry is lost; the next may be written (a full disk)
                if not self._session:
                    self._session = self._connection().execute("INSERT INTO sessions DEFAULT VALUES").lastrowid or 0
                self._connection().execute(
                    "INSERT OR REPLACE INTO history VALUES (?, ?, ?)", (self._session, number, source)
                )

    def _rows(self, query: str, *values: Any) -> list[Entry]:
        import sqlite3

        with suppress(sqlite3.Error, OverflowError):  # a number that does not fit SQLite's integers
            return [(row[0], row[1], row[2]) for row in self._connection().execute(query, values)]
        return []

    def _number(self, session: int) -> int:
        """Return the number of a session; 0 or less counts back from the current one, numbered at its first cell."""
        if session > 0:
            return session
        if self._session:
            return self._session + session
        rows = self._rows("SELECT coalesce(max(session), 0), 0, 0 FROM sessions")
        return rows[0][0] + 1 + session if rows else 0

    def _connection(self) -> sqlite3.Connection:
        """Return the connection, opened on first use."""
        if self._database is None:
            self._database = _connect(file() if self._path is None else self._path)
        return self._database


def _connect(location: Path | str) -> sqlite3.Connection:
    """Connect to the database; if that is impossible, to one in memory."""
    import sqlite3

    try:
        return _open_with_tables(location)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError, sqlite3.Error):
            if type(error) is sqlite3.DatabaseError:  # corrupt: keep it under another name, and start a new one
                path = Path(location)
                path.replace(path.with_name(f"{path.name}.broken"))
                return _open_with_tables(location)
        return _open_with_tables(NOWHERE)


def _open_with_tables(path: Path | str) -> sqlite3.Connection:
    """Open the database and create missing tables.

    Raises:
        OSError, sqlite3.Error: the file cannot be opened or written.
    """
    import sqlite3

    if isinstance(path, Path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    database = sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)
    try:
        # No fsync after each cell, which would keep the disk awake; only a power loss can lose entries.
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_TABLES)
    except sqlite3.Error:
        database.close()
        raise
    return database
