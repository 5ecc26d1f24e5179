"""A look-alike of Heroku's Platform API, version 3, for reading: a WSGI application over a `Company`.

The routes are Heroku's own (`/apps`, `/apps/{app}/dynos` …), written from its documentation and not from
this package's catalogue: tests hold the one against the other. A request passes four gates: is there such
an address, does `Accept` name the version, is the token right, is there budget left. Then the record or
the page of a list is found and sent with what Heroku sends along: `ETag`, `Request-Id`,
`RateLimit-Remaining`, `Content-Range`, `Next-Range`.

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
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from kosmo_kernel.demo.heroku_error import HerokuError
from kosmo_kernel.demo.pages import Range
from kosmo_kernel.demo.shapes import COMPANY, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

    from kosmo_kernel.demo.company import Company

DEMO_TOKEN = "HRKU-demo-token-of-a-fictional-company"  # noqa: S105 - opens nothing but the demo

REFILL = 75 / 60  # requests that an account gets back in a second
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
_NO_BUDGET = "Your account reached the API rate limit\nPlease wait a few minutes before making new requests"
_SCOPES = {
    "Oauth-Scope": "global",
    "Oauth-Scope-Accepted": "global identity read read-protected write write-protected",
    "RateLimit-Multiplier": "1",
}
_LIMITS_URL = "https://devcenter.heroku.com/articles/platform-api-reference#rate-limits"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of record: what its lists can be ordered by, what names one, and what Heroku calls it in errors."""

    sortable: tuple[str, ...]
    names: tuple[str, ...]
    resource: str
    noun: str


_KINDS = {
    "apps": _Kind(("id", "name", "updated_at"), ("id", "name"), "app", "app"),
    "dynos": _Kind(("id", "name"), ("id", "name"), "dyno", "dyno"),
    "addons": _Kind(("id", "name"), ("id", "name"), "addon", "add-on"),
    "domains": _Kind(("hostname", "id"), ("id", "hostname"), "domain", "domain name"),
    "collaborators": _Kind(("email", "id"), ("id", "email"), "collaborator", "collaborator"),
}

_OF_APP = "<any(dynos, addons, domains, collaborators):kind>"
_ROUTES = Map(
    [
        Rule("/apps", endpoint="list", methods=["GET"], defaults={"kind": "apps"}),
        Rule("/apps/<app>", endpoint="app", methods=["GET"]),
        Rule(f"/apps/<app>/{_OF_APP}", endpoint="list", methods=["GET"]),
        Rule(f"/apps/<app>/{_OF_APP}/<identity>", endpoint="one", methods=["GET"]),
        Rule("/addons", endpoint="list", methods=["GET"], defaults={"kind": "addons"}),
        Rule("/addons/<identity>", endpoint="one", methods=["GET"], defaults={"kind": "addons"}),
        Rule("/account", endpoint="account", methods=["GET"], defaults={"identity": "~"}),
        Rule("/users/<identity>", endpoint="account", methods=["GET"]),
        Rule("/account/rate-limits", endpoint="limits", methods=["GET"]),
    ],
    merge_slashes=False,
    redirect_defaults=False,
)


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
        capacity: requests that the account can hold; each costs one, 75 a minute come back.
        clock: seconds, ever rising.
    """

    def __init__(
        self,
        company: Company,
        *,
        token: str = DEMO_TOKEN,
        default_page: int = 200,
        max_page: int = 1000,
        capacity: int = 4500,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.company = company
        self._token = token
        self._default_page = default_page
        self._max_page = max_page
        self._budget = _Budget(capacity, clock)
        self._routes = _ROUTES.bind("api.heroku.com")
        self._numbers = count(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        request = Request(environ)
        known = False
        try:
            endpoint, place, variant = self._admit(request)
            known = True
            answer = self._answer(request, endpoint, place, variant)
        except HerokuError as error:
            answer = _Answer(error.body, error.status, {})
        return self._response(request, answer, known=known)(environ, start_response)

    def _admit(self, request: Request) -> tuple[str, Mapping[str, str], str | None]:
        """The gates: the address, the version, the token. Gives the route, its values and the version's variant."""
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
        return endpoint, place, version["variant"]

    def _answer(self, request: Request, endpoint: str, place: Mapping[str, str], variant: str | None) -> _Answer:
        if endpoint == "limits":  # asking is free
            return _Answer({"remaining": self._budget.remaining}, 200, {})
        if not self._budget.spend():
            raise HerokuError(429, "rate_limit", _NO_BUDGET, url=_LIMITS_URL)
        if endpoint == "account":
            return _Answer(self._account(place["identity"]), 200, {})
        if endpoint == "app":
            return _Answer(_as_variant(self._app(place["app"]), variant), 200, {})
        kind, records = _KINDS[place["kind"]], self._records(place)
        if endpoint == "one":
            return _Answer(_named(records, place["identity"], kind), 200, {})
        header = request.headers.get("Range")
        page = Range.read(header, kind.sortable, default=self._default_page, most=self._max_page).page(records)
        rows = [_as_variant(app, variant) for app in page.records] if place["kind"] == "apps" else page.records
        headers = {"Accept-Ranges": ", ".join(kind.sortable), "Content-Range": page.content_range}
        if page.next_range is None:
            return _Answer(rows, 200, headers)
        return _Answer(rows, 206, headers | {"Next-Range": page.next_range})

    def _account(self, identity: str) -> Record:
        account = self.company.account
        if identity not in ("~", account["id"], account["email"]):
            raise HerokuError(404, "not_found", "Couldn't find that user.", resource="user")
        return account

    def _app(self, identity: str) -> Record:
        app = self.company.find(identity)
        if app is None:
            raise _not_found(_KINDS["apps"])
        return app

    def _records(self, place: Mapping[str, str]) -> Sequence[Record]:
        """All records of a kind, of one app or of the whole account."""
        if "app" not in place:
            return self.company.apps if place["kind"] == "apps" else self.company.addons
        found = self.company.belongings(self._app(place["app"]))
        return {
            "dynos": found.dynos,
            "addons": [*found.addons, *found.attached],
            "domains": found.domains,
            "collaborators": found.collaborators,
        }[place["kind"]]

    def _response(self, request: Request, answer: _Answer, *, known: bool) -> Response:
        """Put an answer into HTTP. `known` says that the token was right."""
        own_id = str(uuid5(COMPANY, f"request/{next(self._numbers)}"))
        headers = {
            "Cache-Control": "private, no-cache",
            "Request-Id": ",".join(filter(None, (request.headers.get("Request-Id"), own_id))),
            "Vary": "Authorization,Accept-Encoding",
        }
        if known:
            headers |= _SCOPES | {"RateLimit-Remaining": str(self._budget.remaining)}
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


class _Budget:
    """The requests that an account may still make: a bucket that refills while nobody looks."""

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._clock = clock
        self._left = float(capacity)
        self._seen = clock()
        self._lock = Lock()

    @property
    def remaining(self) -> int:
        with self._lock:
            return int(self._refilled())

    def spend(self) -> bool:
        """Take one request out; false when there is none."""
        with self._lock:
            if self._refilled() < 1:
                return False
            self._left -= 1
            return True

    def _refilled(self) -> float:
        now = self._clock()
        self._left = min(self._capacity, self._left + (now - self._seen) * REFILL)
        self._seen = now
        return self._left


def _as_variant(app: Record, variant: str | None) -> Record:
    """An app as a variant of version 3 writes it: in `3.sdk` its generation is a name."""
    return app | {"generation": app["generation"]["name"]} if variant == "sdk" else app


def _named(records: Sequence[Record], identity: str, kind: _Kind) -> Record:
    """The record with this identifier, name, host name or e-mail address."""
    for record in records:
        if identity in [record.get(name, record.get("user", {}).get(name)) for name in kind.names]:
            return record
    raise _not_found(kind)


def _not_found(kind: _Kind) -> HerokuError:
    return HerokuError(404, "not_found", f"Couldn't find that {kind.noun}.", resource=kind.resource)
