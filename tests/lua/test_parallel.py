"""`parallel.map`: order, nesting, how many at once, and that a call in any place of a program waits as it should."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lua_host import ASKING, Shuffled, machine, printed, run, values

from kosmo_kernel.catalogue import CONCURRENCY
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua.machine import Machine


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        run(one, ASKING)
        yield one


# Results -------------------------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_list_whatever_the_order_of_the_answers(lua: Machine) -> None:
    source = "return parallel.map({ 5, 3, 9, 1, 7 }, function(n, place) return place .. doubled(n) end)"

    assert values(lua, source, Shuffled()) == [["155", "233", "399", "411", "577"]]


def test_as_many_items_as_the_limit_says_are_under_way_and_no_more(lua: Machine) -> None:
    eight = "{ 1, 2, 3, 4, 5, 6, 7, 8 }"
    host, wide = Shuffled(), Shuffled()
    run(lua, f"parallel.map({eight}, doubled, {{ limit = 3 }})", host)
    run(lua, f"parallel.map({eight}, doubled)", wide)

    assert (host.most, wide.most) == (3, 8)


def test_there_are_sixteen_at_once_unless_told_otherwise_and_never_more_than_sixty_four(lua: Machine) -> None:
    many = "local t = {} for i = 1, 200 do t[i] = i end\n"
    usual, most = Shuffled(), Shuffled()
    run(lua, f"{many} parallel.map(t, get)", usual)
    run(lua, f"{many} parallel.map(t, get, {{ limit = 1000 }})", most)

    assert (usual.most, most.most) == (CONCURRENCY, 64)


def test_maps_in_maps_share_one_loop(lua: Machine) -> None:
    source = """return parallel.map({ 1, 2 }, function(a)
      return parallel.map({ 1, 2 }, function(b) return get(a .. b) end)
    end)"""
    host = Shuffled()

    assert values(lua, source, host) == [[["11", "12"], ["21", "22"]]]
    assert host.most == 4


def test_a_result_that_is_nil_is_null_so_that_there_is_one_for_each_item(lua: Machine) -> None:
    source = """local made = parallel.map({ 1, 2, 3 }, function(n) if n == 3 then return n end end)
    return made, #made, made[1] == json.null"""

    assert values(lua, source) == [[None, None, 3], 3, True]


def test_nothing_is_mapped_to_an_empty_list(lua: Machine) -> None:
    assert values(lua, "return parallel.map({}, error), #parallel.map(json.decode('[]'), error)") == [[], 0]


def test_one_of_our_own_functions_gets_the_item_alone(lua: Machine) -> None:
    source = "return parallel.map({ 'a', 'b' }, heroku.get_app)"

    assert [row["name"] for row in values(lua, source, Shuffled())[0]] == ["a", "b"]


def test_records_of_a_list_are_items_and_stay_records(lua: Machine) -> None:
    rows = values(lua, "return parallel.map(heroku.list_apps(), function(one) return one end)", Shuffled())[0]

    assert ([row["name"] for row in rows], rows.function) == (["one", "two", "three"], HEROKU.function("list_apps"))


@pytest.mark.parametrize(
    ("items", "made"),
    [
        ("setmetatable({}, { __index = function(_, i) return i <= 2 and get(i) or nil end })", ["1", "2"]),
        ("{ 'a', nil, 'c' }", ["a"]),
        ("{ 1, 2, named = 3 }", ["1", "2"]),
        ("json.decode('[1, 2.5]')", ["1", "2.5"]),
        ("(function() local t = { 1, 2 } t[3] = t return { t[1], t[2] } end)()", ["1", "2"]),
    ],
)
def test_a_list_is_what_ipairs_goes_through(lua: Machine, items: str, made: list[str]) -> None:
    assert values(lua, f"return parallel.map({items}, get)", Shuffled()) == [made]


def test_a_list_that_is_changed_meanwhile_is_mapped_as_it_was(lua: Machine) -> None:
    source = """local list = { 1, 2, 3 }
    return parallel.map(list, function(n) list[n], list[9] = nil, 9 return get(n) end, { limit = 1 }), (next(list))"""

    assert values(lua, source, Shuffled()) == [["1", "2", "3"], 9]


def test_a_hundred_thousand_items_need_little_memory(lua: Machine) -> None:
    source = """local list = {} for i = 1, 100000 do list[i] = i end
    local made = parallel.map(list, function(n) return n * 2 end)
    return #made, made[100000]"""

    assert run(lua, source, memory=16 << 20).values == [100_000, 200_000]


@pytest.mark.parametrize("depth", [50, 2000])
def test_maps_nest_as_deep_as_anybody_wants(lua: Machine, depth: int) -> None:
    source = f"""local function deep(n)
      if n == 0 then return get("leaf") end
      return parallel.map({{ n }}, function() return deep(n - 1) end)[1]
    end
    return deep({depth})"""

    assert values(lua, source, Shuffled()) == ["leaf"]


def test_wide_maps_in_wide_maps_never_have_many_more_tasks_than_calls(lua: Machine) -> None:
    source = """local list, alive, most = {}, 0, 0
    for i = 1, 16 do list[i] = i end
    local function deep(n)
      if n == 0 then return get("leaf") end
      parallel.map(list, function()
        alive = alive + 1
        most = math.max(most, alive)
        deep(n - 1)
        alive = alive - 1
      end)
    end
    deep(3)
    return most < 300"""
    host = Shuffled()

    assert values(lua, source, host) == [True]
    assert (len(host.asked), host.most) == (4096, 64)


# Calls in all places -------------------------------------------------------------------------------------

YIELDING = {
    "pcall": "select(2, pcall(get, n))",
    "an error in pcall": "tostring(pcall(get, 'bad' .. n)) .. n",
    "xpcall": "select(2, xpcall(get, error, n))",
    "a coroutine": "coroutine.wrap(function() return get(n) end)()",
    "a coroutine in one": "coroutine.wrap(function() return coroutine.wrap(function() return get(n) end)() end)()",
    "a coroutine that yields as well": """(function()
      local step = coroutine.wrap(function() coroutine.yield(get(n)) return get("b") end)
      return step() .. step()
    end)()""",
    "resume": "select(2, coroutine.resume(coroutine.create(get), n))",
    "a generator": """(function()
      local all = ""
      for v in coroutine.wrap(function() for i = 1, 2 do coroutine.yield(get(n .. i)) end end) do all = all .. v end
      return all
    end)()""",
    "an iterator": "(function() for v in function() return get(n) end do return v end end)()",
    "pairs": """(function()
      local odd = setmetatable({}, { __pairs = function() return function() return get(n) end end })
      for v in pairs(odd) do return v end
    end)()""",
    "an index": "setmetatable({}, { __index = function(_, key) return get(key) end })[n]",
    "a call of a table": "setmetatable({}, { __call = function(_, key) return get(key) end })(n)",
    "a sum": "setmetatable({}, { __add = function(_, m) return get(m) end }) + n",
    "a join": "setmetatable({}, { __concat = function(_, m) return get(m) end }) .. n",
    "a length": "#setmetatable({}, { __len = function() return get(n) end })",
    "a comparison": "tostring(setmetatable({}, { __lt = function(_, m) return get(m) end }) < n) .. n",
    "a variable that is closed": """(function()
      local held <close> = setmetatable({}, { __close = function() get(n) end })
      return n
    end)()""",
}
BLOCKING = {
    "a comparator": """(function()
      local t = { n, n }
      table.sort(t, function() get(n) return false end)
      return t[1]
    end)()""",
    "a gsub callback": "(('x'):gsub('x', function() return get(n) end))",
    "an index that C asks": "table.concat(setmetatable({}, { __index = function() return get(n) end }), '', 1, 1)",
    "a handler of xpcall": "select(2, xpcall(error, function() return get(n) end))",
    "a coroutine in a comparator": """(function()
      local t = { n, n }
      table.sort(t, function() coroutine.wrap(function() get(n) end)() return false end)
      return t[1]
    end)()""",
    "a map in a comparator": """(function()
      local t = { n, n }
      table.sort(t, function() parallel.map({ n, n }, doubled) return false end)
      return t[1]
    end)()""",
}


@pytest.mark.parametrize("source", YIELDING.values(), ids=YIELDING.keys())
def test_a_call_anywhere_lets_other_items_go_on(lua: Machine, source: str) -> None:
    serial = values(lua, f"local n, made = 0, {{}} for n = 1, 3 do made[n] = {source} end return made", Shuffled())

    host = Shuffled()
    assert values(lua, f"return parallel.map({{ 1, 2, 3 }}, function(n) return {source} end)", host) == serial
    assert host.most == 3


@pytest.mark.parametrize("source", BLOCKING.values(), ids=BLOCKING.keys())
def test_where_lua_cannot_yield_a_call_waits_and_the_result_is_the_same(lua: Machine, source: str) -> None:
    serial = values(lua, f"local made = {{}} for n = 1, 3 do made[n] = {source} end return made", Shuffled())

    assert values(lua, f"return parallel.map({{ 1, 2, 3 }}, function(n) return {source} end)", Shuffled()) == serial


def test_what_tasks_print_is_whole(lua: Machine) -> None:
    text = printed(lua, "parallel.map({ 1, 2, 3 }, function(n) print(n) print(get(n)) end)", Shuffled())

    assert sorted(text.split()) == ["1", "1", "2", "2", "3", "3"]


def test_a_map_in_a_coroutine_of_the_script_leaves_the_coroutine_usable(lua: Machine) -> None:
    source = """local step = coroutine.wrap(function()
      coroutine.yield(parallel.map({ 1, 2 }, get))
      return parallel.map({ 3 }, get)
    end)
    return step(), step()"""

    assert values(lua, source, Shuffled()) == [["1", "2"], ["3"]]


# What is told of a map -----------------------------------------------------------------------------------


def test_the_host_is_told_how_many_items_there_are_and_how_many_are_done(lua: Machine) -> None:
    host = Shuffled()
    run(
        lua, "parallel.map({ 1, 2, 3 }, doubled) parallel.map({ 4, 5 }, function(n) parallel.map({ 1 }, get) end)", host
    )

    assert host.counted == (5, 4)  # the last is done when nothing more is asked


def test_items_that_make_no_calls_are_not_told_of(lua: Machine) -> None:
    host = Shuffled()
    run(lua, "parallel.map({ 1, 2, 3 }, tostring) parallel.map({ 4 }, doubled)", host)

    assert host.counted == (1, 0)
