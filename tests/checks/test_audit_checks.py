"""The shipped checks of the audits: each finds what the demo company's records have, and nothing in a tidy company."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clean_company import clean_company

from kosmo_kernel.checks.report import QuestionReport, QuestionResult
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.demo import NOW, ago
from kosmo_kernel.integrations.heroku.demo import api
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.company_data import JUNO, TEAM, account_record
from kosmo_kernel.integrations.heroku.demo.models import AddOn, App, Collaborator, Domain, Dyno
from kosmo_kernel.integrations.heroku.functions import AS_OF, MAX_AGE_DAYS
from kosmo_kernel.questions.discovery import shipped_checks

COMPANY = company()
APPS = COMPANY.apps
OF = {app["name"]: COMPANY.resources_of(app) for app in APPS}
DYNOS = [dyno for app in OF.values() for dyno in app.dynos]
REGULAR = [dyno for dyno in DYNOS if dyno["type"] not in ("run", "scheduler")]
ADDONS = [addon for app in OF.values() for addon in app.addons]
USED = [addon for app in OF.values() for addon in app.all_addons]
BILLED = [a for a in ADDONS if a["state"] != "deprovisioned" and a["billed_price"]]
PROCESSES = [process for app in APPS for process in COMPANY.formation(app)]
RUNNING = {process["app"]["name"] for process in PROCESSES if process["quantity"]}
DOMAINS = [domain for app in OF.values() for domain in app.domains]
SEATS = [seat for app in OF.values() for seat in app.collaborators]
MEMBERS = {team["name"]: COMPANY.members(team) for team in COMPANY.teams}
LEAVER = "tom.ashby@postbox.example"

# The parameters that make a check find something in the demo company, where the defaults do not.
GIVEN = {
    "leavers.leavers": [LEAVER.upper()],
    "dyno-costs.usd_a_month": 700,
    "add-on-costs.usd_a_month": 340,
    "regions-in-use.regions": ["us"],
    "changed-lately.days": 2,
    "app-health.app_name": "wholesale-portal",
}


def hours(since: str) -> float:
    return (datetime.fromisoformat(NOW) - datetime.fromisoformat(since)) / timedelta(hours=1)


def domain_of(seat: dict[str, Any]) -> str:
    return str(seat["user"]["email"]).partition("@")[2]


def in_a_month(app: str) -> float:
    sizes = {"basic": 7, "standard-1x": 25, "standard-2x": 50, "performance-m": 250, "private-m": 450, "eco": 0}
    sizes |= {"performance-l": 500, "private-s": 225, "dyno-1c-0.5gb": 25, "dyno-1c-4gb": 80, "dyno-2c-1gb": 50}
    return sum(sizes[one["size"].lower()] * int(one["quantity"]) for one in PROCESSES if one["app"]["name"] == app)


def add_ons_in_a_month(app: str) -> float:
    prices = [addon["billed_price"] for addon in BILLED if addon["app"]["name"] == app]
    return float(sum(price["cents"] / 100 for price in prices if not price["contract"]))


def releases_of(app: str) -> set[int]:
    return {dyno["release"]["version"] for dyno in REGULAR if dyno["app"]["name"] == app}


def users() -> dict[str, list[str]]:
    by_addon = defaultdict(list)
    for name, app in OF.items():
        for addon in app.all_addons:
            by_addon[addon["name"]].append(name)
    return by_addon


def ranks(seat: dict[str, Any]) -> set[str]:
    """Return the roles of a collaborator in the team of the app."""
    [team] = [app["team"] for app in APPS if app["name"] == seat["app"]["name"]]
    return {m["role"] for m in MEMBERS[team["name"]] if m["email"] == seat["user"]["email"]} if team else set()


def certificates_on(app: str) -> bool:
    return any(one["acm"] for one in APPS if one["name"] == app)


def keys(records: list[dict[str, Any]], name: str = "name") -> set[tuple[str, ...]]:
    return {(record["app"]["name"], record[name]) for record in records}


EXPECTED: dict[str, set[tuple[str, ...]]] = {
    "stack-out-of-support": {(a["name"], "heroku-20") for a in APPS if a["stack"]["name"] == "heroku-20"},
    "deprecated-stack": {(a["name"], "heroku-22") for a in APPS if a["stack"]["name"] == "heroku-22"},
    "stack-changes-at-next-build": {
        (a["name"], a["build_stack"]["name"]) for a in APPS if a["stack"] != a["build_stack"]
    },
    "quiet-apps": {(a["name"],) for a in APPS if a["released_at"] and hours(a["released_at"]) > 180 * 24},
    "never-released": {(a["name"],) for a in APPS if not a["released_at"]},
    "maintenance-left-on": {(a["name"],) for a in APPS if a["maintenance"]},
    "paid-add-ons-without-dynos": keys(
        [a for a in BILLED if not RUNNING & {*users()[a["name"]]} and a["billed_price"]["cents"]]
    ),
    "databases-due-soon": {("postgresql-octagonal-11373",), ("redis-globular-62745",)},
    "databases-due-later": {("postgresql-solid-60417",), ("kafka-colorful-29053",)},
    "crashed-dynos": keys([dyno for dyno in DYNOS if dyno["state"] == "crashed"]),
    "forgotten-one-off-dynos": keys([d for d in DYNOS if d not in REGULAR and hours(d["created_at"]) > 24]),
    "dyno-costs": {(name,) for name in OF if in_a_month(name) > 700},
    "add-on-costs": {(name,) for name in OF if add_ons_in_a_month(name) > 340},
    "shared-add-ons": {(a["app"]["name"], a["name"]) for a in USED if users()[a["name"]] != [a["app"]["name"]]},
    "stuck-add-ons": keys(
        [
            a
            for a in ADDONS
            if a["state"] == "deprovisioned" or (a["state"] == "provisioning" and hours(a["created_at"]) > 1)
        ]
    ),
    "failing-certificates": keys([d for d in DOMAINS if d["acm_status"] in ("failing", "failed")], "hostname"),
    "domains-without-certificate": keys(
        [
            d
            for d in DOMAINS
            if d["kind"] == "custom" and not d["sni_endpoint"] and not certificates_on(d["app"]["name"])
        ],
        "hostname",
    ),
    "domains-waiting-for-dns": keys(
        [
            d
            for d in DOMAINS
            if d["status"] == "pending" or (d["acm_status_reason"] == "Invalid DNS" and "fail" not in d["acm_status"])
        ],
        "hostname",
    ),
    "outside-collaborators": {
        (s["app"]["name"], s["user"]["email"])
        for s in SEATS
        if domain_of(s) not in ("larkmoor.example", "herokumanager.com")
    },
    "leavers": {(s["app"]["name"], LEAVER) for s in SEATS if s["user"]["email"] == LEAVER},
    "apps-of-a-person": {(a["name"], a["owner"]["email"]) for a in APPS if not a["team"]},
    "managers-outside-the-admins": {
        (s["app"]["name"], s["user"]["email"])
        for s in SEATS
        if "manage" in [p["name"] for p in s.get("permissions", [])] and ranks(s) in ({"member"}, {"collaborator"})
    },
    "without-single-sign-on": {  # in a team or an app, with a seat or without
        (one["email"],)
        for one in [*(member for members in MEMBERS.values() for member in members), *(s["user"] for s in SEATS)]
        if one["email"].endswith("@larkmoor.example") and not one["federated"]
    },
    "regions-in-use": {(a["name"], a["region"]["name"]) for a in APPS if a["region"]["name"] != "us"},
    "mixed-releases": {
        (name,)
        for name in OF
        if len(releases_of(name)) > 1
        and hours(max(d["updated_at"] for d in REGULAR if d["app"]["name"] == name)) > 0.25
    },
    "changed-lately": {
        *((a["name"], "made") for a in APPS if hours(a["created_at"]) < 48),
        *(
            (a["name"], "released")
            for a in APPS
            if a["released_at"] and hours(a["released_at"]) < 48 < hours(a["created_at"])
        ),
    },
    "app-health": {
        *(("wholesale-portal", d["name"]) for d in OF["wholesale-portal"].dynos if d["state"] != "up"),
        *(("wholesale-portal", d["hostname"]) for d in OF["wholesale-portal"].domains if d["acm_status_reason"]),
    },
}


@pytest.fixture(scope="module")
def in_the_demo() -> dict[str, QuestionResult]:
    return by_name(
        run_questions([check for check in shipped_checks() if check.name in EXPECTED], "demo", parameters=GIVEN)
    )


def by_name(report: QuestionReport) -> dict[str, QuestionResult]:
    return {result.question.name: result for result in report.results}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_check_finds_what_the_records_of_the_demo_company_have(
    in_the_demo: dict[str, QuestionResult], name: str
) -> None:
    result = in_the_demo[name]
    assert result.reason == ""
    found = [tuple(finding.key.values()) for finding in result.findings]
    assert sorted(found) == sorted(EXPECTED[name]) != []


@pytest.mark.parametrize(
    ("name", "app", "details"),
    [
        ("stack-out-of-support", "customs-forms", {"state": "out of support", "supported_until": "2025-04-30"}),
        ("deprecated-stack", "courier-app", {"builds_fail_from": "2026-11-01", "supported_until": "2027-04-30"}),
        ("crashed-dynos", "courier-app", {"release": 241, "hours": 29, "since": "2026-11-19T03:37:22Z"}),
        ("failing-certificates", "wholesale-portal", {"status": "failing", "reason": "Invalid DNS"}),
        ("shared-add-ons", "parcel-tracker", {"used_by": "parcel-tracker, parcel-tracker-staging"}),
        ("mixed-releases", "booking-api", {"old": 687, "new": 688}),
        ("leavers", "customs-forms", {"may": "view, deploy, operate, manage"}),
        ("leavers", "lost-and-found", {"may": "collaborator"}),
        ("dyno-costs", "parcel-tracker", {"dynos": 6, "usd_a_month": 1100.0}),
        ("maintenance-left-on", "fleet-radio", {"at_least_since": "2026-10-31T18:05:00Z", "days": 19}),
    ],
)
def test_a_finding_says_more_than_its_key(
    in_the_demo: dict[str, QuestionResult], name: str, app: str, details: dict[str, Any]
) -> None:
    record = next(f.record for f in in_the_demo[name].findings if f.key["app"] == app)
    assert {column: record[column] for column in details} == details


def tidy(**changes: Any) -> Company:
    """Return a company with one app, in which everything is as it should be; its account may have other fields."""
    app = App(
        *("shop", TEAM, "Ruby", "heroku-26", "eu", ago(400), ago(20)),
        release=7,
        dynos=[Dyno("web.1", "Standard-1X", "puma", ago(2)), Dyno("run.1", "Standard-1X", "bash", ago(0.5))],
        addons=[AddOn("postgresql-flat-1", "standard-0", ago(300))],
        domains=[Domain("shop.larkmoor.example", ago(300))],
        people=[Collaborator(JUNO, ago(300), "admin", ("view", "deploy", "operate", "manage"))],
    )
    found = Company(account_record() | changes, [app])
    for team in found.teams:
        found.members(team)[:] = [one for one in found.members(team) if one["federated"]]
    return found


@pytest.fixture
def make_demo(monkeypatch: pytest.MonkeyPatch) -> Callable[[Company], None]:
    def make(shown: Company) -> None:
        monkeypatch.setattr(api, "in_process", lambda: (DemoApi(shown), DEMO_TOKEN))

    return make


def test_a_tidy_company_has_no_findings(make_demo: Callable[[Company], None]) -> None:
    make_demo(tidy())
    checks = [check for check in shipped_checks() if check.name in {*EXPECTED, "account-health"}]
    about = {
        "leavers": [LEAVER],
        "usd_a_month": 10_000,
        "regions": ["eu"],
        "changed-lately.days": 2,
        "app_name": "shop",
    }
    report = run_questions(checks, "demo", parameters=about)
    assert {result.question.name: result.reason for result in report.results if result.status != "passed"} == {}
    assert len(report.results) == len(EXPECTED) + 1


def test_eco_dynos_and_those_of_a_size_without_a_price_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = clean_company(1)
    sizes = shown.at("/dyno-sizes")
    [private] = (one for one in sizes if one["name"] == "Private-S")
    private["cost"] = None
    sold = {"Private-S": 0, "eco": 0, "standard-1X": 25}
    first, *others = shown.apps
    for app in shown.apps:
        shown.resources_of(app).dynos[:] = shown.resources_of(app).dynos[:1]
    for app, size in zip(others, sold, strict=False):
        shown.resources_of(app).dynos[0]["size"] = size
    shown.resources_of(first).dynos[0]["size"] = "Standard-2X"
    monkeypatch.setattr(api, "in_process", lambda: (DemoApi(shown), DEMO_TOKEN))
    checks = [check for check in shipped_checks() if check.name == "dyno-costs"]
    [result] = run_questions(checks, "demo", parameters={"dyno-costs.usd_a_month": 0}).results
    costs = {one.record["app"]: one.record["usd_a_month"] for one in result.findings}
    assert (result.reason, costs[first["name"]]) == ("", 50)
    assert [costs.get(app["name"], 0) for app in others[:3]] == [*sold.values()]


def test_what_is_wrong_with_the_account_is_found(make_demo: Callable[[Company], None]) -> None:
    wrong = {"verified": False, "two_factor_authentication": False, "federated": False}
    make_demo(tidy(**wrong, suspended_at=NOW, delinquent_at=NOW))
    checks = [check for check in shipped_checks() if check.name == "account-health"]
    problems = ["behind with payments", "no second factor", "not verified", "suspended"]
    assert [f.key["problem"] for f in run_questions(checks, "demo").findings] == problems


@pytest.mark.parametrize(("days", "is_old"), [(MAX_AGE_DAYS, False), (MAX_AGE_DAYS + 1, True)])
def test_a_question_about_stacks_says_when_its_dates_are_old(days: int, is_old: bool) -> None:
    checks = [check for check in shipped_checks() if check.name == "deprecated-stack"]
    now = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12, tzinfo=UTC) + timedelta(days=days)
    notes = run_questions(checks, "demo", now=now).notes
    assert any(note.startswith(f"The dates of stacks are of {AS_OF}") for note in notes) is is_old


@pytest.mark.parametrize(
    ("stack", "day", "state"),
    [
        ("heroku-26", "2031-04-30", None),
        ("heroku-26", "2031-05-01", "out of support"),
        ("heroku-18", "2020-01-01", "out of support"),
    ],
)
def test_support_of_a_stack_has_ended_on_the_day_after_its_last_day(
    make_demo: Callable[[Company], None], stack: str, day: str, state: str | None
) -> None:
    app = App("shop", TEAM, "Ruby", stack, "eu", ago(400), ago(20))
    make_demo(Company(account_record(), [app]))
    checks = [check for check in shipped_checks() if check.name == "stack-out-of-support"]
    report = run_questions(checks, "demo", now=datetime.fromisoformat(f"{day}T09:00:00Z"))
    assert [finding.record["state"] for finding in report.findings] == ([state] if state else [])
