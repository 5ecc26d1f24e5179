"""Measure what the wall around Lua costs, and how far a script gets past its limits.

    python benchmarks/wall.py

Ratios are of medians within one run against lupa in the same process without a hook, a limit or a second
process. The limit counts the running time of Lua's process, and so does the overshoot inside: by the clock it would be
the machine's other work. What ends by the kill, and an interrupt, is measured by the clock until the caller has the
error.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
from lupa.lua54 import LuaRuntime

from kosmo_kernel.calls.output import NO_FRONTEND, Frontend
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options

ROUNDS = 9

WORK = {
    "arithmetic (goal 2.9)": "local n = 0 for i = 1, 3000000 do n = n + i % 7 end return n",
    "calls (goal 2.9)": "local function f(n) if n < 2 then return n end return f(n - 1) + f(n - 2) end return f(25)",
    "tables (goal 1.3)": "local n = 0 for i = 1, 300000 do local t = { i, i + 1, x = i } "
    "n = n + t[1] + t.x end return n",
    "strings (goal 1.3)": "local s = ('name: value; '):rep(2000) local n = 0 for _ = 1, 20 do "
    "for k, v in s:gmatch('(%a+): (%a+)') do n = n + #(k .. v) end "
    "n = n + #s:gsub('%a+', string.upper):reverse() end return n",
    "format": "local t = {} for i = 1, 100000 do t[i] = ('%d:%s'):format(i, 'x') end return #table.concat(t)",
}
INSIDE = {
    "a loop": "while true do end",
    "pcall in a loop": "while true do pcall(function() while true do end end) end",
    "coroutines": "while true do coroutine.wrap(function() for i = 1, 1e5 do end end)() end",
    "a sort": "local t = {} for i = 1, 1e5 do t[i] = -i end "
    "while true do table.sort(t, function(a, b) return a > b end) end",
    "steps over 8 MB": "local s = ('x'):rep(8 << 20) while true do local t = s:upper() end",
    "steps over lists": "local t = {} for i = 1, 1e6 do t[i] = i end while true do table.unpack(t, 1, 1e5) end",
}
STUCK = "('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))"


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def failing(session: Session, source: str, frontend: Frontend = NO_FRONTEND, **settings: Any) -> None:
    """Run what must fail."""
    try:
        session.execute(source, Options(**settings), frontend)
    except KosmoError:
        return
    raise SystemExit(f"did not fail: {source}")


def work() -> None:
    """Benign work against bare lupa."""
    print("benign work, times bare lupa:")
    with Session("demo") as session:
        for name, source in WORK.items():
            bare, walled = [], []
            for _ in range(ROUNDS):
                bare.append(timed(lambda: LuaRuntime().execute(source)))
                walled.append(timed(lambda: session.run(source)))
            print(f"  {name:24} {statistics.median(walled) / statistics.median(bare):5.2f}")


def trips() -> None:
    """Measure a run and a call."""
    bare = LuaRuntime()
    with Session("demo") as session:
        session.run("h = docs.list")
        walled = statistics.median(timed(lambda: session.run("return 1")) for _ in range(500))
        alone = statistics.median(timed(lambda: bare.execute("return 1")) for _ in range(500))
        source = "local t = os.clock() for _ = 1, 200 do json.null = nil io.write('') end"
        calls = "for _ = 1, 200 do io.read() end"
        empty = statistics.median(timed(lambda: session.run(source)) for _ in range(30))
        asked = statistics.median(timed(lambda: session.run(calls)) for _ in range(30))
        uss = psutil.Process(session.pid).memory_full_info().uss / (1 << 20)
    print(f"`return 1` over bare lupa: {(walled - alone) * 1e3:.2f} ms (goal 0.3)")
    print(f"a question to the parent and back: {(asked - empty) / 200 * 1e6:.0f} µs (goal 60)")
    print(f"private memory of the Lua process: {uss:.1f} MiB (goal 10)")


def prints() -> None:
    """Return how soon what a script prints is seen, and in how many pieces."""
    with Session("demo") as session:
        session.run("return 1")
        pieces, late = [], []
        for _ in range(ROUNDS):
            seen: list[str] = []
            session.execute("for i = 1, 10000 do print(i) end", frontend=Frontend(lambda _, text: seen.append(text)))
            pieces.append(len(seen))
        for _ in range(3):
            begun = time.perf_counter()

            def note(*_anything: str) -> None:
                late.append(time.perf_counter() - begun)
                session.interrupt()

            failing(session, f"print('before'); {STUCK}", Frontend(output=note))
    print(f"10,000 prints: {statistics.median(pieces):.0f} pieces (goal 5)")
    print(f"a print just before one long step is seen after {statistics.median(late):.3f} s (goal 0.2)")


def start() -> None:
    """Measure the time until a new process responds."""
    python, child = [], []
    for _ in range(ROUNDS):
        command = [sys.executable, "-I", "-S", "-c", "pass"]
        python.append(timed(lambda: subprocess.run(command, check=True, env={})))
        with Session("demo") as session:
            child.append(timed(lambda: session.completeness("x")))
    print(f"ready: {statistics.median(child) / statistics.median(python):.1f} times `python -I -S -c pass` (goal 4)")


def overshoot() -> None:
    """Return how long after its limit, or an interrupt, a script is over."""
    limit = 0.5
    print(f"overshoot of a limit of {limit} s, seconds (median, most):")
    with Session("demo") as session:
        session.run("return 1")
        for name, source in INSIDE.items():
            over = [used(session, source, limit) - limit for _ in range(5)]
            print(f"  inside, {name:20} {statistics.median(over):6.3f} {max(over):6.3f}   (goal 0.1)")
        over = [timed(lambda: failing(session, STUCK, cpu_limit=limit)) - limit for _ in range(5)]
        print(f"  by the kill                  {statistics.median(over):6.3f} {max(over):6.3f}   (goal 0.7)")
        for name, source, goal in (("inside", INSIDE["a loop"], 0.01), ("by the kill", STUCK, 0.7)):
            late = [after_interrupt(session, source) for _ in range(7)]
            print(f"  interrupt, {name:17} {statistics.median(late):6.3f} {max(late):6.3f}   (goal {goal})")


def used(session: Session, source: str, limit: float) -> float:
    """Seconds of its own time that Lua's process took for a script that ends at its limit, inside."""
    process = psutil.Process(session.pid)
    before = sum(process.cpu_times()[:2])
    failing(session, source, cpu_limit=limit)
    return sum(process.cpu_times()[:2]) - before


def after_interrupt(session: Session, source: str) -> float:
    """Seconds from a SIGINT until the run is over."""
    session.run("return 1")
    pressed: list[float] = []

    def press() -> None:
        time.sleep(0.2)
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    failing(session, source)
    ended = time.perf_counter()
    thread.join()
    return ended - pressed[0]


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    work()
    trips()
    prints()
    start()
    overshoot()
