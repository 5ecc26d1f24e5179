"""A network that is gone is waited for by all requests together, and each is sent again once it is back."""

from __future__ import annotations

import itertools
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from fast_clock import FastClock
from patience import PATIENCE
from scripted_api import PAGE, TOKEN, Asking, FunctionTransport, connections_of

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import NoResponseError
from kosmo_kernel.errors import KosmoError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.progress.run import Cancelled, Progress
from kosmo_kernel.session import Session

MINUTE = 60.0


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def no_name() -> Exception:
    return caused_by(httpcore2.ConnectError("x"), socket.gaierror(-2, "Name or service not known"))


def no_route() -> Exception:
    return caused_by(httpcore2.ConnectError("x"), OSError(101, "Network is unreachable"))


def no_response() -> Exception:
    return httpcore2.ReadTimeout("x")


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
        self.back_at = 0.0
        self.sleeper = ""  # the end of a path whose requests never get a response
        self.together = threading.Barrier(1)  # for the first requests that are lost
        self._numbers = itertools.count()

    def end(self) -> None:
        """Let the network be there from now on."""
        self._until = 0.0

    def handle(self, request: httpcore2.Request) -> httpcore2.Response:
        path = request.url.target.decode()
        if self.answered and next(self._numbers) < self.together.parties:
            self.together.wait(PATIENCE)
        with self._lock:
            now = self.clock.now()
            if self.answered and self._until is None:
                self._until = now + self._seconds
            if (self._until and now < self._until) or (self.sleeper and path.endswith(self.sleeper)):
                self.lost[path] += 1
                raise self._error()
            if len(self.answered) == 1:
                self.back_at = now
            self.answered[path] += 1
        return httpcore2.Response(200, content=PAGE.encode())


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
def test_threads_wait_together_and_each_request_is_answered_once(error: Callable[[], Exception]) -> None:
    network = Network(5 * MINUTE, error)
    network.together = threading.Barrier(32)
    one = asking(network)

    answers = fetched(one, 200, 32)

    assert [answer for answer in answers if not isinstance(answer, list)] == []
    assert set(network.answered.values()) == {1}
    assert network.lost.total() < 2 * 32 + 5 * MINUTE / 4  # the first try of each thread, and the probes
    assert network.clock.now() - 1000 - 5 * MINUTE < 10
    assert not one.client.outage.is_suspected


def test_a_network_that_stays_away_ends_all_requests_after_the_timeout() -> None:
    network = Network(1e9)
    one = asking(network)

    answers = fetched(one, 200, 32)

    assert all(isinstance(answer, UnreachableError) and answer.is_outage for answer in answers)
    assert sum(network.clock.waits) == pytest.approx(10 * MINUTE, abs=10)
    assert network.lost.total() < 2 * 32 + 10 * MINUTE / 4
    assert answers[0].message == (
        'heroku.list_domains (app_id "app-0", account default): no answer from https://api.heroku.com for 10 min 0 s: '
        "its name is not known. Check the network, and HTTPS_PROXY if there is a proxy. Once the network is back, the "
        'same run with `--resume` goes on where this one ended, if it is recorded: docs.read("resume").'
    )


def test_the_next_run_waits_anew() -> None:
    network = Network(15 * MINUTE)
    one = asking(network)
    one.progress.begin("default")
    one.failed()
    one.progress = Progress(network.clock)
    one.progress.begin("default")

    assert one.fetch().requests == 1


def test_one_request_that_gets_no_response_is_no_outage() -> None:
    network = Network(0, no_response)
    network.sleeper = "/app-7/domains"
    one = asking(network)

    answers = fetched(one, 20, 1)

    assert [place for place, answer in enumerate(answers) if isinstance(answer, UnreachableError)] == [7]
    assert not answers[7].is_outage
    assert sum(network.clock.waits) < MINUTE


def test_two_requests_without_a_response_in_between_are_an_outage() -> None:
    outage, lost = asking(Network(0)).client.outage, NoResponseError("nothing came", "", "always")

    assert [outage.failed(request, lost) for request in ("one", "one")] == [False, False]
    outage.answered()
    assert [outage.failed(request, lost) for request in ("two", "one")] == [False, True]


def test_a_request_that_never_gets_through_does_not_hold_up_the_others() -> None:
    network = Network(MINUTE)
    network.sleeper, network.together = "/app-0/domains", threading.Barrier(4)
    one = asking(network)

    answers = fetched(one, 20, 4)

    assert sum(isinstance(answer, list) for answer in answers) == 19


def test_a_sign_in_page_after_an_outage_is_waited_for_too() -> None:
    errors = [
        no_name(),
        *(caused_by(httpcore2.ConnectError("x"), ssl.SSLCertVerificationError("no")) for _ in range(3)),
    ]
    one = asking(Network(30, lambda: errors.pop(0) if errors else no_name()))

    assert one.fetch().requests == 1


def test_a_recorded_answer_neither_waits_for_the_network_nor_ends_the_outage(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with closing(Recorder(file, "default")) as recorder:
        Asking(Network(0), cassette=recorder).fetch("list_domains", app_id="app-0")
    with closing(Recorder(file, "default", resume=True)) as recorder:
        one = asking(Network(1e9), cassette=recorder)
        one.client.outage.failed(one, NoResponseError("its name is not known", "", "met", is_connected=False))

        assert one.fetch("list_domains", app_id="app-0").requests == 1
        assert (one.clock.waits, one.client.outage.is_suspected) == ([], True)


def test_an_interrupt_ends_the_wait_of_all() -> None:
    network = Network(1e9)
    one = asking(network)

    class Ending(FastClock):
        def wait(self, seconds: float, ended: threading.Event) -> bool:
            one.progress.cancel()
            return super().wait(seconds, ended)

    one.progress.clock = Ending()
    with ThreadPoolExecutor(8) as pool:
        endings = [pool.submit(one.fetch) for _ in range(8)]

    assert all(isinstance(ending.exception(), Cancelled) for ending in endings)
    network.end()
    one.progress = Progress(network.clock)
    assert len(one.fetch().data) == 2  # as nobody is in the queue


def test_the_line_says_what_is_waited_for_and_how_long_at_most() -> None:
    lines: list[str] = []

    class Looking(FastClock):
        def wait(self, seconds: float, ended: threading.Event) -> bool:
            lines.append(one.progress.snapshot().text())
            return network.clock.wait(seconds, ended)

    network = Network(MINUTE)
    one = asking(network)
    one.progress.begin("default", 500)
    clock = Looking()
    clock.now = network.clock.now  # type: ignore[method-assign]
    one.progress.clock = clock
    one.fetch()

    line = r"0/500 · waits for the network \(api\.heroku\.com does not answer\), gives up in 9 min \d+ s"
    assert re.fullmatch(line, lines[-1])


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
            assert connections_of(client).idle == 2
            assert fetch().requests == 1
            assert connections_of(client).idle == 1
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
    monkeypatch.setattr("kosmo_kernel.run.services.Client", client)
    monkeypatch.setattr("kosmo_kernel.progress.run.Progress", partial(Progress, network.clock))
    monkeypatch.setenv("HEROKU_API_KEY", TOKEN)
    names = "heroku.list_apps() local names = {} for n = 1, 500 do names[n] = 'app-' .. n end"

    with Session() as session, pytest.raises(UnreachableError) as caught:
        session.run(f"local heroku = app.integrations.heroku {names} return {call}")

    assert caught.value.is_outage
    assert "no answer from https://api.heroku.com for 10 min 0 s" in caught.value.message
    assert network.lost.total() < 64 + 64 + 10 * MINUTE / 4
    if "parallel" not in call:
        assert "(account default): no answer" in caught.value.message
        assert "0 of 500 items were answered before." in caught.value.message
