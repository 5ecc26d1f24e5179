"""Measure what the command line costs, in the processor time of `python -c pass`.

    python benchmarks/cli.py [ROUNDS] [--check]

Each round starts every command once, in turn, as a process of its own, and reads the processor time of it and of
whatever it started, the Lua process among that. The figures are medians; a ratio is the median of the rounds' ratios,
so that other work on the machine disturbs it least. Compiled files are kept, as where the package is installed: they
lie in a folder of this run's own, which the first round fills. With `--check` a figure above its goal is a failure.
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
PAGE = "kosmo docs heroku"
LUA = "kosmo lua -e 'return 1' --json"
LIST = "kosmo lua --demo -e '…list_apps()'"
DOCS = "kosmo docs"
CHECK = "kosmo check crashed-dynos --demo"
COMMANDS_COMPLETED = "completion of kosmo l"

COMMANDS = {
    NOTHING: ("-c", "pass"),
    "python -c 'import click'": ("-c", "import click"),
    HELP: (*KOSMO, "--help"),
    DOCS: (*KOSMO, "docs"),
    PAGE: (*KOSMO, "docs", "heroku"),
    LUA: (*KOSMO, "lua", "-e", "return 1", "--json"),
    LIST: (*KOSMO, "lua", "--demo", "-e", "app.integrations.heroku.list_apps()"),
    CHECK: (*KOSMO, "check", "crashed-dynos", "--demo"),
    COMMANDS_COMPLETED: KOSMO,
    "kosmo demo": (*KOSMO, "demo"),
}

GOALS = {
    HELP: 6.0,
    DOCS: 12.0,
    PAGE: 9.5,
    LUA: 12.0,
    LIST: 25.0,
    CHECK: 30.0,
    COMMANDS_COMPLETED: 8.0,
}


def milliseconds(name: str, compiled: str) -> float:
    """Return the processor time of a command and of what it starts."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if name == COMMANDS_COMPLETED:
        environment |= {"_KOSMO_COMPLETE": "bash_complete", "COMP_WORDS": "kosmo l", "COMP_CWORD": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *COMMANDS[name]],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=compiled,  # no project of anybody's
        env=environment | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": compiled},
    )
    assert done.returncode == (name == CHECK), f"{name} ended with {done.returncode}"  # the check finds something
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    arguments = [word for word in sys.argv[1:] if word != "--check"]
    rounds = int(arguments[0]) if arguments else 15
    measured: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as compiled:
        for _ in range(rounds + 1):
            for name in COMMANDS:
                measured[name].append(milliseconds(name, compiled))
    print(f"{'command':<50} {'CPU':>9} {'ratio':>7} {'(quartiles)':13}  goal")
    missed = []
    for name, times in measured.items():
        pairs = list(zip(times, measured[NOTHING], strict=True))[1:]  # the first round filled the caches
        low, ratio, high = statistics.quantiles([own / nothing for own, nothing in pairs], n=4)
        goal = GOALS.get(name)
        cost, spread = statistics.median(own for own, _ in pairs), f"({low:.1f}-{high:.1f})"
        print(f"{name:<50} {cost:>6.0f} ms {ratio:>6.1f}x {spread:13} {f' <= {goal:g}x' if goal else ''}")
        if goal and ratio > goal:
            missed.append(name)
    print("missed: " + (", ".join(missed) or "nothing"))
    if missed and "--check" in sys.argv:
        sys.exit(1)


if __name__ == "__main__":
    main()
