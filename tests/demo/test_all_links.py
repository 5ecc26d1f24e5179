"""Every link of Heroku's schema that reads something: it is answered, as the schema says, and about one company."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
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
    transport = httpx.WSGITransport(app=DemoApi(company(apps), capacity=10**7))
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


@pytest.mark.parametrize(
    "link",
    [*SAMPLE, *(pytest.param(*one.values, id=one.id, marks=pytest.mark.full) for one in LINKS if one not in SAMPLE)],
)
def test_a_link_is_answered_as_herokus_schema_says(link: LinkFact) -> None:
    found = records(link, None)
    assert found
    schema = {**shape(link), "definitions": official_schema()}
    validator = jsonschema.Draft4Validator(schema, format_checker=formats())
    errors = {f"{error.json_path}: {error.message}" for record in found for error in validator.iter_errors(record)}
    assert sorted(errors)[:10] == []
    known = {field.name.partition(".")[0].partition("[")[0] for field in facts().fields(link.resource)}
    assert not known or {name for record in found for name in record} <= known


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
