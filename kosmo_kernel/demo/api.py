"""A look-alike of Heroku's Platform API, version 3, for reading: a WSGI application over a `Company`.

A request passes four gates: is there such an address (`routes.py`), does `Accept` name the version, is the
token right, is there budget left. Then the record or the page of a list is found, brought into the form that was asked
for (`api_variants.py`) and sent with what Heroku sends along: `ETag`, `Request-Id`, `RateLimit-Remaining`,
`Content-Range`, `Next-Range`.

Sources: Heroku's Platform API Reference; its schema of 19 February 2026; error texts as recorded in
public threads (heroku/cli#1674, xavdid/heroku-config#27, heroku/legacy-cli#972, marc0der/gradle-heroku#4).
Recorded nowhere and made in their likeness: the order of the gates, what a dyno and a collaborator that do
not exist are called, the tail of a `Content-Range`.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid5
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from kosmo_kernel.demo import routes
from kosmo_kernel.demo.api_variants import Form
from kosmo_kernel.demo.budget import CAPACITY, REFILL, TokenBucket
from kosmo_kernel.demo.company import Company, company
from kosmo_kernel.demo.heroku_error import HerokuError, over_budget
from kosmo_kernel.demo.models import COMPANY
from kosmo_kernel.demo.pages import Range
from kosmo_kernel.demo.shifting_pages import Turn, as_it_is
from kosmo_kernel.demo.teams import APP_PERMISSIONS

DEMO_TOKEN = "HRKU-demo-token-of-a-fictional-company"  # noqa: S105 - opens nothing but the demo

_ENDLESS = 1e6  # requests that come back in a second
GZIP_FROM = 1024  # bytes of a body that are worth packing

_VERSION = re.compile(
    r"application/vnd\.heroku\+json\s*;\s*version=3(?:\.(?P<variant>[\w-]+))?\s*(?:[;,]|$)", re.IGNORECASE
)

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
_SCOPES = {
    "Oauth-Scope": "global",
    "Oauth-Scope-Accepted": "global identity read read-protected write write-protected",
    "RateLimit-Multiplier": "1",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a request gets: a value for the body, a status, and headers of its own."""

    value: Any
    status: int
    headers: Mapping[str, str]


class DemoApi:
    """The API of one company, as a WSGI application. Threads may share it.

    Parameters:
        company: what can be seen.
        token: the one that opens it.
        default_page: how many records a list gives when the request does not say.
        max_page: how many it gives at most.
        capacity: requests that the account can hold; each costs one.
        refill: requests that it gets back in a second.
        clock: seconds, ever rising.
        turn: has the last word about each page (`shifting_pages.py`).
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
        turn: Turn = as_it_is,
    ) -> None:
        self.company = company
        self.budget = TokenBucket(capacity, refill, clock)
        self._token = token
        self._default_page = default_page
        self._max_page = max_page
        self._turn = turn
        self._routes = routes.ROUTES.bind("api.heroku.com")
        self._numbers = count(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        request = Request(environ)
        known = False
        try:
            endpoint, place, form = self._admit(request)
            known = True
            answer = self._answer(request, endpoint, place, form)
        except HerokuError as error:
            answer = _Answer(error.body, error.status, {})
        return self._response(request, answer, known=known)(environ, start_response)

    def _admit(self, request: Request) -> tuple[str, Mapping[str, str], Form]:
        """The gates: the address, the version, the token. Gives the route, its values and the form of records."""
        try:
            endpoint, place = self._routes.match(request.path, method=request.method)
        except HTTPException:
            raise HerokuError(404, "not_found", _NO_ROUTE) from None
        version = _VERSION.search(request.headers.get("Accept", ""))
        if version is None:
            raise HerokuError(406, "not_acceptable", _NO_VERSION)
        if not request.headers.get("Authorization"):
            raise HerokuError(401, "unauthorized", _NO_CREDENTIALS)
        given = request.authorization
        token = given and (given.token or given.password)  # a bearer's, or the password of any user
        if not token or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise HerokuError(401, "unauthorized", "Invalid credentials provided.")
        expansion = request.headers.get("Accept-Expansion")
        parts = frozenset(part.strip() for part in expansion.split(",")) if expansion else frozenset[str]()
        return endpoint, place, Form(version["variant"] == "sdk", parts)

    def _answer(self, request: Request, endpoint: str, place: Mapping[str, str], form: Form) -> _Answer:
        if endpoint == "limits":  # asking is free
            return _Answer({"remaining": self.budget.remaining}, 200, {})
        if not self.budget.spend():
            raise over_budget()
        match endpoint:
            case "account":
                routes.check_user(self.company, place["identity"])
                return _Answer(form("account", self.company.account), 200, {})
            case "permissions":
                return _Answer(APP_PERMISSIONS, 200, {})
            case "resolve":
                wanted = _asked(request)
                found = routes.resolved(self.company, wanted.addon, wanted.app, wanted.addon_service)
                return _Answer([form("addons", addon) for addon in found], 200, {})
            case "one":
                return _Answer(form(place["kind"], routes.one(self.company, place)), 200, {})
        return self._list(request, place, form)

    def _list(self, request: Request, place: Mapping[str, str], form: Form) -> _Answer:
        kind, records = place["kind"], routes.listed(self.company, place)
        sortable = routes.KINDS[kind].sortable
        header = request.headers.get("Range")
        asked = Range.read(header, sortable, default=self._default_page, most=self._max_page)
        page = self._turn(asked, asked.page(records))
        rows = [form(kind, record) for record in page.records]
        headers = {"Accept-Ranges": ", ".join(sortable), "Content-Range": page.content_range}
        if page.next_range is None:
            return _Answer(rows, 200, headers)
        return _Answer(rows, 206, headers | {"Next-Range": page.next_range})

    def _response(self, request: Request, answer: _Answer, *, known: bool) -> Response:
        """Put an answer into HTTP. `known` says that the token was right."""
        own_id = str(uuid5(COMPANY, f"request/{next(self._numbers)}"))
        headers = {
            "Cache-Control": "private, no-cache",
            "Request-Id": ",".join(filter(None, (request.headers.get("Request-Id"), own_id))),
            "Vary": "Authorization,Accept-Encoding",
        }
        if known:
            headers |= _SCOPES | {"RateLimit-Remaining": str(self.budget.remaining)}
        body = msgspec.json.encode(answer.value)
        if answer.status in (200, 206):
            said = body + answer.headers.get("Next-Range", "").encode()
            tag = hashlib.blake2b(said, digest_size=16).hexdigest()
            headers["ETag"] = f'W/"{tag}"'
            if request.if_none_match.contains_weak(tag):
                # Nothing that the asker has already, `Next-Range` included (RFC 9110, section 15.4.5).
                return Response(status=304, headers=headers)
        if len(body) >= GZIP_FROM and request.accept_encodings.quality("gzip"):
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return Response(body, answer.status, {**headers, **answer.headers}, content_type="application/json")


class _Resolution(msgspec.Struct):
    """The body of a question after add-ons (`/actions/addons/resolve`)."""

    addon: str
    app: str | None = None
    addon_service: str | None = None


def _asked(request: Request) -> _Resolution:
    try:
        return msgspec.json.decode(request.get_data(), type=_Resolution)
    except msgspec.MsgspecError as error:
        raise HerokuError(400, "bad_request", f"The request body cannot be read: {error}.") from None


def in_process() -> tuple[DemoApi, str]:
    """The demo account as the catalogue names it: the company's API, and the token that opens it.

    Its budget comes back at once: in this process nobody has to wait for one.
    """
    return DemoApi(company(), refill=_ENDLESS), DEMO_TOKEN
