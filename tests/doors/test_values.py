"""The value of a cell is the same through each door; a Python notebook writes it as Python does, the others as Lua."""

from __future__ import annotations

import re

import pytest
from doors import Door, through, through_notebooks, words

# A cell, and its value as Lua and as Python write it; an empty text where nothing is shown.
CELLS = [
    ("1 + 1", "2", "2"),
    ("'ab'", "ab", "'ab'"),
    ("nil", "nil", ""),
    ("true, 10 // 3, 1.0", "true\t3\t1.0", "True\n3\n1.0"),
    ("2^53", "9007199254740992.0", "9007199254740992.0"),
    ("{ 2^53, 1e300 }", "[9007199254740992.0, 1e+300]", "[9007199254740992.0, 1e+300]"),
    ("tostring(2^53)", "9.007199254741e+15", "'9.007199254741e+15'"),
    ("do return nil end", "nil", ""),
    ("return 1, nil, 'x'", "1\tnil\tx", "1\nNone\n'x'"),
    ("{ 1, 2, { a = 1 } }", "[1, 2, { a: 1 }]", "[1, 2, {'a': 1}]"),
    ("local x = 20 return x * 2 + 2", "42", "42"),
    ("local x = 40\nx + 2", "42", "42"),
    ("'it is not;'", "it is not;", "'it is not;'"),
    ("1;", "", ""),
    ("1 + 1; -- it's hidden", "", ""),
    ("local x = 1", "", ""),
    ("-- nothing", "", ""),
    ("(function() end)()", "", ""),
    ("x = 22", "", ""),
    ("function f() return 23 end", "", ""),
]
# A `return` may stand anywhere.
RETURNS = [
    ("do return 42 end", "42"),
    ("if true then return 5 end", "5"),
    ("if false then return 5 end", ""),
    ("if false then return 5 else return 6 end", "6"),
    ("for i = 1, 9 do if i == 4 then return i end end", "4"),
    ("for _, size in ipairs({ 30, 31 }) do return size end", "30"),
    ("while true do do if true then return 7 end end end", "7"),
    ("repeat return 8 until true", "8"),
    ("repeat local n = 9 if n then return n end until false", "9"),
    ("goto there\n::there::\ndo return 10 end", "10"),
    ("local n = 0\n::again::\nn = n + 1\nif n < 11 then goto again end\ndo return n end", "11"),
    ("local function f() return 12 end\ndo return f() end", "12"),
    ("if true then return 13 end\nlocal x = 1", "13"),
    ("if true then return 14 end\nx = 1 -- the end;", "14"),
    ("if true then return 15; end", "15"),
    ("if true then return 16 end\n1 + 1", "16"),
    ("if false then return 17 end\n1 + 17", "18"),
    ("if true then return 19 end;", ""),
    ("if true then return 20 end; -- quiet", ""),
    ("if true then return 21 end;\n-- quiet", ""),
    ("do return end", ""),
]


@pytest.mark.parametrize(("cell", "lua", "python"), CELLS)
def test_the_value_of_a_cell_is_shown(door: Door, cell: str, lua: str, python: str) -> None:
    text = python if door.name == "magic" else lua
    assert door.run(cell).shown == (f"{text}\n" if text else "")


@pytest.mark.parametrize(("cell", "text"), RETURNS)
def test_what_a_cell_returns_is_shown_wherever_the_return_stands(door: Door, cell: str, text: str) -> None:
    assert door.run(cell).shown == (f"{text}\n" if text else "")


@through_notebooks
@pytest.mark.parametrize("cell", ["", "\n\n  \n"])
def test_a_blank_cell_shows_nothing(door: Door, cell: str) -> None:
    assert door.run(cell).shown == ""


@through("magic", "kernel", "command")
def test_a_cell_can_begin_with_a_length(door: Door) -> None:
    assert door.run("#{ 'a', 'b' }").shown == "2\n"


def test_a_block_can_return_several_values_and_nil(door: Door) -> None:
    assert door.run("do return nil, 'x' end").shown == door.run("return nil, 'x'").shown


def test_printed_text_comes_before_the_value(door: Door) -> None:
    assert door.run("print('first', 2) return 3").shown == "first\t2\n3\n"


def test_what_goes_to_standard_error_is_kept_apart(door: Door) -> None:
    done = door.run("io.stderr:write('beside\\n') print('out')")
    assert (done.shown, done.notes) == ("out\n", ["beside"])


def test_a_list_of_records_is_a_table(door: Door) -> None:
    lines = door.run("app.integrations.heroku.list_dynos('my-app')").shown.splitlines()
    assert words(lines[0])[:3] == ["name", "state", "type"]
    assert [words(line)[:3] for line in lines if ".1" in line] == [
        ["web.1", "up", "web"],
        ["worker.1", "up", "worker"],
    ]


def test_a_record_is_a_line_for_each_field(door: Door) -> None:
    lines = [words(line) for line in door.run("app.integrations.heroku.get_app('my-app')").shown.splitlines()]
    assert lines[0] == ["name", "my-app"]
    assert ["stack.name", "heroku-24"] in lines


def test_numbers_by_name_are_a_table(door: Door) -> None:
    lines = door.run("local seen = {} seen.eu = 2^53 seen.us = 7 return seen").shown.splitlines()
    assert [words(line) for line in lines if line[:2] in ("ke", "eu", "us")] in (
        [["key", "value"], ["eu", "9007199254740992"], ["us", "7"]],
        [["key", "value"], ["eu", "9007199254740992.0"], ["us", "7"]],  # in a pipe, as in JSON
    )


@through_notebooks
def test_globals_and_top_level_locals_live_on(door: Door) -> None:
    assert door.run("local kept = 1\nalso = 2").shown == ""
    assert door.run("kept + also").shown == "3\n"


@through_notebooks
def test_the_last_values_are_in_underscores(door: Door) -> None:
    door.run("20")
    door.run("21")
    assert door.run("_ + __").shown == "41\n"
    assert door.run("nothing = 1").shown == ""
    assert door.run("_").shown == "41\n"


@through_notebooks
def test_a_reset_forgets_the_variables(door: Door) -> None:
    door.run("forgotten = 1")
    assert door.line("%kosmo reset").strip() in ("", "None")
    assert door.run("forgotten == nil").shown == ("True\n" if door.name == "magic" else "true\n")


def test_each_integration_is_a_global_and_a_script_that_sets_its_name_wins(door: Door) -> None:
    assert door.run("print(heroku == app.integrations.heroku) heroku = 'mine' print(heroku)").shown == "true\nmine\n"


def test_a_table_of_selected_records_looks_like_that_of_the_whole_list(door: Door) -> None:
    whole = door.run("heroku.list_apps()").shown
    assert door.run("list.filter(heroku.list_apps(), 'name')").shown == whole
    assert door.run("list.sort_by(list.flatten({ heroku.list_apps() }), 'name')").shown == whole


def test_a_text_that_is_too_long_is_whole_in_a_pipe_and_elsewhere_says_where_the_whole_is(door: Door) -> None:
    *lines, last = door.run(f"return ('{'x' * 99}\\n'):rep(2000)").shown.splitlines()
    if door.name == "command":
        assert len(lines) == 2000
    else:
        assert len(lines) == 655
        assert re.fullmatch(r"… 1,345 more lines; Out\[\d+\] has all of it", last)
    assert set(lines) == {"x" * 99}


def test_a_list_without_records_says_what_was_looked_at(door: Door) -> None:
    demo = "app.integrations.heroku.demo."
    done = door.run(f"return {demo}list_app_webhooks('my-app')")
    assert (done.notes[-1:], done.error) == (["What was looked at: 0 app webhooks"], "")
    for other in (f"return {demo}list_apps()", f"{demo}list_apps() return {{}}"):
        assert not any("looked at" in note for note in door.run(other).notes)
