"""Print the goal of a benchmark beside its figure, and fail with `--check` if it is missed."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import psutil


class Goals:
    """The figures of a benchmark with their goals, each at most the goal.

    Parameters:
        parser: the options of the benchmark, to which `--check` is added.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail if a figure is above its goal")
        self.options = parser.parse_args()
        self._missed: list[str] = []

    def judge(self, name: str, figure: float, goal: float | None) -> str:
        """Return a figure and its goal as text."""
        if goal is None:
            return f"{figure:.2f}"
        is_missed = figure > goal
        if is_missed:
            self._missed.append(f"{name} {figure:.2f}, goal {goal:g}")
        return f"{figure:.2f} (goal {goal:g}{', missed' * is_missed})"

    def end(self) -> int:
        """Print which goals are missed, and return the exit status."""
        print(f"missed: {'; '.join(self._missed)}" if self._missed else "all goals are met")
        return 1 if self._missed and self.options.check else 0


def processor_seconds(*pids: int) -> float:
    """Return the processor time of this process and of others, in seconds.

    Linux counts that of others in nanoseconds. Elsewhere it is counted in hundredths of a second.
    """
    seconds = time.process_time()
    for pid in pids:
        counters = Path(f"/proc/{pid}/schedstat")
        if counters.exists():
            seconds += int(counters.read_text().split()[0]) / 1e9
        else:
            seconds += sum(psutil.Process(pid).cpu_times()[:2])
    return seconds
