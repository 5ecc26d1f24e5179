"""Measure what Lua costs: a list through Lua against the same list without it, and the price of a run.

    python benchmarks/lua.py

Every figure is a ratio of medians within one run, the variants taking turns. "Without Lua" is the best that we
know: decode the bytes, build the table, Python's cycle collector paused.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from kosmo_kernel.client.call import Reply
from kosmo_kernel.demo.company import company
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.render.frames import frame_of
from kosmo_kernel.run.services import Services
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records, decode

ROWS = 10_000
ROUNDS = 9
DYNOS = HEROKU.function("list_dynos")

CALL = "local l = app.integrations.heroku.list_dynos('my-app')\n"
SCRIPTS = {
    "untouched (goal 1.25)": CALL + "return l",
    "one field of every row read (goal 3)": CALL
    + "local n = 0 for i = 1, #l do if l[i].state == 'up' then n = n + 1 end end return l",
    "filtered by a loop": CALL
    + "local o = {} for _, d in ipairs(l) do if d.state ~= 'up' then o[#o + 1] = d end end return o",
    "filtered by list.reject and a table (goal 1.3 of the loop)": CALL + "return list.reject(l, { state = 'up' })",
    "filtered by list.filter and a function (goal 1.3 of the loop)": CALL
    + "return list.filter(l, function(d) return d.state ~= 'up' end)",
    "four fields read": CALL
    + "for _, d in ipairs(l) do local a, b, c, e = d.state, d.app.name, d.size, d.type end return l",
    "projected": CALL
    + "local o = {} for i, d in ipairs(l) do o[i] = { name = d.name, app = d.app.name, state = d.state } end return o",
    "a field added to every row": CALL + "for i = 1, #l do l[i].place = i end return l",
}


class Prepared(Services):
    """Answers every call with the same bytes, decoded anew."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
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


def lists() -> None:
    """Measure lists that pass through Lua."""
    body = dynos()
    print(f"{ROWS:,} dynos, {len(body) / 1e6:.1f} MB of JSON, bytes to table; 1 is the same without Lua")
    with Session("demo") as session:
        session._services = Prepared(body)
        variants: dict[str, Callable[[], object]] = {"without Lua": lambda: frame_of(Records(decode(body), DYNOS))}
        for name, script in SCRIPTS.items():
            variants[name] = lambda script=script: session.run(script).frame()  # type: ignore[misc]
        times: dict[str, list[float]] = {name: [] for name in variants}
        for work in variants.values():
            work()
        for _ in range(ROUNDS):
            for name, work in variants.items():
                times[name].append(timed(work))
    floor = statistics.median(times["without Lua"])
    for name, taken in times.items():
        print(f"  {name:62} {statistics.median(taken) / floor:6.2f}   ({statistics.median(taken) * 1e3:.1f} ms)")


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


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    lists()
    runs()
