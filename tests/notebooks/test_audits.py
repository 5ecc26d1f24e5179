"""The answers of the audits in `notebooks/`, each worked out a second time from the demo company's raw records.

A question's Lua is run as its notebook runs it: all Lua cells in their order, with the usual values of the parameters.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pandas as pd
import pytest
from audit_cells import answers, executed, incident_page, outputs_of
from full_matrix import full_except
from run_with import run_with

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.records import CompanyRecords
from kosmo_kernel.integrations.heroku.demo.records import FoundLink
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.facts import facts
from kosmo_kernel.render.frames import frame_of
from kosmo_kernel.values.records import Records
from kosmo_kernel.session import Session

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)

COMPANY = company()
APPS = COMPANY.apps
OF = {app["name"]: COMPANY.resources_of(app) for app in APPS}
DYNOS = [dyno for things in OF.values() for dyno in things.dynos]
ADDONS = [addon for things in OF.values() for addon in things.addons]
BILLED = [addon for addon in ADDONS if addon["state"] != "deprovisioned"]
DOMAINS = [domain for things in OF.values() for domain in things.domains]
# The apps that a pipeline has in production. No app in none has a name that says so.
[_COUPLINGS] = [link for link in facts().links if link.path == "/pipeline-couplings"]
STAGES = {one["app"]["id"]: one["stage"] for one in CompanyRecords(COMPANY).answer(FoundLink(_COUPLINGS, ()), {})}
PRODUCTION = {app["name"] for app in APPS if STAGES.get(app["id"]) == "production"}
SEATS = [seat for things in OF.values() for seat in things.collaborators]


@cache
def records_at(path: str) -> list[dict[str, Any]]:
    """Return the list that the API of the demo company has at a path, by plain HTTP."""
    headers = {"Authorization": f"Bearer {DEMO_TOKEN}", "Accept": "application/vnd.heroku+json; version=3"}
    with serve(DemoApi(COMPANY)) as served:
        request = urllib.request.Request(f"{served.url}{path}", headers=headers | {"Range": "id ..; max=1000"})
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - of this machine
            return list(json.load(answer))


def hours(since: str) -> int:
    return int((NOW - datetime.fromisoformat(since)).total_seconds() // 3600)


def is_older(since: str, minutes: int) -> bool:
    return NOW - datetime.fromisoformat(since) > timedelta(minutes=minutes)


def rows(*found: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows without what is nil in Lua."""
    return [{name: value for name, value in row.items() if value is not None} for row in found]


# --- stacks and lifecycle ------------------------------------------------------------------------------------------


def test_apps_on_a_stack_out_of_support() -> None:
    told = [
        {
            "app": app["name"],
            "stack": app["stack"]["name"],
            "state": "out of support",
            "supported_until": "2025-04-30",
            "owner": app["owner"]["email"],
        }
        for app in APPS
        if app["stack"]["name"] == "heroku-20"
    ]
    found = answers("dyno-audit")["old-stacks"]
    assert found == sorted(told, key=lambda row: row["app"])
    deprecated = answers("dyno-audit")["deprecated-stacks"]
    assert {row["app"] for row in deprecated} == {a["name"] for a in APPS if a["stack"]["name"] == "heroku-22"} != set()
    days = {(row["state"], row["builds_fail_from"], row["supported_until"]) for row in deprecated}
    assert days == {("deprecated", "2026-11-01", "2027-04-30")}


def test_apps_that_are_about_to_change_their_stack() -> None:
    told = {app["name"]: app["build_stack"]["name"] for app in APPS if app["stack"] != app["build_stack"]}
    found = answers("dyno-audit")["next-builds"]
    assert {row["app"]: row["next_build_on"] for row in found} == told != {}


def test_apps_by_stack() -> None:
    told = Counter(app["stack"]["name"] for app in APPS)
    assert {row["stack"]: row["apps"] for row in answers("dyno-audit")["stacks"]} == told


def test_apps_without_a_release_for_half_a_year_or_ever() -> None:
    ages = {app["name"]: app["released_at"] and hours(app["released_at"]) // 24 for app in APPS}
    found = answers("dyno-audit")
    assert {row["app"]: row["days"] for row in found["quiet"]} == {
        n: age for n, age in ages.items() if age and age >= 180
    }
    assert [row["app"] for row in found["never"]] == [name for name, age in ages.items() if age is None] != []


def test_apps_in_maintenance() -> None:
    told = [{"app": a["name"], "since": a["updated_at"]} for a in APPS if a["maintenance"]]
    found = answers("dyno-audit")["maintenance"]
    assert [{"app": row["app"], "since": row["at_least_since"]} for row in found] == told != []


def test_apps_by_region_space_and_generation() -> None:
    told: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for app in APPS:
        space = app["space"]["name"] if app["space"] else "common runtime"
        told[app["region"]["name"], space, app["generation"]["name"]].append(app["name"])
    found = answers("dyno-audit")["regions"]
    assert {(row["region"], row["space"], row["generation"]): row["names"].split(", ") for row in found} == told
    assert {row["generation"] for row in found} == {"cedar", "fir"}
    assert [row["apps"] for row in found] == sorted(map(len, told.values()), reverse=True)


# --- dynos -----------------------------------------------------------------------------------------------------------


def test_crashed_dynos_and_for_how_long() -> None:
    told = {
        (d["app"]["name"], d["name"]): (hours(d["updated_at"]), d["release"]["version"])
        for d in DYNOS
        if d["state"] == "crashed"
    }
    found = answers("dyno-audit")["crashed"]
    assert {(row["app"], row["dyno"]): (row["hours"], row["release"]) for row in found} == told != {}


def test_forgotten_one_off_dynos() -> None:
    told = {
        d["name"]: d["command"] for d in DYNOS if d["type"] in ("run", "scheduler") and hours(d["created_at"]) >= 24
    }
    assert {row["dyno"]: row["command"] for row in answers("dyno-audit")["forgotten"]} == told != {}


def test_apps_that_pay_without_running() -> None:
    idle = {name for name, things in OF.items() if not things.dynos}
    told = {
        addon["name"]: addon["billed_price"]["cents"] / 100
        for addon in ADDONS
        if addon["app"]["name"] in idle and addon["billed_price"] and addon["billed_price"]["cents"]
    }
    assert {row["add_on"]: row["usd_a_month"] for row in answers("dyno-audit")["idle"]} == told != {}


def test_apps_on_two_releases_at_once() -> None:
    told = {}
    for name, things in OF.items():
        versions = {dyno["release"]["version"] for dyno in things.dynos if dyno["type"] not in ("run", "scheduler")}
        if len(versions) > 1 and is_older(max(dyno["updated_at"] for dyno in things.dynos), minutes=15):
            told[name] = (min(versions), max(versions))
    assert {row["app"]: (row["old"], row["new"]) for row in answers("dyno-audit")["mixed"]} == told != {}


def test_apps_on_eco_and_basic_dynos() -> None:
    told = {
        (process["app"]["name"], process["type"]): (process["size"], process["quantity"], "pipeline")
        for app in APPS
        for process in COMPANY.formation(app)
        if process["size"] in ("Eco", "Basic") and app["name"] in PRODUCTION
    }
    found = answers("dyno-audit")["small"]
    assert {(row["app"], row["type"]): (row["size"], row["quantity"], row["stage_by"]) for row in found} == told != {}


def test_what_the_dynos_cost_by_size_team_and_app() -> None:
    prices = {size["name"].lower(): size["cost"]["cents"] // 100 for size in records_at("/dyno-sizes")}
    dynos, usd = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for app in APPS:
        team = app["team"]["name"] if app["team"] else app["owner"]["email"]
        for process in COMPANY.formation(app):
            size, quantity = process["size"], process["quantity"]
            is_eco = size.lower() == "eco"  # one price for all of them, so that it belongs to no app
            for group in [("size", size)] if is_eco else [("size", size), ("team", team), ("app", app["name"])]:
                dynos[group] += quantity
                usd[group] += prices[size.lower()] * quantity
    usd["size", "Eco"] = prices["eco"]
    cost = [row for row in answers("dyno-audit")["cost"] if row["kind"] in ("dyno", "eco")]
    for what, column in (("size", "plan"), ("team", "team"), ("app", "app")):
        expected = {name: amount for (by, name), amount in usd.items() if by == what and amount}
        assert {name: sum(row["cents"] / 100 for row in cost if row[column] == name) for name in expected} == expected
        assert {name: sum(row["quantity"] for row in cost if row[column] == name) for name in expected} == {
            name: dynos[what, name] for name in expected
        }
        sums = [(words[0], int(words[1])) for words in shown_sums(f"by-{what}")]
        assert sums == sorted(expected.items(), key=lambda pair: (-pair[1], pair[0]))


# --- access --------------------------------------------------------------------------------------------------------


def is_outside(mail: str) -> bool:
    return not mail.endswith(("@larkmoor.example", "@herokumanager.com"))


RIGHTS = ("deploy", "operate", "manage")


def rights(app: dict[str, Any], email: str) -> set[str] | None:
    """Return what a person may do in an app; None for one who cannot reach it."""
    if email == app["owner"]["email"] or email in admins_of(app["name"]):
        return set(RIGHTS)
    for seat in OF[app["name"]].collaborators:
        if seat["user"]["email"] == email:  # in an app without a team seats have no permissions
            names = {one["name"] for one in seat["permissions"]} if app["team"] else {"deploy", "operate"}
            return names & set(RIGHTS)
    return None


def reached() -> dict[tuple[str, str], set[str]]:
    """Return what each person may do in each app that they can reach."""
    people = {seat["user"]["email"] for seat in SEATS if is_person(seat)} | {app["owner"]["email"] for app in APPS}
    people = {email for email in people if not email.endswith("@herokumanager.com")}
    found = {(app["name"], email): rights(app, email) for app in APPS for email in people}
    return {place: may for place, may in found.items() if may is not None}


def is_person(seat: dict[str, Any]) -> bool:
    return not seat["user"]["email"].endswith("@herokumanager.com")


def admins_of(app: str) -> set[str]:
    """Return the addresses of the admins of the team that owns an app."""
    team = next(one["team"] for one in APPS if one["name"] == app)
    members = records_at(f"/teams/{team['name']}/members") if team else ()
    return {member["email"] for member in members if member["role"] == "admin"}


def test_the_account_itself() -> None:
    me = COMPANY.account
    told = {name: me[name] for name in ("email", "verified", "federated")}
    told["two_factor"] = me["two_factor_authentication"]
    told |= {"suspended": me["suspended_at"] is not None, "behind_with_payments": me["delinquent_at"] is not None}
    assert answers("access-audit")["me"] == [told]


def test_people_from_outside() -> None:
    told = [(s["app"]["name"], s["user"]["email"]) for s in SEATS if is_outside(s["user"]["email"])]
    found = answers("access-audit")
    assert sorted((row["app"], row["who"]) for row in found["outside"]) == sorted(told) != []
    counts = sorted(Counter(who for _, who in told).items(), key=lambda pair: (-pair[1], pair[0]))
    assert [(row["who"], row["apps"]) for row in found["guests"]] == counts


def test_apps_that_belong_to_a_person() -> None:
    told = {app["name"]: app["owner"]["email"] for app in APPS if app["team"] is None}
    assert {row["app"]: row["owner"] for row in answers("access-audit")["persons"]} == told != {}


def test_who_may_deploy_operate_and_manage() -> None:
    found = answers("access-audit")["may"]
    assert {(row["app"], row["who"]): {right for right in RIGHTS if row[right]} for row in found} == reached()
    assert {len(some) for some in reached().values()} == {0, 1, 2, 3}


def test_the_matrix_has_the_most_that_each_person_may_do() -> None:
    owners = {(app["name"], app["owner"]["email"]) for app in APPS}
    expected = {
        place: "own" if place in owners else next((level for level in ("manage", "deploy") if level in may), "view")
        for place, may in reached().items()
    }
    with Session("demo") as session:
        access = session.run("return heroku.tables.access()").frame()
    matrix = executed("access-audit", "matrix", {"access": access, "pd": pd})["matrix"]
    found = {(app, who): matrix.at[app, who] for app in matrix.index for who in matrix.columns if matrix.at[app, who]}
    assert (found, set(found.values())) == (expected, {"view", "deploy", "manage", "own"})


def test_our_people_without_single_sign_on() -> None:
    people = {seat["user"]["email"] for seat in SEATS if not seat["user"]["federated"]}
    ours = {email for email in people if email.endswith("@larkmoor.example")}
    told = {email: sum(who == email for _, who in reached()) for email in ours}
    assert {row["who"]: row["apps"] for row in answers("access-audit")["federated"]} == told != {}


# --- add-ons and domains -------------------------------------------------------------------------------------------


def dollars(addons: list[dict[str, Any]]) -> float:
    prices = [addon["billed_price"] for addon in addons]
    return float(sum(price["cents"] / 100 for price in prices if price and not price["contract"]))


def grouped(by: Any) -> dict[str, float]:
    groups = defaultdict(list)
    for addon in BILLED:
        groups[by(addon)].append(addon)
    return {name: dollars(addons) for name, addons in groups.items()}


def shown_sums(cell: str) -> list[list[str]]:
    """Return the words of each row of a table of costs, without its head and its count."""
    rows = [line.split() for line in outputs_of("dyno-audit", cell).splitlines()]
    return [words for words in rows if len(words) == 4 and words[-1].isdigit()]


def test_what_the_add_ons_cost_by_service_team_and_app() -> None:
    teams = {app["name"]: app["team"]["name"] if app["team"] else app["owner"]["email"] for app in APPS}
    for name, by in (
        ("service", lambda addon: addon["addon_service"]["name"]),
        ("team", lambda addon: teams[addon["app"]["name"]]),
        ("app", lambda addon: addon["app"]["name"]),
    ):
        found = shown_sums(f"add-ons-by-{name}")
        unknown = Counter(map(by, filter(has_no_price, BILLED)))
        known = {name: usd for name, usd in grouped(by).items() if usd or not unknown[name]}
        assert {row[0]: float(row[1]) for row in found if row[1] != "–"} == known
        assert {row[0]: int(row[3]) for row in found} == {name: unknown[name] for name in grouped(by)}
        shown = [float(row[1].replace("–", "-1")) for row in found]
        assert shown == sorted(shown, reverse=True)
        assert sum(known.values()) == dollars(BILLED)
        assert sum(int(row[2]) for row in found) == len(BILLED)


def has_no_price(addon: dict[str, Any]) -> bool:
    return not addon["billed_price"] or addon["billed_price"]["contract"]


def test_add_ons_that_are_in_no_sum() -> None:
    told = {
        addon["name"]: "contract" if addon["billed_price"] else "not shown" for addon in filter(has_no_price, BILLED)
    }
    lines = [re.split(r" {2,}", line) for line in outputs_of("dyno-audit", "contracts").splitlines()[2:-1]]
    assert {words[1]: words[3] for words in lines} == told
    assert set(told.values()) == {"contract", "not shown"}


def test_add_ons_that_several_apps_share() -> None:
    users = defaultdict(list)
    for name, things in OF.items():
        for addon in (*things.addons, *things.attached):
            users[addon["name"]].append(name)
    owners = {addon["name"]: [addon["app"]["name"]] for things in OF.values() for addon in things.all_addons}
    told = {name: apps for name, apps in users.items() if apps != owners[name]}
    found = answers("dyno-audit")["shared"]
    assert {row["add_on"]: row["used_by"].split(", ") for row in found} == told != {}


def test_add_ons_that_are_stuck_or_gone() -> None:
    told = {
        addon["name"]: hours(addon["created_at" if addon["state"] == "provisioning" else "updated_at"])
        for addon in ADDONS
        if addon["state"] == "deprovisioned" or (addon["state"] == "provisioning" and hours(addon["created_at"]) >= 1)
    }
    assert {row["add_on"]: row["hours"] for row in answers("dyno-audit")["stuck"]} == told != {}


def test_databases_on_entry_plans_behind_production() -> None:
    entry = {"heroku-postgresql:essential-0", "heroku-postgresql:essential-2", "heroku-redis:mini"}
    told = [a["name"] for name in PRODUCTION for a in OF[name].all_addons if a["plan"]["name"] in entry]
    assert entry == {addon["plan"]["name"] for addon in BILLED if re.search(":(mini|essential)", addon["plan"]["name"])}
    assert sorted(row["add_on"] for row in answers("dyno-audit")["entry-plans"]) == sorted(told) != []


def test_certificates_that_fail() -> None:
    told = {d["hostname"]: d["acm_status_reason"] for d in DOMAINS if d["acm_status"] in ("failing", "failed")}
    assert {row["domain"]: row["reason"] for row in answers("dyno-audit")["failing"]} == told != {}


def test_domains_without_a_certificate() -> None:
    manual = {app["name"] for app in APPS if not app["acm"]}
    told = [
        d["hostname"] for d in DOMAINS if d["kind"] == "custom" and d["app"]["name"] in manual and not d["sni_endpoint"]
    ]
    assert [row["domain"] for row in answers("dyno-audit")["no-certificate"]] == sorted(told) != []


def test_domains_that_wait_for_dns() -> None:
    told = {d["hostname"]: d["cname"] for d in DOMAINS if d["status"] == "pending"}
    assert {row["domain"]: row["point_to"] for row in answers("dyno-audit")["waiting"]} == told != {}


# --- one app on one page -------------------------------------------------------------------------------------------


def test_the_incident_page_has_the_whole_app() -> None:
    (found, _), things = incident_page("courier-app"), OF["courier-app"]
    assert sum(row["dynos"] for row in found["dynos"]) == len(things.dynos)
    assert found["dynos"][0]["state"] == "crashed"
    assert [row["add_on"] for row in found["add-ons"]] == [addon["name"] for addon in things.addons]
    assert [row["domain"] for row in found["domains"]] == [domain["hostname"] for domain in things.domains]
    seats = {seat["user"]["email"] for seat in things.collaborators if is_person(seat)}
    assert {row["who"] for row in found["people"]} == seats | admins_of("courier-app") != seats
    cards = {row["label"]: row for row in found["state"]}
    for name, records, field in (
        ("dynos up", things.dynos, "state"),
        ("add-ons ready", things.addons, "state"),
        ("certificates failing", things.domains, "acm_status"),
    ):
        counted = Counter(record[field] for record in records if record[field])
        assert cards[name]["detail"] == ", ".join(sorted(f"{number} {state}" for state, number in counted.items()))
    assert cards["dynos up"]["figure"] == "2 of 3"
    assert (cards["certificates failing"]["figure"], cards["maintenance"]["figure"]) == ("1", "off")


def releases_of(app: str) -> list[dict[str, Any]]:
    """Return the releases of an app, the newest first."""
    return sorted(records_at(f"/apps/{app}/releases"), key=lambda release: -release["version"])


@pytest.mark.parametrize("app", ["courier-app", "customs-forms", "van-telemetry"])
def test_the_incident_page_shows_the_last_releases_with_version_time_person_and_description(app: str) -> None:
    released = releases_of(app)[:5]
    found, text = incident_page(app)
    assert [(row["release"], row.get("who"), row["what"], row["status"]) for row in found["releases"]] == [
        (f"v{one['version']}", one["user"]["email"], one["description"], one["status"]) for one in released
    ]
    [card] = [row for row in found["state"] if row["label"] == "last release"]
    if released:
        assert (card["figure"], card["detail"]) == (f"v{released[0]['version']}", words(released[0]["created_at"]))
        first = text.splitlines()[0].replace("\\", "")
        assert released[0]["user"]["email"] in first
        assert f"`{released[0]['description']}`" in first
    else:
        assert card == {"label": "last release", "figure": "none"}


def words(since: str) -> str:
    """Return an age as the incident page shows it."""
    minutes = int((NOW - datetime.fromisoformat(since)).total_seconds() // 60)
    return (
        f"{minutes} min ago"
        if minutes < 120
        else f"{minutes // 60} h ago"
        if minutes < 2880
        else f"{minutes // 1440} d ago"
    )


@pytest.mark.parametrize("app", full_except(sorted(OF), *sorted(OF)[::4]))
def test_the_incident_page_says_first_all_that_is_wrong(app: str) -> None:
    it, things = next(one for one in APPS if one["name"] == app), OF[app]
    once = ("run", "scheduler")
    regular = {dyno["release"]["version"] for dyno in things.dynos if dyno["type"] not in once}

    def old(dyno: dict[str, Any]) -> bool:
        return dyno["type"] in once and hours(dyno["created_at"]) >= 24

    told = {f"`{dyno['name']}` **" for dyno in things.dynos if dyno["state"] != "up" or old(dyno)}
    told |= {f"`{addon['name']}` is **" for addon in things.addons if addon["state"] != "provisioned"}
    for domain in things.domains:
        if domain["acm_status"] in ("failing", "failed") or domain["acm_status_reason"]:
            told.add(f"`{domain['hostname']}`: certificate **")
        if domain["status"] == "pending":
            told.add(f"`{domain['hostname']}` **awaits DNS** to {domain['cname']}")
        if domain["kind"] == "custom" and not it["acm"] and not domain["sni_endpoint"]:
            told.add(f"`{domain['hostname']}` has **no certificate**")
    told |= {"**two releases**"} if len(regular) > 1 else set()
    told |= {"**no dyno**"} if all(dyno["type"] in once for dyno in things.dynos) else set()
    told |= {"the app is in **maintenance**"} if it["maintenance"] else set()
    told |= {f"the last release is **{one['status']}" for one in releases_of(app)[:1] if one["status"] != "succeeded"}
    lines = [line.removeprefix("- ") for line in incident_page(app)[1].splitlines()]
    lines = [line for line in lines if ", the last release, " not in line]
    found = [line for line in lines if not line.startswith(("Its ", "It was never released."))]
    assert len(found) == len(told)
    assert all(any(line.startswith(start) for line in found) for start in told)
    assert len(lines) - len(found) <= 3  # what is well is said of dynos, add-ons, domains


@pytest.mark.parametrize("app", full_except(sorted(OF), *sorted(OF)[::4]))
def test_the_incident_page_names_first_who_may_do_most(app: str) -> None:
    told = {email: len(may | {"view"}) for (name, email), may in reached().items() if name == app}
    found = incident_page(app)[0]["people"]
    may = {row["who"]: len(row["may"].split(", ")) for row in found}
    assert may == told
    assert list(may.values()) == sorted(told.values(), reverse=True)


@cache
def deadlines() -> list[dict[str, Any]]:
    with Session("demo") as session:
        run_with(session, 'time.set_now("2026-11-20T09:00:00Z")')
        rows = session.run("return heroku.tables.deadlines()").value
    return [dict(row) for row in rows]


@pytest.mark.parametrize("app", full_except(sorted(OF), *sorted(OF)[::4]))
def test_the_incident_page_has_the_deadlines_of_the_app(app: str) -> None:
    columns = ("day", "days_left", "kind", "what", "scheduled_for")
    told = [{name: row[name] for name in columns} for row in deadlines() if row["app"] == app]
    found = [{name: row.get(name) for name in columns} for row in incident_page(app)[0]["deadlines"]]
    assert sorted(found, key=str) == sorted(told, key=str)
