"""The shared tables: what they have is what the records of the look-alike have, in every session, for every account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from altered_api import without
from clean_company import ENDPOINTS, clean_company
from full_matrix import full_except
from repository import ROOT

from kosmo_kernel import questions
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import LuaRuntimeError, RefusedError, SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.questions import discovery
from kosmo_kernel.questions.discovery import find_table, source_with_tables
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options

NAMES = sorted(path.stem for path in (ROOT / "kosmo_kernel/integrations/heroku/questions/tables").glob("*.lua"))
TEAM_ACCOUNT = "@herokumanager.com"
HEAD = "-- title: One\n-- about: It has one row.\n-- key: name\n-- columns: name, other\n"


@pytest.fixture(scope="module")
def demo() -> Iterator[Session]:
    with Session("demo") as session:
        yield session


@pytest.fixture
def fresh() -> Iterator[Session]:
    with Session("demo") as session:
        yield session


@pytest.fixture
def own_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "heroku" / "questions" / "tables"
    folder.mkdir(parents=True)
    monkeypatch.setattr(questions, "SERVICES_FOLDER", str(tmp_path))
    caches = (discovery.read_shipped, questions.shipped_files, questions.services)
    for cache in caches:
        cache.cache_clear()
    yield folder
    for cache in caches:
        cache.cache_clear()


@contextmanager
def asked(shown: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Yield a session whose account is a company on a server."""
    with serve(DemoApi(shown, capacity=10**9)) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        yield session


def rows(session: Session, name: str) -> list[dict[str, Any]]:
    return list(session.run(f"return heroku.tables.{name}()").value.rows)


def expected_access(whole: Company) -> dict[tuple[str, str], tuple[str, bool]]:
    """Return by what each person reaches each app, and whether by a seat, from the records of a company."""
    admins = {team["name"]: {m["email"] for m in whole.members(team) if m["role"] == "admin"} for team in whole.teams}
    ways = {}
    for app in whole.apps:
        seats = {seat["user"]["email"]: seat.get("role") for seat in whole.resources_of(app).collaborators}
        team = admins[app["team"]["name"]] if app["team"] else set()
        for email in {*seats, *team, app["owner"]["email"]}:
            by = {"member": "team member"}.get(seats.get(email) or "", "collaborator")
            by = "team admin" if email in team else by
            by = "owner" if email == app["owner"]["email"] else by
            if not email.endswith(TEAM_ACCOUNT):
                ways[app["name"], email] = by, email in seats
    return ways


@pytest.mark.parametrize("apps", [None, *full_except((60,))])
def test_access_has_everybody_who_reaches_an_app_and_by_what(apps: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = company(apps)
    with serve(DemoApi(whole, capacity=10**9)) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        access = rows(session, "access")
    ways = {(row["app"], row["email"]): (row["by"], row["seat"]) for row in access}
    assert ways == expected_access(whole)
    assert len(access) == len(ways)
    [both] = [m["email"] for m in whole.members(whole.teams[0]) if m["role"] == "admin"][:1]
    own = [app["name"] for app in whole.apps if app["team"] and app["team"]["name"] == whole.teams[0]["name"]]
    assert {app for app, email in ways if email == both} >= set(own)


def test_a_seat_without_a_role_is_that_of_a_team_member_where_the_team_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = clean_company(1)
    app = next(app for app in whole.apps if app["team"])
    [team] = (team for team in whole.teams if team["id"] == app["team"]["id"])
    members = {member["email"] for member in whole.members(team) if member["role"] == "member"}
    seats = [s for s in whole.resources_of(app).collaborators if s["user"]["email"] in members]
    for seat in seats:
        seat.update(role=None)
    with asked(whole, monkeypatch) as session:
        found = {row["email"]: row["by"] for row in rows(session, "access") if row["app"] == app["name"]}
    assert seats
    assert {found[seat["user"]["email"]] for seat in seats} == {"team member"}


def test_a_process_without_a_size_has_no_known_price_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = clean_company(1)
    app = whole.apps[0]
    for dyno in whole.resources_of(app).dynos:
        dyno.update(size=None)
    with asked(whole, monkeypatch) as session:
        [of_no_size] = [row for row in rows(session, "dyno_sizes") if row["size"] == "(no size)"]
        costs = [row for row in rows(session, "costs") if row["app"] == app["name"] and row["kind"] == "dyno"]
        formation = [row["size"] for row in rows(session, "formation") if row["app"] == app["name"]]
    assert of_no_size["dynos"] == sum(row["quantity"] for row in costs) > 0
    assert {(row["cents"], row["price"]) for row in costs} == {(None, "not listed")}
    assert "(no size)" in formation


def test_an_admin_has_all_permissions_and_a_seat_those_that_heroku_has(demo: Session) -> None:
    access = rows(demo, "access")
    assert {row["permissions"] for row in access if row["by"] in ("owner", "team admin")} == {
        "view, deploy, operate, manage"
    }
    assert Counter(row["permissions"] for row in access if row["by"] == "collaborator")["view"] == 4


def test_a_stage_is_that_of_the_pipeline_or_else_said_to_be_guessed_from_the_name(demo: Session) -> None:
    stages = {row["app"]: (row["pipeline"], row["stage"], row["by"]) for row in rows(demo, "stages")}
    assert stages["parcel-tracker"] == ("parcel-tracker", "production", "pipeline")
    assert stages["courier-app"] == (None, None, None)
    assert len(stages) == len(company().apps)


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("shop-production", "production"),
        ("prod-shop", "production"),
        ("live", "production"),
        ("shop-staging", "staging"),
        ("shop-pr-17", "review"),
        ("shop-production-test", "test"),
        ("production-of-dev", "development"),
        ("productions", None),
        ("shop", None),
    ],
)
def test_the_words_of_a_name_that_stand_for_a_stage(demo: Session, name: str, stage: str | None) -> None:
    source = find_table("heroku", "stages").source.replace(
        "return list.map(", f'if true then return stage_in("{name}") end\ndo return list.map(', 1
    )
    assert demo.run(f"{source}end").value == stage


def test_the_state_of_a_stack_is_heroku_s_until_its_last_day_is_over(demo: Session, fresh: Session) -> None:
    states = {row["stack"]: row for row in rows(demo, "stacks")}
    assert (states["heroku-20"]["state"], states["heroku-20"]["supported_until"]) == ("out of support", "2025-04-30")
    assert (states["heroku-22"]["state"], states["heroku-22"]["builds_fail_from"]) == ("deprecated", "2026-11-01")
    assert states["heroku-24"]["state"] == states["cnb"]["state"] == "supported"
    assert sum(row["apps"] for row in states.values()) == len(company().apps)
    later = fresh.run('time.set_now("2027-05-01T00:00:00Z") return heroku.tables.stacks()').value.rows
    assert {row["stack"]: row["state"] for row in later}["heroku-22"] == "out of support"


@pytest.mark.parametrize("name", NAMES)
def test_a_row_has_all_columns_of_its_table_in_order_and_a_key_of_its_own(demo: Session, name: str) -> None:
    table, found = find_table("heroku", name), rows(demo, name)
    assert {tuple(row) for row in found} == {table.columns}
    keys = Counter(tuple(row[column] for column in table.key) for row in found)
    assert set(keys.values()) == {1}


def test_the_names_of_tables_can_be_listed_and_completed(demo: Session) -> None:
    assert (
        demo.run("local names = {} for name in pairs(heroku.tables) do names[#names + 1] = name end return names").value
        == NAMES
    )
    assert [name for name, _ in demo.names(("heroku", "tables"))] == NAMES
    assert "tables" in [name for name, _ in demo.names(("app", "integrations", "heroku"))]
    assert demo.run("return tostring(heroku.tables.costs)").value == "function: app.integrations.heroku.tables.costs()"


def test_an_unknown_table_is_an_error_with_the_nearest_name(demo: Session) -> None:
    with pytest.raises(UnknownNameError, match=r"cell:1: .*no table `cost`.*Did you mean: costs"):
        demo.execute("return heroku.tables.cost()", Options(name="cell"))


def test_a_table_that_there_is_no_longer_names_the_one_to_use(demo: Session) -> None:
    with pytest.raises(UnknownNameError, match="Use `costs`"):
        demo.run("return heroku.tables.bill()")


def test_a_table_takes_no_arguments(demo: Session) -> None:
    with pytest.raises(LuaRuntimeError, match=r"heroku\.tables\.costs takes no arguments"):
        demo.run('heroku.tables.costs({ team = "larkmoor" })')


@pytest.mark.parametrize(
    "argument", ["1", '"collect"', "{}", '{ errors = "raise" }', '{ errors = "collect", app = 1 }']
)
def test_an_argument_of_a_table_that_means_nothing_is_an_error(demo: Session, argument: str) -> None:
    with pytest.raises(LuaRuntimeError, match=r'heroku\.tables\.costs takes no arguments but errors = "collect"'):
        demo.run(f"heroku.tables.costs({argument})")


COLLECTED = """
local rows, unread = heroku.tables.{}({{ errors = "collect" }})
return rows, list.map(unread, "app_id")
"""


@pytest.mark.parametrize(("name", "path"), [("costs", "formation"), ("access", "collaborators")])
def test_a_table_leaves_out_and_names_what_cannot_be_read_of_an_app_on_request(
    name: str, path: str, monkeypatch: pytest.MonkeyPatch, demo: Session
) -> None:
    with serve(without(f"/route-planner/{path}")) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        found, unread = session.run(COLLECTED.format(name)).values
        with pytest.raises(RefusedError, match="route-planner"):
            session.run(f"heroku.tables.{name}()")
    whole = rows(demo, name)
    others = [row for row in found if row["app"] != "route-planner"]

    assert list(unread) == ["route-planner"]
    assert others == [row for row in whole if row["app"] != "route-planner"]
    assert 0 < len(found) < len(whole)


def test_a_table_that_could_be_read_as_a_whole_has_no_failures(demo: Session) -> None:
    found, unread = demo.run(COLLECTED.format("costs")).values
    assert (list(found), list(unread)) == (rows(demo, "costs"), [])


def test_the_calls_of_a_table_are_listed_and_a_dry_run_makes_none(demo: Session) -> None:
    result = demo.run("heroku.tables.stages()")
    assert [call.path for call in result.calls] == [
        f"integrations.heroku.{name}" for name in ("list_pipelines", "list_pipeline_couplings", "list_apps")
    ]
    planned = demo.execute("return heroku.tables.costs()", Options(dry_run=True)).planned
    assert "heroku.list_dyno_sizes" in [call.function for call in planned]


def test_a_table_asks_the_account_that_its_call_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEROKU_API_KEY", raising=False)
    with Session() as session:
        result = session.run("return heroku.demo.tables.stages()")
    assert {call.account for call in result.calls} == {"demo"}
    assert len(result.value.rows) == len(company().apps)


def test_a_script_that_sets_the_names_that_a_table_uses_does_not_change_it(fresh: Session) -> None:
    before = rows(fresh, "costs")
    changed = fresh.run(
        "local costs = heroku.tables.costs\nlist.filter, list, heroku, ipairs, time = nil, nil, nil, nil, nil\n"
        "return costs()"
    )
    assert changed.value.rows == before


def test_an_error_in_a_call_of_a_table_names_the_line_of_the_script(demo: Session) -> None:
    with pytest.raises(UnknownNameError) as caught:
        demo.execute("local a = 1\nreturn heroku.nobody.tables.costs()", Options(name="cell"))
    assert caught.value.line == 2


def test_tables_that_need_each_other_are_an_error_that_names_the_way(own_tables: Path, fresh: Session) -> None:
    (own_tables / "one.lua").write_text(f"{HEAD}return heroku.tables.two()\n")
    (own_tables / "two.lua").write_text(f"{HEAD}return heroku.tables.one()\n")
    with pytest.raises(LuaRuntimeError, match="needs itself: one -> two -> one"):
        fresh.run("return heroku.tables.one()")


def test_the_same_table_may_be_made_several_times_at_once(demo: Session) -> None:
    made = demo.run("return parallel.map({ 1, 2, 3 }, function() return #heroku.tables.stages() end)").value
    assert made == [len(company().apps)] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("key: name", "key: app") + "return {}\n", "one.lua:3: the key has columns that the table"),
        (HEAD.replace("title", "severity") + "return {}\n", "one.lua:1: the head of a table has no `severity`"),
        (HEAD + "return {}\n" * 61, "has 61 lines of Lua, and a table has at most 60"),
    ],
)
def test_a_mistake_in_the_file_of_a_table_names_the_line(own_tables: Path, text: str, message: str) -> None:
    (own_tables / "one.lua").write_text(text)
    with pytest.raises(SettingsError, match=message):
        find_table("heroku", "one")


@pytest.mark.parametrize("column", ["app", "team", "kind"])
def test_each_group_of_costs_adds_up_to_the_whole(demo: Session, column: str) -> None:
    costs = rows(demo, "costs")
    whole = sum(row["monthly_usd"] or 0 for row in costs)
    assert whole > 0
    assert sum(row["monthly_usd"] or 0 for row in costs if row[column] is not None) == whole
    assert all(row["cents"] is None or row["cents"] == row["monthly_usd"] * 100 for row in costs)


def test_a_filtered_list_of_many_apps_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    with asked(company(60), monkeypatch) as session:
        apps, asked_for = session.run(
            "local apps = list.filter(heroku.list_apps(), function(app) return app.name ~= 'my-app' end)\n"
            "return #apps, #list.unique_by(heroku.list_domains({ app_id = apps }), 'app_id')"
        ).values
    assert (apps, asked_for) == (59, 59)


def test_the_files_of_tables_have_short_lines() -> None:
    for name in NAMES:
        table = find_table("heroku", name)
        body = [line for line in table.source.split("\n") if not line.startswith("-- ")]
        assert [line for line in body if len(line) > 100] == []


def test_the_text_of_a_check_is_read_with_those_of_the_tables_that_it_uses() -> None:
    for use in ("heroku.tables.costs()", "heroku.production.tables.costs()", 'heroku["my-team"].tables.costs()'):
        assert {"list_formation", "list_pipeline_couplings"} <= set(
            source_with_tables(use).replace("(", " ").replace(".", " ").split()
        )
    assert source_with_tables("return heroku.list_apps()") == "return heroku.list_apps()"


def test_a_database_that_cannot_be_read_is_called_by_its_name(demo: Session) -> None:
    result = demo.run('return heroku.tables.databases({ errors = "collect" })')
    assert [note for note in result.unread if "postgresql-spherical-36641 (403 forbidden)" in note] == result.unread
    assert {row["addon_id"] for row in result.failures} == {"86e10531-11bd-54ec-afbc-e0d20424e43f"}


def test_each_domain_has_its_certificate_or_the_reason_why_none_covers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = clean_company(3)
    app = next(app for app in whole.apps if app["team"] and len(custom_domains(whole, app)) == 2)
    apex, www = custom_domains(whole, app)
    [endpoint, other] = whole.at(ENDPOINTS, app)
    cert = endpoint["ssl_cert"]
    host = apex["hostname"]

    def told(names: list[str] | None, attached: bool, **fields: Any) -> tuple[Any, ...]:
        """Return the row of `www`, where the one certificate has these names, and is or is not attached to it."""
        cert.update(cert_domains=names)
        endpoint["domains"] = [apex["id"], *([www["id"]] if attached else [])]
        www.update(sni_endpoint={"id": endpoint["id"], "name": endpoint["name"]} if attached else None)
        www.update(fields)
        whole.put([endpoint], ENDPOINTS, app)
        with asked(whole, monkeypatch) as session:
            found = {row["hostname"]: row for row in rows(session, "certificates")}
            assert len(found) == sum(len(whole.resources_of(one).domains) for one in whole.apps)
        row = found[www["hostname"]]
        return row["covered"], row["certificate"], row["last_day"], row["reason"]

    name, last = endpoint["name"], cert["expires_at"][:10]
    assert told([host, www["hostname"]], attached=True) == (True, name, last, None)
    assert told([f"*.{host.upper()}"], attached=True) == (True, name, last, None)
    assert told(None, attached=True) == (True, name, last, None)
    assert told([host], attached=True) == (False, name, last, f"certificate {name} is not for this name")
    unattached = f"certificate {name} is for this name, and not attached to it"
    assert told([f"*.{host}"], attached=False) == (False, None, None, unattached)
    assert told([host], attached=False, acm_status="failing", acm_status_reason="Invalid DNS")[3] == (
        "ACM fails: Invalid DNS"
    )
    waits = told([host], attached=False, acm_status="in-progress", acm_status_reason=None)
    assert waits == (False, None, None, "ACM waits: in-progress")
    app["acm"] = False
    none = told([host], attached=False, acm_status=None)
    assert none == (False, None, None, "ACM is off, and no certificate is attached")
    assert other["name"] != name


def custom_domains(whole: Company, app: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the domains of an app that are not Heroku's, the shortest first."""
    custom = [one for one in whole.resources_of(app).domains if one["kind"] == "custom"]
    return sorted(custom, key=lambda one: len(one["hostname"]))
