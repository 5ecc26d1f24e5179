"""A service whose words are hostile, and an address that nothing shown may ask.

The service is Heroku's API on a port of this machine. What it says depends on the token: that of a case gets its text.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hostile_outputs import Case

REFUSED = 422
DATA = ("a cell of the service", "a record of the service")


@dataclass
class Heard:
    """A server of this machine, and what it was asked.

    Parameters:
        url: its address.
        asked: the path of each request.
    """

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Heard]:
    """Yield a server that has nothing to say: every answer is empty and keeps the page where it is."""
    with _served(lambda _path, _token: (204, None)) as heard:
        yield heard


@contextmanager
def service(cases: dict[str, Case]) -> Iterator[Heard]:
    """Heroku's API as far as it is needed.

    Parameters:
        cases: the case for each token.
    """

    def answer(path: str, token: str) -> tuple[int, Any]:
        case = cases[token]
        if case.door not in DATA:
            return REFUSED, {"id": "invalid_params", "message": case.text}
        app = {"id": "01234567-89ab-cdef-0123-456789abcdef", "name": case.text, "web_url": case.text, case.text: 1}
        return 200, [app] if path == "/apps" else app | {"owner": {"email": case.text}}

    with _served(answer) as heard:
        yield heard


@contextmanager
def _served(answer: Any) -> Iterator[Heard]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.asked.append(self.path)
            status, body = answer(self.path.partition("?")[0], self.headers.get("Authorization", "").partition(" ")[2])
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            if data:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard = Heard(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()
