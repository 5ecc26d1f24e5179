"""A folder of one's own with a check and a table: in the shell, in a notebook, in Lua and from Python."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from kosmo_command import document, kosmo
from python_shell import no_notebooks

from kosmo_kernel import docs
from kosmo_kernel.checks.cell import ask_in_cell
from kosmo_kernel.checks.inventory import from_account
from kosmo_kernel.errors import LuaRuntimeError, SettingsError, UnknownNameError
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.python_api.namespace import namespace_named
from kosmo_kernel.questions.discovery import all_checks, find_table, table_names
from kosmo_kernel.session import Session

TABLE = """\
-- title: Apps by crew
-- about: One row for each app, with its team.
-- key: app
-- columns: app, team
-- order: app

return list.map(heroku.list_apps(), function(one)
  return { app = one.name, team = one.team and one.team.name }
end)
"""
CHECK = """\
-- title: Apps without a crew
-- severity: low
-- why: Nobody is responsible.
-- do: Hand the app on to a team.
-- scope: read
-- key: app
return list.reject(heroku.tables.apps_by_team(), "team")
"""


def write(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "apps_by_team.lua").write_text(TABLE)
    (folder / "without-team.lua").write_text(CHECK)
    return folder


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "config.toml").write_text('[checks]\nfolder = "questions"\n')
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(settings))
    return write(settings / "questions")


@pytest.fixture
def demo() -> Iterator[Session]:
    with Session("demo") as session:
        yield session


def test_the_tables_and_checks_of_the_folder_have_their_names(own: Path, demo: Session) -> None:
    rows = demo.run("return heroku.tables.apps_by_team()").value
    assert "apps_by_team" in table_names("heroku")
    assert "without-team" in [check.name for check in all_checks()]
    assert "apps_by_team" not in [check.name for check in all_checks()]
    assert [tuple(row) for row in rows[:1]] == [("app", "team")]
    assert [row["app"] for row in rows] == sorted(row["app"] for row in rows)


def test_both_give_the_same_rows_in_the_shell_in_notebooks_in_lua_and_from_python(
    own: Path, demo: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, report = document("check", "without-team", "--demo", "--at", "2026-11-20", "--json")
    _, printed = document("inventory", "--table", "apps_by_team", "--demo", "--json")
    rows = printed["rows"]
    found = [finding["record"] for check in report["checks"] for finding in check["findings"]]
    assert (code, report["now"], [row["app"] for row in found]) == (
        1,
        "2026-11-20T00:00:00Z",
        [row["app"] for row in rows if row["team"] is None],
    )

    for in_python in (False, True):  # a notebook of Lua, and one of Python
        variables: dict[str, Any] = {}
        context = NotebookContext(
            demo,
            in_python,
            ask=ask_in_cell,
            display=lambda _: None,
            set_variable=variables.__setitem__,
        )
        assert [dict(row) for row in run_command("table apps_by_team", context)] == rows
        assert [dict(row) for row in run_command("check without-team -v found --show", context)] == found
        assert list(variables["found"]["app"] if in_python else map(itemgetter("app"), variables["found"])) == [
            row["app"] for row in found
        ]
    assert list(demo.run("return heroku.tables.apps_by_team()").value.rows) == rows

    monkeypatch.setenv("KOSMO_DEMO", "1")
    with no_notebooks():
        heroku: Any = namespace_named("heroku")
        frame = heroku.tables.apps_by_team()
    assert list(frame.columns) == ["app", "team"]
    assert list(frame["app"]) == [row["app"] for row in rows]


def test_both_have_pages_that_a_search_finds(own: Path) -> None:
    pages = {"checks.without-team": "Apps without a crew", "heroku.tables.apps_by_team": "Apps by crew"}
    _, found = document("search", "crew", "--json")
    assert {one["page"]: one["title"] for one in [*found["checks"], *found["tables"]]}.items() >= pages.items()
    listed = kosmo("docs").stdout
    for page, title in pages.items():
        assert f"`{page}`: {title}" in docs.search(title)
        assert docs.read(page).startswith(f"# {title}\n")
        assert page in listed


def test_a_wrong_file_of_the_folder_is_named_and_hides_nothing_else(own: Path) -> None:
    (own / "wrong.lua").write_text(CHECK.replace("severity: low", "severity: lowest"))
    mistake = "wrong.lua:2: the severity is low, medium or high, got lowest."
    searched, listed = kosmo("search", "crew"), kosmo("docs")
    for done in (searched, listed):
        assert (done.returncode, "checks.without-team" in done.stdout, mistake in done.stderr) == (0, True, True)
    assert mistake in docs.search("crew")


def test_a_folder_on_the_command_line_has_its_tables_for_its_checks_and_nothing_else_has(tmp_path: Path) -> None:
    folder = write(tmp_path / "project")
    code, report = document("check", str(folder), "--demo", "--at", "2026-11-20", "--json")
    unnamed = kosmo("check", str(folder / "without-team.lua"), "--demo")
    assert (code, [one["name"] for one in report["checks"]]) == (1, ["without-team"])
    assert report["summary"]["findings"] > 0
    assert unnamed.returncode == 3
    assert "There is no table `apps_by_team`" in " ".join(unnamed.stdout.split())


def test_the_command_prints_a_table_of_the_folder(own: Path) -> None:
    done = kosmo("inventory", "--table", "apps_by_team", "--demo", "--format", "csv")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "app,team")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("apps", TABLE, None),
        ("my-apps", TABLE, "cannot name a table, which Lua calls by its name"),
        ("mine", TABLE.replace("columns: app, team", "columns: team"), "mine.lua:3: the key has columns"),
    ],
)
def test_a_wrong_file_is_an_error_and_the_name_of_a_shipped_table_stays_its_own(
    own: Path, demo: Session, name: str, text: str, message: str | None
) -> None:
    (own / f"{name}.lua").write_text(text)
    if message is None:
        assert find_table("heroku", name).columns[:2] == ("name", "team")
        return
    with pytest.raises(SettingsError, match=message):
        find_table("heroku", name)
    with pytest.raises((SettingsError, LuaRuntimeError, UnknownNameError), match=message):
        demo.run(f'return heroku.tables["{name}"]()')


def test_a_first_table_is_written_and_runs(own: Path) -> None:
    _, written = document("check", "--new", "idle", "--table", "--json")
    done = kosmo("inventory", "--table", "idle", "--demo", "--format", "csv")
    assert Path(written["file"]) == own / "idle.lua"
    assert done.stdout.splitlines()[:2] == ["app,team,made", "holiday-labels,larkmoor,2017-10-23"]
    assert kosmo("check", "--new", "idle-apps", "--table").returncode == 2
    assert kosmo("check", "--table", "--demo").returncode == 2


def test_an_inventory_has_the_tables_of_the_folder_and_names_one_that_fails(own: Path, demo: Session) -> None:
    (own / "wrong.lua").write_text(TABLE.replace("one.name", "one.name.x.y"))
    inventory = from_account(demo)

    assert [dict(row) for row in inventory.rows("apps_by_team")] == [
        {"app": row["name"], "team": row["team"]} for row in inventory.rows("apps")
    ]
    [wrong] = [unread for unread in inventory.unread if unread.name == "wrong"]
    assert ("attempt to index" in wrong.reason, wrong.items, inventory.has("wrong")) == (True, [], False)
