"""What the command line costs, in the processor time of `python -c pass`.

    python benchmarks/cli.py [ROUNDS]

Each round starts every command once, in turn, as a process of its own, and reads the processor time of it and of
whatever it started. The figures are medians; a ratio is the median of the rounds' ratios, so that other work on the
machine disturbs it least. `--help` is held to a bound.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
KOSMO = ("-m", "kosmo_kernel")
NOTHING = "python -c pass"

COMMANDS = {
    NOTHING: ("-c", "pass"),
    "python -c 'import click'": ("-c", "import click"),
    "kosmo --help": (*KOSMO, "--help"),
    "kosmo integrations:docs": (*KOSMO, "integrations:docs"),
    "kosmo integrations:docs heroku --json": (*KOSMO, "integrations:docs", "heroku", "--json"),
    "kosmo integrations:lua -e 1": (*KOSMO, "integrations:lua", "-e", "1"),
    "kosmo integrations:lua --demo -e '…list_apps()'": (
        *KOSMO,
        "integrations:lua",
        "--demo",
        "-e",
        "app.integrations.heroku.list_apps()",
    ),
    "kosmo demo": (*KOSMO, "demo"),
}  # fmt: skip - a command a line

BOUNDS = {"kosmo --help": 6.0}


def milliseconds(arguments: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    measured: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            measured[name].append(milliseconds(arguments))
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
