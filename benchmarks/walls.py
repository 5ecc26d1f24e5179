"""Measure what the walls around the Lua process cost: its start, its memory, and each run, with them and without.

    python benchmarks/walls.py

Start and run are medians within one run of this file, the variants taking turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from kosmo_kernel.lua import process
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.walls import wire

ROUNDS = 25
RUNS = 2000
LOOP, TURNS = b"for i = 1, 5e6 do end return 1", 15
MIB = 1 << 20

WALLED = process.START
OPEN = "from kosmo_kernel.walls import lockdown; lockdown.lock_down = lambda lifeline: {}; " + WALLED


def request(source: bytes) -> bytes:
    """Return a run, as `Machine` asks for it."""
    header = {"kind": "run", "name": "cell", "args": [], "cpu_limit": 30, "memory_limit": 256 * MIB}
    return wire.pack({**header, "call_limit": 100_000, "result_limit": 64 * MIB}, [source])


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def child(start: str) -> LuaProcess:
    """Return a child that is ready."""
    process.START = start
    one = LuaProcess()
    one.write(wire.pack({"kind": "spaces", "names": []}, [b"[]"]))
    assert one.read(30, 1 << 20)
    return one


def starts() -> None:
    """From nothing to ready."""
    python: list[float] = []
    ready: dict[str, list[float]] = {WALLED: [], OPEN: []}
    for _ in range(ROUNDS):
        python.append(
            timed(lambda: subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True, env={}, cwd="/"))
        )
        for start, taken in ready.items():
            begun = time.perf_counter()
            one = child(start)
            taken.append(time.perf_counter() - begun)
            one.close()
    bare = statistics.median(python)
    print(f"`python -I -S -c pass`: {bare * 1e3:.1f} ms")
    for start, name in ((WALLED, "ready, with walls (goal 4)"), (OPEN, "ready, without")):
        usual = statistics.median(ready[start])
        print(f"  {name:30} {usual / bare:6.2f}   ({usual * 1e3:.1f} ms)")


def memory() -> None:
    """Bytes that are the child's alone."""
    for start, name in ((WALLED, "with walls (goal 10)"), (OPEN, "without")):
        one = child(start)
        private = psutil.Process(one.pid).memory_full_info().uss
        print(f"private memory, {name:24} {private / MIB:6.2f} MiB")
        one.close()


def runs() -> None:
    """Measure a run of one value, and a loop that checks the clock every thousand instructions."""
    children = {name: child(start) for name, start in (("with walls", WALLED), ("without", OPEN))}

    def ask(one: LuaProcess, payload: bytes, allow: bool) -> None:
        if allow:
            one.allow(256 * MIB, 30)
        one.write(payload)
        answer = one.read(30, 1 << 20)
        assert answer is not None
        assert b'"done"' in answer

    for title, source, times in (("`return 1`", b"return 1", RUNS), ("five million turns", LOOP, TURNS)):
        taken: dict[str, list[float]] = {name: [] for name in children}
        for _ in range(times):
            for name, one in children.items():
                taken[name].append(timed(lambda: ask(one, request(source), name == "with walls")))
        walled, bare = (statistics.median(one) for one in taken.values())
        print(f"{title}: {walled * 1e3:.3f} ms with walls, {bare * 1e3:.3f} ms without")
    for one in children.values():
        one.close()


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    starts()
    memory()
    runs()
