"""The twelve ways in which a list comes back short, and what serves each of them.

Two look-alikes serve the lists: Heroku's API, as `kosmo demo:serve` does, and Depot (`depot.py`, `service.json`), a
fictional service for tools that read any API. A way is one fault of the served lists, or a trap in the
question. What has to come back is computed here from the records, not from an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from wsgiref.types import WSGIApplication

from half_lists import depot
from half_lists.depot import Depot

from kosmo_kernel.demo.faults import LATER_PAGES, LaterPageFaults
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, PAGE, faulty, forbidding, with_page_fault
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.http import UNLIMITED
from kosmo_kernel.integrations.heroku.demo.models import Record

HEROKU, DEPOT = "heroku", "depot"
RECORDS, ITEMS = 250, 50  # records of a list; apps or depots that are asked one by one
LISTS = {"list": "parcels", "misspelt": "parcels", "display": "parcels", "total": "vans", "cursor": "stops"}  # of Depot
NEVER = "(nothing of this name can come back)"  # expected where no list can be whole


class Way(NamedTuple):
    """A way in which a list comes back short."""

    name: str
    title: str
    question: str  # which command of a tool is run
    faults: Mapping[str, str]  # by look-alike; no entry: it cannot happen there
    can_be_whole: bool = True  # otherwise only an error is right


def _both(fault: str) -> dict[str, str]:
    return {HEROKU: fault, DEPOT: fault}


WAYS = (
    Way("503", "The second page is answered with 503, once", "list", _both("second-page-503")),
    Way("429", "The second page is answered with 429, once", "list", _both("second-page-429")),
    Way("reset", "The connection is reset at the second page, once", "list", _both("second-page-reset")),
    Way("cut", "The JSON of the second page is cut, once", "list", _both("second-page-truncated")),
    Way("lost", "The header that leads on is lost", "list", {HEROKU: "next-range-lost", DEPOT: "link-lost"}),
    Way("cursor", "The cursor is in each element", "cursor", {DEPOT: ""}),
    Way("loop", "A page leads to itself again", "list", {HEROKU: "next-range-repeated", DEPOT: "cursor-repeated"}),
    Way("html", "Later pages are a web page with status 200", "list", _both("html")),
    Way("total", "The total that the answer states is not met", "total", {DEPOT: "total-too-high"}, can_be_whole=False),
    Way("403", "One app of fifty is forbidden", "each", _both("forbidden"), can_be_whole=False),
    Way("typo", "A field's name is misspelt", "misspelt", _both(""), can_be_whole=False),
    Way("display", "The display shows a part", "display", _both("")),
)


class Target(NamedTuple):
    """A served look-alike: its address and token, and the words that a whole answer has."""

    url: str
    token: str
    expected: frozenset[str]


@contextmanager
def serving(api: str, question: str, fault: str, *, can_be_whole: bool, lists: str = "") -> Iterator[Target]:
    """Serve a look-alike with a fault until the block ends.

    Parameters:
        api: which look-alike.
        question: what will be asked.
        fault: what goes wrong, or empty.
        can_be_whole: whether a whole answer can come back.
        lists: a process type, if the tool lists only the apps that have one.
    """
    served, token, expected = _heroku(question, fault, lists) if api == HEROKU else _depot(question, fault)
    with serve(served) as running:
        yield Target(running.url, token, expected if can_be_whole else expected | {NEVER})


def _heroku(question: str, fault: str, lists: str) -> tuple[WSGIApplication, str, frozenset[str]]:
    everything = company(ITEMS if question == "each" else RECORDS, 1)
    api = with_page_fault(everything, fault, refill=UNLIMITED, default_page=PAGE, max_page=PAGE)
    names = (str(app["name"]) for app in everything.apps if not lists or _has(everything, app, lists))
    return api, DEMO_TOKEN, frozenset(names)


def _has(everything: Company, app: Record, process: str) -> bool:
    return any(formation["type"] == process for formation in everything.formation(app))


def _depot(question: str, fault: str) -> tuple[WSGIApplication, str, frozenset[str]]:
    api = Depot(ITEMS if question == "each" else RECORDS, fault if fault in depot.FAULTS else "")
    depots = list(api.names("depots"))
    names = (name for one in depots for name in api.names("gates", one)) if question == "each" else None
    expected = frozenset(names or api.names(LISTS.get(question, "depots")))
    served: WSGIApplication = api
    if fault in LATER_PAGES:
        served = faulty(api, LaterPageFaults(fault))
    elif fault == "forbidden":
        served = forbidding(api, f"/v1/depots/{depots[-1]}/")
    return served, depot.TOKEN, expected
