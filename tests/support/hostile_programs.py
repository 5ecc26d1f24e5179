"""Random programs that mean harm, and what must hold for each: alive, in time, no secret, the next run works.

    python tests/support/hostile_programs.py --count 1000000 --seed 7
    python tests/support/hostile_programs.py --seed 7 --only 31337        one of them again, shown

A program is made of what hurt other sandboxes: patterns that backtrack, metatables with odd events, coroutines in
coroutines, protected calls in protected calls, functions given to functions, numbers and texts at their ends, calls to
`app`, and replaced builtins. Seed and number make it, so a fault can be seen again.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from repository import ROOT

if __name__ == "__main__":  # as a script it is found without an installation
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from attack_spec import MEMORY, SECRETS, SET_UP, Machinery, general_faults, machinery, run
from hostile_grammar import LEAVES, MISTAKES, OPENING, TEMPLATES
from run_with import run_with

from kosmo_kernel.session import Session

CPU = 0.2  # seconds that a program may run
DEPTH = 5  # of parts in parts

_PART = re.compile(r"\{([a-z]+)\}")


class Author:
    """Writes one program, which seed and number decide.

    Parameters:
        seed: of a series.
        number: of the program in it.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(f"{seed}/{number}")
        self._leaves = {kind: ["" if word == "_" else word for word in words.split()] for kind, words in LEAVES.items()}
        self._templates = {
            kind: [line.strip() for line in text.strip("\n").split("\n")] for kind, text in TEMPLATES.items()
        }

    def program(self) -> str:
        """Return the text of the program."""
        lines = [OPENING]
        for _ in range(self._random.randint(3, 12)):
            line = self._part("statement", 0)
            # What fails must not keep the rest from running, most of the time.
            lines.append(line if self._one_in(9) else f"pcall(function(...) {line} end)")
        if self._one_in(2):
            lines.append(f"return {self._part('list', 1)}")
        text = "\n".join(lines)
        if self._one_in(20):  # a mistake somewhere
            place = self._random.randrange(len(text))
            text = text[:place] + self._random.choice(MISTAKES) + text[place + 2 :]
        return text

    def _one_in(self, n: int) -> bool:
        return self._random.randrange(n) == 0

    def _part(self, kind: str, depth: int) -> str:
        if kind in self._leaves and (kind not in self._templates or depth > DEPTH or self._one_in(4)):
            return self._random.choice(self._leaves[kind])
        if depth > 3 * DEPTH:
            return self._random.choice(["''", "print"])  # a kind without leaves leads back to itself
        template = self._random.choice(self._templates[kind])
        return _PART.sub(lambda found: self._part(found[1], depth + 1), template)


# Checking ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """Count what many programs did: how they ended, how long they took, and what does not hold, by number."""

    ends: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    faults: dict[int, list[str]] = field(default_factory=dict)


def faults_of(source: str, untouched: Machinery, tally: Tally) -> list[str]:
    """Run a program in a session of its own; what does not hold, as sentences."""
    with Session("demo", cpu_limit=CPU, memory_limit=MEMORY) as session:
        run_with(session, SET_UP, name="setup.lua")
        found = run(session, [source])
        after = machinery(session, frames=False)
    end = found.limit or ("a value" if found.values is not None else "an error")
    end += "" if found.kept else ", variables lost"
    tally.ends[end] = tally.ends.get(end, 0) + 1
    if found.limit == "cpu_limit":
        tally.seconds.append(found.seconds)
    changed = [name for name in after.__slots__ if getattr(after, name) != getattr(untouched, name)]
    return [*general_faults(found), *(f"{name} became {getattr(after, name)!r:.400}" for name in changed)]


def untouched_machinery() -> Machinery:
    """Return what the product does in a session in which nothing has run."""
    with Session("demo", cpu_limit=CPU, memory_limit=MEMORY) as session:
        run_with(session, SET_UP, name="setup.lua")
        return machinery(session, frames=False)


def check(count: int, seed: int, first: int = 0, each: Callable[[int, list[str]], None] | None = None) -> Tally:
    """Run so many programs of a series.

    Parameters:
        count: how many.
        seed: of the series.
        first: number of the first.
        each: called with a program's number and its faults.
    """
    untouched, tally = untouched_machinery(), Tally()
    for number in range(first, first + count):
        try:
            faults = faults_of(Author(seed, number).program(), untouched, tally)
        except Exception as error:  # noqa: BLE001 - whatever comes out of a session is a fault to be told
            faults = [f"{type(error).__name__}: {error}"]
        if faults:
            tally.faults[number] = faults
        if each:
            each(number, faults)
    return tally


def main() -> int:
    """Run a series from the command line and tell what does not hold; the exit status is 1 when something does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=1, help="which series")
    parser.add_argument("--only", type=int, metavar="N", help="only program N of the series, shown")
    options = parser.parse_args()
    os.environ.update(SECRETS, HEROKU_API_URL="http://127.0.0.1:9", HOME=tempfile.gettempdir())
    if options.only is not None:
        print(Author(options.seed, options.only).program())

    started = time.monotonic()

    def told(number: int, faults: list[str]) -> None:
        for fault in faults:
            print(f"--seed {options.seed} --only {number}: {fault}", flush=True)
        if number % 1000 == 999:
            print(f"{number + 1} programs, {time.monotonic() - started:.0f} s", flush=True)

    first, count = (0, options.count) if options.only is None else (options.only, 1)
    tally = check(count, options.seed, first, told)
    ends = dict(sorted(tally.ends.items()))
    print(f"{count} programs, {len(tally.faults)} with faults; ends: {ends}")
    if tally.seconds:
        over = [seconds - CPU for seconds in tally.seconds]
        figures = f"median {statistics.median(over):.3f}, most {max(over):.3f}"
        print(f"seconds over a limit of {CPU:g} s, by the wall: {figures}")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
