"""An API that answers what a test tells it to, and a client that asks it without ever really waiting."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx
import pytest
from fast_clock import FastClock

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.network import Network
from kosmo_kernel.client.transport import HttpRequest, HttpTransport, in_process
from kosmo_kernel.errors import ApiError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.progress.run import Progress

TOKEN = "HRKU-11111111-2222-4333-8444-555555555555"
ACCOUNT = Account("heroku", "default", TOKEN, "https://api.heroku.com", "HEROKU_API_KEY")
PAGE = '[{"id": "1"}, {"id": "2"}]'

Step = tuple[int, str | bytes, dict[str, str]]


class Script:
    """An API that gives one answer after the other; the last one stays."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.asked = 0

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, body, headers = self.steps[min(self.asked, len(self.steps) - 1)]
        self.asked += 1
        content = body.encode() if isinstance(body, str) else body
        start_response(f"{status} Said", list({"Content-Type": "application/json", **headers}.items()))
        return [content]


def said(status: int, body: str | bytes = '{"id": "oops", "message": "Oops"}', **headers: str) -> Step:
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


OK = said(200, PAGE)


class FunctionTransport:
    """A network of which a function answers the requests, each on a connection of its own."""

    def __init__(self, handle: Callable[[httpx.Request], httpx.Response]) -> None:
        self._transport = httpx.MockTransport(handle)
        self._network = Network(HEROKU.base_url, 30.0)

    def send(self, request: HttpRequest, check: Callable[[], None]) -> Response:
        return self._network.answer(self._transport, request)


def transport_of(api: WSGIApplication | HttpTransport) -> HttpTransport:
    """Return a network, or one on which an API answers."""
    return api if hasattr(api, "send") else in_process(api)


class Asking:
    """A client over an API, with a clock whose waits are over at once."""

    def __init__(self, api: WSGIApplication | HttpTransport, clock: FastClock | None = None, **options: Any) -> None:
        self.clock = clock or FastClock()
        self.progress = Progress(self.clock)
        transport = transport_of(api)
        rng = random.Random(7)
        self.client = Client(HEROKU, ACCOUNT, transport=transport, clock=self.clock, rng=rng, **options)

    def fetch(self, name: str = "list_apps", **args: Any) -> Reply:
        return self.client.fetch(HEROKU.function(name), args, self.progress)

    def failed(self) -> ApiError:
        with pytest.raises(ApiError) as caught:
            self.fetch()
        return caught.value
