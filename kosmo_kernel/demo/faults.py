"""Inject faults of a network or of a failing service, at random but the same in every run.

`FaultInjector` decides by a hash of the seed, the request (path, query, range) and how often the same request came
before. So a test with many threads can be repeated, whatever the order of its requests, and a retry may succeed.
`faulty` wraps any WSGI application, in this process or behind the server:

    429        the service's own response to too many requests
    503        the service is unavailable
    html       the page of a proxy, with status 200 or 502
    truncated  the right response, but its body ends too early
    slow       the right response, after a delay
    reset      the connection ends, before or in the middle of the response; needs the server (`RESET`)

A fault never changes data. `LaterPageFaults` decides by the page that a request is for: a page after the first that
fails does so once, so that a client that asks again gets it; only the web page stays.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from uuid import UUID
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from msgspec import Struct

from kosmo_kernel.demo.wsgi import WsgiResponse
from kosmo_kernel.errors import SettingsError

RESET = "kosmo.reset"
"""Key in a request's environment: a function that resets the connection after a share (0 to 1) of the response."""

KINDS = ("429", "503", "reset", "truncated", "html", "slow")

LATER_PAGES = {
    "second-page-503": ("503", "the first request for a page after the first is answered with 503"),
    "second-page-429": ("429", "the first request for a page after the first is answered with 429"),
    "second-page-reset": ("reset", "the first request for a page after the first has its connection reset"),
    "second-page-truncated": ("truncated", "the first answer with a page after the first ends too early"),
    "html": ("html", "each page after the first is a web page with status 200"),
}
_ALWAYS = "html"  # the fault that does not end
_LATER_RANGE = re.compile(r"\s[\]\[]?[^\s.;\]\[]")  # a range that has a start, as in `id ]01234567..`
_PAGE = b"""<!DOCTYPE html>
<html><head><title>%s</title></head>
<body><h1>%s</h1><p>The proxy of this network stands between you and what you asked for.</p></body></html>
"""


class InjectedFault(Struct, frozen=True):
    """The fault of one request. `share` is a random number from 0 to 1 for the details of the fault."""

    kind: str
    share: float
    request_id: str


class FaultInjector:
    """Decides which requests fail, and how. Threads may share it.

    Parameters:
        rates: how often each kind happens, as shares of all requests; together 1 at most.
        seed: selects which requests fail.
        slow: seconds of delay before a slow response.
        retry_after: seconds for the `Retry-After` header of a 429. Heroku sends none.
        wait: waits for a number of seconds.

    Raises:
        SettingsError: an unknown kind, or an invalid rate.
    """

    def __init__(
        self,
        rates: Mapping[str, float],
        *,
        seed: int = 1,
        slow: float = 5.0,
        retry_after: int | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        _check(rates)
        self.slow = slow
        self.retry_after = retry_after
        self.wait = wait
        self.dealt = Counter[str]()
        """Count of faults by kind."""
        self._rates = [(kind, rates[kind]) for kind in KINDS if kind in rates]
        self._seed = seed
        self._requests = Counter[bytes]()
        self._lock = Lock()

    def choose(self, environ: WSGIEnvironment) -> InjectedFault | None:
        """Return the fault of a request, or None."""
        if not self._rates:
            return None
        parts = [environ.get(name, "") for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_RANGE")]
        request = hashlib.blake2b("\0".join([str(self._seed), *parts]).encode(), digest_size=16).digest()
        with self._lock:
            self._requests[request] += 1
            attempt = self._requests[request]
        digest = hashlib.blake2b(request + attempt.to_bytes(8), digest_size=16).digest()
        chance = int.from_bytes(digest[:8]) / 2**64
        for kind, rate in self._rates:
            if chance < rate:
                with self._lock:
                    self.dealt[kind] += 1
                return InjectedFault(kind, int.from_bytes(digest[8:]) / 2**64, str(UUID(bytes=digest)))
            chance -= rate
        return None


class LaterPageFaults(FaultInjector):
    """Decides which requests for a page after the first fail, for `faulty`. Threads may share it.

    Parameters:
        fault: one of `LATER_PAGES`.
    """

    def __init__(self, fault: str) -> None:
        super().__init__({})
        self._kind = LATER_PAGES[fault][0]
        self._failed = set[tuple[str, str, str]]()

    def choose(self, environ: WSGIEnvironment) -> InjectedFault | None:
        """Return the fault of a request, or None."""
        path, query, range_ = (str(environ.get(name, "")) for name in ("PATH_INFO", "QUERY_STRING", "HTTP_RANGE"))
        if not _LATER_RANGE.search(range_):
            return None
        with self._lock:
            if self._kind != _ALWAYS and (path, query, range_) in self._failed:
                return None
            self._failed.add((path, query, range_))
            self.dealt[self._kind] += 1
        return InjectedFault(self._kind, 0.4, "00000000-0000-4000-8000-000000000000")


def read(options: Iterable[str]) -> dict[str, float]:
    """Parse rates of the form `KIND=RATE`, where the rate is a number from 0 to 1 or a percentage.

    Raises:
        SettingsError: with all errors in one message.
    """
    rates, errors = dict[str, float](), []
    for option in options:
        kind, equals, text = (part.strip() for part in option.partition("="))
        try:
            rate = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            errors.append(f"`{option}` is not KIND=RATE" if not equals else f"`{text}` is no rate")
            continue
        if kind in rates:
            errors.append(f"`{kind}` is named twice")
        rates[kind] = rate
    _check(rates, errors)
    return rates


def faulty(
    api: WSGIApplication, faults: FaultInjector, error_response: Callable[[int, str], WsgiResponse]
) -> WSGIApplication:
    """Return an application that fails as `faults` decides, and otherwise does what `api` does.

    Parameters:
        api: the application.
        faults: decides.
        error_response: returns the service's response with a status, 429 or 503, to a request with an identifier.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match faults.choose(environ):
            case InjectedFault("429" | "503" as kind, _, request_id):
                response = error_response(int(kind), request_id)
                if kind == "429" and faults.retry_after is not None:
                    response.headers["Retry-After"] = str(faults.retry_after)
                return response(environ, start_response)
            case InjectedFault("html", share):
                status, title = (200, b"Sign in to this network") if share < 1 / 2 else (502, b"Bad gateway")
                page = WsgiResponse(_PAGE % (title, title), status, content_type="text/html; charset=utf-8")
                return page(environ, start_response)
            case InjectedFault("reset", share) if share < 1 / 2:
                _reset(environ, 0)
                return []  # the connection is already closed
            case InjectedFault("reset", share):
                _reset(environ, share * 2 - 1)
            case InjectedFault("slow"):
                faults.wait(faults.slow)
            case InjectedFault("truncated", share):
                body = b"".join(api(environ, start_response))
                return [body[: int(len(body) * share)]]  # its `Content-Length` is that of the whole body
        return api(environ, start_response)

    return answer


def _check(rates: Mapping[str, float], earlier_errors: Iterable[str] = ()) -> None:
    errors = list(earlier_errors)
    errors += [f"`{kind}` is no kind" for kind in rates if kind not in KINDS]
    errors += [f"the rate of `{kind}` is {rate:g}" for kind, rate in rates.items() if not 0 <= rate <= 1]
    if not errors and sum(rates.values()) > 1 + 1e-9:
        errors = [f"the rates add up to {sum(rates.values()):g}"]
    if errors:
        raise SettingsError(
            f"These faults cannot be: {'; '.join(errors)}. The kinds are {', '.join(KINDS)}; "
            "a rate is a number from 0 to 1 or a percentage, and together they are 1 at most."
        )


def _reset(environ: WSGIEnvironment, share: float) -> None:
    """Make the server reset the connection after that share of the response."""
    if RESET not in environ:
        raise SettingsError(
            "The fault `reset` needs a connection: use `faulty` behind `kosmo_kernel.demo.server.serve`."
        )
    environ[RESET](share)
