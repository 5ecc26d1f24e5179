"""Reading a misspelt field of a record is an error, on the demo account and with records of a service of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lua_host import Answers, app, failure, machine, values
from run_with import run_with

from kosmo_kernel.errors import LuaRuntimeError, UnknownFieldError
from kosmo_kernel.lua import values as values_module
from kosmo_kernel.session import Session

ALL = "local apps = heroku.list_apps() local dynos = heroku.list_dynos({ app_id = apps })\n"
MISSPELT = {
    "local n = 0 for _, d in ipairs(dynos) do if d.stat == 'crashed' then n = n + 1 end end": (
        "dynos",
        "stat",
        "state",
    ),
    "return dynos[1].app.nam": ("dynos", "app.nam", "app.name"),
    "return dynos[1].release.verison": ("dynos", "release.verison", "release.version"),
    "return dynos[1].sise": ("dynos", "sise", "size"),
    "return dynos[1].aplication": ("dynos", "aplication", None),
    "return dynos[1].app_ip": ("dynos", "app_ip", "app_id"),
    "return dynos[1]['update_at']": ("dynos", "update_at", "updated_at"),
    "table.sort(dynos, function(a, b) return a.nmae < b.nmae end)": ("dynos", "nmae", "name"),
    "parallel.map(apps, function(one) return one.stak end)": ("apps", "stak", "stack"),
    "return apps[1].stack.nmae": ("apps", "stack.nmae", "stack.name"),
    "return apps[1].owner.mail": ("apps", "owner.mail", "owner.email"),
    "return apps[1].maintainance and 1": ("apps", "maintainance", "maintenance"),
    "return 'x' .. apps[1].web_ulr": ("apps", "web_ulr", "web_url"),
    "for k in pairs(dynos[1]) do end return dynos[1].stat": ("dynos", "stat", "state"),
    "dynos[1].mine = {} return dynos[1].comand": ("dynos", "comand", "command"),
    "return heroku.get_app('my-app').created": ("an app", "created", "created_at"),
    "return heroku.get_current_user().emal": ("the current user", "emal", "email"),
    "return heroku.list_addons('my-app')[1].plan.nam": ("addons", "plan.nam", "plan.name"),
    "return heroku.list_domains('my-app')[1].hostnam": ("domains", "hostnam", "hostname"),
    "return heroku.list_collaborators('my-app')[1].email": ("collaborators", "email", "user.email"),
    "return coroutine.wrap(function() return apps[1].regoin end)()": ("apps", "regoin", "region"),
    "local f = load('return ...') return f(apps[1]).regoin": ("apps", "regoin", "region"),
}
IDIOMS = [
    "for _, d in ipairs(dynos) do if not d.seen then d.seen = true end end return dynos[2].seen == true",
    "dynos[1]['mark'] = 1 return dynos[2].mark == nil",
    "apps[1].x, apps[1].y = 1, 2 return apps[2].x == nil and apps[2].y == nil",
    "local key = 'dynamic' dynos[1][key] = 1 return dynos[2][key] == nil",
    "local one = heroku.get_app('my-app') rawset(one, 'raw', 1) return heroku.get_app('my-app').raw == nil",
    "return rawget(dynos[1], 'stat') == nil and dynos[1][5] == nil and dynos[1][true] == nil",
    "return apps[1].archived_at == nil and apps[1].space == nil and apps[1].team ~= false",
    "return json.decode('{}').stat == nil and ({}).stat == nil",
    "return parallel.map({ 1 }, function() return { name = 'x' } end)[1].stat == nil",
    "return setmetatable({}, { __index = function() return 'own' end }).stat == 'own'",
    "local copy = {} for k, v in pairs(dynos[1]) do copy[k] = v end return copy.stat == nil",
    "return next(dynos[1]) ~= nil and json.encode(dynos[1]):find('stat') ~= nil and dynos.n == nil",
    "load('local t = {} t.made_by_load = 1')() return apps[1].made_by_load == nil",
    "function apps.total() return 1 end return apps.total() == 1 and apps[1].total == nil",
    "return select(3, heroku.list_dynos({ app_id = { 'no-such' }, errors = 'collect' })) == nil",
    "return apps[1].stack:upper():find('HEROKU') == 1 and dynos[1].app.name:len() > 0",
]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session("demo") as one:
        yield one


@pytest.mark.parametrize("script", MISSPELT)
def test_a_misspelt_field_is_an_error_with_the_nearest_fields(session: Session, script: str) -> None:
    subject, name, nearest = MISSPELT[script]
    with pytest.raises(UnknownFieldError) as caught:
        session.run(ALL + script)
    verb = "has" if subject.startswith(("an ", "the ")) else "have"
    assert f': {subject} {verb} no field "{name}". ' in caught.value.message
    assert caught.value.line == 2
    if nearest:
        assert f'Did you mean "{nearest}"' in caught.value.message
        assert caught.value.suggestions[0] == nearest
    else:
        assert "There are " in caught.value.message


ROWS = [
    "list.filter(costs, { tema = 'larkmoor' })",
    "list.count_by(list.take(costs, 2), 'tema')",
    "list.map(list.filter(costs, { team = 'nobody' }), 'tema')",
    "list.map({ costs[1], costs[2] }, 'tema')",
    "costs[1].tema",
]


@pytest.mark.parametrize("script", ROWS)
def test_a_misspelt_field_of_the_rows_of_a_table_is_an_error(session: Session, script: str) -> None:
    with pytest.raises(UnknownFieldError, match=r'heroku\.tables\.costs have no field "tema"\. Did you mean "team"'):
        session.run(f"local costs = heroku.tables.costs() return {script}")


def test_a_row_of_a_table_takes_fields_and_may_lack_columns(session: Session) -> None:
    costs = "local costs = heroku.tables.costs() costs[1].share = 5 "
    assert session.run(f"{costs}return costs[1].share, costs[2].share, #list.map(costs, 'stage')").values == [
        5,
        None,
        55,
    ]
    with pytest.raises(UnknownFieldError, match=r"This is a list, which has no field .team.; the records of heroku"):
        session.run(f"{costs}return costs.team")


@pytest.mark.parametrize("script", IDIOMS)
def test_an_optional_field_may_be_read(session: Session, script: str) -> None:
    assert session.run(ALL + script).value is True


def test_a_field_that_an_earlier_cell_assigns_may_be_read(session: Session) -> None:
    session.run("kept = heroku.list_apps()")
    with pytest.raises(UnknownFieldError):
        session.run("return kept[1].note")
    session.run("if false then kept[2].note = 'a' end")
    assert session.run("return kept[1].note").value is None


def test_the_name_of_an_app_that_only_the_call_has_is_said_to_be_in_app_id(session: Session) -> None:
    with pytest.raises(
        UnknownFieldError, match=r'no field "app\.name"\. With a list as `app_id`, each record has `app_id`'
    ):
        session.run("return heroku.list_builds('my-app')[1].app.name")


def test_reading_a_field_of_a_list_that_its_records_have_is_an_error(session: Session) -> None:
    with pytest.raises(UnknownFieldError, match=r"This is a list, which has no field .name."):
        session.run(ALL + "return dynos.name")


@pytest.mark.parametrize(
    ("read", "how"),
    [
        ("apps['stack.name']", 'items[1].stack.name, or of all: list.map(items, "stack.name")'),
        ("apps[1]['stack.name']", 'Write item.stack.name, and for all of them list.map(items, "stack.name").'),
        ("heroku.get_app('my-app')['owner.email']", "Write item.owner.email"),
    ],
)
def test_a_column_of_a_frame_that_is_read_as_a_field_is_an_error_that_says_how(
    session: Session, read: str, how: str
) -> None:
    with pytest.raises(UnknownFieldError) as caught:
        session.run(f"local apps = heroku.list_apps() return {read}")
    assert how in caught.value.message


def test_a_script_may_give_a_list_a_field_with_a_dot(session: Session) -> None:
    source = "local apps = heroku.list_apps() local v = apps['region.name'] apps['region.name'] = 1 return v"
    assert session.run(source).value is None


def test_pcall_and_facts_tell_the_mistake(session: Session) -> None:
    script = "local ok, message, facts = pcall(function() return apps[1].stak end) return message, facts.type"
    assert session.run(ALL + script).values == [
        'Lua:2: apps have no field "stak". Did you mean "stack"?',
        "unknown_field",
    ]


def test_records_that_come_from_python_are_plain(session: Session) -> None:
    apps = session.run("return heroku.list_apps()").value
    frame = session.run("return heroku.list_dynos({ app_id = heroku.list_apps() })").frame()
    inputs = {"apps": apps, "frame": frame, "all": {"apps": apps}}
    script = "return apps[1].stak == nil and frame[1].stat == nil and all.apps[1].stak == nil and frame.name == nil"
    assert run_with(session, script, inputs=inputs).value is True


@pytest.mark.parametrize("most", [0, 50])
def test_a_field_that_another_record_of_the_list_has_may_be_read(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values_module, "MAX_RECORDS_SENT_WHOLE", most)
    host = Answers([app("one"), app("two", beta=1, empty=None)])
    call = "local l = app.integrations.heroku.list_apps()\n"
    with machine() as lua:
        assert values(lua, call + "return l[1].beta == nil and l[1].empty == nil", host) == [True]
        assert values(lua, call + "for k in pairs(l[1]) do end return l[1].beta == nil", host) == [True]
        assert "no field" in str(failure(lua, call + "for k in pairs(l[1]) do end return l[1].betta", host).error)


@pytest.mark.parametrize("name", ["length", "len", "size", "count", "lenght"])
def test_a_length_of_another_language_is_an_error_that_says_how_lua_writes_it(session: Session, name: str) -> None:
    with pytest.raises(LuaRuntimeError, match=r"a list has no field `\w+`: `#items` is the length"):
        session.run(f"local apps = heroku.list_apps() return apps.{name}")
