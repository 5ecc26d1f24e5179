"""Joining what cannot be joined is told as plain Lua tells it, with the name of the variable or field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lua_host import failure, machine, values
from lupa import lua54

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.lua.machine import Machine

FRONT = (
    "local t, s, n, r = { in_ = {}, yes = true, list = { {} }, call = function() end }, 'text', nil, {}\n"
    "name, t.ok = nil, 'ok' do local app = {} "
)
END = " end"
OPERANDS = {
    "a local": "n", "a field": "t.nme", "a field of a name that is known": "app.nme", "a nested field": "t.in_.gone",
    "a global": "nothing", "a known global": "name", "a global through its table": "_ENV.nothing",
    "an integer index": "t[1]", "a large index": "t[1000]", "a text as index": "t['q w']",
    "an index by variable": "t[s]", "an index by the number of a variable": "t[#s]",
    "a field of an element": "t.list[1].gone",
    "a nested integer index": "t.in_[7]", "a call": "(function() end)()", "a call of a field": "t.call()",
    "a method": "t:call()", "parentheses": "(n)", "an alternative": "(n or nil)", "nil itself": "nil",
    "a field of a text": "s.gone", "a field by a boolean": "t[true]", "a boolean": "t.yes", "a table": "t.in_",
    "an element by a joined key": "t['a' .. s]",
}  # fmt: skip
PLACES = {
    "the last of two": "'a' .. {}", "the first of two": "{} .. 'a'", "the first of three": "{} .. s .. 'c'",
    "in the middle": "s .. {} .. t.ok", "the last of three": "s .. t.ok .. {}",
    "the last of many": "1 .. s .. 2 .. 'c' .. {}",
    "the first of two that cannot": "{} .. n", "the second of two that cannot": "n .. {}",
    "inside parentheses": "('a' .. {}) .. 'b'", "beside other joins": "(s .. t.ok) .. (s .. {} .. s)",
    "in an argument": "tostring(s .. s, 'a' .. {})", "in a constructor": "{ x = s .. s, y = s .. {} }",
    "over several lines": "s ..\n  t.ok ..\n  {}", "in an upvalue's function": "(function() return s .. {} .. s end)()",
    "after a comparison": "s == 'x' or 'a' .. {} == 'b'",
}  # fmt: skip
MORE = [
    "local x = t.ok .. s; local y = s .. t.a; local z = s .. t.b",
    "r.a = s .. t.ok; r.b = s .. t.gone; r.c = s .. t.other",
    "x = s .. t.ok; y = t.gone .. s",
    "local function f(p) return p .. 'a' end return f()",
    "local function f(...) return 'a' .. ... end return f()",
    "local function f(...) local a, b = ... return a .. b end return f('a')",
    "for i = 1, 2 do s = s .. t[i] end",
    "for _, v in ipairs({ 1 }) do s = s .. v .. t.gone end",
    "local n = 'x' do local n; s = n .. s end",
    "n = n .. 'x'",
    "t.x = t.x .. 'x'",
    "local c <const> = nil return 'a' .. c",
    "local co = coroutine.wrap(function() return 'a' .. t.gone end) co()",
    "if s then s = s .. t.gone else s = s .. t.other end",
    "return select('#', pcall(error)), 'a' .. t.gone",
    "return load('local t = {} return 1 .. t.nme')()",
    "goto on ::on:: return s .. (t.gone)",
    "while true do s = s .. t['and'] end",
    "local _ENV = { s = s } return s .. gone",
    "return -#s .. t.gone .. s",
    "local long = '" + "x" * 300 + "' return t['" + "y" * 60 + "'] .. long",
]


def quoted(source: str) -> str:
    """Return a text as Lua writes it."""
    return f"[=[{source}]=]"


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


def told(source: str) -> str:
    """Return what Lua 5.4 itself says, without the place."""
    plain = lua54.LuaRuntime()
    fails = plain.eval("function(s) local f = assert(load(s, '=cell')) return select(2, pcall(f)) end")
    return str(fails(source)).rpartition(": ")[2]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_an_operand_is_named_as_plain_lua_names_it(lua: Machine, place: str) -> None:
    sources = [FRONT + f"return {place.replace('{}', operand, 1)}{END}" for operand in OPERANDS.values()]
    lines = [f"select(2, pcall(load({quoted(source)}, '=cell')))" for source in sources]
    found = values(lua, "return {" + ", ".join(lines) + "}")[0]
    said = {source: str(message).rpartition(": ")[2] for source, message in zip(sources, found, strict=True)}
    assert said == {source: told(source) for source in sources}


@pytest.mark.parametrize("source", MORE)
def test_a_join_that_fails_is_told_as_plain_lua_tells_it(lua: Machine, source: str) -> None:
    whole = FRONT + source + END
    assert str(failure(lua, whole).error).rpartition(": ")[2] == told(whole)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("app.name .. app.other .. app.name", " (field 'other')"),
        ("app.stack .. ' ' .. app.stack.other", " (field 'other')"),
        ("'a' .. apps[3]", " (field 'integer index')"),
        ("'a' .. apps.nme", " (field 'nme')"),
        ("app.stack .. url", " (local 'url')"),
        ("nothing .. app.stack", " (global 'nothing')"),
        ("(function() return app.stack .. url end)()", " (upvalue 'url')"),
        ("app.name .. (url or nil)", ""),
    ],
)
def test_an_operand_beside_records_is_named_too(lua: Machine, expression: str, named: str) -> None:
    front = "do local heroku = app.integrations.heroku\nlocal apps = heroku.list_apps({})\n"
    locals_ = "local app, url = apps[1], apps[1].web_url\napp.other, app.stack.other = nil"
    source = f"{front}{locals_}\nreturn {expression} end"
    message = str(failure(lua, source).error)
    assert message.rpartition(": ")[2] == f"attempt to concatenate a nil value{named}"


def test_a_local_of_an_earlier_cell_is_the_upvalue_that_it_is_in_this_one(lua: Machine) -> None:
    values(lua, "local kept_one = nil")
    assert str(failure(lua, "return 'a' .. kept_one").error).endswith("a nil value (upvalue 'kept_one')")


def test_a_join_in_a_long_function_is_found_by_its_line(lua: Machine) -> None:
    many = "".join(f"do local v{n} = {n}.5 .. 'x' end\n" + "\n" * (n % 200) for n in range(400))
    source = f"local t = {{}}\n{many}local a = 'a' .. t.here\n{many}return 'a' .. t.there"
    assert told(source) == "attempt to concatenate a nil value (field 'here')"
    assert str(failure(lua, source).error).endswith(told(source))
