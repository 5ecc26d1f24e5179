"""The plan of the house, read from the source: floors, neighbours, sizes, names, and what a start may import.

A new file fails here until it has a place in `FLOORS`.
"""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import kosmo_kernel

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kosmo_kernel"
NAME = PACKAGE.name

# The rooms (a file, or a folder with all that is in it), from the ground up. Nothing imports upward.
FLOORS = (
    {
        "budget",
        "catalogue",
        "catalogue_check",
        "errors",
        "exchange",
        "interrupts",
        "limits",
        "no_math",
        "progress",
        "records",
        "redact",
        "switches",
        "toml_text",
        "wide_json",
    },
    {
        "accounts",
        "answers",
        "browse",
        "call_log",
        "cell",
        "cell_text",
        "commands",
        "config",
        "display",
        "docs",
        "editor",
        "envelope",
        "fields",
        "frames",
        "harmless",
        "integrations",
        "legible",
        "literals",
        "options",
        "parameters",
        "permissions",
        "plan",
        "private_files",
        "project",
        "python_start",
        "python_values",
        "report",
        "result",
        "standing",
        "tables",
        "terminal_line",
    },
    {
        "client",
        "demo",
        "lua",
        "mcp",
    },
    {
        "calls",
        "hints",
        "mcp_server",
        "run",
        "runbook",
        "scripts",
        "session",
        "snapshot",
        "tapes",
    },
    {
        "cli",
        "explorer",
        "kernel",
        "magic",
    },
    {
        "__init__",
        "__main__",
    },
)
# Floors whose rooms know nothing of each other.
SEPARATE = (2, 4)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
VERSION = "__version__"  # the one name of `__init__` that every floor may read

LONGEST = 600  # lines of a file
SAYS_NOTHING = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

HEAVY = {"httpx", "ipywidgets", "lupa", "mcp", "pandas"}
STARTS = {
    "kosmo --help": ["-m", NAME, "--help"],
    "kosmo integrations:docs": ["-m", NAME, "integrations:docs"],
    "the Lua kernel": ["-c", f"import {NAME}.kernel.__main__"],
}


def sources(*folders: Path, suffix: str = ".py") -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob(f"*{suffix}"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """The full dotted names that a file imports, wherever in the file it does."""
    here = [NAME, *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                start = here[: len(here) + 1 - node.level] if node.level else []
                module = ".".join([*start, *([node.module] if node.module else [])])
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def rooms_imported(path: Path) -> set[str]:
    inner = [name.split(".")[1:] for name in imports(path) if name.split(".")[0] == NAME]
    rooms = {room_of(file) for file in sources(PACKAGE)}
    return {parts[0] if parts and parts[0] in rooms else "__init__" for parts in inner if parts != [VERSION]}


def importers(library: str) -> list[str]:
    return [
        str(path.relative_to(PACKAGE))
        for path in sources(PACKAGE)
        if any(name.split(".")[0] == library for name in imports(path))
    ]


def test_every_file_has_a_place() -> None:
    assert {room_of(path) for path in sources(PACKAGE)} - set(FLOOR_OF) == set()


def test_nothing_imports_upward_and_doors_and_machines_do_not_know_each_other() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} (floor {floor}) imports {other} (floor {FLOOR_OF[other]})"
        for path in sources(PACKAGE)
        for floor in [FLOOR_OF.get(room_of(path), 0)]
        for other in sorted(rooms_imported(path) & set(FLOOR_OF) - {room_of(path)})
        if FLOOR_OF[other] > floor or (FLOOR_OF[other] == floor and floor in SEPARATE)
    ]
    assert wrong == []


def test_the_ground_needs_only_the_standard_library_and_the_json_decoder() -> None:
    ground = [path for path in sources(PACKAGE) if room_of(path) in FLOORS[0]]
    needed = {name.split(".")[0] for path in ground for name in imports(path)}
    assert needed - sys.stdlib_module_names == {NAME, "msgspec"}


def test_each_large_library_has_one_file_that_knows_it() -> None:
    assert importers("lupa") == ["lua/worker.py"]
    assert importers("pandas") == ["frames.py"]
    assert importers("httpx") == ["client/connections.py"]
    assert importers("mcp") == ["mcp/sdk.py", "mcp_server/sdk.py"]  # a client's half, and a server's
    assert len(importers("ipywidgets")) <= 1
    assert len(importers("IPython")) <= 2


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra, given in project["optional-dependencies"].items() if extra != "dev" for line in given]
    lines = [*project["dependencies"], *extras]
    declared = {re.split(r"[^\w-]", line)[0].lower().replace("_", "-") for line in lines}
    libraries = {name.split(".")[0] for path in sources(PACKAGE) for name in imports(path)}
    distributions = packages_distributions()
    undeclared = {
        library
        for library in libraries - sys.stdlib_module_names - {NAME}
        if declared.isdisjoint(name.lower().replace("_", "-") for name in distributions.get(library, []))
    }
    assert undeclared == set()


def test_files_stay_short() -> None:
    files = [*sources(PACKAGE, ROOT / "tests", ROOT / "benchmarks"), *sources(PACKAGE, suffix=".lua")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines >= LONGEST} == {}


def test_file_names_say_what_is_inside() -> None:
    files = [*sources(PACKAGE), *sources(PACKAGE, suffix=".lua")]
    assert [str(path) for path in files if SAYS_NOTHING & set(path.stem.split("_"))] == []


@pytest.mark.parametrize("start", STARTS)
def test_a_start_imports_no_large_library(start: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *STARTS[start]], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert NAME in loaded
    assert HEAVY & loaded == set()


def test_the_changelog_starts_with_this_version() -> None:
    changelog = (ROOT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0] == kosmo_kernel.__version__


def test_a_test_cannot_reach_another_machine() -> None:
    with socket.socket() as dialling, pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"):
        dialling.connect(("192.0.2.1", 9))
    with pytest.raises(pytest.fail.Exception, match=r"example\.com"):
        socket.getaddrinfo("example.com", 443)
