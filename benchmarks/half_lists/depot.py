"""Depot, a fictional service that `service.json` describes, as a WSGI application: lists of things, with pages.

Parcels, depots and the gates of a depot have a `Link` header, stops have a cursor in each element, and vans have an
offset and a total.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec

from kosmo_kernel.demo.wsgi import WsgiRequest, WsgiResponse

TOKEN = "demo-token-of-a-fictional-depot"  # noqa: S105 - of a fiction
FAULTS = ("link-lost", "cursor-repeated", "total-too-high")  # what can go wrong with pages
DEFAULT_SIZE = 20  # records of a page where a request does not say it
_PATH = re.compile(r"/v1/(?:depots/(?P<depot>[\w-]+)/)?(?P<things>depots|gates|parcels|stops|vans)")


class Page(NamedTuple):
    """A part of a list."""

    rows: list[Any]
    first: int  # the number of records before it
    size: int
    has_more: bool


class Depot:
    """The API of Depot. Threads may share it.

    Parameters:
        count: how many records each list has.
        fault: one of `FAULTS`, or empty.
    """

    def __init__(self, count: int, fault: str = "") -> None:
        self._count, self._fault = count, fault

    def names(self, things: str, depot: str = "") -> Iterator[str]:
        """Yield the names of all records of a list."""
        return (f"{depot and f'{depot}-'}{things.removesuffix('s')}-{number}" for number in range(1, self._count + 1))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one WSGI request."""
        return self._response(WsgiRequest(environ))(environ, start_response)

    def _response(self, request: WsgiRequest) -> WsgiResponse:
        match = _PATH.fullmatch(request.path)
        if request.header("Authorization") != f"Bearer {TOKEN}":
            return _answer({"message": "The token is missing or wrong."}, status=401)
        if match is None or (match["things"] == "gates") is not bool(match["depot"]):
            return _answer({"message": "Nothing is here."}, status=404)
        things, query = match["things"], request.query
        rows = [_thing(name) for name in self.names(things, match["depot"] or "")]
        if things == "vans":
            page = _page(rows, int(query.get("offset", 0)), int(query.get("limit", DEFAULT_SIZE)))
            return _answer({"total": self._count + 2 * (self._fault == "total-too-high"), "vans": page.rows})
        if things == "stops":
            first = int(query.get("cursor", "after-0").removeprefix("after-"))
            page = _page(rows, first, int(query.get("limit", DEFAULT_SIZE)))
            return _answer([{"cursor": f"after-{first + n}", "stop": row} for n, row in enumerate(page.rows, 1)])
        size = int(query.get("per_page", DEFAULT_SIZE))
        page = _page(rows, (int(query.get("page", 1)) - 1) * size, size)
        return _answer(page.rows, self._link(request, page))

    def _link(self, request: WsgiRequest, page: Page) -> str:
        """Return the header that leads to other pages; empty for none."""
        if self._fault == "link-lost" or not (page.has_more or page.first):
            return ""
        is_repeated = self._fault == "cursor-repeated" and page.first
        following = page.first // page.size + (1 if is_repeated else 2)
        numbers = ({"next": following} if page.has_more else {}) | {"first": 1}
        return ", ".join(
            f'<{request.url}?{urlencode({**request.query, "page": number})}>; rel="{rel}"'
            for rel, number in numbers.items()
        )


def _page(rows: list[Any], first: int, size: int) -> Page:
    return Page(rows[first : first + size], first, size, first + size < len(rows))


def _thing(name: str) -> dict[str, Any]:
    place = {"town": f"town of {name}", "street": f"street of {name}"}
    return {"id": name, "name": name, "state": "open", "place": place}


def _answer(body: Any, link: str = "", *, status: int = 200) -> WsgiResponse:
    return WsgiResponse(msgspec.json.encode(body), status, {"Link": link} if link else {})
