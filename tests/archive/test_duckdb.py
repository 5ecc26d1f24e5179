"""DuckDB reads the views of an archive as SQLite does. Skipped unless duckdb and duckdb-ext-sqlite are installed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

from kosmo_kernel import snapshot
from kosmo_kernel.session import Session

duckdb = pytest.importorskip("duckdb")
AS_TEXT = {None: None, 1: "true", 0: "false"}  # of DuckDB


def extension() -> Path:
    """Return the file of DuckDB's extension for SQLite, which needs no download then."""
    try:
        [path] = [file for file in files("duckdb-ext-sqlite") or () if file.suffix == ".duckdb_extension"]
    except (PackageNotFoundError, ValueError):
        pytest.skip("duckdb-ext-sqlite is not installed")
    return Path(str(path.locate()))


def test_duckdb_reads_every_view_of_an_archive_with_the_values_of_sqlite(tmp_path: Path, session: Session) -> None:
    file = tmp_path / "saved.kosmo"
    snapshot.take(session, file)
    with closing(sqlite3.connect(file)) as sqlite, duckdb.connect() as duck:
        duck.execute(f"LOAD '{extension()}'")
        duck.execute(f"ATTACH '{file}' AS saved (TYPE sqlite, READ_ONLY)")
        views = [name for [name] in sqlite.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
        assert len(views) == 15
        for view in views:
            rows = sqlite.execute(f'SELECT * FROM "{view}"').fetchall()  # noqa: S608 - the name of a view of ours
            other = duck.execute(f'SELECT * FROM saved."{view}"').fetchall()  # noqa: S608 - as above
            assert len(rows) == len(other) > 0
            for row, same in zip(rows, other, strict=True):
                assert all(
                    text in (value, str(value), AS_TEXT.get(value)) for value, text in zip(row, same, strict=True)
                )
        named = "SELECT name FROM saved.apps WHERE name LIKE 'a%'"
        assert duck.execute(named).fetchall() == sqlite.execute(named.replace("saved.", "")).fetchall()
