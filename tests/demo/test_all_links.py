"""Every link of Heroku's schema that reads something: it is answered, as the schema says, and about one company."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

import jsonschema
import pytest
from demo_links import answer, client, client_of, places
from heroku_schema import formats, official_schema

from kosmo_kernel.demo import NOW
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts

Record = dict[str, Any]
OF_THE_SCHEMA = [link for link in facts().links if not link.host]
LINKS = [pytest.param(link, id=f"{link.owner} {link.path}") for link in OF_THE_SCHEMA]
SAMPLE = LINKS[::6]
ERROR = ["resource", "id", "message"]  # the form of an error for what does not exist
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def records(link: LinkFact, apps: int | None, most: int = 60) -> list[Record]:
    """Return what some addresses of a link answer, of those that exist."""
    found: list[Record] = []
    for path in itertools.islice(places(link.path, apps), 500):
        one = answer(path, apps)
        found += one if isinstance(one, list) else [] if one is None else [one]
        if len(found) >= most:
            break
    return found


EACH = [*SAMPLE, *(pytest.param(*one.values, id=one.id, marks=pytest.mark.full) for one in LINKS if one not in SAMPLE)]


@pytest.mark.parametrize("link", EACH)
def test_a_link_is_answered_with_the_fields_that_the_facts_have(link: LinkFact) -> None:
    found = records(link, None)
    assert found
    known = {field.name.partition(".")[0].partition("[")[0] for field in facts().fields(link.resource)}
    assert not known or {name for record in found for name in record} <= known


@pytest.mark.parametrize("link", EACH)
def test_what_a_link_answers_is_as_herokus_schema_says(link: LinkFact) -> None:
    schema = {**shape(link), "definitions": official_schema()}
    validator = jsonschema.Draft4Validator(schema, format_checker=formats())
    found = [*records(link, None), *records(link, 30)]
    errors = {f"{error.json_path}: {error.message}" for record in found for error in validator.iter_errors(record)}
    assert sorted(errors)[:10] == []


# The lists that a reference leads to, by its name. A stack may be one that Heroku lists no more.
LEADS_TO = {
    "addon": "/addons",
    "addon_service": "/addon-services",
    "app": "/apps",
    "dyno_size": "/dyno-sizes",
    "enterprise_account": "/enterprise-accounts",
    "generation": "/generations",
    "pipeline": "/pipelines",
    "region": "/regions",
    "space": "/spaces",
    "team": "/teams",
}
# The identifiers of what an app out of reach lends, and of that app: nothing lists them.
LENT = {
    key
    for addon in company().borrowed_addons
    if company().find(addon["app"]["id"]) is None
    for key in (addon["id"], addon["app"]["id"])
}


def wrong_references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from wrong_references(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            known = LEADS_TO.get(name) if isinstance(inner, dict) and "id" in inner else None
            if known and inner["id"] not in {record["id"] for record in answer(known, None)} | LENT:
                yield f"{name} {inner}"
            yield from wrong_references(inner)


@pytest.mark.parametrize("link", EACH)
def test_what_a_record_refers_to_is_there(link: LinkFact) -> None:
    assert list(wrong_references(records(link, None))) == []


@pytest.mark.parametrize(
    ("whole", "parts"),
    {
        "/addon-region-capabilities": "/addon-services/{add-on-service.identity}/region-capabilities",
        "/addons": "/teams/{team.identity}/addons",
        "/pipeline-couplings": "/pipelines/{pipeline.id}/pipeline-couplings",
        "/spaces": "/teams/{team.identity}/spaces",
    }.items(),
)
def test_a_list_of_the_whole_account_has_what_its_parts_have(whole: str, parts: str) -> None:
    everything = answer(whole, None)
    found = [record for path in places(parts, None) for record in answer(path, None)]
    key = operator.itemgetter("id")
    if whole == "/addons":  # apps without a team have some, too
        teams = {record["app"]["id"] for record in found}
        everything = [record for record in everything if record["app"]["id"] in teams]
    assert sorted(found, key=key) == sorted(everything, key=key)


def test_all_times_move_by_as_much_and_nothing_else_does() -> None:
    with client_of(DemoApi(company(), moved=timedelta(days=31, hours=1))) as later:
        for path in ("/apps", "/apps/my-app/releases", "/apps/courier-app/sni-endpoints", "/account"):
            now, then = (one.get(path, headers={"Range": "id ..; max=1000"}).text for one in (client(), later))
            assert TIME.sub("", now) == TIME.sub("", then)
            pairs = zip(TIME.findall(now), TIME.findall(then), strict=True)
            differences = {datetime.fromisoformat(b) - datetime.fromisoformat(a) for a, b in pairs}
            assert differences == {timedelta(days=31, hours=1)}
        newest = later.get("/apps/my-app/builds", headers={"Range": "started_at ..; max=2, order=desc"})
        first, second = (build["created_at"] for build in newest.json())
        assert "2026-12-17" > first > second
        assert newest.headers["Next-Range"] == f"started_at ]{second}..; max=2, order=desc"
        [team, *_] = answer("/teams", None)
        months = later.get(f"/teams/{team['id']}/usage/monthly", params={"start": "2026-11", "end": "2027-03"}).json()
        assert [month["month"] for month in months] == ["2026-11", "2026-12"]


def test_an_app_that_was_never_released_has_no_builds() -> None:
    with client_of(DemoApi(company(1, seed=26))) as one:
        assert one.get("/apps/my-app").json()["released_at"] is None
        assert one.get("/apps/my-app/builds").json() == []


# What a path may have in its places


def test_a_record_is_found_by_each_name_that_heroku_has_for_it_and_by_no_other() -> None:
    wrong = []
    for link in (one for one in OF_THE_SCHEMA if one.path.endswith("}") and one.returns == "record"):
        place, path = link.placeholders[-1], next(path for path in places(link.path) if answer(path))
        above, record = path.rpartition("/")[0], answer(path)
        user = record.get("user", {})
        named = user if user and place.startswith("account.") else user | record
        ways = [one.partition(" ")[0] for one in facts().parameters[place]]
        names = [quote(str(named[way]), safe="") for way in ways if named.get(way) is not None]
        wrong += [f"{above}/{name}" for name in names if answer(f"{above}/{name}") != record]
        for value in ("no-such-thing", "None", "01234567-89ab-cdef-0123-456789abcdef"):
            refused = client().get(f"{above}/{value}")
            if (refused.status_code, refused.json().get("id"), list(refused.json())) != (404, "not_found", ERROR):
                wrong.append(f"{above}/{value}: {refused.text}")
    assert wrong == []


@pytest.mark.parametrize(
    "path",
    [
        "/pipelines/last-mile/latest-builds",
        "/teams/larkmoor/usage/monthly?start=2026-11",
        "/users/tom.ashby@postbox.example",
    ],
)
def test_where_heroku_wants_an_identifier_or_the_account_itself_no_name_will_do(path: str) -> None:
    assert client().get(path).status_code == 404


def test_the_account_itself_is_found_among_the_members_of_a_space() -> None:
    assert answer("/spaces/larkmoor-secure/members/~")["user"]["email"] == answer("/account")["email"]


# What audits look for


def test_the_company_has_what_audits_look_for() -> None:
    stacks = {stack["name"]: stack["state"] for stack in answer("/stacks", None)}
    assert (stacks["heroku-26"], stacks["heroku-24"], stacks["heroku-22"]) == ("public", "public", "deprecated")
    assert "heroku-20" not in stacks
    zero = [one["type"] for one in answer("/apps/price-quotes/formation", None) if one["quantity"] == 0]
    assert zero == ["worker"]
    releases = {one["version"]: one for one in answer("/apps/my-app/releases", None)}
    rollback = releases[41]
    assert rollback["slug"] == releases[int(rollback["description"].removeprefix("Rollback to v"))]["slug"]
    assert answer("/apps/courier-app/releases/241", None)["description"] == "Rollback to v238"
    assert [answer(f"/apps/address-checker/releases/{n}", None)["status"] for n in (96, 97)] == ["succeeded", "failed"]
    assert releases[40]["status"] == "failed"
    assert "fictional" in releases[40]["output_stream_url"]
    assert [one["release"] for one in answer("/apps/my-app/builds", None) if one["status"] == "failed"] == [None]
    ends = {
        name: min(one["ssl_cert"]["expires_at"] for one in answer(f"/apps/{name}/sni-endpoints", None))
        for name in ("courier-app", "parcel-tracker", "wholesale-portal")
    }
    assert [name for name, end in ends.items() if NOW < end < "2026-12-20"] == ["courier-app", "wholesale-portal"]
    variables = {
        one: answer(f"/apps/{one}/config-vars", None) for one in [app["name"] for app in answer("/apps", None)]
    }
    production, staging = variables["parcel-tracker"], variables["parcel-tracker-staging"]
    assert {"CDN_HOST", "ERROR_DSN"} <= production.keys() - staging.keys()
    assert {"DEBUG_EVENTS", "FEATURE_NEW_MAP"} <= staging.keys() - production.keys()
    assert variables["customs-forms"]["SMTP_PASSWORD"] == variables["price-quotes"]["SMTP_PASSWORD"]
    assert variables["booking-api"]["SMTP_PASSWORD"] != variables["price-quotes"]["SMTP_PASSWORD"]
    assert variables["booking-api"]["DATABASE_URL"] == variables["label-printer"]["DATABASE_URL"]
    old = [
        one["user"]["email"] for one in answer("/teams/larkmoor/invitations", None) if one["created_at"] < "2026-10-21"
    ]
    assert old == ["bruno@pixelbarn.example"]
    admins = [one for one in answer("/teams/larkmoor-labs/members", None) if one["role"] == "admin"]
    assert [one["two_factor_authentication"] for one in admins] == [True, False]
    assert [space["name"] for space in answer("/spaces", None)] == ["larkmoor-fir", "larkmoor-secure", "larkmoor-pilot"]
    assert len(answer("/pipelines", None)) == 4


@cache
def shapes() -> dict[str, Record]:
    """Return what each link returns, by its path."""
    return {
        read_path(link["href"]): link.get("targetSchema", {"$ref": f"#/definitions/{name}"})
        for name, definition in official_schema().items()
        for link in definition.get("links", ())
        if link["method"] == "GET"
    }


def read_path(href: str) -> str:
    return re.sub(r"\{\(#/definitions/([\w-]+)/definitions/([\w-]+)\)\}", r"{\1.\2}", unquote(href))


def shape(link: LinkFact) -> Record:
    found = shapes()[link.path]
    return {"$ref": found.get("items", found).get("$ref", f"#/definitions/{link.owner}")}
