"""Nothing is left of a Lua process: not when its parent ends in any way, not after many runs and many ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading

import psutil
import pytest
from full_matrix import full_except
from lua_host import failure, machine, run, values
from repository import ROOT, SUPPORT

from kosmo_kernel.errors import LuaProcessError
from kosmo_kernel.lua import process
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.walls import wire

# A child that, once it is ready, is stuck in one call of C for ever.
STUCK = """
import collections, itertools
from kosmo_kernel.lua import worker
send = worker.ParentConnection.send
def send_and_hang(self, payload):
    send(self, payload)
    collections.deque(itertools.repeat(0), maxlen=0)
worker.ParentConnection.send = send_and_hang
worker.main(zone)
"""
STUCK_START = f"exec({STUCK!r})"

# A parent that says the process ids of its children, and then waits to be killed.
PARENT = """
import os, subprocess, sys, threading
from lua_host import machine, run
from kosmo_kernel.lua import process
from kosmo_kernel.walls import wire
pause = threading.Event().wait
def busy(child):
    while child.cpu_seconds() < 0.5:
        pause(0.02)
def loop(lua, child):
    threading.Thread(target=run, args=(lua, "while true do end"), kwargs={"cpu": 1000}, daemon=True).start()
    busy(child)
with machine() as lua:
    child = lua.start()
    SCENARIO
    print(lua.pid, flush=True)
    sys.stdin.read()
"""
SCENARIOS = {
    "idle": "run(lua, 'return 1')",
    "not yet ready": "pass",
    "looping": "loop(lua, child)",
    "stuck": f"""process.START = {STUCK_START!r}
    lua.reset()
    busy(lua.start())""",
    "idle, started by a thread that has ended": """starter = threading.Thread(target=lua.reset)
    starter.start()
    starter.join()
    run(lua, 'return 1')""",
    "idle, the parent forked": """run(lua, 'return 1')
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)""",
    "looping, another program holds its pipes": """loop(lua, child)
    pipes = (child._requests.fileno(), child._replies.fileno(), child._complaints.fileno())
    subprocess.Popen(["cat"], pass_fds=pipes)""",
}


@pytest.mark.claim("lua-ends-with-parent", "wall-lifetime")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stuck child outlives its parent for a while")
@pytest.mark.parametrize("name", full_except(SCENARIOS, *[*SCENARIOS][::2]))
def test_no_child_outlives_a_parent_that_is_killed(name: str) -> None:
    code = PARENT.replace("SCENARIO", SCENARIOS[name])
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(SUPPORT), str(ROOT)]!r}\n{code}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        end = os.pidfd_open(int(parent.stdout.readline()))
        try:
            alive, _, _ = select.select([end], [], [], 0)
            parent.kill()
            ended, _, _ = select.select([end], [], [], 10)
        finally:
            os.close(end)

    assert (alive, ended) == ([], [end])


def test_a_child_lives_on_when_the_thread_that_started_it_ends() -> None:
    with machine() as lua:
        starter = threading.Thread(target=lua.start)
        starter.start()
        starter.join()
        run(lua, "kept = 1")

        assert values(lua, "return kept") == [1]


FORK = """
import os
from lua_host import machine, run, values, failure
with machine() as lua:
    run(lua, "kept = 1")
    if os.fork() == 0:
        error = failure(lua, "return kept").error
        print(type(error).__name__, values(lua, "return kept"), flush=True)
        lua.close()
        os._exit(0)
    os.wait()
    print(values(lua, "return kept"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_of_the_parent_gets_a_child_of_its_own_and_disturbs_nothing() -> None:
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(SUPPORT), str(ROOT)]!r}\n{FORK}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["LuaProcessError [None]", "[1]"]


@pytest.mark.claim("wall-memory")
@pytest.mark.full
def test_running_time_is_limited_even_when_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START", STUCK_START)
    child = LuaProcess()
    try:
        child.allow(64 << 20, 0.1)
        if why_not := child.limited["running_time"]:
            pytest.skip(why_not)
        child.write(wire.pack({"kind": "spaces", "names": []}, [b"[]"]))
        child.read(30, 1 << 20)  # it is ready, and stuck from now on
        with pytest.raises(LuaProcessError, match="SIGXCPU"):
            child.read(30, 1 << 20)
    finally:
        child.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process from outside")
def test_the_kernels_limit_leaves_room_for_a_count_by_clock_ticks() -> None:
    import resource

    child = LuaProcess()
    try:
        child.allow(64 << 20, 600)
        if why_not := child.limited["running_time"]:
            pytest.skip(why_not)
        soft, _ = resource.prlimit(child.pid, resource.RLIMIT_CPU)

        assert 600 * 1.25 < soft < 600 * 2
    finally:
        child.close()


def test_a_large_allowance_is_no_small_one() -> None:
    child = LuaProcess()
    try:
        before = child.limited
        child.allow(8 << 30, 1e300)
        child.write(wire.pack({"kind": "spaces", "names": []}, [b"[]"]))

        assert child.read(30, 1 << 20) is not None
        assert child.limited == before
    finally:
        child.close()


@pytest.mark.parametrize(("runs", "kills"), [(50, 5), pytest.param(1000, 100, marks=pytest.mark.full)])
def test_runs_and_ends_leave_no_descriptor_no_process_and_no_memory(runs: int, kills: int) -> None:
    me = psutil.Process()

    def work(runs: int, kills: int) -> tuple[int, int, int]:
        for _ in range(runs):
            run(lua, "return 1")
        for _ in range(kills):
            assert lua.pid is not None
            os.kill(lua.pid, signal.SIGKILL)
            assert isinstance(failure(lua, "return 1").error, LuaProcessError)
        run(lua, "return 1")
        # What it has written: pages of a library are its own as soon as the last other Python that has them ends.
        written = sum(part.private_dirty for part in me.memory_maps())
        return me.num_fds(), len(me.children()), written

    with machine() as lua:
        work(20, 5)
        descriptors, children, memory = work(0, 0)
        after = work(runs, kills)

    assert after[:2] == (descriptors, children)
    assert after[2] - memory < 2 << 20
