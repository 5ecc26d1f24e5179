"""Test that any text is parsed in a time that grows with its length, and what is known where the text ends."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from kosmo_kernel.lua_syntax.facts import assigned_fields, comparisons, keys, set_variables
from kosmo_kernel.lua_syntax.parser import Tree
from kosmo_kernel.run.lint import lint

UNITS = (
    *(
        "(",
        ")",
        "{",
        "}",
        "[",
        "f(",
        "{a=",
        "= {(",
        "{},",
        "((a)",
        "a,b,",
        "a=",
        "a.",
        "a:b",
        "f''",
        "'a",
        "[[",
        "--[[",
    ),
    *("if a then ", "elseif a then ", "else ", "end ", "do ", "for ", "local ", "function f(", "repeat ", "until "),
    *("return ", "goto ", "::a:: ", "local a <const>, ", "x = function() x = 1 end ", "do local x = 1 end x = 2 "),
    *("a..", "a or b and c or ", "not a == 1 ", "x = a.b == 1 ", "x.y == z ", "y = t[0] ", "x = {[0] = a, b} ", "- "),
    *("list.filter(a, {s='x'}) ", "s:find('a-b') ", "x.a.b.c = 1 ", "x = x or x "),
)
DEEP = (
    lambda n: ",".join(["x"] * n) + " = function() " + "x = 1 " * n + "end",
    lambda n: "x = function() " * 70 + "x = 1 " * n + "end " * 70,
    lambda n: "do local x = 1 " * 70 + "x = 1 x.y = 2 " * n + "end " * 70,
    lambda n: "x = a" + ".b" * n + "[1]" * n + "()" * n + " == 1",
)


def calls(text: str) -> int:
    """Return how many functions are called to read a text in every way."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        for read in (Tree, keys, assigned_fields, set_variables, comparisons):
            read(text)
        lint(text, lambda _: False)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.claim("parent-scripts")
@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_takes_twice_the_work(unit: str) -> None:
    first, second = calls(unit * 120), calls(unit * 240)
    assert second < 2.2 * first + 1000


@pytest.mark.claim("parent-scripts")
@pytest.mark.parametrize("text_of", DEEP, ids=["targets", "functions", "blocks", "suffixes"])
def test_names_that_are_bound_many_times_take_no_longer(text_of: Callable[[int], str]) -> None:
    first, second = calls(text_of(150)), calls(text_of(300))
    assert second < 2.2 * first + 1000


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("return a, b", "a"),
        ("x = 1 y", "y"),
        ("f(1)\ny.z", "y.z"),
        ("y x = 1", ""),
        ("local function f() return a end", ""),
        ("if a then return b end", ""),
    ],
)
def test_the_value_of_a_text_is_what_it_ends_with(source: str, result: str) -> None:
    node = Tree(source).result
    tree = Tree(source)
    assert "".join(tree.words[node.start : node.end] if node else ()) == result


def test_lines_are_counted_from_one() -> None:
    tree = Tree("a\n\n  b -- c\n'd'")
    assert [tree.line(at) for at in range(3)] == [1, 3, 4]
