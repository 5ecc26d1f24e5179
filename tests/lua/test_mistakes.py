"""Test which comparisons and mistakes are found in a script, whatever is in it."""

from __future__ import annotations

import pytest

from kosmo_kernel.lua.lint import lint
from kosmo_kernel.lua.mistakes import comparisons
from kosmo_kernel.lua.run import ChunkHistory
from kosmo_kernel.values.lua_source import Source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return a.b.c == 'x'", [(("b", "c"), "x")]),
        ("return 'x' ~= f().b", [(("b",), "x")]),
        ("return a.b == 'x' and c.d == 1 or e.f == true", [(("b",), "x"), (("d",), "1"), (("f",), "true")]),
        ("return #a.b == 1, not a.b == 'x', a.b .. '' == 'x', a.b + 1 == 2, a.b == -1", []),
        ("return a:b() == 'x', a.b() == 'x', a.b[1] == 'x', a == 'x', a.b == nil", []),
        ("return list.filter(l, { state = 'x', ['a.b'] = 1, c = d })", [(("state",), "x"), (("a", "b"), "1")]),
        ("return other.filter(l, { state = 'x' })", []),
        ("return a.b < day, a.c > '2025', a.c < '20' .. 26", [(("c",), "2025")]),
        ("return { own = 1 }, a.own == 2", []),
    ],
)
def test_comparisons_of_fields_with_literals_are_read(source: str, expected: list[tuple[tuple[str, ...], str]]) -> None:
    assert [(comparison.path, comparison.literal) for comparison in comparisons(Source(source))] == expected


@pytest.mark.parametrize(
    "source",
    [
        "x = t[i] -- " + "for i " * 20_000,
        'x:find("' + "a-" * 50_000,
        "x = " + "f(" * 8_000 + "a" + ").state == y" * 8_000,
        "x = " + "list.find(" * 4_000 + "a" + ", { state = y })" * 4_000,
        "x = a" + ".b" * 40_000 + " == 1",
    ],
    ids=["loops", "hyphens", "calls", "tests", "fields"],
)
def test_a_script_that_repeats_itself_is_read_once(source: str) -> None:
    history = ChunkHistory()
    history.add("main", source)

    assert [hint for hint in lint(source, history.sets) if "is a variable that nothing sets" not in hint] == []


def test_a_script_with_a_list_of_its_own_calls_what_it_likes() -> None:
    assert lint("local list = { take = print }\nlist.take(1)\nlist.take(2)", lambda _: True) == []
