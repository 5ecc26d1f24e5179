"""What a run says when it goes wrong: the kind of the error, what happened, at which line, and what to write."""

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
    ("return heroku.list_dynos('my-ap')", "RefusedError", "Did you mean: my-app", 1),
    ("local apps = heroku.list_apps()\ntable.sort(apps)", "LuaRuntimeError", "list.sort_by(apps,", 2),
    ("local apps = {}\nfor a in apps:\n  print(a)", "LuaSyntaxError", "Write: for _, a in ipairs(apps) do", 2),
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


@through("magic", "kernel")
def test_a_mistake_in_an_option_is_what_the_command_error_tells_of(door: Door) -> None:
    door.run("1", "--timeout", "x")
    assert "takes a number of seconds above zero, got 'x'" in " ".join(door.line("%kosmo error").split())


DYNO = "local dyno = heroku.list_dynos('my-app')[1]\n"
ERRORS = {
    "return dyno.stat == 'crashed'": ("UnknownFieldError", 'dynos have no field "stat". Did you mean "state"'),
    "return dyno.app.nam": ("UnknownFieldError", 'dynos have no field "app.nam". Did you mean "app.name"?'),
    "return list.filter({ dyno }, function(one) return one.staet == 'up' end)": ("UnknownFieldError", '"state"'),
    "return len({ dyno })": ("LuaRuntimeError", "Write: return #{ dyno }"),
    "for one in heroku.list_apps() do end": (
        "LuaRuntimeError",
        "Write: for _, one in ipairs(heroku.list_apps()) do end",
    ),
    "if dyno.state != 'up' then end": ("LuaSyntaxError", "Write: if dyno.state ~= 'up' then end"),
    "for one in apps:": ("LuaSyntaxError", "Write: for _, one in ipairs(apps) do"),
    "for _, name in ipairs(dyno) do end": ("LuaRuntimeError", "this is one record"),
    "return heroku.get_app({ app_id = app })": ("LuaRuntimeError", "app_id is `app`, which holds functions"),
    "return heroku.get_app()": ("InvalidArgumentsError", 'Write heroku.get_app({ app_id = "my-app" })'),
    "return heroku.restart_dynos('my-app')": ("UnknownNameError", "A person can run: heroku ps:restart -a APP"),
}
WARNINGS = {
    "return dyno.state == crashed": "`crashed` is a variable that nothing sets",
    "return dyno.state == 'crashd'": 'Did you mean "crashed"?',
    "return dyno.release.version == '43'": "Write `.release.version == 43`.",
    "local list_of = { dyno } return list_of[0] ~= nil": "`list_of[0]` is nil in a list",
}


@pytest.mark.parametrize("cell", ERRORS)
def test_a_mistake_ends_the_run_with_what_to_write(door: Door, cell: str) -> None:
    done = door.run(DYNO + cell)
    kind, advice = ERRORS[cell]
    assert (done.error, done.shown) == (kind, "")
    assert done.line in (2, 3)  # where the text ends, for what is unfinished
    assert advice in " ".join(done.report.split())


@pytest.mark.parametrize("cell", WARNINGS)
def test_what_lua_takes_in_silence_is_noted_beside_the_result(door: Door, cell: str) -> None:
    done = door.run(DYNO + cell)
    (note,) = done.notes
    assert (done.shown.lower(), done.error) == ("false\n", "")
    assert note.startswith(f"line {3 if door.name == 'magic' else 2}: ")  # the magic is a line of its cell
    assert WARNINGS[cell] in note
