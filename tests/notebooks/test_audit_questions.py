"""The questions that operators ask: each has one cell of few lines that answers it. And what has changed since then."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from repository import NOTEBOOKS
from audit_cells import PATHS, answers, cell_of, cells
from audit_cells import IN_PYTHON, ON_REQUEST, QUESTIONS

from kosmo_kernel import archive, runbook, snapshot
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.runbook.notebook import parse_declarations
from kosmo_kernel.session import Session
from run_with import run_with

LINES = 10  # of Lua that a cell has at most: the one of a question, and any other
WIDTH = 100  # of a line of code; more does not fit a notebook in a window of usual size

COMPANY = company()
APPS = COMPANY.apps


# --- the questions of operators --------------------------------------------------------------------------------------



def test_each_of_the_25_questions_has_one_cell_of_lua_that_answers_it() -> None:
    assert len(set(QUESTIONS.values())) == len(QUESTIONS) == 25
    for question, place in QUESTIONS.items():
        notebook, _, name = place.partition("/")
        assert cell_of(notebook, name).cell_type == "code", question
        assert place in ON_REQUEST | IN_PYTHON or answers(notebook)[name], question


# --- how they are written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_cell_takes_more_than_ten_lines_of_lua(path: Path) -> None:
    lengths = {name: len(source.splitlines()) for name, source in cells(path.stem)}
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_first_cell_of_code_declares_an_account(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    language = notebook.metadata.kernelspec.language
    assert first.metadata.get("tags") == ["parameters"]
    assert "account" in {parameter.name for parameter in parse_declarations(first.source, language)}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_line_of_code_runs_out_of_view(path: Path) -> None:
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [line for source in code for line in source.splitlines() if len(line) > WIDTH] == []


# --- what has changed ------------------------------------------------------------------------------------------------


def text(value: Any) -> str | None:
    return {True: "yes", False: "no"}.get(value, value and str(value)) if not isinstance(value, str) else value


def facts(lists: dict[str, list[Any]]) -> dict[tuple[str, str, str], str | None]:
    """Return what is compared of an account, by the app, the thing and what is stated of it."""
    found: dict[tuple[str, str, str], str | None] = {}
    for app in lists["apps"]:
        stack, build = app["stack"]["name"], app["build_stack"]["name"]
        stated = {"owner": app["owner"]["email"], "team": app["team"] and app["team"]["name"], "stack": stack}
        stated |= {"maintenance": text(app["maintenance"]), "stack of the next build": build if build != stack else None}
        found |= {(app["name"], "app", what): value for what, value in stated.items()}
    for one in lists["dynos"]:
        for what in ("size", "state"):
            found[one["app"]["name"], f"dyno {one['name']}", what] = one[what]
    for one in lists["domains"]:
        thing = f"domain {one['hostname']}"
        endpoint = one["sni_endpoint"] and one["sni_endpoint"]["name"]
        stated = {"DNS": one["status"], "DNS target": one["cname"], "certificate": one["acm_status"]}
        stated["certificate endpoint"] = endpoint
        found |= {(one["app"]["name"], thing, what): value for what, value in stated.items()}
    for one in lists["addons"]:
        found[one["app"]["name"], f"add-on {one['name']}", "plan"] = one["plan"]["name"]
        found[one["app"]["name"], f"add-on {one['name']}", "state"] = one["state"]
    for seat in lists["collaborators"]:
        may = ", ".join(sorted(permission["name"] for permission in seat.get("permissions") or []))
        thing = f"seat of {seat['user']['email']}"
        found[seat["app"]["name"], thing, "permissions"] = may or seat.get("role") or "collaborator"
    return found


def test_drift_shows_what_is_new_gone_or_different() -> None:
    saved, snapshot_file = {}, archive.SavedSnapshot(NOTEBOOKS / "larkmoor-2026-10-20.kosmo")
    for name in ("apps", "dynos", "domains", "addons", "collaborators"):
        saved[name] = list(snapshot_file.records(name))
    of_apps = [COMPANY.resources_of(app) for app in APPS]
    live = {"apps": APPS} | {
        name: [row for things in of_apps for row in getattr(things, name)]
        for name in ("dynos", "domains", "all_addons", "collaborators")
    }
    live["addons"] = live.pop("all_addons")
    before, now = facts(saved), facts(live)
    changed = {app["name"] for app in saved["apps"]} ^ {app["name"] for app in APPS}
    things = {key[:2] for key in before}, {key[:2] for key in now}
    expected = set()
    for app, thing in things[0] | things[1]:
        if app in changed:
            expected |= {(app, "app", "new" if app in {one["name"] for one in APPS} else "gone")}
        elif (app, thing) not in things[0] or (app, thing) not in things[1]:
            expected.add((app, thing, "new" if (app, thing) in things[1] else "gone"))
        else:
            of_thing = [key for key in before.keys() | now.keys() if key[:2] == (app, thing)]
            expected |= {key for key in of_thing if before.get(key) != now.get(key)}
    found = answers("drift")["changes"]
    others = ("process ", "config var ", "log drain to ")  # `tests/snapshot/test_drift.py` has these
    compared = [row for row in found if not row["thing"].startswith(others)]
    assert {(row["app"], row["thing"], row["change"]) for row in compared} == expected
    assert len(compared) == len(expected)
    for row in compared:
        if row["change"] not in ("new", "gone"):
            key = row["app"], row["thing"], row["change"]
            values = [None if pd.isna(value) else value for value in (row["before"], row["now"])]
            assert values == [before.get(key), now.get(key)]
    assert {row["change"] for row in found} >= {"new", "gone", "maintenance", "stack", "quantity", "value"}


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
def test_drift_compares_two_snapshots_and_asks_nobody(tmp_path: Path) -> None:
    with Session("demo") as session:
        snapshot.take(session, tmp_path / "later", every=True)
    drift = runbook.read(NOTEBOOKS / "drift.ipynb")
    report = runbook.run(drift, {"after": str(tmp_path / "later")}, tmp_path / "copy.ipynb")
    assert (report.error, report.requests) == (None, 0)
    shown = {cell.id: cell.outputs for cell in nbformat.read(report.output, as_version=4).cells if "outputs" in cell}
    [output] = shown["changes"]
    assert output.data["text/plain"] == cell_of("drift", "changes").outputs[0].data["text/plain"]


@pytest.mark.parametrize("at", ["yesterday", "x2026-11-20T09:00:00Z", "2026-02-30T09:00:00Z"])
@pytest.mark.parametrize("name", ["dyno-audit", "incident"])
def test_a_moment_that_is_none_is_refused(name: str, at: str) -> None:
    [source] = [source for ident, source in cells(name) if ident == "ages"]
    told = rf'expected a time such as "2026-11-20T09:00:00Z", got "{re.escape(at)}"'
    with Session() as session, pytest.raises(LuaRuntimeError, match=told):
        run_with(session, source, inputs={"account": "demo", "at": at})
