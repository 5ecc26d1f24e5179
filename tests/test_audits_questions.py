"""The questions that operators ask: each has its cell, few lines long; and what has changed since an earlier day."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import nbformat
import pytest
from audit_cells import NOTEBOOKS, PATHS, cell_of, cells, frames, source_of

from kosmo_kernel import runbook, snapshot
from kosmo_kernel.demo.company import company
from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.frames import KosmoFrame
from kosmo_kernel.parameters import declared
from kosmo_kernel.session import Session

LINES = 10  # of Lua that a question takes at most
WIDTH = 100  # of a line of code; more does not fit a notebook in a window of usual size
NO_QUESTION = {"parameters", "set-up", "ask", "now", "own", "what-to-try", "findings"}

COMPANY = company()
APPS = COMPANY.apps
ADDONS = [addon for app in APPS for addon in COMPANY.belongings(app).addons]
SEATS = [seat for app in APPS for seat in COMPANY.belongings(app).collaborators]


# --- the questions of operators --------------------------------------------------------------------------------------

QUESTIONS = {
    "on a stack out of support, or changing it at the next build": "stack-and-lifecycle/end-of-life next-build",
    "without a release for long, or ever": "stack-and-lifecycle/quiet",
    "in maintenance, and since when": "stack-and-lifecycle/maintenance",
    "no dynos, and add-ons that are paid for": "dyno-audit/idle",
    "crashed now, for how long, on which release": "dyno-audit/crashed",
    "one-off dynos that were forgotten": "dyno-audit/forgotten",
    "production on Eco and Basic": "dyno-audit/small",
    "dyno cost by app, team and size": "dyno-audit/by-app by-team by-size",
    "add-on cost by app, team and service; contracts": "addon-and-domain-audit/by-app by-team by-service contracts",
    "add-ons that several apps share": "addon-and-domain-audit/shared",
    "add-ons stuck or gone": "addon-and-domain-audit/stuck",
    "databases on entry plans behind production": "addon-and-domain-audit/entry-plans",
    "certificates that fail, and why": "addon-and-domain-audit/failing",
    "domains without a certificate": "addon-and-domain-audit/no-certificate",
    "domains that wait, and where to point them": "addon-and-domain-audit/waiting",
    "people from outside": "access-audit/outside",
    "everything that one leaver can reach": "access-audit/leaver",
    "apps that belong to a person": "access-audit/persons",
    "who may deploy, operate, manage": "access-audit/may matrix",
    "who is federated": "access-audit/federated",
    "apps by region and space": "stack-and-lifecycle/regions",
    "verified, second factor, suspended, behind with payments": "access-audit/me",
    "two releases of one app at once": "dyno-audit/mixed",
    "what has changed": "drift/apps addons people",
    "one app on one page": "incident-runbook/findings state dynos add-ons domains people what-to-try",
}


def test_each_of_the_25_questions_has_its_cells_and_they_show_something() -> None:
    assert len(QUESTIONS) == 25
    for question, place in QUESTIONS.items():
        notebook, _, names = place.partition("/")
        for name in names.split():
            assert cell_of(notebook, name).outputs, (question, name)


# --- how they are written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_question_takes_more_than_ten_lines_of_lua(path: Path) -> None:
    lengths = {name: len(source.splitlines()) for name, source in cells(path.stem) if name not in NO_QUESTION}
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_first_cell_of_code_declares_an_account(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    language = notebook.metadata.kernelspec.language
    assert first.metadata.get("tags") == ["parameters"]
    assert "account" in {parameter.name for parameter in declared(first.source, language)}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_line_of_code_runs_out_of_view(path: Path) -> None:
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [line for source in code for line in source.splitlines() if len(line) > WIDTH] == []


# --- what has changed ------------------------------------------------------------------------------------------------


@cache
def drifted(name: str) -> dict[tuple[str, ...], tuple[str, str]]:
    """What a cell of `drift` shows: what changed, of which thing, and what was and is."""
    namespace = frames("drift", "now", "apps", "addons", "seats") | {"KosmoFrame": KosmoFrame}
    namespace["then"] = snapshot.read(NOTEBOOKS / "larkmoor-2026-10-20")
    exec(source_of("drift", "compare"), namespace)  # noqa: S102 - the notebook's own cell
    *before, last = source_of("drift", name).rsplit("\n", 1)
    exec("".join(before), namespace)  # noqa: S102 - likewise
    rows = eval(last, namespace).to_numpy().tolist()  # noqa: S307 - likewise
    return {tuple(row[:-2]): (row[-2], row[-1]) for row in rows}


def test_drift_shows_what_is_new_gone_or_different() -> None:
    then = {}
    for name in ("apps", "addons", "collaborators"):
        lines = (NOTEBOOKS / "larkmoor-2026-10-20" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        then[name] = [json.loads(line) for line in lines]
    for cell, key, old, new in (
        ("apps", lambda r: (r["name"],), then["apps"], APPS),
        ("addons", lambda r: (r["app"]["name"], r["name"]), then["addons"], ADDONS),
        ("people", lambda r: (r["app"]["name"], r["user"]["email"]), then["collaborators"], SEATS),
    ):
        before, now = {key(r) for r in old}, {key(r) for r in new}
        found = drifted(cell)
        assert {row[1:] for row in found if row[0] == "added"} == now - before != set()
        assert {row[1:] for row in found if row[0] == "removed"} == before - now != set()
        assert {row[1:] for row in found if row[0] not in ("added", "removed")} <= now & before
    was = {r["name"]: (r["stack"]["name"], r["owner"]["email"], r["maintenance"]) for r in then["apps"]}
    now_is = {r["name"]: (r["stack"]["name"], r["owner"]["email"], r["maintenance"]) for r in APPS}
    told = {
        (column, name): (str(old), str(new))
        for name in was.keys() & now_is.keys()
        for column, old, new in zip(("stack.name", "owner.email", "maintenance"), was[name], now_is[name], strict=True)
        if old != new
    }
    found = {
        row: facts for row, facts in drifted("apps").items() if row[0] in {"stack.name", "owner.email", "maintenance"}
    }
    assert found == told != {}


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
def test_drift_compares_two_snapshots_and_asks_nobody(tmp_path: Path) -> None:
    with Session("demo") as session:
        snapshot.take(session, tmp_path / "later")
    drift = runbook.read(NOTEBOOKS / "drift.ipynb")
    report = runbook.run(drift, {"after": str(tmp_path / "later")}, tmp_path / "copy.ipynb")
    assert (report.error, report.requests) == (None, 0)
    shown = {cell.id: cell.outputs for cell in nbformat.read(report.output, as_version=4).cells if "outputs" in cell}
    for name in ("apps", "addons", "people"):
        [output] = shown[name]
        assert output.data["text/plain"] == cell_of("drift", name).outputs[0].data["text/plain"]


@pytest.mark.parametrize("name", ["addon-and-domain-audit", "dyno-audit", "incident-runbook", "stack-and-lifecycle"])
def test_a_moment_that_is_none_is_refused_by_its_name(name: str) -> None:
    sources = [source for ident, source in cells(name) if ident not in ("parameters", "dry-run")]
    given = {"account": "demo", "name": "my-app", "forgotten_hours": 24, "at": "yesterday"}
    with Session() as session, pytest.raises(LuaRuntimeError, match=r"`at` is no moment such as .*Z: yesterday"):
        session.run(sources[0], inputs=given)
