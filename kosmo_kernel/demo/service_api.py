"""A look-alike of any service, made from what its integration knows about it: a WSGI application for reading.

It checks the token, finds the function of a path, and answers with records of `service_records.py` in the pages of
`service_pages.py`. Parameters that filter a list are ignored.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from werkzeug.wrappers import Request, Response

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import Pages
from kosmo_kernel.demo.service_pages import FAULTS, BadRequestError, PageRequested, ServiceAnswer
from kosmo_kernel.demo.service_records import SIZE, RequestPath, ServicePaths, ServiceRecords

_HTML = b"<!DOCTYPE html>\n<title>Sign in</title>\n<p>The proxy of this network wants to know who you are.</p>\n"


class ServiceApi:
    """The API of a service, as a WSGI application. Threads may share it.

    Parameters:
        integration: the service.
        count: how many records each list has; 0 for two pages and a half in lists of all, and a few in others.
        size: how many records a page has where a request does not say it.
        fault: what goes wrong with lists, one of `service_pages.FAULTS`; empty for nothing.
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
        request = Request(environ)
        try:
            answer = self._answer(request)
        except BadRequestError as error:
            answer = _error(422, str(error))
        return _response(answer)(environ, start_response)

    def _answer(self, request: Request) -> ServiceAnswer:
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

    def _list(self, request: Request, requested: RequestPath) -> ServiceAnswer:
        def number_of(field: str, value: str) -> int:
            return self._records.identifiers(requested, field).get(value, -1)

        page = PageRequested(
            pages=requested.function.pages or Pages(),
            count=self._records.count(requested.function),
            query=self._without_token(request.args),
            range_header=request.headers.get("Range", ""),
            address=request.base_url,
            number_of=number_of,
            fault=self._fault,
            unasked_size=self._size,
        )
        return page.answer(lambda numbers: self._records.listed(requested, numbers))

    def _is_admitted(self, request: Request) -> bool:
        credentials = self._integration.credentials
        pairs = [(request.headers.get(name, ""), value) for name, value in credentials.headers(self.token).items()]
        if credentials.query:
            pairs.append((request.args.get(credentials.query, ""), self.token))
        return all(hmac.compare_digest(text.encode(), right.encode()) for text, right in pairs)

    def _without_token(self, query: Mapping[str, str]) -> dict[str, str]:
        return {name: text for name, text in query.items() if name != self._integration.credentials.query}


def in_process(integration: Integration) -> tuple[ServiceApi, str]:
    """Return the account `demo` of a service for calls within this process, and the token that it accepts."""
    api = ServiceApi(integration)
    return api, api.token


def error_response(status: int, request_id: str) -> Response:
    """Return the response of a service to too many requests (429), or while it is unavailable (503)."""
    answer = _error(status, "Too many requests." if status == HTTPStatus.TOO_MANY_REQUESTS else "Unavailable.")
    return _response(answer._replace(headers={"X-Request-Id": request_id, "Retry-After": "1"}))


def _response(answer: ServiceAnswer) -> Response:
    is_page = answer.body is None
    body, kind = (_HTML, "text/html") if is_page else (msgspec.json.encode(answer.body), "application/json")
    return Response(body, answer.status, answer.headers, content_type=kind)


def _error(status: int, message: str) -> ServiceAnswer:
    return ServiceAnswer(status, {"message": message}, {})
