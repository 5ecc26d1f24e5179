"""Measure what the magic costs in a Python notebook: loading it, a cell of Lua over a cell of Python, a completion.

    python benchmarks/magic.py [ROUNDS]

Each round is a fresh process with a fresh IPython shell, by the clock on the wall; medians. Loading is measured with
Python's byte code in place, as after an installation.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
CELLS = 200
AIMS = {  # milliseconds
    "load_ext": 15.0,
    "a cell of Lua over a cell of Python": 0.6,
    "the same with -i and -o": None,
    "a completion": 5.0,
}


def one_round() -> dict[str, float]:
    """Return the figures of this process."""
    from IPython.core.completer import provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.find_line_magic("load_ext")  # which IPython itself loads when it is first used
    started = time.perf_counter()
    shell.run_line_magic("load_ext", "kosmo_kernel")
    load = time.perf_counter() - started
    assert "pandas" not in sys.modules

    def of_cell(cell: str) -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return median(lambda: shell.run_cell(cell, store_history=False))

    def complete() -> None:
        text = "%%kosmo_lua\nlocal h = app.integrations.heroku\nh.list_"
        with provisionalcompleter():
            assert list(shell.Completer.completions(text, len(text)))

    python = of_cell("1")
    figures = [load, of_cell("%%kosmo_lua\nreturn 1") - python, of_cell("%%kosmo_lua -i n=1 -o m=n\nreturn 1") - python]
    return dict(zip(AIMS, [1e3 * one for one in [*figures, median(complete)]], strict=True))


def median(work: Callable[[], object]) -> float:
    """Seconds of one, once it is warm."""
    seconds = []
    for _ in range(20 + CELLS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[20:])


def main(rounds: int) -> int:
    """Measure, print the table, and say with the exit status whether all aims are met."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"KOSMO_DEMO": "1", "IPYTHONDIR": folder, "PYTHONPYCACHEPREFIX": folder, "PYTHONPATH": str(ROOT)}
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | settings
        command = [sys.executable, str(Path(__file__)), "one"]
        found = [
            json.loads(subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, check=True).stdout)
            for _ in range(rounds + 1)
        ][1:]  # the first one writes the byte code
    missed = False
    for name, aim in AIMS.items():
        figure = statistics.median(each[name] for each in found)
        missed |= aim is not None and figure > aim
        print(f"{name:40}{figure:8.2f} ms  {f'<= {aim:g} ms' if aim else ''}".rstrip())
    print("an aim is missed" if missed else "all aims are met")
    return int(missed)


if __name__ == "__main__":
    if sys.argv[1:] == ["one"]:
        print(json.dumps(one_round()))
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 7))
