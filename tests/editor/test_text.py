"""Test what the text itself binds, where in it a name is seen, and which words may stand where."""

from __future__ import annotations

import pytest
from editor_state import completed, texts

from kosmo_kernel.lua_syntax.facts import indent

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
        ("repeat local walrus = 1 until wal|", ["walrus"]),
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
        "local walrus = wal|",
        "local t = { walrus = 1 } wal|",
        "t.walrus = 1 wal|",
        "local function f(walrus, wal|",
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
        ("local Shop = {} function Shop:buy() end function Shop:sell() self:|", ["sell", "buy"]),
        ("local shop = { open = 1 } shop = { shut = 2 } shop.|", ["shut"]),
        ("local shop = { open = 1 } do local shop = { shut = 2 } end shop.|", ["open"]),
        ("local shop = { open = 1 } if x then shop = { shut = 2 } end shop.|", ["shut"]),
        ("local shop = { open = function() local inner = { shut = 1 } end, till = 1 } shop.|", ["open", "till"]),
        ("string.shout = f string.sho|", ["shout"]),
        ("local shop = { open = 1 shop.|", []),
    ],
)
def test_tables_that_the_text_makes_have_the_fields_it_gives_them(text: str, expected: list[str]) -> None:
    assert texts(text, None) == expected


def test_functions_of_the_text_show_their_parameters() -> None:
    assert completed("local function area(width, ...) end are|", None).matches[0].signature == "area(width, ...)"
    assert completed("local h = app.integrations.heroku.list_dynos h|", None).matches[0].signature == (
        "list_dynos({ app_id })"
    )
    assert completed("local M = {} function M:go(to) end M:|", None).matches[0].signature == "go(to)"
    assert completed("local M = {} function M:go(to) end M.|", None).matches[0].signature == "go(self, to)"


# Words that fit -------------------------------------------------------------------------------------------

BEGIN = ["local", "function", "if", "for", "while", "repeat", "do", "return", "goto"]


def keywords(marked: str) -> list[str]:
    return [match.text for match in completed(marked, None).matches if match.type == "keyword"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|", BEGIN),
        ("x = 1\n|", ["and", "or", *BEGIN]),
        ("if x |", ["then", "and", "or"]),
        ("if f(x |", ["and", "or"]),
        ("if x then |", [*BEGIN, "end", "else", "elseif"]),
        ("if x then elseif y |", ["then", "and", "or"]),
        ("if x then else |", [*BEGIN, "end"]),
        ("while x |", ["do", "and", "or"]),
        ("while x do |", [*BEGIN, "break", "end"]),
        ("while x do f(function() |", [*BEGIN, "end"]),
        ("for |", []),
        ("for k, |", []),
        ("for k |", ["in"]),
        ("for k, v in pairs(t) |", ["do", "and", "or"]),
        ("for i = 1, 3 |", ["do", "and", "or"]),
        ("repeat |", [*BEGIN, "break", "until"]),
        ("repeat until |", ["function", "not", "nil", "true", "false"]),
        ("local |", ["function"]),
        ("local a, |", []),
        ("local a <|", ["const", "close"]),
        ("local a = |", ["function", "not", "nil", "true", "false"]),
        ("local a = b + |", ["function", "not", "nil", "true", "false"]),
        ("f(|", ["function", "not", "nil", "true", "false"]),
        ("function f(a, |", []),
        ("function f(a) |", [*BEGIN, "end"]),
        ("function f() return |", ["function", "not", "nil", "true", "false", "end"]),
        ("while x do break |", ["end"]),
        ("::again:: goto |", ["again"]),
        ("::again:: |", BEGIN),
        ("::|", []),
        ("local x = function() end |", ["and", "or", *BEGIN]),
        ("do end |", BEGIN),
    ],
)
def test_the_keywords_that_are_offered_are_those_that_fit(text: str, expected: list[str]) -> None:
    assert keywords(text) == expected


@pytest.mark.parametrize("text", ["if x |", "for k |", "f(a |", "goto |", "local |", "while x do break |"])
def test_no_variable_is_offered_where_none_fits(text: str) -> None:
    assert "print" not in texts(text, None)


@pytest.mark.parametrize("text", ["|", "x = |", "f(a\n|", "f(a, |", "function |", "x = 1 |", "return |", "if not |"])
def test_variables_are_offered_where_they_fit(text: str) -> None:
    assert "print" in texts(text, None)


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
