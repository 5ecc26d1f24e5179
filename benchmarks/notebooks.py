"""Measure the wall-clock time of each notebook, run one after the other by `kosmo run` on the demo account.

    python benchmarks/notebooks.py [ROUNDS]

Each is run as a cron job would run it, a process and a kernel of its own each time, on two cores where the system can
say so. The median of the rounds; 1 when all together take longer than the aim.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

from kernel_client import known_to_jupyter

CORES = 2
AIM = 90.0  # seconds for all of them


def seconds(notebook: Path, folder: Path) -> float:
    """One run."""
    command = [sys.executable, "-m", "kosmo_kernel", "run", str(notebook), "-o", str(folder / notebook.name)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - started


def main() -> int:
    """Print a row for each notebook, and the sum."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as home, known_to_jupyter(Path(home, "jupyter")):
        took = {
            path.stem: statistics.median(seconds(path, Path(home)) for _ in range(rounds))
            for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        }
    for name, figure in took.items():
        print(f"{name:24} {figure:6.1f} s")
    whole = sum(took.values())
    print(f"{'all':24} {whole:6.1f} s, at most {AIM:.0f} s")
    return 0 if whole <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
