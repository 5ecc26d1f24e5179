"""Test that the wrapped functions of the standard library give the same number of the same values as plain Lua 5.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lua_host import machine, values
from lupa.lua54 import LuaRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.lua.machine import Machine

# The number of values, and each of them. Plain Lua's text of a table has an address; and of errors in standard
# functions ours says the line more often.
TOLD = """\
local function told(...)
  local list = table.pack(...)
  for i = 1, list.n do
    list[i] = type(list[i]) == 'table' and 'a table' or tostring(list[i]):gsub('^cell:%d+: ', '')
  end
  return list.n .. ': ' .. table.concat(list, ', ', 1, list.n)
end
"""
BODIES = (
    "",
    "return",
    "return nil",
    "return nil, nil",
    "return 1",
    "return 1, nil, 'x', nil",
    "return table.unpack({}, 1, 120)",
    "return (function() end)()",
    "return ((function() end)())",
    "do return 7 end",
    "error('e', 0)",
    "error(nil)",
    "error()",
    "local t = setmetatable({}, { __tostring = function() return 't' end }) error(t)",
    "error({}, 2)",
    "return pcall(error)",
    "return coroutine.yield()",
    "return coroutine.yield(nil)",
    "return coroutine.yield(1, nil)",
    "local _ <close> = setmetatable({}, { __close = function() error('c', 0) end }) return 1, 2",
    "local _ <close> = setmetatable({}, { __close = function() end }) coroutine.yield() return",
)
# Each has the function of a body as `f`.
WRAPPERS = (
    "told(pcall(f))",
    "told(pcall(f, 1, nil))",
    "told(pcall(pcall, f))",
    "told(pcall(pcall, pcall, f))",
    "told(xpcall(f, function() end))",
    "told(xpcall(f, function() return 1, 2 end))",
    "told(xpcall(f, function(...) return select('#', ...) end))",
    "told(xpcall(pcall, print, f))",
    "told(pcall(xpcall, f, type))",
    "told(coroutine.resume(coroutine.create(f)))",
    "told(pcall(coroutine.wrap(f)))",
    "told(coroutine.resume(coroutine.create(function() return pcall(f) end)))",
    "told(coroutine.resume(coroutine.wrap(function() return coroutine.running() end)()))",
    "(function() local c = coroutine.create(f) coroutine.resume(c) return told(coroutine.resume(c)) end)()",
    "(function() local c = coroutine.create(f) coroutine.resume(c) return told(coroutine.status(c)) end)()",
    "(function() local c = coroutine.create(f) coroutine.resume(c) return told(coroutine.resume(c, nil, nil)) end)()",
    "(function() local c = coroutine.create(f) coroutine.resume(c) return told(pcall(coroutine.close, c)) end)()",
    "told(coroutine.close(coroutine.create(f)))",
    "(function() local c = coroutine.wrap(f) pcall(c) return told(pcall(c)) end)()",
    "(function() for _ in coroutine.wrap(pcall), f do return 'a round' end return 'no round' end)()",
    "told(coroutine.resume(coroutine.create(coroutine.wrap(f))))",
    "told(select(2, pcall(f)))",
    "told((pcall(f)))",
    "told(table.unpack({ pcall(f) }))",
    "told(#{ pcall(f) }, (select('#', pcall(f))))",
    "told(setmetatable({}, { __call = function() return pcall(f) end })())",
    "told(setmetatable({}, { __index = function() return pcall(f) end }).x)",
)


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


def plain(source: str) -> str:
    """Return what plain Lua returns."""
    runtime = LuaRuntime(register_eval=False, unpack_returned_tuples=True)
    chunk = runtime.eval("function(source) return assert(load(source, '=cell'))() end")
    return str(chunk(source))


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_function_gives_as_many_values_as_in_plain_lua(lua: Machine, wrapper: str) -> None:
    for body in BODIES:
        source = f"{TOLD}local function f() {body} end\nreturn {wrapper}"
        assert (body, values(lua, source)) == (body, [plain(source)])


@pytest.mark.parametrize(
    "call",
    [
        "print", "pcall(print)", "tostring(nil)", "next({})", "next({ 1 })", "pairs({})", "ipairs({})", "rawget({}, 1)",
        "rawset({}, 1, 2)", "rawlen({})", "rawequal(1, 1)", "getmetatable({})", "setmetatable({}, nil)", "load('')",
        "load('')()", "load('return nil')()", "load('x x')", "collectgarbage()", "select('#')", "select(1)",
        "assert(1, nil)", "assert(true)", "table.unpack({})", "table.unpack({}, 1, 2)", "table.pack()",
        "table.concat({})", "table.insert({}, 1)", "table.remove({})", "table.sort({})", "table.move({}, 1, 0, 1)",
        "string.byte('')", "string.byte('ab', 1, 2)", "string.find('a', 'b')", "string.find('a', '')",
        "string.find('ab', '(a)(b)')", "string.match('a', 'b')", "string.match('ab', '(a)(b)')",
        "string.gsub('a', 'a', 'b')", "string.rep('a', 2)",
        "string.format('%d', 1)", "string.char()", "string.unpack('<i1', 'a')", "string.pack('<i1', 1)",
        "utf8.codepoint('', 1, 0)", "utf8.len('\\xff')", "utf8.char()", "utf8.offset('a', 5)",
        "math.tointeger('x')", "math.type(nil)", "math.modf(1.5)", "math.randomseed(1)", "os.time()", "os.clock()",
        "os.date('!%Y', 0)", "coroutine.running()", "coroutine.isyieldable()", "pcall(coroutine.yield)",
        "string.gmatch('', 'x')()", "('x'):rep(2)", "io.write('')",
    ],
)  # fmt: skip
def test_a_function_of_the_library_gives_as_many_values_as_in_plain_lua(lua: Machine, call: str) -> None:
    source = f"local function count(...) return select('#', ...) end\nreturn count({call})"
    assert [str(one) for one in values(lua, source)] == [plain(source)]
