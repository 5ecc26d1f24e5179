"""Test what the text itself binds, where in it a name is seen, and which words may stand where."""

from __future__ import annotations

import pytest
from editor_state import completed, texts

from kosmo_kernel.values.lua_literals import KEYWORDS
from kosmo_kernel.values.lua_source import indent

# Names that the text binds --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local alpha, alps = 1, 2\nal|", ["alps", "alpha"]),
        ("local function area(width, wide) return wi|", ["wide", "width"]),
        ("for walrus in pairs({}) do wal|", ["walrus"]),
        ("for walrus = 1, 3 do wal|", ["walrus"]),
        ("local walrus <const> = 1 wal|", ["walrus"]),
        ("walrus = 1 wal|", ["walrus"]),
        ("walrus, rest = f() wal|", ["walrus"]),
        ("function walrus() end wal|", ["walrus"]),
        ("local function walrus() wal|", ["walrus"]),
        ("function M:go() sel|", ["self", "select"]),
        ("print(\nlocal walrus = 1 wal|", ["walrus"]),  # a bracket that was never closed
        ("f(function(walrus) wal|", ["walrus"]),
    ],
)
def test_a_name_is_seen_from_where_it_is_bound(text: str, expected: list[str]) -> None:
    assert texts(text, None) == expected


@pytest.mark.parametrize(
    "text",
    [
        "do local walrus = 1 end wal|",
        "local function f(walrus) end wal|",
        "for walrus in pairs({}) do end wal|",
        "if x then local walrus = 1 else wal|",
        "repeat local walrus = 1 until x wal|",
        "local t = { walrus = 1 } wal|",
        "t.walrus = 1 wal|",
        "-- local walrus\nwal|",
        "'local walrus' wal|",
    ],
)
def test_a_name_is_not_seen_outside_of_its_block(text: str) -> None:
    assert texts(text, None) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local shop = { open = 1, shut = 2, [1] = 3, ['on sale'] = 4 } shop.|", ["open", "shut"]),
        ("local shop = { 'x', ['on sale'] = 4 } shop['|", ["on sale"]),
        ("local shop = {} shop.open = 1 function shop.sell() end shop.|", ["sell", "open"]),
        ("local shop = {} function shop.sell() end function shop:buy() end shop:|", ["buy", "sell"]),
        ("shop = {} shop.till = { sum = 1 } shop.till.tax = 2 shop.till.|", ["tax", "sum"]),
        ("local shop = { till = { sum = 1 } } shop.till.|", ["sum"]),
        ("local shop = { { sum = 1 }, { tax = 2 } } shop[2].|", ["tax"]),
        ("local shop = { open = 1 } local other = shop other.|", ["open"]),
        ("local one = setmetatable({ open = 1 }, { __index = { shut = 2 } }) one.|", ["open"]),
        ("local shop = { open = 1 } shop = { shut = 2 } shop.|", ["shut"]),
        ("local shop = { open = 1 } do local shop = { shut = 2 } end shop.|", ["open"]),
        ("local shop = { open = 1 } shop = shop.|", ["open"]),
        ("shop = shop.|", []),
        ("local shop = { open = 1 } if x then shop = { shut = 2 } end shop.|", ["shut"]),
        ("local shop = { open = function() local inner = { shut = 1 } end, till = 1 } shop.|", ["open", "till"]),
        ("string.shout = f string.sho|", ["shout"]),
    ],
)
def test_tables_that_the_text_makes_have_the_fields_it_gives_them(text: str, expected: list[str]) -> None:
    assert texts(text, None) == expected


def test_functions_of_the_text_show_their_parameters() -> None:
    assert completed("local function area(width, ...) end are|", None).matches[0].signature == "area(width, ...)"
    assert completed("local M = {} function M:go(to) end M:|", None).matches[0].signature == "go(to)"
    assert completed("local M = {} function M:go(to) end M.|", None).matches[0].signature == "go(self, to)"


# Keywords -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["|", "x = 1\n|", "if x |", "while x do |", "local a = b + |", "f(|"])
def test_keywords_follow_the_variables(text: str) -> None:
    matches = completed(text, None).matches
    kinds = [match.type == "keyword" for match in matches]
    assert kinds == sorted(kinds)
    assert {match.text for match in matches if match.type == "keyword"} == KEYWORDS
    assert "print" in {match.text for match in matches}


def test_keywords_are_completed_by_what_was_typed() -> None:
    assert texts("if x th|", None) == ["then"]
    assert texts("whi|", None) == ["while"]


# Indentation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for i = 1, 3 do", "  "),
        ("for i = 1, 3 do\n  print(i)", "  "),
        ("for i = 1, 3 do\n    print(i)", "    "),
        ("for i = 1, 3 do\n\tif x then", "\t\t"),
        ("for i = 1, 3 do\n  if x then\n    y()\n  else", "    "),
        ("for i = 1, 3 do\n  if x then\n    y()\n  end", "  "),
        ("local t = {", "  "),
        ("local t = {\n  a = 1,", "  "),
        ("f(function(x)", "  "),
        ("  if x then -- because", "    "),
        ("repeat", "  "),
        ("if x and", "  "),
        ("x =", ""),
        ("x = 'if then' .. ", ""),
        ("local t = {} for i = 1, 3 do t[i] = (i) end x =", ""),
        ("if x then y() else z()", "  "),
        ("x = {\n  1, { 2 },", "  "),
        ("print('do", ""),
        ("--[[ do", ""),
        ("x = 'do'", ""),
        ("-- function f(", ""),
        ("", ""),
    ],
)
def test_the_line_after_an_unfinished_text_is_indented_as_its_block_is(text: str, expected: str) -> None:
    assert indent(text) == expected
