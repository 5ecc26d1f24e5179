"""An app that is deleted while a run goes on is left out of lists with a note; anything else that fails is an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from altered_api import DeletingApi, account_at
from doors import DOORS, opened
from full_matrix import full_except
from kosmo_command import document, kosmo
from python_shell import no_notebooks

from kosmo_kernel import archive, snapshot
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.python_api.namespace import namespace_named
from kosmo_kernel.questions.question import parse_question
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options

GONE = "courier-app"
NAMES = [app["name"] for app in company().apps]
NOTE = f"1 app was deleted meanwhile: {GONE}"
ALL = "apps = heroku.list_apps()\nreturn heroku.list_dynos({ app_id = apps })"
CHECK = """\
-- title: Apps without a dyno
-- severity: high
-- why: W
-- do: D
-- scope: read
-- key: app
local apps, found = heroku.list_apps(), {}
local dynos = list.group_by(heroku.list_dynos({ app_id = apps }), "app_id")
for _, app in ipairs(apps) do
  if not dynos[app.name] then found[#found + 1] = { app = app.name } end
end
return found
"""


@contextmanager
def remote(api: DeletingApi, **options: Any) -> Iterator[Session]:
    """Yield a session whose default account is at an API on a real port."""
    with account_at(api) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with Session(**options) as session:
            yield session


def test_an_app_of_the_runs_own_list_that_is_gone_is_left_out_of_each_list_and_looked_up_once() -> None:
    api = DeletingApi(GONE)
    with remote(api) as session:
        result = session.run(f"{ALL}, heroku.list_domains({{ app_id = apps }})")
    dynos, domains = result.values  # noqa: PD011 - no frame
    assert {row["app_id"] for row in domains} == set(NAMES) - {GONE}
    assert GONE not in {row["app_id"] for row in dynos}
    assert (result.deleted, result.failures, result.notes) == ([{"app_id": GONE}], [], [NOTE])
    assert (api.asked[f"/apps/{GONE}"], api.asked[f"/apps/{GONE}/domains"]) == (1, 1)


@pytest.mark.parametrize(
    "argument",
    [
        "{ 'my-app', 'courier-app' }",
        '{ "courier-app", "my-app" }',
        "{ app, 'my-app' }",
    ],
)
def test_an_app_that_the_user_named_stays_an_error_also_if_the_run_has_listed_it(argument: str) -> None:
    source = f"heroku.list_apps() return heroku.list_dynos({{ app_id = {argument} }})"
    with remote(DeletingApi(GONE)) as session, pytest.raises(RefusedError) as caught:
        session.execute(source, Options(inputs={"app": GONE} if "app," in argument else {}))
    assert GONE in caught.value.message


def test_an_app_that_the_run_has_not_listed_stays_an_error() -> None:
    with remote(DeletingApi(GONE, after=0)) as session, pytest.raises(RefusedError, match=GONE):
        session.call("heroku.list_dynos", {"app_id": [GONE, "my-app"]})


def test_an_app_that_is_there_and_whose_list_is_not_found_stays_an_error() -> None:
    api = DeletingApi(hidden=(f"/apps/{GONE}/dynos",))
    with remote(api) as session, pytest.raises(RefusedError, match=GONE):
        session.run(ALL)
    assert api.asked[f"/apps/{GONE}"] == 1


def test_a_call_for_one_app_stays_an_error() -> None:
    code = "for _, app in ipairs(heroku.list_apps()) do heroku.list_dynos({ app_id = app }) end"
    with remote(DeletingApi(GONE)) as session, pytest.raises(RefusedError, match=GONE):
        session.run(code)


def test_a_deleted_app_is_no_failure_where_failures_are_collected() -> None:
    with remote(DeletingApi(GONE)) as session:
        result = session.run(
            "apps = heroku.list_apps() rows, failures = heroku.list_dynos({ app_id = apps, errors = 'collect' })"
            " return #failures"
        )
    assert (result.value, result.notes, result.failures) == (0, [NOTE], [])


def test_several_deleted_apps_are_one_note() -> None:
    with remote(DeletingApi(*NAMES[:7])) as session:
        result = session.run(ALL)
    assert result.notes == [f"7 apps were deleted meanwhile: {', '.join(NAMES[:5])} and 2 more"]


def test_names_made_from_the_list_count_as_the_list() -> None:
    with remote(DeletingApi(GONE)) as session:
        names = "list.map(heroku.list_apps(), function(app) return app.name end)"
        result = session.run(f"return heroku.list_dynos({{ app_id = {names} }})")
    assert result.notes == [NOTE]


def test_a_list_of_an_earlier_cell_is_the_runs_own() -> None:
    with remote(DeletingApi(GONE)) as session:
        session.run("apps = heroku.list_apps()")
        assert session.run("return heroku.list_dynos({ app_id = apps })").notes == [NOTE]


@pytest.mark.parametrize("name", full_except(DOORS, "magic", "command"))
def test_each_door_leaves_the_app_out_and_says_so(name: str, tmp_path: Path) -> None:
    with account_at(DeletingApi(GONE)) as environment, opened(name, environment, {}, tmp_path) as door:
        done = door.run("apps = heroku.list_apps() return #heroku.list_domains({ app_id = apps })")
    assert (done.error, NOTE in done.notes) == ("", True)


def test_documents_have_the_deleted_apps_in_meta() -> None:
    with account_at(DeletingApi(GONE)) as environment:
        _, ran = document("lua", "--json", "-e", ALL, env=environment)
    with account_at(DeletingApi(GONE)) as environment:
        _, called = document("call", "heroku.list_dynos", "--all-apps", "--json", env=environment)
    assert [one["meta"]["deleted"] for one in (ran, called)] == [[{"app_id": GONE}]] * 2
    assert [NOTE in one["meta"]["notes"] for one in (ran, called)] == [True, True]


def test_python_gets_the_apps_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_at(DeletingApi(GONE)) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with no_notebooks():
            heroku: Any = namespace_named("heroku")
            frame = heroku.list_domains(app_id=heroku.list_apps())
    assert set(frame["app_id"]) == set(NAMES) - {GONE}


def test_a_check_is_made_without_the_app_and_finds_nothing_about_it() -> None:
    with remote(DeletingApi()) as session:
        [before] = run_questions([parse_question(CHECK, "own.lua")], session=session).results
    with remote(DeletingApi("my-app")) as session:
        report = run_questions([parse_question(CHECK, "own.lua")], session=session)
    [result] = report.results
    assert (result.reason, result.withdrawn) == ("", 0)
    assert report.notes == ["1 app was deleted meanwhile: my-app"]
    assert [one.key for one in result.findings] == [one.key for one in before.findings]


def test_checks_that_read_the_app_before_its_deletion_find_nothing_about_it_and_one_note_names_all() -> None:
    first = CHECK.partition("local")[0] + "return { { app = 'my-app' }, { app = 'other' } }"
    with remote(DeletingApi("my-app", GONE)) as session:
        report = run_questions([parse_question(first, "first.lua"), parse_question(CHECK, "own.lua")], session=session)
    assert [one.key for one in report.results[0].findings] == [{"app": "other"}]
    assert report.results[0].records is not None
    assert [row["app"] for row in report.results[0].records] == ["other"]
    [note] = report.notes
    assert note.startswith("2 apps were deleted meanwhile: ")


def test_a_snapshot_is_complete_and_has_nothing_of_the_app(tmp_path: Path) -> None:
    with remote(DeletingApi(GONE, after=30)) as session:
        report = snapshot.take(session, tmp_path / "saved.kosmo")
    saved = archive.SavedSnapshot(tmp_path / "saved.kosmo")
    assert (report.manifest.complete, report.manifest.failures) == (True, [])
    assert (report.manifest.deleted, report.notes) == ([{"app_id": GONE}], [NOTE])
    for table in ("apps", "dynos", "domains"):
        assert GONE not in json.dumps([dict(row) for row in saved.records(table)])


def test_an_inventory_has_no_gap(tmp_path: Path) -> None:
    with account_at(DeletingApi(GONE, after=30)) as environment:
        done = kosmo("inventory", "-o", str(tmp_path / "saved"), env=environment)
    summary = json.loads((tmp_path / "saved" / "summary.json").read_text(encoding="utf-8"))
    # Of these the demo has a forbidden one.
    assert {item["list"] for item in summary["unread"]} == {"database", "backup_schedules"}
    assert done.returncode == 1
    assert NOTE in done.stderr
    assert GONE not in pd.read_csv(tmp_path / "saved" / "tables" / "apps.csv")["name"].tolist()
