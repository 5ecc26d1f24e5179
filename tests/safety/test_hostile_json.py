"""Hostile JSON of the service, an MCP server, an archive and the Lua process: one error or a value; variables stay."""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from broken_child import WORKER
from faulty_service import faulty_service
from hostile_json import MAX_PEAK_BYTES, hostile_record, hostile_response
from mcp_config import session_with

from kosmo_kernel import snapshot
from kosmo_kernel.client.retry import RetryPolicy
from kosmo_kernel.errors import KosmoError, LuaProcessError
from kosmo_kernel.session import Session
from kosmo_kernel.walls.process import import_folders

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")

MAX_MESSAGE = 5_000  # characters of an error
SERVER = {
    "command": sys.executable,
    "args": [str(Path(__file__).parents[1] / "support" / "mcp_hostile_json.py")],
    "timeout": 1,
}


@contextmanager
def little_memory() -> Iterator[None]:
    """Check how much memory this process takes in the block."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # its peak becomes what it has now
    before = memory("VmRSS")
    yield
    assert memory("VmHWM") - before < MAX_PEAK_BYTES


def memory(figure: str) -> int:
    """Return a figure of this process's memory in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(figure))


def outcome(session: Session, code: str) -> str:
    """Return the type of the error that a script ends with; empty if it ends with a value. Lua's variables stay."""
    error = failure(session, code)
    assert session.run("return kept").value == 7
    if error is None:
        return ""
    assert error.__cause__ is None
    assert len(error.message) < MAX_MESSAGE
    return str(error.facts()["type"])


@pytest.mark.claim("budget-answers")
@pytest.mark.parametrize("count", [20, pytest.param(1_000, marks=pytest.mark.full)])
def test_hostile_json_of_the_service_is_one_error_or_records(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryPolicy, "pause", lambda *_: None)
    monkeypatch.setenv("HEROKU_API_KEY", "HRKU-AA00")
    with faulty_service() as service, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", service.url)
        session.run("kept = 7")
        with little_memory():
            kinds = set()
            for seed in range(count):
                service.response = hostile_response(random.Random(seed))
                kinds.add(outcome(session, "print(#heroku.list_apps())"))
    assert {"bad_answer", "refused"} <= kinds <= {"", "bad_answer", "refused"}


@pytest.mark.claim("budget-mcp")
@pytest.mark.parametrize("count", [6, pytest.param(300, marks=pytest.mark.full)])
def test_hostile_json_of_a_server_is_one_error_or_a_value(count: int, tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    with session_with(tmp_path, {"x": SERVER}) as session:
        session.run("kept = 7")
        with little_memory():
            kinds = {outcome(session, f"return app.mcp.x.read({seed})") for seed in range(count)}
    assert kinds - {""} == {"bad_answer"}


READ = """
local apps = {company}.list_apps()
print(apps[1], {company}.get_current_user(), {company}.list_stacks()[1])
for _, list in ipairs {{ {company}.list_dynos, {company}.list_domains, {company}.list_addons }} do
  print(list({{ app_id = apps }})[1])
end
"""


@pytest.mark.claim("budget-lists")
@pytest.mark.parametrize("count", [10, pytest.param(500, marks=pytest.mark.full)])
def test_hostile_json_in_an_archive_is_one_error_or_a_value(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Session("demo", record="recorded") as session:
        session.run(READ.format(company="heroku"))
    with Session("demo") as session:
        snapshot.take(session, tmp_path / "snapshot")
        session.run("kept = 7")
        with little_memory():
            kinds = set()
            for seed in range(count):
                plant(tmp_path / ("snapshot", "recorded")[seed % 2], tmp_path / "planted", random.Random(seed))
                kinds.add(outcome(session, READ.format(company="heroku.from_archive('planted')")))
    assert {"settings"} <= kinds <= {"", "settings", "not_recorded"}


def plant(whole: Path, target: Path, rng: random.Random) -> None:
    """Copy an archive, with hostile JSON in place of a text in some rows of a table."""
    shutil.copy(whole, target)
    with closing(sqlite3.connect(target)) as file:
        columns = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE c.type = 'TEXT' AND "
        texts = file.execute(f"{columns} m.type = 'table' ORDER BY 1, 2").fetchall()
        rows: list[tuple[int]] = []
        while not rows:
            table, column = rng.choice(texts)
            rows = file.execute(f"SELECT rowid FROM {table}").fetchall()  # noqa: S608 - a name of ours
        text, [row] = hostile_record(rng).decode(errors="replace"), rng.choice(rows)
        change = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid % 50 = ?"  # noqa: S608 - names of ours
        file.execute(change, [text, row % 50])
        file.commit()


@pytest.mark.claim("parent-messages")
@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.full if seed > 2 else ()) for seed in range(200)]
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
        error = failure(session, "return 1")
        assert len(error.message if error else "") < MAX_MESSAGE
        if isinstance(error, LuaProcessError):
            assert "ariables are gone" in error.message
            assert session.run("return 1").value == 1


def failure(session: Session, code: str) -> KosmoError | None:
    """Return the error of a run."""
    try:
        session.run(code)
    except KosmoError as error:
        return error
    return None
