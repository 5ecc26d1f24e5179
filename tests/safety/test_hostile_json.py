"""Hostile JSON of an MCP server, in an archive and of the Lua process: one error or a value, and variables stay."""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from broken_child import WORKER
from hostile_json import MAX_PEAK_BYTES, hostile_record
from mcp_config import session_with

from kosmo_kernel import snapshot
from kosmo_kernel.errors import KosmoError, LuaProcessError
from kosmo_kernel.session import Session
from kosmo_kernel.walls.process import import_folders

MAX_MESSAGE = 5_000  # characters of an error
SERVER = {
    "command": sys.executable,
    "args": [str(Path(__file__).parents[1] / "support" / "mcp_hostile_json.py")],
    "timeout": 1,
}


@contextmanager
def little_memory() -> Iterator[None]:
    """Check the peak of this process's memory in the block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MAX_PEAK_BYTES
    finally:
        tracemalloc.stop()


def outcome(session: Session, code: str) -> str:
    """Return the error that a script ends with; empty if it ends with a value. Lua's variables stay."""
    try:
        session.run(code)
        message = kind = ""
    except KosmoError as error:
        message, kind = error.message, error.facts()["type"]
    assert len(message) < MAX_MESSAGE
    assert kind != "internal"
    assert session.run("return kept").value == 7
    return message


@pytest.mark.claim("budget-mcp")
@pytest.mark.parametrize("count", [6, pytest.param(150, marks=pytest.mark.full)])
def test_hostile_json_of_a_server_is_one_error_or_a_value(count: int, tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    with session_with(tmp_path, {"x": SERVER}) as session:
        session.run("kept = 7")
        with little_memory():
            errors = [outcome(session, f"return app.mcp.x.read({seed})") for seed in range(count)]
    assert any(errors)


@pytest.mark.parametrize("count", [10, pytest.param(400, marks=pytest.mark.full)])
def test_hostile_json_in_an_archive_is_one_error_or_a_value(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Session("demo") as session:
        snapshot.take(session, tmp_path / "whole.kosmo")
        session.run("kept = 7")
        with little_memory():
            errors = []
            for seed in range(count):
                plant(tmp_path / "whole.kosmo", tmp_path / "planted.kosmo", random.Random(seed))
                errors.append(
                    outcome(session, "for _, rows in pairs(archive.read('planted.kosmo')) do print(#rows, rows[1]) end")
                )
    assert any(errors)


def plant(whole: Path, target: Path, rng: random.Random) -> None:
    """Copy an archive, with hostile JSON in place of one of its texts."""
    shutil.copy(whole, target)
    with closing(sqlite3.connect(target)) as file:
        columns = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE c.type = 'TEXT' AND "
        texts = file.execute(f"{columns} m.type = 'table' ORDER BY 1, 2").fetchall()
        table, column = rng.choice(texts)
        text = hostile_record(rng).decode(errors="replace")
        where = f"rowid = (SELECT min(rowid) FROM {table})" if rng.random() < 0.5 else "1"  # noqa: S608 - a name of ours
        if table == "kosmo_bodies" and where == "1":
            where = "id % 7 = 0"
        file.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where}", [text])  # noqa: S608 - names of ours
        file.commit()


@pytest.mark.claim("parent-messages")
@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.full if seed > 2 else ()) for seed in range(100)]
)
def test_hostile_json_of_the_lua_process_is_one_error_or_a_value_and_the_next_run_works(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    text = zlib.compress(hostile_record(rng))
    body = rng.choice(["say({})", "value({}, form='json', blob=1)"]).format(f"zlib.decompress({text!r})")
    package = tmp_path / "kosmo_kernel" / "lua"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "worker.py").write_text(WORKER.format(body=f"    import zlib; greet(); {body}"))
    doubles = [[str(tmp_path)]]
    monkeypatch.setattr(
        "kosmo_kernel.lua.process.import_folders",
        lambda library, missing: doubles.pop() if doubles else import_folders(library, missing),
    )
    monkeypatch.setattr("kosmo_kernel.lua.process.MAX_IDLE_SECONDS", 0.5)
    with Session("demo", cpu_limit=0.5) as session, little_memory():
        error = failure(session)
        assert len(error.message if error else "") < MAX_MESSAGE
        if isinstance(error, LuaProcessError):
            assert "ariables are gone" in error.message
            assert session.run("return 1").value == 1


def failure(session: Session) -> KosmoError | None:
    """Return the error of a run."""
    try:
        session.run("return 1")
    except KosmoError as error:
        return error
    return None
