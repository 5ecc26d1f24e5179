"""A request through the client against plain httpx, what a second look costs, and how many connections are opened.

    python benchmarks/client.py [ROUNDS] [--check]

The demo account is served by processes of their own, one that answers at once and one after 100 ms, with a budget that
never ends. Plain httpx is one `httpx.Client` shared by threads, with its limits raised to the requests in flight: the
best that it does without a word about pages, budgets or retries. Each round runs all ways in turn, each with
connections of its own; processor time is the whole process's, and ratios are medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import msgspec
from goals import Goals

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.secrets import TokenRedactor
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.progress.run import Progress
from kosmo_kernel.safety.decoder import decode

APPS = 500
AT_ONCE = 32
# Times the processor time of plain httpx, one at a time and many in flight, and times its time by the clock.
ONE_MOST, MANY_MOST, CLOCK_MOST = 1.05, 1.1, 1.06
SEARCH_MOST = 0.02  # of decoding an answer
TOKEN = f"HRKU-AA{'0123456789abcdefXYZ_' * 3}"  # as long as those of Heroku
HEADERS = {
    "Accept": "application/vnd.heroku+json; version=3",
    "Accept-Encoding": "gzip",
    "Authorization": f"Bearer {DEMO_TOKEN}",
    "Range": "id ..; max=1000",
}
LIST_APPS, LIST_DYNOS = HEROKU.function("list_apps"), HEROKU.function("list_dynos")
COUNT = "/connections"  # of the server: how many it has accepted

Figures = tuple[float, float, int]  # processor seconds, seconds by the clock, connections


class Counting:
    """The demo; it knows its connections by their threads, and forgets them when it has told how many they were."""

    def __init__(self, apps: int) -> None:
        self.api = DemoApi(company(apps), capacity=10**9)
        self.threads: set[str] = set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == COUNT:
            told, self.threads = str(len(self.threads)), set()
            start_response("200 OK", [("Content-Length", str(len(told)))])
            return [told.encode()]
        self.threads.add(threading.current_thread().name)
        return self.api(environ, start_response)


@contextmanager
def served(apps: int, latency: float) -> Iterator[str]:
    """Yield the address of a demo in another process."""
    command = [sys.executable, __file__, "serve", str(apps), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def account(url: str) -> Account:
    return Account("heroku", "default", DEMO_TOKEN, url, "HEROKU_API_KEY")


def timed(work: Callable[[], object], url: str) -> Figures:
    httpx.get(url + COUNT)
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return cpu, clock, int(httpx.get(url + COUNT).text)


def plain(url: str, names: list[str], at_once: int) -> Figures:
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once, keepalive_expiry=60)
    with httpx.Client(headers=HEADERS, limits=limits, timeout=30) as client:

        def ask(name: str) -> object:
            answer = client.get(f"{url}/apps/{name}/dynos")
            answer.raise_for_status()
            return msgspec.json.decode(answer.content)

        return timed(lambda: in_threads(ask, names, at_once), url)


def ours(url: str, names: list[str], at_once: int) -> Figures:
    run = Progress()  # one for all calls, as a run of Lua has it
    with closing(Client(HEROKU, account(url))) as client:

        def ask(name: str) -> Reply:
            return client.fetch(LIST_DYNOS, {"app_id": name}, progress=run)

        return timed(lambda: in_threads(ask, names, at_once), url)


def in_threads(ask: Callable[[str], object], names: list[str], at_once: int) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(ask, names))
    assert len(found) == len(names)


def requests(url: str, names: list[str], at_once: int, rounds: int, what: str) -> list[float]:
    taken: dict[Callable[[str, list[str], int], Figures], list[Figures]] = {plain: [], ours: []}
    for way in taken:
        way(url, names[:at_once], at_once)  # the server, too, does things once
    for _ in range(rounds):
        for way, figures in taken.items():
            figures.append(way(url, names, at_once))
    ratios = [
        statistics.median(a[part] / b[part] for a, b in zip(taken[ours], taken[plain], strict=True)) for part in (0, 1)
    ]
    for way, figures in taken.items():
        cpu, clock, connections = (statistics.median(column) for column in zip(*figures, strict=True))
        each = cpu / len(names) * 1e6
        print(
            f"{what:<30} {way.__name__:<6} {each:>7.0f} us a request  {clock:>6.2f} s  {connections:>3.0f} connections"
        )
    most = max(figure[2] for figure in taken[ours])
    print(f"{what:<30} ratio  {ratios[0]:>7.2f}  of processor time {ratios[1]:>6.2f} by the clock")
    assert most <= at_once + 1, f"{most} connections for {at_once} requests in flight"
    return ratios


def search(apps: list[dict[str, Any]], rounds: int) -> float:
    """Look for the token in an answer and decode it: the ratio of the processor times."""
    body, redactor, ratios = msgspec.json.encode(apps), TokenRedactor(TOKEN), []
    for _ in range(rounds * 3):
        times = []
        for work in (redactor.redact, decode):
            begin = time.process_time()
            for _ in range(20):
                work(body)
            times.append(time.process_time() - begin)
        ratios.append(times[0] / times[1])
    ratio = statistics.median(ratios)
    print(f"the token in {len(body):,} bytes of JSON: {ratio:.1%} of decoding them")
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=11)
    goals = Goals(parser)
    rounds = goals.options.rounds
    with ExitStack() as stack:
        at_once, later = (stack.enter_context(served(APPS, latency)) for latency in (0, 0.1))
        with closing(Client(HEROKU, account(at_once))) as client:
            apps: Any = client.fetch(LIST_APPS, {}).data
        names = [app["name"] for app in apps]
        many = requests(at_once, names, AT_ONCE, rounds, f"at once, {AT_ONCE} in flight")
        waiting = requests(later, names, AT_ONCE, rounds, f"after 100 ms, {AT_ONCE} in flight")
        one = requests(at_once, names, 1, rounds, "at once, one after the other")
    print(f"a request, to plain httpx: {goals.judge('a request', one[0], ONE_MOST)}")
    print(f"{AT_ONCE} requests, to plain httpx: {goals.judge('requests in flight', many[0], MANY_MOST)}")
    print(f"{AT_ONCE} requests that take 100 ms, by the clock: {goals.judge('the clock', waiting[1], CLOCK_MOST)}")
    print(f"the token in an answer: {goals.judge('the token', search(apps, rounds), SEARCH_MOST)}")
    return goals.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        with serve(Counting(int(sys.argv[2])), latency=float(sys.argv[3])) as running:
            print(running.url, flush=True)
            threading.Event().wait()
    else:
        sys.exit(main())
