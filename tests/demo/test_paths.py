"""Test what the demo has for strangers' clients: teams, releases, formations, attachments, and forms of records.

Everything that can be asked in two ways has to be the same in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import jsonschema
import pytest
from heroku_schema import COMPANIES, formats, official_schema

from kosmo_kernel.demo import NOW
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company

Record = dict[str, Any]
HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}
RANKS = ("admin", "member", "collaborator")

# The lists that only other clients ask for, by the names of Heroku's schema, and the properties of their records.
LISTS = {
    "/apps/booking-api/formation": ("formation", "app command created_at dyno_size id quantity size type updated_at"),
    "/apps/booking-api/releases": (
        "release",
        (
            "addon_plan_names artifacts app created_at description id updated_at slug status user version current "
            "output_stream_url eligible_for_rollback"
        ),
    ),
    "/apps/label-printer/addon-attachments": (
        "add-on-attachment",
        "addon app created_at id name namespace updated_at web_url log_input_url",
    ),
    "/teams": (
        "team",
        (
            "id created_at credit_card_collections default enterprise_account identity_provider membership_limit name "
            "provisioned_licenses role type updated_at"
        ),
    ),
    "/teams/larkmoor/members": (
        "team-member",
        "created_at email federated id identity_provider role two_factor_authentication updated_at user",
    ),
    "/teams/larkmoor/apps": (
        "team-app",
        (
            "archived_at buildpack_provided_description build_stack created_at git_url id internal_routing joined "
            "locked maintenance name team owner region released_at repo_size slug_size space stack updated_at web_url"
        ),
    ),
    "/teams/permissions": ("team-app-permission", "name description"),
}
NOT_PAGED = ("/teams/permissions", "/apps/booking-api/releases")  # the second one has very many pages of one record
PAGED = [
    *(path for path in LISTS if path not in NOT_PAGED),
    "/apps/my-app/releases",
    "/addon-attachments",
    "/users/~/apps",
]


def inside(shown: Company) -> httpx.Client:
    return httpx.Client(
        transport=httpx.WSGITransport(app=DemoApi(shown, capacity=100_000)),
        base_url="http://api.heroku.example",
        headers=HEADERS,
    )


@cache
def known(apps: int | None) -> Company:
    return company(apps)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with inside(known(None)) as opened:
        yield opened


@pytest.fixture(params=list(COMPANIES.values()), ids=list(COMPANIES))
def shown(request: pytest.FixtureRequest) -> Company:
    found: Company = known(request.param)
    return found


@pytest.fixture
def either(shown: Company) -> Iterator[httpx.Client]:
    """Yield a client of either company."""
    with inside(shown) as opened:
        yield opened


def whole(client: httpx.Client, path: str, first: str = "id ..; max=1000") -> list[Record]:
    """All pages of a list."""
    found: list[Record] = []
    following: str | None = first
    while following:
        answer = client.get(path, headers={"Range": following})
        assert answer.is_success, answer.text
        found += answer.json()
        following = answer.headers.get("Next-Range")
    return found


# --- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
def test_every_record_has_herokus_properties(client: httpx.Client, path: str) -> None:
    found = client.get(path).json()
    assert found
    assert {frozenset(record) for record in found} == {frozenset(LISTS[path][1].split())}


@pytest.mark.parametrize("path", LISTS)
def test_every_record_satisfies_herokus_schema(client: httpx.Client, path: str) -> None:
    resource, properties = LISTS[path]
    definitions = official_schema()
    assert set(definitions[resource]["properties"]) == set(properties.split())
    schema = {"$ref": f"#/definitions/{resource}", "definitions": definitions}
    validator = jsonschema.Draft4Validator(schema, format_checker=formats())
    assert [f"{e.json_path}: {e.message}" for one in client.get(path).json() for e in validator.iter_errors(one)] == []


@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pages_of_any_size_give_the_whole_list(client: httpx.Client, path: str, size: int) -> None:
    all_of_it = whole(client, path)
    assert whole(client, path, f"id ..; max={size}") == all_of_it
    assert len({record["id"] for record in all_of_it}) == len(all_of_it)


def test_one_record_is_found_by_what_names_it(client: httpx.Client) -> None:
    for path, name in {
        "/apps/my-app/formation": "type",
        "/apps/my-app/releases": "version",
        "/apps/my-app/addon-attachments": "name",
        "/teams": "name",
    }.items():
        for record in client.get(path).json():
            assert client.get(f"{path}/{record[name]}").json() == record
            assert client.get(f"{path}/{record['id']}").json() == record
    [first, *_] = client.get("/addon-attachments").json()
    assert client.get(f"/addon-attachments/{first['id']}").json() == first


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/teams/nobodys", "team"),
        ("/teams/nobodys/members", "team"),
        ("/teams/nobodys/apps", "team"),
        ("/users/someone@else.example/apps", "user"),
        ("/addons/none-such/addon-attachments", "addon"),
        ("/apps/my-app/releases/44", "release"),
        ("/apps/my-app/formation/clock", "formation"),
        ("/apps/nope/releases", "app"),
    ],
)
def test_what_does_not_exist_is_not_found(client: httpx.Client, path: str, resource: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["id"], answer.json()["resource"]) == (404, "not_found", resource)


# --- the same in two ways --------------------------------------------------------------------------------------------


def test_an_apps_add_ons_are_those_that_are_attached_to_it(either: httpx.Client, shown: Company) -> None:
    addons = {addon["id"]: addon for addon in (*whole(either, "/addons"), *shown.borrowed_addons)}
    attached: dict[str, set[str]] = {app["id"]: set() for app in shown.apps}
    for attachment in whole(either, "/addon-attachments"):
        attached[attachment["app"]["id"]].add(attachment["addon"]["id"])
    listed = {app["id"]: whole(either, f"/apps/{app['name']}/addons", "id ..; max=2") for app in shown.apps}
    assert listed == {app: [addons[addon] for addon in sorted(attached[app])] for app in attached}


def test_attachments_are_the_same_by_app_by_add_on_and_of_all(either: httpx.Client, shown: Company) -> None:
    everything = whole(either, "/addon-attachments")
    by_app = [one for app in shown.apps for one in whole(either, f"/apps/{app['id']}/addon-attachments")]
    names = dict.fromkeys(addon["name"] for addon in (*shown.addons, *shown.borrowed_addons))
    by_addon = [one for name in names for one in whole(either, f"/addons/{name}/addon-attachments")]
    assert sorted(by_app, key=lambda one: one["id"]) == everything
    assert sorted(by_addon, key=lambda one: one["id"]) == everything


def test_an_attachment_has_a_name_of_its_own_in_its_app_and_names_config_vars(shown: Company) -> None:
    names = [(one["app"]["name"], one["name"]) for one in shown.addon_attachments]
    assert len(set(names)) == len(names)
    owners = {addon["id"]: addon["app"] for addon in (*shown.addons, *shown.borrowed_addons)}
    assert {one["id"] for one in shown.addon_attachments if one["addon"]["app"] != owners[one["addon"]["id"]]} == set()
    taken = {(one["app"]["name"], one["addon"]["name"], one["name"]) for one in shown.addon_attachments}
    for addon in shown.addons:
        mine = [name for app, other, name in taken if (app, other) == (addon["app"]["name"], addon["name"])]
        assert all(var.startswith(tuple(f"{name}_" for name in mine)) for var in addon["config_vars"])


def test_a_formation_counts_the_dynos_that_are_no_one_offs(either: httpx.Client, shown: Company) -> None:
    for app in shown.apps:
        dynos = [d for d in shown.resources_of(app).dynos if d["type"] not in ("run", "scheduler")]
        wanted = Counter((dyno["type"], dyno["size"], dyno["command"]) for dyno in dynos)
        found = either.get(f"/apps/{app['name']}/formation").json()
        assert {(p["type"], p["size"], p["command"]): p["quantity"] for p in found if p["quantity"]} == wanted
        assert bool(found) == (app["released_at"] is not None)


def test_an_app_scaled_to_nothing_keeps_its_process_types(client: httpx.Client) -> None:
    found = client.get("/apps/holiday-labels/formation").json()
    assert {process["type"]: process["quantity"] for process in found} == {"web": 0, "worker": 0}


def test_releases_lead_from_the_apps_creation_to_what_runs_now(shown: Company) -> None:
    for app in shown.apps[:20]:
        found = shown.releases(app)
        if app["released_at"] is None:
            assert found == []
            continue
        assert [release["version"] for release in found] == list(range(1, len(found) + 1))
        times = [release["created_at"] for release in found]
        assert (times[0], times) == (app["created_at"], sorted(times))
        assert max(times) <= NOW
        running = [release for release in found if release["current"]]
        assert [(one["created_at"], one["status"]) for one in running] == [(app["released_at"], "succeeded")]
        assert [one["status"] for one in found[running[0]["version"] :]] in ([], ["failed"])


def test_what_was_built_for_an_old_release_is_gone(shown: Company) -> None:
    for app in shown.apps[:20]:
        found = shown.releases(app)
        kept = [one for one in found if one["status"] != "expired"]
        late = [one for one in kept if one["created_at"] < "2026-10-21T09:00:00Z" and one["status"] == "succeeded"]
        assert len(late) <= 20
        assert not any(one["eligible_for_rollback"] for one in found if one["status"] != "succeeded")


@pytest.mark.full
def test_every_dyno_runs_a_release_that_was_there_before_it(shown: Company) -> None:
    for app in shown.apps:
        made = {(release["id"], release["version"]): release["created_at"] for release in shown.releases(app)}
        for dyno in shown.resources_of(app).dynos:
            assert made[dyno["release"]["id"], dyno["release"]["version"]] <= dyno["created_at"], dyno["name"]


def test_a_release_was_made_by_one_who_could_and_knows_the_add_ons_of_its_time(shown: Company) -> None:
    for app in shown.apps[:20]:
        things = shown.resources_of(app)
        seats = {seat["user"]["email"]: seat for seat in things.collaborators}
        for release in shown.releases(app):
            email = release["user"]["email"]
            assert email == app["owner"]["email"] or seats[email]["created_at"] <= release["created_at"]
            assert email == app["owner"]["email"] or "deploy" in permissions(seats[email])
            plans = [a["plan"]["name"] for a in things.addons if a["created_at"] <= release["created_at"]]
            assert release["addon_plan_names"] == sorted(plans)


def permissions(seat: Record) -> list[str]:
    """Return what a person may do in an app; who has a seat in an app without a team may do all but give it away."""
    return [one["name"] for one in seat.get("permissions", [{"name": "deploy"}])]


def test_some_releases_failed_and_what_ran_before_stayed(client: httpx.Client) -> None:
    found = whole(client, "/apps/parcel-tracker/releases", "version ..; max=1000")
    failed = [number for number, release in enumerate(found) if release["status"] == "failed"]
    assert 1 <= len(failed) < len(found) / 10
    for number in failed:
        after = found[number + 1]
        assert after["description"].startswith("Deploy") or after["slug"] != found[number]["slug"]


def test_the_newest_releases_come_first_when_asked_by_number(client: httpx.Client) -> None:
    newest = client.get("/apps/parcel-tracker/releases", headers={"Range": "version ..; max=3, order=desc"})
    assert [release["version"] for release in newest.json()] == [1204, 1203, 1202]
    assert newest.headers["Next-Range"] == "version ]1202..; max=3, order=desc"
    numbers = [r["version"] for r in whole(client, "/apps/parcel-tracker/releases", "version 9..101; max=10")]
    assert numbers == list(range(9, 102))


def test_teams_and_people_own_all_apps_between_them(either: httpx.Client, shown: Company) -> None:
    teams = {team["name"]: whole(either, f"/teams/{team['name']}/apps") for team in either.get("/teams").json()}
    names = {name: {app["name"] for app in apps} for name, apps in teams.items()}
    for name, found in names.items():
        assert found == {app["name"] for app in shown.apps if app["team"] and app["team"]["name"] == name}
    personal = whole(either, "/users/~/apps")
    assert {app["name"] for app in personal} == {app["name"] for app in shown.apps if app["team"] is None} - {
        app["name"] for app in shown.apps if not sits_in(shown, app, shown.account["email"])
    }
    everyone = {app["id"]: app for app in whole(either, "/apps")}
    assert [app for app in personal if app != everyone[app["id"]]] == []
    joined = {app["name"] for apps in teams.values() for app in apps if app["joined"]}
    assert joined == {a["name"] for a in shown.apps if a["team"] and sits_in(shown, a, shown.account["email"])}


def sits_in(shown: Company, app: Record, email: str) -> bool:
    return email in [seat["user"]["email"] for seat in shown.resources_of(app).collaborators]


def test_members_of_a_team_have_the_roles_that_its_apps_tell(either: httpx.Client, shown: Company) -> None:
    for team in shown.teams:
        seats: dict[str, list[Record]] = {}
        for app in shown.apps:
            for seat in (
                shown.resources_of(app).collaborators if app["team"] and app["team"]["id"] == team["id"] else []
            ):
                seats.setdefault(seat["user"]["email"], []).append(seat)
        seats.pop(f"{team['name']}@herokumanager.com", None)
        found = {member["email"]: member for member in whole(either, f"/teams/{team['name']}/members", "email ..")}
        mine = found.pop(shown.account["email"])
        assert (mine["role"], mine["user"]["name"]) == (team["role"], shown.account["name"])
        seats.pop(shown.account["email"], None)
        for email in found.keys() - seats.keys():  # who need not be a collaborator of any app
            assert found.pop(email)["role"] in ("admin", "member")
        assert {email: (one["role"], one["federated"], one["created_at"]) for email, one in found.items()} == {
            email: (
                min((seat["role"] or "collaborator" for seat in some), key=RANKS.index),
                some[0]["user"]["federated"],
                min(seat["created_at"] for seat in some),
            )
            for email, some in seats.items()
        }


def test_members_are_listed_by_their_addresses(client: httpx.Client) -> None:
    found = [member["email"] for member in whole(client, "/teams/larkmoor/members", "email ..; max=2")]
    assert found == sorted(found)
    assert len(found) == 11


def test_the_budget_can_be_asked_for_nothing_and_everything_else_costs_one(client: httpx.Client) -> None:
    paths = [*LISTS, "/addon-attachments", "/users/~/apps", "/teams/larkmoor", "/account/rate-limits"]
    before = client.get("/account/rate-limits").json()["remaining"]
    assert {client.get(path).status_code for path in paths} == {200, 206}
    assert before - client.get("/account/rate-limits").json()["remaining"] == len(paths) - 1
