"""The memory of long runs: three questions about each of 500, 2,000 and 5,000 apps, of which a script keeps a number.

    python benchmarks/long_runs.py [APPS ...]

The demo account is served by a process of its own, with any number of requests. Each way of asking runs in a process of
its own, which records where the way says so:

- `lists`: three calls in Lua with the list of apps in place of a name; `#` of each.
- `loop`: three calls for each app, one after the other; the sum of their `#`.
- `recorded`, `resumed`: as `lists`, with a recording, which is new or has all answers.
- `repeated`: as `lists`, four times in cells of one session.

The table has the resident memory, in MiB, of the process that sends requests and of the one that runs Lua: once the
apps are listed, the highest in the first third of the answers, and the highest of all. The growth is what came after.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress

import psutil
from demo_server import demo_server

SIZES = (500, 2_000, 5_000)
INTERVAL = 0.02  # seconds between two looks
QUESTIONS = ("dynos", "collaborators", "domains")
GET_APPS = "heroku = app.integrations.heroku apps = heroku.list_apps() return #apps"
LISTS = "return " + " + ".join(f"#heroku.list_{one}({{ app_id = apps }})" for one in QUESTIONS)
LOOP = f"""
local n = 0
for _, one in ipairs(apps) do
  n = n + {" + ".join(f"#heroku.list_{one}(one.name)" for one in QUESTIONS)}
end
return n"""
WAYS = {
    "lists": (LISTS, 1, False),
    "loop": (LOOP, 1, False),
    "recorded": (LISTS, 1, True),
    "resumed": (LISTS, 1, True),
    "repeated": (LISTS, 4, False),
}  # the script, how often it runs, and whether it is recorded
MAX_GROWTH = 1.10
CPU_LIMIT = 3_600  # seconds


class Memory:
    """The resident memory of this process and of its Lua process, with the number of answers, over time."""

    def __init__(self) -> None:
        self.answers = 0
        self.samples: list[tuple[int, int, int]] = []
        self._process = psutil.Process()
        self._ended = threading.Event()

    def look(self) -> tuple[int, int, int]:
        """Return the number of answers and the bytes of both processes."""
        own = self._process.memory_info().rss
        return self.answers, own, sum(child.memory_info().rss for child in self._process.children())

    def watch(self) -> None:
        """Take samples until the end."""
        while not self._ended.wait(INTERVAL):
            with suppress(psutil.Error):
                self.samples.append(self.look())

    def end(self) -> None:
        """Take the last sample."""
        self._ended.set()
        self.samples.append(self.look())

    def figures(self, start: tuple[int, int, int]) -> list[list[float]]:
        """Return the MiB of each process: at the start, the most in the first third of the answers, the most of all."""
        third = [one for one in self.samples if one[0] <= self.answers / 3]
        sides = ((start[i], max(one[i] for one in third), max(one[i] for one in self.samples)) for i in (1, 2))
        return [[size / 2**20 for size in side] for side in sides]


def measure(way: str, file: str) -> list[list[float]]:
    """Ask in one way, in this process."""
    from kosmo_kernel.client.client import Client
    from kosmo_kernel.session import Session

    script, times, records = WAYS[way]
    memory, fetch = Memory(), Client.fetch

    def counted(client: Client, *asked: object, **options: object) -> object:
        memory.answers += 1
        return fetch(client, *asked, **options)  # type: ignore[arg-type]

    Client.fetch = counted  # type: ignore[method-assign,assignment]
    recording = {"record": file, "resume": way == "resumed"} if records else {}
    with Session(cpu_limit=CPU_LIMIT, **recording) as session:  # type: ignore[arg-type]
        session.run(GET_APPS)
        memory.answers, start = 0, memory.look()
        threading.Thread(target=memory.watch, daemon=True).start()
        for _ in range(times):
            session.run(script)
        memory.end()
        session.recording.finishes = False  # the next way goes on with it
    return memory.figures(start)


def measured(apps: int) -> Iterator[tuple[str, list[list[float]]]]:
    """Yield each way with its figures."""
    with demo_server("--apps", str(apps), "--budget", "off") as environment, tempfile.TemporaryDirectory() as folder:
        for way in WAYS:
            command = [sys.executable, __file__, "--only", way, f"{folder}/recording.kosmo"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{way}: {done.stderr}")
            yield way, json.loads(done.stdout)


def main() -> int:
    """Measure, print the table, and say with the exit status whether memory is flat for the largest company."""
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    print(f"{'apps':>6}  {'':10}{'requests: start':>16}{'third':>7}{'most':>7}{'growth':>8}", end="")
    print(f"{'Lua: start':>14}{'third':>7}{'most':>7}{'growth':>8}")
    missed = []
    for apps in sizes:
        for way, sides in measured(apps):
            print(f"{apps:>6,}  {way:10}", end="")
            for width, side in zip((16, 14), sides, strict=True):
                growth = side[2] / side[1]
                print(f"{side[0]:>{width}.1f}{side[1]:>7.1f}{side[2]:>7.1f}{growth:>7.2f}x", end="", flush=True)
                if apps == max(sizes) and growth > MAX_GROWTH:
                    missed.append(f"{way} {growth:.2f}")
            print()
    print("missed: " + "; ".join(missed) if missed else f"no more than {MAX_GROWTH} at {max(sizes):,} apps")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        print(json.dumps(measure(*sys.argv[2:])))
    else:
        sys.exit(main())
