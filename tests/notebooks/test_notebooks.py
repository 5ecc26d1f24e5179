"""The committed notebooks, where nbval does not look: how they are saved, and whether their answers are right.

nbval runs them and compares what they show. After a change that shows something else, each is renewed by

    jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False NOTEBOOK
"""

from __future__ import annotations

from repository import ROOT
import json
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

from kosmo_kernel.integrations.heroku.demo.company_data import STORY
from kosmo_kernel.kernel.protocol import LuaKernel

PATHS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in PATHS}
LUA, PYTHON = NOTEBOOKS["first-steps-lua"], NOTEBOOKS["first-steps"]

# What tells of the machine or the hour of a run: timings, addresses, folders.
TELLTALE = re.compile(r'"iopub\.|0x[0-9a-f]{6,}|"(?:/tmp|/home|/root|/Users)\b|widget-(?:state|view)')


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def rows(notebook: nbformat.NotebookNode, name: str) -> list[list[str]]:
    """The rows of the text form of a cell's table, word by word."""
    [cell] = [cell for cell in notebook.cells if cell.id == name]
    lines = cell.outputs[-1].data["text/plain"].split("\n")
    return [line.split() for line in lines[2:] if " records " not in line]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_saved_as_one_run_from_top_to_bottom_anywhere(path: Path) -> None:
    cells = code_of(NOTEBOOKS[path.stem])
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert TELLTALE.findall(path.read_text(encoding="utf-8")) == []


def test_the_lua_notebook_says_all_that_its_kernel_says_of_itself() -> None:
    kernel = json.loads((ROOT / "kernel.json").read_text(encoding="utf-8"))
    assert LUA.metadata.kernelspec == {"name": "kosmo-lua"} | {key: kernel[key] for key in ("display_name", "language")}
    assert LUA.metadata.language_info == LuaKernel.language_info


def test_no_cell_fails_so_that_programs_that_stop_at_an_error_run_all() -> None:
    assert not [cell for notebook in NOTEBOOKS.values() for cell in code_of(notebook) if "error" in kinds(cell)]


def kinds(cell: nbformat.NotebookNode) -> list[str]:
    return [output.output_type for output in cell.outputs]


def test_lua_cells_of_a_python_notebook_are_marked_for_export() -> None:
    marks = {cell.source.startswith("%%kosmo_lua"): cell.metadata.get("magics_language") for cell in code_of(PYTHON)}
    assert marks == {True: "lua", False: None}


WITH_LUA = {name: one for name, one in NOTEBOOKS.items() if any("local heroku" in cell.source for cell in one.cells)}


@pytest.mark.full
@pytest.mark.parametrize("notebook", WITH_LUA.values(), ids=WITH_LUA)
def test_lua_is_coloured_in_a_page_made_of_a_notebook(notebook: nbformat.NotebookNode) -> None:
    page, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call] # nbconvert has no types
    assert re.search('<span class="kd">local</span>(<span class="w"> </span>| )<span class="nv">heroku</span>', page)


def test_the_crashed_dynos_are_those_of_the_story() -> None:
    told = [[app.name, d.name, d.since] for app in STORY for d in app.dynos if d.state == "crashed"]
    for notebook, name in ((LUA, "crashed"), (PYTHON, "list-crashed")):
        assert [[*row[:2], f"{row[2]}T{row[3]}Z"] for row in rows(notebook, name)] == told


def test_the_states_add_up_to_the_dynos_of_the_story() -> None:
    told = Counter(dyno.state for app in STORY for dyno in app.dynos)
    assert rows(PYTHON, "by-state")[-1] == ["total", *(str(told[state]) for state in sorted(told)), str(told.total())]
