"""The demo's API gives what Heroku's gives: records, errors and pages, over real HTTP and in this process."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from heroku_facts import RESOURCES
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.http import HerokuError, Range

ACCEPT = "application/vnd.heroku+json; version=3"
HEADERS = {"Accept": ACCEPT, "Authorization": f"Bearer {DEMO_TOKEN}"}
LISTS = ["/apps", "/addons"] + [
    f"/apps/parcel-tracker/{kind}" for kind in ("dynos", "addons", "domains", "collaborators")
]
NAMES_OF_HOSTS = ("domain", "hostname")
RANGES = ("Accept-Ranges", "Content-Range", "Next-Range")

SEVEN = company(7)


def inside(api: DemoApi, headers: dict[str, str] | None = None) -> httpx.Client:
    """Return a client whose requests never leave this process."""
    return httpx.Client(
        transport=httpx.WSGITransport(app=api),
        base_url="http://api.heroku.example",
        headers=HEADERS if headers is None else headers,
    )


@pytest.fixture(scope="module")
def larkmoor() -> Company:
    return company()


@pytest.fixture
def client(larkmoor: Company) -> Iterator[httpx.Client]:
    with inside(DemoApi(larkmoor)) as opened:
        yield opened


@pytest.fixture(params=["in this process", "over HTTP"])
def door(request: pytest.FixtureRequest, larkmoor: Company) -> Iterator[httpx.Client]:
    """Either way to the same API."""
    api = DemoApi(larkmoor)
    if request.param == "in this process":
        with inside(api) as opened:
            yield opened
    else:
        with serve(api) as served, httpx.Client(base_url=served.url, headers=HEADERS, trust_env=False) as opened:
            yield opened


# --- what is where ---------------------------------------------------------------------------------------------------


def test_everything_is_where_heroku_has_it(door: httpx.Client, larkmoor: Company) -> None:
    app = larkmoor.apps[10]
    things = larkmoor.resources_of(app)
    for way in (app["name"], app["id"]):
        assert door.get(f"/apps/{way}").json() == app
        assert door.get(f"/apps/{way}/dynos").json() == things.dynos
        assert door.get(f"/apps/{way}/addons").json() == things.addons
        assert door.get(f"/apps/{way}/domains").json() == things.domains
        assert door.get(f"/apps/{way}/collaborators").json() == things.collaborators
    assert door.get("/apps").json() == larkmoor.apps
    assert door.get("/addons").json() == larkmoor.addons
    assert door.get("/account").json() == larkmoor.account


def test_one_thing_is_found_by_its_name_or_identifier(client: httpx.Client, larkmoor: Company) -> None:
    things = larkmoor.resources_of(larkmoor.apps[10])
    named = {f"dynos/{r['name']}": r for r in things.dynos}
    named |= {f"addons/{r['name']}": r for r in things.addons}
    named |= {f"domains/{r['hostname']}": r for r in things.domains}
    named |= {f"collaborators/{r['user']['email']}": r for r in things.collaborators}
    for way, record in named.items():
        assert client.get(f"/apps/my-app/{way}").json() == record
        assert client.get(f"/apps/my-app/{way.split('/', maxsplit=1)[0]}/{record['id']}").json() == record
    assert client.get("/addons/redis-horizontal-81457").json() == things.addons[1]


def test_the_account_is_also_a_user(client: httpx.Client, larkmoor: Company) -> None:
    for way in ("~", larkmoor.account["email"], larkmoor.account["id"]):
        assert client.get(f"/users/{way}").json() == larkmoor.account
    assert client.get("/users/someone@else.example").status_code == 404


def test_an_app_lists_the_add_ons_that_it_borrows(client: httpx.Client) -> None:
    found = client.get("/apps/label-printer/addons").json()
    assert {addon["name"]: addon["app"]["name"] for addon in found} == {
        "logbarn-angular-15592": "label-printer",
        "postgresql-curved-41902": "booking-api",
    }


def test_an_app_without_dynos_has_an_empty_list_of_them(client: httpx.Client) -> None:
    answer = client.get("/apps/van-telemetry/dynos")
    assert (answer.status_code, answer.json(), answer.headers["Content-Range"]) == (200, [], "id ..; max=200")


def test_the_table_of_facts_names_paths_that_exist(client: httpx.Client) -> None:
    statuses = {r.path: client.get(r.path.format(app="my-app")).status_code for r in RESOURCES.values()}
    assert set(statuses.values()) == {200}


def test_the_sdk_variant_writes_a_generation_as_its_name(client: httpx.Client) -> None:
    sdk = {"Accept": "application/vnd.heroku+json; version=3.sdk"}
    assert client.get("/apps/depot-board", headers=sdk).json()["generation"] == "fir"
    assert {app["generation"] for app in client.get("/apps", headers=sdk).json()} == {"cedar", "fir"}
    assert client.get("/apps/depot-board").json()["generation"]["name"] == "fir"


# --- who may ask, and how --------------------------------------------------------------------------------------------

NO_ROUTE = {
    "id": "not_found",
    "message": "The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), "
    "and did you specify your intended version with the `Accept` header?",
}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("given", [f"Bearer {DEMO_TOKEN}", basic(f":{DEMO_TOKEN}"), basic(f"a@b.example:{DEMO_TOKEN}")])
def test_the_token_is_a_bearers_or_a_password(client: httpx.Client, given: str) -> None:
    assert client.get("/account", headers={"Authorization": given}).status_code == 200


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer", basic("a:wrong"), "Basic %%%", DEMO_TOKEN])
def test_a_wrong_token_is_refused(client: httpx.Client, given: str) -> None:
    answer = client.get("/account", headers={"Authorization": given})
    assert answer.status_code == 401
    assert answer.json() == {"id": "unauthorized", "message": "Invalid credentials provided."}


def test_no_token_is_refused_in_other_words(door: httpx.Client) -> None:
    del door.headers["Authorization"]
    answer = door.get("/apps")
    assert answer.status_code == 401
    assert answer.json() == {
        "id": "unauthorized",
        "message": "There were no credentials in your `Authorization` header. Try `Authorization: Bearer <OAuth access "
        'token>` or `Authorization: Basic <base64-encoded email + ":" + password>`.',
    }


def test_another_token_can_be_the_right_one(larkmoor: Company) -> None:
    with inside(DemoApi(larkmoor, token="open-sesame")) as client:
        assert client.get("/apps").status_code == 401
        assert client.get("/apps", headers={"Authorization": "Bearer open-sesame"}).status_code == 200


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/vnd.heroku+json", "application/vnd.heroku+json; version=2"]
)
def test_a_request_that_names_no_version_is_not_acceptable(client: httpx.Client, accept: str) -> None:
    answer = client.get("/apps", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["id"]) == (406, "not_acceptable")
    assert ACCEPT in answer.json()["message"]


@pytest.mark.parametrize("path", ["/apps/my-ap", "/apps/my-ap/dynos", "/apps/my-ap/dynos/web.1"])
def test_an_unknown_app_is_not_found(door: httpx.Client, path: str) -> None:
    answer = door.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"resource": "app", "id": "not_found", "message": "Couldn't find that app."}


@pytest.mark.parametrize(
    ("path", "resource", "noun"),
    [
        ("/apps/my-app/dynos/web.9", "dyno", "dyno"),
        ("/apps/my-app/addons/redis-rugged-77310", "addon", "add-on"),
        ("/apps/my-app/domains/track.larkmoor.example", "domain", "domain name"),
        ("/apps/my-app/collaborators/tom.ashby@postbox.example", "collaborator", "collaborator"),
    ],
)
def test_a_thing_of_another_app_is_not_found(client: httpx.Client, path: str, resource: str, noun: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"resource": resource, "id": "not_found", "message": f"Couldn't find that {noun}."}


@pytest.mark.parametrize("path", ["/", "/app", "/apps/", "/apps/my-app/config", "/apps/a%2Fb/dynos/c", "/Apps"])
def test_an_address_that_does_not_exist_is_not_found(door: httpx.Client, path: str) -> None:
    answer = door.get(path)
    assert (answer.status_code, answer.json()) == (404, NO_ROUTE)


@pytest.mark.parametrize("verb", ["POST", "PATCH", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(door: httpx.Client, verb: str) -> None:
    answer = door.request(verb, "/apps/my-app", content=b'{"maintenance": true}')
    assert (answer.status_code, answer.json()) == (404, NO_ROUTE)
    assert door.get("/apps/my-app").json()["maintenance"] is False


# --- pages -----------------------------------------------------------------------------------------------------------


def pages(client: httpx.Client, path: str, first: str | None) -> Iterator[list[dict[str, Any]]]:
    """Follow `Next-Range` to the end."""
    header = {} if first is None else {"Range": first}
    while True:
        answer = client.get(path, headers=header)
        following = answer.headers.get("Next-Range")
        assert answer.status_code == (200 if following is None else 206), answer.text
        yield answer.json()
        if following is None:
            return
        header = {"Range": following}


def gathered(client: httpx.Client, path: str, first: str | None) -> list[dict[str, Any]]:
    return [record for page in pages(client, path, first) for record in page]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 19, 1000])
def test_pages_of_any_size_give_the_whole_list(client: httpx.Client, path: str, size: int) -> None:
    whole = client.get(path).json()
    assert gathered(client, path, f"id ..; max={size}") == sorted(whole, key=lambda record: record["id"])
    assert all(1 <= len(page) <= size for page in pages(client, path, f"id ..; max={size}"))


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("attribute", ["id", "name", "updated_at"])
def test_pages_follow_every_sortable_attribute_in_both_directions(attribute: str, size: int, order: str) -> None:
    shown = company(9)
    for app in shown.apps[::2]:
        app["updated_at"] = "2026-11-01T00:00:00Z"  # shared by more apps than fit on a page
    with inside(DemoApi(shown)) as client:
        found = gathered(client, "/apps", f"{attribute} ..; max={size}, order={order}")
    wanted = sorted(shown.apps, key=lambda app: (app[attribute], app["id"]), reverse=order == "desc")
    assert [app["name"] for app in found] == [app["name"] for app in wanted]


def test_collaborators_are_sorted_by_the_address_of_the_person(client: httpx.Client) -> None:
    found = gathered(client, "/apps/parcel-tracker/collaborators", "email ..; max=2")
    emails = [record["user"]["email"] for record in found]
    assert emails == sorted(emails)
    assert len(emails) == 7


@pytest.mark.parametrize("order", ["", ", order=desc"])
@pytest.mark.parametrize("size", [1, 2, 200])
def test_domains_can_be_asked_for_by_domain_as_heroku3_does(client: httpx.Client, size: int, order: str) -> None:
    path = "/apps/parcel-tracker/domains"
    by_domain, by_hostname = (list(pages(client, path, f"{name} ..; max={size}{order}")) for name in NAMES_OF_HOSTS)
    hosts = [record["hostname"] for page in by_domain for record in page]
    assert hosts == sorted(hosts, reverse=bool(order))
    assert (len(hosts), by_domain) == (5, by_hostname)


@pytest.mark.parametrize("header", ["{} ..;", "{} ..; ;", "{} ]track.larkmoor.example..; max=1"])
def test_what_was_asked_by_domain_is_answered_by_hostname(client: httpx.Client, header: str) -> None:
    told = []
    for name in NAMES_OF_HOSTS:
        answer = client.get("/apps/parcel-tracker/domains", headers={"Range": header.format(name)})
        told.append([answer.status_code, *map(answer.headers.get, RANGES), answer.json()])
    assert told[0] == told[1]
    assert told[0][1] == "hostname, id"
    assert told[0][2].startswith("hostname ")


def test_a_page_says_what_it_holds_and_what_comes_next(client: httpx.Client) -> None:
    answer = client.get("/apps", headers={"Range": "name ..; max=2"})
    assert answer.status_code == 206
    assert {name: answer.headers[name] for name in ("Accept-Ranges", "Content-Range", "Next-Range")} == {
        "Accept-Ranges": "id, name, updated_at",
        "Content-Range": "name address-checker..booking-api; max=2",
        "Next-Range": "name ]booking-api..; max=2",
    }


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("name customs-forms..fleet-radio", ["customs-forms", "depot-board", "fleet-radio"]),
        ("name [customs-forms..fleet-radio]", ["customs-forms", "depot-board", "fleet-radio"]),
        ("name ]customs-forms..fleet-radio[", ["depot-board"]),
        ("name ]returns..", ["returns-desk", "route-planner", "van-telemetry", "wholesale-portal"]),
        ("name fleet-radio..customs-forms; order=desc", ["fleet-radio", "depot-board", "customs-forms"]),
        ("name ]fleet-radio..customs-forms[; order=desc", ["depot-board"]),
        ("name x..z", []),
        ("name van-telemetry..;", ["van-telemetry", "wholesale-portal"]),
        ("name van-telemetry..; max=1000;", ["van-telemetry", "wholesale-portal"]),
        ("name van-telemetry..; ;", ["van-telemetry", "wholesale-portal"]),
    ],
)
def test_bounds_take_in_or_leave_out(client: httpx.Client, header: str, names: list[str]) -> None:
    assert [app["name"] for app in gathered(client, "/apps", header)] == names


@pytest.mark.parametrize(
    "header",
    [
        "", "id", "bytes=0-99", "id a-z", "..", "id ..; max=10; order=desc", "id ..; max=0", "id ..; max=-1",
        "id ..; max=ten", "id ..; max", "id ..; order=down", "id ..; size=3", "id ..; max=" + "9" * 5000,
    ],
)  # fmt: skip
def test_a_range_of_another_form_is_a_bad_request(client: httpx.Client, header: str) -> None:
    answer = client.get("/apps", headers={"Range": header})
    assert answer.status_code == 400
    assert answer.json() == {
        "id": "bad_request",
        "message": "Invalid `Range` header. Please use format like `id ..; max=10, order=desc`.",
    }


@pytest.mark.parametrize(
    ("path", "header", "says"),
    [
        ("/apps", "stack ..", "Requested range order is not allowed, please try `id`"),
        ("/apps", "domain ..", "Requested range order is not allowed, please try `id`"),
        ("/apps/my-app/dynos", "updated_at ..", "Requested range order is not allowed, please try `id`"),
        ("/apps", "id ..ffff", "End range bounds without a start bound are currently not supported."),
    ],
)
def test_a_range_that_cannot_be_given_is_not_satisfiable(
    client: httpx.Client, path: str, header: str, says: str
) -> None:
    answer = client.get(path, headers={"Range": header})
    assert (answer.status_code, answer.json()["id"]) == (416, "requested_range_not_satisfiable")
    assert answer.json()["message"].startswith(says)


def test_a_page_has_two_hundred_records_unless_asked_and_never_more_than_a_thousand() -> None:
    with inside(DemoApi(company(1201))) as client:
        assert len(client.get("/apps").json()) == 200
        assert len(client.get("/apps", headers={"Range": "id ..; max=5000"}).json()) == 1000
        assert [len(page) for page in pages(client, "/apps", "id ..; max=1000")] == [1000, 201]


def test_the_sizes_of_pages_can_be_set(larkmoor: Company) -> None:
    with inside(DemoApi(larkmoor, default_page=4, max_page=7)) as client:
        assert [len(page) for page in pages(client, "/apps", None)] == [4, 4, 4, 4, 3]
        assert [len(page) for page in pages(client, "/apps", "id ..; max=1000")] == [7, 7, 5]


PARTS = ["id", "name", " ", "..", "]", "[", "a", "f", ";", "max=", "order=desc", ",", "/", "0", "1"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PARTS), max_size=12).map("".join)))
def test_whatever_a_range_says_no_record_comes_twice(header: str) -> None:
    ranges = [header]
    seen: list[str] = []
    refused: list[int] = []
    for text in ranges:
        try:
            page = Range.read(text, ("id", "name"), default=2, most=3).page(SEVEN.apps)
        except HerokuError as error:
            refused.append(error.status)
            break
        seen += [record["id"] for record in page.records]
        ranges += [page.next_range] if page.next_range else []
    assert refused in ([], [400], [416])
    assert len(seen) == len(set(seen))
    assert not (refused and seen), "a range that leads on was refused"


def test_a_range_means_nothing_for_a_single_record(client: httpx.Client) -> None:
    answer = client.get("/apps/my-app", headers={"Range": "id ..; max=1000"})
    assert (answer.status_code, answer.json()["name"]) == (200, "my-app")
    assert "Content-Range" not in answer.headers
