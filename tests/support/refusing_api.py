"""The demo's API for a token that may not read everything."""

from __future__ import annotations

import json
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company


def said(start_response: StartResponse, status: str, body: bytes) -> list[bytes]:
    """Answer a request with a status and JSON."""
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def without(*missing: str, told: str = "You may not.") -> WSGIApplication:
    """Return the demo's API, which refuses paths that end like this."""
    api, body = DemoApi(company()), json.dumps({"id": "forbidden", "message": told}).encode()

    def refusing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith(missing):
            return said(start_response, "403 Forbidden", body)
        return api(environ, start_response)

    return refusing
