"""Days, ages and owners that the reports state, on generated accounts: each is the one of plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from altered_api import as_default_account
from clean_company import AUTHORIZATIONS, DELINQUENCY, ENDPOINTS, EditableCompany, authorization, clean_company
from full_matrix import full_except
from plain_http import LAST_DAYS, TODAY, PlainAccount

from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.questions.discovery import find_table, shipped_checks
from kosmo_kernel.session import Session
from kosmo_kernel.text import iso_time

Rows = list[dict[str, Any]]
NOW = datetime.fromisoformat(f"{TODAY}T09:00:00Z")
COMPANIES = full_except(("demo", "12 apps", "60 apps", "awkward"), "demo", "12 apps", "awkward")


def awkward() -> EditableCompany:
    """Return a company whose days and ages are at their limits, and whose fields are null where they may be."""
    whole = clean_company(5, 6)
    owned, moments = [one for one in whole.apps if whole.at(ENDPOINTS, one)], (-1, 0, 1, 86_399, 86_400, -86_400)
    for number, app in enumerate(owned):
        for endpoint in whole.at(ENDPOINTS, app):
            endpoint["ssl_cert"]["expires_at"] = iso_time(NOW + timedelta(seconds=moments[number % len(moments)]))
            endpoint["ssl_cert"]["cert_domains"] = [None, [], ["*.example.org", "example.org"]][number % 3]
    for number, app in enumerate(whole.apps):
        app.update(maintenance=number % 2 == 0, updated_at=iso_time(NOW - timedelta(seconds=86_400 * number - 1)))
        app.update(released_at=[None, app["released_at"], iso_time(NOW - timedelta(days=181))][number % 3])
        for place, addon in enumerate(whole.resources_of(app).addons):
            made = iso_time(NOW - timedelta(hours=1, seconds=place % 2 - number % 2))  # around the limit
            addon.update(state=["provisioning", "deprovisioned", "provisioned"][number % 3], created_at=made)
        for dyno in whole.resources_of(app).dynos:
            dyno.update(state="crashed", updated_at=iso_time(NOW - timedelta(hours=number, seconds=number % 2)))
    tokens = [
        authorization("day", "2026-11-01T09:00:00Z", 86_400),
        authorization("endless", "2026-11-01T09:00:00Z", None),
    ]
    whole.put(tokens, AUTHORIZATIONS)
    bill = {"scheduled_suspension_time": iso_time(NOW), "scheduled_deletion_time": None}
    whole.put(bill, DELINQUENCY, whole.teams[0])
    return whole


MADE: Mapping[str, Any] = {
    "demo": company,
    "12 apps": lambda: company(12),
    "60 apps": lambda: company(60),
    "awkward": awkward,
}


@dataclass
class Days:
    """The deadlines, the apps and the findings of all checks of an account, and the account by plain HTTP."""

    plain: PlainAccount
    deadlines: Rows
    apps: Rows
    checks: dict[str, Rows]


@pytest.fixture(scope="module", params=COMPANIES)
def days(request: pytest.FixtureRequest) -> Iterator[Days]:
    whole: Company = MADE[request.param]()
    with as_default_account(DemoApi(whole, capacity=10**9)) as url:
        plain = PlainAccount(url, DEMO_TOKEN)
        with Session() as session:
            session.run(f'time.set_now("{iso_time(NOW)}")')
            checks = run_questions(shipped_checks(), now=NOW, session=session)
            tables = run_questions([find_table("heroku", name) for name in ("deadlines", "apps")], session=session)
        deadlines, apps = ([dict(row) for row in one.records or ()] for one in tables.results)
        found = {one.question.name: [dict(finding.record) for finding in one.findings] for one in checks.results}
        yield Days(plain, deadlines, apps, found)
        plain.close()


def left(moment: str) -> tuple[str, int]:
    """Return the day of a moment, and how many whole days are left until then."""
    return moment[:10], (datetime.fromisoformat(moment) - NOW) // timedelta(days=1)


def age(moment: str, unit: timedelta) -> int:
    """Return how many whole units have passed since a moment."""
    return (NOW - datetime.fromisoformat(moment)) // unit


def stated(days: Days, *kinds: str) -> list[tuple[Any, ...]]:
    """Return what the table of deadlines has of some kinds."""
    columns = ("kind", "what", "app", "team", "owner", "day", "days_left")
    return sorted(
        (tuple(row[name] for name in columns) for row in days.deadlines if row["kind"] in kinds and row["day"]), key=str
    )


def of_app(app: Mapping[str, Any], kind: str, what: str, moment: str) -> tuple[Any, ...]:
    """Return a day of an app as the table of deadlines has it."""
    return kind, what, app["name"], (app["team"] or {}).get("name"), app["owner"]["email"], *left(moment)


def test_the_days_of_certificates_and_stacks_are_those_of_plain_http(days: Days) -> None:
    certificates, stacks = [], []
    for app in days.plain.apps:
        for endpoint in days.plain.sni_endpoints[app["name"]]:
            what = ", ".join(endpoint["ssl_cert"]["cert_domains"] or ()) or endpoint["name"]
            certificates.append(of_app(app, "certificate", what, endpoint["ssl_cert"]["expires_at"]))
        last, built = LAST_DAYS.get(app["stack"]["name"], ""), LAST_DAYS.get(app["build_stack"]["name"], "")
        if last >= TODAY:
            stacks.append(of_app(app, "stack support ends", app["stack"]["name"], f"{last}T00:00:00Z"))
        if built >= TODAY and app["build_stack"]["name"] == "heroku-22":  # the only one whose end of builds is known
            ends = datetime.fromisoformat(f"{built}T00:00:00Z") + timedelta(days=1)
            stacks.append(of_app(app, "stack builds end", app["build_stack"]["name"], iso_time(ends)))
    assert stated(days, "certificate") == sorted(certificates, key=str) != []
    assert stated(days, "stack support ends", "stack builds end") == sorted(stacks, key=str)
    soon = sorted(row[-1] for row in certificates if row[-1] < 30)
    assert sorted(row["days_left"] for row in days.checks["certificates-ending"]) == soon


def test_the_days_of_tokens_and_unpaid_bills_are_those_of_plain_http(days: Days) -> None:
    tokens, unpaid = [], []
    for one in days.plain.pages("/oauth/authorizations"):
        if (seconds := (one["access_token"] or {}).get("expires_in")) is not None:
            moment = iso_time(NOW + timedelta(seconds=seconds))
            tokens.append(("authorization", one["description"], None, None, one["user"]["email"], *left(moment)))
    for team in days.plain.pages("/teams"):
        bill = days.plain.record(f"/teams/{team['name']}/delinquency")
        moments = ((what, bill[f"scheduled_{what}_time"]) for what in ("suspension", "deletion"))
        unpaid += [("unpaid", what, None, team["name"], None, *left(moment)) for what, moment in moments if moment]
    assert stated(days, "authorization") == sorted(tokens, key=str) != []
    assert stated(days, "unpaid") == sorted(unpaid, key=str) != []


def test_the_days_of_databases_are_those_of_plain_http(days: Days) -> None:
    expected = {}
    for app in days.plain.apps:
        for one in days.plain.maintenances(app["id"]):
            moment = one["required_by"] or one["scheduled_for"]
            if moment and one["status"] != "completed":
                moment = iso_time(datetime.strptime(moment, "%Y-%m-%d %H:%M:%S %z"))
                expected[one["addon"]["name"]] = (app["name"], app["owner"]["email"], *left(moment))
    found = {row[1]: (row[2], row[4], *row[5:]) for row in stated(days, "database maintenance")}
    assert {name: found.get(name) for name in expected} == expected


def test_ages_in_checks_are_those_of_plain_http(days: Days) -> None:
    day, hour, apps, checks = timedelta(days=1), timedelta(hours=1), days.plain.apps, days.checks
    dynos = [one for of in days.plain.of_apps("dynos").values() for one in of]
    crashed = {one["id"]: one for one in dynos if one["state"] == "crashed"}.values()
    assert {(row["app"], row["dyno"]): row["hours"] for row in checks["crashed-dynos"]} == {
        (one["app"]["name"], one["name"]): age(one["updated_at"], hour) for one in crashed
    }
    quiet = {one["name"]: one for one in apps if one["released_at"] and age(one["released_at"], day) >= 180}
    assert {row["app"]: (row["days"], row["owner"]) for row in checks["quiet-apps"]} == {
        name: (age(one["released_at"], day), one["owner"]["email"]) for name, one in quiet.items()
    }
    assert {row["app"]: (row["days"], row["owner"]) for row in checks["maintenance-left-on"]} == {
        one["name"]: (age(one["updated_at"], day), one["owner"]["email"]) for one in apps if one["maintenance"]
    }
    made = [one for one in days.plain.addons if one["state"] == "provisioning"]
    late = [one for one in made if NOW - datetime.fromisoformat(one["created_at"]) > hour]
    gone = [one for one in days.plain.addons if one["state"] == "deprovisioned"]
    assert {row["add_on"]: row["hours"] for row in checks["stuck-add-ons"]} == {
        **{one["name"]: age(one["created_at"], hour) for one in late},
        **{one["name"]: age(one["updated_at"], hour) for one in gone},
    }
    forgotten = [one for one in dynos if one["type"] in ("run", "scheduler") and age(one["created_at"], day) >= 1]
    assert {(row["app"], row["dyno"]): row["days"] for row in checks["forgotten-one-off-dynos"]} == {
        (one["app"]["name"], one["name"]): age(one["created_at"], day) for one in forgotten
    }


def test_owners_are_those_of_plain_http(days: Days) -> None:
    owners = {one["name"]: one["owner"]["email"] for one in days.plain.apps}
    assert {row["name"]: row["owner"] for row in days.apps} == owners
    assert {row["app"]: row["owner"] for row in days.checks["apps-of-a-person"]} == {
        one["name"]: owners[one["name"]] for one in days.plain.apps if not one["team"]
    }
    rows = [row for of in days.checks.values() for row in of if "@" in (row.get("owner") or "")]
    shown = [row for row in rows if row.get("app") in owners and "recipient" not in row]
    assert [row for row in shown if row["owner"] != owners[row["app"]]] == []
    assert shown
