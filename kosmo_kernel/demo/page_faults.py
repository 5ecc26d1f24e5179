"""Inject faults into the pages of lists, each of which can leave a list short: the same fault for every client.

A list has pages of `PAGE` records at most while there is such a fault. `FAULTS` has those of the demo account.
`LATER_PAGES` are those of them that happen to a page after the first, and to any service; of the others there,
`service_pages.py` has its own. A page after the first that fails does so once, so that a client that asks again gets
it; only the web page stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
from werkzeug.wrappers import Response

from kosmo_kernel.catalogue.pages import NEXT_RANGE
from kosmo_kernel.demo.api import DemoApi
from kosmo_kernel.demo.company import Company
from kosmo_kernel.demo.faults import FaultInjector, InjectedFault, faulty
from kosmo_kernel.demo.heroku_error import HerokuError
from kosmo_kernel.demo.pages import ListPage, Range

PAGE = 100  # records
LATER_PAGES = {
    "second-page-503": ("503", "the first request for a page after the first is answered with 503"),
    "second-page-429": ("429", "the first request for a page after the first is answered with 429"),
    "second-page-reset": ("reset", "the first request for a page after the first has its connection reset"),
    "second-page-truncated": ("truncated", "the first answer with a page after the first ends too early"),
    "html": ("html", "each page after the first is a web page with status 200"),
}
FAULTS = {name: text for name, (_, text) in LATER_PAGES.items()} | {
    "next-range-lost": "no answer has a `Next-Range` header",
    "next-range-repeated": "each page after the first leads to itself again",
    "forbidden": "the lists of one app, the last by name, are forbidden",
}
_ALWAYS = "html"  # the fault that does not end
_LATER_RANGE = re.compile(r"\s[\]\[]?[^\s.;\]\[]")  # a range that has a start, as in `id ]01234567..`
_LATER_QUERY = re.compile(r"(?:^|&)(?:(?:page|offset)=(?![01](?:&|$))|cursor=|starting_after=)")
_FORBIDDEN = HerokuError(403, "forbidden", "You do not have access to the app.")


class LaterPageFaults(FaultInjector):
    """Decides which requests for a page after the first fail, for `faults.faulty`. Threads may share it.

    Parameters:
        fault: one of `LATER_PAGES`.
    """

    def __init__(self, fault: str) -> None:
        super().__init__({})
        self._kind = LATER_PAGES[fault][0]
        self._failed = set[tuple[str, str, str]]()
        self._guard = Lock()

    def choose(self, environ: WSGIEnvironment) -> InjectedFault | None:
        """Return the fault of a request, or None."""
        path, query, range_ = (str(environ.get(name, "")) for name in ("PATH_INFO", "QUERY_STRING", "HTTP_RANGE"))
        if not (_LATER_RANGE.search(range_) or _LATER_QUERY.search(query)):
            return None
        with self._guard:
            if self._kind != _ALWAYS and (path, query, range_) in self._failed:
                return None
            self._failed.add((path, query, range_))
            self.dealt[self._kind] += 1
        return InjectedFault(self._kind, 0.4, "00000000-0000-4000-8000-000000000000")


def with_page_fault(company: Company, fault: str, **options: Any) -> WSGIApplication:
    """Return the API of a company with one of `FAULTS`, or with none.

    Parameters:
        company: the company.
        fault: what goes wrong; empty for nothing.
        options: of `DemoApi`; without them a list with a fault has pages of `PAGE` records at most.
    """
    if fault:
        turn = _repeated if fault == "next-range-repeated" else None
        options = {"default_page": PAGE, "max_page": PAGE, "turn": turn} | options
    api = DemoApi(company, **options)
    if fault in LATER_PAGES:
        return faulty(api, LaterPageFaults(fault))
    if fault == "next-range-lost":
        return _without_header(api, NEXT_RANGE)
    if fault == "forbidden":
        last = max(company.apps, key=lambda app: str(app["name"]))
        return forbidding(api, f"/apps/{last['id']}/", f"/apps/{last['name']}/")
    return api


def _repeated(requested: Range, page: ListPage) -> ListPage:
    return replace(page, next_range=str(requested)) if requested.start else page


def forbidding(api: WSGIApplication, *paths: str) -> WSGIApplication:
    """Return an application that refuses what is below some paths, and otherwise does what `api` does."""
    refusal = Response(msgspec.json.encode(_FORBIDDEN.body), _FORBIDDEN.status, content_type="application/json")

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_forbidden = str(environ.get("PATH_INFO", "")).startswith(paths)
        return (refusal if is_forbidden else api)(environ, start_response)

    return answer


def _without_header(api: WSGIApplication, header: str) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            return start_response(status, [pair for pair in headers if pair[0].lower() != header.lower()], *rest)

        return api(environ, start)

    return answer
