"""Addresses of the demo's API, for each link of Heroku's schema, with what its own records have in the places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.models import ident

HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}
PERIOD = {"start": "2026-09", "end": "2026-11"}
DAYS = {"start": "2026-11-01", "end": "2026-11-03"}

# What stands in a place is in the list before it. Where Heroku has no such list, it is in these.
SOURCES = (
    ("/client/v11/apps|/data/maintenances/v1/apps", "/apps", "id"),
    ("/client/v11/databases|/data/.*|/(postgres|redis)/v0/databases", "/addons", "id"),
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
    "account.identity": "user.email",
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


def query(path: str) -> dict[str, str]:
    """Return the query that a path needs."""
    return (DAYS if path.endswith("daily") else PERIOD) if "/usage/" in path else {}


@cache
def answer(path: str, apps: int | None = None) -> Any:
    """Return what a path answers; None if that does not exist, or is a database that does not answer."""
    found = client(apps).get(path, params=query(path), headers={"Range": "id ..; max=1000"})
    no_database = (403, 422) if "/databases/" in path else ()
    assert found.status_code in (200, 206, 404, *no_database), found.text
    return None if found.status_code >= 400 else found.json()


def inside(record: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        record = record[int(part)] if part.isdecimal() and record else record and record[part]
    return record


def places(path: str, apps: int | None = None) -> Iterator[str]:
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
