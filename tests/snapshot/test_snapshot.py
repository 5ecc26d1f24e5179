"""Snapshots: all of an account in an archive, or what could be read and what is missing; and read again as frames."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pandas as pd
import pytest
from altered_api import said, without
from kosmo_command import COMMAND, document, environment, kosmo

from kosmo_kernel import archive, snapshot
from kosmo_kernel.calls.output import NO_FRONTEND, Frontend
from kosmo_kernel.catalogue import Function
from kosmo_kernel.client.client import Client
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import RefusedError, SettingsError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.results import Result
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.snapshot.lists import AccountLists

WHOLE, BY_APP = (
    [
        one
        for one in HEROKU.functions
        if one.in_snapshot and bool(one.simplest_call) == by_app and (one.returns == "list" or not one.params)
    ]
    for by_app in (False, True)
)
TABLES = [function.name.partition("_")[2] for function in (*WHOLE, *BY_APP)]
ALL = {one.name.partition("_")[2] for one in HEROKU.functions if one.returns == "list" and one.links}
USER = "current_user"  # a record, and the only one of its kind


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audits" / "before.kosmo"


def taken(api: WSGIApplication, file: Path, monkeypatch: pytest.MonkeyPatch) -> snapshot.SnapshotReport:
    with serve(api) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        return snapshot.take(session, file)


# What is in it -----------------------------------------------------------------------------------------


def noting_paths(api: DemoApi, paths: list[str]) -> WSGIApplication:
    """Return an API that adds the path of each request to a list."""

    def noting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        paths.append(environ["PATH_INFO"])
        return api(environ, start_response)

    return noting


def test_a_snapshot_has_all_that_the_functions_give(file: Path, session: Session) -> None:
    made = snapshot.take(session, file)
    saved = archive.SavedSnapshot(file)
    apps = "{ app_id = app.integrations.heroku.list_apps() }"
    wanted = {
        name: session.run(f"app.integrations.heroku.list_{name}({apps if place >= len(WHOLE) else ''})").frame()
        for place, name in enumerate(TABLES)
        if name != USER
    }
    user = session.run("return { app.integrations.heroku.get_current_user() }").frame()

    assert list(saved) == TABLES
    for name, frame in wanted.items():
        assert isinstance(saved[name], KosmoFrame)
        pd.testing.assert_frame_equal(pd.DataFrame(saved[name]), pd.DataFrame(frame))
    assert list(saved[USER].email) == list(user.email)
    assert (saved.complete, made.manifest.failures, made.interrupted) == (True, [], False)


def test_the_lists_are_those_of_the_catalogue(file: Path, session: Session) -> None:
    functions = [one.function for one in snapshot.take(session, file).manifest.tables.values()]

    assert functions == [f"heroku.{one.name}" for one in (*WHOLE, *BY_APP)]
    assert {"heroku.list_apps", "heroku.list_stacks", "heroku.list_dynos"} < set(functions)


def test_a_table_is_read_as_the_records_that_heroku_sent(file: Path, session: Session) -> None:
    snapshot.take(session, file)
    saved = archive.SavedSnapshot(file)
    sent = session.run("app.integrations.heroku.list_apps()").value
    apps = saved.records("apps")

    assert apps == sent
    assert [list(row) for row in apps] == [list(row) for row in sent]  # the order of the keys
    assert (apps.function, apps.account, saved.records("dynos").columns[0].name) == (sent.function, "demo", "app_id")


def test_a_frame_remembers_whose_it_is_and_of_when(file: Path, session: Session) -> None:
    made = snapshot.take(session, file)
    saved = archive.SavedSnapshot(file)

    assert saved["dynos"].attrs == {"function": "heroku.list_dynos", "account": "demo", "time": made.manifest.begun}
    assert f"{saved.time:%Y-%m-%dT%H:%M:%SZ}" == made.manifest.begun
    assert repr(saved) == f"<snapshot of demo, {made.manifest.begun}, complete: {', '.join(TABLES)}>"


@pytest.mark.claim("snapshot-no-secret", "files-owner-only")
def test_only_its_owner_may_read_it_and_it_has_no_token(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(DemoApi(company()), file, monkeypatch)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert DEMO_TOKEN.encode() not in file.read_bytes()
    assert list(file.parent.iterdir()) == [file]


# What is missing ---------------------------------------------------------------------------------------


def test_what_could_not_be_read_is_named_and_the_rest_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = taken(without("/my-app/dynos", "/my-app/domains"), file, monkeypatch)
    saved = archive.SavedSnapshot(file)

    assert (saved.complete, list(saved)) == (False, TABLES)
    assert [(one["table"], one["app_id"], one["status"]) for one in made.manifest.failures] == [
        ("dynos", "my-app", 403),
        ("domains", "my-app", 403),
    ]
    assert "my-app" not in set(saved["dynos"]["app_id"])
    assert "booking-api" in set(saved["dynos"]["app_id"])


@pytest.mark.parametrize(("status", "complete"), [("404 Not Found", True), ("403 Forbidden", False)])
def test_that_there_is_nothing_of_one_app_is_an_answer_and_a_refusal_is_none(
    file: Path, monkeypatch: pytest.MonkeyPatch, status: str, *, complete: bool
) -> None:
    demo, path = DemoApi(company()), "/apps/my-app/dynos"

    def api(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == path:
            return said(start_response, status, b'{"id": "said", "message": "No."}')
        return demo(environ, start_response)

    made = taken(api, file, monkeypatch)
    assert made.manifest.complete is complete
    with Session(from_archive=file) as session, pytest.raises(RefusedError, match="said") as raised:
        session.run("heroku.list_dynos('my-app')")
    assert raised.value.status == int(status[:3])


def test_an_account_that_may_see_nothing_leaves_no_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError):
        taken(without("/apps"), file, monkeypatch)
    assert not file.exists()


def test_an_account_without_apps_is_complete(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return said(start_response, "200 OK", b"{}" if environ["PATH_INFO"] == "/account" else b"[]")

    made = taken(nothing, file, monkeypatch)
    saved = archive.SavedSnapshot(file)

    assert (made.manifest.complete, made.manifest.requests) == (True, len(WHOLE))
    assert {name: len(frame) for name, frame in saved.items()} == dict.fromkeys(TABLES, 0) | {USER: 1}
    assert next(iter(saved["dynos"])) == "app_id"


def test_a_network_that_is_gone_keeps_what_was_read_and_ends_the_snapshot(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = Client.fetch

    def failing(self: Client, function: Function, *rest: Any, **options: Any) -> Any:
        if function.name != "list_domains":
            return fetch(self, function, *rest, **options)
        error = UnreachableError("no answer.")
        error.is_outage = True
        raise error

    monkeypatch.setattr(Client, "fetch", failing)
    with Session(account="demo") as session:
        manifest = snapshot.take(session, file).manifest

    assert list(manifest.tables) == TABLES[:4]
    assert [one["type"] for one in manifest.failures] == ["unreachable", *["interrupted"] * len(TABLES[5:])]


def test_ctrl_c_keeps_what_was_read_and_names_the_rest(file: Path) -> None:
    asked, ended, api = threading.Event(), threading.Event(), DemoApi(company())

    def waiting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith("/domains"):
            asked.set()
            ended.wait(60)
        return api(environ, start_response)

    with serve(waiting) as served:
        command = [*COMMAND, "snapshot", "-o", str(file), "--json"]
        env = environment({"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN})
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=60)
            ended.set()
    answer = json.loads(printed)

    assert (process.returncode, answer["success"], list(answer["tables"])) == (130, False, TABLES[:4])
    assert [(one["table"], one["type"]) for one in answer["failures"]] == [(name, "interrupted") for name in TABLES[4:]]
    assert list(archive.SavedSnapshot(file)) == TABLES[:4] == ["apps", "stacks", USER, "dynos"]
    with pytest.raises(archive.UnknownListError, match=r"`addons`, which could not be read .*: It was not begun"):
        archive.SavedSnapshot(file)["addons"]


# All lists ---------------------------------------------------------------------------------------------


def test_all_lists_are_read_or_left_out_with_the_reason(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, str]] = []
    with serve(DemoApi(company(3))) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        made = snapshot.take(session, file, every=True, frontend=Frontend(output=lambda *line: lines.append(line)))
    saved = archive.SavedSnapshot(file)
    left_out = {one["table"] for one in made.manifest.left_out}

    assert (made.manifest.failures, saved.complete) == ([], True)
    assert saved.keys() | left_out == ALL | {USER} | {"account_delinquency", "team_delinquency", "database"}
    assert {one["table"]: one["why"] for one in made.manifest.left_out}["team_daily_usage"] == (
        "It is left out where it takes `start`, which no list has."
    )
    [estimate] = [text for stream, text in lines if stream == "stderr" and "more take about" in text]
    assert re.search(
        r"^\d+ lists read\. \d+ more take about \d+ requests, .*: no waiting, as 4,[45]\d\d are left", estimate
    )
    assert set(saved["releases"]["app_id"]) <= set(saved["apps"]["name"])
    assert next(iter(saved["pipeline_couplings"])) != "app_id"  # one list for the whole account
    assert {"app_id", "space"} < set(saved["telemetry_drains"])
    assert set(saved["test_cases"]["test_run_id"]) <= set(saved["test_runs"]["id"])
    with pytest.raises(archive.UnknownListError, match=r"has no list `team_daily_usage`\. It is left out where"):
        saved["team_daily_usage"]


def test_the_progress_of_each_list_includes_the_time_of_those_to_come(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[tuple[str, int]] = []
    call = Session.call

    def noting(session: Session, function: str, arguments: Any, options: Options, frontend: Frontend) -> Result:
        later.append((function, options.later))
        return call(session, function, arguments, options, frontend)

    monkeypatch.setattr(Session, "call", noting)
    with Session("demo") as session:
        snapshot.take(session, file)

    apps = len(archive.SavedSnapshot(file)["apps"])
    assert [requests for _, requests in later][-4:] == [2 * apps + 3, apps + 3, apps, 0]
    assert {requests for _, requests in later[:-4]} == {0}  # what an account has is not known before


def test_what_the_token_has_no_scope_for_is_named_and_not_asked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths: list[str] = []
    with serve(noting_paths(DemoApi(company(3), scopes=("read",)), paths)) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        made = snapshot.take(session, file, every=True)
    reasons = {one["table"]: one["message"] for one in made.manifest.failures}
    saved = archive.SavedSnapshot(file)

    assert reasons["team_members"] == "It needs a token with the scope global; this one has read."
    assert reasons["config_vars"] == "It needs a token with the scope read-protected; this one has read."
    assert {one["status"] for one in made.manifest.failures} == {403}
    assert not saved.complete
    assert reasons.keys() & saved.keys() == set()
    assert "domains" in saved
    assert [path for path in paths if path.endswith(("/invitations", "/config-vars", "/account/keys"))] == []


def test_telemetry_drains_are_asked_only_where_the_platform_has_them(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[str] = []
    with serve(noting_paths(DemoApi(company()), paths)) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        lists = AccountLists(
            session, HEROKU, NO_FRONTEND, only=dict.fromkeys(("apps", "spaces", "telemetry_drains"), ())
        )
        lists.read()

    assert list(lists.tables) == ["apps", "spaces", "telemetry_drains"]
    assert [path for path in paths if path.endswith("drains")] == [
        "/apps/depot-board/telemetry-drains",
        "/spaces/larkmoor-fir/telemetry-drains",
    ]


def test_a_list_of_which_nothing_may_be_read_is_no_empty_table(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = taken(without("/domains"), file, monkeypatch)

    assert list(archive.SavedSnapshot(file)) == [name for name in TABLES if name != "domains"]
    assert {one["table"] for one in made.manifest.failures} == {"domains"}
    with pytest.raises(archive.UnknownListError, match="`domains`, which could not be read when it was taken"):
        archive.SavedSnapshot(file)["domains"]


def test_a_list_that_is_read_in_two_ways_is_kept_if_one_of_them_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(without("/spaces")) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        made = snapshot.take(session, file, every=True)
    reasons = {one["table"]: one["message"] for one in made.manifest.failures}

    assert reasons["telemetry_drains"] == "It needs the list `spaces`, which could not be read."
    assert len(archive.SavedSnapshot(file)["telemetry_drains"]) > 0


# The archive -------------------------------------------------------------------------------------------


def at(session: Session, monkeypatch: pytest.MonkeyPatch, time: str) -> None:
    """Let a session's requests be answered at a time."""
    monkeypatch.setattr(type(session.recording), "now", lambda _: datetime.fromisoformat(time))


def test_a_second_snapshot_is_added_and_the_newest_one_is_read(
    file: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for time in ("2026-11-20T06:00:00Z", "2026-11-21T06:00:00Z"):
        at(session, monkeypatch, time)
        counts.append(snapshot.take(session, file).snapshots)

    assert counts == [1, 2]
    assert archive.SavedSnapshot(file).times == ["2026-11-20T06:00:00Z", "2026-11-21T06:00:00Z"]
    assert archive.SavedSnapshot(file).manifest.begun == "2026-11-21T06:00:00Z"
    assert archive.SavedSnapshot(file, "2026-11-20").manifest.begun == "2026-11-20T06:00:00Z"
    with pytest.raises(SettingsError, match=r"has no snapshot of 2025\. It has those of 2026-11-20T06:00:00Z, 2026-"):
        archive.SavedSnapshot(file, "2025")


def test_a_snapshot_of_another_account_or_user_is_not_added(
    file: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_another_user(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/account":
            return said(start_response, "200 OK", b'{"id": "another", "email": "mallory@example.com"}')
        return DemoApi(company())(environ, start_response)

    snapshot.take(session, file)
    before = file.read_bytes()
    with pytest.raises(SettingsError, match="has snapshots of the account `demo`, and this is `default`"):
        taken(DemoApi(company()), file, monkeypatch)
    assert file.read_bytes() == before

    own = file.with_name("own.kosmo")
    taken(DemoApi(company()), own, monkeypatch)
    with pytest.raises(SettingsError, match="has snapshots of another user"):
        taken(of_another_user, own, monkeypatch)
    assert len(archive.SavedSnapshot(own).times) == 1

    generated = file.with_name("generated.kosmo")
    taken(DemoApi(company(2, seed=7)), generated, monkeypatch)
    with pytest.raises(SettingsError, match="has snapshots of another user"):
        taken(DemoApi(company(2, seed=8)), generated, monkeypatch)


def test_a_look_alike_has_the_same_address_at_each_port(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        taken(DemoApi(company(4, seed=7)), file, monkeypatch)
    assert len(archive.SavedSnapshot(file).times) == 2


def test_a_text_that_two_snapshots_have_is_stored_once(file: Path, session: Session) -> None:
    snapshot.take(session, file)
    before = file.stat().st_size
    snapshot.take(session, file)

    assert file.stat().st_size < 1.2 * before


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_a_file_that_cannot_be_made_is_told_before_anything_is_asked(file: Path, session: Session) -> None:
    file.parent.mkdir(0o500)
    with pytest.raises(SettingsError, match="nothing can be made in"):
        snapshot.take(session, file)
    assert session.last is None


@pytest.mark.parametrize("content", [b"mine", b'{"kosmo_snapshot": 1}', None], ids=["a text", "JSON", "a file"])
def test_what_is_no_archive_is_no_place_for_a_snapshot(file: Path, session: Session, content: bytes | None) -> None:
    file.parent.mkdir()
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    for fails in (lambda: snapshot.take(session, file), lambda: archive.SavedSnapshot(file)):
        with pytest.raises(SettingsError, match=r"before\.kosmo"):
            fails()
    assert session.last is None
    assert content is None or file.read_bytes() == content


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"before\.kosmo"):
        archive.SavedSnapshot(tmp_path / "before.kosmo")


def test_of_a_list_that_is_not_there_it_is_said_which_are(file: Path, session: Session) -> None:
    snapshot.take(session, file)
    saved = archive.SavedSnapshot(file)
    with pytest.raises(SettingsError) as caught:
        saved["releases"]

    assert str(caught.value) == f"{file} has no list `releases`. It has: {', '.join(TABLES)}."
    assert isinstance(caught.value, KeyError)
    assert (saved.get("releases"), "releases" in saved, "apps" in saved) == (None, False, True)


def test_a_snapshot_below_ones_home_is_found(tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    snapshot.take(session, tmp_path / "audits" / "x")

    assert archive.SavedSnapshot("~/audits/x").file == tmp_path / "audits" / "x"
    with pytest.raises(SettingsError, match="There is no file ~nobody-at-all/x"):
        archive.SavedSnapshot("~nobody-at-all/x")


# Secrets -----------------------------------------------------------------------------------------------


@pytest.mark.claim("snapshot-no-secret")
@pytest.mark.parametrize(
    ("secret", "left"),
    [
        ("HRKU-0123abcd-89ab", "[redacted]"),
        ("postgres://joe:hunter2@db.example.com/x", "postgres://joe:[redacted]@db.example.com/x"),
        ('curl -H "Authorization: Bearer abcdef"', 'curl -H "Authorization: Bearer [redacted]"'),
        ('{"authorization": "abcdef"}', '{"authorization": "[redacted]"}'),
        ("first\nbasic\tOnNlY3JldC10b2tlbg==", "first\nbasic\t[redacted]"),
        (f"ask --with {DEMO_TOKEN}", "ask --with [redacted]"),
    ],
)
def test_a_secret_in_a_command_is_not_kept(file: Path, monkeypatch: pytest.MonkeyPatch, secret: str, left: str) -> None:
    def answering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        rows: list[dict[str, object]] = []
        if path == "/apps":
            rows = [{"id": "1", "name": "one"}, {"id": "2", "name": "two"}]
        elif path.endswith("/dynos"):
            rows = [{"id": path, "name": "web.1", "command": secret if "one" in path else "puma"}]
        return said(start_response, "200 OK", json.dumps(rows).encode())

    taken(answering, file, monkeypatch)

    assert list(archive.SavedSnapshot(file)["dynos"]["command"]) == [left, "puma"]


def test_what_the_manifest_says_has_no_secret(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = taken(without("/my-app/domains", told=f"Not with HRKU-0123abcd or {DEMO_TOKEN}."), file, monkeypatch)

    assert "Not with [redacted] or [redacted]." in str(made.manifest.failures[0]["message"])
    assert archive.SavedSnapshot(file).manifest == made.manifest


# The command -------------------------------------------------------------------------------------------


def test_the_command_says_what_was_saved(file: Path) -> None:
    done = kosmo("snapshot", "--demo", "-o", str(file))
    lines = done.stdout.splitlines()

    assert (done.returncode, [line.split()[0] for line in lines[: len(TABLES)]]) == (0, TABLES)
    assert lines[0].split() == ["apps", "19"]
    assert lines[-1].startswith(f"Saved in {file}: the account demo at 20")


def test_the_command_exits_with_1_when_something_is_missing(file: Path) -> None:
    with serve(without("/my-app/dynos")) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        done = kosmo("snapshot", "-o", str(file), env=env)
        code, answer = document("snapshot", "-o", str(file.parent / "after.kosmo"), "--json", env=env)

    assert (done.returncode, "1 of 19 apps could not be read: my-app (403 forbidden)" in done.stderr) == (1, True)
    assert done.stderr.endswith("It is incomplete; what was read is kept.\n")
    assert (code, answer["success"], answer["complete"], len(answer["failures"])) == (1, False, False, 1)
    assert answer["tables"]["apps"]["rows"] == 19
