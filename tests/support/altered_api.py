"""The API of the demo, altered: it refuses some lists, deletes apps while they are read, or holds answers back."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from patience import PATIENCE

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company


def said(start_response: StartResponse, status: str, body: bytes) -> list[bytes]:
    """Answer a request with a status and JSON."""
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def as_default_account(api: WSGIApplication) -> Iterator[str]:
    """Serve an API on a real port, as that of the default account; yield its address."""
    with serve(api) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEROKU_API_URL", served.url)
        patch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        patch.setenv("KOSMO_DEMO", "0")
        yield served.url


def without(*missing: str, told: str = "You may not.") -> WSGIApplication:
    """Return the demo's API, which refuses paths that end like this."""
    api, body = DemoApi(company()), json.dumps({"id": "forbidden", "message": told}).encode()

    def refusing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith(missing):
            return said(start_response, "403 Forbidden", body)
        return api(environ, start_response)

    return refusing


def answering(ending: str, *records: dict[str, Any], is_whole_path: bool = False) -> WSGIApplication:
    """Return the demo's API, which answers paths that end like this, or are this, with these records."""
    api, body = DemoApi(company()), json.dumps(records).encode()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        is_meant = path == ending if is_whole_path else path.endswith(ending)
        return said(start_response, "200 OK", body) if is_meant else api(environ, start_response)

    return answer


NOT_FOUND = json.dumps({"id": "not_found", "resource": "app", "message": "Couldn't find that app."}).encode()
BUDGET = "/account/rate-limits"


class DeletingApi:
    """The look-alike, which no longer has some apps from a request on. A WSGI application; threads may share it.

    Parameters:
        apps: the names of the apps that are deleted.
        after: how many requests are answered before; those about the request budget do not count.
        hidden: what is answered as if the app were deleted: paths that begin like this, without the app itself.
        api: the look-alike; the demo company's when None.

    Attributes:
        asked: how often each path was requested.
    """

    def __init__(
        self, *apps: str, after: int = 1, hidden: tuple[str, ...] = (), api: WSGIApplication | None = None
    ) -> None:
        self._api = api or DemoApi(company(), capacity=10**9)
        self._deleted, self.after, self._hidden = set(apps), after, hidden
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        with self._lock:
            is_late = self.asked.total() >= self.after
            self.asked[path] += path != BUDGET
        _, *rest = path.split("/")
        is_gone = rest[0] == "apps" and len(rest) > 1 and rest[1] in self._deleted
        if is_late and (is_gone or path.startswith(self._hidden or ("?",))):
            length = str(len(NOT_FOUND))
            start_response("404 Not Found", [("Content-Type", "application/json"), ("Content-Length", length)])
            return [NOT_FOUND]
        return self._api(environ, start_response)


@contextmanager
def account_at(api: WSGIApplication) -> Iterator[dict[str, str]]:
    """Serve an API on a real port, and yield the environment in which it is the default account."""
    with serve(api) as served:
        yield {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": "0"}


class Gate:
    """Passes requests on to an API, those whose path ends in one of some words only when it is open.

    Parameters:
        api: who answers.
        held: the ends of the paths that are kept back.

    Attributes:
        asked: the paths, in the order in which they came.
        open: lets all through that wait, and all to come.
    """

    def __init__(self, api: WSGIApplication, *held: str) -> None:
        self._api, self._held = api, held
        self._arrived = threading.Condition()
        self.asked: list[str] = []
        self.open = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        with self._arrived:
            self.asked.append(path)
            self._arrived.notify_all()
        if path.endswith(self._held):
            self.open.wait(PATIENCE)
        return self._api(environ, start_response)

    def timer(self, count: int) -> type[threading.Timer]:
        """Timers for which no time passes before so many requests have come."""
        wait_for = self.wait_for

        class Late(threading.Timer):
            def run(self) -> None:
                wait_for(count)
                super().run()

        return Late

    def wait_for(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.asked) >= count, PATIENCE), f"only {self.asked} came"


def soon(action: Any, *args: Any) -> threading.Thread:
    """Do something in a thread of its own."""
    thread = threading.Thread(target=action, args=args, daemon=True)
    thread.start()
    return thread
