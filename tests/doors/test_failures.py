"""A cell that fails says the same through each door: the kind of its error, what happened, and at which line."""

from __future__ import annotations

import pytest
from doors import Door, through

FAILURES = [
    ("error('no')", "LuaRuntimeError", "no", 1),
    ("error({ code = 1 })", "LuaRuntimeError", "{ code: 1 }", 1),
    ("local t = nil\nreturn t.name", "LuaRuntimeError", "attempt to index a nil value (local 't')", 2),
    ("\n\nerror('here')\n", "LuaRuntimeError", "here", 3),
    ("do return error('no') end", "LuaRuntimeError", "no", 1),
    ("y = 1\nz = = 2", "LuaSyntaxError", "unexpected symbol near '='", 2),
    (
        "app.integrations.heroku.list_dinos()",
        "UnknownNameError",
        "Did you mean: app.integrations.heroku.list_dynos",
        1,
    ),
    (
        "local x = 1\nheroku.list_apps()[1].stak",
        "UnknownFieldError",
        'apps have no field "stak". Did you mean "stack"?',
        2,
    ),
    ("docs.read('heroku.list_app')", "UnknownNameError", "heroku.list_apps", 1),
    ("app.integrations.heroku.list_dynos()", "InvalidArgumentsError", "`app_id` is missing", 1),
    ("local id = 'no-such-app'\napp.integrations.heroku.get_app(id)", "RefusedError", "Heroku answered 404", 2),
]


@pytest.mark.parametrize(("cell", "error", "words", "line"), FAILURES)
def test_an_error_says_its_kind_what_happened_and_its_line(
    door: Door, cell: str, error: str, words: str, line: int
) -> None:
    done = door.run(cell)
    assert (done.error, done.line, done.shown) == (error, line, "")
    assert words in done.message


def test_the_report_is_a_few_lines_and_marks_the_line_that_failed(door: Door) -> None:
    lines = door.run("local t = nil\nreturn t.name").report.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines if line.startswith("----> ")] == ["return t.name"]
    assert len(lines) <= 3


def test_what_was_printed_before_an_error_stays(door: Door) -> None:
    done = door.run("print('before')\nerror('no')")
    assert (done.shown, done.message) == ("before\n", "no")


@pytest.mark.claim("parent-text")
def test_what_a_script_raises_cannot_move_the_cursor(door: Door) -> None:
    assert "\x1b" not in door.run("error('a\\27[2Jb')").message


@pytest.mark.claim("display-gates")
def test_what_a_script_raises_cannot_turn_the_text_around_it(door: Door) -> None:
    report = door.run("error('a\\u{202e}b')").report
    assert "a\\u202eb" in report
    assert "\u202e" not in report


def test_a_cell_that_failed_does_not_stop_the_next_one(door: Door) -> None:
    door.run("error('no')")
    assert door.run("1 + 1").shown == "2\n"


@through("magic", "kernel", "repl")
def test_a_mistake_in_an_option_is_what_the_command_error_tells_of(door: Door) -> None:
    door.run("1", "--timeout", "x")
    assert "takes a number of seconds above zero, got 'x'" in " ".join(door.line("%kosmo error").split())
