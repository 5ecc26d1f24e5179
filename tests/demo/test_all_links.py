"""Every link of Heroku's schema that reads something: it is answered, as the schema says, and about one company."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import unquote

import httpx
import jsonschema
import pytest
from official_schema import formats, official_schema

from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.demo.company import company
from kosmo_kernel.demo.models import ident
from kosmo_kernel.demo.times import NOW
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts

Record = dict[str, Any]
HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}
LINKS = [pytest.param(link, id=f"{link.owner} {link.path}") for link in facts().links]
SAMPLE = LINKS[::6]
PERIOD = {"start": "2026-09", "end": "2026-11"}
DAYS = {"start": "2026-11-01", "end": "2026-11-03"}

# What stands in a place is in the list before it. Where Heroku has no such list, it is in these.
SOURCES = (
    ("/app-setups", "/pipelines/{pipeline.id}/review-apps", "app_setup.id"),
    (r"(/apps/[^/]+)/oci-images", r"\1/releases", "artifacts.0.id"),
    (r"(/apps/[^/]+)/slugs", r"\1/builds", "slug.id"),
    ("(/enterprise-accounts/.*)/archives/[0-9]+", r"\1/archives", "month"),
    ("/plans", "/addon-services/heroku-redis/plans", "id"),
    ("/review-apps", "/pipelines/{pipeline.id}/review-apps", "id"),
    ("/teams/apps", "/teams/{team.id}/apps", "name"),
    ("/teams/invitations", "/teams/{team.name}/invitations", "id"),
    ("/telemetry-drains", "/spaces/{space.identity}/telemetry-drains", "id"),
    ("/test-runs", "/pipelines/{pipeline.id}/test-runs", "id"),
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
FIELDS = {
    "archive.year": "year",
    "invoice.identity": "number",
    "peering.pcx_id": "pcx_id",
    "team-app-collaborator.identity": "user.email",
    "team-app.identity": "name",
    "team-invoice.identity": "number",
    "team.name": "name",
    "test-run.number": "number",
}


@cache
def client(apps: int | None = None) -> httpx.Client:
    return client_of(DemoApi(company(apps), capacity=10**7))


def client_of(api: DemoApi) -> httpx.Client:
    transport = httpx.WSGITransport(app=api)
    return httpx.Client(transport=transport, base_url="http://api.heroku.example", headers=HEADERS)


@cache
def answer(path: str, apps: int | None) -> Any:
    """Return what a path answers; None if that does not exist."""
    period = (DAYS if path.endswith("daily") else PERIOD) if "/usage/" in path else {}
    found = client(apps).get(path, params=period, headers={"Range": "id ..; max=1000"})
    assert found.status_code in (200, 206, 404), found.text
    return None if found.status_code == 404 else found.json()


def inside(record: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        record = record[int(part)] if part.isdecimal() and record else record and record[part]
    return record


def places(path: str, apps: int | None) -> Iterator[str]:
    """Yield the ways to fill the places of a path, from what the lists before them have."""
    before, brace, rest = path.partition("{")
    if not brace:
        yield path
        return
    place, _, after = rest.partition("}")
    for value in values(before.rstrip("/"), place, apps):
        yield from places(f"{before}{value}{after}", apps)


def values(above: str, place: str, apps: int | None) -> Iterator[str]:
    if place == "pipeline-coupling.stage":
        yield "review"
    elif above == "/users":
        yield "~"
    elif above == "/pipeline-promotions":  # nothing lists them
        yield from (ident("promotion", record["name"]) for record in answer("/pipelines", apps))
    else:
        source, field = source_of(above, place)
        for one in places(source, apps):
            for record in (answer(one, apps) or [])[:60]:
                if value := inside(record, field):
                    yield str(value)


def source_of(above: str, place: str) -> tuple[str, str]:
    """Return the list that has what stands in a place, and the field."""
    for pattern, source, field in SOURCES:
        if match := re.fullmatch(pattern, above):
            return match.expand(source), field
    return above, FIELDS.get(place, "id")


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


def wrong_references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from wrong_references(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            known = LEADS_TO.get(name) if isinstance(inner, dict) and "id" in inner else None
            if known and inner["id"] not in {record["id"] for record in answer(known, None)}:
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
    assert [space["name"] for space in answer("/spaces", None)] == ["larkmoor-fir", "larkmoor-secure"]
    assert len(answer("/pipelines", None)) == 3


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
