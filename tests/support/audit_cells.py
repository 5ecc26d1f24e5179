"""The notebooks in `notebooks/`, cell by cell, and what their Lua gives on the demo account.

What a notebook's Python hands to Lua is made by that Python: the cells of `TO_LUA` are executed first, as they stand.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import nbformat
from repository import NOTEBOOKS
from run_with import run_with

from kosmo_kernel import snapshot
from kosmo_kernel.runbook.parameters import LUA, PYTHON, parse_declarations
from kosmo_kernel.session import Session
from kosmo_kernel.values.from_python import lua_value
from kosmo_kernel.values.parameters import value_of

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
TO_LUA = {"dyno-audit": ("prices", ["prices"]), "drift": ("snapshots", ["was", "now"])}  # a cell, and what Lua takes


def cells(name: str) -> list[tuple[str, str]]:
    """Return the Lua cells of a notebook, by their names."""
    found = []
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    python = notebook.metadata.kernelspec.language == PYTHON
    for cell in notebook.cells:
        first, _, rest = cell.source.partition("\n")
        if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", ()):
            continue
        if first.startswith("%%kosmo_lua"):
            found.append((cell.id, rest))
        elif not python or cell.id == "parameters":
            found.append((cell.id, cell.source))
    return found


@cache
def answers(name: str, /, **given: str) -> dict[str, Any]:
    """Return what each Lua cell gives on the demo with these parameters: its output, its value, or what Python gets."""
    with Session() as session:
        found = {}
        for ident, source in cells(name):
            if ident == "parameters":
                language = LUA if "--" in source else PYTHON
                values = {p.name: usual(p.kind, p.default) for p in parse_declarations(source, language)} | given
                run_with(session, "", inputs=values | made_by_python(name, values))
                continue
            outputs = re.findall(r"^%%kosmo_lua .*-o (\w+)", source_of(name, ident))
            result = run_with(session, source, dry_run=ident == "dry-run", outputs=outputs)
            shown = [display.value for display in result.displays if display.value is not None]
            told = shown or (result.value if result.values or not outputs else result.outputs[outputs[0]])
            found[ident] = json.loads(json.dumps(told, default=list))
        return found


def made_by_python(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what the Python of a notebook hands to its Lua."""
    if name not in TO_LUA:
        return {}
    cell, names = TO_LUA[name]
    folders = {one: str(NOTEBOOKS / parameters[one]) for one in ("before",) if one in parameters}
    namespace = executed(name, cell, parameters | folders)
    return {one: lua_value(namespace[one], one) for one in names}


def executed(name: str, cell: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a notebook after one of its Python cells, which finds these of the cells before it."""
    namespace = {"snapshot": snapshot, **variables}
    exec(source_of(name, cell), namespace)  # noqa: S102 - the notebook's own cell
    return namespace


def usual(kind: str, text: str) -> Any:
    """Return the usual value of a parameter, in whichever language it stands."""
    if kind == "table":
        return json.loads(text.replace("{", "[").replace("}", "]"))
    parameter = parse_declarations(f"x = {text}", PYTHON)[0]
    return value_of(parameter, text.strip('"'))


def cell_of(notebook: str, name: str) -> nbformat.NotebookNode:
    [cell] = [cell for cell in nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells if cell.id == name]
    return cell  # type: ignore[no-any-return] # nbformat has no types


def source_of(notebook: str, name: str) -> str:
    return str(cell_of(notebook, name).source)


def outputs_of(notebook: str, name: str) -> str:
    """Return the text of what a cell shows in the committed notebook."""
    return "\n".join(output.get("text") or output["data"]["text/plain"] for output in cell_of(notebook, name).outputs)
