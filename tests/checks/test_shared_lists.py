"""Checks of one run ask each list once, and what could not be read is never a pass."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from altered_api import as_default_account

from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.questions.discovery import find_table
from kosmo_kernel.questions.question import parse_question
from kosmo_kernel.session import Session

HEAD = "-- title: T\n-- severity: low\n-- why: W\n-- do: D\n-- scope: read\n-- key: app\n"
DYNOS = "heroku.list_dynos({ app_id = heroku.list_apps() })"
BY_APP = f"list.unique_by(list.map({DYNOS}, function(d) return {{ app = d.app.name }} end), 'app')"
APP = "address-checker"


class RefusingApi:
    """The demo's API, which refuses some paths and counts all of them."""

    def __init__(self) -> None:
        self._api, self._lock = DemoApi(company()), threading.Lock()
        self.refused: dict[str, str] = {}
        self.requested: Counter[str] = Counter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        with self._lock:
            self.requested[path] += 1
        if path not in self.refused:
            return self._api(environ, start_response)
        body = b'{"id": "forbidden", "message": "No access."}'
        start_response(self.refused[path], [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture
def api() -> Iterator[RefusingApi]:
    made = RefusingApi()
    with as_default_account(made):
        yield made


def report_of(*bodies: str) -> QuestionReport:
    return run_questions([parse_question(f"{HEAD}{body}\n", f"own{n}.lua") for n, body in enumerate(bodies)])


def test_all_checks_of_a_run_ask_each_list_once(api: RefusingApi) -> None:
    spoiling = f"local rows = {DYNOS}\nfor _, row in ipairs(rows) do row.app.name = 'spoilt' end\nreturn rows"
    report = report_of(spoiling, *[f"return {BY_APP}"] * 7, "return list.take(heroku.list_apps(), 0)")
    assert {result.reason for result in report.results} == {""}
    assert len({len(result.findings) for result in report.results[1:8]}) == 1
    assert {finding.key["app"] for finding in report.results[0].findings} == {"spoilt"}
    assert "spoilt" not in {finding.key["app"] for result in report.results[1:] for finding in result.findings}
    assert api.requested[f"/apps/{APP}/dynos"] == 1
    assert set(api.requested.values()) == {1}
    assert report.cost is not None
    assert report.cost.requests == sum(api.requested.values())


def test_checks_that_ask_for_different_releases_of_the_same_apps_get_their_own(api: RefusingApi) -> None:
    arguments = ("newest = 1", "newest = 20", "since = '2026-11-19'", "newest = 1")
    asked = "heroku.list_releases({{ app_id = heroku.list_apps(), {} }})"
    name = "list.map({}, function(r) return {{ app = r.app.name .. r.version }} end)"
    bodies = [f"return {name.format(asked.format(argument))}" for argument in arguments]
    together = [{finding.key["app"] for finding in result.findings} for result in report_of(*bodies).results]
    alone = [{finding.key["app"] for finding in report_of(body).results[0].findings} for body in bodies]
    assert together == alone
    assert len({len(names) for names in alone}) == 3


def test_an_app_that_may_not_be_read_is_named_and_findings_about_it_are_withdrawn(api: RefusingApi) -> None:
    api.refused[f"/apps/{APP}/dynos"] = "403 Forbidden"
    dynos, apps = report_of(
        f"return {BY_APP}",
        f"local dynos = {DYNOS}\nreturn list.map(heroku.list_apps(), function(app) return {{ app = app.name }} end)",
    ).results
    for result in (dynos, apps):
        assert result.findings
        assert APP not in {finding.key["app"] for finding in result.findings}
        assert APP in result.reason
        assert [row["app_id"] for row in result.unread] == [APP]
    assert (dynos.withdrawn, apps.withdrawn) == (0, 1)
    assert dynos.explanation == dynos.reason
    assert apps.explanation == f"{apps.reason} (left out, because they may be due to that: 1 finding)"


@pytest.mark.parametrize(
    ("path", "status", "body", "reason"),
    [
        (f"/apps/{APP}/dynos", "403 Forbidden", f"return heroku.list_dynos({{ app_id = {{ '{APP}' }} }})", "403"),
        (f"/apps/{APP}/dynos", "401 Unauthorized", f"return {BY_APP}", "401"),
        (f"/apps/{APP}/dynos", "500 Broken", f"return {BY_APP}", "500"),
        ("/apps", "403 Forbidden", "pcall(heroku.list_apps)\nreturn {}", "403"),
        (f"/apps/{APP}/dynos", "403 Forbidden", f"return {{ app = {BY_APP}[1].app }}", "one table and no list"),
    ],
)
def test_another_failure_makes_the_whole_check_not_checked(
    api: RefusingApi, path: str, status: str, body: str, reason: str
) -> None:
    api.refused[path] = status
    report = report_of(body)
    [result] = report.results
    assert reason in result.reason
    assert (result.status, result.findings, report.exit_code()) == ("not checked", [], 3)


def test_an_interrupt_ends_all_checks_and_leaves_none_as_passed(api: RefusingApi) -> None:
    bodies = [f"return {BY_APP}", "while true do end", *["return {}"] * 8]
    checks = [parse_question(f"{HEAD}{body}\n", f"own{n}.lua") for n, body in enumerate(bodies)]
    report = run_questions(checks, is_cancelled=lambda: bool(api.requested))
    assert report.interrupted
    assert {result.status for result in report.results[1:]} == {"not checked"}
    assert len(report.results) == len(checks)


def test_the_progress_includes_the_lists_that_other_checks_will_need() -> None:
    with Session("demo") as origin:
        shared = origin.shared_services(date(2026, 11, 20))
        shared.needed_later = lambda: {"list_apps", "list_addons", "list_dynos", "list_domains", "list_collaborators"}
        with Session("demo", shared=shared) as session:
            apps = session.run(
                "local apps = heroku.list_apps() heroku.list_dynos({ app_id = apps }) return #apps"
            ).value
        estimate = shared.progress.snapshot().estimate
        shared.close()

    assert estimate is not None
    assert estimate.requests == 2 * apps  # dynos are read, and add-ons are one list of the whole account


def test_a_list_that_the_token_has_no_scope_for_has_its_column_with_the_items() -> None:
    with as_default_account(DemoApi(company(), scopes=("read", "identity"))), Session() as session:
        [teams] = run_questions([find_table("heroku", "teams")], session=session).results

    assert teams.records is not None
    assert {row["members"] for row in teams.records} == {None}
    assert all(type(row["out_of_reach"]) is list for row in teams.records)
    assert [reason for reason in teams.reasons if "list_team_members" in reason]
