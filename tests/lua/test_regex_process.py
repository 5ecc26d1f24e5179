"""The reader, as scripts use it by `regex.*`: started late, walled in, interrupted, and never left behind."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import psutil
import pytest
from lua_host import failure, machine, run, values

from kosmo_kernel.errors import LimitError, StoppedError
from kosmo_kernel.lua.machine import Machine, Wall, parse_report
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.lua.request_handler import MATCH, MAX_MEMORY_BYTES
from kosmo_kernel.reader import reading
from kosmo_kernel.session import Session
from kosmo_kernel.walls import wire

SLOW = '("a"):rep(60) .. "b", "(a|aa)+$"'  # arguments of `regex.match` that would keep it busy for years
PATIENCE = 20.0  # seconds for what takes half of one, or two; the rest is for busy machines


@pytest.fixture(autouse=True)
def no_reader() -> Iterator[None]:
    """End the reader before and after each test."""
    reading.close()
    yield
    reading.close()


@pytest.fixture
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


def message(lua: Machine, source: str) -> str:
    return failure(lua, source).error.message


def reader() -> psutil.Process:
    return psutil.Process(reading.pid())


def cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def reach(process: psutil.Process, seconds: float) -> None:
    """Wait until a process has run for so long."""
    while cpu(process) < seconds:
        time.sleep(0.001)


@pytest.mark.parametrize("stop", [Machine.interrupt, lambda _: os.kill(os.getpid(), signal.SIGINT)])
def test_an_interrupt_ends_a_match_and_keeps_the_variables(lua: Machine, stop: Callable[[Machine], object]) -> None:
    run(lua, 'kept = regex.match("a", "a")')
    process = reader()
    before = cpu(process)

    def stop_when_busy() -> None:
        reach(process, before + 0.05)
        stop(lua)

    stopper = threading.Thread(target=stop_when_busy)
    stopper.start()
    ended = failure(lua, f"pcall(regex.match, {SLOW}) while true do end")
    stopper.join()

    assert isinstance(ended.error, StoppedError)
    assert not process.is_running()
    assert values(lua, 'return kept[0], regex.match("ab", "b")[0]') == ["a", "b"]


def test_an_interrupt_ends_a_match_of_a_run_in_another_thread(lua: Machine) -> None:
    run(lua, 'kept = regex.match("a", "a")')
    process = reader()
    before = cpu(process)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(failure, lua, f"pcall(regex.match, {SLOW}) while true do end")
        reach(process, before + 0.05)
        lua.interrupt()

    assert isinstance(ended.result().error, StoppedError)
    assert values(lua, 'return kept[0], regex.match("ab", "b")[0]') == ["a", "b"]


def test_the_time_by_the_wall_clock_ends_a_match(lua: Machine) -> None:
    error = failure(lua, f"pcall(regex.match, {SLOW}) while true do end", timeout=0.3).error
    assert isinstance(error, LimitError)
    assert error.limit == "timeout"


@pytest.mark.claim("regex-process")
def test_it_starts_at_first_use_stays_and_ends_with_the_session() -> None:
    with Session("demo") as session:
        session.run("return 1")
        assert reading.pid() is None
        session.run('regex.match("a", "a")')
        process = reader()
        session.reset()
        session.run('regex.match("a", "a")')
        assert process == reader()
    assert not process.is_running()


ORPHANED = """
import os, signal
from kosmo_kernel.reader import reading
from kosmo_kernel.session import Session
session = Session("demo")
session.run('regex.match("a", "a")')
print(reading.pid(), flush=True)
if BUSY:
    session.run("regex.match(" + BUSY + ")")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.full
@pytest.mark.parametrize("busy", ["", SLOW])
def test_it_ends_with_a_parent_that_is_killed(busy: str) -> None:
    code = ORPHANED.replace("BUSY", repr(busy))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        process = psutil.Process(int(parent.stdout.readline()))
        if busy:
            reach(process, cpu(process) + 0.1)
            parent.kill()
        process.wait(PATIENCE)


@pytest.mark.claim("regex-process")
def test_it_has_no_environment_and_its_walls_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "HRKU-fictional")
    start = "import os; os.write(2, repr(dict(os.environ)).encode()); "
    monkeypatch.setattr(reading, "START", start + reading.START)
    child = reading.ReaderProcess([MATCH.module], MATCH.libraries)
    try:
        payload, _ = child._exchange(b"", 10, 1 << 20, lambda: None)
        environment = os.read(child._complaints.fileno(), 1000)
    finally:
        child.close()
    other = LuaProcess()
    try:
        of_lua = {wall.name for wall in ready(other) if wall.stands}
    finally:
        other.close()

    outside = dict.fromkeys(("memory", "running_time"), "")
    assert {wall.name for wall in parse_report(wire.unpack(payload)[1][0], outside) if wall.stands} == of_lua
    assert set(ast.literal_eval(environment.decode())) <= {"LC_CTYPE"}


def ready(child: LuaProcess) -> tuple[Wall, ...]:
    child.write(wire.pack({"kind": "spaces", "names": []}, [b"[]"]))
    payload = child.read(30, 1 << 20)
    assert payload is not None
    return parse_report(wire.unpack(payload)[1][0], child.limited)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no process from outside")
def test_its_memory_is_limited() -> None:
    with machine() as lua:
        run(lua, 'regex.match("a", "a")')
        limit = reader().rlimit(psutil.RLIMIT_AS)[0]
        assert 0 < limit - MAX_MEMORY_BYTES <= reader().memory_info().vms + (1 << 20)


def test_it_takes_any_number_of_patterns(lua: Machine) -> None:
    found = values(lua, 'for i = 1, 1500 do last = regex.match("a", "x" .. i .. "|a") end return last[0]')
    assert found == ["a"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_one_that_has_grown_is_replaced() -> None:
    with machine() as lua:
        run(lua, 'regex.match("a", "a")')
        process = reader()
        assert values(lua, 'return regex.match("a", "(?:a{1000}){300}")') == [None]
        assert not process.is_running()
        assert reader().memory_info().rss < reading.MAX_MEMORY_KEPT_BYTES


def test_a_killed_one_is_replaced() -> None:
    with machine() as lua:
        run(lua, 'regex.match("a", "a")')
        reader().kill()
        assert message(lua, 'regex.match("a", "a")').endswith("the process that matches ended (pattern_process).")
        assert values(lua, 'return regex.match("ab", "b")[0]') == ["b"]


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("raise SystemExit('no engine here')", "The process that reads foreign text did not start: no engine here"),
        ("import os; os.write(1, bytes(2) + b'nonsense')", "did not start: it said nothing"),
    ],
)
def test_one_that_does_not_start_is_an_error_that_says_why(
    start: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "START", start)
    with machine() as lua:
        assert said in message(lua, 'regex.match("a", "a")')
        assert values(lua, "return 1") == [1]


def test_without_the_engine_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_regex(name: str) -> ModuleSpec | None:
        return None if name == "regex" else find_spec(name)

    monkeypatch.setattr("kosmo_kernel.walls.process.find_spec", without_regex)
    with machine() as lua:
        assert "python -m pip install regex" in message(lua, 'regex.match("a", "a")')


LIAR = """
import os
from kosmo_kernel.walls import wire
requests = wire.FrameReader(0)
wire.write_frame(1, b"ready")
requests.read()
os.write(1, ANSWER)
requests.read()
"""


@pytest.mark.parametrize(
    "answer", [b"\xff\xff\xff\xff", b"\0\0\0\x05trash", b"\0\0\0\x06\0\0\0\x02[]", b"\0\0\0\x06\0\0\0\x02{}"]
)
def test_an_answer_that_makes_no_sense_ends_it(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "START", f"exec({LIAR.replace('ANSWER', repr(answer))!r})")
    with machine() as lua:
        assert message(lua, 'regex.match("a", "a")').endswith("(pattern_process).")


def test_a_fork_does_not_keep_it_alive() -> None:
    with machine() as lua:
        run(lua, 'regex.match("a", "a")')
        process = reader()
        read_end, write_end = os.pipe()
        fork = os.fork()
        if fork == 0:
            os.read(read_end, 1)
            os._exit(0)
        try:
            child = reading._pool.idle
            assert child
            child.close_pipes()
            process.wait(PATIENCE)
        finally:
            os.write(write_end, b"!")
            os.waitpid(fork, 0)
            os.close(read_end)
            os.close(write_end)
