"""A look-alike of any service, made from what its integration knows about it: a WSGI application for reading.

It checks the token, finds the function of a path, and answers with records of `service_records.py`, in each way in
which lists have pages. Parameters that filter a list are ignored. `FAULTS` are what can go wrong with pages.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from msgspec import Struct

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import HREF, NEXT_RANGE, Pages
from kosmo_kernel.demo.service_records import SIZE, Record, RequestPath, ServicePaths, ServiceRecords, put
from kosmo_kernel.demo.wsgi import WsgiRequest, WsgiResponse

FAULTS = {
    "second-page-fails": "a page after the first is answered with an error",
    "link-lost": "no answer has a `Link` header",
    "cursor-repeated": "a page after the first has the cursor that led to it",
    "total-too-high": "the total is above the number of records",
    "short-page": "each page has fewer records than asked for",
    "no-cursor": "no envelope has a cursor",
    "html": "the last page is a web page with status 200",
    "206": "the status is 206, and no header leads to the rest",
}
_CURSOR = "after-"
_PAGE = "page"  # the parameter that selects a page, where the catalogue names none
_POSITION = "cursor"


class ServiceAnswer(NamedTuple):
    """An answer of a look-alike; with a page of a list, if it is one."""

    status: int
    body: Any  # None for a web page
    headers: Mapping[str, str]


class BadRequestError(ValueError):
    """The request asks for no page, and why."""


class PageRequested(Struct, frozen=True):
    """A page of a list, as a request names it."""

    pages: Pages  # how the pages of the list follow
    count: int  # how many records it has
    query: Mapping[str, str]  # of the request
    range_header: str  # of the request
    address: str  # of the request, without the query
    number_of: Callable[[str, str], int]  # returns the number of the record with a value of a field; -1 for none
    fault: str  # one of `FAULTS`, or empty
    default_size: int  # the records of a page where a request does not say it

    @property
    def size(self) -> int:
        """The most records of the page.

        Raises:
            BadRequestError: a size that is none.
        """
        if self.pages.kind == "whole":
            size = self.count
        else:
            size = self._whole_number(self.pages.size_param, self.default_size)
        return max(1, size - 1 if self.fault == "short-page" and self.pages.kind != "whole" else size)

    @property
    def first(self) -> int:
        """The number of records before the page.

        Raises:
            BadRequestError: the request asks for no page.
        """
        pages = self.pages
        match pages.kind:
            case "page-number" | "link-header":
                start = pages.start if pages.kind == "page-number" else 1
                return max(0, self._whole_number(pages.param or _PAGE, start) - start) * self.size
            case "offset":
                return self._whole_number(pages.param, 0)
            case "range":
                text = self.range_header
            case "cursor":
                text = self.query.get(pages.param or _POSITION, "")
                if text and pages.cursor_in == "element" and pages.cursor != (_POSITION,):
                    return self.number_of(pages.cursor[-1], text) + 1
            case _:
                text = ""
        number = text.removeprefix(_CURSOR)
        if text and not (text.startswith(_CURSOR) and number.isdecimal()):
            raise BadRequestError("There is no such page.")
        return int(number or 0)

    def _whole_number(self, param: str, default: int) -> int:
        text = self.query.get(param, "") if param else ""
        if text and not (text.isdecimal() and len(text) < 10):
            raise BadRequestError(f"{param} is no whole number.")
        return int(text or default)

    def answer(self, records: Callable[[range], Sequence[Record]]) -> ServiceAnswer:
        """Return the page.

        Parameters:
            records: returns the records with some numbers.

        Raises:
            BadRequestError: the request asks for no page.
        """
        first, size = self.first, self.size
        is_part = self.fault == "206" and self.pages.kind == "whole"
        end = min(self.count, first + (max(1, size // 2) if is_part else size))
        if first and self.fault == "second-page-fails":
            return ServiceAnswer(422, {"message": "This page cannot be made."}, {})
        if self.fault == "html" and (end >= self.count or first):
            return ServiceAnswer(200, None, {})
        rows = [self._element(row, first + number, first) for number, row in enumerate(records(range(first, end)))]
        has_more = end < self.count and self.pages.kind not in ("whole", "unstated")
        status = HTTPStatus.PARTIAL_CONTENT if self.fault == "206" or self._is_range(has_more) else HTTPStatus.OK
        return ServiceAnswer(status, self._body(rows, first, end, has_more), self._headers(first, end, has_more))

    def _is_range(self, has_more: bool) -> bool:
        return self.pages.kind == "range" and (has_more or self.pages.ends_partial)

    def _following(self, first: int, number: int) -> int:
        """Return the number of records after which the page begins to which a page leads."""
        return first if self.fault == "cursor-repeated" and first else number

    def _cursor(self, first: int, number: int) -> str:
        """Return the cursor that leads on after some records; empty if there is none."""
        return "" if self.fault == "no-cursor" else f"{_CURSOR}{self._following(first, number)}"

    def _element(self, record: Record, number: int, first: int) -> Any:
        pages = self.pages
        element: Any = record["value"] if pages.scalar else {pages.element: record} if pages.element else record
        has_cursor = pages.cursor_in == "element" and pages.cursor == (_POSITION,) and isinstance(element, dict)
        cursor = self._cursor(first, number + 1) if has_cursor else ""
        return {_POSITION: cursor} | element if cursor else element

    def _body(self, rows: list[Any], first: int, end: int, has_more: bool) -> Any:
        pages = self.pages
        if not pages.items:
            return rows
        body: Record = {}
        if pages.total:
            put(body, pages.total, self.count + 2 * (self.fault == "total-too-high"))
        if pages.kind == "cursor" and pages.cursor_in == "body" and (cursor := self._cursor(first, end)):
            if pages.cursor[-1] == HREF:  # links to pages, of which the one to the next is missing in the last page
                put(body, (*pages.cursor[:-2], "self", HREF), self._address({}))
            if has_more or pages.cursor[-1] != HREF:
                following = cursor if pages.param else self._address({_POSITION: cursor})
                put(body, pages.cursor, following if has_more else None)
        if pages.more and pages.more != pages.cursor:
            put(body, pages.more, has_more)
        put(body, pages.items, rows)
        return body

    def _headers(self, first: int, end: int, has_more: bool) -> dict[str, str]:
        pages = self.pages
        if self.fault == "206":
            return {}
        headers: dict[str, str] = {}
        if pages.last_header:
            headers[pages.last_header] = str(pages.start - 1 + max(1, -(-self.count // self.size)))
        if has_more and pages.kind == "range":
            headers[NEXT_RANGE] = f"{_CURSOR}{end}"
        in_header = has_more and pages.kind == "cursor" and pages.cursor_in == "header"
        if in_header and (cursor := self._cursor(first, end)):
            headers[pages.cursor[0]] = cursor
        if pages.kind == "link-header" and self.fault != "link-lost" and (has_more or first):
            numbers = {"next": self._following(first, end) // self.size + 1} if has_more else {}
            addresses = {
                rel: self._address({pages.param or _PAGE: str(n)}) for rel, n in (numbers | {"first": 1}).items()
            }
            headers["Link"] = ", ".join(f'<{address}>; rel="{rel}"' for rel, address in addresses.items())
        return headers

    def _address(self, position: Mapping[str, str]) -> str:
        return f"{self.address}?{urlencode({**self.query, **position})}"


_HTML = b"<!DOCTYPE html>\n<title>Sign in</title>\n<p>The proxy of this network wants to know who you are.</p>\n"


class ServiceApi:
    """The API of a service, as a WSGI application. Threads may share it.

    Parameters:
        integration: the service.
        count: how many records each list has; 0 for two pages and a half in lists of all, and a few in others.
        size: how many records a page has where a request does not say it.
        fault: what goes wrong with lists, one of `FAULTS`; empty for nothing.
    """

    def __init__(self, integration: Integration, *, count: int = 0, size: int = SIZE, fault: str = "") -> None:
        if fault and fault not in FAULTS:
            raise ValueError(f"{fault} is no fault of a list")
        self.token = f"demo-token-of-a-fictional-{integration.name}"
        self._integration = integration
        self._paths = ServicePaths(integration)
        self._records = ServiceRecords(integration, self._paths, count)
        self._size, self._fault = size, fault

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one WSGI request."""
        request = WsgiRequest(environ)
        try:
            answer = self._answer(request)
        except BadRequestError as error:
            answer = _error(422, str(error))
        return _response(answer)(environ, start_response)

    def _answer(self, request: WsgiRequest) -> ServiceAnswer:
        """Return the answer to a request.

        Raises:
            BadRequestError: it asks for no page.
        """
        if not self._is_admitted(request):
            return _error(401, "The token is missing or wrong.")
        requested = self._paths.find(request.path) if request.method == "GET" else None
        if requested is None or not self._records.exists(requested):
            return _error(404, "Nothing is here.")
        if requested.function.returns == "record":
            return ServiceAnswer(200, self._records.record(requested), {})
        return self._list(request, requested)

    def _list(self, request: WsgiRequest, requested: RequestPath) -> ServiceAnswer:
        def number_of(field: str, value: str) -> int:
            return self._records.identifiers(requested, field).get(value, -1)

        page = PageRequested(
            pages=requested.function.pages or Pages(),
            count=self._records.count(requested.function),
            query=self._without_token(request.query),
            range_header=request.header("Range"),
            address=request.url,
            number_of=number_of,
            fault=self._fault,
            default_size=self._size,
        )
        return page.answer(lambda numbers: self._records.listed(requested, numbers))

    def _is_admitted(self, request: WsgiRequest) -> bool:
        credentials = self._integration.credentials
        pairs = [(request.header(name), value) for name, value in credentials.headers(self.token).items()]
        if credentials.query:
            pairs.append((request.query.get(credentials.query, ""), self.token))
        return all(hmac.compare_digest(text.encode(), right.encode()) for text, right in pairs)

    def _without_token(self, query: Mapping[str, str]) -> dict[str, str]:
        return {name: text for name, text in query.items() if name != self._integration.credentials.query}


def in_process(integration: Integration) -> tuple[ServiceApi, str]:
    """Return the account `demo` of a service for calls within this process, and the token that it accepts."""
    api = ServiceApi(integration)
    return api, api.token


def error_response(status: int, request_id: str) -> WsgiResponse:
    """Return the response of a service to too many requests (429), or while it is unavailable (503)."""
    answer = _error(status, "Too many requests." if status == HTTPStatus.TOO_MANY_REQUESTS else "Unavailable.")
    return _response(answer._replace(headers={"X-Request-Id": request_id, "Retry-After": "1"}))


def _response(answer: ServiceAnswer) -> WsgiResponse:
    if answer.body is None:
        return WsgiResponse(_HTML, answer.status, answer.headers, "text/html; charset=utf-8")
    return WsgiResponse(msgspec.json.encode(answer.body), answer.status, answer.headers)


def _error(status: int, message: str) -> ServiceAnswer:
    return ServiceAnswer(status, {"message": message}, {})
