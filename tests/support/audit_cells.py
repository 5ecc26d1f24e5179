"""The cells of the notebooks in `notebooks/`: what their Lua gives on the demo, and which questions they answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import chdir
from functools import cache, partial
from typing import Any

import nbformat
from IPython.utils.capture import capture_output
from python_shell import Shell, run
from repository import NOTEBOOKS
from run_with import run_with

from kosmo_kernel import snapshot
from kosmo_kernel.checks.cell import ask_in_cell, set_lua_variable
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.results import Result
from kosmo_kernel.runbook.notebook import LUA, PYTHON, parse_declarations
from kosmo_kernel.session import Session
from kosmo_kernel.values.lua_literals import value_of

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
# Python cells between checks, in the order of the notebook, each named after a variable that it sets.
PYTHON_CELLS = {"access-audit": ("guests",), "drift": ("drift", "changes")}
SHOWS: dict[str, Any] = {"display": print, "Markdown": str}  # what these cells show is of no interest
CHECK = "%kosmo check "


def cells(name: str) -> list[tuple[str, str]]:
    """Return the Lua cells of a notebook and the cells of checks, by their names."""
    found = []
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    python = notebook.metadata.kernelspec.language == PYTHON
    for cell in notebook.cells:
        first, _, rest = cell.source.partition("\n")
        if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", ()):
            continue
        if first.startswith("%%kosmo_lua"):
            found.append((cell.id, rest))
        elif not python or cell.id in ("parameters", *PYTHON_CELLS.get(name, ())) or first.startswith(CHECK):
            found.append((cell.id, cell.source))
    return found


@cache
def answers(name: str, /, **given: str) -> dict[str, Any]:
    """Return what each cell gives on the demo with these parameters: its output, its value, or what Python gets."""
    found: dict[str, Any] = {}
    with Session() as session:
        variables: dict[str, Any] = {}  # of Python
        for ident, source in cells(name):
            if ident == "parameters":
                language = LUA if "--" in source else PYTHON
                values = {p.name: usual(p.kind, p.default) for p in parse_declarations(source, language)} | given
                run_with(session, "", inputs=values)
                variables = {**values, **SHOWS, "snapshot": snapshot} if language == PYTHON else {}
            elif source.startswith(CHECK):
                found[ident] = findings(source, session, variables)
            elif ident in PYTHON_CELLS.get(name, ()):
                with chdir(NOTEBOOKS):
                    exec(source, variables)  # noqa: S102 - the notebook's own cell
                if hasattr(variables[ident], "to_dict"):  # a frame
                    found[ident] = variables[ident].to_dict("records")
            else:
                found[ident] = told_by_lua(name, ident, source, session, variables)
    return found


def told_by_lua(name: str, ident: str, source: str, session: Session, variables: dict[str, Any]) -> Any:
    """Return what a Lua cell gives: what it displays, its value, or what Python gets."""
    first = source_of(name, ident).partition("\n")[0]
    outputs = re.findall(r"-o (\w+)", first)
    taken = {one for names in re.findall(r"-i (\S+)", first) for one in names.split(",")}
    inputs = {one: variables[one] for one in taken & variables.keys()}
    result = run_with(session, source, dry_run=ident == "dry-run", inputs=inputs, outputs=outputs)
    value = result.value if result.values or not outputs else result.outputs[outputs[0]]
    return as_json(shown_by(result) or value)


def shown_by(result: Result) -> list[Any]:
    """Return the values that a run displayed."""
    return [display.value for display in result.displays if display.value is not None]


def as_json(value: Any) -> Any:
    """Return what a value is after a round trip through JSON."""
    return json.loads(json.dumps(value, default=list))


@cache
def incident_page(app: str) -> tuple[dict[str, Any], str]:
    """Return what each cell of the page of an incident gives for an app of the demo, and all text of these cells."""
    values, texts = {}, []
    with Session("demo") as session:
        run_with(session, "", inputs={"account": "demo", "name": app, "at": ""})
        for ident, source in cells("incident"):
            if ident not in ("parameters", "dry-run", "what-to-try"):
                result = session.run(source)
                values[ident] = as_json(shown_by(result) or result.value)
                shown = [display.bundle["text/plain"] for display in result.displays]
                texts += [] if ident == "headline" else shown
    return values, "\n".join(texts)


def findings(line: str, session: Session, variables: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a check finds; `variables` are those of Python, none in a Lua notebook."""
    context = NotebookContext(
        session,
        bool(variables),
        variables,
        ask=ask_in_cell,
        set_variable=variables.__setitem__ if variables else partial(set_lua_variable, session),
    )
    return [dict(row) for row in run_command(line.removeprefix("%kosmo "), context)]


def executed(name: str, cell: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a notebook after one of its Python cells, which finds these of the cells before it."""
    namespace = {"snapshot": snapshot, **variables}
    exec(source_of(name, cell), namespace)  # noqa: S102 - the notebook's own cell
    return namespace


def shown_in_shell(shell: Shell, name: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Run a Python notebook in an IPython shell with these parameters, and return what each cell shows, as text."""
    shown = {}
    for cell in nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            with capture_output() as captured:
                run(shell, cell.source).raise_error()
            texts = [output.data.get("text/plain", "") for output in captured.outputs]
            shown[cell.id] = captured.stdout + "\n".join(texts)
            shell.push(parameters if cell.id == "parameters" else {})
    return shown


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


QUESTIONS = {
    "on a stack out of support, or changing it at the next build": "dyno-audit/old-stacks",
    "without a release for long, or ever": "dyno-audit/quiet",
    "in maintenance, and since when": "dyno-audit/maintenance",
    "no dynos, and add-ons that are paid for": "dyno-audit/idle",
    "crashed now, for how long, on which release": "dyno-audit/crashed",
    "one-off dynos that were forgotten": "dyno-audit/forgotten",
    "production on Eco and Basic": "dyno-audit/small",
    "dyno cost by app, team and size": "dyno-audit/cost",
    "add-on cost by app, team and service": "dyno-audit/add-ons-by-service",
    "add-ons that several apps share": "dyno-audit/shared",
    "add-ons stuck or gone": "dyno-audit/stuck",
    "databases on entry plans behind production": "dyno-audit/entry-plans",
    "certificates that fail, and why": "dyno-audit/failing",
    "domains without a certificate": "dyno-audit/no-certificate",
    "domains that wait, and where to point them": "dyno-audit/waiting",
    "people from outside": "access-audit/outside",
    "everything that one leaver can reach": "access-audit/leaver",
    "apps that belong to a person": "access-audit/persons",
    "who may deploy, operate, manage": "access-audit/may",
    "who is federated": "access-audit/federated",
    "apps by region, space and generation": "dyno-audit/regions",
    "verified, second factor, suspended, behind with payments": "access-audit/me",
    "two releases of one app at once": "dyno-audit/mixed",
    "what has changed": "drift/changes",
    "one app on one page": "incident/state",
}

IN_PYTHON = {"dyno-audit/add-ons-by-service"}  # cells that `test_audits.py` reads as they are shown
ON_REQUEST = {"access-audit/leaver"}  # a cell that does nothing without a parameter; `test_leavers.py` runs it
