"""Test that reading a text, whatever it is, takes a time that grows with its length."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import pytest
from full_matrix import full_except

from kosmo_kernel import editor
from kosmo_kernel.lua.lint import lint
from kosmo_kernel.values import lua_source
from kosmo_kernel.values.lua_source import Source, assigned_fields, indent, keys, set_variables

READERS: dict[str, Callable[[str], object]] = {
    "facts": lambda text: (Source(text), keys(text), assigned_fields(text), set_variables(text)),
    "indentation": indent,
    "warnings": partial(lint, is_set=lambda _: False),
    "completion": lambda text: editor.complete(text, len(text), None),
    "field": lambda text: editor.complete(f"{text} x.", len(text) + 3, None),
    "argument": lambda text: editor.complete(f"{text} heroku.get_app({{ ", len(text) + 18, None),
    "string": lambda text: editor.complete(f"{text} docs.read('", len(text) + 12, None),
    "tooltip": lambda text: editor.inspect(text, len(text) // 2, None),
}
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
    *(
        "list.filter(a, {s='x'}) ",
        "s:find('a-b') ",
        "x.a.b.c = 1 ",
        "x = x or x ",
        "= - ",
        "= not ",
        "x = x.x ",
        "in a, ",
    ),
    *("x = f(x, x) ", "x = list.find(x, x) ", "repeat local x = 1 ", "for x in pairs(x) do ", "function x.y(x) "),
    *("x = pcall(x, ", "heroku.list_dynos{ app_id = ", "x = { x = x } x = x.x ", "function(a, b"),
    "local x, y = x, y ",
    *("\n-- a\n", "x['y'].z[1] = ", "print(x.y .. ", "x = heroku.list_apps() "),
)
DEEP: dict[str, Callable[[int], str]] = {
    "targets": lambda n: ",".join(["x"] * n) + " = function() " + "x = 1 " * n + "end",
    "functions": lambda n: "x = function() " * 70 + "x = 1 " * n + "end " * 70,
    "blocks": lambda n: "do local x = 1 " * 70 + "x = 1 x.y = 2 " * n + "end " * 70,
    "suffixes": lambda n: "x = a" + ".b" * n + "[1]" * n + "()" * n + " == 1",
    "nesting": lambda n: "x = " + "f({ a = " * n + "1" + " })" * n,
}


def calls(read: Callable[[str], object], text: str) -> int:
    """Return how many functions are called to read a text."""
    count = 0
    lua_source.read("")  # nothing of the last text is known any longer
    for cached in (keys, assigned_fields, set_variables):
        cached.cache_clear()

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return count


def grows_with_its_text(read: Callable[[str], object], text_of: Callable[[int], str], size: int) -> bool:
    read(text_of(size))  # what is loaded once
    first, second = calls(read, text_of(size)), calls(read, text_of(2 * size))
    return second < 2.2 * first + 1000


@pytest.mark.full
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_takes_twice_the_work(unit: str, reader: str) -> None:
    assert grows_with_its_text(READERS[reader], lambda size: unit * size, 120)


@pytest.mark.claim("parent-scripts")
@pytest.mark.parametrize("reader", full_except(READERS, "facts", "completion"))
@pytest.mark.parametrize("text_of", DEEP.values(), ids=DEEP)
def test_names_that_are_set_many_times_take_no_longer(text_of: Callable[[int], str], reader: str) -> None:
    assert grows_with_its_text(READERS[reader], text_of, 150)
