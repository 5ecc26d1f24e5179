"""The accounts `production` and `staging` of the demo: the same company's apps of that stage, and what they have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kosmo_command import FICTION, document, kosmo
from python_shell import no_notebooks
from run_with import run_with

from kosmo_kernel import Session, docs, heroku
from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import RefusedError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

STAGES = ("production", "staging")
STAGE = pytest.mark.parametrize("stage", STAGES)


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with Session("demo") as session:
        yield session


def rows(session: Session, function: str, account: str | None = None, **arguments: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in session.call(f"heroku.{function}", arguments, account=account).value]


def names(session: Session, account: str | None = None) -> set[str]:
    return {app["name"] for app in rows(session, "list_apps", account)}


# What they have ----------------------------------------------------------------------------------------------------


@STAGE
def test_an_account_has_the_apps_of_its_stage_and_the_example_app(lua: Session, stage: str) -> None:
    couplings = {one["app"]["id"]: one["stage"] for one in rows(lua, "list_pipeline_couplings")}
    of_stage = {app["name"] for app in rows(lua, "list_apps") if couplings.get(app["id"]) == stage}
    assert names(lua, stage) == of_stage | {"my-app"}
    assert len(of_stage) >= 3


@STAGE
@pytest.mark.parametrize(
    "function",
    [
        "list_dynos",
        "list_addons",
        "list_domains",
        "list_collaborators",
        "list_formation",
        "list_releases",
        "list_builds",
    ],
)
def test_what_an_app_has_is_the_same_for_every_account(lua: Session, stage: str, function: str) -> None:
    arguments: dict[str, Any] = {"app_id": sorted(names(lua, stage))}
    if function in ("list_releases", "list_builds"):  # an app has thousands of them
        arguments["since"] = "2026-10-20"
    found = rows(lua, function, stage, **arguments)
    assert found
    assert found == rows(lua, function, **arguments)


@STAGE
@pytest.mark.parametrize(
    "function",
    [name for name in HEROKU.table.names if not HEROKU.table.named(name).simplest_call and name.startswith("list_")],
)
def test_every_list_of_the_account_is_a_part_of_the_list_of_the_demo(lua: Session, stage: str, function: str) -> None:
    """A record that an account can see has the same fields for both, so that nothing contradicts itself."""
    whole = rows(lua, function)
    part = rows(lua, function, stage)
    assert [row for row in part if row not in whole] == []


@STAGE
def test_lists_of_the_account_are_about_its_apps_only(lua: Session, stage: str) -> None:
    apps = {app["id"] for app in rows(lua, "list_apps", stage)}
    assert {one["app"]["id"] for one in rows(lua, "list_account_addons", stage)} <= apps
    couplings = rows(lua, "list_pipeline_couplings", stage)
    assert {one["app"]["id"] for one in couplings} < apps
    assert {one["stage"] for one in couplings} == {stage}
    assert {one["id"] for one in rows(lua, "list_pipelines", stage)} == {one["pipeline"]["id"] for one in couplings}
    everywhere = [row["name"] for row in rows(lua, "list_team_apps", stage, team="larkmoor")]
    assert set(everywhere) == names(lua, stage) - {"my-app"}


@STAGE
@pytest.mark.parametrize(("function", "arguments"), [("list_teams", {}), ("list_team_members", {"team": "larkmoor"})])
def test_teams_and_people_are_those_of_the_company(
    lua: Session, stage: str, function: str, arguments: dict[str, str]
) -> None:
    assert rows(lua, function, stage, **arguments) == rows(lua, function, **arguments)


@STAGE
def test_the_account_belongs_to_the_same_person(lua: Session, stage: str) -> None:
    mine, theirs = (lua.call("heroku.get_current_user", {}, account=one).value for one in (None, stage))
    assert dict(mine) == dict(theirs)


def test_another_app_is_refused_as_heroku_refuses_it_and_one_that_does_not_exist_is_not_found(lua: Session) -> None:
    with pytest.raises(RefusedError) as caught:
        lua.call("heroku.list_dynos", {"app_id": "booking-api"}, account="staging")
    assert (caught.value.status, caught.value.id) == (403, "forbidden")
    with pytest.raises(RefusedError) as caught:
        lua.call("heroku.list_dynos", {"app_id": "no-such-app"}, account="staging")
    assert (caught.value.status, caught.value.id) == (404, "not_found")


# Where they are ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["heroku", *(f"heroku.{name}" for name in HEROKU.most_used)])
def test_every_example_of_the_reference_runs_where_the_demo_is_the_default_account(lua: Session, page: str) -> None:
    scripts = docs.read(page).scripts
    assert scripts
    for script in scripts:
        result = lua.run(script)
        assert result.calls
        assert all(call.account.partition(".")[0] == "demo" for call in result.calls)


@STAGE
def test_each_result_says_that_it_is_fiction(lua: Session, stage: str) -> None:
    result = lua.run(f"return heroku.{stage}.list_apps()")
    assert (FICTION in result.notes, [call.account for call in result.calls]) == (True, [f"demo.{stage}"])
    assert result.frame().attrs["account"] == f"demo.{stage}"
    assert "time" not in result.frame().attrs


def test_an_option_of_a_cell_names_them_and_what_is_fiction_everywhere_has_a_name_of_its_own(lua: Session) -> None:
    result = run_with(lua, "return #heroku.list_apps()", account="staging")
    assert (result.account, result.value) == ("demo.staging", 4)
    with Session() as own:
        assert run_with(own, 'return #heroku["demo.staging"].list_apps()').value == 4
        assert run_with(own, "return #heroku.list_apps()", account="demo.production").value == 5


def test_they_do_not_exist_where_the_default_account_is_not_fictional() -> None:
    with Session() as own:
        with pytest.raises(UnknownNameError, match="no account `staging`"):
            own.run("return heroku.staging.list_apps()")
        with pytest.raises(UnknownNameError):
            Session("staging")
        own.account = "demo"  # as `%kosmo demo` does
        assert own.run("return #heroku.staging.list_apps()").value == 4


def test_accounts_of_the_user_win_outside_of_the_demo_and_the_demos_inside(
    demo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_URL", demo_url)
    monkeypatch.setenv("HEROKU_API_KEY_STAGING", DEMO_TOKEN)
    count = "return #heroku.staging.list_apps()"
    with Session() as own:
        result = own.run(count)
        assert (result.value, result.calls[0].account, result.notes) == (19, "staging", [])
        own.account = "demo"
        assert own.run(count).calls[0].account == "demo.staging"
        own.account = "default"
        assert own.run(count).value == 19
    with Session("demo") as fiction:
        assert fiction.run(count).value == 4
        assert fiction.tokens() == (DEMO_TOKEN,)


def test_the_variable_of_the_environment_makes_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    with Session("production") as session:
        assert (session.account, len(names(session))) == ("demo.production", 5)
        assert session.account_names("heroku") == ["production", "staging", "demo"]


def test_python_has_them_where_the_session_is_on_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    with no_notebooks():
        frames = [heroku.staging.list_apps(), heroku["staging"].list_apps(), heroku["demo.staging"].list_apps()]
        assert [(len(frame), frame.attrs["account"]) for frame in frames] == [(4, "demo.staging")] * 3
        assert {"production", "staging"} <= set(dir(heroku))


@pytest.mark.parametrize(
    "command",
    [
        ("lua", "--demo", "--account", "staging", "-e", "return #heroku.list_apps()"),
        ("lua", "--demo", "-e", "return #heroku.staging.list_apps()"),
    ],
)
def test_a_script_of_the_shell_uses_them(command: tuple[str, ...]) -> None:
    done = kosmo(*command)
    assert (done.stdout.strip(), done.stderr.strip()) == ("4", FICTION)


def test_a_command_that_makes_one_call_uses_them() -> None:
    code, told = document("call", "heroku.get_app", "--app-id=my-app", "--account", "production", "--demo", "--json")
    assert (code, told["data"]["name"], told["meta"]["account"]) == (0, "my-app", "demo.production")
    refused = kosmo("call", "heroku.get_app", "--app-id=my-app", "--account", "elsewhere", "--demo")
    assert (refused.returncode, "Two accounts are named: elsewhere and demo." in refused.stderr) == (2, True)


def test_a_recording_of_them_is_replayed(tmp_path: Any) -> None:
    file = tmp_path / "stages.cassette"
    script = "return { #heroku.staging.list_apps(), #heroku.production.list_apps(), #heroku.list_apps() }"
    with Session("demo", record=file) as session:
        first = session.run(script).value
    with Session(from_archive=file) as session:
        assert session.run(script).value == first == [4, 5, 19]


def test_the_functions_that_most_questions_need_are_those_of_the_page() -> None:
    functions: list[Function] = [HEROKU.table.named(name) for name in HEROKU.most_used]
    assert len(functions) == 7
