"""Test how the client connects, and what becomes of a request that gets no answer."""

from __future__ import annotations

import logging
import pickle
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx
import pytest
from fast_clock import FastClock
from scripted_api import FunctionTransport

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import HttpTransport
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import BadAnswerError, SettingsError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

TOKEN = "HRKU-11111111-2222-4333-8444-555555555555"
APPS = HEROKU.function("list_apps")
EMPTY_LIST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
WHERE = "heroku.list_apps (account default): "

# A key and a certificate for 127.0.0.1 and api.heroku.com that sign themselves, until 2100. They protect nothing.
OWN_AUTHORITY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4SX0QgFUtLVm3J96
jww4PuKOuIrXWXrPvdwThyqmPsShRANCAAQ4rxin4V+2uQr2CrTtm8RhO6tZLJrH
mzNceTI90QTjMONg3I40jhPM1rvA/3nvoJlLLNSj4MxhnmVFWFRXEj97
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBuDCCAV6gAwIBAgIUODpuEvtAtPPSB+0AC2+R0A9GnOswCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVYSB0ZXN0cyBvd24gYXV0aG9yaXR5MCAXDTAwMDEwMTAwMDAw
MFoYDzIxMDAwMTAxMDAwMDAwWjAgMR4wHAYDVQQDDBVhIHRlc3RzIG93biBhdXRo
b3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ4rxin4V+2uQr2CrTtm8Rh
O6tZLJrHmzNceTI90QTjMONg3I40jhPM1rvA/3nvoJlLLNSj4MxhnmVFWFRXEj97
o3QwcjAdBgNVHQ4EFgQU+GOnPR9gpi0Wu935lwhqrs/4KrgwHwYDVR0jBBgwFoAU
+GOnPR9gpi0Wu935lwhqrs/4KrgwDwYDVR0TAQH/BAUwAwEB/zAfBgNVHREEGDAW
hwR/AAABgg5hcGkuaGVyb2t1LmNvbTAKBggqhkjOPQQDAgNIADBFAiEAniQialBv
PNITL0BShHcx4L3INy5Jx6YOFd7WPPixx6ICIBNyaKHLKktQA+CXYjy0YQwHtnwx
XzznLIpGhwX2OPjv
-----END CERTIFICATE-----
"""


def client_at(url: str, *, transport: HttpTransport | None = None, timeout: float = 30.0) -> Client:
    account = Account("heroku", "default", TOKEN, url, "HEROKU_API_KEY")
    return Client(HEROKU, account, transport=transport, timeout=timeout, retries=0, clock=FastClock())


def ask(url: str, *, timeout: float = 30.0) -> object:
    with closing(client_at(url, timeout=timeout)) as client:
        return client.fetch(APPS, {}).data


@contextmanager
def talking(talk: Callable[[socket.socket], object], scheme: str = "http") -> Iterator[str]:
    """Yield a server for one connection, which it hands to `talk`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)  # for a test that fails before it dials

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                talk(connection)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()


def saying(said: bytes, heard: list[bytes] | None = None) -> Callable[[socket.socket], object]:
    def talk(connection: socket.socket) -> None:
        request = connection.recv(65536)
        if heard is not None:
            heard.append(request)
        connection.sendall(said)

    return talk


def in_tls(certificate: Path) -> Callable[[socket.socket], object]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                saying(EMPTY_LIST)(secure)
        except (ssl.SSLError, ConnectionError):
            pass  # the client went away, as it should when it does not trust the certificate

    return talk


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    path.write_text(OWN_AUTHORITY)
    return path


def test_nothing_is_opened_before_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")

    with (
        closing(client_at("https://api.heroku.com")) as client,
        pytest.raises(SettingsError, match=r"SSL_CERT_FILE .* makes no sense: .*No such file"),
    ):
        client.fetch(APPS, {})


def counting(api: WSGIApplication, connections: set[str]) -> WSGIApplication:
    """Return the same API; the server gives every connection a thread of its own, whose name is kept."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        connections.add(threading.current_thread().name)
        return api(environ, start_response)

    return app


def test_one_connection_is_kept_for_many_requests() -> None:
    connections = set[str]()
    api = counting(DemoApi(company(), token=TOKEN, max_page=5), connections)

    with serve(api) as served, closing(client_at(served.url)) as client:
        requests = sum(client.fetch(APPS, {}).requests for _ in range(3))

    assert requests > 9
    assert len(connections) == 1


def test_threads_share_a_client_and_wait_for_a_connection_when_all_are_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kosmo_kernel.client.network.MAX_CONNECTIONS", 2)
    connections = set[str]()
    larkmoor = company()
    names = [str(app["name"]) for app in larkmoor.apps] * 4
    api = counting(DemoApi(larkmoor, token=TOKEN), connections)

    # With some latency, so that no connection is taken for a broken one; see `network.py`.
    with serve(api, latency=0.01) as served, closing(client_at(served.url)) as client, ThreadPoolExecutor(8) as pool:
        get_app = HEROKU.function("get_app")
        records = list(pool.map(lambda name: client.fetch(get_app, {"app_id": name}).data, names))

    assert [record["name"] for record in records] == names
    assert len(connections) <= 2


def test_a_closed_client_stays_closed() -> None:
    client = client_at("https://api.heroku.com")
    client.close()
    client.close()

    with pytest.raises(RuntimeError, match=r"account default, https://api\.heroku\.com> is closed"):
        client.fetch(APPS, {})


def test_a_redirect_is_not_followed_since_the_token_would_go_with_it() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: https://example.com/apps\r\nContent-Length: 0\r\n\r\n"

    with talking(saying(moved)) as url, pytest.raises(BadAnswerError) as caught:
        ask(url)

    assert caught.value.message == (
        f"{WHERE}Heroku answered 302, no type, 0 bytes. It leads to https://example.com/apps, and the token is sent "
        f"to {url} only."
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "default"])
def test_a_netrc_never_replaces_the_token(host: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    machine = "default" if host == "default" else f"machine {host}"
    for name in (".netrc", "own-netrc"):
        (home / name).write_text(f"{machine} login joe password from-netrc\n")
        (home / name).chmod(0o600)
    monkeypatch.setenv("NETRC", str(home / "own-netrc"))
    heard: list[bytes] = []

    with talking(saying(EMPTY_LIST, heard)) as url:
        ask(url)

    lines = heard[0].decode().split("\r\n")
    assert [line for line in lines if line.lower().startswith("authorization:")] == [f"Authorization: Bearer {TOKEN}"]


def test_a_proxy_is_asked_for_another_machine_and_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"

    with talking(saying(refusal, heard)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("://", "://joe:hidden@"))
        with pytest.raises(UnreachableError) as caught:
            ask("https://api.heroku.com")

    assert heard[0].startswith(b"CONNECT api.heroku.com:443 HTTP/1.1\r\n")
    assert TOKEN.encode() not in heard[0]
    assert caught.value.message == (
        f"{WHERE}no answer from https://api.heroku.com: the proxy refused (407 Proxy Authentication Required). Check "
        "HTTPS_PROXY, ALL_PROXY and NO_PROXY."
    )


def test_a_tunnel_through_a_proxy_carries_many_requests_and_the_token_inside_it(
    monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    outside, inside = list[bytes](), list[bytes]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\n\r\n", outside)(connection)
        with context.wrap_socket(connection, server_side=True) as secure:
            for _ in range(3):
                saying(EMPTY_LIST, inside)(secure)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with talking(talk) as proxy, closing(client_at("https://api.heroku.com")) as client:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("://", "://joe:hid%20den@"))
        assert [client.fetch(APPS, {}).data for _ in range(3)] == [[]] * 3

    [connect] = outside
    assert connect.startswith(b"CONNECT api.heroku.com:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic am9lOmhpZCBkZW4=\r\n" in connect
    assert [TOKEN.encode() in request for request in [*outside, *inside]] == [False, True, True, True]


def test_a_proxy_that_is_not_there_is_named_and_not_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://joe:hidden@127.0.0.1:9")
    with pytest.raises(UnreachableError) as caught:
        ask("https://api.heroku.com")

    assert caught.value.message == (
        f"{WHERE}no answer from https://api.heroku.com: the proxy 127.0.0.1:9 cannot be reached (the connection was "
        "refused). Check HTTPS_PROXY, ALL_PROXY and NO_PROXY."
    )


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with talking(saying(EMPTY_LIST)) as url:
        assert ask(url) == []


def test_a_proxy_that_is_none_is_an_error_that_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://joe:hidden@127.0.0.1:1")

    with pytest.raises(SettingsError, match=r"because HTTPS_PROXY, .* makes no sense") as caught:
        ask("https://api.heroku.com")

    assert "hidden" not in caught.value.message


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_authority_of_ones_own_is_trusted_where_a_variable_says_so(
    variable: str, monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    # OpenSSL finds a certificate in a folder by the hash of its owner's name.
    certificate.with_name("8118a267.0").write_text(OWN_AUTHORITY)
    monkeypatch.setenv(variable, str({"SSL_CERT_FILE": certificate, "SSL_CERT_DIR": certificate.parent}[variable]))

    with talking(in_tls(certificate), "https") as url:
        assert ask(url) == []


def test_a_certificate_that_nobody_vouches_for_is_an_error_that_says_how_to_vouch(certificate: Path) -> None:
    with talking(in_tls(certificate), "https") as url, pytest.raises(UnreachableError) as caught:
        ask(url)

    assert f"no answer from {url}: its certificate cannot be trusted (" in caught.value.message
    assert "belongs into the file that SSL_CERT_FILE names." in caught.value.message


def test_https_to_what_does_not_speak_it_is_an_error_that_says_so() -> None:
    with (
        talking(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https") as url,
        pytest.raises(UnreachableError) as caught,
    ):
        ask(url)

    assert f"no answer from {url}: it does not speak https (" in caught.value.message


def test_a_refused_connection_is_an_error_that_names_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

    with pytest.raises(UnreachableError) as caught:
        ask(url)

    assert caught.value.message == (
        f"{WHERE}no answer from {url}: the connection was refused. Nothing listens there: check the address."
    )
    assert (caught.value.status, caught.value.retryable) == (None, True)


def test_a_service_that_says_nothing_is_left_after_the_timeout() -> None:
    def wait_for_the_end(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with talking(wait_for_the_end) as url, pytest.raises(UnreachableError) as caught:
        ask(url, timeout=0.05)

    assert f"no answer from {url}: nothing came for 0.05 s. Nothing is wrong with the call" in caught.value.message


def test_a_connection_that_closes_without_a_word_is_unreachable() -> None:
    with talking(saying(b"")) as url, pytest.raises(UnreachableError, match="disconnected without sending a response"):
        ask(url)


@pytest.mark.parametrize(
    "said",
    [
        b"Content-Length: 1000\r\n\r\n[{}]",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[{}]\r\n",
    ],
)
def test_a_body_that_breaks_off_is_an_error_and_never_a_short_list(said: bytes) -> None:
    with (
        talking(saying(b"HTTP/1.1 200 OK\r\nRequest-Id: r-1\r\n" + said)) as url,
        pytest.raises(BadAnswerError) as caught,
    ):
        ask(url)

    assert caught.value.message.startswith(f"{WHERE}the answer of Heroku, 200, broke off: ")
    assert caught.value.message.endswith(" Request id: r-1.")


@pytest.mark.parametrize(
    ("error", "cause", "why"),
    [
        (httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known"), "its name is not known. Check"),
        (httpx.ConnectTimeout("x"), TimeoutError("x"), "no connection was made in time. Check"),
        (httpx.ReadError(f"odd: {TOKEN}"), OSError("x"), "odd: [redacted]. Nothing is wrong with the call"),
        (httpx.WriteError(""), BrokenPipeError("x"), "WriteError. Nothing is wrong with the call"),
    ],
)
def test_a_lost_request_says_why(error: Exception, cause: OSError, why: str) -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        raise error from cause

    client = client_at("https://api.heroku.com", transport=FunctionTransport(handle))
    with pytest.raises(UnreachableError) as caught:
        client.fetch(APPS, {})

    assert f"no answer from https://api.heroku.com: {why}" in caught.value.message


def test_an_address_that_is_too_long_is_an_error_and_not_sent() -> None:
    with closing(client_at("https://api.heroku.com")) as client, pytest.raises(UnreachableError) as caught:
        client.fetch(HEROKU.function("get_app"), {"app_id": "x" * 70_000})

    assert "the address makes no sense (URL too long). Check the arguments of the call." in caught.value.message


def test_a_client_shows_no_token_and_is_never_pickled() -> None:
    client = client_at("https://api.heroku.com")

    assert repr(client) == "<Client of heroku, account default, https://api.heroku.com>"
    with pytest.raises(TypeError):
        pickle.dumps(client)


def test_no_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.NOTSET), talking(saying(EMPTY_LIST)) as url:
        ask(url)

    assert "send_request_headers.started" in caplog.text
    assert TOKEN not in caplog.text
