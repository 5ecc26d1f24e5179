"""Records of several accounts in one list: a table's column `account` tells whose each is; JSON is as it came."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from kosmo_command import kosmo, on_terminal
from run_with import run_with

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.lua.messages import ValueBudget
from kosmo_kernel.lua.values import MAX_RECORDS_SENT_WHOLE, RemoteLists
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.render.tables import RecordView, table_of
from kosmo_kernel.session import Session
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.values.records import ACCOUNT, Records

if TYPE_CHECKING:
    from collections.abc import Iterator

Frame = Callable[..., Any]

DEMO = 19  # apps of the demo, which travel to Lua whole
MANY = MAX_RECORDS_SENT_WHOLE + 10  # apps of the other account, of which Lua gets as many as it looks at
EVERYWHERE = """
heroku = app.integrations.heroku
function everywhere(change)
  local all = {}
  for _, account in ipairs({ "demo", "other" }) do
    for _, app in ipairs(heroku[account].list_apps({})) do
      all[#all + 1] = change and change(app, account) or app
    end
  end
  return all
end
"""
DECLARED = [column.name for column in HEROKU.function("list_apps").columns]


@pytest.fixture
def other_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Yield an account beside the demo, with other apps."""
    with serve(DemoApi(company(MANY))) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY_OTHER", DEMO_TOKEN)
        yield


@pytest.fixture
def frame(other_account: None) -> Iterator[Frame]:
    """Yield a function that runs one numbered cell after the other, and returns the frame or the value."""
    numbers = iter(range(1, 1000))
    with Session("demo") as session:
        session.run(EVERYWHERE)

        def run(source: str, **options: Any) -> Any:
            result = run_with(session, source, number=next(numbers), **options)
            return result.frame() if isinstance(result.value, Records) else result.value

        yield run


def accounts(frame: pd.DataFrame) -> list[Any]:
    """Return the column, None where there is nobody's."""
    return [one if isinstance(one, str) else None for one in frame["account"]]


BOTH = ["demo"] * DEMO + ["other"] * MANY


def test_joined_records_say_whose_they_are_in_a_first_column(frame: Frame) -> None:
    joined = frame("return everywhere()")

    assert list(joined.columns) == ["account", *DECLARED]
    assert accounts(joined) == BOTH
    assert joined["account"].dtype == "str"
    assert joined["archived_at"].dtype == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    "change",
    [
        "app.note = 'seen'",
        "app.name = app.name:upper()",
        "app.notes = { 'seen' }",
        "for _ in pairs(app) do end",
        "app.owner.email = 'somebody@example.com'",
        "local one = { app } table.sort(one) app = one[1]",
    ],
)
def test_a_record_that_was_changed_is_still_of_its_account(frame: Frame, change: str) -> None:
    joined = frame(f"return everywhere(function(app) {change} return app end)")

    assert accounts(joined) == BOTH
    assert set(DECLARED) <= set(joined.columns)


def test_records_keep_their_account_when_they_are_sorted_and_filtered(frame: Frame) -> None:
    joined = frame("""
    local found = {}
    for _, app in ipairs(everywhere()) do if app.stack.name ~= "heroku-24" then found[#found + 1] = app end end
    table.sort(found, function(a, b) return a.name < b.name end)
    return found""")
    apart = frame("return everywhere()")

    assert list(joined["name"]) == sorted(joined["name"])
    assert set(joined["account"]) == {"demo", "other"}
    assert set(zip(joined["account"], joined["name"], strict=True)) <= set(
        zip(apart["account"], apart["name"], strict=True)
    )


def test_results_of_parallel_map_say_whose_they_are(frame: Frame) -> None:
    joined = frame("""
    local all = {}
    for _, apps in ipairs(parallel.map({ "other", "demo" }, function(name) return heroku[name].list_apps() end)) do
      table.move(apps, 1, #apps, #all + 1, all)
    end
    return all""")

    assert accounts(joined) == BOTH[::-1]


def test_lists_that_were_asked_for_several_apps_have_both_columns_in_front(frame: Frame) -> None:
    joined = frame("""
    local all = {}
    for _, one in ipairs({ heroku.demo, heroku.other }) do
      for _, dyno in ipairs(one.list_dynos({ app_id = one.list_apps() })) do all[#all + 1] = dyno end
    end
    return all""")

    assert list(joined.columns[:2]) == ["account", "app_id"]
    assert set(accounts(joined)) == {"demo", "other"}


def test_records_of_several_functions_say_whose_they_are(frame: Frame) -> None:
    joined = frame(
        "local h = heroku return { h.demo.get_app('my-app'), h.other.list_apps()[1], h.demo.list_apps()[2] }"
    )

    assert joined.columns[0] == "account"
    assert accounts(joined) == ["demo", "other", "demo"]


def test_long_lists_of_several_functions_say_whose_they_are(frame: Frame) -> None:
    joined = frame("""
    local all, demo = heroku.other.list_apps(), heroku.demo
    local access = demo.list_collaborators({ app_id = demo.list_apps() })
    return table.move(access, 1, #access, #all + 1, table.move(all, 1, #all, 1, {}))""")

    assert len(joined) > MANY + MAX_RECORDS_SENT_WHOLE
    assert accounts(joined) == ["other"] * MANY + ["demo"] * (len(joined) - MANY)


@pytest.mark.parametrize("kept", ["app", "everywhere()[2]", "heroku.demo.get_app('my-app')"])
def test_records_of_one_account_are_shown_as_ever(frame: Frame, kept: str) -> None:
    alone = frame(f"""
    local all = {{}}
    for _, app in ipairs(everywhere()) do if #all < {DEMO} then all[#all + 1] = {kept} end end
    return all""")

    assert len(alone) == DEMO
    assert "account" not in alone.columns


def test_a_table_of_the_scripts_own_has_no_account(frame: Frame) -> None:
    own = frame("return everywhere(function(app) return { name = app.name, on = app.stack } end)")
    beside = frame("local all = everywhere() table.insert(all, 1, { name = 'mine' }) return all")
    beside_one = frame("local all = heroku.demo.list_apps() all[#all + 1] = { name = 'mine' } return all")

    assert list(own.columns)[:2] == ["name", "on.id"]
    assert accounts(beside) == [None, *BOTH]
    assert "account" not in beside_one.columns


def test_a_field_of_that_name_is_left_alone(frame: Frame) -> None:
    named = frame("return everywhere(function(app, account) app.account = account:upper() return app end)")

    assert list(named.columns).count("account") == 1
    assert list(named.columns)[: len(DECLARED)] == DECLARED
    assert set(named["account"]) == {"DEMO", "OTHER"}


@pytest.mark.parametrize("change", ["", "for _ in pairs(app) do end", "app.notes = { 1 }", "app.note = 1"])
@pytest.mark.parametrize("kept", [DEMO + MANY, 2])
def test_what_an_earlier_cell_gave_is_still_of_its_account(frame: Frame, change: str, kept: int) -> None:
    frame(f"""
    local all, found = everywhere(), {{}}
    for place = 1, {kept} do found[place] = all[place == 1 and #all or place] end
    return found""")
    again = frame(f"local all = {{}} for i, app in ipairs(Out[1]) do {change} all[i] = app end return all")

    assert accounts(again) == ["other", *BOTH[1:kept]]


def test_records_that_earlier_cells_gave_by_themselves_are_still_of_their_accounts(frame: Frame) -> None:
    frame("return heroku.demo.list_apps()[1]")
    frame("return { heroku.demo.list_apps()[3] }")
    frame("local app = heroku.other.list_apps()[1] app.note = {} return app")
    frame("return heroku.other.list_apps()[2]")

    assert accounts(frame("return { Out[1], Out[2][1], Out[3], Out[4] }")) == ["demo", "demo", "other", "other"]


def test_a_record_that_goes_into_lua_is_still_of_its_account(frame: Frame) -> None:
    given = RecordView(frame("return heroku.demo.get_app('my-app')"))

    assert accounts(frame("return { given, heroku.other.list_apps()[1] }", inputs={"given": given})) == [
        "demo",
        "other",
    ]


@pytest.mark.parametrize("change", ["", "app.notes = { 1 }"])
def test_a_frame_with_the_column_goes_into_lua_and_back(frame: Frame, change: str) -> None:
    given = frame("return everywhere()")
    again = frame(
        f"""
        local all = {{}}
        for i, app in ipairs(given) do
          assert(("on " .. app.stack):find("^on [a-z]"))
          {change}
          if app.account == "other" then all[#all + 1] = app end
        end
        return all""",
        inputs={"given": given},
    )

    pd.testing.assert_frame_equal(pd.DataFrame(frame("return given", inputs={"given": given})), pd.DataFrame(given))
    assert list(again.columns)[: len(given.columns)] == list(given.columns)
    assert accounts(again) == ["other"] * MANY


def test_a_frame_of_few_rows_goes_into_lua_and_back_with_no_other_column(frame: Frame) -> None:
    given = frame("""
    local all = heroku.demo.list_dynos("my-app")
    for _, dyno in ipairs(heroku.other.list_dynos(heroku.other.list_apps()[1])) do all[#all + 1] = dyno end
    return all""")
    again = frame("for _, dyno in ipairs(given) do dyno.app.note = 1 end return given", inputs={"given": given})

    assert accounts(given)[-1] == "other"
    assert list(again.columns) == [*given.columns, "app.note"]


def test_a_variable_that_is_read_says_whose_its_records_are(other_account: None) -> None:
    with Session("demo") as session:
        result = run_with(session, f"{EVERYWHERE} mixed = everywhere()", outputs=("mixed",))
        shown = session.run("display(everywhere())").displays[0]

    assert table_of(result.outputs["mixed"]).names[0] == "account"
    assert "<th>account</th><th>name</th>" in shown.bundle["text/html"]


def test_a_table_counts_the_column_and_shows_it_for_all_rows(frame: Frame) -> None:
    records = Records([{"a": 1}, {"a": 2}, {"a": 3}], account=["demo", "demo", "other"])

    assert table_of(records, 2).names == ["account", "a"]
    assert table_of(records, 2).columns == [["demo", "demo"], [1, 2]]
    assert bundle_of(records)["text/plain"].splitlines()[0].split() == ["account", "a"]
    assert table_of(records.take([1, 0]), 2).names == ["a"]
    assert f" {len(DECLARED) + 1} columns" in repr(frame("return everywhere()"))


SHELL = EVERYWHERE + "return everywhere()"


def written(*args: str) -> str:
    done = kosmo("lua", "--demo", "-e", SHELL, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("other_account")
@pytest.mark.full
def test_tables_of_the_shell_have_the_column_too() -> None:
    lines = [line.split(",") for line in written().splitlines()]
    rows = list(csv.reader(io.StringIO(written("--format", "csv"), newline="")))
    terminal = on_terminal("lua", "--demo", "-e", SHELL)

    assert lines[0] == rows[0] == ["account", *DECLARED]
    assert [line[0] for line in lines[1:]] == [row[0] for row in rows[1:]] == BOTH
    assert written("--format", "markdown").startswith("| account | name |")
    assert written("--format", "table").split()[:2] == ["account", "name"]
    assert "account" in terminal
    assert "other" in terminal


@pytest.mark.usefixtures("other_account")
def test_json_is_what_was_sent() -> None:
    whole = json.loads(written("--json"))["result"][0]

    assert len(whole) == len(BOTH)
    assert {ACCOUNT.name} & set().union(*whole) == set()
    assert json.loads(written("--format", "json")) == whole


@pytest.mark.parametrize(
    "said",
    [
        {"account": "elsewhere"},
        {"account": 1},
        {"accounts": ["elsewhere", 2]},
        {"accounts": ["demo", 1]},
        {"accounts": ["demo", 3]},
        {"accounts": ["demo", 3, "", -1]},
        {"accounts": ["demo", 2, ""]},
        {"accounts": ["demo", 2.0]},
        {"accounts": [["demo"], 2]},
        {"accounts": 7},
    ],
)
def test_what_a_broken_child_says_of_accounts_is_taken_for_nothing(said: dict[str, Any]) -> None:
    handles = RemoteLists()
    handles.answer([Records([{"a": 1}], account="demo")], [])

    with pytest.raises((ValueError, TypeError)):
        handles.value({"form": "json", "blob": 1, **said}, [b'[{"a":1},{"a":2}]'], ValueBudget(Limits()))
