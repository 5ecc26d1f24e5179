"""Faults on purpose: each kind looks like the real one, and the same requests fail in every run."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import msgspec
import pytest

from kosmo_kernel.demo.faults import KINDS, RESET, FaultInjector, read
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi, faulty
from kosmo_kernel.integrations.heroku.demo.company import company

HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}


def inside(faults: FaultInjector) -> httpx.Client:
    transport = httpx.WSGITransport(app=faulty(DemoApi(company()), faults))
    return httpx.Client(transport=transport, base_url="http://api.heroku.example", headers=HEADERS)


def request(path: str, **more: str) -> WSGIEnvironment:
    return {"REQUEST_METHOD": "GET", "PATH_INFO": path} | more


# --- what each kind looks like ---------------------------------------------------------------------------------------


def test_a_429_is_herokus_own() -> None:
    refused = DemoApi(company(), capacity=0)
    with inside(FaultInjector({"429": 1})) as client, httpx.Client(transport=httpx.WSGITransport(app=refused)) as other:
        answer = client.get("/apps")
        real = other.get("http://api.heroku.example/apps", headers=HEADERS)
    assert (answer.status_code, answer.json()) == (429, real.json())
    assert {name: answer.headers.get(name) for name in ("RateLimit-Remaining", "Retry-After", "Content-Type")} == {
        "RateLimit-Remaining": "0",
        "Retry-After": None,
        "Content-Type": "application/json",
    }
    assert answer.headers["Request-Id"]


def test_a_429_may_say_when_to_come_back() -> None:
    with inside(FaultInjector({"429": 1}, retry_after=7)) as client:
        assert client.get("/apps").headers["Retry-After"] == "7"


def test_a_503_is_an_error_of_herokus_form() -> None:
    with inside(FaultInjector({"503": 1})) as client:
        answer = client.get("/apps")
    assert (answer.status_code, sorted(answer.json())) == (503, ["id", "message", "url"])
    assert answer.headers["Request-Id"]


def test_a_proxys_page_comes_with_a_good_and_with_a_bad_status() -> None:
    with inside(FaultInjector({"html": 1})) as client:
        answers = [client.get(f"/apps/{n}") for n in range(20)]
    assert {answer.status_code for answer in answers} == {200, 502}
    for answer in answers:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.text.startswith("<!DOCTYPE html>")
        assert "Request-Id" not in answer.headers


@pytest.mark.parametrize("path", ["/apps", "/apps/van-telemetry/dynos", "/apps/nope"])
def test_a_truncated_answer_is_shorter_than_it_says_and_no_json(path: str) -> None:
    with inside(FaultInjector({})) as honest, inside(FaultInjector({"truncated": 1})) as client:
        honest.headers["Accept-Encoding"] = client.headers["Accept-Encoding"] = "identity"
        whole, part = honest.get(path), client.get(path)
    assert whole.content.startswith(part.content)
    assert len(part.content) < len(whole.content) == int(part.headers["Content-Length"])
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(part.content)


def test_a_slow_answer_is_the_right_one_after_a_wait() -> None:
    waited: list[float] = []
    with (
        inside(FaultInjector({})) as honest,
        inside(FaultInjector({"slow": 1}, slow=12.5, wait=waited.append)) as client,
    ):
        assert client.get("/apps").json() == honest.get("/apps").json()
    assert waited == [12.5]


def test_an_answer_that_is_cut_short_ends_the_connection() -> None:
    cut = faulty(DemoApi(company()), FaultInjector({"truncated": 1}))
    with serve(cut) as served, pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        httpx.get(f"{served.url}/apps", headers=HEADERS, trust_env=False)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_connection_can_be_reset_before_or_in_the_middle_of_an_answer(share: float) -> None:
    body = b"0123456789" * 10

    def breaking(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[RESET](share)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    received: list[bytes] = []
    with serve(breaking) as served, socket.create_connection(("127.0.0.1", urlsplit(served.url).port)) as dialled:
        dialled.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            received.extend(iter(lambda: dialled.recv(65536), b""))
    assert b"".join(received).partition(b"\r\n\r\n")[2] == body[: int(len(body) * share)]
    assert bool(received) == bool(share)


def test_resets_happen_before_answers_and_in_the_middle_of_them() -> None:
    shares: list[float] = []

    def note(path: str) -> None:
        environ = request(path) | {RESET: shares.append}
        list(faulty(lambda *_: [], FaultInjector({"reset": 1}))(environ, lambda *_: None))  # type: ignore[arg-type]

    for number in range(20):
        note(f"/{number}")
    assert 5 <= shares.count(0) <= 15
    assert all(0 <= share < 1 for share in shares)


def test_a_reset_needs_a_connection() -> None:
    with inside(FaultInjector({"reset": 1})) as client, pytest.raises(SettingsError, match="needs a connection"):
        client.get("/apps")


def test_a_page_for_head_is_only_its_head() -> None:
    with (
        serve(faulty(DemoApi(company()), FaultInjector({"html": 1}))) as served,
        httpx.Client(trust_env=False) as client,
    ):
        statuses = [client.head(f"{served.url}/apps/{n}").status_code for n in range(6)]
    assert set(statuses) <= {200, 502}


# --- when they happen ------------------------------------------------------------------------------------------------

MIXED = dict.fromkeys(KINDS, 0.05)


def outcomes(faults: FaultInjector, requests: Iterable[WSGIEnvironment]) -> dict[str, Counter[str]]:
    """Return how often what happened to each path."""
    found: dict[str, Counter[str]] = {}
    for environ in requests:
        fault = faults.choose(environ)
        found.setdefault(environ["PATH_INFO"], Counter())[fault.kind if fault else "none"] += 1
    return found


def test_the_same_requests_fail_in_whatever_order_they_come() -> None:
    requests = [request(f"/apps/{n}") for n in range(300)] * 4
    mixed = sorted(requests, key=lambda environ: str(environ["PATH_INFO"])[::-1], reverse=True)
    first, again = outcomes(FaultInjector(MIXED), requests), outcomes(FaultInjector(MIXED), mixed)
    assert first == again
    assert first != outcomes(FaultInjector(MIXED, seed=2), requests)


def test_threads_meet_the_same_faults_as_one_after_the_other() -> None:
    def statuses(workers: int) -> list[int]:
        with (
            inside(FaultInjector({"429": 0.2, "503": 0.2, "html": 0.2})) as client,
            ThreadPoolExecutor(workers) as pool,
        ):
            return list(pool.map(lambda n: client.get(f"/apps/{n}").status_code, range(200)))

    assert statuses(8) == statuses(1)


def test_faults_come_as_often_as_their_rates_say() -> None:
    faults = FaultInjector(MIXED | {"429": 0.25, "slow": 0})
    for n in range(8000):
        faults.choose(request(f"/{n}"))
    wanted = {kind: 0.05 for kind in KINDS if kind not in ("429", "slow")} | {"429": 0.25}
    assert {kind: count / 8000 for kind, count in faults.dealt.items()} == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_who_asks_again_is_answered_in_the_end(kind: str) -> None:
    faults = FaultInjector({kind: 0.5})
    tries = []
    for n in range(100):
        tries.append(1)
        while faults.choose(request(f"/apps/{n}")):
            tries[-1] += 1
    assert 1 < max(tries) < 15
    assert tries.count(1) < 70


def test_a_certain_fault_happens_every_time_and_one_of_no_rate_never() -> None:
    faults = FaultInjector({"503": 1, "429": 0})
    assert {faults.choose(request("/apps")).kind for _ in range(50)} == {"503"}  # type: ignore[union-attr]
    assert FaultInjector({}).choose(request("/apps")) is None


def test_pages_and_questions_of_one_list_fail_each_for_itself() -> None:
    faults = FaultInjector({"503": 0.5})
    found = [faults.choose(request("/apps", HTTP_RANGE=f"id {n}..", QUERY_STRING=f"q={n % 3}")) for n in range(40)]
    assert 5 < len([fault for fault in found if fault]) < 35


def test_a_fault_changes_no_data() -> None:
    shown = company(120)
    faults = FaultInjector(MIXED, seed=5, wait=lambda _: None)

    def ask(client: httpx.Client, name: str) -> Any:
        """As a simple client does: again, until there is a whole answer of the right kind."""
        while True:
            try:
                answer = client.get(f"/apps/{name}/dynos")
                if answer.status_code == 200 and answer.headers["Content-Type"] == "application/json":
                    return answer.json()
            except httpx.TransportError:
                continue

    with (
        serve(faulty(DemoApi(shown), faults)) as served,
        httpx.Client(base_url=served.url, headers=HEADERS, trust_env=False) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        answers = list(pool.map(lambda app: ask(client, app["name"]), shown.apps))
    assert answers == [shown.resources_of(app).dynos for app in shown.apps]
    assert set(faults.dealt) == set(KINDS)


# --- how they are asked for ------------------------------------------------------------------------------------------


def test_rates_are_numbers_or_percentages() -> None:
    assert read(["429=0.25", "reset=5%", " html = 1e-2 "]) == {"429": 0.25, "reset": 0.05, "html": 0.01}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["flood=5%"], "`flood` is no kind"),
        (["503"], "`503` is not KIND=RATE"),
        (["503=often"], "`often` is no rate"),
        (["503=nan"], "the rate of `503` is nan"),
        (["503=-1%"], "the rate of `503` is -0.01"),
        (["503=5"], "the rate of `503` is 5"),
        (["503=5%", "503=6%"], "`503` is named twice"),
        (["503=60%", "429=0.5"], "the rates add up to 1.1"),
        (["x=1", "=", "429=9"], "`` is no rate; `x` is no kind; the rate of `429` is 9"),
    ],
)
def test_faults_that_cannot_be_are_told_at_once(options: list[str], says: str) -> None:
    with pytest.raises(SettingsError) as told:
        read(options)
    assert str(told.value).startswith(f"These faults cannot be: {says}. The kinds are {', '.join(KINDS)};")


def test_a_test_is_told_of_its_mistakes_too() -> None:
    with pytest.raises(SettingsError, match="`500` is no kind"):
        FaultInjector({"500": 0.1})


def test_tenths_add_up_to_one() -> None:
    FaultInjector(read(["429=0.1", "503=0.2", "reset=0.3", "html=0.4"]))
