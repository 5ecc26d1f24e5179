"""Measure what Lua costs: a list through Lua against the same list without it, and the price of a run.

    python benchmarks/lua.py [ROUNDS] [--check]

Every figure of a list is the median of the ratios of rounds, the variants taking turns, in processor time of this
process and of the Lua process, which other work on the machine disturbs least. "Without Lua" is the best that we know:
decode the bytes, build the table, Python's cycle collector paused.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from goals import Goals, processor_seconds

from kosmo_kernel.calls.recording import RecordingMode
from kosmo_kernel.calls.services import Services
from kosmo_kernel.client.call import Reply
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.render.frames import frame_of
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

ROWS = 10_000
ROUNDS = 9
DYNOS = HEROKU.function("list_dynos")

CALL = "local l = app.integrations.heroku.list_dynos('my-app')\n"
SCRIPTS: dict[str, tuple[str, float | None]] = {  # with the goal
    "untouched": (CALL + "return l", 1.0),
    "one field of every row read": (
        CALL + "local n = 0 for i = 1, #l do if l[i].state == 'up' then n = n + 1 end end return l",
        1.1,
    ),
    "filtered by a loop": (
        CALL + "local o = {} for _, d in ipairs(l) do if d.state ~= 'up' then o[#o + 1] = d end end return o",
        None,
    ),
    "filtered by list.reject and a table": (CALL + "return list.reject(l, { state = 'up' })", None),
    "filtered by list.filter and a function": (
        CALL + "return list.filter(l, function(d) return d.state ~= 'up' end)",
        None,
    ),
    "four fields read": (
        CALL + "for _, d in ipairs(l) do local a, b, c, e = d.state, d.app.name, d.size, d.type end return l",
        1.9,
    ),
    "projected": (
        CALL
        + "local o = {} for i, d in ipairs(l) do o[i] = { name = d.name, app = d.app.name, state = d.state } end "
        + "return o",
        2.0,
    ),
    "a field added to every row": (CALL + "for i = 1, #l do l[i].place = i end return l", 1.7),
}


class Prepared(Services):
    """Answers every call with the same bytes, decoded anew."""

    def __init__(self, body: bytes) -> None:
        super().__init__(RecordingMode("demo"))
        self.body = body

    def call(self, *_anything: Any) -> Reply:
        """Return the prepared list."""
        return Reply([Records(decode(self.body), DYNOS)], rows=ROWS)


def dynos() -> bytes:
    """Return the JSON of ten thousand dynos."""
    rows: list[dict[str, Any]] = []
    one = company(ROWS)
    for app in one.apps:
        rows += one.resources_of(app).dynos
        if len(rows) >= ROWS:
            break
    return json.dumps(rows[:ROWS], separators=(",", ":")).encode()


def timed(work: Callable[[], object], *, collect: bool = True) -> float:
    """Seconds of wall time.

    Parameters:
        work: what is measured.
        collect: so that no collection falls into it. It also empties the processor's caches, which is nothing to a list
            and three quarters of what is measured of a run.
    """
    if collect:
        gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def lists(goals: Goals) -> None:
    """Measure lists that pass through Lua."""
    body = dynos()
    print(f"{ROWS:,} dynos, {len(body) / 1e6:.1f} MB of JSON, bytes to table; 1 is the same without Lua")
    with Session("demo") as session:
        session._services = Prepared(body)
        session.start()
        child = session.pid
        assert child

        def processor_time(work: Callable[[], object]) -> float:
            gc.collect()
            begun = processor_seconds(child)
            work()
            return processor_seconds(child) - begun

        def floor() -> object:
            return frame_of(Records(decode(body), DYNOS))

        variants = {name: lambda script=script: session.run(script).frame() for name, (script, _) in SCRIPTS.items()}
        times: dict[str, list[float]] = {name: [] for name in variants}
        ratios: dict[str, list[float]] = {name: [] for name in variants}
        for work in (floor, *variants.values()):
            work()
        for _ in range(goals.options.rounds):
            for name, work in variants.items():
                without = processor_time(floor)
                times[name].append(processor_time(work))
                ratios[name].append(times[name][-1] / without)
    for name, (_, goal) in SCRIPTS.items():
        figure = goals.judge(name, statistics.median(ratios[name]), goal)
        print(f"  {name:40} {statistics.median(times[name]) * 1e3:6.1f} ms   {figure}")


def runs() -> None:
    """One run, one call, one start."""
    with Session("demo") as session:
        session._services = Prepared(b"[]")
        session.run("h = app.integrations.heroku")
        one = statistics.median(timed(lambda: session.run("return 1"), collect=False) for _ in range(300))
        cold = statistics.median(timed(lambda: session.run("return 1")) for _ in range(30))
        calls = "for _ = 1, 100 do h.list_dynos('my-app') end"
        many = statistics.median(timed(lambda: session.run(calls), collect=False) for _ in range(20))
    print(f"`return 1` through a session: {one * 1e3:.2f} ms, {cold * 1e3:.2f} ms with empty caches")
    print(f"a call: {(many - one) / 100 * 1e6:.0f} µs")
    starts: dict[str, list[float]] = {"python": [], "child": []}
    for _ in range(ROUNDS):
        command = [sys.executable, "-I", "-S", "-c", "pass"]
        starts["python"].append(timed(lambda: subprocess.run(command, check=True, env={})))

        def start() -> None:
            with Session("demo") as session:
                session.run("return 1")

        starts["child"].append(timed(start))
    ratio = statistics.median(starts["child"]) / statistics.median(starts["python"])
    print(f"a new session up to its first value: {ratio:.1f} times the time of `python -I -S -c pass`")


def main() -> int:
    """Measure lists and runs; return 1 with `--check` if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    goals = Goals(parser)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    lists(goals)
    runs()
    return goals.end()


if __name__ == "__main__":
    sys.exit(main())
