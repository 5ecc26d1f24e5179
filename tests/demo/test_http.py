"""Test what goes along with the demo's answers: headers, the request budget, and the server on a real port."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from patience import PATIENCE

from kosmo_kernel.demo.server import Served, serve
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}


class Clock:
    """A clock that moves when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def inside(api: DemoApi) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app=api), base_url="http://api.heroku.example", headers=HEADERS)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with inside(DemoApi(company())) as opened:
        yield opened


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(DemoApi(company())) as running:
        yield running


@contextmanager
def connection(served: Served) -> Iterator[http.client.HTTPConnection]:
    """One connection, without the comforts of httpx."""
    opened = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=PATIENCE)
    try:
        yield opened
    finally:
        opened.close()


# --- headers ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_json_and_says_what_heroku_says_along_with_it(client: httpx.Client) -> None:
    headers = client.get("/account").headers
    assert {name: value for name, value in headers.items() if name not in ("etag", "request-id", "content-length")} == {
        "cache-control": "private, no-cache",
        "content-type": "application/json",
        "oauth-scope": "global",
        "oauth-scope-accepted": "global identity",
        "ratelimit-multiplier": "1",
        "ratelimit-remaining": "4499",
        "vary": "Authorization,Accept-Encoding",
    }


def test_what_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/apps", headers={"Range": "id ..; max=2"})
    again = client.get("/apps", headers={"Range": "id ..; max=2", "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert not {"content-type", "content-range", "next-range"} & set(again.headers)
    assert client.get("/apps/my-app", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_what_has_not_changed_is_known_however_it_was_packed(client: httpx.Client) -> None:
    plain = client.get("/apps", headers={"Accept-Encoding": "identity"})
    packed = client.get("/apps", headers={"Accept-Encoding": "gzip", "If-None-Match": plain.headers["ETag"]})
    assert (packed.status_code, packed.content) == (304, b"")
    assert {name: packed.headers.get(name) for name in ("ETag", "Vary", "Content-Encoding")} == {
        "ETag": plain.headers["ETag"],
        "Vary": "Authorization,Accept-Encoding",
        "Content-Encoding": None,
    }


def test_the_same_records_with_another_page_behind_them_are_another_answer() -> None:
    small, large = company(2), company(3)
    last = {"Range": "id ..; max=2"}
    large.apps.sort(key=lambda app: app["id"])
    small.apps[:] = large.apps[:2]
    with inside(DemoApi(small)) as one, inside(DemoApi(large)) as other:
        whole, part = one.get("/apps", headers=last), other.get("/apps", headers=last)
    assert whole.json() == part.json()
    assert whole.headers["ETag"] != part.headers["ETag"]


def test_head_is_get_without_the_body(client: httpx.Client) -> None:
    for path in ("/apps", "/apps/my-app", "/account", "/apps/nope"):
        got, head = client.get(path), client.head(path)
        differs = {"request-id", "ratelimit-remaining"}
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert {n: v for n, v in head.headers.items() if n not in differs} == {
            n: v for n, v in got.headers.items() if n not in differs
        }


def test_every_answer_has_an_id_behind_those_that_the_request_brought(client: httpx.Client) -> None:
    ids = [client.get(path).headers["Request-Id"] for path in ("/apps", "/apps", "/nowhere")]
    assert len(set(ids)) == 3
    answer = client.get("/apps", headers={"Request-Id": "one,two"})
    assert answer.headers["Request-Id"].split(",")[:2] == ["one", "two"]
    assert len(answer.headers["Request-Id"].split(",")) == 3


def test_ids_of_requests_are_the_same_in_every_run() -> None:
    def ids() -> list[str]:
        with inside(DemoApi(company())) as client:
            return [client.get("/apps").headers["Request-Id"] for _ in range(3)]

    assert ids() == ids()


def test_large_answers_are_packed_for_those_who_ask(client: httpx.Client) -> None:
    plain = client.get("/apps", headers={"Accept-Encoding": "identity"})
    packed = client.get("/apps", headers={"Accept-Encoding": "gzip"})
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert packed.json() == plain.json()
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 3
    small = client.get("/apps/van-telemetry/dynos", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers


# --- the budget ------------------------------------------------------------------------------------------------------


def test_each_request_costs_one_and_75_come_back_in_a_minute() -> None:
    clock = Clock()
    with inside(DemoApi(company(), capacity=100, clock=clock)) as client:
        left = [int(client.get("/account").headers["RateLimit-Remaining"]) for _ in range(3)]
        assert left == [99, 98, 97]
        clock.now += 1.6
        assert client.get("/account/rate-limits").json() == {"remaining": 99}
        clock.now += 3600
        assert client.get("/account/rate-limits").json() == {"remaining": 100}


def test_who_has_used_up_the_budget_has_to_wait() -> None:
    clock = Clock()
    with inside(DemoApi(company(), capacity=2, clock=clock)) as client:
        assert [client.get("/apps").status_code for _ in range(3)] == [200, 200, 429]
        refused = client.get("/apps")
        assert refused.json() == {
            "id": "rate_limit",
            "message": "Your account reached the API rate limit\nPlease wait a few minutes before making new requests",
            "url": "https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
        }
        assert refused.headers["RateLimit-Remaining"] == "0"
        assert "Retry-After" not in refused.headers
        assert client.get("/account/rate-limits").json() == {"remaining": 0}
        clock.now += 1
        assert [client.get("/apps").status_code for _ in range(2)] == [200, 429]


def test_asking_for_the_budget_and_being_sent_away_are_free() -> None:
    with inside(DemoApi(company(), clock=Clock())) as client:
        for _ in range(3):
            client.get("/account/rate-limits")
            client.get("/apps", headers={"Authorization": "Bearer wrong"})
            client.get("/apps", headers={"Accept": "*/*"})
            client.get("/nowhere")
        assert client.get("/account/rate-limits").headers["RateLimit-Remaining"] == "4500"
        assert client.get("/apps/nope").headers["RateLimit-Remaining"] == "4499"
        assert "RateLimit-Remaining" not in client.get("/apps", headers={"Authorization": "Bearer wrong"}).headers


def test_the_refill_can_be_faster_and_refusals_are_counted() -> None:
    clock = Clock()
    api = DemoApi(company(), capacity=10, refill=4, clock=clock)
    with inside(api) as client:
        assert [client.get("/apps").status_code for _ in range(12)] == [200] * 10 + [429] * 2
        clock.now += 1.5
        assert client.get("/account/rate-limits").json() == {"remaining": 6}
    assert api.budget.refused == 2


def test_many_at_once_get_exactly_what_is_there() -> None:
    api = DemoApi(company(), capacity=40, clock=Clock())
    with inside(api) as client, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: client.get("/apps/my-app").status_code, range(100)))
    assert (statuses.count(200), statuses.count(429)) == (40, 60)


# --- the server ------------------------------------------------------------------------------------------------------


def test_the_server_listens_on_this_machine_only_unless_told_otherwise(served: Served) -> None:
    assert urlsplit(served.url).hostname == "127.0.0.1"
    assert urlsplit(served.url).port


def test_a_connection_stays_open_between_requests(served: Served) -> None:
    with connection(served) as dialled:
        sockets = []
        for verb, path in [("GET", "/apps"), ("HEAD", "/apps"), ("POST", "/apps"), ("GET", "/nowhere")] * 2:
            dialled.request(verb, path, b"x" * 5000 if verb == "POST" else None, HEADERS)
            dialled.getresponse().read()
            sockets.append(dialled.sock)
        assert len(set(map(id, sockets))) == 1
        assert sockets[0] is not None


def test_many_clients_are_answered_at_once(served: Served) -> None:
    shown = company()

    def ask(name: str) -> Any:
        return httpx.get(f"{served.url}/apps/{name}/dynos", headers=HEADERS, trust_env=False).json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [app["name"] for app in shown.apps]))
    assert answers == [shown.resources_of(app).dynos for app in shown.apps]


def test_an_end_leaves_no_thread_and_no_port_even_with_clients_connected() -> None:
    before = set(threading.enumerate())
    with httpx.Client(headers=HEADERS, trust_env=False) as client:
        with serve(DemoApi(company())) as running:
            assert client.get(f"{running.url}/apps").status_code == 200
            assert len(set(threading.enumerate()) - before) == 2
        assert set(threading.enumerate()) <= before
        with pytest.raises(httpx.TransportError):
            client.get(f"{running.url}/apps")


def test_a_failure_in_the_block_ends_the_server_too() -> None:
    before = set(threading.enumerate())
    with pytest.raises(KeyError), serve(DemoApi(company())):
        raise KeyError
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("address", ["taken", "impossible"])
def test_an_address_that_cannot_be_listened_on_is_an_error(served: Served, address: str) -> None:
    port = urlsplit(served.url).port if address == "taken" else 70_000
    assert port
    with pytest.raises(SettingsError, match=f"127.0.0.1, port {port}"), serve(DemoApi(company()), port=port):
        pass


def test_a_token_that_is_not_ascii_is_a_wrong_one(served: Served) -> None:
    headers = [(b"Accept", HEADERS["Accept"].encode()), (b"Authorization", b"Bearer \xe9\xff")]
    assert httpx.get(f"{served.url}/apps", headers=headers, trust_env=False).status_code == 401


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /apps HTTP/1.1\r\nno colon here\r\n\r\n",
        b"POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n",
        b"POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"GET /apps HTTP/1.1\r\nHost: x\r\nRequest-Id: over\r\n two lines\r\n\r\n",
        b"POST /apps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /apps HTTP/1.0\r\n\r\n",
    ],
)
def test_an_odd_request_gets_an_answer_and_a_closed_connection(served: Served, request_bytes: bytes) -> None:
    where = urlsplit(served.url)
    assert where.hostname
    with socket.create_connection((where.hostname, where.port or 0), timeout=PATIENCE) as dialled:
        dialled.sendall(request_bytes)
        dialled.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: dialled.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.") or b"Bad request" in answer
    assert httpx.get(f"{served.url}/account", headers=HEADERS, trust_env=False).status_code == 200


def test_a_client_that_leaves_early_is_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    with serve(DemoApi(company())) as running:
        where = urlsplit(running.url)
        assert where.hostname
        for _ in range(5):
            with socket.create_connection((where.hostname, where.port or 0), timeout=PATIENCE) as dialled:
                # Closed with a reset, while the server still has answers to send.
                dialled.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                dialled.sendall(f"GET /apps HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode() * 20)
        assert httpx.get(f"{running.url}/account", headers=HEADERS, trust_env=False).status_code == 200
    assert capfd.readouterr().err == ""


def test_a_fault_of_ours_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(environ: WSGIEnvironment, _: StartResponse) -> Iterable[bytes]:
        raise ZeroDivisionError(environ["PATH_INFO"])

    with serve(broken) as running, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{running.url}/apps", trust_env=False)
    assert "ZeroDivisionError: /apps" in capfd.readouterr().err


def test_an_application_is_given_the_request_as_it_came() -> None:
    seen: dict[str, Any] = {}

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("201 Created", [("Content-Length", "2")])
        return iter([b"o", b"k"])

    with serve(application) as running:
        answer = httpx.post(f"{running.url}/a%20b/%C3%A9?x=%31", content=b"hello", trust_env=False)
    assert (answer.status_code, answer.text) == (201, "ok")
    wanted = {"REQUEST_METHOD": "POST", "PATH_INFO": "/a b/\xc3\xa9", "QUERY_STRING": "x=%31", "body": b"hello"}
    assert {name: seen[name] for name in wanted} == wanted
    assert json.loads(seen["CONTENT_LENGTH"]) == 5


def test_latency_makes_every_request_wait() -> None:
    with serve(DemoApi(company()), latency=0.05) as running:
        start = time.monotonic()
        httpx.get(f"{running.url}/account", headers=HEADERS, trust_env=False)
    assert time.monotonic() - start >= 0.05
