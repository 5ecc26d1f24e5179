"""Complete lists, over connections that give the token to nobody else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from fast_clock import FastClock
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Column, Function, Integration, Link, Param
from kosmo_kernel.catalogue.http import Budget, Credentials, ErrorBody, Ranges, Response
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import ApiError, BadAnswerError, RefusedError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

TOKEN = "HRKU-11111111-2222-4333-8444-555555555555"
DEMO = Account("heroku", "demo", DEMO_TOKEN, "https://api.heroku.com", "the demo")
APPS = HEROKU.function("list_apps")


# A service that is unlike Heroku: another order of its ranges, errors of another form, another budget.


def read_shop_error(reply: Response) -> ErrorBody | None:
    told = json.loads(reply.body)["error"]
    return ErrorBody(told["code"], told["text"])


LIST_PARCELS = Function(
    name="list_parcels",
    summary="Parcels",
    description="The parcels of a depot.",
    links=(Link("/depots/{depot}/parcels"),),
    returns="list",
    columns=(Column("id", "Its number.", kind="integer"),),
    params=(Param("depot", "The depot.", required=True),),
    example="print(1)",
)
SHOP = Integration(
    name="shop",
    title="The Shop",
    description="Parcels.",
    base_url="https://shop.example/v2",
    functions=(LIST_PARCELS,),
    credentials=Credentials("SHOP_KEY", (), ("shop.example",), ("ask the owner",)),
    headers={"Accept": "application/json", "X-Shop": "north"},
    labels=("name",),
    ranges=Ranges("number", 2),
    read_error=read_shop_error,
    request_id="X-Trace",
    budget=Budget("X-Left", 10, 1),
)
SHOPPER = Account("shop", "default", TOKEN, "https://shop.example/v2", "SHOP_KEY")

Rows = list[dict[str, Any]]


class Shop:
    """The shop's API over given pages; remembers what it was asked."""

    def __init__(self, pages: list[Rows]) -> None:
        self.pages = pages
        self.asked: list[WSGIEnvironment] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.asked.append(environ)
        number = int(environ["HTTP_RANGE"].replace("number ..; max=2", "page 1").removeprefix("page "))
        is_part = number < len(self.pages)
        headers = {"X-Left": str(9 - number), "X-Trace": f"t-{number}", "X-Shop-Warning": "closing soon"}
        headers |= {"Next-Range": f"page {number + 1}"} if is_part else {}
        start_response("206 Partial Content" if is_part else "200 OK", list(headers.items()))
        return [json.dumps(self.pages[number - 1]).encode()]

    def parcels(self, depot: str = "north") -> Reply:
        client = Client(SHOP, SHOPPER, transport=in_process(self), clock=FastClock())
        return client.fetch(LIST_PARCELS, LIST_PARCELS.bind({"depot": depot}))


def demo_client(api: WSGIApplication) -> Client:
    return Client(HEROKU, DEMO, transport=in_process(api), clock=FastClock())


def recording(asked: list[WSGIEnvironment], *headers: tuple[str, str], status: str = "200 OK") -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ)
        start_response(status, [("Content-Type", "application/json"), *headers])
        return [b"[]"]

    return app


# Lists


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_list_is_complete_whatever_the_size_of_a_page(size: int) -> None:
    larkmoor = company()

    answer = demo_client(DemoApi(larkmoor, max_page=size)).fetch(APPS, {})

    assert answer.data == sorted(larkmoor.apps, key=lambda app: str(app["id"]))
    assert answer.requests == -(-len(larkmoor.apps) // size)


def test_every_list_of_the_demo_is_complete_over_a_real_port() -> None:
    larkmoor = company()
    app = next(app for app in larkmoor.apps if app["name"] == "my-app")
    dynos = sorted(larkmoor.resources_of(app).dynos, key=lambda dyno: str(dyno["id"]))

    with serve(DemoApi(larkmoor, max_page=1)) as served:
        client = Client(HEROKU, Account("heroku", "demo", DEMO_TOKEN, served.url, "the demo"))
        answer = client.fetch(HEROKU.function("list_dynos"), {"app_id": "my-app"})
        client.close()

    hidden = [{**dyno, "attach_url": dyno["attach_url"] and "[redacted]"} for dyno in dynos]
    assert answer.data == hidden
    assert answer.requests == len(hidden) > 1


def test_the_budget_is_that_of_the_last_page() -> None:
    answer = Shop([[{"id": 1}], [{"id": 2}]]).parcels()

    assert answer == Reply([[{"id": 1}, {"id": 2}]], 2, 7, ("closing soon",))


@given(
    st.lists(
        st.fixed_dictionaries({"id": st.integers(-(2**63), 2**63 - 1) | st.text(), "a": st.none()}),
        unique_by=lambda row: row["id"],
    ),
    st.lists(st.integers(0, 30), max_size=9),
)
def test_a_list_split_into_pages_anywhere_is_the_same_list(rows: Rows, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(rows)]
    pages = [rows[start:end] for start, end in pairwise(edges)]

    assert Shop(pages).parcels().data == rows


def test_a_record_that_moved_to_a_later_page_is_kept_once() -> None:
    shop = Shop([[{"id": 1}, {"id": 2, "at": "sea"}], [{"id": 2, "at": "home"}, {"id": 3}], [{"id": 1}]])

    assert shop.parcels().data == [{"id": 1}, {"id": 2, "at": "sea"}, {"id": 3}]


@pytest.mark.parametrize("same", [{}, {"id": None}, {"id": [1]}, {"id": {"x": 1}}, {"id": 1.5}])
def test_equal_records_that_nothing_identifies_all_stay(same: dict[str, Any]) -> None:
    assert Shop([[same, same], [same]]).parcels().data == [same, same, same]


def test_two_records_of_one_page_stay_as_the_service_sent_them() -> None:
    assert Shop([[{"id": 1}, {"id": 1}]]).parcels().data == [{"id": 1}, {"id": 1}]


@pytest.mark.claim("parent-responses")
@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "503 Busy"])
def test_a_page_that_fails_is_an_error_and_never_a_short_list(status: str) -> None:
    api = DemoApi(company(), max_page=5)
    asked: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ)
        return api(environ, start_response) if len(asked) < 3 else recording([], status=status)(environ, start_response)

    with pytest.raises(ApiError) as caught:
        demo_client(app).fetch(APPS, {})

    assert caught.value.status == int(status[:3])


@pytest.mark.claim("parent-responses")
@pytest.mark.parametrize("turns", [["id a.."], ["id a..", "id b.."], ["id a..", "id ..; max=1000"]])
def test_pages_that_lead_back_to_one_already_read_are_an_error(turns: list[str]) -> None:
    asked: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        step = len(asked)
        assert step < 10, "nobody noticed"
        asked.append(environ)
        start_response("206 Partial Content", [("Next-Range", turns[step % len(turns)]), ("Request-Id", "r-9")])
        return [json.dumps([{"id": step}]).encode()]

    with pytest.raises(BadAnswerError, match="Heroku answered pages that go in circles") as caught:
        demo_client(app).fetch(APPS, {})

    assert caught.value.request_id == "r-9"
    assert len(asked) <= len(turns) + 1


def test_ever_new_pages_with_nothing_new_on_them_are_an_error() -> None:
    shop = Shop([[{"id": 1}]] * 50)

    with pytest.raises(BadAnswerError, match="pages that go in circles, page 11 the last"):
        shop.parcels()


def test_a_list_that_is_over_is_over_however_little_its_last_pages_had() -> None:
    assert Shop([[{"id": 1}], *([[]] * 10)]).parcels().data == [{"id": 1}]


# Requests


def test_a_request_says_what_the_integration_wants_it_to_say() -> None:
    asked: list[WSGIEnvironment] = []
    demo_client(recording(asked)).fetch(APPS, {})

    sent = {key: value for key, value in asked[0].items() if key.startswith(("HTTP_", "PATH", "QUERY", "REQUEST"))}
    assert sent == {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/apps",
        "QUERY_STRING": "",
        "HTTP_HOST": "api.heroku.com",
        "HTTP_ACCEPT": "application/vnd.heroku+json; version=3",
        "HTTP_ACCEPT_ENCODING": "gzip",
        "HTTP_AUTHORIZATION": f"Bearer {DEMO_TOKEN}",
        "HTTP_RANGE": "id ..; max=1000",
        "HTTP_USER_AGENT": f"kosmo-kernel/{__version__}",
    }


def test_another_service_is_asked_in_its_own_way() -> None:
    shop = Shop([[], []])
    shop.parcels("höfe & co?#%41")

    assert [environ["HTTP_RANGE"] for environ in shop.asked] == ["number ..; max=2", "page 2"]
    path = shop.asked[0]["PATH_INFO"].encode("latin-1").decode()  # the form of PEP 3333
    assert path == "/v2/depots/höfe & co?#%41/parcels"
    assert shop.asked[0]["HTTP_X_SHOP"] == "north"


def test_another_service_fails_in_its_own_words() -> None:
    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [("X-Trace", "t-1")])
        return [b'{"error": {"code": "E7", "text": "No such depot"}}']

    with pytest.raises(RefusedError) as caught:
        Client(SHOP, SHOPPER, transport=in_process(app)).fetch(LIST_PARCELS, {"depot": "south"})

    assert caught.value.message.startswith(
        'shop.list_parcels (depot "south", account default): The Shop answered 404 (E7): No such depot. Check the name'
    )
    assert (caught.value.id, caught.value.request_id) == ("E7", "t-1")


def test_a_record_is_asked_for_without_a_page() -> None:
    asked: list[WSGIEnvironment] = []
    with pytest.raises(BadAnswerError):
        demo_client(recording(asked)).fetch(HEROKU.function("get_app"), {"app_id": "my-app"})

    assert "HTTP_RANGE" not in asked[0]


def test_a_cookie_is_not_kept() -> None:
    asked: list[WSGIEnvironment] = []
    client = demo_client(recording(asked, ("Set-Cookie", "session=1; Path=/")))
    client.fetch(APPS, {})
    client.fetch(APPS, {})

    assert "HTTP_COOKIE" not in asked[1]


def test_a_packed_answer_is_unpacked_and_a_broken_one_is_an_error() -> None:
    def packed(body: bytes) -> WSGIApplication:
        def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Encoding", "gzip"), ("Request-Id", "r-1")])
            return [body]

        return app

    whole = gzip.compress(b'[{"id": "1"}]')

    assert demo_client(packed(whole)).fetch(APPS, {}).data == [{"id": "1"}]
    for broken in (whole[:-14], b"[]"):
        with pytest.raises(BadAnswerError) as caught:
            demo_client(packed(broken)).fetch(APPS, {})
        assert (caught.value.status, caught.value.request_id) == (200, "r-1")
