"""The requests and responses of the simulated APIs, over WSGI.

A library for this would import a server, a client and the parsers of mails and forms, which takes a quarter of the time
of a command on the demo account.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class WsgiRequest:
    """A request, read from the environment of WSGI."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ: Mapping[str, Any] = environ
        self.method: str = environ["REQUEST_METHOD"]
        # PEP 3333, "Unicode Issues": the bytes of the path are the characters of a text
        self.path = "/" + environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace").lstrip("/")

    def header(self, name: str) -> str:
        """Return the value of a header; empty if it was not sent."""
        return str(self.environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the query; the first of each name."""
        query: dict[str, str] = {}
        for name, value in parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True):
            query.setdefault(name, value)
        return query

    @property
    def url(self) -> str:
        """The address without the query."""
        host = self.header("Host") or self.environ["SERVER_NAME"]
        return f"{self.environ['wsgi.url_scheme']}://{host}{quote(self.path)}"

    @property
    def token(self) -> str:
        """The bearer token, or the password of any user; empty if there is neither."""
        kind, _, credentials = self.header("Authorization").partition(" ")
        if kind.lower() != "basic":
            return credentials.strip()
        try:
            return b64decode(credentials).decode().partition(":")[2]
        except ValueError:  # no Base64, or no UTF-8
            return ""

    @property
    def body(self) -> bytes:
        """The body, which can be read once."""
        content: bytes = self.environ["wsgi.input"].read(int(self.environ.get("CONTENT_LENGTH") or 0))
        return content

    def has_tag(self, tag: str) -> bool:
        """Return whether the client already has the response with this entity tag, strong or weak."""
        tags = [text.strip() for text in self.header("If-None-Match").split(",")]
        return "*" in tags or tag in [text.removeprefix("W/").strip('"') for text in tags]

    @property
    def accepts_gzip(self) -> bool:
        """Return whether the client accepts a body that is compressed with gzip."""
        items = (item.partition(";") for item in self.header("Accept-Encoding").replace(" ", "").lower().split(","))
        accepted = {name: not weight or bool(weight.strip("q=0.")) for name, _, weight in items}  # `q=0` refuses
        return accepted.get("gzip", accepted.get("*", False))


class WsgiResponse:
    """A response, which is a WSGI application.

    Parameters:
        body: the content.
        status: the status.
        headers: the headers besides those that say what the content is.
        content_type: what the content is.
    """

    def __init__(
        self, body: bytes, status: int, headers: Mapping[str, str] | None = None, content_type: str = "application/json"
    ) -> None:
        self.status = HTTPStatus(status)
        self.body = body
        self.headers = dict(headers or {})
        if self.status not in _WITHOUT_BODY:
            self.headers |= {"Content-Type": content_type, "Content-Length": str(len(body))}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response; to a request with HEAD without the body."""
        start_response(f"{self.status.value} {self.status.phrase}", list(self.headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" or self.status in _WITHOUT_BODY else [self.body]
