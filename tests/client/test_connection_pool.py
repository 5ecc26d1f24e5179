"""Connections are opened when they are needed, kept as long as people need to write a cell, and then given up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from types import SimpleNamespace
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from fast_clock import FastClock
from patience import PATIENCE

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.network import Network, proxy_of, trusted_certificates
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import SettingsError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.progress.run import Cancelled, Progress

GET_APP = HEROKU.function("get_app")
MINE = {"app_id": "my-app"}


class Demo:
    """The demo on a real port, which counts its connections: the server gives each a thread of its own."""

    def __init__(self) -> None:
        self.api = DemoApi(company())
        self.threads: set[str] = set()
        self.together = threading.Barrier(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.threads.add(threading.current_thread().name)
        self.together.wait(PATIENCE)
        return self.api(environ, start_response)

    @contextmanager
    def client(self, *, timeout: float = 30.0) -> Iterator[Client]:
        with serve(self) as served:
            account = Account("heroku", "default", DEMO_TOKEN, served.url, "HEROKU_API_KEY")
            with closing(Client(HEROKU, account, clock=FastClock(), timeout=timeout)) as client:
                client.fetch(GET_APP, MINE)
                yield client


def burst(client: Client, demo: Demo, size: int, rounds: int = 1) -> None:
    """So many requests that are under way at the same time."""
    demo.together = threading.Barrier(size)
    with ThreadPoolExecutor(size) as pool:
        list(pool.map(lambda _: client.fetch(GET_APP, MINE), range(size * rounds)))
    demo.together = threading.Barrier(1)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Return a list with the number of seconds by which the clock of the connections is ahead."""
    passed = [0.0]
    real = __import__("time").monotonic
    time = SimpleNamespace(monotonic=lambda: real() + passed[0])
    monkeypatch.setattr("kosmo_kernel.client.network.uptime", time.monotonic)
    return passed  # type: ignore[return-value]


def test_no_more_connections_are_opened_than_requests_are_under_way() -> None:
    demo = Demo()
    with demo.client() as client:
        burst(client, demo, 16, rounds=4)
        burst(client, demo, 8, rounds=4)

    assert len(demo.threads) == 16


def test_a_cell_half_a_minute_later_uses_the_same_connections(later: list[float]) -> None:
    demo = Demo()
    with demo.client() as client:
        burst(client, demo, 4)
        for _ in range(3):
            later[0] += 30
            burst(client, demo, 4)

    assert len(demo.threads) == 4


def test_a_connection_that_nobody_used_for_longer_is_not_used_again(later: list[float]) -> None:
    demo = Demo()
    with demo.client() as client:
        burst(client, demo, 4)
        later[0] += 61
        burst(client, demo, 4)

    assert len(demo.threads) == 8


def test_a_connection_whose_answer_broke_off_is_replaced() -> None:
    demo = Demo()
    whole, cut = demo.api, [True]

    def api(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if cut.pop() if cut else False:
            start_response("200 OK", [("Content-Length", "5000")])
            return [b"{"]
        return whole(environ, start_response)

    with demo.client(timeout=0.2) as client:
        demo.api = api  # type: ignore[assignment]
        assert client.fetch(GET_APP, MINE).requests == 2

    assert len(demo.threads) == 2


def test_closing_waits_for_nobody_and_closes_what_comes_back_later(monkeypatch: pytest.MonkeyPatch) -> None:
    demo, closed = Demo(), list[httpx.HTTPTransport]()
    close = httpx.HTTPTransport.close

    def noted(self: httpx.HTTPTransport) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(httpx.HTTPTransport, "close", noted)
    with demo.client() as client, ThreadPoolExecutor(1) as pool:
        demo.together = threading.Barrier(2)
        under_way = pool.submit(client.fetch, GET_APP, MINE)
        while demo.together.n_waiting < 1:
            pass
        client.close()
        assert closed == []
        demo.together.wait(PATIENCE)

        assert isinstance(under_way.result(timeout=PATIENCE).data, dict)
        assert len(closed) == 1


def test_one_who_waits_for_a_connection_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kosmo_kernel.client.network.MAX_CONNECTIONS", 1)
    demo = Demo()
    with demo.client() as client, ThreadPoolExecutor(2) as pool:
        demo.together = threading.Barrier(2)
        busy = pool.submit(client.fetch, GET_APP, MINE)
        while demo.together.n_waiting < 1:
            pass
        progress = Progress(FastClock())
        waiting = pool.submit(client.fetch, GET_APP, MINE, progress)
        while client.limiter.state().requests < 3:
            pass
        progress.cancel()
        with pytest.raises(Cancelled):
            waiting.result(timeout=PATIENCE)
        demo.together.wait(PATIENCE)

        assert isinstance(busy.result(timeout=PATIENCE).data, dict)


# Settings


def test_the_timeout_can_be_set_in_the_environment_and_is_the_longest_for_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = Account("heroku", "default", DEMO_TOKEN, "https://api.heroku.com", "x")
    monkeypatch.setenv("KOSMO_READ_TIMEOUT", " 7.5 ")
    assert Client(HEROKU, account).connections.timeout == 7.5
    assert Client(HEROKU, account, timeout=20).connections.timeout == 20
    for timeout, connect in ((7.5, 7.5), (30.0, 10.0)):
        timeouts = Network(account.url, timeout).extensions["timeout"]
        assert timeouts == {"connect": connect, "read": timeout, "write": timeout}


@pytest.mark.parametrize("told", ["0", "-1", "soon", "nan", "inf", "1e300"])
def test_a_timeout_that_makes_no_sense_is_an_error_that_names_it(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_READ_TIMEOUT", told)

    with pytest.raises(
        SettingsError,
        match=f"KOSMO_READ_TIMEOUT must be (a number of seconds above zero|at most 1000000000), got '{told}'",
    ):
        Client(HEROKU, Account("heroku", "default", DEMO_TOKEN, "https://api.heroku.com", "x"))


def test_a_timeout_that_is_given_and_makes_no_sense_is_named_as_it_was_given() -> None:
    with pytest.raises(SettingsError, match=r"read_timeout must be a number of seconds above zero, got 0"):
        Client(HEROKU, Account("heroku", "default", DEMO_TOKEN, "https://api.heroku.com", "x"), timeout=0)


def test_a_machine_that_does_not_pick_up_is_left_after_the_time_for_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kosmo_kernel.client.network.CONNECT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(address)  # fills the queue of those whom nobody answers
        account = Account("heroku", "default", DEMO_TOKEN, f"http://127.0.0.1:{address[1]}", "x")
        with (
            closing(Client(HEROKU, account)) as client,
            pytest.raises(UnreachableError, match="no connection was made in time"),
        ):
            client.fetch(GET_APP, MINE)
        for caller in callers:
            caller.close()


@pytest.mark.parametrize(
    ("settings", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"ALL_PROXY": "http://proxy.example"}, "http://proxy.example"),
        ({"HTTP_PROXY": "http://proxy.example"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "heroku.com"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": ".heroku.com"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "a.example, api.heroku.com"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "eroku.com"}, "http://proxy.example"),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "a.example"}, "http://proxy.example"),
    ],
)
def test_the_environment_says_which_proxy_is_asked(
    settings: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    chosen = proxy_of("https://api.heroku.com")

    assert (chosen and str(chosen.url)) == proxy
    assert proxy_of("http://127.0.0.1:5000") is None


def test_the_system_s_trust_store_counts_where_no_variable_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("ssl.SSLContext.load_default_certs", lambda *_: asked.append(True))
    trusted_certificates()
    usual = list(asked)
    monkeypatch.setenv("SSL_CERT_DIR", "/etc/ssl")
    trusted_certificates()

    assert (usual, asked) == ([True], [True])
