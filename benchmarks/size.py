"""Count the package and its tests by room, and what it offers: commands, options and settings.

A code line is a line of Python or Lua that is not blank, not a comment and not part of a docstring. An option is
counted for each command that has it, `--help` is not. A setting is an entry of the table of settings.

    python benchmarks/size.py [FOLDER]            # of this checkout, or of another
    python benchmarks/size.py --against FOLDER    # the figures of another checkout before those of this one
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
HERE = Path(__file__).resolve().parent.parent
COUNT_SURFACE = """
import click
from kosmo_kernel import cli
from kosmo_kernel.settings.table import SETTINGS
names = list(dict.fromkeys(cli.COMMANDS))
commands = [cli.command_named(name) for name in names]
options = sum(isinstance(p, click.Option) and p.name != "help" for command in commands for p in command.params)
print(len(names), options, len(SETTINGS))
"""


def python_figures(text: str) -> Counter[str]:
    """Return the code lines, functions, private functions and classes of a Python file."""
    tree = ast.parse(text)
    docstrings: set[int] = set()
    figures: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            figures["functions"] += 1
            figures["private"] += node.name.startswith("_") and not node.name.startswith("__")
        if isinstance(node, ast.ClassDef):
            figures["classes"] += 1
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            docstrings.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    figures["python"] = sum(
        bool(line.strip()) and not line.strip().startswith("#") for number, line in lines if number not in docstrings
    )
    return figures


def count_rooms(folder: Path) -> dict[str, Counter[str]]:
    """Return the figures of each room below a folder; those of the files beside the rooms have the name of the file."""
    rooms: dict[str, Counter[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".py", ".lua") or not path.is_file():
            continue
        figures = rooms.setdefault(path.relative_to(folder).parts[0], Counter())
        figures["files"] += 1
        text = path.read_text("utf-8")
        if path.suffix == ".py":
            figures.update(python_figures(text))
        else:
            lines = map(str.strip, text.splitlines())
            figures["lua"] += sum(bool(line) and not line.startswith("--") for line in lines)
    return rooms


def count_surface(checkout: Path) -> list[str]:
    """Return the numbers of commands, options and settings of a checkout."""
    command = [sys.executable, "-c", COUNT_SURFACE]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.split()


def total(rooms: dict[str, Counter[str]]) -> Counter[str]:
    """Return the sum of all rooms."""
    return sum(rooms.values(), Counter())


def main() -> None:
    """Print a line for each room, and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE)
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    checkouts = [path.resolve() for path in (options.against, options.folder) if path]
    for part in ("kosmo_kernel", "tests"):
        counted = [count_rooms(checkout / part) for checkout in checkouts]
        print(f"{part:24}{'code lines':>24}{'functions':>20}{'files':>14}")
        for room in sorted({room for rooms in counted for room in rooms}):
            print(_line(room, [rooms.get(room, Counter()) for rooms in counted]))
        print(_line("all", [total(rooms) for rooms in counted]))
        print(_private([total(rooms) for rooms in counted]), end="\n\n")
    for what, *numbers in zip(("commands", "options", "settings"), *map(count_surface, checkouts), strict=True):
        print(f"{what:24}{' → '.join(numbers):>24}")


def _line(name: str, figures: list[Counter[str]]) -> str:
    lines = " → ".join(f"{f['python'] + f['lua']:,}" for f in figures)
    functions = " → ".join(f"{f['functions']:,}" for f in figures)
    files = " → ".join(f"{f['files']:,}" for f in figures)
    return f"  {name:22}{lines:>24}{functions:>20}{files:>14}"


def _private(figures: list[Counter[str]]) -> str:
    shares = " → ".join(f"{100 * f['private'] / f['functions']:.0f} %" for f in figures)
    classes = " → ".join(f"{f['classes']:,}" for f in figures)
    return f"  {'private, classes':22}{shares:>24}{classes:>20}"


if __name__ == "__main__":
    main()
