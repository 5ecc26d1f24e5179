"""An audit of 500 apps, three questions about each, against the network's own time and against plain httpx.

    python benchmarks/audit.py [ROUNDS] [--check]

The demo account is served by a process of its own, with 100 ms before each answer, and anew for each measurement, since
a budget is for three audits. Each way of asking runs in a process of its own as well, in turn, 32 requests at a time:

- `plain`: httpx and 32 threads, a line of Python for each question.
- `map`: `parallel.map` in Lua, three calls in its function.
- `lists`: three calls in Lua with the list of apps in place of a name.

Times are by the clock for the 1,500 requests, connections and all; the ideal is what 32 at a time take if nothing but
the 100 ms took time. Processor time is that of the process and of its Lua process. Ratios are medians of the rounds'
own. Then what a second audit costs where nothing has changed, and the memory that 5,000 apps take, in Python and Lua
together, once Lua has read a field of each.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
from demo_server import demo_server
from goals import Goals

APPS = 500
MANY = 5_000
LATENCY = 100  # milliseconds
AT_ONCE = 32
QUESTIONS = ("dynos", "collaborators", "domains")
REQUESTS = APPS * len(QUESTIONS)
IDEAL = math.ceil(REQUESTS / AT_ONCE) * LATENCY / 1000  # seconds

MAP = f"""
local rows = parallel.map(apps, function(one)
  return {{
    #heroku.list_dynos({{ app_id = one.name }}),
    #heroku.list_collaborators({{ app_id = one.name }}),
    #heroku.list_domains({{ app_id = one.name }}),
  }}
end, {{ limit = {AT_ONCE} }})
local found = 0
for _, row in ipairs(rows) do found = found + row[1] + row[2] + row[3] end
return found"""
LISTS = """
return #heroku.list_dynos({ app_id = apps })
  + #heroku.list_collaborators({ app_id = apps })
  + #heroku.list_domains({ app_id = apps })"""
SCRIPTS = {"map": MAP, "lists": LISTS}
GET_APPS = "heroku = app.integrations.heroku apps = heroku.list_apps() return #apps"
READ_ALL = "local n = 0 for _, one in ipairs(apps) do n = n + #one.name end return n"

BOUNDS = {"time to the ideal": 1.10, "time to plain": 1.05, "CPU to plain": 1.35, "CPU again": 0.5, "memory": 60.0}

Figures = dict[str, float]


def measured(name: str, apps: int = APPS, latency: float = LATENCY) -> Figures:
    """Return what one measurement, in a process of its own, tells."""
    with demo_server("--apps", str(apps), "--latency", str(latency)) as environment:
        done = subprocess.run(
            [sys.executable, __file__, "--only", name], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    figures: Figures = json.loads(done.stdout)
    return figures


def family() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def cpu() -> float:
    """Seconds of processor time, of this process and those below it."""
    return time.process_time() + sum(sum(process.cpu_times()[:2]) for process in family()[1:])


def memory() -> float:
    """MiB that nobody else uses, of this process and those below it."""
    return sum(process.memory_full_info().uss for process in family()) / 2**20


def costs(work: Callable[[], Any]) -> tuple[Any, Figures]:
    """Return what some work gives, its seconds and its processor time."""
    started, used = time.perf_counter(), cpu()
    found = work()
    return found, {"seconds": time.perf_counter() - started, "cpu": cpu() - used}


def plain() -> Figures:
    import httpx

    headers = {
        "Authorization": f"Bearer {os.environ['HEROKU_API_KEY']}",
        "Accept": "application/vnd.heroku+json; version=3",
    }
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    with httpx.Client(base_url=os.environ["HEROKU_API_URL"], headers=headers, limits=limits, timeout=30) as client:

        def get(path: str) -> Any:
            return client.get(path, headers={"Range": "id ..; max=1000"}).raise_for_status().json()

        names = [one["name"] for one in get("/apps")]
        assert len(names) == APPS

        def audit() -> int:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                paths = [f"/apps/{name}/{question}" for name in names for question in QUESTIONS]
                return sum(len(rows) for rows in pool.map(get, paths))

        found, figures = costs(audit)
    return figures | {"found": found}


def through_lua(name: str) -> Figures:
    from kosmo_kernel.session import Session

    with Session() as session:
        assert session.run(GET_APPS).value == APPS
        result, figures = costs(lambda: session.run(SCRIPTS[name]))
        again, second = costs(lambda: session.run(SCRIPTS[name]))
        assert again.value == result.value
    requests = sum(call.requests for call in result.calls)
    assert requests == REQUESTS, f"{name} sent {requests} requests"
    return figures | {"found": result.value, "cpu again": second["cpu"]}


def remembered() -> Figures:
    from kosmo_kernel.session import Session

    with Session() as session:
        session.run("local heroku = app.integrations.heroku heroku.get_current_user() return 1")
        empty = memory()
        result, first = costs(lambda: session.run(GET_APPS))
        assert result.value == MANY
        listed = memory() - empty
        session.run(READ_ALL)
        read = memory() - empty
        _, second = costs(lambda: session.run(GET_APPS))
        return {"listed": listed, "read": read, "again": second["cpu"] / first["cpu"]}


ONLY: dict[str, Callable[[], Figures]] = {
    "plain": plain,
    "map": lambda: through_lua("map"),
    "lists": lambda: through_lua("lists"),
    "memory": remembered,
}


def main() -> int:
    """Measure and print the table; return 1 with `--check` if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    goals = Goals(parser)
    rounds = goals.options.rounds
    figures: dict[str, list[Figures]] = {name: [] for name in ("plain", "map", "lists")}
    for number in range(rounds):
        for name in list(figures)[:: -1 if number % 2 else 1]:
            figures[name].append(measured(name))
        assert len({one[-1]["found"] for one in figures.values()}) == 1, "they do not find the same"
    print(f"{APPS} apps x {len(QUESTIONS)} questions, {AT_ONCE} at a time, {LATENCY} ms; the ideal is {IDEAL:.2f} s\n")
    for name, measurements in figures.items():
        seconds, used = (typical([one[key] for one in measurements]) for key in ("seconds", "cpu"))
        print(f"{name}: {seconds:.2f} s, {1000 * used / REQUESTS:.2f} ms of processor time a request")
        ratios = {
            "time to the ideal": typical([one["seconds"] / IDEAL for one in measurements]),
            "time to plain": typical(pairs(measurements, figures["plain"], "seconds")),
            "CPU to plain": typical(pairs(measurements, figures["plain"], "cpu")),
            "CPU again": typical([one.get("cpu again", math.nan) / one["cpu"] for one in measurements]),
        }
        for what, ratio in ratios.items() if name in SCRIPTS else ():
            print(f"  {what:20} {goals.judge(f'{name}: {what}', ratio, BOUNDS[what])}")
    kept = measured("memory", MANY, 0)
    print(f"\n{MANY:,} apps in memory: {kept['listed']:.0f} MiB listed, once Lua has read of each")
    print(f"  MiB {goals.judge('memory', kept['read'], BOUNDS['memory'])}")
    print(f"  listed again, with nothing changed {goals.judge('listed again', kept['again'], BOUNDS['CPU again'])}")
    return goals.end()


def pairs(own: list[Figures], others: list[Figures], what: str) -> list[float]:
    return [one[what] / other[what] for one, other in zip(own, others, strict=True)]


typical = statistics.median

if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        print(json.dumps(ONLY[sys.argv[2]]()))
    else:
        sys.exit(main())
