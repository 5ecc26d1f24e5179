"""The text of scripts tells which values are made from a list that is not whole."""

from __future__ import annotations

import pytest

from kosmo_kernel.lua.incomplete import IncompleteValues

COLLECTED = "rows, failures = heroku.list_dynos({ app_id = apps, errors = 'collect' }) whole = heroku.list_apps()"
UNREAD = "1 of 3 apps could not be read: nope (404 not_found)"
TOLD = [f"Made from a list that is not whole: {UNREAD}"]
FROM_IT = {
    "a count": ["return #rows"],
    "a function of `list`": ["return list.count_by(rows, 'state')"],
    "the value of the script": ["return #Out[1]"],
    "any value": ["return #Out[n]"],
    "the last value": ["return #_"],
    "a local variable": ["local up = list.filter(rows, { state = 'up' })", "return up"],
    "a number": ["n = #rows", "return n + 1"],
    "one of several names": ["local a, b = #whole, #rows", "return b"],
    "a value of a later script": ["return #rows", "return Out[2]"],
    "a number that a loop counts": ["n = 0 for _, row in ipairs(rows) do n = n + 1 end", "return n"],
    "an item of a loop": ["for _, row in ipairs(rows) do last = row end", "return last"],
    "a loop that counts up to its length": ["s = 0 for i = 1, #rows do s = s + 1 end", "return s"],
    "a list that a loop fills": ["t = {} for _, row in ipairs(rows) do table.insert(t, row.name) end", "return t"],
    "a field that a loop sets": ["t = {} for _, row in ipairs(rows) do t[row.state] = true end", "return t"],
    "a field": ["t = {} t.rows = rows", "return t"],
    "a function": ["function count() return #rows end", "return count()"],
    "a copy of itself": ["rows = list.take(rows, 1)", "return rows"],
    "a variable of a block that hides it no longer": ["do local rows = whole end return rows"],
    "a parameter that hides it no longer": ["local function f(rows) return rows end return rows"],
}
NOT_FROM_IT = {
    "another list": ["return whole"],
    "the failures": ["return failures"],
    "a list that takes its place": ["rows = heroku.list_apps()", "return rows"],
    "the value of a script that did not use it": ["return whole", "return Out[2]"],
    "a field or a key of the same name": ["return { rows = whole.rows }, whole:rows()"],
    "a parameter": ["local function f(rows) return #rows end return f(whole)"],
    "a parameter of a function without a name": ["f = function(rows) return #rows end", "return f(whole)"],
    "a variable of a block": ["do local rows = whole print(rows) end"],
    "a local variable after its loop": ["for _, one in ipairs(rows) do local row, row = one, one end", "return row"],
    "a variable of a loop": ["for _, rows in ipairs(whole) do print(rows) end"],
    "a text": ["return 'rows' -- rows"],
    "a number that a loop over another list counts": ["n = 0 for _ in ipairs(whole) do n = n + 1 end", "return n"],
}


def notes_on(scripts: list[str]) -> list[str]:
    """Return the notes on the last of some scripts, after one that could not read all."""
    values = IncompleteValues()
    assert values.follow(COLLECTED, 1, [UNREAD]) == []  # which the answer to the call itself says
    *_, last = (values.follow(script, number, []) for number, script in enumerate(scripts, 2))
    return last


@pytest.mark.parametrize("made", FROM_IT)
def test_what_comes_from_a_list_that_is_not_whole_says_so(made: str) -> None:
    assert notes_on(FROM_IT[made]) == TOLD


@pytest.mark.parametrize("made", NOT_FROM_IT)
def test_what_does_not_come_from_it_says_nothing(made: str) -> None:
    assert notes_on(NOT_FROM_IT[made]) == []


def test_a_function_of_an_earlier_script_that_collects_failures_is_known() -> None:
    values = IncompleteValues()
    values.follow("function read() return heroku.list_dynos({ app_id = apps, errors = 'collect' }) end", 1, [])
    values.follow("rows = read() size = 3", 2, [UNREAD])
    assert values.follow("return #rows", 3, []) == TOLD
    assert values.follow("return size", 4, []) == []


def test_each_list_is_told_of_once() -> None:
    values = IncompleteValues()
    values.follow("a = heroku.list_dynos({ app_id = x, errors = 'collect' })", 1, ["one"])
    values.follow("b = heroku.list_dynos({ app_id = x, errors = 'collect' })", 2, ["two"])
    told = values.follow("c = { a, b, a } return c", 3, [])
    assert told == [f"Made from a list that is not whole: {name}" for name in ("one", "two")]
    assert values.notes(3) == told


def test_an_unfinished_or_long_script_is_followed_as_far_as_it_goes() -> None:
    values = IncompleteValues()
    values.follow("a = heroku.list_dynos({ app_id = x, errors = 'collect' })", 1, ["one"])
    for script in (
        "local",
        "for",
        "b = a +",
        "function",
        "local x <",
        "table.insert(",
        "Out[",
        "for _, a in",
        "a," * 999,
    ):
        values.follow(script, 2, [])
    values.follow("a = a\n" * 20_000, 3, [])
    assert values.follow("return a", 4, [])
