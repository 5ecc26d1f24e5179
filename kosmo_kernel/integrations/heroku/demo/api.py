"""A look-alike of Heroku's Platform API, version 3, for reading: a WSGI application over a `Company`.

A request has to pass four checks: the address exists (`Routes`), `Accept` names the version, the token is right, and
the rate limit is not exceeded. Then the record or the page of a list is found (`records.py`), converted to the
requested form (`Form`) and sent with Heroku's headers: `ETag`, `Request-Id`, `RateLimit-Remaining`, `Content-Range`,
`Next-Range`.

`FAULTS` are what can go wrong with the answers. Each fault of pages can leave a list short, and a list with one has
pages of `PAGE` records at most; `LATER_PAGES` are those of any service. Heroku's reference lists 503
without a body, so the one here is modelled on the others.

Sources: Heroku's Platform API Reference; its schema of 19 February 2026, and that of the variant `3.sdk`
(heroku/typescript-api-schema, May 2026); error messages as recorded in public threads (heroku/cli#1674,
xavdid/heroku-config#27, heroku/legacy-cli#972, marc0der/gradle-heroku#4). No record is known of the order of the
checks, the errors for a dyno and a collaborator that do not exist, and the end of a `Content-Range`: these are modelled
on the others.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any, NamedTuple, TypeVar
from uuid import uuid5
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kosmo_kernel.catalogue.http import NEXT_RANGE
from kosmo_kernel.demo import faults
from kosmo_kernel.demo.faults import LATER_PAGES, LaterPageFaults
from kosmo_kernel.demo.wsgi import WsgiRequest, WsgiResponse
from kosmo_kernel.integrations.heroku.api import GLOBAL, accepted
from kosmo_kernel.integrations.heroku.demo import databases
from kosmo_kernel.integrations.heroku.demo.account_records import apps_in
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.http import (
    CAPACITY,
    REFILL,
    UNLIMITED,
    HerokuError,
    ListPage,
    Range,
    TokenBucket,
    over_budget,
    sortable_by,
)
from kosmo_kernel.integrations.heroku.demo.models import COMPANY, Record
from kosmo_kernel.integrations.heroku.demo.offers import expanded
from kosmo_kernel.integrations.heroku.demo.records import (
    ASKED_BY_POST,
    RESOLVE_ADDONS,
    CompanyRecords,
    FoundLink,
    Routes,
)
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts
from kosmo_kernel.safety.decoder import DecodeError, decode

# Forms of records ---------------------------------------------------------------------------------------

_FIR_IMAGE = {
    "base_image_name": "heroku/heroku:24-cnb",
    "buildpacks": [
        {"id": "heroku/nodejs", "version": "3.4.2", "homepage": "https://github.com/heroku/buildpacks-nodejs"}
    ],
}
_NO_IMAGE = {"base_image_name": None, "buildpacks": None}


class Form(Struct, frozen=True):
    """The form of records that a request asks for."""

    sdk: bool = False  # whether it is the variant `3.sdk`
    parts: frozenset[str] = frozenset()  # the references to expand

    def __call__(self, kind: str, record: Record) -> Record:
        """Return a record of a kind in this form."""
        if kind == "add-on" and self.parts:
            record = expanded(record, self.parts)
        return _SDK[kind](record) if self.sdk and kind in _SDK else record


def _app(app: Record) -> Record:
    generation = app["generation"]["name"]
    image = _FIR_IMAGE if generation == "fir" else _NO_IMAGE
    return app | image | {"current_build_architecture": ["amd64"], "generation": generation}


def _addon(addon: Record) -> Record:
    price = addon["billed_price"]
    metered = price and {
        "cents": price["cents"],
        "contract": price["contract"],
        "metered": False,
        "unit": price["unit"],
    }
    return addon | {"billed_price": metered, "plan": addon["plan"] | {"meters": []}}


def _account(account: Record) -> Record:
    return account | {
        "eco_dynos_enabled": True,
        "eco_dynos_shutdown_at": None,
        "pipeline_cost_consent_at": None,
        "acknowledged_msa": True,
        "acknowledged_msa_at": account["created_at"],
        "italian_customer_terms": None,
        "italian_partner_terms": None,
        "mfa_enabled": account["two_factor_authentication"],
        "mfa_exemption": False,
        "mfa_exemption_reason": None,
        "mfa_experience": "vaas",
    }


_SDK: dict[str, Callable[[Record], Record]] = {"app": _app, "add-on": _addon, "account": _account}

# The application ----------------------------------------------------------------------------------------

PageFilter = Callable[[Range, ListPage], ListPage]

DEMO_TOKEN = "HRKU-demo-token-of-a-fictional-company"  # noqa: S105 - accepted only by the demo

GZIP_FROM = 1024  # bytes; smaller bodies are not compressed

_VERSION = re.compile(
    r"application/vnd\.heroku\+json\s*;\s*version=3(?:\.(?P<variant>[\w-]+))?\s*(?:[;,]|$)", re.IGNORECASE
)

_EQUAL = re.compile(r"eq\[(\w+)\]")  # a parameter of the query, with the value that a field has to have

_NO_ROUTE = (
    "The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), "
    "and did you specify your intended version with the `Accept` header?"
)
_NO_VERSION = (
    "Please specify a version along with Heroku's API MIME type. "
    "For example, `Accept: application/vnd.heroku+json; version=3`."
)
_NO_CREDENTIALS = (
    "There were no credentials in your `Authorization` header. Try `Authorization: Bearer <OAuth access token>` "
    'or `Authorization: Basic <base64-encoded email + ":" + password>`.'
)


class _Answer(NamedTuple):
    """The response to a request: a value for the body, a status, and additional headers."""

    value: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class DemoApi:
    """The API of one company, as a WSGI application. Threads may share it.

    Parameters:
        company: the company whose data it serves.
        token: the only token that it accepts.
        default_page: how many records a page has if the request does not say.
        max_page: how many it has at most.
        capacity: the maximum number of requests in the account's budget; each request costs one.
        refill: requests added per second.
        clock: a monotonic clock, in seconds.
        moved: by how much every time in the answers is moved.
        scopes: the scopes of the token.
        turn: returns the page to send for a requested range in place of the right one; None to send that.
        compresses: whether clients that take it get large bodies compressed.
    """

    def __init__(
        self,
        company: Company,
        *,
        token: str = DEMO_TOKEN,
        default_page: int = 200,
        max_page: int = 1000,
        capacity: int = CAPACITY,
        refill: float = REFILL,
        clock: Callable[[], float] = time.monotonic,
        moved: timedelta = timedelta(0),
        scopes: Sequence[str] = (GLOBAL,),
        turn: PageFilter | None = None,
        compresses: bool = True,
    ) -> None:
        self.company = company
        self.budget = TokenBucket(capacity, refill, clock)
        self._token = token
        self._default_page = default_page
        self._max_page = max_page
        self._scopes = scopes
        self._turn = turn
        self._compresses = compresses
        self._routes = Routes(facts().links)
        self._records = CompanyRecords(company, moved)
        self._user_id = str(company.account["id"])  # of the records; answers have that of the company
        self._numbers = count(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one WSGI request."""
        request = WsgiRequest(environ)
        enough: tuple[str, ...] = ()
        try:
            match, form = self._admit(request)
            enough = accepted(match.link.owner if match else "app")
            answer = self._answer(request, match, form, enough)
        except HerokuError as error:
            answer = _Answer(error.body, error.status)
        return self._response(request, answer, enough)(environ, start_response)

    def _admit(self, request: WsgiRequest) -> tuple[FoundLink | None, Form]:
        """Check the address, the version and the token; return the link, if it is one with GET, and the form."""
        is_post = request.method == "POST" and request.path in ASKED_BY_POST
        path = request.path.removesuffix("/") if request.path.startswith("/data/") else request.path
        path = path.replace(self.company.user_id, self._user_id)
        match = self._routes.match(path) if request.method in ("GET", "HEAD") else None
        if match is None and not is_post:
            raise HerokuError(404, "not_found", _NO_ROUTE)
        version = _VERSION.search(request.header("Accept"))
        if version is None and (match is None or not match.link.host):  # the data API takes any
            raise HerokuError(406, "not_acceptable", _NO_VERSION)
        if not request.header("Authorization"):
            raise HerokuError(401, "unauthorized", _NO_CREDENTIALS)
        if not hmac.compare_digest(request.token.encode(), self._token.encode()):
            raise HerokuError(401, "unauthorized", "Invalid credentials provided.")
        expansion = request.header("Accept-Expansion")
        parts = frozenset(part.strip() for part in expansion.split(",")) if expansion else frozenset[str]()
        return match, Form(version is not None and version["variant"] == "sdk", parts)

    def _answer(self, request: WsgiRequest, match: FoundLink | None, form: Form, enough: Sequence[str]) -> _Answer:
        if not any(scope in enough for scope in self._scopes):
            raise HerokuError(403, "forbidden", "You do not have access to this resource.")
        if match and match.link.resource == "rate-limit":  # costs nothing
            return _Answer({"remaining": self.budget.remaining})
        if not self.budget.spend():
            raise over_budget()
        if match is None:
            return self._filter(request, form)
        answer = self._records.answer(match, request.query)
        if match.link.host:
            return _Answer(answer)
        if match.link.returns == "record":
            return _Answer(form(match.link.resource, answer))
        return self._list(request, match.link, answer, form)

    def _filter(self, request: WsgiRequest, form: Form) -> _Answer:
        if request.path == RESOLVE_ADDONS:
            addon = _read_body(request, _AddonName)
            kind, records = "add-on", self._records.find_addons(addon.addon, addon.app, addon.addon_service)
        else:
            values = _read_body(request, _AppFilter).values.values()
            kind, records = "app", self._records.find_apps({text for texts in values for text in texts})
        return _Answer([form(kind, record) for record in records])

    def _list(self, request: WsgiRequest, link: LinkFact, records: Sequence[Record], form: Form) -> _Answer:
        for name, value in request.query.items():
            if equal := _EQUAL.fullmatch(name):  # so Heroku's CLI looks for a pipeline by name
                records = [record for record in records if str(record.get(equal[1])) == value]
        sortable = sortable_by(link)
        if not sortable:  # its records have no identifier, and there are few of them
            return _Answer(records)
        header = request.environ.get("HTTP_RANGE")
        requested = Range.read(header, sortable, default=self._default_page, most=self._max_page)
        page = requested.page(records)
        page = self._turn(requested, page) if self._turn else page
        rows = [form(link.resource, record) for record in page.records]
        if link.resource == "add-on-attachment" and request.header("Accept-Inclusion"):
            rows = [databases.with_inclusions(self.company, row) for row in rows]
        headers = {"Accept-Ranges": ", ".join(sortable), "Content-Range": page.content_range}
        if page.next_range is None:
            return _Answer(rows, 200, headers)
        return _Answer(rows, 206, headers | {"Next-Range": page.next_range})

    def _response(self, request: WsgiRequest, answer: _Answer, enough: Sequence[str]) -> WsgiResponse:
        """Return the HTTP response; `enough` has the scopes of which one is needed; empty if the token was wrong."""
        own_id = str(uuid5(COMPANY, f"request/{next(self._numbers)}"))
        headers = {
            "Cache-Control": "private, no-cache",
            "Request-Id": ",".join(filter(None, (request.header("Request-Id"), own_id))),
            "Vary": "Authorization,Accept-Encoding",
        }
        if enough:
            headers |= {
                "Oauth-Scope": " ".join(self._scopes),
                "Oauth-Scope-Accepted": " ".join(sorted(enough)),
                "RateLimit-Multiplier": "1",
                "RateLimit-Remaining": str(self.budget.remaining),
            }
        body = msgspec.json.encode(answer.value).replace(self._user_id.encode(), self.company.user_id.encode())
        if answer.status in (200, 206):
            tagged = body + answer.headers.get("Next-Range", "").encode()
            tag = hashlib.blake2b(tagged, digest_size=16).hexdigest()
            headers["ETag"] = f'W/"{tag}"'
            if request.has_tag(tag):
                # Repeat nothing that the client already has, `Next-Range` included (RFC 9110, section 15.4.5).
                return WsgiResponse(b"", 304, headers)
        if self._compresses and len(body) >= GZIP_FROM and request.accepts_gzip:
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return WsgiResponse(body, answer.status, {**headers, **answer.headers})


_Body = TypeVar("_Body")


class _AddonName(msgspec.Struct):
    """The body of a request that looks for add-ons by name (`/actions/addons/resolve`)."""

    addon: str
    app: str | None = None
    addon_service: str | None = None


class _AppFilter(msgspec.Struct):
    """The body of a request for certain apps (`/filters/apps`): `{"in": {"id": […]}}`."""

    values: dict[str, list[str]] = msgspec.field(name="in")  # identifiers and names, by field


def _read_body(request: WsgiRequest, form: type[_Body]) -> _Body:
    try:
        body: _Body = decode(request.body, type=form)
    except DecodeError as error:
        raise HerokuError(400, "bad_request", f"The request body cannot be read: {error}.") from None
    return body


def in_process(stage: str = "") -> tuple[DemoApi, str]:
    """Return the demo account for calls within this process: the company's API, and the token that it accepts.

    Its budget refills at once, so that calls never wait for it, and nothing is compressed, since nothing is sent.

    Parameters:
        stage: the stage of pipelines whose apps alone the account reaches; empty for all apps.
    """
    larkmoor = company().seen_with(apps_in(stage)) if stage else company()
    return DemoApi(larkmoor, refill=UNLIMITED, compresses=False), DEMO_TOKEN


production, staging = partial(in_process, "production"), partial(in_process, "staging")


# Faults -------------------------------------------------------------------------------------------------

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


def error_response(status: int, request_id: str) -> WsgiResponse:
    """Return Heroku's response to too many requests (429), or while it is unavailable (503)."""
    is_limited = status == HTTPStatus.TOO_MANY_REQUESTS
    error = over_budget() if is_limited else _UNAVAILABLE
    headers = {"Request-Id": request_id} | ({"RateLimit-Remaining": "0"} if is_limited else {})
    return WsgiResponse(msgspec.json.encode(error.body), status, headers)


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
    refusal = WsgiResponse(msgspec.json.encode(_FORBIDDEN.body), _FORBIDDEN.status)

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
