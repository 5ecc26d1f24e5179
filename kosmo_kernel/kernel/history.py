"""What was typed in Lua notebooks, in one SQLite file for all of them, as IPython keeps it.

Each kernel is a session with a number of its own, and its entries are numbered as its cells are. A request for
session 0 means the current one, for -1 the one before. What a cell showed is kept for the current session only and
never written down; secrets are taken out of what is.

All of SQLite is one thread's work: a cell waits neither for the disk nor for another kernel that writes. Where the
file cannot be used, entries live as long as the kernel does.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from kosmo_kernel.errors import TryLaterError
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.settings.env import keeps_history

MAX_ENTRIES_FOUND = 10_000  # entries found at once
MAX_OUTPUTS_KEPT = 100  # cells whose output is kept
LOCK_TIMEOUT_SECONDS = 5.0  # seconds that SQLite waits for another kernel
TIMEOUT_SECONDS = 10.0  # seconds for an answer, or for the last entries to be written
NOWHERE = ":memory:"

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (session INTEGER PRIMARY KEY AUTOINCREMENT, start TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS history (session INTEGER, line INTEGER, source TEXT, PRIMARY KEY (session, line));
"""
_SEARCH = "SELECT session, line, source FROM history WHERE source GLOB ? ORDER BY session DESC, line DESC LIMIT ?"
# In a group SQLite takes the other columns from the row that has the `max`.
_SEARCH_UNIQUE = (
    "SELECT session, line, source, max(session * 1000000000 + line) AS newest FROM history WHERE source GLOB ? "
    "GROUP BY source ORDER BY newest DESC LIMIT ?"
)
_RANGE = "SELECT session, line, source FROM history WHERE session = ? AND line >= ? AND line < ? ORDER BY line LIMIT ?"

Entry = tuple[int, int, Any]


def file() -> Path | str:
    """Where the history is: a file among this user's Jupyter data, or nowhere."""
    if not keeps_history():
        return NOWHERE
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "kosmo-lua" / "history.sqlite"


class History:
    """The cells of this kernel and of those before it. No file is opened before a cell is added or asked for.

    Parameters:
        place: the SQLite file, or `:memory:`; the user's own when None.
    """

    def __init__(self, place: Path | str | None = None) -> None:
        self._place = place
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._outputs: dict[int, str] = {}
        self._database: sqlite3.Connection | None = None
        self._session = 0  # until the first cell

    def add(self, number: int, code: str) -> None:
        """Note a cell."""
        self._do(lambda: self._write(number, code))

    def show(self, number: int, output: str) -> None:
        """Note what the cell with this number showed."""
        self._outputs[number] = output
        while len(self._outputs) > MAX_OUTPUTS_KEPT:
            del self._outputs[next(iter(self._outputs))]

    def find(  # noqa: PLR0917 - the request's own fields, which the base hands on by name
        self,
        kind: str,
        session: int | None = None,
        start: int | None = None,
        stop: int | None = None,
        n: int | None = None,
        pattern: str | None = None,
        *,
        unique: bool = False,
        output: bool = False,
    ) -> list[Entry]:
        """The entries that a history request asks for, oldest first.

        Args:
            kind: `tail` for the last `n`; `range` for those numbered from `start` up to but not including `stop`;
                `search` for those whose text matches the glob `pattern`, the last `n` if it is given.
            session: which one `range` means: 0 the current one, -1 the one before; one that is not known is empty.
            start: see `kind`.
            stop: see `kind`; without it the range has no end.
            n: see `kind`.
            pattern: see `kind`.
            unique: of equal texts only the latest is found (`search`).
            output: whether an entry carries its output beside its text.

        Returns:
            `(session, number, text)`, or `(session, number, (text, output))` with `output`.

        Raises:
            TryLaterError: the file is in use for too long.
        """
        answers: SimpleQueue[list[Entry]] = SimpleQueue()
        most, wanted = min(n or MAX_ENTRIES_FOUND, MAX_ENTRIES_FOUND), int(session or 0)

        def answer() -> None:
            if kind == "range":
                answers.put(self._rows(_RANGE, self._number(wanted), start or 0, stop or 1 << 60, most))
            else:
                search = _SEARCH_UNIQUE if unique else _SEARCH
                answers.put(self._rows(search, pattern if kind == "search" and pattern else "*", most)[::-1])

        self._do(answer)
        try:
            found = answers.get(timeout=TIMEOUT_SECONDS)
        except Empty:
            raise TryLaterError("The history file is in use by another kernel.") from None
        if not output:
            return found
        outputs = self._outputs
        return [(s, line, (text, outputs.get(line) if s == self._session else None)) for s, line, text in found]

    def close(self) -> None:
        """Write what is not written yet."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(TIMEOUT_SECONDS)

    # In the thread ---------------------------------------------------------------------------------------

    def _do(self, work: Callable[[], None]) -> None:
        self._work.put(work)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="history", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while work := self._work.get():
            work()
        if self._database is not None:
            self._database.close()

    def _write(self, number: int, code: str) -> None:
        import sqlite3

        source = redact(code).encode(errors="replace").decode()
        with suppress(sqlite3.Error):  # an entry less; the next one may find room
            if not self._session:
                self._session = self._opened().execute("INSERT INTO sessions DEFAULT VALUES").lastrowid or 0
            self._opened().execute("INSERT OR REPLACE INTO history VALUES (?, ?, ?)", (self._session, number, source))

    def _rows(self, query: str, *values: Any) -> list[Entry]:
        import sqlite3

        with suppress(sqlite3.Error, OverflowError):  # of a number that is larger than SQLite's
            return [(row[0], row[1], row[2]) for row in self._opened().execute(query, values)]
        return []

    def _number(self, session: int) -> int:
        """The number of a session that may be told from the current one, which has its number from its first cell."""
        if session > 0:
            return session
        if self._session:
            return self._session + session
        found = self._rows("SELECT coalesce(max(session), 0), 0, 0 FROM sessions")
        return found[0][0] + 1 + session if found else 0

    def _opened(self) -> sqlite3.Connection:
        """The database, in memory where the file is no good."""
        if self._database is None:
            self._database = _connected(file() if self._place is None else self._place)
        return self._database


def _connected(place: Path | str) -> sqlite3.Connection:
    """The database at a place, with its tables; one in memory where there can be none."""
    import sqlite3

    try:
        return _with_tables(place)
    except (OSError, sqlite3.OperationalError):
        return _with_tables(NOWHERE)
    except sqlite3.DatabaseError:  # it is none any more: out of the way, for whoever can mend it
        try:
            path = Path(place)
            path.replace(path.with_name(f"{path.name}.broken"))
            return _with_tables(place)
        except (OSError, sqlite3.Error):
            return _with_tables(NOWHERE)


def _with_tables(place: Path | str) -> sqlite3.Connection:
    """Open the database and make what is missing in it.

    Raises:
        OSError, sqlite3.Error: that cannot be done.
    """
    import sqlite3

    if isinstance(place, Path):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.touch(mode=0o600)
    database = sqlite3.connect(place, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)
    try:
        # Waiting for the disk after each cell would keep it awake; only a machine that loses power can lose some.
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_TABLES)
    except sqlite3.Error:
        database.close()
        raise
    return database
