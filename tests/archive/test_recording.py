"""Recordings: what was recorded is replayed without a network or a token, the rest is an error, no secret is in it."""

from __future__ import annotations

import json
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import psutil
import pytest
from altered_api import as_default_account
from fast_clock import FastClock
from kosmo_command import started
from recorded import answers, runs
from run_with import run_with
from scripted_api import OK, PAGE, TOKEN, Asking, Script, Step, said

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.player import Player
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import HttpTransport
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import (
    ApiError,
    BadAnswerError,
    NotRecordedError,
    RateLimitError,
    SettingsError,
    UnknownNameError,
    UnreachableError,
)
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.results import run_document
from kosmo_kernel.session import Session

AUDIT = """
local heroku = app.integrations.heroku
local apps = heroku.list_apps()
local dynos, failures = heroku.list_dynos({ app_id = { "my-app", "no-such-app", "booking-api" }, errors = "collect" })
local people = parallel.map(apps, function(one) return #heroku.list_collaborators(one) end)
return #apps, dynos, #failures, people
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.kosmo"


def recorded(
    file: Path,
    *steps: Step,
    times: int = 1,
    api: WSGIApplication | HttpTransport | None = None,
    name: str = "list_apps",
    **args: Any,
) -> None:
    """Call a function so often, and keep what this API says."""
    cassette, clock = Recorder(file, "default"), FastClock()
    asking = Asking(api or Script(*steps), clock, saved=cassette)
    for _ in range(times):
        with suppress(ApiError):
            asking.fetch(name, **args)
    cassette.close()


PLAYERS: list[Player] = []  # that a test has opened


@pytest.fixture(autouse=True)
def closed_players() -> Iterator[None]:
    yield
    while PLAYERS:
        PLAYERS.pop().close()


def player(file: Path) -> Player:
    PLAYERS.append(Player(file))
    return PLAYERS[-1]


def replaying(file: Path) -> Asking:
    return Asking(Script(), saved=player(file))


def replayed(file: Path, name: str = "list_apps", **args: Any) -> Reply:
    return replaying(file).fetch(name, **args)


# The same again ----------------------------------------------------------------------------------------


@pytest.mark.claim("replay-offline")
def test_an_audit_is_replayed_without_a_network_and_without_a_token(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(DemoApi(company())) as served, monkeypatch.context() as own:
        own.setenv("HEROKU_API_URL", served.url)
        own.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with Session(record=file) as session:
            first = session.run(AUDIT)
    with Session(from_archive=file) as session:
        second = session.run(AUDIT)

    assert second.values == first.values
    assert [(call.path, call.account, call.rows, call.requests) for call in second.calls] == [
        (call.path, call.account, call.rows, call.requests) for call in first.calls
    ]
    assert DEMO_TOKEN.encode() not in file.read_bytes()


@pytest.mark.parametrize("account", ["demo", "default"])
@pytest.mark.parametrize("code", [AUDIT, "heroku.tables.stages(); return heroku.tables.costs()"])
def test_json_of_a_replay_is_that_of_the_run_but_for_times_and_memory(file: Path, code: str, account: str) -> None:
    documents = []
    for replays in (False, True):
        with (
            nullcontext() if replays else as_default_account(DemoApi(company())),
            Session(account, from_archive=file) if replays else Session(account, record=file) as session,
        ):
            made = run_document(session.run(code))
        for call in made["integration_calls"]:
            del call["durationMs"]
        for fact in ("execution_time_ms", "memory_usage"):
            del made[fact]
        for fact in ("notes", "read_at"):  # the note that says that an archive answered, and the time of the answers
            made["meta"].pop(fact, None)
        documents.append(made)
    assert documents[1] == documents[0]
    assert len(documents[0]["result"]) > 0


def test_results_say_that_they_are_replayed_and_of_when_they_are(file: Path) -> None:
    with Session("demo", record=file) as session:
        noted = session.run("app.integrations.heroku.list_apps()").notes
    [run] = runs(file)
    with Session(from_archive=file) as session:
        result = session.run("app.integrations.heroku.list_apps()")

    assert noted[-1] == f"1 request recorded in {file}."
    assert result.notes[-1] == f"Answered from {file}, recorded {run['begun']}. Nothing was sent."
    assert f"{result.started:%Y-%m-%dT%H:%M:%SZ}" == run["begun"]
    assert result.frame().attrs["account"] == "demo"


def test_pages_are_followed_as_they_were(file: Path) -> None:
    recorded(file, api=DemoApi(company(), token=TOKEN, max_page=7))
    answer = replayed(file)

    assert (len(answer.data), answer.requests) == (19, 3)
    assert [(line["requests"], len(line["body"])) for line in answers(file)] == [(3, 19)]


def test_calls_may_come_in_any_order(file: Path) -> None:
    apps = ["my-app", "booking-api", "customs-forms", "courier-app", "fleet-radio"]
    ask = """
    local heroku = app.integrations.heroku
    return parallel.map({ ... }, function(name) return #heroku.list_dynos(name) .. heroku.get_app(name).name end)
    """
    with Session("demo", record=file) as session:
        first = run_with(session, ask, args=apps).value
    with Session(from_archive=file) as session:
        second = run_with(session, ask, args=apps[::-1]).value

    assert second == first[::-1]


def test_the_same_request_again_gets_the_next_answer_and_then_the_last_one(file: Path) -> None:
    pages = [said(200, json.dumps([{"id": str(number)}])) for number in range(3)]
    recorded(file, *pages, times=3)
    asking = replaying(file)
    asked = [asking.fetch().data for _ in range(5)]

    assert asked == [[{"id": number}] for number in "01222"]


def test_what_heroku_sent_is_what_is_replayed(file: Path) -> None:
    body = '[{"z": 1, "a": null, "id": "é", "n": 12345678901, "f": 1.5, "deep": {"y": [], "x": {}}}]'
    recorded(file, said(200, body))

    assert replayed(file).data == json.loads(body)
    assert list(answers(file)[0]["body"][0]) == ["z", "a", "id", "n", "f", "deep"]


def test_an_answer_is_recorded_whole_although_nothing_had_changed(file: Path) -> None:
    recorded(file, api=DemoApi(company(), token=TOKEN), times=2)

    assert [line["status"] for line in answers(file)] == [200, 200]


def test_a_budget_that_was_nearly_used_up_holds_nobody_up(file: Path) -> None:
    recorded(file, said(200, PAGE, RateLimit_Remaining="1"), times=3)
    asking = replaying(file)
    for _ in range(3):
        asking.fetch()

    assert (asking.clock.waits, asking.client.budget_left(), b"ratelimit" in file.read_bytes().lower()) == (
        [],
        None,
        False,
    )


# What went wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        said(503),
        said(429, '{"id": "rate_limit", "message": "Wait."}', Retry_After="3"),
        said(200, PAGE, Content_Length="1000"),
        said(200, PAGE[:7]),
    ],
)
def test_of_a_request_that_was_tried_again_the_last_answer_is_kept(file: Path, bad: Step) -> None:
    recorded(file, bad, bad, OK)

    assert [line["status"] for line in answers(file)] == [200]
    assert replayed(file).data == json.loads(PAGE)


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (said(503, "<html>Down</html>", Content_Type="text/html"), UnreachableError, "503, text/html"),
        (said(404, '{"id": "not_found", "message": "No such app."}'), None, "404 (not_found): No such app."),
        (said(429, '{"id": "rate_limit", "message": "Wait."}'), RateLimitError, "429 (rate_limit): Wait."),
        (said(200, PAGE, Content_Length="1000"), BadAnswerError, "broke off: 26 bytes came of 1,000"),
        (said(200, PAGE[:7]), BadAnswerError, "not JSON"),
    ],
)
def test_a_failure_is_replayed_at_once_as_what_it_was(
    file: Path, bad: Step, error: type[ApiError] | None, says: str
) -> None:
    recorded(file, bad)
    asking = replaying(file)
    with pytest.raises(error or ApiError) as caught:
        asking.fetch()

    assert (says in caught.value.message, asking.clock.waits, len(answers(file))) == (True, [], 1)


def test_an_address_without_an_answer_is_replayed_as_that(file: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        cassette = Recorder(file, "default")
        client = Client(HEROKU, Account("heroku", "default", TOKEN, url, "x"), retries=0, saved=cassette)
        with pytest.raises(UnreachableError):
            client.fetch(HEROKU.function("list_apps"), {})
        cassette.close()
    with pytest.raises(UnreachableError, match="the connection was refused"):
        replayed(file)


def test_a_request_that_was_not_recorded_is_an_error_that_names_it_and_what_to_do(file: Path) -> None:
    recorded(file, OK)
    with pytest.raises(NotRecordedError) as caught:
        replayed(file, "list_dynos", app_id="my-app")
    message = caught.value.message

    assert "heroku: GET /apps/my-app/dynos (account default) is not in" in message
    assert f"which has 1 request of {runs(file)[0]['begun']}. Nothing was sent." in message
    assert f"--record {file}" in message


def test_what_was_not_recorded_is_nothing_that_could_be_collected(file: Path) -> None:
    with Session("demo", record=file) as session:
        session.run("app.integrations.heroku.list_dynos('my-app')")
    script = "return app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'booking-api' }, errors = 'collect' })"
    with Session(from_archive=file) as session, pytest.raises(NotRecordedError, match="/apps/booking-api/dynos"):
        session.run(script)


# Accounts ----------------------------------------------------------------------------------------------


def test_the_accounts_of_a_cassette_are_there_and_no_others(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company())) as served, monkeypatch.context() as own:
        own.setenv("HEROKU_API_URL", served.url)
        own.setenv("HEROKU_API_KEY_MY_TEAM", DEMO_TOKEN)
        with Session("my-team", record=file) as session:
            session.run("app.integrations.heroku.list_apps() app.integrations.heroku.demo.get_app('my-app')")
    monkeypatch.setenv("HEROKU_API_KEY_OTHER", "another-token")
    with Session(from_archive=file) as session:
        count = session.run("#app.integrations.heroku['my-team'].list_apps()").value
        again = session.run("#app.integrations.heroku.list_apps()").value
        there = [name for name, kind in session.names(("app", "integrations", "heroku")) if kind == "table"]

    assert (session.account, count, again) == ("my-team", 19, 19)
    assert {"demo", "other"} & set(there) == {"demo"}
    with pytest.raises(UnknownNameError, match=r"was recorded without the account `other`; it has demo, my_team\."):
        Session("other", from_archive=file)
    assert str(file) not in [opened.path for opened in psutil.Process().open_files()]


# No secrets --------------------------------------------------------------------------------------------


@pytest.mark.claim("recording-no-secret", "files-owner-only")
def test_a_cassette_holds_no_secret_and_only_its_owner_may_read_it(file: Path) -> None:
    told = json.dumps(
        [{"id": "1", "note": f"Authorization: Bearer {TOKEN}", "attach_url": f"rendezvous://r.example/{TOKEN[5:]}"}]
    )
    heads = {"Set_Cookie": "session=s3cret-cookie", "X_Echo": f"Bearer {TOKEN}", "Oauth_Scope": "read"}
    steps = said(200, told, **heads), said(200, told[:-9], **heads)
    recorded(file, *steps, times=2, name="list_dynos", app_id="my-app")
    content = file.read_bytes()
    first = answers(file)[0]

    assert [secret for secret in (TOKEN, TOKEN[5:], "s3cret-cookie", "rendezvous") if secret.encode() in content] == []
    assert first["body"][0] == {"id": "1", "note": "Authorization: Bearer [redacted]", "attach_url": "[redacted]"}
    assert (first["scopes"], first["status"]) == ("read", 200)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


# The file ----------------------------------------------------------------------------------------------


def test_what_was_asked_is_kept_when_the_run_fails(file: Path) -> None:
    with Session("demo", record=file) as session, pytest.raises(ApiError):
        session.run("app.integrations.heroku.list_apps() app.integrations.heroku.get_app('no-such-app')")

    assert [line["status"] for line in answers(file)] == [200, 404]


def test_a_cassette_takes_the_place_of_the_one_before_unless_nothing_was_asked(file: Path) -> None:
    recorded(file, said(404), OK)
    before = answers(file), runs(file)
    Recorder(file, "default").close()
    assert (answers(file), runs(file)) == before
    recorded(file, OK, times=2)
    assert [line["status"] for line in answers(file)] == [200, 200]
    assert list(file.parent.iterdir()) == [file]


def test_a_run_that_asks_nothing_makes_a_cassette_all_the_same(file: Path) -> None:
    with Session("demo", record=file) as session:
        session.run("return 1")
    with Session(from_archive=file) as session:
        assert session.run("return 1").notes == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such end here")
def test_a_killed_process_leaves_what_it_recorded(file: Path) -> None:
    script = "app.integrations.heroku.list_apps() print('now') io.stdout:write('') while true do end"
    command = ["--demo", "--record", str(file), "--cpu-limit", "1000", "-e", script]
    with started("lua", *command) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()

    assert len(replayed_as_demo(file)) == 19


def replayed_as_demo(file: Path) -> Any:
    with Session(from_archive=file) as session:
        return session.run("app.integrations.heroku.list_apps()").value


def test_a_place_where_nothing_can_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written: No such file or directory"):
        Session("demo", record=tmp_path / "missing" / "audit.kosmo")
    with pytest.raises(SettingsError, match="it is a folder"):
        Session("demo", record=tmp_path)
    with pytest.raises(SettingsError, match="so there is nothing to record"):
        Session("demo", record=tmp_path / "a", from_archive=tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
