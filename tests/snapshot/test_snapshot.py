"""Snapshots: all of an account in a folder, or what could be read and what is missing; and read again as frames."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pandas as pd
import pytest
from kosmo_command import COMMAND, document, environment, kosmo
from refusing_api import said, without

from kosmo_kernel import snapshot
from kosmo_kernel.catalogue import Function
from kosmo_kernel.client.client import Client
from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.demo.company import company
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import RefusedError, SettingsError, UnreachableError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.render.frames import KosmoFrame, write_parquet
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.options import NO_FRONTEND, Frontend, RunOptions
from kosmo_kernel.session import Session
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
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audits" / "before"


def taken(
    api: WSGIApplication, folder: Path, monkeypatch: pytest.MonkeyPatch, form: snapshot.Form = "jsonl"
) -> snapshot.SnapshotReport:
    with serve(api) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        return snapshot.take(session, folder, form)


# What is in it -----------------------------------------------------------------------------------------


def noting_paths(api: DemoApi, paths: list[str]) -> WSGIApplication:
    """Return an API that adds the path of each request to a list."""

    def noting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        paths.append(environ["PATH_INFO"])
        return api(environ, start_response)

    return noting


@pytest.mark.parametrize("form", snapshot.FORMS)
def test_a_snapshot_has_all_that_the_functions_give(form: snapshot.Form, folder: Path, session: Session) -> None:
    made = snapshot.take(session, folder, form)
    saved = snapshot.read(folder)
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
    assert (saved.complete, made.manifest["failures"], made.interrupted) == (True, [], False)


def test_the_lists_are_those_of_the_catalogue(folder: Path, session: Session) -> None:
    snapshot.take(session, folder)
    functions = [table["function"] for table in json.loads((folder / "manifest.json").read_bytes())["tables"].values()]

    assert functions == [f"heroku.{one.name}" for one in (*WHOLE, *BY_APP)]
    assert {"heroku.list_apps", "heroku.list_stacks", "heroku.list_dynos"} < set(functions)


def test_json_lines_are_what_heroku_sent(folder: Path, session: Session) -> None:
    snapshot.take(session, folder)
    rows = [json.loads(line) for line in (folder / "apps.jsonl").read_bytes().splitlines()]
    sent = session.run("app.integrations.heroku.list_apps()").value

    assert rows == list(sent)
    assert [list(row) for row in rows] == [list(row) for row in sent]


@pytest.mark.parametrize("form", snapshot.FORMS)
def test_a_table_is_read_as_the_records_that_heroku_sent(form: snapshot.Form, folder: Path, session: Session) -> None:
    snapshot.take(session, folder, form)
    saved = snapshot.read(folder)
    sent = session.run("app.integrations.heroku.list_apps()").value
    apps = saved.records("apps")

    assert apps == sent
    assert (apps.function, apps.account, saved.records("dynos").columns[0].name) == (sent.function, "demo", "app_id")


def test_a_frame_remembers_whose_it_is_and_of_when(folder: Path, session: Session) -> None:
    made = snapshot.take(session, folder)
    saved = snapshot.read(folder)

    assert saved["dynos"].attrs == {"function": "heroku.list_dynos", "account": "demo", "time": made.manifest["begun"]}
    assert f"{saved.time:%Y-%m-%dT%H:%M:%SZ}" == made.manifest["begun"]
    assert repr(saved) == f"<snapshot of demo, {made.manifest['begun']}, complete: {', '.join(TABLES)}>"


@pytest.mark.claim("snapshot-no-secret", "files-owner-only")
def test_only_its_owner_may_read_it_and_it_has_no_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(DemoApi(company()), folder, monkeypatch)
    files = sorted(folder.iterdir())

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert [file.name for file in files if DEMO_TOKEN.encode() in file.read_bytes()] == []
    assert list(folder.parent.iterdir()) == [folder]


# What is missing ---------------------------------------------------------------------------------------


def test_what_could_not_be_read_is_named_and_the_rest_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = taken(without("/my-app/dynos", "/my-app/domains"), folder, monkeypatch)
    saved = snapshot.read(folder)

    assert (saved.complete, list(saved)) == (False, TABLES)
    assert [(one["table"], one["app_id"], one["status"]) for one in made.manifest["failures"]] == [
        ("dynos", "my-app", 403),
        ("domains", "my-app", 403),
    ]
    assert "my-app" not in set(saved["dynos"]["app_id"])
    assert "booking-api" in set(saved["dynos"]["app_id"])


def test_an_account_that_may_see_nothing_leaves_no_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError):
        taken(without("/apps"), folder, monkeypatch)
    assert not folder.exists()


def test_an_account_without_apps_is_complete(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return said(start_response, "200 OK", b"{}" if environ["PATH_INFO"] == "/account" else b"[]")

    made = taken(nothing, folder, monkeypatch)
    saved = snapshot.read(folder)

    assert (made.manifest["complete"], made.manifest["requests"]) == (True, len(WHOLE))
    assert {name: len(frame) for name, frame in saved.items()} == dict.fromkeys(TABLES, 0) | {USER: 1}
    assert next(iter(saved["dynos"])) == "app_id"


def test_a_network_that_stays_away_keeps_what_was_read_and_is_waited_for_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = Client.fetch

    def failing(self: Client, function: Function, *rest: Any, **options: Any) -> Any:
        if function.name != "list_domains":
            return fetch(self, function, *rest, **options)
        error = UnreachableError("no answer for 10 min 0 s.")
        error.is_outage = True
        raise error

    monkeypatch.setattr(Client, "fetch", failing)
    with Session(account="demo") as session:
        manifest = snapshot.take(session, folder).manifest

    assert list(manifest["tables"]) == TABLES[:4]
    assert [one["type"] for one in manifest["failures"]] == ["unreachable", *["interrupted"] * len(TABLES[5:])]


def test_ctrl_c_keeps_what_was_read_and_names_the_rest(folder: Path) -> None:
    asked, ended, api = threading.Event(), threading.Event(), DemoApi(company())

    def waiting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith("/domains"):
            asked.set()
            ended.wait(60)
        return api(environ, start_response)

    with serve(waiting) as served:
        command = [*COMMAND, "snapshot", "-o", str(folder), "--json"]
        env = environment({"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN})
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=60)
            ended.set()
    answer = json.loads(printed)

    assert (process.returncode, answer["success"], list(answer["tables"])) == (130, False, TABLES[:4])
    assert [(one["table"], one["type"]) for one in answer["failures"]] == [(name, "interrupted") for name in TABLES[4:]]
    assert list(snapshot.read(folder)) == TABLES[:4] == ["apps", "stacks", USER, "dynos"]
    with pytest.raises(snapshot.UnknownTableError, match=r"`addons`, which could not be read .*: It was not begun"):
        snapshot.read(folder)["addons"]


# All lists ---------------------------------------------------------------------------------------------


def test_all_lists_are_read_or_left_out_with_the_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, str]] = []
    with serve(DemoApi(company(3))) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        made = snapshot.take(session, folder, every=True, frontend=Frontend(output=lambda *line: lines.append(line)))
    saved = snapshot.read(folder)
    left_out = {one["table"] for one in made.manifest["left_out"]}

    assert (made.manifest["failures"], saved.complete) == ([], True)
    assert saved.keys() | left_out == ALL | {USER}
    assert {one["table"]: one["why"] for one in made.manifest["left_out"]}["team_daily_usage"] == (
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
    with pytest.raises(snapshot.UnknownTableError, match=r"has no table `team_daily_usage`\. It is left out where"):
        saved["team_daily_usage"]


def test_the_progress_of_each_list_includes_the_time_of_those_to_come(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[tuple[str, int]] = []
    call = Session.call

    def noting(session: Session, function: str, arguments: Any, options: RunOptions, frontend: Frontend) -> Result:
        later.append((function, options.later))
        return call(session, function, arguments, options, frontend)

    monkeypatch.setattr(Session, "call", noting)
    with Session("demo") as session:
        snapshot.take(session, folder)

    apps = len(snapshot.read(folder)["apps"])
    assert [requests for _, requests in later][-4:] == [2 * apps + 3, apps + 3, apps, 0]
    assert {requests for _, requests in later[:-4]} == {0}  # what an account has is not known before


def test_what_the_token_has_no_scope_for_is_named_and_not_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths: list[str] = []
    with serve(noting_paths(DemoApi(company(3), scopes=("read",)), paths)) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        made = snapshot.take(session, folder, every=True)
    reasons = {one["table"]: one["message"] for one in made.manifest["failures"]}
    saved = snapshot.read(folder)

    assert reasons["team_members"] == "It needs a token with the scope global; this one has read."
    assert reasons["config_vars"] == "It needs a token with the scope read-protected; this one has read."
    assert not saved.complete
    assert reasons.keys() & saved.keys() == set()
    assert "domains" in saved
    assert [path for path in paths if path.endswith(("/invitations", "/config-vars", "/account/keys"))] == []


def test_telemetry_drains_are_asked_only_where_the_platform_has_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
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


def test_a_list_of_which_nothing_may_be_read_is_no_empty_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = taken(without("/domains"), folder, monkeypatch)

    assert list(snapshot.read(folder)) == [name for name in TABLES if name != "domains"]
    assert {one["table"] for one in made.manifest["failures"]} == {"domains"}
    with pytest.raises(snapshot.UnknownTableError, match="`domains`, which could not be read when it was taken"):
        snapshot.read(folder)["domains"]


def test_a_list_that_is_read_in_two_ways_is_kept_if_one_of_them_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(without("/spaces")) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        made = snapshot.take(session, folder, every=True)
    reasons = {one["table"]: one["message"] for one in made.manifest["failures"]}

    assert reasons["telemetry_drains"] == "It needs the list `spaces`, which could not be read."
    assert len(snapshot.read(folder)["telemetry_drains"]) > 0


# The folder --------------------------------------------------------------------------------------------


def test_nothing_is_replaced(folder: Path, session: Session) -> None:
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="has something in it, and a snapshot replaces nothing"):
        snapshot.take(session, folder)
    assert session.last is None


def test_an_empty_folder_is_as_good_as_none_where_nothing_is_renamed_to_what_is_there(
    folder: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def of_windows(path: Path, target: Path) -> Path:
        if target.exists():
            raise FileExistsError(target)
        return rename(path, target)

    folder.mkdir(parents=True)
    monkeypatch.setattr(Path, "rename", of_windows)
    snapshot.take(session, folder)

    assert snapshot.read(folder).complete
    assert list(folder.parent.glob(".*")) == []


def test_an_empty_folder_is_as_good_as_none(folder: Path, session: Session) -> None:
    folder.mkdir(parents=True)
    snapshot.take(session, folder)
    assert snapshot.read(folder).complete


@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "nothing"])
def test_a_link_is_followed(folder: Path, session: Session, *, there: bool) -> None:
    place = folder.parent / "elsewhere" / "place"
    place.parent.mkdir(parents=True)
    if there:
        place.mkdir()
    folder.symlink_to(place, target_is_directory=True)
    snapshot.take(session, folder)
    assert (folder.is_symlink(), snapshot.read(place).complete) == (True, True)


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_asked(folder: Path, session: Session) -> None:
    folder.parent.mkdir(0o500)
    with pytest.raises(SettingsError, match="nothing can be made in"):
        snapshot.take(session, folder)
    assert session.last is None


def test_a_file_is_no_place_for_a_snapshot(folder: Path, session: Session) -> None:
    folder.parent.mkdir()
    folder.write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"cannot be written to .*before: Not a directory"):
        snapshot.take(session, folder)


def test_parquet_without_its_library_is_told_before_anything_is_asked(
    folder: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot.folder, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"--format jsonl.*Install the extra `parquet`: "):
        snapshot.take(session, folder, "parquet")
    assert session.last is None


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (None, "is no snapshot: .*manifest.json cannot be read"),
        ("{", "makes no sense"),
        ("[]", "makes no sense"),
        ('{"kosmo_snapshot": 1}', "makes no sense: 'tables'"),
        ('{"kosmo_snapshot": 2, "tables": {}}', "has version 2"),
    ],
)
def test_what_is_no_snapshot_is_told(folder: Path, written: str | None, says: str) -> None:
    folder.mkdir(parents=True)
    if written is not None:
        (folder / "manifest.json").write_text(written, encoding="utf-8")
    with pytest.raises(SettingsError, match=says):
        snapshot.read(folder)


def test_where_a_snapshot_was_looked_for_is_told_as_a_full_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=re.escape(f"before is no snapshot: {tmp_path}/before/manifest.json ")):
        snapshot.read("before")


def test_a_table_that_is_gone_or_spoiled_is_told(folder: Path, session: Session) -> None:
    snapshot.take(session, folder)
    (folder / "dynos.jsonl").write_text("{", encoding="utf-8")
    (folder / "apps.jsonl").unlink()
    saved = snapshot.read(folder)

    with pytest.raises(SettingsError, match=r"apps.jsonl cannot be read: No such file or directory\.$"):
        saved["apps"]
    with pytest.raises(SettingsError, match=r"dynos.jsonl:1 cannot be read: .*\. It was cut or changed"):
        saved["dynos"]


@pytest.mark.parametrize(("spoiled", "says"), [(lambda line: line[:40], "truncated"), (lambda _: b"5", "no record")])
def test_the_line_that_is_no_record_is_named(
    folder: Path, session: Session, spoiled: Callable[[bytes], bytes], says: str
) -> None:
    snapshot.take(session, folder)
    lines = (folder / "apps.jsonl").read_bytes().splitlines()
    lines[6] = spoiled(lines[6])
    (folder / "apps.jsonl").write_bytes(b"\n".join(lines))
    with pytest.raises(SettingsError, match=rf"apps.jsonl:7 cannot be read: .*{says}"):
        snapshot.read(folder)["apps"]


@pytest.mark.parametrize("form", snapshot.FORMS)
def test_a_table_that_lost_a_record_is_refused(form: snapshot.Form, folder: Path, session: Session) -> None:
    snapshot.take(session, folder, form)
    if form == "jsonl":
        lines = (folder / "apps.jsonl").read_bytes().splitlines(keepends=True)
        (folder / "apps.jsonl").write_bytes(b"".join(lines[:3] + lines[4:]))
    else:
        write_parquet(KosmoFrame(snapshot.read(folder)["apps"][1:]), str(folder / "apps.parquet"))
    saved = snapshot.read(folder)
    says = f"apps.{form} has 18 records, and manifest.json beside it says 19. It was cut or changed"
    with pytest.raises(SettingsError, match=re.escape(says)):
        saved["apps"]
    assert len(saved["addons"]) > 0


def test_of_a_table_that_is_not_there_it_is_said_which_are(folder: Path, session: Session) -> None:
    snapshot.take(session, folder)
    saved = snapshot.read(folder)
    with pytest.raises(SettingsError) as caught:
        saved["releases"]

    assert str(caught.value) == f"{folder} has no table `releases`. It has: {', '.join(TABLES)}."
    assert isinstance(caught.value, KeyError)
    assert (saved.get("releases"), "releases" in saved, "apps" in saved) == (None, False, True)


def test_a_snapshot_below_ones_home_is_found(tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    snapshot.take(session, tmp_path / "audits" / "x")

    assert snapshot.read("~/audits/x").folder == tmp_path / "audits" / "x"
    with pytest.raises(SettingsError, match="~nobody-at-all/x is no snapshot: there is no such home"):
        snapshot.read("~nobody-at-all/x")


# Secrets -----------------------------------------------------------------------------------------------


@pytest.mark.claim("snapshot-no-secret")
@pytest.mark.parametrize("form", snapshot.FORMS)
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
def test_a_secret_in_a_command_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, form: snapshot.Form, secret: str, left: str
) -> None:
    def answering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        rows: list[dict[str, object]] = []
        if path == "/apps":
            rows = [{"id": "1", "name": "one"}, {"id": "2", "name": "two"}]
        elif path.endswith("/dynos"):
            rows = [{"id": path, "name": "web.1", "command": secret if "one" in path else "puma"}]
        return said(start_response, "200 OK", json.dumps(rows).encode())

    taken(answering, folder, monkeypatch, form)

    assert list(snapshot.read(folder)["dynos"]["command"]) == [left, "puma"]


def test_what_the_manifest_says_has_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = taken(without("/my-app/domains", told=f"Not with HRKU-0123abcd or {DEMO_TOKEN}."), folder, monkeypatch)

    assert "Not with [redacted] or [redacted]." in made.manifest["failures"][0]["message"]
    assert json.loads((folder / "manifest.json").read_bytes()) == made.manifest


# The command -------------------------------------------------------------------------------------------


def test_the_command_says_what_was_saved(folder: Path) -> None:
    done = kosmo("snapshot", "--demo", "-o", str(folder))
    lines = done.stdout.splitlines()

    assert (done.returncode, [line.split()[0] for line in lines[: len(TABLES)]]) == (0, TABLES)
    assert lines[0].split() == ["apps", "19"]
    assert lines[-1].startswith(f"Saved in {folder}: the account demo at 20")


def test_the_command_exits_with_1_when_something_is_missing(folder: Path) -> None:
    with serve(without("/my-app/dynos")) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        done = kosmo("snapshot", "-o", str(folder), env=env)
        code, answer = document("snapshot", "-o", str(folder.parent / "after"), "--json", env=env)

    assert (done.returncode, "1 of 19 apps could not be read: my-app (403 forbidden)" in done.stderr) == (1, True)
    assert done.stderr.endswith("It is incomplete; what was read is kept.\n")
    assert (code, answer["success"], answer["complete"], len(answer["failures"])) == (1, False, False, 1)
    assert answer["tables"]["apps"]["rows"] == 19
