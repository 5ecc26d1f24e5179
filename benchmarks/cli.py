"""Measure what the command line costs, in the processor time of `python -c pass`.

    python benchmarks/cli.py [ROUNDS]

Each round starts every command once, in turn, as a process of its own, and reads the processor time of it and of
whatever it started, the Lua process among that. The figures are medians; a ratio is the median of the rounds' ratios,
so that other work on the machine disturbs it least. Compiled files are kept, as where the package is installed: they
lie in a folder of this run's own, which the first round fills. Where a bound is named, more than it is a failure.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
KOSMO = ("-m", "kosmo_kernel")
NOTHING = "python -c pass"

HELP = "kosmo --help"
PAGE = "kosmo integrations:docs heroku"
LUA = "kosmo integrations:lua -e 'return 1' --json"
LIST = "kosmo integrations:lua --demo -e '…list_apps()'"

COMMANDS = {
    NOTHING: ("-c", "pass"),
    "python -c 'import click'": ("-c", "import click"),
    HELP: (*KOSMO, "--help"),
    "kosmo integrations:docs": (*KOSMO, "integrations:docs"),
    PAGE: (*KOSMO, "integrations:docs", "heroku"),
    LUA: (*KOSMO, "integrations:lua", "-e", "return 1", "--json"),
    LIST: (*KOSMO, "integrations:lua", "--demo", "-e", "app.integrations.heroku.list_apps()"),
    "kosmo demo": (*KOSMO, "demo"),
}

BOUNDS = {HELP: 6.0, PAGE: 8.0, LUA: 12.0, LIST: 25.0}


def milliseconds(arguments: tuple[str, ...], compiled: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=compiled,  # no project of anybody's
        env=environment | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": compiled},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    measured: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as compiled:
        for _ in range(rounds + 1):
            for name, arguments in COMMANDS.items():
                measured[name].append(milliseconds(arguments, compiled))
    print(f"{'command':<50} {'CPU':>9} {'ratio':>7}")
    failed = []
    for name, times in measured.items():
        pairs = list(zip(times, measured[NOTHING], strict=True))[1:]  # the first round filled the caches
        ratio = statistics.median(own / nothing for own, nothing in pairs)
        bound = BOUNDS.get(name)
        note = f"  at most {bound:g}" if bound else ""
        print(f"{name:<50} {statistics.median(own for own, _ in pairs):>6.0f} ms {ratio:>6.1f}x{note}")
        if bound and ratio > bound:
            failed.append(name)
    if failed:
        sys.exit(f"too slow: {', '.join(failed)}")


if __name__ == "__main__":
    main()
