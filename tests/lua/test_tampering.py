"""Test that what a script does to its own world stays there: the product's own machinery works as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from full_matrix import full_except
from lua_host import Answers, failure, machine, printed, run, values

from kosmo_kernel import errors

if TYPE_CHECKING:
    from kosmo_kernel.lua.machine import Machine

FORGED = [
    "setmetatable({}, { kind = 'unfilled', state = { handle = 1 } })",
    "setmetatable({}, { kind = 'unfilled', state = { handle = { 1 } }, type = { root = true, name = { 'x' } } })",
    "setmetatable({}, { kind = 'row', state = {}, path = {} })",
    "setmetatable({}, { kind = 'record', keys = 1, nulls = 1 })",
    "setmetatable({}, { kind = 'namespace', list = function() while true do end end })",
    "setmetatable({}, setmetatable({}, { __index = function() while true do end end }))",
]


USES = ["return {0}", "return {{ {0} }}", "print({0})", "return json.encode({0})"]


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("use", full_except(USES, *USES[::3]))
def test_a_metatable_that_imitates_ours_is_an_ordinary_one(forged: str, use: str) -> None:
    with machine() as lua:
        run(lua, "kept = app.integrations.heroku.list_apps({})")
        run(lua, use.format(forged), cpu=2.0)

        assert isinstance(failure(lua, f"x = {forged} .. ''", cpu=2.0).error, errors.LuaRuntimeError)
        assert values(lua, "#kept") == [2]


def working(lua: Machine) -> bool:
    """Return whether records, printing, errors, names and pages work."""
    host = Answers()
    (rows,) = values(lua, "app.integrations.heroku.list_apps({})", host)
    names = lua.ask("names", chain=["app", "integrations", "heroku"])["names"]
    return list(rows) == host.rows and "list_apps" in names and lua.ask("check", "for")["state"] == "incomplete"


@pytest.mark.claim("lua-no-tampering")
@pytest.mark.parametrize(
    "tampering",
    [
        "string = nil",
        "for k in pairs(string) do string[k] = nil end",
        "for k in pairs(table) do table[k] = function() error('tampered') end end",
        "pcall, error, type, next, pairs, ipairs, select, tostring, rawget, rawset, setmetatable = nil",
        "setmetatable(_G, { __index = function() error('tampered') end, __newindex = function() end })",
        "setmetatable(_G, { __pairs = function() while true do end end, __metatable = 'mine' })",
        "json.encode, json.decode, json.null = nil",
        "json.array(json) json.object(_G)",
        "pcall(json.object, app) pcall(json.array, json.null) pcall(setmetatable, app, {})",
        "local _ENV = {}",
        "local _ENV <const> = {}",
        "app, docs, json = nil, nil, nil",
        "coroutine.running = nil coroutine.wrap = nil",
        "print = function() while true do end end",
        "_G['\\255'] = 1 x = { ['\\255'] = 1 } y = '\\255'",
        "error = function() end assert = error",
    ],
)
def test_tampering_ends_with_the_script(tampering: str) -> None:
    with machine() as lua:
        run(lua, "integrations = app.integrations")
        run(lua, tampering)
        source = "local rows = integrations.heroku.list_apps({})\nreturn rows[1].name"

        assert "list_apps" in lua.ask("names", chain=["integrations", "heroku"])["names"]
        assert lua.ask("resolve", chain=["y"])["kind"] == "resolved"
        assert lua.ask("check", "for")["state"] == "incomplete"
        assert values(lua, source) == ["one"]


@pytest.mark.parametrize(
    "thrown",
    [
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "error(setmetatable({}, { __tostring = function() return 1 end }))",
        "error(setmetatable({}, { __tostring = function() error('again') end }))",
        "error(setmetatable({}, { __tostring = function() return ('x'):rep(1e9) end }))",
    ],
)
def test_an_error_object_of_the_script_cannot_harm_whoever_shows_it(thrown: str) -> None:
    with machine() as lua:
        run(lua, "kept = 1")
        error = failure(lua, thrown, cpu=0.2, memory=16 << 20).error

        assert "cell:1: " in str(error) or isinstance(error, errors.LimitError)
        assert values(lua, "kept") == [1]


def test_an_error_object_may_say_itself() -> None:
    with machine() as lua:
        source = "error(setmetatable({}, { __tostring = function() return 'out of stamps' end }))"

        assert str(failure(lua, source).error) == "cell:1: out of stamps"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("table.unpack({}, 1, 1e7)", "cell:1: too many results to unpack"),
        ("string.format('%d', 'x')", "cell:1: bad argument #2 to 'format' (number expected, got string)"),
        ("json.decode(1)", "cell:1: bad argument #1 to 'json.decode' (string expected, got number)"),
        ("table.concat({ {} })", "cell:1: invalid value (at index 1) in table for 'concat'"),
        ("setmetatable({}, { __gc = print })", "cell:1: finalizers (__gc) are not available"),
    ],
)  # fmt: skip
def test_messages_name_the_line_of_the_script_and_never_ours(source: str, message: str) -> None:
    with machine() as lua:
        assert str(failure(lua, source).error) == message
        assert printed(lua, f"print(select(2, pcall(function() {source} end)))").startswith(message[:12])


def test_a_tangled_value_is_refused_before_it_fills_the_memory() -> None:
    with machine() as lua:
        source = "local t = { 1 }\nfor i = 1, 40 do t = { a = t, b = t } end\nreturn t"
        (value,) = run(lua, source, result=1 << 20).values

        assert "bytes of JSON" in value.fault


@pytest.mark.full
def test_all_values_together_have_one_limit() -> None:
    with machine() as lua:
        shown = values(lua, "local s = ('x'):rep(12 << 20)\nreturn s, s, s, s, s, s, s, s, s, s")

        assert sum(isinstance(value, str) and len(value) == 12 << 20 for value in shown) == 5
        assert "bytes of JSON" in shown[-1].fault


def test_a_script_that_changes_the_facts_of_a_failed_call_does_not_change_its_error() -> None:
    host = Answers(error=errors.RefusedError("no such app", status=404))
    with machine() as lua:
        source = """local _, text, facts = pcall(app.integrations.heroku.get_app, 'x')
        for key in pairs(facts) do facts[key] = facts end
        error(text, 0)"""

        assert host.raised[failure(lua, source, host).cause - 1].facts()["status"] == 404


@pytest.mark.parametrize(
    "source",
    [
        "error('\\255')",
        "local t = {} t['\\255']()",
        "load(\"error('x')\", '=\\255')()",
        "app.integrations.heroku['\\255']()",
        "docs.read('\\255')",
        "error('cell:' .. ('9'):rep(5000) .. ': x', 0)",
        "error({ json = 'mine' })",
        "setmetatable({}, { __eq = function() while true do end end, __concat = 1 }) .. 1",
    ],
)
def test_an_error_of_any_text_is_the_scripts_own(source: str) -> None:
    with machine() as lua:
        run(lua, "kept = 1")

        assert isinstance(failure(lua, source).error, errors.UserError)
        assert values(lua, "kept") == [1]


def test_empty_writes_cost_nothing() -> None:
    with machine() as lua:
        assert printed(lua, "for _ = 1, 1e6 do io.write('') end print('done')") == "done\n"
