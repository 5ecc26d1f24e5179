"""A network that is gone for a moment is survived; one that stays away ends the run, which can go on later."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fast_clock import FastClock
from patience import PATIENCE
from scripted_api import PAGE, TOKEN, Asking, FunctionTransport

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.client.client import Client
from kosmo_kernel.errors import KosmoError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.progress.run import Cancelled, Progress
from kosmo_kernel.session import Session


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def no_name() -> Exception:
    return caused_by(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known"))


def no_route() -> Exception:
    return caused_by(httpx.ConnectError("x"), OSError(101, "Network is unreachable"))


def no_response() -> Exception:
    return httpx.ReadTimeout("x")


class Network(FunctionTransport):
    """A network that is gone from its second request on, for some seconds of a clock.

    Attributes:
        lost, answered: the number of requests by path that got no response, and that got one.
    """

    def __init__(self, seconds: float, error: Callable[[], Exception] = no_name) -> None:
        super().__init__(self.handle)
        self._seconds, self._error = seconds, error
        self._lock = threading.Lock()
        self._until: float | None = None
        self.clock = FastClock()
        self.lost, self.answered = Counter[str](), Counter[str]()
        self.deaf = ""  # the end of a path whose requests never get a response

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        with self._lock:
            now = self.clock.now()
            if self.answered and self._until is None:
                self._until = now + self._seconds
            if (self._until and now < self._until) or (self.deaf and path.endswith(self.deaf)):
                self.lost[path] += 1
                raise self._error()
            self.answered[path] += 1
        return httpx.Response(200, content=PAGE.encode())


def asking(network: Network, **options: Any) -> Asking:
    """Return a client whose first request over a network was answered."""
    one = Asking(network, clock=network.clock, **options)
    one.fetch()
    return one


def fetched(one: Asking, count: int, threads: int) -> list[Any]:
    """Return the answers or errors of a call for each of some apps, made in several threads."""

    def fetch(number: int) -> Any:
        try:
            return one.fetch("list_domains", app_id=f"app-{number}").data
        except KosmoError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(fetch, range(count)))


@pytest.mark.parametrize("error", [no_name, no_route])
def test_a_network_that_is_gone_for_a_moment_is_survived(error: Callable[[], Exception]) -> None:
    network = Network(10, error)
    one = asking(network)

    assert len(one.fetch("list_domains", app_id="app-0").data) == 2
    assert 1 < network.lost.total() <= 4


def test_a_network_that_stays_away_is_an_error_after_four_retries_that_says_how_to_go_on() -> None:
    network = Network(1e9)
    one = asking(network)

    [error] = fetched(one, 1, 1)

    assert isinstance(error, UnreachableError)
    assert (error.is_outage, error.retryable, network.lost.total()) == (True, True, 5)
    assert error.message == (
        'heroku.list_domains (app_id "app-0", account default): no answer from https://api.heroku.com: its name is not '
        "known. Check the network, and HTTPS_PROXY if there is a proxy. It was tried 5 times in "
        f"{sum(network.clock.waits):.3g} s. Once the network is back, a new run starts over, as this one is not "
        'recorded: docs.read("resume").'
    )


def test_a_recorded_run_goes_on_with_resume(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    network = Network(1e9)
    with closing(Recorder(file, "default")) as recorder:
        one = asking(network, saved=recorder)
        [error] = fetched(one, 1, 1)
    assert error.message.endswith(
        "Once the network is back, the same run with `--resume` goes on where this one ended, as its answers are "
        "recorded."
    )
    back = Network(0)
    with closing(Recorder(file, "default", resume=True)) as recorder:
        one = asking(back, saved=recorder)
        assert one.fetch("list_domains", app_id="app-0").requests == 1
    assert list(back.answered) == ["/apps/app-0/domains"]  # what was answered is not asked again


def test_an_address_that_has_never_answered_is_an_error_at_once_and_no_outage() -> None:
    network = Network(0)
    network.deaf = "/apps"
    one = Asking(network, clock=network.clock)

    assert not one.failed().is_outage
    assert network.clock.waits == []


def test_a_request_that_gets_no_connection_while_others_are_answered_is_no_outage() -> None:
    network = Network(0)
    network.deaf = "/app-7/domains"
    one = asking(network)

    class Answering(FastClock):
        def wait(self, seconds: float, ended: threading.Event) -> bool:
            fetched(one, 1, 1)
            return network.clock.wait(seconds, ended)

    one.progress.clock = Answering()
    answers = fetched(one, 20, 1)

    assert [place for place, answer in enumerate(answers) if isinstance(answer, UnreachableError)] == [7]
    assert not answers[7].is_outage


def test_a_request_whose_connection_gets_no_response_is_no_outage() -> None:
    network = Network(0, no_response)
    network.deaf = "/app-7/domains"

    answers = fetched(asking(network), 20, 1)

    assert [place for place, answer in enumerate(answers) if isinstance(answer, UnreachableError)] == [7]
    assert not answers[7].is_outage


def test_an_interrupt_ends_the_wait_of_all() -> None:
    one = asking(Network(1e9))

    class Ending(FastClock):
        def wait(self, seconds: float, ended: threading.Event) -> bool:
            one.progress.cancel()
            return super().wait(seconds, ended)

    one.progress.clock = Ending()
    with ThreadPoolExecutor(8) as pool:
        endings = [pool.submit(one.fetch) for _ in range(8)]

    assert all(isinstance(ending.exception(), Cancelled) for ending in endings)


def test_a_dead_connection_is_replaced_without_a_wait_and_so_are_the_idle_ones() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
    with socket.create_server(("127.0.0.1", 0)) as server:
        both = threading.Barrier(2)

        def serve(connection: socket.socket, *, dies: bool) -> None:
            with connection:
                connection.recv(65536)
                if dies:
                    both.wait(PATIENCE)
                connection.sendall(whole)
                connection.recv(65536)

        def run() -> None:
            threads = []
            for number in range(3):
                connection, _ = server.accept()
                threads.append(threading.Thread(target=partial(serve, connection, dies=number < 2)))
                threads[-1].start()
            for thread in threads:
                thread.join()

        thread = threading.Thread(target=run)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        clock = FastClock()
        with closing(Client(HEROKU, Account("heroku", "default", TOKEN, url, "x"), clock=clock)) as client:
            client.limiter._probing = False
            fetch = partial(client.fetch, HEROKU.function("list_apps"), {})
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda _: fetch(), range(2)))
            assert fetch().requests == 1
        thread.join()

    assert clock.waits == []


@pytest.mark.parametrize(
    "call",
    [
        "heroku.list_domains({ app_id = names, errors = 'collect' })",
        "parallel.map(names, function(name) return heroku.list_domains(name) end, { errors = 'collect' })",
    ],
)
def test_a_call_that_collects_failures_ends_with_the_outage(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(1e9)
    client = partial(Client, transport=network, clock=network.clock)
    monkeypatch.setattr("kosmo_kernel.calls.services.Client", client)
    monkeypatch.setattr("kosmo_kernel.progress.run.Progress", partial(Progress, network.clock))
    monkeypatch.setenv("HEROKU_API_KEY", TOKEN)
    names = "heroku.list_apps() local names = {} for n = 1, 500 do names[n] = 'app-' .. n end"

    with Session() as session, pytest.raises(UnreachableError) as caught:
        session.run(f"local heroku = app.integrations.heroku {names} return {call}")

    assert caught.value.is_outage
    assert "no answer from https://api.heroku.com" in caught.value.message
    assert network.lost.total() <= 5 * 64
    if "parallel" not in call:
        assert "(account default): no answer" in caught.value.message
        assert "0 of 500 items were answered before." in caught.value.message
