"""The companies of the demo: records as Heroku describes them, and in each what an audit looks for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import heroku_facts
import jsonschema
import pytest
from audit_cells import IN_PYTHON, ON_REQUEST, QUESTIONS, answers
from heroku_facts import RESOURCES, Fact
from heroku_schema import COMPANIES, formats, official_schema

from kosmo_kernel.demo import NOW
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.company_data import account_record
from kosmo_kernel.integrations.heroku.demo.models import App

Record = dict[str, Any]


@cache
def records(apps: int | None) -> dict[str, list[Record]]:
    return heroku_facts.records(company(apps))


LARKMOOR = records(None)


# --- what Heroku says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apps", COMPANIES.values(), ids=COMPANIES)
@pytest.mark.parametrize("resource", RESOURCES)
def test_every_record_has_the_properties_that_heroku_declares(resource: str, apps: int | None) -> None:
    found = records(apps)[resource]
    assert found
    assert {f for record in found for f in heroku_facts.faults(record, RESOURCES[resource])} == set()


def test_the_check_of_a_record_sees_what_is_wrong() -> None:
    good = LARKMOOR["app"][0]
    for bad in (
        good | {"status": "up"},
        {name: value for name, value in good.items() if name != "acm"},
        good | {"stack": None},
        good | {"stack": {"name": "heroku-24"}},
        good | {"slug_size": "12"},
        good | {"created_at": "yesterday"},
        dict(reversed(good.items())),
    ):
        assert heroku_facts.faults(bad, RESOURCES["app"]) != []


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_declared_property_has_a_value_somewhere_or_is_null(resource: str) -> None:
    def names(value: Any, name: str) -> set[str]:
        if isinstance(value, list):
            return {name}.union(*(names(item, f"{name}[]") for item in value if isinstance(item, dict)))
        if isinstance(value, dict):
            return {name}.union(*(names(item, f"{name}.{key}") for key, item in value.items()))
        return {name}

    found = {name.removeprefix(".") for record in LARKMOOR[resource] for name in names(record, "")}
    assert found - {"", "permissions[]", "actions[]"} == set(RESOURCES[resource].facts)


@pytest.mark.parametrize("apps", COMPANIES.values(), ids=COMPANIES)
@pytest.mark.parametrize("resource", RESOURCES)
def test_every_record_satisfies_herokus_own_schema(resource: str, apps: int | None) -> None:
    schema = {"$ref": f"#/definitions/{resource}", "definitions": official_schema()}
    validator = jsonschema.Draft4Validator(schema, format_checker=formats())
    errors = [error for record in records(apps)[resource] for error in validator.iter_errors(record)]
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    assert not validator.is_valid(records(apps)[resource][0] | {"created_at": "yesterday"})


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_table_of_facts_is_what_herokus_schema_says(resource: str) -> None:
    definitions = official_schema()

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = {"definitions": definitions}
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def facts(properties: dict[str, Any], inside: str) -> dict[str, Fact]:
        found: dict[str, Fact] = {}
        for name, declared in properties.items():
            node = resolved(declared)
            kinds = [node["type"]] if isinstance(node["type"], str) else node["type"]
            kind = "timestamp" if node.get("format") == "date-time" else next(k for k in kinds if k != "null")
            values = tuple(value for value in node.get("enum", ()) if value is not None)
            found[inside + name] = Fact(kind, "null" in kinds, optional=False, values=values)
            found |= facts(node.get("properties", {}), f"{inside}{name}.")
            found |= facts(resolved(node.get("items", {})).get("properties", {}), f"{inside}{name}[].")
        return found

    ours = {name: fact._replace(optional=False) for name, fact in RESOURCES[resource].facts.items()}
    assert list(facts(definitions[resource]["properties"], "").items()) == list(ours.items())


# --- what audits look for --------------------------------------------------------------------------------------------


def hours(record: Record, field: str) -> float:
    """Return how long ago that was."""
    return (datetime.fromisoformat(NOW) - datetime.fromisoformat(record[field])) / timedelta(hours=1)


def apps_where(holds: Callable[[Record], Any]) -> list[str]:
    return [app["name"] for app in LARKMOOR["app"] if holds(app)]


def where(resource: str, holds: Callable[[Record], Any]) -> list[str]:
    """Return the names of the apps that have such a record, each once."""
    return list(dict.fromkeys(r["app"]["name"] for r in LARKMOOR[resource] if holds(r)))


def outside(collaborator: Record) -> bool:
    return not collaborator["user"]["email"].endswith(("@larkmoor.example", "@herokumanager.com"))


FREE = {"mailfinch:nest", "scheduler:standard"}
WITHOUT_DYNOS = {app["name"] for app in LARKMOOR["app"]} - {d["app"]["name"] for d in LARKMOOR["dyno"]}
RELEASES = Counter(app for app, _ in {(d["app"]["name"], d["release"]["version"]) for d in LARKMOOR["dyno"]})

SITUATIONS: dict[str, list[str]] = {
    "a stack past its end of life": apps_where(lambda a: a["stack"]["name"] == "heroku-20"),
    "a stack near its end of life": apps_where(lambda a: a["stack"]["name"] == "heroku-22"),
    "another stack at the next build": apps_where(lambda a: a["stack"] != a["build_stack"]),
    "no release for half a year": apps_where(lambda a: a["released_at"] and hours(a, "released_at") > 180 * 24),
    "never released": apps_where(lambda a: a["released_at"] is None and a["slug_size"] is None),
    "in maintenance": apps_where(lambda a: a["maintenance"]),
    "without a web address": apps_where(lambda a: a["web_url"] is None),
    "owned by a person": apps_where(lambda a: a["team"] is None),
    "owned by a team": apps_where(
        lambda a: a["owner"]["email"] == f"{(a['team'] or {}).get('name')}@herokumanager.com"
    ),
    "in a shielded space": apps_where(lambda a: a["space"] and a["space"]["shield"]),
    "of the Fir generation": apps_where(lambda a: a["generation"]["name"] == "fir"),
    "Fir names of dynos": where("dyno", lambda d: d["name"].startswith("web-") and d["type"] == "web"),
    "a crashed dyno": where("dyno", lambda d: d["state"] == "crashed"),
    "an idle Eco dyno": where("dyno", lambda d: d["state"] == "idle" and d["size"] == "Eco"),
    "a dyno that starts": where("dyno", lambda d: d["state"] == "starting"),
    "a dyno that is down": where("dyno", lambda d: d["state"] == "down"),
    "a forgotten console": where("dyno", lambda d: d["type"] == "run" and hours(d, "created_at") > 24),
    "a console in use": where("dyno", lambda d: d["type"] == "run" and hours(d, "created_at") < 1),
    "a way into a console": where("dyno", lambda d: d["attach_url"]),
    "a size in lower case": where("dyno", lambda d: d["size"] == "standard-1X"),
    "dynos on two releases": [app for app, releases in RELEASES.items() if releases > 1],
    "paid add-ons without dynos": where(
        "add-on", lambda a: a["app"]["name"] in WITHOUT_DYNOS and a["plan"]["name"] not in FREE
    ),
    "an add-on that is being made": where(
        "add-on", lambda a: (a["state"], a["web_url"], a["provider_id"]) == ("provisioning", None, "")
    ),
    "an add-on that is gone": where("add-on", lambda a: a["state"] == "deprovisioned"),
    "a message about an add-on": where("add-on", lambda a: "provision_message" in a),
    "a price by contract": where("add-on", lambda a: a["billed_price"] and a["billed_price"]["contract"]),
    "a price that is not shown": where("add-on", lambda a: a["billed_price"] is None),
    "a bill to the app itself": where("add-on", lambda a: a["billing_entity"]["type"] == "app"),
    "an entry plan": where("add-on", lambda a: "essential" in a["plan"]["name"]),
    "a certificate that fails, with a reason": where(
        "domain", lambda d: d["acm_status"] in ("failing", "failed") and d["acm_status_reason"]
    ),
    "a domain that waits": where("domain", lambda d: (d["status"], d["acm_status"]) == ("pending", "pending")),
    "a domain without a certificate": where(
        "domain", lambda d: (d["kind"], d["acm_status"], d["sni_endpoint"]) == ("custom", None, None)
    ),
    "a person from outside": where("collaborator", outside),
    "no role": where("collaborator", lambda c: "role" not in c and "permissions" not in c),
    "a role of null": where("collaborator", lambda c: c.get("role", "") is None),
    "a member with permissions": where("collaborator", lambda c: c.get("role") == "member" and c["permissions"]),
    "a person as owner": where("collaborator", lambda c: c.get("role") == "owner" and "permissions" not in c),
    "a team as owner": where("collaborator", lambda c: c.get("role") == "owner" and c.get("permissions") == []),
    "a plain collaborator of a team's app": where("collaborator", lambda c: c.get("role") == "collaborator"),
    "an employee outside the directory": where(
        "collaborator", lambda c: not outside(c) and not c["user"]["federated"] and "larkmoor." in c["user"]["email"]
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_audit_finds_something_but_not_everything(situation: str) -> None:
    assert 1 <= len(SITUATIONS[situation]) < len(LARKMOOR["app"])


def test_one_who_left_can_still_reach_several_apps() -> None:
    reached = where("collaborator", lambda c: c["user"]["email"] == "tom.ashby@postbox.example")
    assert len(reached) >= 5


def test_an_add_on_that_is_shared_is_listed_under_each_app_and_names_its_owner() -> None:
    shown = company()
    [shared] = [a for a in shown.addons if a["name"] == "postgresql-curved-41902"]
    listed = [app["name"] for app in shown.apps for a in [shown.resources_of(app)] if shared in a.addons + a.attached]
    assert (shared["app"]["name"], listed) == ("booking-api", ["booking-api", "label-printer"])
    assert shown.addons.count(shared) == 1


def test_my_app_has_something_of_everything() -> None:
    for shown in (company(), company(3)):
        app = shown.find("my-app")
        assert app
        assert app is shown.find(app["id"])
    things = company().resources_of(company().apps[10])
    assert {r["app"]["name"] for r in (*things.dynos, *things.addons, *things.domains, *things.collaborators)} == {
        "my-app"
    }


# --- fiction, and the same one every time ----------------------------------------------------------------------------


@pytest.mark.parametrize("apps", COMPANIES.values(), ids=COMPANIES)
def test_no_address_is_a_real_one(apps: int | None) -> None:
    found = records(apps)
    emails = [r["user"]["email"] for r in found["collaborator"]] + [r["owner"]["email"] for r in found["app"]]
    assert {e for e in emails if not e.endswith((".example", "@herokumanager.com"))} == set()
    hosts = {r["hostname"] for r in found["domain"]}
    assert {h for h in hosts if not h.endswith((".larkmoor.example", ".herokuapp.com"))} == set()
    attached = {urlsplit(r["attach_url"]).hostname for r in found["dyno"] if r["attach_url"]}
    assert {h for h in attached if not str(h).endswith(".example")} == set()


@pytest.mark.parametrize("apps", COMPANIES.values(), ids=COMPANIES)
def test_nothing_lies_in_the_future_and_nothing_changes_before_it_exists(apps: int | None) -> None:
    dated = [r for found in records(apps).values() for r in found]
    assert {r["id"] for r in dated if not r["created_at"] <= r["updated_at"] <= NOW} == set()
    assert {a["name"] for a in records(apps)["app"] if a["released_at"] and a["released_at"] < a["created_at"]} == set()


@pytest.mark.parametrize("apps", COMPANIES.values(), ids=COMPANIES)
def test_identifiers_and_names_are_unique(apps: int | None) -> None:
    for resource, found in records(apps).items():
        once = {json.dumps(record): record for record in found}.values()
        assert max(Counter(record["id"] for record in once).values()) == 1, resource
    for resource in ("app", "add-on"):
        assert max(Counter({r["id"]: r["name"] for r in records(apps)[resource]}.values()).values()) == 1


def all_of(shown: Company) -> str:
    return json.dumps([shown.account, shown.apps, shown.addons, [list(map(repr, map(shown.resources_of, shown.apps)))]])


def test_a_company_is_the_same_every_time_and_another_one_for_another_seed() -> None:
    assert all_of(company()) == all_of(company())
    assert all_of(company(40)) == all_of(company(40, seed=1))
    assert all_of(company(40)) != all_of(company(40, seed=2))


def test_a_larger_company_begins_like_a_smaller_one() -> None:
    small, large = company(30), company(60)
    assert large.apps[:30] == small.apps
    assert list(map(large.resources_of, small.apps)) == list(map(small.resources_of, small.apps))


def test_what_belongs_to_an_app_is_made_when_somebody_asks_and_once() -> None:
    asked: list[int] = []

    apps = [App(f"app-{n}", "team", None, "heroku-24", "eu", NOW, None) for n in range(5)]

    def with_resources(position: int) -> App:
        asked.append(position)
        return apps[position]

    shown = Company(account_record(), apps, with_resources)
    assert asked == []
    assert shown.resources_of(shown.apps[3]) is shown.resources_of(shown.apps[3])
    assert asked == [3]
    assert shown.addons == []
    assert asked == [3, 0, 1, 2, 4]


def test_a_company_may_be_empty_but_not_less() -> None:
    assert (company(0).apps, company(0).addons) == ([], [])
    with pytest.raises(SettingsError, match="-1 apps"):
        company(-1)


NOTEBOOKS: dict[str, dict[str, str]] = {place.partition("/")[0]: {} for place in QUESTIONS.values()}
NOTEBOOKS["incident"] = {"name": "my-app"}


@pytest.mark.full
@pytest.mark.parametrize(("size", "seed"), [(40, 1), (40, 2), (60, 1), (60, 5), (300, 1)])
def test_each_question_has_an_answer(size: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kosmo_kernel.integrations.heroku.demo.api.company", lambda: company(size, seed))
    # Answers are kept by notebook, and this is another company than the one they are kept of.
    found = {notebook: answers.__wrapped__(notebook, **given) for notebook, given in NOTEBOOKS.items()}
    apps = {row["app"] for row in found["access-audit"]["may"]}
    places = {question: place for question, place in QUESTIONS.items() if place not in ON_REQUEST | IN_PYTHON}
    assert [question for question, place in places.items() if not is_answered(found, place)] == []
    assert apps == {app["name"] for app in company(size, seed).apps}


def is_answered(found: dict[str, dict[str, Any]], place: str) -> bool:
    """Return whether a cell gave rows; one that shows several tables, whether all have some."""
    notebook, _, name = place.partition("/")
    told = found[notebook][name]
    return bool(told) and all(table != [] for table in told)
