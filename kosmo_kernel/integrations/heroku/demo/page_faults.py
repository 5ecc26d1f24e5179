"""What can go wrong with the answers of the demo account: faults of a network, and of the pages of lists.

Each fault of pages can leave a list short. A list has pages of `PAGE` records at most while there is one. `FAULTS` has
those of the demo account; `LATER_PAGES` are those of them that happen to any service.

Heroku's reference lists 503 without a body, so the one here is modelled on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
from werkzeug.wrappers import Response

from kosmo_kernel.catalogue.http import NEXT_RANGE
from kosmo_kernel.demo import faults
from kosmo_kernel.demo.faults import LATER_PAGES, LaterPageFaults
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company
from kosmo_kernel.integrations.heroku.demo.http import HerokuError, ListPage, Range, over_budget

PAGE = 100  # records
FAULTS = {name: text for name, (_, text) in LATER_PAGES.items()} | {
    "next-range-lost": "no answer has a `Next-Range` header",
    "next-range-repeated": "each page after the first leads to itself again",
    "forbidden": "the lists of one app, the last by name, are forbidden",
}
_FORBIDDEN = HerokuError(403, "forbidden", "You do not have access to the app.")
_UNAVAILABLE = HerokuError(
    503, "service_unavailable", "Heroku's API is unavailable at the moment.", url="https://status.heroku.com"
)


def error_response(status: int, request_id: str) -> Response:
    """Return Heroku's response to too many requests (429), or while it is unavailable (503)."""
    is_limited = status == HTTPStatus.TOO_MANY_REQUESTS
    error = over_budget() if is_limited else _UNAVAILABLE
    headers = {"Request-Id": request_id} | ({"RateLimit-Remaining": "0"} if is_limited else {})
    return Response(msgspec.json.encode(error.body), status, headers, content_type="application/json")


faulty = partial(faults.faulty, error_response=error_response)


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
