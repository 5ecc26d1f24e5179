"""All tables and checks have the same answers from an account, from its snapshot, and from a recording."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from full_matrix import full_except
from kosmo_command import kosmo
from repository import ROOT

from kosmo_kernel import snapshot
from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.demo import NOW
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.questions.discovery import find_table, shipped_checks, table_names
from kosmo_kernel.session import Session
from kosmo_kernel.text import Moment

SMALL = (4, 7)  # apps of a generated company, and what it is generated from
COMPANIES = full_except([None, SMALL, (20, 1), (20, 2), (20, 3)], SMALL)  # None is the one of the demo
DAY = datetime.fromisoformat(NOW)
TABLES = [find_table(HEROKU.name, name) for name in table_names(HEROKU.name)]


@pytest.fixture(params=COMPANIES, ids=str)
def account(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve the demo company, or a generated one, as the default account."""
    apps, seed = request.param or (None, 0)
    with serve(DemoApi(company(apps, seed=seed), capacity=10**9)) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        yield


def ask(session: Session) -> QuestionReport:
    return run_questions([*TABLES, *shipped_checks()], session=session, now=DAY)


def answers(report: QuestionReport) -> dict[str, Any]:
    """Return what a user sees of each question: its rows, and what could not be read."""
    return {
        result.question.name: (
            None if result.records is None else list(result.records),
            [(failure.get("status"), failure["type"]) for failure in result.unread],
            bool(result.reasons),
        )
        for result in report.results
    }


def requests(report: QuestionReport) -> int:
    return report.cost.requests if report.cost else 0


@pytest.mark.usefixtures("account")
def test_a_snapshot_answers_all_questions_as_the_account_does(tmp_path: Path) -> None:
    file = tmp_path / "saved.kosmo"
    with Session("default") as session:
        snapshot.take(session, file, every=True)
        live = ask(session)
    with Session(from_archive=file) as session:
        saved = ask(session)
    assert answers(saved) == answers(live)
    assert any(rows for rows, _, _ in answers(live).values())


@pytest.mark.usefixtures("account")
def test_a_recording_answers_all_questions_with_as_many_requests(tmp_path: Path) -> None:
    file = tmp_path / "audit.kosmo"
    with Session("default", record=file) as session:
        live = [ask(session), ask(session)]  # the second one asks again for what could not be read
    with Session(from_archive=file) as session:
        replayed = [ask(session), ask(session)]
    assert [answers(report) for report in replayed] == [answers(report) for report in live]
    assert [requests(report) for report in replayed] == [requests(report) for report in live]
    assert requests(live[1]) < requests(live[0]) / 20
    assert [report.from_store for report in replayed] == [report.from_store for report in live]


def test_an_archive_has_no_age_however_long_a_session_keeps_its_answers(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot.take(session, tmp_path / "saved.kosmo")
    with Session(from_archive=tmp_path / "saved.kosmo") as saved:
        for seconds in (0, 300):
            now = Moment.now()
            monkeypatch.setattr(Moment, "now", lambda now=now, by=seconds: Moment(now.clock + by, now.seconds + by))
            report = run_questions([find_table(HEROKU.name, "stacks")], session=saved, account="default")
            assert (report.read_at, report.age_note) == (None, "")


NOTEBOOKS = ["access-audit", "costs", "deadlines", "drift", "dyno-audit", "first-steps", "incident"]
ABOUT_THE_ARCHIVE = ("Fictional data:", "Answered from ")


def shown(copy: Path) -> list[str]:
    """Return the lines of all outputs of a notebook, without those that say that an archive answered."""
    cells = nbformat.read(copy, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return [line for text in texts for line in text.splitlines() if line and not line.startswith(ABOUT_THE_ARCHIVE)]


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_an_archive_answers_a_notebook_as_the_account_does(name: str, everything: Path, tmp_path: Path) -> None:
    notebook, live, saved = ROOT / "notebooks" / f"{name}.ipynb", tmp_path / "live.ipynb", tmp_path / "saved.ipynb"
    runs = [
        kosmo("run", str(notebook), "-o", str(live), "--demo", env={"KOSMO_DEMO": ""}),
        kosmo("run", str(notebook), "-o", str(saved), "--from", str(everything), env={"KOSMO_DEMO": ""}),
    ]
    assert [run.returncode for run in runs] == [0, 0]
    assert len(shown(live)) > 5
    assert shown(saved) == shown(live)
