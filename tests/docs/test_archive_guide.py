"""What the guide to archives shows for SQL tools works with an archive of the demo."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest
from markdown_it import MarkdownIt

from kosmo_kernel import docs, snapshot
from kosmo_kernel.session import Session

TOKENS = MarkdownIt("commonmark").parse(docs.read("archives"))
QUERIES = [token.content for token in TOKENS if token.info == "sql"]
SQLITE = which("sqlite3")


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return an archive with two snapshots of the demo, by the name that the guide has."""
    with Session("demo") as session:
        for _ in range(2):
            snapshot.take(session, tmp_path / "history.kosmo")
    return tmp_path / "history.kosmo"


def test_each_query_of_the_guide_has_rows(history: Path) -> None:
    statements = [part for code in QUERIES for part in code.split(";") if part.strip()]
    with closing(sqlite3.connect(history)) as connection:
        assert [len(connection.execute(statement).fetchall()) > 0 for statement in statements] == [True] * 4


@pytest.mark.skipif(SQLITE is None, reason="sqlite3 is not installed")
def test_sqlite3_opens_an_archive(history: Path) -> None:
    done = subprocess.run([str(SQLITE), history], input="\n".join(QUERIES), capture_output=True, text=True, check=True)
    with closing(sqlite3.connect(history)) as connection:
        crashed = connection.execute("SELECT name FROM dynos WHERE state = 'crashed'").fetchall()
    assert [f"|{name}|" in done.stdout for [name] in crashed] == [True] * len(crashed) != []
    assert done.stderr == ""


@pytest.mark.full
@pytest.mark.skipif(find_spec("datasette") is None, reason="Datasette is not installed")
def test_datasette_shows_each_view_of_an_archive(history: Path) -> None:
    get = [sys.executable, "-m", "datasette", str(history), "--get", "/history/dynos.json?_shape=array&state=crashed"]
    done = subprocess.run(get, capture_output=True, text=True, check=True)
    assert '"state": "crashed"' in done.stdout
