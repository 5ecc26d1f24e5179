"""The notebooks in `notebooks/`, cell by cell, and what their Lua gives on the demo account."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from kosmo_kernel.frames import frame_of
from kosmo_kernel.parameters import LUA, PYTHON, declared, value_of
from kosmo_kernel.session import Session

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


def cells(name: str) -> list[tuple[str, str]]:
    """The Lua cells of a notebook, by their names."""
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
    """What each cell of a notebook gives on the demo, with these parameters."""
    with Session() as session:
        found = {}
        for ident, source in cells(name):
            if ident == "parameters":
                language = LUA if "--" in source else PYTHON
                values = {p.name: usual(p.kind, p.usual) for p in declared(source, language)}
                session.run("", inputs=values | given)
            else:
                value = session.run(source, dry_run=ident == "dry-run").value
                found[ident] = json.loads(json.dumps(value, default=list))
        return found


def usual(kind: str, text: str) -> Any:
    """The usual value of a parameter, in whichever language it stands."""
    if kind == "table":
        return json.loads(text.replace("{", "[").replace("}", "]"))
    parameter = declared(f"x = {text}", PYTHON)[0]
    return value_of(parameter, text.strip('"'))


def cell_of(notebook: str, name: str) -> nbformat.NotebookNode:
    [cell] = [cell for cell in nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells if cell.id == name]
    return cell  # type: ignore[no-any-return] # nbformat has no types


def source_of(notebook: str, name: str) -> str:
    return str(cell_of(notebook, name).source)


def outputs_of(notebook: str, name: str) -> str:
    """The text of what a cell shows in the committed notebook."""
    return "\n".join(output.get("text") or output["data"]["text/plain"] for output in cell_of(notebook, name).outputs)


def frames(notebook: str, cell: str, *names: str) -> dict[str, Any]:
    """What a cell of Lua hands to Python."""
    with Session() as session:
        lua = dict(cells(notebook))[cell]
        found = session.run(lua, inputs={"account": "demo", "ours": [], "after": ""}, outputs=names).outputs
        return {name: frame_of(found[name]) for name in names}
