"""`parallel.map` when something goes wrong: errors of items, wrong arguments, limits, and coroutines that meddle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from full_matrix import full_except
from lua_host import ASKING, Begun, Shuffled, failure, machine, run, values

from kosmo_kernel import errors
from kosmo_kernel.client.call import CallRequest
from kosmo_kernel.lua.machine import Machine


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        run(one, ASKING)
        yield one


# Errors of items -----------------------------------------------------------------------------------------

ERRORS = {
    "error('no')": "cell:2: item 2: no",
    "error('no', 0)": "item 2: no",
    "local x = nil; return x.y": "cell:2: item 2: attempt to index a nil value (local 'x')",
    "local s = ('x'):rep(1e10); return s": "cell:2: item 2: resulting string too large",
    "local name = get('bad'); return name": "cell:3: item 2: bad is refused",
    "parallel.map({ 7, 8 }, function(m) if m == 8 then error('in') end end)": "cell:2: item 2: item 2: in",
    "error('at 10:30: late')": "cell:2: item 2: at 10:30: late",
    "error('http://localhost:5000: refused', 0)": "item 2: http://localhost:5000: refused",
    "local made = load('error(7 .. 8)', '=made') made()": "made:1: item 2: 78",
    "error('two\\nlines')": "cell:2: item 2: two\nlines",
}


@pytest.mark.parametrize(("body", "message"), ERRORS.items())
def test_an_error_says_its_item_behind_the_line(lua: Machine, body: str, message: str) -> None:
    source = f"return parallel.map({{ 1, 2, 3 }}, function(n)\n if n == 2 then {body} end return get(n) end)"

    assert str(failure(lua, source, Shuffled()).error) == message


def test_an_error_of_one_of_our_functions_has_the_line_of_the_map(lua: Machine) -> None:
    error = failure(lua, "\nlocal made = parallel.map({ 'a', 'bad' }, heroku.get_app)", Shuffled()).error

    assert str(error) == "cell:2: item 2: bad is refused"


def test_the_way_to_an_error_goes_through_the_task(lua: Machine) -> None:
    source = "local function deep(n)\n local x = n.field\nend\nparallel.map({ 1 }, function()\n deep(nil)\nend)"
    stack = failure(lua, source, Shuffled()).stack

    assert [(frame.line, frame.name) for frame in stack] == [(2, "function 'deep'"), (5, "a function"), (4, "the cell")]


@pytest.mark.parametrize("value", ["{ code = 7 }", "7.5", "true", "print"])
def test_an_error_that_is_no_text_comes_out_as_it_is(lua: Machine, value: str) -> None:
    source = f"local own = {value} local ok, problem = pcall(parallel.map, {{ 1 }}, function() error(own) end)"

    assert values(lua, f"{source} return ok, problem == own") == [False, True]


def test_pcall_around_a_map_gets_the_facts_of_a_failed_call(lua: Machine) -> None:
    source = """local ok, message, facts = pcall(parallel.map, { 1 }, function()
      return parallel.map({ "a", "bad" }, get)
    end)
    return ok, message, facts.status, facts.id, facts.message"""

    assert values(lua, source, Shuffled()) == [
        False, "cell:3: item 1: item 2: bad is refused", 404, "not_found", "bad is refused"
    ]  # fmt: skip


def test_a_failure_caught_in_a_task_is_no_failure_of_the_map(lua: Machine) -> None:
    source = """return parallel.map({ "a", "bad" }, function(name)
      local ok, message, facts = pcall(get, name)
      return { ok, facts and facts.status or message }
    end)"""

    assert values(lua, source, Shuffled()) == [[[True, "a"], [False, 404]]]


@pytest.mark.parametrize("seed", range(8))
def test_of_several_failures_the_first_in_the_list_counts_whatever_comes_first(lua: Machine, seed: int) -> None:
    host = Shuffled(chance=random.Random(seed))
    source = "parallel.map({ 'a', 'bad2', 'c', 'bad4', 'bad5' }, function(name) local made = doubled(name) end)"

    assert "item 2: bad2 is refused" in str(failure(lua, source, host).error)


def test_after_a_failure_nothing_behind_it_is_begun_and_what_is_under_way_is_dropped(lua: Machine) -> None:
    source = """local started = {}
    local ok = pcall(parallel.map, { "a", "bad", "c", "d", "e", "f" }, function(name)
      started[#started + 1] = name
      while true do get(name) end
    end, { limit = 3 })
    return ok, started"""

    class SecondFirst(Shuffled):
        def answers(self, _seconds: float) -> list[tuple[int, list[Any] | errors.KosmoError]]:
            number, request = self.open.pop(1 if len(self.open) == 3 else 0)
            if len(self.asked) > 4:  # the first item would go on for ever
                return [(number, errors.RefusedError("enough", status=500))]
            return [(number, self._answer(request))]

    host = SecondFirst()
    assert values(lua, source, host) == [False, ["a", "bad", "c"]]
    assert host.dropped == [3]


def test_what_a_given_up_task_has_to_close_is_closed_from_the_inside_out(lua: Machine) -> None:
    source = """local closed = {}
    local function closing(name) return setmetatable({}, { __close = function() closed[#closed + 1] = name end }) end
    local ok = pcall(parallel.map, { "bad", "b" }, function(name)
      local outer <close> = closing("outer " .. name)
      parallel.map({ name }, function()
        local nested <close> = closing("nested " .. name)
        coroutine.wrap(function()
          local inner <close> = closing("inner " .. name)
          get(name)
        end)()
      end)
    end)
    return ok, closed"""

    class InOrder(Shuffled):
        def answers(self, _seconds: float) -> list[tuple[int, list[Any] | errors.KosmoError]]:
            number, request = self.open.pop(0)
            return [(number, self._answer(request))]

    closed = ["inner bad", "nested bad", "outer bad", "inner b", "nested b", "outer b"]
    assert values(lua, source, InOrder()) == [False, closed]


# Collected failures --------------------------------------------------------------------------------------


def test_what_worked_can_be_collected_with_what_did_not(lua: Machine) -> None:
    source = """return parallel.map({ "a", "bad", "c", "text", "table" }, function(name)
      if name == "text" then error("own words") elseif name == "table" then error({ code = 1 }) end
      return get(name)
    end, { errors = "collect" })"""
    host = Shuffled()
    made, failures = values(lua, source, host)

    assert made == ["a", "c"]
    refused = {"index": 2, "type": "refused", "status": 404, "id": "not_found", "message": "bad is refused"}
    own = {"type": "lua_runtime", "status": None, "id": None}
    assert list(failures) == [
        {**refused, "request_id": None},
        {"index": 4, **own, "message": "cell:2: own words", "request_id": None},
        {"index": 5, **own, "message": "{ code: 1 }", "request_id": None},
    ]
    assert [list(one) for one in failures] == [["index", "type", "status", "id", "message", "request_id"]] * 3
    assert host.told == [(3, 5, list(failures))]


def test_when_nothing_failed_the_collected_failures_are_an_empty_list(lua: Machine) -> None:
    host = Shuffled()

    assert values(lua, "return parallel.map({ 1 }, get, { errors = 'collect' })", host) == [["1"], []]
    assert host.told == []


# Wrong arguments -----------------------------------------------------------------------------------------

WRONG = {
    "nil, get": "a list is needed first, got nil",
    "5, get": "a list is needed first, got a number",
    "'ab', get": "a list is needed first, got a string",
    "json.null, get": "a list is needed first, got null",
    "app, get": "a list is needed first, got a namespace",
    "{ name = 1 }, get": "a list is needed first, got a table of named fields",
    "heroku.get_app('a'), get": "a list is needed first, got a table of named fields",
    "{ 1 }": "a function is needed second, got nil",
    "{ 1 }, { 2 }": "a function is needed second, got a table",
    "{ 1 }, get, 5": "the options must be a table, got a number",
    "{ 1 }, get, { limit = 0 }": "`limit` must be a number of items at a time, 1 or more",
    "{ 1 }, get, { limit = 1.5 }": "`limit` must be a number of items at a time, 1 or more",
    "{ 1 }, get, { limit = '4' }": "`limit` must be a number of items at a time, 1 or more",
    "{ 1 }, get, { limt = 4 }": "there is no option `limt` (did you mean `limit`?)",
    "{ 1 }, get, { workers = 4 }": "there is no option `workers`",
    "{ 1 }, get, { 4 }": "there is no option that is a number",
    "{ 1 }, get, { errors = 'ignore', limit = -1, error = 1 }": (
        "there is no option `error` (did you mean `errors`?); `limit` must be a number of items at a time, 1 or more; "
        '`errors` must be "collect" or "raise"'
    ),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.items())
def test_wrong_arguments_are_an_error_before_anything_runs(lua: Machine, arguments: str, message: str) -> None:
    error = failure(lua, f"\nlocal made = parallel.map({arguments})", Shuffled()).error

    assert str(error) == f"cell:2: parallel.map: {message}"


# Coroutines that meddle ----------------------------------------------------------------------------------


def test_a_task_is_no_coroutine_that_could_yield_or_be_entered_by_others(lua: Machine) -> None:
    source = """local task, told
    parallel.map({ 1, 2 }, function(n)
      if n == 1 then
        task = coroutine.running()
        return get(n), coroutine.isyieldable()
      end
      told = { coroutine.status(task), select(2, coroutine.resume(task)), select(2, pcall(coroutine.close, task)),
        select(2, pcall(coroutine.yield)), select(2, coroutine.running()), coroutine.isyieldable() }
    end)
    return told, coroutine.status(task)"""

    assert values(lua, source, Shuffled()) == [
        [
            "normal",
            "cannot resume non-suspended coroutine",
            "cell:7: cannot close a normal coroutine",
            "cell:8: attempt to yield from outside a coroutine",
            True,
            False,
        ],
        "dead",
    ]


def test_a_coroutine_that_waits_for_a_call_is_busy_for_all_others(lua: Machine) -> None:
    source = """local step = coroutine.wrap(function() while true do coroutine.yield(get("x")) end end)
    return parallel.map({ 1, 2 }, function() return { pcall(step) } end), step()"""

    assert values(lua, source, Shuffled()) == [[[True, "x"], [False, "cannot resume non-suspended coroutine"]], "x"]


def test_what_waited_when_its_run_was_stopped_is_told_so_when_it_is_entered_later() -> None:
    with machine() as lua:
        run(lua, ASKING)
        source = """parallel.map({ 1, 2 }, function(n)
          if n == 2 then while true do end end
          task, inner = coroutine.running(), coroutine.create(function() local name = get("x") end)
          coroutine.resume(inner)
        end)"""
        assert isinstance(failure(lua, source, Shuffled(), cpu=0.1).error, errors.LimitError)
        later = values(lua, "return coroutine.status(inner), select(2, coroutine.resume(inner))", Shuffled())
        last = values(lua, "return coroutine.resume(task)", Shuffled())

    why = "nobody waits for this call any more, since its parallel.map has ended"
    assert (later, last) == (["suspended", f"cell:3: {why}"], [False, f"cell:4: {why}"])


# Limits --------------------------------------------------------------------------------------------------

ENDLESS = {
    "a task": "while true do end",
    "a task that catches": "while true do pcall(function() while true do end end) end",
    "a coroutine in a task": "coroutine.wrap(function() while true do end end)()",
    "a task that waited": "get(1) while true do pcall(get, 1) end",
    "a map in a task": "while true do parallel.map({ 1, 2 }, function() end) end",
    "what a task has to close": "local c <close> = setmetatable({}, { __close = function() while true do end end })",
}


@pytest.mark.parametrize("body", full_except(ENDLESS.values(), *[*ENDLESS.values()][::2]), ids=ENDLESS.keys())
def test_no_task_outlives_the_limit_and_no_pcall_around_the_map_catches_it(body: str) -> None:
    with machine() as lua:
        run(lua, ASKING)
        source = f"kept = 1 while true do pcall(parallel.map, {{ 1, 2, 3 }}, function() {body} end) end"
        error = failure(lua, source, Shuffled(), cpu=0.1).error

        assert isinstance(error, errors.LimitError)
        assert values(lua, "return kept, parallel.map({ 1 }, get)", Shuffled()) == [1, ["1"]]


@pytest.mark.parametrize("body", ["while true do end", "coroutine.wrap(function() while true do end end)()"])
def test_a_stop_says_the_line_in_the_task_and_the_way_to_it(lua: Machine, body: str) -> None:
    stack = failure(lua, f"parallel.map({{ 1 }}, function()\n {body}\nend)", Shuffled(), cpu=0.1).stack

    assert (stack[0].line, stack[0].name) == (2, "a function")
    assert (stack[-1].line, stack[-1].name) == (1, "the cell")


def test_memory_that_tasks_fill_is_limited() -> None:
    with machine() as lua:
        source = (
            "local t = {} parallel.map({ 1, 2 }, function() while true do pcall(function() t[#t + 1] = {} end) end end)"
        )
        error = failure(lua, source, memory=16 << 20).error

        assert (type(error), getattr(error, "limit", "")) == (errors.LimitError, "memory_limit")
        assert values(lua, "return parallel.map({ 1 }, tostring)") == [["1"]]


def test_an_interrupt_while_tasks_wait_ends_all_of_them_and_no_pcall_swallows_it() -> None:
    with machine() as lua:
        run(lua, ASKING + "kept = 1")

        class Silent(Shuffled):
            def answers(self, _seconds: float) -> list[tuple[int, list[Any] | errors.KosmoError]]:
                lua.interrupt()
                return []

        source = "parallel.map({ 1, 2 }, function(n) pcall(get, n) print('never') end) print('never')"
        host = Silent()
        assert isinstance(failure(lua, f"pcall(function() {source} end)", host).error, errors.StoppedError)
        assert (host.printed, values(lua, "return kept, parallel.map({ 1 }, get)", Shuffled())) == ([], [1, ["1"]])


def test_calls_of_tasks_are_limited_by_what_they_stand_for() -> None:
    class Ten(Shuffled):
        def prepare(self, request: CallRequest) -> Begun:
            return Begun(10, super().prepare(request).begin)

    with machine() as lua:
        run(lua, ASKING)
        host = Ten()
        source = "pcall(parallel.map, { 1, 2, 3, 4, 5, 6 }, function(n) while true do pcall(get, n) end end)"
        error = failure(lua, source, host, calls=45).error

        assert (getattr(error, "limit", ""), "more than 45 calls" in str(error)) == ("call_limit", True)
        assert len(host.asked) == 5
        assert values(lua, "return 1") == [1]
