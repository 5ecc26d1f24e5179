"""The structure of the package, read from its source: floors, cycles, sizes, names, and what each start may import.

A new folder or module at the top of the package fails here until it has a place in `FLOORS`.
"""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import IPython
import pytest
from repository import ROOT, TESTS

import kosmo_kernel

PACKAGE = ROOT / "kosmo_kernel"
NAME = PACKAGE.name
IPYTHON_STARTS_WITH = {"prompt_toolkit"} if IPython.version_info < (9, 17) else set()


class Floor(NamedTuple):
    """A group of rooms with one reason to be above the groups before it."""

    reason: str  # what its rooms do, and what they know nothing of
    rooms: dict[str, str]  # the subject of each


# The rooms of the package (a folder, or a module beside them), from the ground up. A room imports from its own floor
# and from those below it. On one floor, too, no two rooms import each other.
FLOORS = {
    "ground": Floor(
        "knows nothing of services, of Lua or of Jupyter",
        {
            "text": "counts, durations, times, nearest names, widths, patterns",
            "safety": "escaping, redaction, sanitizers, the intake of foreign files",
            "errors": "the classes of errors, by who must act",
            "walls": "what restricts the walled processes",
            "reader": "the walled process that reads what others wrote",
        },
    ),
    "services": Floor(
        "says what can be asked, by whom and with which settings; sends nothing",
        {
            "catalogue": "the model that describes functions",
            "integrations": "Heroku: facts, what is said by hand, checks, tables, the demo account",
            "demo": "what serves a demo account on a port, and faults",
            "settings": "the table of settings, and the files that set them",
            "accounts": "tokens and addresses",
            "values": "records, null, and what Lua and Python exchange",
            "questions": "the heads and files of checks and tables",
            "docs": "the reference, and its search",
            "pages": "the design of HTML pages",
            "progress": "the progress of a run, and the line that shows it",
        },
    ),
    "engine": Floor(
        "sends requests, runs Lua and makes tables of the answers; knows no front end",
        {
            "client": "HTTP: connections, rate limiter, retries, pages",
            "archive": "recorded runs and snapshots, in SQLite files",
            "render": "tables, frames and displayed values",
            "results": "the results of a run",
            "mcp": "the client for MCP servers, and the consent to their tools",
            "calls": "a call from name and arguments to its answer, without Lua",
            "lua": "the walled process that runs Lua, runs and their warnings",
            "notebook": "what Python and Lua notebooks share",
            "editor": "completion and inspection",
            "session": "a Lua state with its accounts: run and call",
        },
    ),
    "programs": Floor(
        "uses sessions for one purpose each",
        {
            "python_api": "the functions in Python",
            "checks": "runs of checks and tables, their reports, and the inventory",
            "snapshot": "copies of what an account had at one time",
            "runbook": "notebooks with parameters, and their pages",
            "explorer": "the form",
            "mcp_server": "the MCP server for agents",
        },
    ),
    "front ends": Floor(
        "is where people begin",
        {
            "cli": "the command",
            "kernel": "the Lua kernel",
            "magic": "%%kosmo_lua in Python notebooks",
            "__init__": "",
            "__main__": "",
        },
    ),
}
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS.values()) for room in floor.rooms}
NO_CODE = {"guides", "jupyter", "py.typed"}  # pages, files for JupyterLab, a mark for type checkers
VERSION = "__version__"  # the one name of `__init__` that every room may read
# A module that a string names and that this one never imports: the program of another process.
STARTED = {("runbook", "kernel")}

MAX_ENTRIES = 42  # of the package's folder
MAX_LINES = 600  # of a file; ruff limits the complexity of a function
MAX_FUNCTION_LINES = 60  # with the docstring
MAX_PRIVATE_USES = 40  # of names of the package in tests, which should ask for behaviour
SAYS_NOTHING = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
NAMED_TUPLE = {"_asdict", "_fields", "_make", "_replace"}  # its public methods, whose names begin with an underscore
# Words that tell a newcomer nothing as the name of a public class, function or method.
BANNED_NAMES = {
    *("asked", "asking", "found", "given", "gone", "heard", "hear", "leave", "made", "meant", "said", "shown", "told"),
    *("standing", "switched", "tapes", "longest", "deepest", "most", "patience"),
}

# Words that tell nothing as the name of a parameter, a variable or a field: participles and fillers.
BANNED_VARIABLES = {
    *(
        "asked",
        "called",
        "done",
        "found",
        "given",
        "gone",
        "got",
        "held",
        "kept",
        "known",
        "left",
        "made",
        "met",
        "named",
    ),
    *("one", "ones", "place", "plain", "said", "seen", "sent", "shown", "taken", "told", "used", "wanted"),
}

# Words for which the field has a term: a reason, a width or a budget, a position, a parent.
REPLACED_NAMES = {
    *("above", "answered", "barren", "beside", "opened", "places", "room", "spell", "whole", "why"),
    *("Answered", "Aside", "Course", "Grace", "Habit", "KeptReplies", "Place", "Step", "Way"),
}
# Rooms in which some of them are left. A room is taken out of here when its names are replaced, and none is added.
ROOMS_WITH_REPLACED_NAMES = {
    *("archive", "calls", "checks", "editor", "lua"),
    *("mcp_server", "python_api", "questions", "runbook", "snapshot"),
}


class Start(NamedTuple):
    """A process that begins, and what it may import before it has something to do."""

    arguments: list[str]  # of Python
    modules: int  # of this package, at most
    rooms: set[str]
    libraries: set[str]
    without: set[str] = {"click.shell_completion"}  # modules of others that take as long as several of ours


STARTS = {
    "kosmo --help": Start(["-m", NAME, "--help"], 6, {"cli", "errors", "safety", "text"}, {"click"}),
    "kosmo docs": Start(
        ["-m", NAME, "docs"],
        40,
        {
            *("catalogue", "cli", "docs", "errors", "integrations", "pages", "questions"),
            *("reader", "safety", "settings", "text", "values", "walls"),
        },
        {"click", "msgspec"},
        {"click.shell_completion", "shutil", "kosmo_kernel.docs.search_index"},
    ),
    "kosmo snapshot --help": Start(
        ["-m", NAME, "snapshot", "--help"],
        50,
        {
            *("accounts", "archive", "catalogue", "cli", "client", "errors", "integrations", "questions"),
            *("reader", "safety", "settings", "text", "values", "walls"),
        },
        {"click", "msgspec"},
    ),
    "the Lua kernel": Start(["-c", f"import {NAME}.kernel.__main__"], 4, {"kernel"}, {"zmq"}),
    "a cell of the Lua kernel": Start(
        ["-c", f"from {NAME}.settings.installation import import_msgspec as i; i(); import {NAME}.kernel.notebook"],
        75,
        {
            *("progress", "text"),
            *("accounts", "calls", "catalogue", "client", "errors", "integrations", "kernel", "lua"),
            *("notebook", "pages", "questions", "reader", "render", "results", "safety", "session", "settings"),
            *("values", "walls"),
        },
        {"msgspec", "zmq"},
        # From Python 3.12 on, pyzmq itself imports `inspect`.
        {
            *("dataclasses", "email", "html", "importlib.metadata", "sqlite3"),
            *(["inspect"] if sys.version_info < (3, 12) else ()),
        },
    ),
    "the Lua process": Start(["-c", f"import {NAME}.lua.worker"], 5, {"lua", "walls"}, set()),
    "the reader": Start(["-c", f"import {NAME}.reader, {NAME}.walls.lockdown"], 5, {"reader", "walls"}, set()),
    "the package": Start(["-c", f"import {NAME}"], 0, set(), set()),
    "the settings of MCP servers": Start(
        ["-c", f"import {NAME}.mcp"],
        35,
        {
            *("accounts", "catalogue", "errors", "mcp", "questions", "reader"),
            *("safety", "settings", "text", "values", "walls"),
        },
        {"msgspec"},
    ),
    "a script's first look at MCP servers": Start(
        ["-c", f"import {NAME}.mcp.run_tools"],
        53,
        {
            *("accounts", "catalogue", "client", "errors", "lua", "mcp", "pages"),
            "questions",
            *("reader", "safety", "settings", "text", "values", "walls"),
        },
        {"msgspec"},
    ),
    "the magic": Start(
        ["-c", f"import {NAME}.magic"],
        31,
        {
            *("progress", "text"),
            *("errors", "explorer", "magic", "notebook", "python_api", "render"),
            *("reader", "safety", "settings", "walls"),
        },
        {"IPython", "msgspec", "pygments", "traitlets", *IPYTHON_STARTS_WITH},
    ),
}


def sources(*folders: Path, suffix: str = ".py") -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob(f"*{suffix}"))


def module_of(path: Path) -> str:
    """Return the name of a module below the package; empty for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sources(PACKAGE)}


def room_of(module: str) -> str:
    return module.partition(".")[0] or "__init__"


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Return all nodes of the syntax tree of a file, which takes longer to walk than to read."""
    return list(ast.walk(tree_of(path)))


@cache
def imported_names(path: Path) -> frozenset[str]:
    """Return the full dotted names that a file imports or names in strings, wherever in the file it does."""
    return frozenset(_imported_names(path))


def _imported_names(path: Path) -> Iterator[str]:
    here = [NAME, *path.relative_to(PACKAGE).parent.parts]
    for node in nodes_of(path):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                start = here[: len(here) + 1 - node.level] if node.level else []
                module = ".".join([*start, *([node.module] if node.module else [])])
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Constant(value=str(text)) if re.fullmatch(rf"{NAME}(\.\w+)+(:\w+)?", text):
                yield text.partition(":")[0]


@cache
def imported_modules(module: str) -> frozenset[str]:
    """Return the modules of the package that a module imports."""
    found = set()
    for name in imported_names(MODULES[module]):
        if name == f"{NAME}.{VERSION}" or not f"{name}.".startswith(f"{NAME}."):
            continue
        inner = name.removeprefix(NAME).removeprefix(".")
        while inner not in MODULES:
            inner = inner.rpartition(".")[0]
        if inner != module and (module, inner) not in STARTED:
            found.add(inner)
    return frozenset(found)


def wrong_arrows(arrows: Iterable[tuple[str, str]]) -> list[str]:
    """Return the imports, from one module to another, that go up to a higher floor."""
    return [
        f"{module} imports {other}" for module, other in arrows if FLOOR_OF[room_of(other)] > FLOOR_OF[room_of(module)]
    ]


def cycle(arrows: Iterable[tuple[str, str]]) -> str:
    """Return the names that import each other in a circle, in their order; empty if there are none."""
    graph: dict[str, set[str]] = {}
    for importer, imported in arrows:
        graph.setdefault(importer, set()).update({imported} - {importer})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


def imports() -> Iterator[tuple[str, str]]:
    """Yield each import of the package, as the importing and the imported module."""
    return ((module, other) for module in MODULES for other in imported_modules(module))


def picture_of_floors() -> str:
    """Return the picture in CONTRIBUTING: the floors, the highest first, and the subject of each of their rooms."""
    blocks = []
    for name, floor in reversed(FLOORS.items()):
        rooms = [f"    {room:14}{subject}" for room, subject in floor.rooms.items() if subject]
        blocks.append("\n".join([f"{name}: {floor.reason}", *rooms]))
    return "\n\n".join(blocks)


def importers(library: str) -> list[str]:
    return [
        str(path.relative_to(PACKAGE))
        for path in sources(PACKAGE)
        if any(name.split(".")[0] == library for name in imported_names(path))
    ]


def public_names(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the names of public classes, functions, methods and constants that a file defines, with their lines."""
    nodes: list[ast.stmt] = list(tree_of(path).body)
    while nodes:
        node = nodes.pop()
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if not node.name.startswith("_"):
                    yield node.name, node.lineno
                    if isinstance(node, ast.ClassDef):
                        nodes += node.body
            case ast.Assign(targets=[ast.Name(id=name)]) if not name.startswith("_"):
                yield name, node.lineno


def variables(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the names of parameters, variables and fields of a file, with their lines."""
    for node in nodes_of(path):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name, node.lineno


def is_private(name: str) -> bool:
    """Return whether a name is one of the package's inner parts, and none that a protocol prescribes."""
    return name.startswith("_") and not name.endswith("_") and name not in NAMED_TUPLE


def stored_names(path: Path) -> Iterator[str]:
    """Yield the names that a file gives to classes, functions, variables and attributes."""
    for node in nodes_of(path):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def private_uses(path: Path, names: set[str]) -> Iterator[str]:
    """Yield where a test imports, reads or replaces one of some private names, which are the package's."""
    own = set(stored_names(path))
    for node in nodes_of(path):
        if not isinstance(node, ast.ImportFrom | ast.Attribute | ast.Call):
            continue
        used = []
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith(NAME):
                used = [alias.name for alias in node.names if is_private(alias.name)]
            case ast.Attribute(attr=name):
                used = [name] if name in names - own else []
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[*_, ast.Constant(value=str(name)), _]):
                used = [name] if name.rpartition(".")[2] in names else []
        yield from (f"{path.relative_to(TESTS)}:{getattr(node, 'lineno', 0)}: {name}" for name in used)


def test_every_import_is_from_a_module_that_exists() -> None:
    modules = {module_of(path) for suffix in (".py", ".pyi") for path in sources(PACKAGE, suffix=suffix)}
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.module}"
        for path in sources(PACKAGE, TESTS, ROOT / "benchmarks")
        for node in nodes_of(path)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{NAME}.")
        if str(node.module).removeprefix(f"{NAME}.") not in modules
    ]
    assert wrong == []


def test_every_room_has_a_floor() -> None:
    assert sorted({room_of(module) for module in MODULES}) == sorted(FLOOR_OF)


def test_the_folder_of_the_package_shows_the_architecture() -> None:
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    assert len(entries) <= MAX_ENTRIES
    assert {entry.removesuffix(".py") for entry in entries} == set(FLOOR_OF) | NO_CODE


def test_nothing_imports_from_a_higher_floor() -> None:
    assert wrong_arrows(imports()) == []


def test_no_two_rooms_import_each_other() -> None:
    assert cycle((room_of(module), room_of(other)) for module, other in imports() if module and other) == ""


def test_no_module_imports_itself_through_others() -> None:
    assert cycle((module, other) for module, other in imports() if module and other) == ""


def test_an_upward_import_and_a_circle_are_seen() -> None:
    arrows = [("client.client", "cli.run"), ("magic", "kernel.protocol"), ("session", "client.client")]
    assert wrong_arrows(arrows) == ["client.client imports cli.run"]
    assert cycle([("render", "archive"), ("archive", "client"), ("client", "render")]) != ""
    assert cycle([("render", "archive"), ("archive", "client"), ("render", "render")]) == ""


def test_the_guide_for_contributors_shows_the_floors() -> None:
    assert picture_of_floors() in (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "most"), [("CONTRIBUTING.md", 10_240), ("SECURITY.md", 12_288)])
def test_the_guides_for_contributors_are_short_and_name_what_there_is(name: str, most: int) -> None:
    text = (ROOT / ".github" / name).read_text(encoding="utf-8")
    quoted = set(re.findall(r"`([^`\s]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    paths = {one for one in quoted if re.fullmatch(r"[\w./-]+(/|\.(py|lua|md|json|toml))", one)} - {"config.toml"}
    roots = (ROOT, PACKAGE, PACKAGE / "client", PACKAGE / "cli", PACKAGE / "integrations/heroku")
    tables = ROOT / "benchmarks/half_lists", PACKAGE / "integrations/heroku/questions"
    assert len(text.encode()) <= most
    assert [path for path in paths if not any((root / path).exists() for root in (*roots, *tables))] == []
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources(PACKAGE, TESTS))
    names = {one for one in quoted if re.fullmatch(r"[A-Z]\w+|[a-z]+_[a-z_]+", one)}
    assert [one for one in names if not re.search(rf"\b{one}\b", code)] == []


def test_the_ground_needs_only_the_standard_library_and_the_json_decoder() -> None:
    ground = [path for module, path in MODULES.items() if room_of(module) in ("errors", "catalogue")]
    needed = {name.split(".")[0] for path in ground for name in imported_names(path)}
    assert needed - sys.stdlib_module_names <= {NAME, "msgspec"}


def test_each_large_library_has_one_file_that_knows_it() -> None:
    assert importers("lupa") == ["lua/worker.py"]
    assert importers("pandas") == ["render/frames.py", "render/pictures.py"]  # the second one for its types
    assert importers("matplotlib") == ["render/pictures.py"]
    assert importers("httpx") == ["client/network.py"]
    assert importers("mcp") == ["mcp/sdk.py", "mcp_server/sdk.py"]  # a client's half, and a server's
    assert len(importers("ipywidgets")) <= 1
    assert importers("IPython") == ["magic/editing.py", "magic/magics.py", "notebook/cells.py"]


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra, given in project["optional-dependencies"].items() if extra != "dev" for line in given]
    lines = [*project["dependencies"], *extras]
    declared = {re.split(r"[^\w-]", line)[0].lower().replace("_", "-") for line in lines}
    libraries = {name.split(".")[0] for path in sources(PACKAGE) for name in imported_names(path)}
    distributions = packages_distributions()
    undeclared = {
        library
        for library in libraries - sys.stdlib_module_names - {NAME}
        if declared.isdisjoint(name.lower().replace("_", "-") for name in distributions.get(library, []))
    }
    assert undeclared == set()


def test_files_stay_readable() -> None:
    files = [*sources(PACKAGE, TESTS, ROOT / "benchmarks"), *sources(PACKAGE, suffix=".lua")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_functions_stay_readable() -> None:
    functions = {
        f"{path.relative_to(PACKAGE)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sources(PACKAGE)
        for node in nodes_of(path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: lines for name, lines in functions.items() if lines > MAX_FUNCTION_LINES} == {}


def test_file_names_say_what_is_inside() -> None:
    files = [*sources(PACKAGE, TESTS), *sources(PACKAGE, suffix=".lua")]
    assert [str(path) for path in files if SAYS_NOTHING & set(path.stem.split("_"))] == []


def test_public_names_say_what_they_name() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in sources(PACKAGE)
        for name, line in public_names(path)
        if name.lower() in BANNED_NAMES
    ]
    assert wrong == []


def test_tests_use_few_private_names_of_the_package() -> None:
    names = {name for path in sources(PACKAGE) for name in stored_names(path) if is_private(name)}
    uses = [use for path in sources(TESTS) for use in private_uses(path, names)]
    assert len(uses) <= MAX_PRIVATE_USES, "\n".join(uses)


def test_names_of_variables_are_nouns_of_the_field() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in sources(PACKAGE)
        for name, line in variables(path)
        if name.strip("_") in BANNED_VARIABLES
    ]
    assert wrong == []


def test_names_are_the_terms_of_the_field() -> None:
    names = [
        (path, name, line)
        for path in sources(PACKAGE)
        if path.relative_to(PACKAGE).parts[0] not in ROOMS_WITH_REPLACED_NAMES
        for name, line in (*variables(path), *((name, line) for name, line in public_names(path) if name[0].isupper()))
    ]
    wrong = {f"{path.relative_to(PACKAGE)}:{line}: {name}" for path, name, line in names if name in REPLACED_NAMES}
    assert wrong == set()


def test_no_class_name_stands_for_two_things() -> None:
    places: dict[str, list[str]] = {}
    for path in sources(PACKAGE):
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_start_imports_only_the_rooms_and_libraries_that_it_needs(start: Start) -> None:
    # Coverage, where it measures processes, imports its own modules into each.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-X", "importtime", *start.arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    rooms = {name.split(".")[1] for name in loaded if name.startswith(f"{NAME}.")}
    # Only libraries that the package itself imports somewhere count. What these need is theirs to say.
    ours = {name.split(".")[0] for path in sources(PACKAGE) for name in imported_names(path)}
    libraries = {name.split(".")[0] for name in loaded} & ours - sys.stdlib_module_names - {NAME}
    assert NAME in loaded
    assert sum(name.startswith(f"{NAME}.") for name in loaded) <= start.modules
    assert loaded & start.without == set()
    assert rooms <= start.rooms
    assert libraries <= start.libraries


@pytest.mark.full
@pytest.mark.parametrize("script", sources(ROOT / "benchmarks"), ids=lambda path: path.stem)
def test_a_benchmark_finds_what_it_imports(script: Path) -> None:
    subprocess.run([sys.executable, "-c", f"import {script.stem}"], cwd=script.parent, check=True)


def test_the_changelog_starts_with_this_version() -> None:
    changelog = (ROOT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0] == kosmo_kernel.__version__


def test_a_test_cannot_reach_another_machine() -> None:
    with socket.socket() as dialling, pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"):
        dialling.connect(("192.0.2.1", 9))
    with pytest.raises(pytest.fail.Exception, match=r"example\.com"):
        socket.getaddrinfo("example.com", 443)
