"""Completion of Lua text, asked of a real Lua state on the demo account."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from editor_state import completed, texts, worked
from patience import PATIENCE
from run_with import run_with

from kosmo_kernel import editor
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua.values import RemoteLists
from kosmo_kernel.session import Session
from kosmo_kernel.values.lua_literals import is_lua_name

APP = ["name", "team", "owner", "region", "stack"]  # how a row of `list_apps` begins


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with worked() as session:
        yield session


# What is there ------------------------------------------------------------------------------------------


def test_globals_and_locals_that_live_on_are_completed_by_what_was_typed(lua: Session) -> None:
    assert texts("gree|", lua) == ["greeting"]
    assert texts("twi|", lua) == ["twice"]
    assert texts("_G.gree|", lua) == ["greeting"]


def test_a_name_typed_in_another_case_is_found_where_none_is_exact(lua: Session) -> None:
    assert texts("ACC|", lua) == ["Account"]
    assert texts("string.FORM|", lua) == ["format"]


def test_a_match_replaces_the_word_before_the_cursor_counted_in_characters(lua: Session) -> None:
    found = completed("local s = 'héllo 🙂🙂' .. gree|.x", lua)
    assert ([match.text for match in found.matches], found.start, found.end) == (["greeting"], 24, 28)


def test_fields_of_live_tables_follow_a_dot_and_a_key_in_quotes(lua: Session) -> None:
    assert texts("settings.|", lua) == ["colour", "deep", "size"]
    assert texts("settings.deep.|", lua) == ["inner"]
    assert texts('settings["co|', lua) == ["colour"]
    assert texts("settings . co|", lua) == ["colour"]


def test_a_key_that_is_no_name_is_offered_in_quotes_only(lua: Session) -> None:
    assert texts('settings["|', lua) == ["colour", "deep", "my-key", "size"]


def test_items_of_live_lists_have_their_fields(lua: Session) -> None:
    assert texts("kinds[2].|", lua) == ["kind"]
    assert texts("settings[1].|", lua) == ["item"]
    assert texts("for _, k in ipairs(kinds) do k.|", lua) == ["kind"]


def test_fields_that_an_object_has_from_its_class_are_completed(lua: Session) -> None:
    assert texts("savings.|", lua) == ["deposit", "owner", "total", "__index"]
    assert completed("savings:|", lua).matches == (editor.Match("deposit", "function", "deposit(amount, note)"),)
    assert completed("savings.dep|", lua).matches[0].signature == "deposit(self, amount, note)"


def test_what_can_follow_in_a_record_of_each_function_is_known_from_its_facts(lua: Session) -> None:
    for function in HEROKU.functions:
        each = "for _, row in ipairs(heroku.{}) do " if function.returns == "list" else "local row = heroku.{} "
        start = each.format(function.example_call)
        fields = {column.path[0] for column in function.columns}
        assert set(texts(f"{start}row.|", lua)) == set(filter(is_lua_name, fields)), function.name
        for above in {column.path[:-1] for column in function.columns if len(column.path) > 1}:
            below = {column.path[len(above)] for column in function.columns if column.path[: len(above)] == above}
            shown = set(texts(f"{start}row.{'.'.join((*above, '|'))}", lua))
            assert shown == set(filter(is_lua_name, below)), (function.name, above)
        for column in function.columns:
            if not column.items:
                continue
            items = {item.path[0] for item in column.items}
            assert set(texts(f"{start}for _, item in ipairs(row.{column.name}) do item.|", lua)) == items, column.name


def test_a_record_in_a_list_of_a_live_record_has_its_fields(lua: Session) -> None:
    run_with(lua, 'builds = known.list_builds({ app_id = "my-app", newest = 1 })\npacks = builds[1].buildpacks')
    assert texts("packs[1].|", lua) == texts("builds[1].buildpacks[1].|", lua) == ["name", "url"]


def test_no_code_of_the_users_runs_while_somebody_types(lua: Session) -> None:
    assert texts("watched.|", lua) == []
    assert texts("watched[1].|", lua) == []


def test_functions_show_how_they_are_called(lua: Session) -> None:
    assert completed("sho|", lua).matches == (editor.Match("shout", "function", "shout(word, ...)"),)
    assert completed("string.rep|", lua).matches[0].signature == "string.rep(s, n [, between])"


def test_a_namespace_offers_its_functions_and_accounts_with_their_signatures(
    lua: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY_STAGING", "fictional")  # since Lua was started
    matches = {match.text: match for match in completed("app.integrations.heroku.|", lua).matches}
    assert {function.name for function in HEROKU.functions} | {
        "demo",
        "from_archive",
        "production",
        "staging",
        "tables",
    } == set(matches)
    assert matches["list_dynos"] == editor.Match("list_dynos", "function", "list_dynos({ app_id })")
    assert matches["demo"].type == matches["staging"].type == "module"
    assert completed("known.list_dynos|", lua).matches == (matches["list_dynos"],)
    assert texts("app.integrations.heroku.staging.list_dom|", lua) == ["list_domains"]
    assert texts('app.integrations.heroku["de|', lua) == ["demo"]


# What a call returned, or will return -------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "known.list_apps({})[1].|",
        "apps[1].|",
        "first.|",
        "mine.|",
        "report.apps[7].|",
        "report['apps'][1].|",
        "local rows = apps rows[2].|",
        "for _, app in ipairs(apps) do app.|",
        "for _, app in ipairs(report.apps) do app.|",
        "for i = 1, #apps do apps[i].|",
        "known.get_app('my-app').|",
        "table.sort(apps, function(a, b) return a.|",
        "local all = parallel.map(apps, function(app) return app.|",
        "local newest = table.remove(apps) newest.|",
        "list.filter(apps, function(app) return app.|",
        "local some = list.sort_by(list.filter(apps, 'maintenance'), function(app) return app.|",
        "list.take(known.list_apps(), 3)[1].|",
        "list.find(apps, { name = 'my-app' }).|",
        "list.flatten(parallel.map({ 'a' }, known.list_apps))[2].|",
        "list.map({ 'a' }, known.get_app)[1].|",
        "for stack, group in pairs(list.group_by(apps, 'stack')) do group[1].|",
        "local by = list.index_by(known.list_apps(), 'name') by['my-app'].|",
        "local ok, app = pcall(known.get_app, 'my-app') app.|",
        "local one = assert(known.get_app('my-app')) one.|",
        "local t = { rows = known.list_apps() } t.rows[1].|",
        "local none, one = 1, known.get_app('x') one.|",
        "local app = apps[3] or {} app.|",
        "local app = #apps > 0 and apps[1] app.|",
        "(known.get_app('x')).|",
    ],
)
def test_records_have_the_fields_of_the_catalogue(text: str, lua: Session) -> None:
    assert texts(text, lua)[: len(APP)] == APP


def test_keys_and_tests_of_lists_are_fields_of_their_records(lua: Session) -> None:
    assert texts("list.sort_by(apps, 'owner.|", lua) == ["owner.email", "owner.id"]
    assert texts("list.join(known.list_apps(), ', ', 'rele|", lua) == ["released_at"]
    assert texts("list.filter(apps, { mainten|", lua) == ["maintenance = "]
    assert texts("list.sort_by(apps, 'name', '|", lua) == ["asc", "desc"]
    assert texts("list.filter({ 'a' }, '|", lua) == []


def test_records_in_records_have_theirs(lua: Session) -> None:
    assert texts("apps[1].owner.|", lua) == ["email", "id"]
    assert texts("first.owner.|", lua) == ["email", "id"]
    assert texts("mine.owner.|", lua) == ["email", "id"]
    assert texts("for _, app in ipairs(known.list_apps()) do app.stack.|", lua) == ["name", "id"]
    assert texts("dynos[1].release.|", lua) == ["version", "id"]
    assert texts("first.name.|", lua) == []


def test_a_list_of_apps_gives_records_that_say_whose_they_are(lua: Session) -> None:
    assert texts("known.list_dynos({ app_id = { 'a', 'b' } })[1].app_|", lua) == ["app_id"]
    assert texts("known.list_dynos({ app_id = apps })[1].app_|", lua) == ["app_id"]
    assert texts("known.list_dynos({ app_id = 'a' })[1].app_|", lua) == []
    assert texts("known.get_app({ 'a', 'b' })[1].app_|", lua) == ["app_id"]


def test_what_failed_has_its_fields(lua: Session) -> None:
    assert texts("local rows, failures = known.list_dynos({ app_id = apps }) failures[1].|", lua) == [
        *("app_id", "type", "status", "id", "message", "request_id")
    ]
    assert "retryable" in texts("local ok, why, facts = pcall(known.get_app, 'x') facts.|", lua)
    assert "lower" in texts("local ok, why, facts = pcall(known.get_app, 'x') facts.message:|", lua)


def test_completing_makes_no_request_and_leaves_lists_as_lazy_as_they_are(
    lua: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    lua.run("lazy = known.list_apps()")
    asked: list[object] = []
    for question in ("column", "rows"):  # what a script asks for when it looks into a list
        monkeypatch.setattr(RemoteLists, question, lambda _handles, *about: asked.append(about))
    before = lua.last
    for text in ("lazy[1].", "lazy[1].owner.", "for _, app in ipairs(lazy) do app.", "known.list_apps()[1].", "lazy"):
        editor.complete(text, len(text), lua)
        editor.inspect(text, len(text), lua)
    assert (lua.last is before, asked) == (True, [])
    monkeypatch.undo()
    assert lua.run("return lazy").value is lua.run("return lazy").value  # the parent's own: no row was looked at
    assert lua.run("return apps").value is not lua.run("return apps").value


# Strings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '("x"):up|',
        "greeting:up|",
        "local s = 'a' .. 'b' s:up|",
        "local s = tostring(1) s:up|",
        "local s = ('x'):rep(3) s:up|",
        "local s = greeting:lower() s:up|",
        "first.name:up|",
        "first.stack:up|",
        "mine.stack:up|",
        "known.list_apps()[1].region:up|",
        "for word in ('a b'):gmatch('%a') do word:up|",
        "local t = { name = 'x' } t.name:up|",
    ],
)
def test_strings_and_what_reads_as_one_have_the_methods_of_the_string_library(text: str, lua: Session) -> None:
    assert completed(text, lua).matches == (editor.Match("upper", "function", "string.upper(s)"),)


def test_pages_are_completed_inside_the_call_that_reads_them(lua: Session) -> None:
    found = completed('print(docs.read("heroku.list_a|', lua)
    names = [f"heroku.{function.name}" for function in HEROKU.functions if function.name.startswith("list_a")]
    assert [(match.text, match.type) for match in found.matches] == [(name, "path") for name in names]
    assert (found.start, found.end) == (17, 30)
    assert "heroku" in texts("docs.read 'her|", lua)
    assert "heroku" in texts("local read = docs.read read('|", lua)


def test_words_that_a_function_knows_are_completed_in_its_strings(lua: Session) -> None:
    assert texts("collectgarbage('|", lua) == ["collect", "count"]
    assert texts("os.time('|", lua) == []


# Arguments ----------------------------------------------------------------------------------------------


def test_between_the_braces_of_a_call_its_missing_arguments_come_first(lua: Session) -> None:
    assert texts("known.list_dynos({ |", lua)[:2] == ["app_id = ", "errors = "]
    assert texts("known.list_dynos{ app_id = 'my-app', |", lua)[:1] == ["errors = "]
    assert texts("local f = known.get_app f({ app|", lua)[0] == "app_id = "
    assert texts("known.get_app({ app|_id = 'x' })", lua)[0] == "app_id"
    assert "app_id = " not in texts("known.get_app({ app_id = |", lua)
    assert "app_id = " not in texts("known.get_app({ app_id = { |", lua)
    assert "app_id = " not in texts("known.list_apps({ |", lua)


def test_an_argument_says_what_it_must_be(lua: Session) -> None:
    assert completed("known.list_dynos({ |", lua).matches[0] == editor.Match(
        "app_id = ", "param", "app_id: string or list"
    )


def test_an_argument_with_few_values_offers_them(lua: Session) -> None:
    assert texts("known.list_dynos({ app_id = apps, errors = |", lua)[0] == '"collect"'
    assert texts("known.list_dynos({ errors = '|", lua) == ["collect"]
    assert texts("display.html('x', { update = |", lua)[:2] == ["true", "false"]


def test_options_of_library_functions_are_completed_in_their_table(lua: Session) -> None:
    assert texts("display(greeting, { |", lua)[0] == "id = "
    assert texts("display({ |", lua)[0] != "id = "
    assert texts("os.time({ year = 2025, |", lua)[:2] == ["month = ", "day = "]


# Where nothing is, and nobody answers -------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["-- settings.|", "--[[ settings.|", "print('settings.|", "x = 12|", "nothing.|", ").|", "f(1)[2].|"]
)
def test_nothing_is_offered_where_nothing_can_be_known(text: str, lua: Session) -> None:
    assert texts(text, lua) == []


def test_names_that_are_bound_in_a_circle_end_the_search(lua: Session) -> None:
    assert texts("local a = b local b = a a.|", lua) == []
    assert texts("x = x or x " * 40 + "x.|", lua) == []
    assert texts("local t = {} t.a = t t.a.b = t t.a.|", lua) == ["b"]


def test_without_a_lua_state_the_text_the_library_and_the_catalogue_answer() -> None:
    assert texts("string.for|", None) == ["format"]
    assert texts("local h = app.integrations.heroku h.list_do|", None) == ["list_domains"]
    assert texts("local h = app.integrations.heroku h.demo.list_do|", None) == ["list_domains"]
    assert texts("for _, app in ipairs(app.integrations.heroku.list_apps()) do app.owner.|", None) == ["email", "id"]
    assert texts("tostr|", None) == ["tostring"]


def test_a_script_that_runs_holds_no_completion_up() -> None:
    with worked() as busy:
        inside = threading.Event()

        def loop() -> None:
            with suppress(KosmoError):  # it is interrupted
                run_with(
                    busy, "io.stderr:write('.') print('in') while true do end", on_output=lambda *_text: inside.set()
                )

        run = threading.Thread(target=loop)
        run.start()
        try:
            assert inside.wait(PATIENCE)
            found = texts("local h = app.integrations.heroku h.list_do|", busy), texts("greet|", busy)
            runs_on = run.is_alive()
        finally:
            busy.interrupt()
            run.join()
        assert (found, runs_on) == ((["list_domains"], []), True)
        assert texts("greet|", busy) == ["greeting"]


# Names that were listed ----------------------------------------------------------------------------------


class Listed:
    """A session that is busy, and has listed teams."""

    account = "demo"
    teams = ("atlas", "at\u202eback", "at\x1b[31m", 'at"quote', "at\\slash", "atlas two")

    def names(self, chain: object) -> list[tuple[str, str]]:
        raise KosmoError("busy")

    def resolve(self, chain: object) -> dict[str, object] | None:
        raise KosmoError("busy")

    def last_list(self, *of: str) -> list[dict[str, object]]:
        return [{"name": name} for name in self.teams] if of == ("heroku", "list_teams", "demo") else []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('app.integrations.heroku.list_dynos({ app_id = "my-|', ["my-app"]),
        ("heroku.list_dynos{ app_id = 'my-|'}", ["my-app"]),
        ("known.get_app('my-|", ["my-app"]),
        ("local h = app.integrations.heroku h.list_domains({ app_id = { 'booking-api', 'my-|", ["my-app"]),
        ("heroku.default.get_app({ app_id = 'my-|", ["my-app"]),
        ("heroku.demo.get_app({ app_id = 'my-|", ["my-app"]),
        ("heroku.ops.get_app({ app_id = 'my-|", []),
        ("heroku.list_team_members({ team = 'my-|", []),
    ],
)
def test_names_in_a_list_of_this_session_are_completed_in_an_argument(
    text: str, expected: list[str], lua: Session
) -> None:
    assert texts(text, lua) == expected
    assert texts(text, None) == []


@pytest.mark.parametrize(("option", "expected"), [("", ["my-app"]), ("-a demo", ["my-app"]), ("--account=default", [])])
def test_the_names_are_those_of_the_account_of_the_cell(option: str, expected: list[str], lua: Session) -> None:
    for cell in ("%%kosmo_lua {}\nheroku.get_app('my-", "x = 1\n%kosmo_lua {} heroku.get_app('my-"):
        text = cell.format(option)
        place = editor.lua_at_cursor(text, len(text))
        assert place is not None
        assert [match.text for match in place.complete(lua).matches] == expected


def test_names_are_completed_while_lua_runs_and_only_those_that_are_plain_text() -> None:
    assert texts("heroku.list_team_members({ team = 'at|", Listed()) == ["atlas", "atlas two"]
