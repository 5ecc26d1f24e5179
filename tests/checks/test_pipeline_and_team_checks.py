"""The shipped checks of builds, releases, pipelines, certificates, drains, teams and tokens, on the demo company.

Each finds what the company's records have, computed here in another way. That they find nothing where all is well is
what the tests of seeded defects show; here parameters make some of them find nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from clean_company import MY_APP, clean_company

from kosmo_kernel.checks.report import QuestionResult
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.demo import NOW
from kosmo_kernel.integrations.heroku.demo import api
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.http import UNLIMITED
from kosmo_kernel.integrations.heroku.demo.records import CompanyRecords, FoundLink
from kosmo_kernel.integrations.heroku.facts import facts
from kosmo_kernel.questions.discovery import shipped_checks

Record = dict[str, Any]
Key = tuple[str, ...]

COMPANY = company()
RECORDS = CompanyRecords(COMPANY)
LINKS = {link.path: link for link in facts().links}
APP, TEAM = "/apps/{app.identity}", "/teams/{team.identity}"
OTHER_DOMAIN = "pixelbarn.example"
COMPARED = ("staging", "production")
LEAVER = "tom.ashby@postbox.example"
GIVEN = {"leavers-in-teams.leavers": [LEAVER], "drains-to-other-hosts.hosts": ["logs.example"]}
# Parameters with which a check finds nothing in the demo company.
NOTHING = {
    "config-vars-missing-in-a-stage.stages": ["development"],
    "secrets-shared-between-stages.words": "^NONE$",
    "certificates-ending.days": 5,
    "drains-to-other-hosts.hosts": ["Larkmoor.example", OTHER_DOMAIN],
    "entry-databases-in-production.plans": "^none:",
    "outsiders-in-teams.our_domains": ["@Larkmoor.example", OTHER_DOMAIN],
    "leavers-in-teams.leavers": ["nobody@larkmoor.example"],
    "leavers.leavers": ["nobody@larkmoor.example"],
    "regions-in-use.regions": ["us", "eu", "virginia", "oregon", "dublin", "frankfurt"],
    "changed-lately.days": 0,
    "total-bill.usd_a_month": 1_000_000,
    "dyno-costs.usd_a_month": 10_000,
    "add-on-costs.usd_a_month": 10_000,
    "old-invitations.days": 80,
    "old-ssh-keys.days": 1500,
    "app-transfers-waiting.days": 50,
    "review-apps-left-behind.days": 40,
}


def at(path: str, *values: str) -> Any:
    return RECORDS.answer(FoundLink(LINKS[path], values), {})


def of_apps(path: str) -> list[Record]:
    return [one for app in COMPANY.apps for one in at(f"{APP}/{path}", app["name"])]


def days_ago(time: str) -> float:
    return (datetime.fromisoformat(NOW) - datetime.fromisoformat(time)) / timedelta(days=1)


def stage(app: Record) -> str:
    """Return the stage of an app, which any reference to it identifies; an empty text for one in no pipeline."""
    return next((one["stage"] for one in couplings() if one["app"]["id"] == app["id"]), "")


def neighbours(app: Record) -> list[Record]:
    """Return the other apps in the pipeline of an app."""
    [pipeline] = [one["pipeline"] for one in couplings() if one["app"]["id"] == app["id"]] or [None]
    ids = [one["app"]["id"] for one in couplings() if pipeline and one["pipeline"]["id"] == pipeline["id"]]
    return [one for one in COMPANY.apps if one["id"] in ids and one is not app]


def names(records: list[Record], *columns: str) -> set[Key]:
    """Return the app and some other fields of each record."""
    return {(record["app"]["name"], *(str(record[column]) for column in columns)) for record in records}


@cache
def couplings() -> list[Record]:
    found: list[Record] = at("/pipeline-couplings")
    return found


@cache
def releases_by_app() -> dict[str, list[Record]]:
    return {app["name"]: COMPANY.releases(app) for app in COMPANY.apps if app["released_at"]}


@cache
def config_vars() -> dict[str, dict[str, str]]:
    return {app["name"]: at(f"{APP}/config-vars", app["name"]) for app in COMPANY.apps}


@cache
def addons() -> list[Record]:
    return [addon for app in COMPANY.apps for addon in COMPANY.resources_of(app).addons]


@cache
def processes() -> list[Record]:
    return of_apps("formation")


@cache
def members() -> list[tuple[str, Record]]:
    return [(team["name"], one) for team in COMPANY.teams for one in COMPANY.members(team)]


def admins() -> set[Key]:
    return {(team, one["email"]) for team, one in members() if one["role"] == "admin"}


def without_second_factor() -> set[Key]:
    found = [one for one in members() if not one[1]["two_factor_authentication"] and not one[1]["federated"]]
    return {(team, one["email"]) for team, one in found}


def inside() -> set[Key]:
    return {(team, one["email"]) for team, one in members() if one["role"] != "collaborator"}


def last_builds() -> list[tuple[Record, Record]]:
    found = [(app, at(f"{APP}/builds", app["name"])) for app in COMPANY.apps]
    return [(app, max(builds, key=lambda one: one["created_at"])) for app, builds in found if builds]


def without_earlier_code() -> set[Key]:
    found: set[Key] = set()
    for app, releases in releases_by_app().items():
        kept = [one for n, one in enumerate(reversed(releases)) if n < 20 or days_ago(one["created_at"]) < 30]
        builds = {one["artifacts"][0]["id"] for one in kept if one["artifacts"] and one["status"] == "succeeded"}
        found |= {(app,)} if len(builds) == 1 else set()
    return found


def shared_secrets() -> set[Key]:
    by_value: dict[str, list[tuple[Record, str]]] = defaultdict(list)
    for app in COMPANY.apps:
        for name, value in config_vars()[app["name"]].items():
            if stage(app) and any(word in name for word in ("SECRET", "TOKEN", "KEY", "PASS", "CREDENTIAL")):
                by_value[value].append((app, name))
    groups = [group for group in by_value.values() if len({stage(app) for app, _ in group}) > 1]
    return {(app["name"], name) for group in groups for app, name in group}


def uses_of(addon: Record) -> int:
    return sum(addon in COMPANY.resources_of(app).all_addons for app in COMPANY.apps)


def dynos_of(app: str) -> int:
    return sum(one["quantity"] for one in processes() if one["app"]["name"] == app)


# Functions, because to compute them all takes a second, which each process that collects the tests would spend.
EXPECTED: dict[str, Callable[[], set[Key]]] = {
    "last-build-failed": lambda: {(app["name"], one["id"]) for app, one in last_builds() if one["status"] == "failed"},
    "failed-release-phase": lambda: {
        (app, str(releases[-1]["version"]))
        for app, releases in releases_by_app().items()
        if releases[-1]["status"] == "failed"
    },
    "rollback-still-live": lambda: {
        (app, str(one["version"]))
        for app, releases in releases_by_app().items()
        for one in releases
        if one["current"] and "Rollback" in one["description"]
    },
    "nothing-to-roll-back-to": without_earlier_code,
    "small-dynos-in-production": lambda: names(
        [
            one
            for one in processes()
            if one["quantity"] and one["size"].lower() in ("eco", "basic") and stage(one["app"]) == "production"
        ],
        "type",
    ),
    "single-web-dyno-in-production": lambda: names(
        [one for one in processes() if (one["type"], one["quantity"], stage(one["app"])) == ("web", 1, "production")]
    ),
    "apps-without-pipeline": lambda: {(app["name"],) for app in COMPANY.apps if not stage(app)},
    "stages-on-different-stacks": lambda: {
        (app["name"], app["stack"]["name"])
        for app in COMPANY.apps
        for other in neighbours(app)
        if stage(other) == "production" and other["stack"] != app["stack"]
    },
    "config-vars-missing-in-a-stage": lambda: {
        (app["name"], name, other["name"])
        for app in COMPANY.apps
        for other in neighbours(app)
        if stage(app) in COMPARED and stage(other) in COMPARED
        for name in config_vars()[other["name"]].keys() - config_vars()[app["name"]].keys()
    },
    "secrets-shared-between-stages": shared_secrets,
    "add-ons-shared-between-stages": lambda: {
        (one["app"]["name"], one["name"], one["addon"]["name"])
        for one in COMPANY.addon_attachments
        if stage(one["app"]) and stage(one["addon"]["app"]) and stage(one["app"]) != stage(one["addon"]["app"])
    },
    "certificates-ending": lambda: names(
        [one for one in of_apps("sni-endpoints") if days_ago(one["ssl_cert"]["expires_at"]) > -30], "name"
    ),
    "self-signed-certificates": lambda: names(
        [one for one in of_apps("sni-endpoints") if one["ssl_cert"]["self_signed?"]], "name"
    ),
    "drains-to-other-hosts": lambda: {
        (one["app"]["name"], re.findall(r"@([\w.-]+)", one["url"])[0])
        for one in of_apps("log-drains")
        if not one["addon"]
    },
    "production-without-log-drain": lambda: {
        (app["name"],)
        for app in COMPANY.apps
        if stage(app) == "production" and app["id"] not in {one["app"]["id"] for one in of_apps("log-drains")}
    },
    "add-ons-on-ending-plans": lambda: {
        (one["app"]["name"], one["name"], plan["name"])
        for one in addons()
        for plan in at("/addon-services/{add-on-service.identity}/plans", one["addon_service"]["name"])
        if plan["id"] == one["plan"]["id"] and plan["state"] != "ga"
    },
    "entry-databases-in-production": lambda: {
        (app["name"], one["name"])
        for app in COMPANY.apps
        if stage(app) == "production"
        for one in COMPANY.resources_of(app).all_addons
        if re.match(r"heroku-(postgresql|redis):(essential|mini|basic)", one["plan"]["name"])
    },
    "outsiders-in-teams": lambda: {one for one in inside() if not one[1].endswith("@larkmoor.example")},
    "leavers-in-teams": lambda: {(team, LEAVER) for team, one in members() if one["email"] == LEAVER},
    "admins-without-second-factor": lambda: without_second_factor() & admins(),
    "members-without-second-factor": lambda: without_second_factor() - admins(),
    "teams-with-one-admin": lambda: {
        (team["name"],) for team in COMPANY.teams if [name for name, _ in admins()].count(team["name"]) == 1
    },
    "old-invitations": lambda: {
        (one["team"]["name"], one["user"]["email"])
        for team in COMPANY.teams
        for one in at("/teams/{team.name}/invitations", team["name"])
        if days_ago(one["created_at"]) > 30
    },
    "authorizations-without-end": lambda: {
        (one["id"],) for one in at("/oauth/authorizations") if not one["access_token"]["expires_in"]
    },
    "old-ssh-keys": lambda: {(one["fingerprint"],) for one in at("/account/keys") if days_ago(one["created_at"]) > 365},
    "app-transfers-waiting": lambda: {
        (one["app"]["name"], one["recipient"]["email"])
        for one in at("/account/app-transfers")
        if one["state"] == "pending"
    },
    "teams-with-unpaid-bills": lambda: {
        (team["name"],)
        for team in COMPANY.teams
        if at(f"{TEAM}/delinquency", team["name"])["scheduled_suspension_time"]
    },
    "spaces-without-apps": lambda: {
        (one["name"],)
        for one in at("/spaces")
        if one["id"] not in [app["space"]["id"] for app in COMPANY.apps if app["space"]]
    },
    "review-apps-left-behind": lambda: {
        (pipeline["name"], one["branch"])
        for pipeline in at("/pipelines")
        for one in at("/pipelines/{pipeline.id}/review-apps", pipeline["id"])
        if days_ago(one["created_at"]) > 14
    },
}


def run(**given: Any) -> dict[str, QuestionResult]:
    names = {name.partition(".")[0] for name in given} or EXPECTED.keys()
    checks = [check for check in shipped_checks() if check.name in names]
    report = run_questions(checks, "demo", parameters=given or GIVEN)
    return {result.question.name: result for result in report.results}


@pytest.fixture(scope="module")
def results() -> dict[str, QuestionResult]:
    return run()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_check_finds_what_the_records_of_the_company_have(results: dict[str, QuestionResult], name: str) -> None:
    assert results[name].reason == ""
    found = [tuple(finding.key.values()) for finding in results[name].findings]
    assert sorted(found) == sorted(EXPECTED[name]()) != []


def test_parameters_say_what_is_all_right() -> None:
    assert {name: (one.status, one.reason) for name, one in run(**NOTHING).items()} == {
        name.partition(".")[0]: ("passed", "") for name in NOTHING
    }


def test_config_vars_of_apps_in_one_stage_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = clean_company(3)
    pipeline = shown.placed[MY_APP].pipeline
    for one in shown.at("/pipeline-couplings"):
        one["stage"] = "production"
    first, second, *_ = [app for app in shown.apps if shown.placed[app["name"]].pipeline == pipeline]
    shown.at(f"{APP}/config-vars", first)["ONLY_HERE"] = "on"
    assert "ONLY_HERE" not in shown.at(f"{APP}/config-vars", second)
    monkeypatch.setattr(api, "in_process", lambda: (DemoApi(shown, refill=UNLIMITED), DEMO_TOKEN))
    checks = [check for check in shipped_checks() if check.name == "config-vars-missing-in-a-stage"]
    [result] = run_questions(checks, "demo").results
    assert (result.status, result.reason) == ("passed", "")


@pytest.mark.full
def test_a_generated_company_of_five_hundred_apps_has_something_for_each_check(monkeypatch: pytest.MonkeyPatch) -> None:
    served = DemoApi(company(500), refill=UNLIMITED), DEMO_TOKEN
    monkeypatch.setattr(api, "in_process", lambda: served)
    assert {name: (one.status, one.reason) for name, one in run().items()} == dict.fromkeys(EXPECTED, ("findings", ""))
