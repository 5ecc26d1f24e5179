"""Bad minutes are survived: what may pass is tried again, what may not is told at once."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from fast_clock import FastClock
from scripted_api import OK, PAGE, TOKEN, Asking, FunctionTransport, Script, Step, said

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.responses import retry_after
from kosmo_kernel.client.transport import HttpTransport
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import BadAnswerError, RateLimitError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

APPS = HEROKU.function("list_apps")


def raising(*errors: Exception | None) -> HttpTransport:
    """Return a network on which requests get lost in these ways, and then are answered."""
    left = list(errors)

    def handle(_request: httpx.Request) -> httpx.Response:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return httpx.Response(200, content=PAGE.encode())

    return FunctionTransport(handle)


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


# What is tried again


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_service_out_of_order_is_asked_again(status: int) -> None:
    script = Script(said(status), said(status, "<html>"), OK)
    asking = Asking(script)

    answer = asking.fetch()

    assert (answer.data, answer.requests, script.asked) == (json.loads(PAGE), 3, 3)
    assert len(asking.clock.waits) == 2


@pytest.mark.parametrize(
    "body",
    [
        said(200, PAGE, Content_Length="1000"),
        said(200, PAGE[:7]),
        said(200, ""),
        said(200, b"\x1f\x8b\x08\x00", Content_Encoding="gzip"),
    ],
)
def test_an_answer_that_broke_off_is_asked_for_again(body: Step) -> None:
    script = Script(body, OK)

    assert Asking(script).fetch().data == json.loads(PAGE)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        caused_by(httpx.ReadError("x"), ConnectionResetError()),
        caused_by(httpx.ConnectError("x"), ssl.SSLEOFError(8, "EOF occurred in violation of protocol")),
        httpx.ProxyError("503 Service Unavailable"),
    ],
)
def test_a_request_that_got_lost_is_sent_again(error: Exception) -> None:
    assert Asking(raising(error)).fetch().data == json.loads(PAGE)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectTimeout("x"),
        caused_by(httpx.ConnectError("x"), ConnectionRefusedError()),
        caused_by(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")),
    ],
)
def test_an_address_that_cannot_be_reached_is_tried_again_only_if_it_ever_answered(error: Exception) -> None:
    known, unknown = Asking(raising(None, error)), Asking(raising(error))
    known.fetch()

    assert known.fetch().data == json.loads(PAGE)
    assert isinstance(unknown.failed(), UnreachableError)
    assert unknown.clock.waits == []


# What is not


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 406, 408, 409, 410, 422, 500, 501])
def test_what_another_try_would_not_change_is_told_at_once(status: int) -> None:
    script = Script(said(status), OK)
    error = Asking(script).failed()

    assert (error.status, script.asked) == (status, 1)
    assert "tried" not in error.message


@pytest.mark.parametrize("body", ["<!DOCTYPE html><html></html>", "{}", "nonsense", "[1]", '{"id": }'])
def test_a_whole_answer_of_another_kind_is_told_at_once(body: str) -> None:
    script = Script(said(200, body), OK)

    assert isinstance(Asking(script).failed(), BadAnswerError)
    assert script.asked == 1


@pytest.mark.parametrize(
    "error",
    [
        caused_by(httpx.ConnectError("x"), ssl.SSLCertVerificationError("self-signed certificate")),
        caused_by(httpx.ConnectError("x"), ssl.SSLError(1, "wrong version number")),
        httpx.ProxyError("407 Proxy Authentication Required"),
    ],
)
def test_a_setting_that_is_wrong_is_told_at_once(error: Exception) -> None:
    asking = Asking(raising(None, error))
    asking.fetch()

    assert isinstance(asking.failed(), UnreachableError)
    assert asking.clock.waits == []


# How often, and how long


def test_a_failure_is_tried_again_four_times_after_pauses_that_double_about() -> None:
    asking = Asking(Script(said(503, Request_Id="r-1")))

    error = asking.failed()

    waits = asking.clock.waits
    assert [round(wait / pause, 1) for wait, pause in zip(waits, [1, 2, 4, 8], strict=True)] != [1] * 4
    assert all(0.75 <= wait / pause <= 1.25 for wait, pause in zip(waits, [1, 2, 4, 8], strict=True))
    assert isinstance(error, UnreachableError)
    assert error.message == (
        "heroku.list_apps (account default): Heroku answered 503 (oops): Oops. Nothing is wrong with the call: try it "
        f"again in a while. It was tried 5 times in {sum(waits):.3g} s. Request id: r-1."
    )


def test_the_same_seed_gives_the_same_pauses() -> None:
    one, other = Asking(Script(said(503))), Asking(Script(said(503)))
    one.failed()
    other.failed()

    assert one.clock.waits == other.clock.waits


def test_without_retries_the_first_answer_is_final() -> None:
    for step, kind in ((said(503), UnreachableError), (said(429), RateLimitError), (said(200, "["), BadAnswerError)):
        script = Script(step, OK)
        assert isinstance(Asking(script, retries=0).failed(), kind)
        assert script.asked == 1


def test_every_page_has_tries_of_its_own() -> None:
    api, asked = DemoApi(company(), token=TOKEN, max_page=5), 0

    def moody(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        nonlocal asked
        asked += 1
        return api(environ, start_response) if asked % 4 == 0 else Script(said(503))(environ, start_response)

    asking = Asking(moody)

    assert len(asking.fetch().data) == len(company().apps)
    assert sum(asking.clock.waits) > 20  # more than those of one request


def test_an_error_after_a_page_that_was_tried_twice_does_not_speak_of_that() -> None:
    first = said(206, '[{"id": "1"}]', Next_Range="id 2..")
    error = Asking(Script(said(503), first, said(404))).failed()

    assert "tried" not in error.message


# When the service says how long


def test_a_time_to_wait_is_kept_to() -> None:
    asking = Asking(Script(said(503, Retry_After="17"), OK))
    asking.fetch()

    assert asking.clock.waits == [17]


def test_a_time_that_is_too_long_to_wait_is_told() -> None:
    asking = Asking(Script(said(503, Retry_After="3600"), OK))

    assert "It asks to be tried again in 3,600 s." in asking.failed().message
    assert asking.clock.waits == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "Wed, 25 Nov 2026 10:02:00 GMT", "date": "Wed, 25 Nov 2026 10:00:00 GMT"}, 120),
        ({"retry-after": "Wed, 25 Nov 2026 09:00:00 GMT", "date": "Wed, 25 Nov 2026 10:00:00 GMT"}, 0),
        ({"retry-after": "Wednesday, 25-Nov-26 10:02:00 GMT", "date": "Wed, 25 Nov 2026 10:00:00 GMT"}, 120),
        ({"retry-after": "Mon, 03 Jan 2000 00:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Wed, 99 Nov 2026 10:02:00 GMT"}, None),
        ({}, None),
    ],
)
def test_a_time_to_wait_is_seconds_or_a_moment_of_the_service_s_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(Response(503, headers, b"")) == seconds


WHOLE = r'[{"name": "größe", "rows": [1, -2.5e3, null, true]}, {"a": "\u00e4\ud83d\ude00\""}]'


def test_a_body_that_ends_too_early_is_asked_for_again_wherever_it_ends() -> None:
    for end in range(len(WHOLE.encode())):
        asking = Asking(Script(said(200, WHOLE.encode()[:end]), OK))

        assert asking.fetch().requests == 2, WHOLE.encode()[:end]


@pytest.mark.parametrize(
    "body", ["<html>", "[{]", "[1,]", "[] []", "[{'a'", '{"a" 1}', "[trxx, 1]", r'["\ud800"]', "[\0"]
)
def test_a_body_with_a_mistake_in_it_is_not_asked_for_again(body: str) -> None:
    asking = Asking(Script(said(200, body), OK))

    assert "something that is not JSON" in asking.failed().message
    assert asking.clock.waits == []


def test_a_real_server_that_ends_connections_is_asked_again() -> None:
    """The first connection is closed at once, the second in the middle of an answer."""
    answers: list[Callable[[socket.socket], object]] = [
        lambda connection: connection.close(),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n[{"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"),
    ]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    answer(connection)

        thread = threading.Thread(target=run)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        account = Account("heroku", "default", TOKEN, url, "HEROKU_API_KEY")
        with closing(Client(HEROKU, account, clock=FastClock())) as client:
            answer = client.fetch(APPS, {})
        thread.join()

    assert answer.data == []


def test_a_connection_that_another_thread_closed_is_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of httpcore can do so with many threads, https://github.com/encode/httpcore/issues/1110."""
    whole = said(200, PAGE, Content_Length=str(len(PAGE)))
    script, transports = Script(whole), list[httpx.HTTPTransport]()
    handle_request = httpx.HTTPTransport.handle_request

    def handle(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        transports.append(self)
        if len(transports) == 2:
            raise caused_by(httpx.ReadError("[Errno 9] Bad file descriptor"), OSError(9, "Bad file descriptor"))
        return handle_request(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    with serve(script) as served:
        account = Account("heroku", "default", TOKEN, served.url, "HEROKU_API_KEY")
        with closing(Client(HEROKU, account, clock=(clock := FastClock()))) as client:
            answers = [client.fetch(APPS, {}).data for _ in range(2)]

    assert answers == [json.loads(PAGE)] * 2
    assert (script.asked, clock.waits) == (2, [])
    assert [transport is transports[0] for transport in transports] == [True, True, False]
