"""The forms in which the demo gives the same record: variants of version 3, references in full, what a name means."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}
SDK = {"Accept": "application/vnd.heroku+json; version=3.sdk"}


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    transport = httpx.WSGITransport(app=DemoApi(company()))
    with httpx.Client(transport=transport, base_url="http://api.heroku.example", headers=HEADERS) as opened:
        yield opened


def test_the_sdk_variant_tells_more_of_apps_add_ons_and_the_account(client: httpx.Client) -> None:
    for path, more in {
        "/apps/my-app": {"base_image_name", "buildpacks", "current_build_architecture"},
        "/users/~": {
            "eco_dynos_enabled", "eco_dynos_shutdown_at", "pipeline_cost_consent_at", "acknowledged_msa",
            "acknowledged_msa_at", "italian_customer_terms", "italian_partner_terms", "mfa_enabled", "mfa_exemption",
            "mfa_exemption_reason", "mfa_experience",
        },
    }.items():  # fmt: skip
        plain, sdk = client.get(path).json(), client.get(path, headers=SDK).json()
        assert set(sdk) - set(plain) == more
        assert {name: value for name, value in plain.items() if name != "generation"}.items() <= sdk.items()
    for plain, sdk in zip(client.get("/addons").json(), client.get("/addons", headers=SDK).json(), strict=True):
        price = plain["billed_price"] and plain["billed_price"] | {"metered": False}
        assert sdk == plain | {"billed_price": price, "plan": plain["plan"] | {"meters": []}}


def test_the_sdk_variant_is_the_same_in_every_list(client: httpx.Client) -> None:
    for path in ("/apps", "/users/~/apps"):
        for app in client.get(path, headers=SDK).json():
            assert client.get(f"/apps/{app['id']}", headers=SDK).json() == app
    fir = client.get("/apps/depot-board", headers=SDK).json()
    assert (fir["generation"], fir["base_image_name"]) == ("fir", "heroku/heroku:24-cnb")
    for kind in ("dynos", "domains", "collaborators", "formation", "releases", "addon-attachments"):
        path = f"/apps/my-app/{kind}"
        assert client.get(path, headers=SDK).json() == client.get(path).json()


def test_references_are_written_in_full_for_who_asks(client: httpx.Client) -> None:
    [plain] = client.get("/apps/customs-forms/addons", headers={"Range": "name kafka..l"}).json()
    wanted = {"Accept-Expansion": "addon_service, plan", "Range": "name kafka..l"}
    [full] = client.get("/apps/customs-forms/addons", headers=wanted).json()
    assert full | {"plan": plain["plan"], "addon_service": plain["addon_service"]} == plain
    assert plain["plan"].items() <= full["plan"].items()
    assert plain["addon_service"].items() <= full["addon_service"].items()
    assert full["plan"]["price"] == {"cents": 0, "contract": True, "unit": "month"}
    [one] = client.get("/apps/customs-forms/addons", headers=wanted | {"Accept-Expansion": "plan"}).json()
    assert (one["plan"], one["addon_service"]) == (full["plan"], plain["addon_service"])


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"addon": "postgresql-curved-41902", "app": None}, ["postgresql-curved-41902"]),
        ({"addon": "DATABASE", "app": "label-printer"}, ["postgresql-curved-41902"]),
        ({"addon": "label-printer::DATABASE"}, ["postgresql-curved-41902"]),
        ({"addon": "BOOKING_DB", "app": "booking-api"}, ["postgresql-curved-41902"]),
        ({"addon": "logbarn", "app": "label-printer"}, ["logbarn-angular-15592"]),
        ({"addon": "DATABASE", "app": "my-app", "addon_service": "heroku-postgresql"}, ["postgresql-convex-70238"]),
    ],
)
def test_an_add_on_is_found_by_what_a_user_may_call_it(
    client: httpx.Client, wanted: dict[str, str | None], names: list[str]
) -> None:
    found = client.post("/actions/addons/resolve", json=wanted).json()
    assert [addon["name"] for addon in found] == names
    assert client.get(f"/addons/{names[0]}").json() in found


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b'{"addon": "DATABASE"}', 404, "not_found"),
        (b'{"addon": "DATABASE", "app": "my-app", "addon_service": "heroku-redis"}', 404, "not_found"),
        (b'{"addon": "DATABASE", "app": "nope"}', 404, "not_found"),
        (b'{"addon": 3}', 400, "bad_request"),
        (b"{", 400, "bad_request"),
    ],
)
def test_an_add_on_that_cannot_be_found_is_an_error(client: httpx.Client, body: bytes, status: int, word: str) -> None:
    answer = client.post("/actions/addons/resolve", content=body)
    assert (answer.status_code, answer.json()["id"]) == (status, word)
