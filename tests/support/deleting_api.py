"""The look-alike, in which apps are deleted while somebody reads it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

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
