"""No error shows the token, whatever a tool shows of it: the token joins a request where it is sent."""

from __future__ import annotations

import gzip
import random
import string
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest
from fast_clock import FastClock
from full_matrix import full_except
from python_shell import no_notebooks
from scripted_api import OK, FunctionTransport, Script, said
from shown_frames import everything_shown, libraries_of

import kosmo_kernel
from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import HttpTransport
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session

LIBRARIES = {"httpx", "httpcore", "h11", "ssl", "socket"}
CHARACTERS = string.ascii_letters + string.digits + "_-"
RANDOM = random.Random(54)


def new_token() -> str:
    return "HRKU-AA" + "".join(RANDOM.choices(CHARACTERS, k=58))


def client_with(token: str, transport: HttpTransport | None = None, url: str = HEROKU.base_url) -> Client:
    account = Account("heroku", "default", token, url, "HEROKU_API_KEY")
    return Client(HEROKU, account, transport=transport, clock=FastClock())


def failing(error: BaseException, *, after: bytes = b"") -> FunctionTransport:
    """Return a network on which each request fails in a frame that has its headers, perhaps after a part of a body."""

    class Body(httpx.SyncByteStream):
        def __init__(self, request: httpx.Request) -> None:
            self._request = request

        def __iter__(self) -> Iterator[bytes]:
            yield after
            headers = self._request.headers
            raise error if headers else AssertionError

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"].startswith("Bearer HRKU-AA")
        if after:
            return httpx.Response(200, stream=Body(request))
        raise error

    return FunctionTransport(handle)


ERRORS: list[BaseException] = [
    *(kind("x") for kind in (httpx.ConnectError, httpx.ConnectTimeout, httpx.WriteError, httpx.WriteTimeout)),
    *(kind("x") for kind in (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.CloseError)),
    *(kind("x") for kind in (httpx.LocalProtocolError, httpx.ProxyError, httpx.UnsupportedProtocol)),
    *(OSError(9, "x"), RuntimeError("x"), KeyboardInterrupt()),
]


@pytest.mark.claim("token-at-socket")
@pytest.mark.parametrize("after", [b"", b"[{"], ids=["no response", "a part of a response"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_no_error_of_the_network_shows_the_token(error: BaseException, after: bytes) -> None:
    for _ in range(3):
        token = new_token()
        transport = failing(error, after=after)
        with closing(client_with(token, transport)) as client, pytest.raises((KosmoError, type(error))) as caught:
            client.fetch(HEROKU.function("list_apps"), {})
        assert libraries_of(caught.value) & LIBRARIES == set()
        assert [text for text in everything_shown(caught.value) if token in text] == []


RESPONSES = {
    "refused": said(401, "[]", Content_Length="2"),
    "unavailable": said(503, "[]", Content_Length="2"),
    "no JSON": said(200, '{"id"}', Content_Length="6"),
    "another kind": said(200, "[1]", Content_Length="3"),
    "cut short": said(200, gzip.compress(b"[]")[:9], Content_Length="9", Content_Encoding="gzip"),
    "another coding": said(200, "[]", Content_Length="2", Content_Encoding="br"),
    "too slow": said(200, "[]", Content_Length="9"),
}


def by_client(token: str, url: str) -> None:
    with closing(client_with(token, url=url)) as client:
        client.fetch(HEROKU.function("list_apps"), {})


def by_session(_token: str, _url: str) -> None:
    with Session() as session:
        session.run("return heroku.list_apps()")


def by_python(_token: str, _url: str) -> None:
    with no_notebooks():
        kosmo_kernel.heroku.list_apps()


@pytest.mark.claim("token-at-socket")
@pytest.mark.parametrize("call", [by_client, by_session, by_python])
@pytest.mark.parametrize("name", full_except([*RESPONSES, "no server"], *[*RESPONSES][::3], "no server"))
def test_no_error_of_a_real_response_shows_the_token(
    call: Callable[[str, str], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kosmo_kernel.client.retry.RetryPolicy.pause", lambda *_: None)
    monkeypatch.setenv("KOSMO_READ_TIMEOUT", "0.2")
    token = new_token()
    with serve(Script(RESPONSES.get(name, OK))) as served:
        url = served.url if name in RESPONSES else "http://127.0.0.1:9"
        monkeypatch.setenv("HEROKU_API_KEY", token)
        monkeypatch.setenv("HEROKU_API_URL", url)
        with pytest.raises(KosmoError) as caught:
            call(token, url)
    assert libraries_of(caught.value) & LIBRARIES == set()
    assert [text for text in everything_shown(caught.value) if token in text] == []
