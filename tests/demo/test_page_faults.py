"""Faults of pages that leave a list short: each looks like the real one, and this package never returns a part."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import pytest
from fast_clock import FastClock
from kosmo_command import kosmo, started

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import ApiError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, FAULTS, with_page_fault
from kosmo_kernel.integrations.heroku.demo.company import company

HEADERS = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {DEMO_TOKEN}"}
SIZE = 8  # records of a page; the company has more apps than two pages
LATER = {"Range": f"name customs-forms..; max={SIZE}"}
LAST = max(app["name"] for app in company().apps)


@contextmanager
def served(fault: str) -> Iterator[str]:
    with serve(with_page_fault(company(), fault, default_page=SIZE, max_page=SIZE)) as running:
        yield running.url


@contextmanager
def client(fault: str) -> Iterator[httpx.Client]:
    with served(fault) as url, httpx.Client(base_url=url, headers=HEADERS) as opened:
        yield opened


@pytest.mark.parametrize(("fault", "status"), [("second-page-503", 503), ("second-page-429", 429)])
def test_a_later_page_fails_once_and_the_first_one_never(fault: str, status: int) -> None:
    with client(fault) as opened:
        statuses = [opened.get("/apps", headers=headers).status_code for headers in ({}, LATER, LATER, {})]
    assert statuses == [206, status, 206, 206]


@pytest.mark.parametrize("fault", ["second-page-reset", "second-page-truncated"])
def test_the_answer_with_a_later_page_ends_too_early_once(fault: str) -> None:
    with client(fault) as opened:
        assert opened.get("/apps").status_code == 206
        with pytest.raises(httpx.TransportError):
            opened.get("/apps", headers=LATER)
        assert len(opened.get("/apps", headers=LATER).json()) == SIZE


def test_later_pages_are_web_pages_each_time() -> None:
    with client("html") as opened:
        answers = [opened.get("/apps", headers=LATER) for _ in range(2)]
    assert {(one.status_code, one.headers["Content-Type"]) for one in answers} == {(200, "text/html; charset=utf-8")}


def test_the_header_that_leads_on_is_lost_and_the_status_stays() -> None:
    with client("next-range-lost") as opened:
        first = opened.get("/apps")
    assert (first.status_code, len(first.json()), "Next-Range" in first.headers) == (206, SIZE, False)


def test_a_later_page_leads_to_itself() -> None:
    with client("next-range-repeated") as opened:
        second = opened.get("/apps").headers["Next-Range"]
        assert opened.get("/apps", headers={"Range": second}).headers["Next-Range"] == second


def test_the_lists_of_one_app_are_forbidden_and_those_of_others_are_not() -> None:
    with client("forbidden") as opened:
        statuses = [opened.get(path).status_code for path in (f"/apps/{LAST}/dynos", "/apps/my-app/dynos", "/apps")]
    assert statuses == [403, 200, 206]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_list_with_a_fault_of_its_pages_is_whole_or_an_error(fault: str) -> None:
    with served(fault) as url:
        account = Account("heroku", "default", DEMO_TOKEN, url, "a test")
        with closing(Client(HEROKU, account, clock=FastClock())) as reader:
            try:
                apps = reader.fetch(HEROKU.table.named("list_apps"), {}).data
                for name in (LAST, "my-app"):
                    reader.fetch(HEROKU.table.named("list_dynos"), {"app_id": name})
            except ApiError:
                assert fault in ("html", "next-range-repeated", "forbidden")
                return
    assert sorted(app["name"] for app in apps) == sorted(app["name"] for app in company().apps)
    assert fault not in ("html", "next-range-repeated", "forbidden")


def test_a_fault_that_cannot_be_served_is_refused() -> None:
    done = kosmo("demo:serve", "--fault", "link-lost")
    assert (done.returncode, "link-lost" in done.stderr) == (2, True)


def test_the_command_serves_lists_with_a_fault_of_their_pages() -> None:
    with started("demo:serve", "--fault", "next-range-lost", "--apps", "120") as server:
        assert server.stdout is not None
        variables = dict(server.stdout.readline().strip().split("=", 1) for _ in range(2))
        answer = httpx.get(f"{variables['HEROKU_API_URL']}/apps", headers=HEADERS)
        server.send_signal(signal.SIGINT)
    assert (answer.status_code, len(answer.json()), "Next-Range" in answer.headers) == (206, 100, False)
