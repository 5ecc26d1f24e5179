"""The questions that operators ask: each has one cell of few lines that answers it. And what has changed since then."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from repository import NOTEBOOKS
from audit_cells import PATHS, answers, cell_of, cells, made_by_python
from audit_questions import QUESTIONS

from kosmo_kernel import runbook, snapshot
from kosmo_kernel.demo.company import company
from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.runbook.parameters import parse_declarations
from kosmo_kernel.session import Session
from run_with import run_with

LINES = 10  # of Lua that a cell has at most: the one of a question, and any other
ON_REQUEST = {"access-audit/leaver"}  # a cell that does nothing without a parameter; `test_leavers.py` runs it
WIDTH = 100  # of a line of code; more does not fit a notebook in a window of usual size

COMPANY = company()
APPS = COMPANY.apps
ADDONS = [addon for app in APPS for addon in COMPANY.resources_of(app).addons]
SEATS = [seat for app in APPS for seat in COMPANY.resources_of(app).collaborators]


# --- the questions of operators --------------------------------------------------------------------------------------



def test_each_of_the_25_questions_has_one_cell_of_lua_that_answers_it() -> None:
    assert len(set(QUESTIONS.values())) == len(QUESTIONS) == 25
    for question, place in QUESTIONS.items():
        notebook, _, name = place.partition("/")
        assert cell_of(notebook, name).cell_type == "code", question
        assert place in ON_REQUEST or answers(notebook)[name], question


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


def facts(apps: list[Any], addons: list[Any], seats: list[Any]) -> dict[tuple[str, str], str]:
    """Return what is compared of an account, by the app and its own name."""
    found = {}
    for app in apps:
        stack, build = app["stack"]["name"], app["build_stack"]["name"]
        found[app["name"], "owner"] = app["owner"]["email"]
        runs = stack + (f", next {build}" if build != stack else "")
        found[app["name"], "stack"] = runs + (", in maintenance" if app["maintenance"] else "")
    for one in addons:
        found[one["app"]["name"], one["name"]] = f"{one['plan']['name']}, {one['state']}"
    for seat in seats:
        may = ", ".join(sorted(permission["name"] for permission in seat.get("permissions") or []))
        found[seat["app"]["name"], seat["user"]["email"]] = may or seat.get("role") or "collaborator"
    return found


def test_drift_shows_what_is_new_gone_or_different() -> None:
    saved = []
    for name in ("apps", "addons", "collaborators"):
        lines = (NOTEBOOKS / "larkmoor-2026-10-20" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        saved.append([json.loads(line) for line in lines])
    before, now = facts(*saved), facts(APPS, ADDONS, SEATS)
    both = {key: (before.get(key, ""), now.get(key, "")) for key in before | now}
    told = {key: sides for key, sides in both.items() if sides[0] != sides[1]}
    found = answers("drift")["changes"]
    assert {(row["app"], row["what"]): (row["before"], row["now"]) for row in found} == told
    assert [list(row) for row in found] == [["app", "what", "before", "now"]] * len(told)
    new, gone = [key for key in told if key not in before], [key for key in told if key not in now]
    assert len(told) - len(new) - len(gone) > 0 < min(len(new), len(gone))


def test_drift_leaves_out_what_could_not_be_read_on_both_days() -> None:
    source = dict(cells("drift"))
    lost = {"apps": [], "addons": [], "collaborators": [], "unread": ["van-telemetry"]}
    with Session("demo") as session:
        run_with(session, "", inputs=made_by_python("drift", {"before": "larkmoor-2026-10-20", "after": ""}))
        session.run('account = "demo"; was.unread = { "price-quotes" }')
        printed = session.run(source["all"] + "\n" + source["now"]).output
        session.run(source["words"] + "\n" + source["facts"])
        rows = session.run(source["changes"]).value
        assert {"customs-forms", "van-telemetry"} <= {row["app"] for row in rows}
        assert "price-quotes" not in {row["app"] for row in rows}
        assert "Left out: price-quotes\n" in printed
        run_with(session, "now = lost", inputs={"lost": lost})
        session.run(source["now"])
        session.run(source["facts"])
        assert "van-telemetry" not in {row["app"] for row in session.run(source["changes"]).value}


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
def test_drift_compares_two_snapshots_and_asks_nobody(tmp_path: Path) -> None:
    with Session("demo") as session:
        snapshot.take(session, tmp_path / "later")
    drift = runbook.read(NOTEBOOKS / "drift.ipynb")
    report = runbook.run(drift, {"after": str(tmp_path / "later")}, tmp_path / "copy.ipynb")
    assert (report.error, report.requests) == (None, 0)
    shown = {cell.id: cell.outputs for cell in nbformat.read(report.output, as_version=4).cells if "outputs" in cell}
    [output] = shown["changes"]
    assert output.data["text/plain"] == cell_of("drift", "changes").outputs[0].data["text/plain"]


@pytest.mark.parametrize("at", ["yesterday", "x2026-11-20T09:00:00Z", "2026-02-30T09:00:00Z"])
@pytest.mark.parametrize("name", ["addon-and-domain-audit", "dyno-audit", "incident-runbook", "stack-and-lifecycle"])
def test_a_moment_that_is_none_is_refused(name: str, at: str) -> None:
    [source] = [source for ident, source in cells(name) if ident == "ages"]
    told = rf'expected a time such as "2026-11-20T09:00:00Z", got "{re.escape(at)}"'
    with Session() as session, pytest.raises(LuaRuntimeError, match=told):
        run_with(session, source, inputs={"account": "demo", "at": at})
