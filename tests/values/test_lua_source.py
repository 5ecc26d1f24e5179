"""Test what is read from the tokens of a script: key order, assigned fields, and variables set."""

from __future__ import annotations

import lupa.lua54
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.values.lua_source import Source, assigned_fields, keys, set_variables


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("return { app = 1, dyno = 2 }", [("app", "dyno")]),
        ("f{ b = 1;\n  -- the next line\n  a = 2,\n}", [("b", "a")]),
        ("x = { app = { z = 1, y = 2 }, dyno = 3 }", [("app", "dyno"), ("z", "y")]),
        ("x = { ['two words'] = 1, [ [[long]] ] = 2, [k] = 3, [1] = 4, 5 }", [("two words", "long")]),
        ("local a, b = 1, 2\nc, d = 3, 4\nfor i = 1, 2 do e = i end", []),
        ("-- { a = 1 }\n--[==[ { b = 2 } ]==]\ns = '{ c = 3 }' .. \"{ d = 4 }\" .. [[{ e = 5 }]]", []),
        (
            "x = { f = function(p)\n  local q, r = 1, 2\n  s, t = 3, 4\n  return { u = 1 }\nend, g = 2 }",
            [("f", "g"), ("u",)],
        ),
        ("x = { a = b == c, d = e ~= f, g <= h, i >= j }", [("a", "d")]),
        ("t.x = 1\nt.a.y = 2\nt['z'] = 3\nt[w] = 4", [("x",), ("y",), ("z",)]),
        ("if a.b == c then d.e = { f = 1 } elseif g then h.i = 2 else j.k = 3 end", [("e",), ("f",), ("i",), ("k",)]),
        ("repeat t.x = { a = 1 } until t.y == 2\nwhile true do t.z = 1 end", [("x",), ("a",), ("z",)]),
        ("x = { a = 1, a = 2, b = 3 }", [("a", "b")]),
        ("} end ) = { a = 1 = ] =", [("a",)]),
    ],
)
def test_keys_are_read_where_code_has_them(source: str, names: list[tuple[str, ...]]) -> None:
    assert keys(source) == tuple(names)


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("row.a, row['b c'] = 1, 2 row[k] = 3 row[1].d = 4", {"a", "b c", "d"}),
        ("function row.total() end function row.deep:sum() end function alone() end", {"total", "sum"}),
        ("f().x = 1 local t = { y = 1 } if t.z == 1 then end", {"x"}),
        ("return function(row) row.inner = function() row.deepest = 1 end end", {"inner", "deepest"}),
        ("-- row.a = 1\ns = 'row.b = 1'", set()),
    ],
)
def test_the_fields_that_a_script_assigns_are_read(source: str, fields: set[str]) -> None:
    assert assigned_fields(source) == fields


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a, b = 1 local c <const>, d = 2 function e() end local function f(g, ...) end", "a b c d e f g ..."),
        ("for i = 1, 2 do end for k, v in pairs(t) do w = v end", "i k v w"),
        ("x.y = 1 print(z) goto out ::out::", ""),
        ("function M:go() n = 1 end", "self n"),
        ("-- a = 1\ns = 'b = 1'", "s"),
    ],
)
def test_the_variables_that_a_script_sets_are_read(source: str, names: str) -> None:
    assert set_variables(source) == set(names.split())


STATEMENTS = st.sampled_from(
    (
        "local a, b = {expression}, {expression}",
        "t.f = {expression}",
        "t['k'], t[{expression}] = {expression}",
        "if {expression} then x = {expression} elseif {expression} then y = 1 else z = 2 end",
        "for i = 1, {expression} do break end",
        "for k, v in pairs({expression}) do w = v end",
        "while {expression} do break end",
        "repeat local r = {expression} until r",
        "do goto out end ::out::",
        "function t.g.h:m(p, ...) return {expression} end",
        "local function l() return end",
        "f {expression} ; f'x'",
    )
)
EXPRESSIONS = st.sampled_from(
    (
        "a",
        "a.b == 'x'",
        "#t - -1",
        "{{ p = 1, ['q r'] = 2; 3 }}",
        "f(a, b):m [[x]] .y[1]",
        "function(s) u = s end",
        "nil",
    )
)
Parts = list[tuple[str, str, str]]
SCOPED = st.lists(st.tuples(STATEMENTS, EXPRESSIONS, st.sampled_from(("\n", " ", "; ", " -- c\n", " --[[ ]] "))))


@given(SCOPED)
def test_a_script_that_lua_accepts_has_the_facts_of_its_statements(parts: list[tuple[str, str, str]]) -> None:
    blocks = [f"do {statement.format(expression=f'({value.format()})')} end" for statement, value, _ in parts]
    source = "".join(f"{block}{end}" for block, (*_, end) in zip(blocks, parts, strict=True))
    assert lupa.lua54.LuaRuntime().compile(source)
    assert set_variables(source) == set().union(*map(set_variables, blocks))
    assert assigned_fields(source) == set().union(*map(assigned_fields, blocks))
    assert keys(source) == tuple(group for block in blocks for group in keys(block))


def written(parts: Parts) -> str:
    return "\n".join(statement.format(expression=value.format()) for statement, value, _ in parts)


@given(SCOPED, SCOPED, st.integers(0, 200))
def test_what_was_read_before_changes_nothing(before: Parts, after: Parts, cut: int) -> None:
    first, second = map(written, (before, after))
    text = f"{first}\n{second}"[: len(first) + cut]
    earlier = Source(first)
    for source in (Source(text, earlier), Source(first[:cut], Source(text))):
        fresh = Source(source.code)
        assert (source.words, source.opener, source.partner) == (fresh.words, fresh.opener, fresh.partner)
        assert source.bindings == fresh.bindings
        assert [source.entries(at) for at in source.partner] == [fresh.entries(at) for at in fresh.partner]
