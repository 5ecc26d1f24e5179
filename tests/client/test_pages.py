"""Lists in ranges, and lists without: whole, or an error; never a part."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from fake_integration import FERRIES
from fast_clock import FastClock
from msgspec.structs import replace

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue.http import Ranges
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.errors import ApiError, BadAnswerError, RefusedError

ACCOUNT = Account("ferries", "default", "a-key-of-the-line", FERRIES.base_url, "TIDEWATER_KEY")
SHIPS = [{"id": f"ship-{number}"} for number in range(7)]


def ships(app: WSGIApplication, ranges: Ranges | None = None) -> Any:
    client = Client(replace(FERRIES, ranges=ranges), ACCOUNT, transport=in_process(app), clock=FastClock())
    return client.fetch(FERRIES.function("list_ships"), {}).data


def answering(status: str, body: Any, headers: dict[str, str]) -> WSGIApplication:
    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, list(headers.items()))
        return [json.dumps(body).encode()]

    return app


def in_parts(*, is_lost: bool = False) -> WSGIApplication:
    """Return an API that sends three ships at a time; without `Next-Range` if that header is lost."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        after = environ["HTTP_RANGE"].removeprefix("id ").partition("..")[0].removeprefix("]")
        rows = [ship for ship in SHIPS if ship["id"] > after][:3]
        is_part = bool(rows) and (is_lost or rows[-1] != SHIPS[-1])
        headers = {"Next-Range": f"id ]{rows[-1]['id']}..; max=3"} if is_part and not is_lost else {}
        start_response("206 Partial Content" if is_part else "200 OK", list(headers.items()))
        return [json.dumps(rows).encode()]

    return app


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_list_in_ranges_is_whole_although_the_header_that_leads_on_may_be_lost(is_lost: bool) -> None:
    assert ships(in_parts(is_lost=is_lost), Ranges("id", 3)) == SHIPS


def test_a_list_of_a_service_without_ranges_is_one_response() -> None:
    assert ships(answering("200 OK", SHIPS, {})) == SHIPS
    assert ships(answering("204 No Content", None, {})) == []


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("206 Partial Content", {}),
        ("200 OK", {"Next-Range": "id ]ship-2.."}),
        ("200 OK", {"Link": '<https://api.tidewater.example/ships?page=2>; rel="next"'}),
    ],
)
def test_a_sign_of_more_in_a_list_without_ranges_is_an_error(status: str, headers: dict[str, str]) -> None:
    with pytest.raises(BadAnswerError, match="answered a part of a list, and nothing says how to get the rest"):
        ships(answering(status, SHIPS[:3], headers))


def test_a_refusal_with_another_status_is_an_error_at_once() -> None:
    with pytest.raises(RefusedError, match="403"):
        ships(answering("403 Forbidden", {"errors": [{"code": "N1", "detail": "not for you"}]}, {"Retry-After": "2"}))


def test_a_redirect_is_not_followed_so_that_no_token_goes_elsewhere() -> None:
    with pytest.raises(ApiError, match=r"It leads to https://elsewhere\.example/ships, and the token is sent to"):
        ships(answering("302 Found", {}, {"Location": "https://elsewhere.example/ships"}))
