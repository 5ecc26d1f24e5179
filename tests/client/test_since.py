"""Lists since a time have what the whole list has, in as few requests as the records since then need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.pages import PAGE_SIZE, Since
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.errors import BadAnswerError, InvalidArgumentsError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi, with_page_fault
from kosmo_kernel.integrations.heroku.demo.company import company

WHOLE = company(60)
Records = list[dict[str, Any]]


class CountingApi:
    """The look-alike's API, which counts its requests."""

    def __init__(self) -> None:
        self._api = DemoApi(WHOLE, capacity=10**9)
        self.requests = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.requests += 1
        return self._api(environ, start_response)


def connected(api: WSGIApplication) -> Client:
    return Client(
        HEROKU, Account("heroku", "default", DEMO_TOKEN, HEROKU.base_url, "a test"), transport=in_process(api)
    )


@pytest.fixture
def api() -> CountingApi:
    return CountingApi()


@pytest.fixture
def client(api: CountingApi) -> Iterator[Client]:
    made = connected(api)
    yield made
    made.close()


@pytest.fixture(scope="module")
def longest() -> dict[str, tuple[str, Records]]:
    """Return the app with the longest list of each function, among some, and that list."""
    client = connected(CountingApi())
    lists = {
        name: {app["name"]: client.fetch(HEROKU.function(name), {"app_id": app["name"]}).data for app in WHOLE.apps[:9]}
        for name in ("list_releases", "list_builds")
    }
    client.close()
    return {name: max(of_app.items(), key=lambda item: len(item[1])) for name, of_app in lists.items()}


@pytest.mark.parametrize("name", ["list_releases", "list_builds"])
@pytest.mark.parametrize("days", [0, 1, 30, 400])
def test_a_list_since_a_time_is_the_end_of_the_whole_list_in_few_requests(
    api: CountingApi, client: Client, longest: dict[str, tuple[str, Records]], name: str, days: int
) -> None:
    function, (app, rows) = HEROKU.function(name), longest[name]
    times = sorted({row["created_at"] for row in rows}, reverse=True)
    since = times[min(days, len(times) - 1)]
    found = client.fetch(function, function.bind({"app_id": app, "since": since})).data
    expected = {row["id"] for row in rows if row["created_at"] >= since}

    assert {row["id"] for row in found} == expected
    assert len(found) == len(expected)
    assert [row["created_at"] for row in found] == sorted((row["created_at"] for row in found), reverse=True)
    assert api.requests <= len(expected) // PAGE_SIZE + 2


def test_the_last_day_of_a_long_list_takes_one_request(
    api: CountingApi, client: Client, longest: dict[str, tuple[str, Records]]
) -> None:
    function, (app, rows) = HEROKU.function("list_releases"), longest["list_releases"]
    found = client.fetch(function, {"app_id": app, "since": max(row["created_at"] for row in rows)[:10]}).data

    assert len(rows) > PAGE_SIZE > len(found) > 0
    assert api.requests == 1


def test_a_list_whose_way_on_is_lost_is_whole_or_an_error(longest: dict[str, tuple[str, Records]]) -> None:
    function, (app, rows) = HEROKU.function("list_releases"), longest["list_releases"]
    times = sorted((row["created_at"] for row in rows), reverse=True)
    with closing(connected(with_page_fault(WHOLE, "next-range-lost"))) as client:
        assert len(client.fetch(function, {"app_id": app, "since": times[0]}).data) == 1
        with pytest.raises(BadAnswerError, match="answered a part of a list, and nothing says how to get the rest"):
            client.fetch(function, {"app_id": app, "since": times[-1]})


def test_a_time_and_a_number_of_records_bound_a_list_together(client: Client) -> None:
    function = HEROKU.function("list_releases")
    rows = client.fetch(function, {"app_id": WHOLE.apps[0]["name"], "newest": 5}).data
    since = rows[2]["created_at"]
    both = client.fetch(function, {"app_id": WHOLE.apps[0]["name"], "newest": 5, "since": since}).data
    assert both == [row for row in rows if row["created_at"] >= since]


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11-20 09:00", "2026-11-20T09:00:00+01:00", ""])
def test_a_text_that_is_no_time_is_an_error_before_anything_is_sent(text: str) -> None:
    with pytest.raises(InvalidArgumentsError, match=r"`since` must be a day or a time in UTC, such as 2026-11-20"):
        HEROKU.function("list_releases").bind({"app_id": "my-app", "since": text})


def test_a_record_that_was_made_a_day_later_than_it_should_be_in_the_order_is_not_missed() -> None:
    since = Since("2026-03-01T12:00:00Z")
    assert [since.includes({"created_at": at}) for at in ("2026-03-01T12:00:00Z", "2026-03-01T11:59:59Z")] == [
        True,
        False,
    ]
    assert [since.ends_before({"created_at": at}) for at in ("2026-02-28T23:00:00Z", "2026-02-27T23:00:00Z")] == [
        False,
        True,
    ]
    assert since.includes({})
    assert not since.ends_before({"created_at": None})
