"""A call of a function that a library does not have names the one to use, and a null reference names its record."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kosmo_kernel.errors import LuaRuntimeError, UnknownFieldError
from kosmo_kernel.session import Session

CALLS = {
    "list.where({}, 'a')": "list has no `where`. Write list.filter",
    "list.fliter({}, 'a')": "list has no `fliter`. Write list.filter",
    "list.skip({}, 1)": "list has no `skip`. Write list.drop",
    "list.frobnicate({})": "list has no `frobnicate`; it has count_by, drop, filter, find, flatten, group_by, index_by",
    "('a,b'):split(',')": 'string has no `split`. Write text:gmatch("[^,]+")',
    "string.trim('a')": 'string has no `trim`. Write text:match("^%s*(.-)%s*$")',
    "string.uper('a')": "string has no `uper`. Write string.upper",
    "time.days_ago(3)": "time has no `days_ago`. Write time.ago",
    "io.open('/etc/passwd')": "io has no `open`: there is no network and there are no files here; it has read",
    "os.getenv('HOME')": "os has no `getenv`: a script cannot reach the system: no programs, no environment variables",
    "http.get('https://example.com')": "`http` is not set: there is no network and there are no files here.",
    "fetch('https://example.com')": "`fetch` is not set: there is no network and there are no files here.",
}
READS = {
    "local trim = string.trim or function(s) return 'own' .. s end return trim('x')": "ownx",
    "string.trim = string.trim or function(s) return 'own' .. s end return ('x'):trim()": "ownx",
    "function list.where(items) return #items end return list.where({ 1, 2 })": 2,
    "return list.where == nil and http == nil": True,
    "local n = 0 for name in pairs(time) do n = n + 1 end return n": 5,
}


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with Session("demo") as one:
        yield one


@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_what_a_library_does_not_have_names_what_to_write(lua: Session, call: str) -> None:
    with pytest.raises(LuaRuntimeError) as caught:
        lua.run(f"return {call}")
    assert CALLS[call] in caught.value.message


@pytest.mark.parametrize("code", READS)
def test_a_script_may_look_for_a_name_and_add_it(code: str) -> None:
    with Session("demo") as own:
        assert own.run(code).value == READS[code]


def test_a_field_of_a_null_reference_names_the_record_and_the_field(lua: Session) -> None:
    for code in (
        "return list.map(heroku.list_apps(), function(app) return app.team.name end)",
        "for _, app in ipairs(heroku.list_apps()) do local name = app.team.name end",
    ):
        with pytest.raises(
            LuaRuntimeError, match=r'field .team.\): "team" of "lost-and-found" is null\. It may be null'
        ):
            lua.run(code)


def test_a_field_of_any_other_nil_has_the_message_of_lua_alone(lua: Session) -> None:
    for code in (
        "local t = {} return t.team.name",
        "local app = heroku.get_app('my-app') local n = app.team t = {}\nreturn t.team.name",
    ):
        with pytest.raises(LuaRuntimeError) as caught:
            lua.run(code)
        assert caught.value.message.endswith("attempt to index a nil value (field 'team')")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "return heroku.list_config_vars('my-app')[1].value",
            "is never shown to a script. `fingerprint` is equal where two",
        ),
        ("return heroku.list_config_vars('my-app')[1].app", "With a list as `app_id`, each record has `app_id`"),
        ("return heroku.list_dynos('my-app')[1].app_id", "the name as the call has it; `app.name` is in each record."),
    ],
)
def test_a_field_that_is_often_expected_says_what_there_is_in_its_place(lua: Session, code: str, message: str) -> None:
    with pytest.raises(UnknownFieldError) as caught:
        lua.run(code)
    assert message in caught.value.message
