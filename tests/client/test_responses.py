"""Test what answers mean: records without secrets, or errors that name the call, the account and what to do."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from fast_clock import FastClock
from msgspec.structs import replace

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Column
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.errors import ApiError, BadAnswerError, RateLimitError, RefusedError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.values.records import ERROR_FIELDS

TOKEN = "11111111-2222-4333-8444-555555555555"  # of the old shape, which only its value tells from an identifier
ACCOUNT = Account("heroku", "production", TOKEN, "https://api.heroku.com", "HEROKU_API_KEY_PRODUCTION")
JSON = {"Content-Type": "application/json"}
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
WHERE = "heroku.list_apps (account production): "


def answering(status: int, body: bytes | str | object, headers: dict[str, str] | None = None) -> WSGIApplication:
    """Return an API that gives every request the same answer; a body that is no text is sent as JSON."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()

    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(f"{status} Said", list({**JSON, "Request-Id": "r-1", **(headers or {})}.items()))
        return [content]

    return app


def fetched(api: WSGIApplication, name: str = "list_apps", account: Account = ACCOUNT, **args: Any) -> Reply:
    client = Client(HEROKU, account, transport=in_process(api), clock=FastClock())
    return client.fetch(HEROKU.function(name), args)


def failed(api: WSGIApplication, name: str = "list_apps", account: Account = ACCOUNT, **args: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        fetched(api, name, account, **args)
    return caught.value


def test_a_record_is_what_the_service_sent_nulls_unknown_keys_and_order_included() -> None:
    sent = '{"zeta": 1, "web_url": null, "stack": {"name": "heroku-24", "id": "1"}, "id": 1234567890123456789}'

    answer = fetched(answering(200, sent), "get_app", app_id="my-app")

    assert json.dumps(answer.data) == sent


@pytest.mark.parametrize(
    ("body", "bound"),
    [
        ('{"id": 12345678901234567890}', "a whole number of more than 64 bits"),
        (rf'{{"n":"\u002d","v":{"[" * 700}{"]" * 700}}}', "more than 100 lists and objects inside each other"),
    ],
    ids=["number", "depth"],
)
def test_an_answer_beyond_a_bound_is_not_read(body: str, bound: str) -> None:
    error = failed(answering(200, body), "get_app", app_id="my-app")

    assert isinstance(error, BadAnswerError)
    assert f"the answer of Heroku, 200, is not read: it has {bound}. If it stays so" in error.message


@pytest.mark.claim("secret-fields")
def test_what_people_wrote_is_what_the_service_sent_but_for_tokens() -> None:
    token = f"ghp_{'aB3' * 12}"
    sent = [{"id": "1", "description": rf"with {token}, Authorization: x", token: [{"url": "https://a:b@c.example"}]}]

    assert fetched(answering(200, sent)).data == [
        {
            "id": "1",
            "description": "with [redacted], Authorization: x",
            "[redacted]": [{"url": "https://a:[redacted]@c.example"}],
        }
    ]
    assert fetched(answering(200, json.dumps(sent).replace("ghp_", r"\u0067hp_"))).data[0].keys() >= {"[redacted]"}
    assert token not in failed(answering(404, {"id": "not_found", "message": f"no {token}"})).message


def test_half_of_a_surrogate_pair_is_not_asked_for_again() -> None:
    error = failed(answering(200, r'[{"name": "\ud800"}]'))

    assert "something that is not JSON (half of a surrogate pair)" in error.message
    assert "It was tried" not in error.message


def test_what_the_headers_say_comes_along() -> None:
    warnings = {"X-Heroku-Warning": "stack\tends soon", "Warning-Message": "Bearer 12345678"}

    answer = fetched(answering(200, [], {"RateLimit-Remaining": "4321", **warnings}))

    assert answer == Reply([[]], 1, 4321, ("stack ends soon", "Bearer [redacted]"))


@pytest.mark.parametrize("told", ["read identity", "read, identity", " read ,identity "])
def test_what_the_token_is_for_comes_along(told: str) -> None:
    client = Client(HEROKU, ACCOUNT, transport=in_process(answering(200, [], {"Oauth-Scope": told})))
    client.fetch(HEROKU.function("list_apps"), {})

    assert client.scopes == ("read", "identity")


@pytest.mark.parametrize("told", ["", "-1", "many", "4.5", "9" * 5000])
def test_a_budget_that_is_no_number_is_unknown(told: str) -> None:
    assert fetched(answering(200, [], {"RateLimit-Remaining": told})).remaining is None


def test_a_secret_is_replaced_the_moment_it_arrives_and_a_null_stays() -> None:
    dynos = [{"attach_url": "rendezvous://r.example:5000/s3cret", "id": "1"}, {"attach_url": None}, {"id": "3"}]

    answer = fetched(answering(200, dynos), "list_dynos", app_id="my-app")

    assert answer.data == [{"attach_url": "[redacted]", "id": "1"}, {"attach_url": None}, {"id": "3"}]


def test_a_secret_below_lists_and_objects_is_replaced_too() -> None:
    columns = (Column("hooks.auth.key", "A secret.", secret=True),)
    function = replace(HEROKU.function("get_app"), columns=columns)
    sent = {"hooks": [{"auth": {"key": "a", "id": 1}}, {"auth": None}, {"auth": {"key": ["b"]}}, 7]}
    client = Client(HEROKU, ACCOUNT, transport=in_process(answering(200, sent)))

    answer = client.fetch(function, {"app_id": "my-app"})

    redacted = {"key": "[redacted]"}
    assert answer.data == {"hooks": [{"auth": {**redacted, "id": 1}}, {"auth": None}, {"auth": redacted}, 7]}


@pytest.mark.parametrize("secret", ["s3cret", r"s3\"cret"], ids=["plain", "with a quote"])
def test_a_secret_is_not_quoted_from_an_answer_that_is_cut_off(secret: str) -> None:
    cut = f'[{{"attach_url": "rendezvous://r.example:5000/{secret}", "id": "1"}}, {{"attach_url": "rendezvous://r.exam'

    function = replace(HEROKU.function("list_dynos"), own_errors=False)
    client = Client(HEROKU, ACCOUNT, transport=in_process(answering(200, cut)), clock=FastClock())

    with pytest.raises(ApiError) as caught:
        client.fetch(function, {"app_id": "my-app"})

    assert 'begin with `[{"attach_url": "[redacted]", "id": "1"}, {"attach_url": "[redacted]"`' in caught.value.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, RefusedError) for status in (400, 401, 402, 403, 404, 406, 409, 410, 416, 422)),
        (429, RateLimitError),
        *((status, UnreachableError) for status in (502, 503, 504)),
        *((status, BadAnswerError) for status in (301, 304, 500, 501)),
    ],
)
def test_the_status_decides_who_must_act(status: int, kind: type[ApiError]) -> None:
    error = failed(answering(status, {"id": "some_word", "message": "Some words"}), "list_domains", app_id="my-app")

    assert type(error) is kind
    assert error.facts() == {
        "type": kind.type,
        "message": error.message,
        "status": status,
        "id": "some_word",
        "request_id": "r-1",
        "retryable": kind is not RefusedError,
        "function": "heroku.list_domains",
        "account": "production",
    }
    where = 'heroku.list_domains (app_id "my-app", account production)'
    assert error.message.startswith(f"{where}: Heroku answered {status} (some_word): Some words.")


def test_a_wrong_token_is_an_error_that_says_where_it_came_from_and_how_to_get_another() -> None:
    error = failed(DemoApi(company()))

    assert isinstance(error, RefusedError)
    assert error.message == (
        WHERE + "Heroku answered 401 (unauthorized): Invalid credentials provided. The token from "
        "HEROKU_API_KEY_PRODUCTION is wrong, revoked or expired. To get one: "
        + "; ".join(HEROKU.credentials.token_help)
        + "."
    )


def test_a_wrong_token_at_another_address_names_that_as_well() -> None:
    account = Account("heroku", "production", TOKEN, "http://127.0.0.1:5000", "HEROKU_API_KEY_PRODUCTION")
    error = failed(DemoApi(company()), account=account)

    assert "wrong, revoked or expired at http://127.0.0.1:5000." in error.message


def test_a_second_factor_and_a_missing_permission_are_told_apart() -> None:
    factor = failed(answering(403, {"id": "two_factor", "message": "A second authentication factor is required"}))
    access = failed(answering(403, {"id": "forbidden", "message": "You do not have access"}))

    assert "a token made for scripts needs none. To get one: `heroku authorizations:create" in factor.message
    assert access.message.endswith(
        "The account may not see this, or its token was made for less. It needs a token with the scope read."
    )


def test_an_app_that_is_not_there_is_an_error_that_names_it() -> None:
    api = DemoApi(company(), token=TOKEN)

    for name, said in (("list_domains", "Couldn't find that app"), ("list_dynos", "there is no such app")):
        error = failed(api, name, app_id="no-such-app")

        assert error.message == (
            f'heroku.{name} (app_id "no-such-app", account production): Heroku answered 404 (not_found): '
            f"{said}. Check the name; what the account may not see is answered in the same way."
        )


def test_a_spent_budget_is_an_error_that_says_how_it_comes_back() -> None:
    api = DemoApi(company(), token=TOKEN, capacity=0, clock=lambda: 0.0)
    with pytest.raises(RateLimitError) as caught:
        Client(HEROKU, ACCOUNT, transport=in_process(api), retries=0).fetch(HEROKU.function("list_apps"), {})
    error = caught.value

    assert error.message.startswith(
        WHERE + "Heroku answered 429 (rate_limit): Your account reached the API rate limit Please wait a few minutes "
        "before making new requests. The account has used up its requests for now. About 75 come back a minute, up "
        "to 4,500. See https://devcenter.heroku.com/articles/platform-api-reference#rate-limits. Request id: "
    )


def test_a_time_to_wait_is_told_where_the_service_tells_it() -> None:
    api = answering(429, {"id": "rate_limit", "message": "Slow down."}, {"Retry-After": "12"})
    client = Client(replace(HEROKU, budget=None), ACCOUNT, transport=in_process(api), retries=0)

    with pytest.raises(RateLimitError) as caught:
        client.fetch(HEROKU.function("list_apps"), {})

    assert caught.value.message == (
        f"{WHERE}Heroku answered 429 (rate_limit): Slow down. The account has used up its requests for now. It "
        "asks to be tried again in 12 s. Request id: r-1."
    )


def test_what_is_known_of_a_failed_call_is_described_once() -> None:
    assert {column.name for column in ERROR_FIELDS} == set(ApiError("no").facts())


def test_an_error_has_its_text_without_the_call() -> None:
    api = answering(418, {"id": "teapot", "message": "No coffee."})
    for error in (failed(api), failed(api, "get_app", app_id="my-app")):
        assert error.text == "Heroku answered 418 (teapot): No coffee."
        assert error.message == f"{error.where}: {error.text}"
        assert error.where.startswith(f"{error.function} (")


@pytest.mark.parametrize("status", [200, 403, 500, 503])
def test_a_web_page_in_place_of_json_is_an_error_that_shows_what_came(status: int) -> None:
    error = failed(answering(status, HTML, {"Content-Type": "text/html; charset=utf-8"}))

    assert f"{status}, text/html; charset=utf-8, 64 bytes that begin with `<!DOCTYPE html> <html>" in error.message
    assert "something between you and Heroku: a proxy, a sign-in." in error.message
    assert error.status == status
    assert error.request_id == "r-1"


@pytest.mark.parametrize(
    "body", [b"", b"{", b'[{"id": "1"}', b"NaN", b'"\xff"', b"[" * 100, b"[] []", b"\x00", b"null,"]
)
def test_what_is_not_json_is_an_error(body: bytes) -> None:
    error = failed(answering(200, body))

    assert isinstance(error, BadAnswerError)
    assert error.message.startswith(WHERE + "Heroku answered something that is not JSON (")
    assert f": 200, application/json, {len(body):,} bytes" in error.message
    assert error.message.endswith(" Request id: r-1.")


@pytest.mark.claim("parent-responses")
@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("list_apps", "{}", "an object where a list of records belongs"),
        ("list_apps", "null", "null where a list of records belongs"),
        ("list_apps", '"x"', "a text where a list of records belongs"),
        ("list_apps", "[{}, 1.5]", "a number in a list of records"),
        ("list_apps", "[null]", "null in a list of records"),
        ("list_apps", "[[]]", "a list in a list of records"),
        ("get_current_user", "[{}]", "a list where a record belongs"),
        ("get_current_user", "true", "a boolean where a record belongs"),
    ],
)
def test_json_of_another_shape_than_promised_is_an_error(name: str, body: str, why: str) -> None:
    error = failed(answering(200, body), name)

    assert isinstance(error, BadAnswerError)
    assert error.message == (
        f"heroku.{name} (account production): Heroku answered {why}: 200, application/json, {len(body)} bytes that "
        f"begin with `{body}`. Request id: r-1."
    )


@pytest.mark.claim("token-errors")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"id": "unauthorized", "message": f"No such token: {TOKEN}", "url": f"https://x.example/?t={TOKEN}"}),
        (401, {"id": TOKEN, "message": "Authorization: Bearer short"}),
        (500, f"trace: Authorization: Bearer {TOKEN}"),
        (200, f"Authorization: Basic {TOKEN}"),
        (200, f"<html>postgres://u:{TOKEN}@db.example</html>"),
    ],
)
def test_no_token_is_ever_quoted(status: int, body: object) -> None:
    echo = {"Request-Id": TOKEN, "Content-Type": f"text/html; t={TOKEN}", "Location": f"https://x.example/{TOKEN}"}

    error = failed(answering(status, body, echo))

    shown = "".join(traceback.format_exception(error)) + json.dumps(error.facts())
    assert TOKEN not in shown
    assert "short" not in shown
    assert "[redacted]" in error.message


def test_an_endless_message_full_of_control_characters_becomes_one_short_line() -> None:
    error = failed(answering(422, {"id": "x\n\x1b[2J", "message": "\x1b[31m" + "bad\r\n" * 1000}))

    assert error.message.isprintable()
    assert len(error.message) < 600


def test_an_unchanged_that_nobody_asked_for_is_an_error() -> None:
    client = Client(HEROKU, ACCOUNT, transport=in_process(answering(304, b"")), clock=FastClock())

    with pytest.raises(BadAnswerError, match="Heroku answered 304"):
        client.fetch(HEROKU.function("list_apps"), {})


def test_a_warning_is_told_once_by_each_client() -> None:
    said = ["Stack heroku-20 ends.", "Stack heroku-20 ends.", "Another."]

    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Warning-Message", said.pop(0))])
        return [b"[]"]

    client = Client(HEROKU, ACCOUNT, transport=in_process(app), clock=FastClock())
    notes = [client.fetch(HEROKU.function("list_apps"), {}).notes for _ in range(3)]

    assert notes == [("Stack heroku-20 ends.",), (), ("Another.",)]
