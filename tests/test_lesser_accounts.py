"""Accounts that lack one thing: apps, teams or add-ons. Every report runs on them, and says what is not there.

The numbers are held against plain HTTP, as those of a whole company are in `test_reports_agree.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from altered_api import as_default_account
from clean_company import clean_company
from executed_notebook import executed
from full_matrix import full_except
from lesser_accounts import ACCOUNTS
from plain_http import TODAY, PlainAccount, is_person

from kosmo_kernel import snapshot
from kosmo_kernel.checks.inventory import from_account
from kosmo_kernel.checks.inventory_folder import write
from kosmo_kernel.checks.report import QuestionReport, looked_at
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.questions.discovery import find_table, shipped_checks, table_names
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

AT = f"{TODAY}T09:00:00Z"
NOW = datetime.fromisoformat(AT)
# For each account the tables without a row, what passing checks looked at, and what the inventory has none of.
EMPTY_TABLES = {
    "no apps": {
        *("access", "addon_attachments", "addons", "apps", "buildpacks", "certificates", "config_vars", "databases"),
        *("domains", "drains", "dyno_sizes", "formation", "maintenances", "pipeline_stages", "pipelines"),
        *("review_apps", "sni_endpoints", "stages", "webhooks"),
    },
    "no teams": {"team_members", "teams", "spaces", "space_access"},
    "no add-ons": {"addon_attachments", "addons", "databases", "maintenances"},
}
LOOKED_AT = {"no apps": "0 apps", "no teams": "0 teams", "no add-ons": "0 addons"}
NOT_THERE = {
    "no apps": ("apps", "processes", "add-ons", "domains", "databases"),
    "no teams": ("teams", "team members"),
    "no add-ons": ("add-ons", "add-on attachments", "databases"),
}
NOTEBOOKS = full_except(("access-audit", "costs", "deadlines", "dyno-audit", "first-steps"), "access-audit", "costs")


@dataclass
class Reports:
    """The reports on one account: the rows of each table, the checks, the inventory and plain HTTP."""

    name: str
    url: str
    plain: PlainAccount
    tables: dict[str, Records]
    checks: QuestionReport
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        """The summary of the inventory."""
        summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_bytes())
        return summary


@pytest.fixture(scope="module", params=ACCOUNTS)
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    company = ACCOUNTS[request.param]()
    with as_default_account(DemoApi(company, capacity=10**9)) as url:
        plain = PlainAccount(url, DEMO_TOKEN)
        with Session() as session:
            session.run(f'time.set_now("{AT}")')
            parameters = {
                "usd_a_month": -1,
                "leavers": ["nobody@larkmoor.example"],
                "changed-lately.days": 30,
                "regions": ["us"],
            }
            checks = run_questions(shipped_checks(), parameters=parameters, now=NOW, session=session)
            tables = run_questions([find_table("heroku", name) for name in table_names("heroku")], session=session)
            folder = tmp_path_factory.mktemp("lesser") / "inventory"
            write(from_account(session), folder)
        rows = {one.question.name: one.records if one.records is not None else Records([]) for one in tables.results}
        yield Reports(request.param, url, plain, rows, checks, folder)
        plain.close()


def test_the_tables_of_what_is_missing_are_empty_and_have_their_columns(reports: Reports) -> None:
    empty = {name for name, rows in reports.tables.items() if not len(rows)}
    assert empty == EMPTY_TABLES[reports.name]
    assert all(rows.columns for rows in reports.tables.values())


def test_every_check_runs_and_says_what_it_looked_at(reports: Reports) -> None:
    forbidden = {"database-versions-between-stages", "databases-without-backups"}  # one database of the demo
    assert {one.question.name for one in reports.checks.results if one.reason} <= forbidden
    passed = [one for one in reports.checks.results if one.status == "passed" and not one.findings]
    assert LOOKED_AT[reports.name] in looked_at(passed)
    assert [one.question.name for one in passed if not one.looked_at] == ["account-health"]  # it reads no list


def test_an_empty_table_says_what_was_looked_at(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_URL", reports.url)
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    for name in sorted(EMPTY_TABLES[reports.name])[:3]:
        with Session() as session:
            result = session.run(f"return heroku.tables.{name}()")
        assert [note for note in result.shown_notes if note.startswith("What was looked at: ") and " 0 " in note]


def test_the_inventory_is_whole_and_names_what_there_is_none_of(reports: Reports) -> None:
    page, summary = (reports.folder / "index.html").read_text(), reports.summary
    databases = len(reports.tables["databases"])
    assert {one["list"] for one in summary["unread"]} == ({"database", "backup_schedules"} if databases else set())
    sentence = page.rpartition("There are none of these: ")[2].partition("<")[0]
    for thing in NOT_THERE[reports.name]:
        assert thing in sentence
    assert set(summary["not_told"]) >= {"jobs of Heroku Scheduler", "DNS records", "values of config vars"}


def test_the_numbers_are_those_of_plain_http(reports: Reports) -> None:
    plain, tables, figures = reports.plain, reports.tables, reports.summary["key_figures"]
    dollars = (plain.app_cents.total() + plain.eco_cents) / 100
    assert len(tables["apps"]) == figures["apps"] == len(plain.apps)
    assert sum(map(len, plain.formation.values())) == figures["processes"] == len(tables["formation"])
    assert sum(row["cents"] or 0 for row in tables["costs"]) / 100 == figures["monthly cost"] == dollars
    assert {row["name"] for row in tables["costs"] if row["cents"] is None} == plain.unpriced
    assert {(row["app"], row["email"]) for row in tables["access"]} == plain.reach
    assert {(row["app"], row["email"]) for row in tables["access"] if row["seat"]} == plain.seats
    people = {email for _, email in plain.reach} | {one["email"] for of in plain.members.values() for one in of}
    assert {row["email"] for row in tables["people"]} >= {one for one in people if is_person(one)}
    [bill] = [one for one in reports.checks.results if one.question.name == "total-bill"]
    assert bill.findings[0].record["usd_a_month"] == dollars


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_each_notebook_runs_to_its_end(reports: Reports, notebook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_URL", reports.url)
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    values = executed(notebook, account="default", at=AT)
    figures = values.get("figures")
    named = dict(figures) if isinstance(figures, dict) else {row["figure"]: row["value"] for row in figures or ()}
    if notebook == "costs":
        cents = reports.plain.app_cents.total() + reports.plain.eco_cents
        assert named["monthly cost, $"] == cents / 100
    if notebook == "access-audit":
        assert named["people"] == len({email for _, email in reports.plain.reach})


def test_apps_with_null_fields_end_no_report(tmp_path: Path) -> None:
    whole = clean_company(5, 2)
    whole.every_app = deepcopy(whole.apps)  # the look-alike makes invoices of these
    for number, app in enumerate(whole.apps):
        app.update(build_stack=None, owner=None, generation=[None, {"id": app["id"]}][number % 2])
    questions = [*shipped_checks(), *(find_table("heroku", name) for name in table_names("heroku"))]
    with as_default_account(DemoApi(whole, capacity=10**9)), Session() as session:
        report = run_questions(questions, now=NOW, session=session)
        written = write(from_account(session), tmp_path / "inventory")
        saved = snapshot.take(session, tmp_path / "all.kosmo", every=True)
    assert [(one.question.name, one.reason) for one in report.results if one.reason] == []
    assert (written["complete"], saved.manifest.complete) == (True, True)
    [stacks] = [one.records or () for one in report.results if one.question.name == "stacks"]
    assert sum(row["apps"] for row in stacks) == len(whole.apps)
