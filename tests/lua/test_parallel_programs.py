"""Any program gives with `parallel.map` what it gives with a plain loop, whatever the order of the answers."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lua_host import ASKING, Shuffled, machine, run, values

from kosmo_kernel.lua.machine import Machine


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        run(one, ASKING + TWIN)
        yield one


TWIN = """
function serial(list, f, options)
  local made, failures = json.array({}), {}
  for i = 1, #list do
    local ok, value = pcall(f, list[i], i)
    if ok then made[#made + 1] = value == nil and json.null or value
    elseif options and options.errors == "collect" then failures[#failures + 1] = i
    else
      local place, said = value:match("^([^\\n]-:%d+: )(.*)$")
      error(("%sitem %d: %s"):format(place or "", i, said or value), 0)
    end
  end
  return made, failures
end
function parallely(list, f, options)
  local made, failures = parallel.map(list, f, options)
  for i = 1, failures and #failures or 0 do failures[i] = failures[i].index end
  return made, failures
end
"""


def programs() -> st.SearchStrategy[str]:
    """Lua expressions that give a text, of a text `v` and a function `map`."""

    def larger(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        items = st.lists(st.sampled_from(["'a'", "'b'", "'bad'", "v", "v .. 'x'"]), max_size=4).map(", ".join)
        limit = st.sampled_from([1, 2, 16])
        plain = "json.encode((map({{ {} }}, function(v, i) return {} end, {{ limit = {} }})))"
        collecting = "json.encode({{ map({{ {} }}, function(v) return {} end, {{ limit = {}, errors = 'collect' }}) }})"
        return st.one_of(
            st.builds(plain.format, items, part, limit),
            st.builds(collecting.format, items, part, limit),
            st.builds("caught(function() return {} end)".format, part),
            st.builds("all(coroutine.wrap(function() coroutine.yield({}) coroutine.yield({}) end))".format, part, part),
            st.builds("(('ab'):gsub('.', function(v) return {} end))".format, part),
            st.builds("sorted(function() return {} end)".format, part),
            st.builds("closing(function() return {} end, function() return {} end)".format, part, part),
            st.builds("({} .. {})".format, part, part),
        )  # fmt: skip

    return st.recursive(
        st.sampled_from(["get(v)", "v", "get(v .. 'k')", "error('e' .. v)", "get('bad')"]), larger, max_leaves=8
    )


WORDS = """
local function caught(f) local ok, value = pcall(f) return tostring(ok) .. tostring(value) end
local function all(step) local made = "" for v in step do made = made .. v end return made end
local function sorted(f)
  local t = { 3, 1, 2 }
  table.sort(t, function(a, b) f() return a < b end)
  return table.concat(t)
end
local function closing(f, g)
  local held <close> = setmetatable({}, { __close = function() pcall(g) end })
  return f()
end
local function program(map)
  local v = "r"
  local ok, value = pcall(function() return %s end)
  return { ok, value }
end
return program(serial), program(parallely)
"""


@settings(max_examples=50)
@given(program=programs(), seed=st.integers(0, 1 << 16))
def test_any_program_gives_what_it_gives_without_parallel_calls(lua: Machine, program: str, seed: int) -> None:
    host = Shuffled(chance=random.Random(seed))
    one, other = values(lua, WORDS % program, host)

    assert one == other
