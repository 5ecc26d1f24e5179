"""Faults of a network and of a service in trouble, dealt out by chance and still the same in every run.

`FaultInjector` decides by a hash of the seed, of what is asked (path, query, range) and of how often this very request
came before. So a test with many threads can be repeated, whoever comes first, and a client that asks again may be
answered. `faulty` puts them before any WSGI application, in this process or behind the server:

    429        Heroku's own refusal, `RateLimit-Remaining: 0`
    503        Heroku is out of order
    html       the page of a proxy, with status 200 or 502
    truncated  the right answer, but its body ends too early
    slow       the right answer, after a wait
    reset      the connection ends, before or in the middle of the answer; needs the server (`server.RESET`)

A fault never changes data. Sources: the body of a 429 as in `heroku_error.py`; Heroku's reference lists 503 without
a body, so its words here are made in the likeness of the others.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from uuid import UUID
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec

from kosmo_kernel.demo.heroku_error import HerokuError, over_budget
from kosmo_kernel.demo.server import RESET
from kosmo_kernel.errors import SettingsError

KINDS = ("429", "503", "reset", "truncated", "html", "slow")

_OUT_OF_ORDER = HerokuError(
    503, "service_unavailable", "Heroku's API is unavailable at the moment.", url="https://status.heroku.com"
)
_PAGE = b"""<!DOCTYPE html>
<html><head><title>%s</title></head>
<body><h1>%s</h1><p>The proxy of this network stands between you and what you asked for.</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """What happens to one request. `share` is a number from 0 to 1, as random as the fault itself."""

    kind: str
    share: float
    request_id: str


class FaultInjector:
    """Decides which requests fail, and how. Threads may share it.

    Parameters:
        rates: how often each kind happens, as shares of all requests; together 1 at most.
        seed: which of the many ways to deal them out.
        slow: seconds that a slow answer waits.
        retry_after: seconds to name in the `Retry-After` of a 429. Heroku sends none.
        wait: waits so many seconds.

    Raises:
        SettingsError: an unknown kind, or a rate that is none.
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
        """How often each kind has happened."""
        self._rates = [(kind, rates[kind]) for kind in KINDS if kind in rates]
        self._seed = seed
        self._asked = Counter[bytes]()
        self._lock = Lock()

    def choose(self, environ: WSGIEnvironment) -> InjectedFault | None:
        """What happens to a request; None is nothing."""
        if not self._rates:
            return None
        asked = [environ.get(name, "") for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_RANGE")]
        request = hashlib.blake2b("\0".join([str(self._seed), *asked]).encode(), digest_size=16).digest()
        with self._lock:
            self._asked[request] += 1
            again = self._asked[request]
        drawn = hashlib.blake2b(request + again.to_bytes(8), digest_size=16).digest()
        chance = int.from_bytes(drawn[:8]) / 2**64
        for kind, rate in self._rates:
            if chance < rate:
                with self._lock:
                    self.dealt[kind] += 1
                return InjectedFault(kind, int.from_bytes(drawn[8:]) / 2**64, str(UUID(bytes=drawn)))
            chance -= rate
        return None


def read(options: Iterable[str]) -> dict[str, float]:
    """Rates from `KIND=RATE`, the rate a number from 0 to 1 or one of percent.

    Raises:
        SettingsError: what is wrong with them, all in one message.
    """
    rates, wrong = dict[str, float](), []
    for option in options:
        kind, equals, text = (part.strip() for part in option.partition("="))
        try:
            rate = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            wrong.append(f"`{option}` is not KIND=RATE" if not equals else f"`{text}` is no rate")
            continue
        if kind in rates:
            wrong.append(f"`{kind}` is named twice")
        rates[kind] = rate
    _check(rates, wrong)
    return rates


def faulty(api: WSGIApplication, faults: FaultInjector) -> WSGIApplication:
    """An application that fails sometimes.

    Parameters:
        api: the one that answers otherwise.
        faults: when and how.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match faults.choose(environ):
            case InjectedFault("429", _, request_id):
                retry = {} if faults.retry_after is None else {"Retry-After": str(faults.retry_after)}
                headers = {"Request-Id": request_id, "RateLimit-Remaining": "0"} | retry
                return _refusal(over_budget(), headers, start_response)
            case InjectedFault("503", _, request_id):
                return _refusal(_OUT_OF_ORDER, {"Request-Id": request_id}, start_response)
            case InjectedFault("html", share):
                return _page("200 OK" if share < 1 / 2 else "502 Bad Gateway", start_response)
            case InjectedFault("reset", share) if share < 1 / 2:
                _reset(environ, 0)
                return []  # nobody is there to answer
            case InjectedFault("reset", share):
                _reset(environ, share * 2 - 1)
            case InjectedFault("slow"):
                faults.wait(faults.slow)
            case InjectedFault("truncated", share):
                return _cut(b"".join(api(environ, start_response)), share)
        return api(environ, start_response)

    return answer


def _check(rates: Mapping[str, float], wrong: Iterable[str] = ()) -> None:
    found = list(wrong)
    found += [f"`{kind}` is no kind" for kind in rates if kind not in KINDS]
    found += [f"the rate of `{kind}` is {rate:g}" for kind, rate in rates.items() if not 0 <= rate <= 1]
    if not found and sum(rates.values()) > 1 + 1e-9:
        found = [f"the rates add up to {sum(rates.values()):g}"]
    if found:
        raise SettingsError(
            f"These faults cannot be: {'; '.join(found)}. The kinds are {', '.join(KINDS)}; "
            "a rate is a number from 0 to 1 or a percentage, and together they are 1 at most."
        )


def _refusal(error: HerokuError, headers: Mapping[str, str], start_response: StartResponse) -> list[bytes]:
    body = msgspec.json.encode(error.body)
    status = {429: "429 Too Many Requests", 503: "503 Service Unavailable"}[error.status]
    start_response(status, [*_entity(body, "application/json"), *headers.items()])
    return [body]


def _page(status: str, start_response: StartResponse) -> list[bytes]:
    title = b"Sign in to this network" if status.startswith("200") else b"Bad gateway"
    body = _PAGE % (title, title)
    start_response(status, _entity(body, "text/html; charset=utf-8"))
    return [body]


def _entity(body: bytes, kind: str) -> list[tuple[str, str]]:
    return [("Content-Type", kind), ("Content-Length", str(len(body)))]


def _cut(body: bytes, share: float) -> list[bytes]:
    """A part of a body, less than all of it; the answer's `Content-Length` still speaks of all."""
    return [body[: int(len(body) * share)]]


def _reset(environ: WSGIEnvironment, share: float) -> None:
    """Tell the server to end the connection when that share of the answer is sent."""
    if RESET not in environ:
        raise SettingsError(
            "The fault `reset` needs a connection: use `faulty` behind `kosmo_kernel.demo.server.serve`."
        )
    environ[RESET](share)
