"""The requests and responses of the simulated APIs: what a client may send in different ways."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from kosmo_kernel.demo.wsgi import WsgiRequest, WsgiResponse

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


def environ(
    path: str = "/apps", query: str = "", method: str = "GET", body: bytes = b"", **headers: str
) -> WSGIEnvironment:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "api.example",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name}": value for name, value in headers.items()},
    }


def test_a_path_is_text_with_one_slash_before_it_and_an_address_has_it_quoted() -> None:
    request = WsgiRequest(environ("//äpps/a b", "x=1", HOST="api.example:8080"))
    assert (request.path, request.url) == ("/äpps/a b", "https://api.example:8080/%C3%A4pps/a%20b")
    assert WsgiRequest(environ("")).url == "https://api.example/"


def test_of_a_name_that_is_twice_in_the_query_the_first_value_counts() -> None:
    assert WsgiRequest(environ(query="a=1&b&a=2&eq%5Bname%5D=x+y")).query == {"a": "1", "b": "", "eq[name]": "x y"}


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer secret", "secret"),
        (f"Basic {b64encode(b'anybody:sec:ret').decode()}", "sec:ret"),
        (f"basic {b64encode(b'without').decode()}", ""),
        ("Basic no Base64", ""),
        ("Bearer", ""),
        ("", ""),
    ],
)
def test_a_token_is_that_of_a_bearer_or_the_password_of_anybody(authorization: str, token: str) -> None:
    assert WsgiRequest(environ(AUTHORIZATION=authorization)).token == token


@pytest.mark.parametrize(("tags", "has_it"), [('"x", W/"abc"', True), ('"abc"', True), ("*", True), ('"ab"', False)])
def test_a_client_has_a_response_whose_tag_it_names(tags: str, has_it: bool) -> None:
    assert WsgiRequest(environ(IF_NONE_MATCH=tags)).has_tag("abc") == has_it
    assert not WsgiRequest(environ()).has_tag("abc")


@pytest.mark.parametrize(
    ("encodings", "accepted"),
    [("br, gzip;q=0.5", True), ("*", True), ("gzip; q=0.0, *", False), ("identity", False), ("", False)],
)
def test_gzip_is_accepted_by_its_name_or_by_a_star_unless_its_weight_is_nothing(encodings: str, accepted: bool) -> None:
    assert WsgiRequest(environ(ACCEPT_ENCODING=encodings)).accepts_gzip == accepted


@pytest.mark.parametrize(
    ("method", "status", "body", "length"),
    [("GET", 200, b"{}", "2"), ("HEAD", 200, b"", "2"), ("GET", 304, b"", None), ("GET", 204, b"", None)],
)
def test_a_response_says_its_length_and_has_a_body_where_one_belongs(
    method: str, status: int, body: bytes, length: str | None
) -> None:
    sent: list[tuple[str, dict[str, str]]] = []

    def start(line: str, fields: list[tuple[str, str]], *_: object) -> object:
        sent.append((line, dict(fields)))
        return None

    response = WsgiResponse(b"{}", status, {"X-Own": "1"})
    assert b"".join(response(environ(method=method), start)) == body  # type: ignore[arg-type]
    [(line, fields)] = sent
    assert (line[:3], fields["X-Own"], fields.get("Content-Length")) == (str(status), "1", length)
    assert ("Content-Type" in fields) == (length is not None)


def test_a_body_is_read_as_far_as_its_length() -> None:
    assert WsgiRequest(environ(method="POST", body=b'{"a": 1}')).body == b'{"a": 1}'
