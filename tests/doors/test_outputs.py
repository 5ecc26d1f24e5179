"""What is shown beside the result of a run: displayed values where they were shown, and notes, each said once."""

from __future__ import annotations

import pytest
from doors import Door, through_notebooks

FORMS = [
    ("display('a text')", "a text"),
    ("display(nil)", "nil"),
    ("display({ 1, { a = 2 } })", "[1, { a: 2 }]"),
    ("display.html('<b>bold</b> text')", "bold text"),
    ("display.markdown('some *text*')", "some *text*"),
    ("display.json({ 1, { two = true } })", "[1, { two: true }]"),
    ("display.svg(\"<svg xmlns='http://www.w3.org/2000/svg'/>\")", "[a drawing]"),
    ("display('first', { id = 'one' }) display.update('one', 'anew')", "first\nanew"),
]


@pytest.mark.parametrize(("cell", "text"), FORMS)
def test_every_form_has_a_text(door: Door, cell: str, text: str) -> None:
    assert door.run(cell).shown == f"{text}\n"


def test_what_is_shown_stands_between_what_is_printed(door: Door) -> None:
    assert door.run("print('before') display('shown') print('after') return 3").shown == "before\nshown\nafter\n3\n"


def test_a_list_that_is_shown_is_a_table(door: Door) -> None:
    lines = door.run("display(app.integrations.heroku.list_dynos('my-app'))").shown.splitlines()
    assert lines[0].split()[:3] == ["name", "state", "type"]
    assert lines[-1].startswith("2 records")


LINT = "local first = app.integrations.heroku.list_apps()[1] return first.stack == 'heroku-24'"
ROWS = "rows, failures = app.integrations.heroku.get_app({ app_id = { 'my-app', 'no-such' }, errors = 'collect' })"
UNREAD = "1 of 2 apps could not be read: no-such (404 not_found)"


def test_the_demo_says_that_it_is_fiction_where_it_was_asked(door: Door) -> None:
    assert door.run("app.integrations.heroku.get_current_user().email").fiction
    assert not door.run("1 + 1").fiction


def test_the_demo_says_that_it_is_fiction_where_the_run_failed_as_well(door: Door) -> None:
    done = door.run("app.integrations.heroku.list_apps() error('no')")
    assert (done.error, done.fiction) == ("LuaRuntimeError", True)


def test_a_comparison_that_is_never_true_is_noted_beside_the_result(door: Door) -> None:
    done = door.run(LINT)
    assert done.shown.lower() == "false\n"
    (note,) = done.notes
    assert "`.stack` is a record" in note


@pytest.mark.parametrize(
    ("cell", "is_table"),
    [
        (f"{ROWS}\nreturn rows", True),
        (ROWS.partition(" = ")[2], True),
        (f"{ROWS}\nreturn rows;", False),
        (f"{ROWS}\nreturn #rows", False),
    ],
)
def test_what_could_not_be_read_is_said_once(door: Door, cell: str, *, is_table: bool) -> None:
    done = door.run(cell)
    is_below = is_table and door.name != "command"  # whose table goes into a pipe
    found = (" ".join(done.shown.split()).count(UNREAD), done.notes.count(UNREAD))
    assert found == ((1, 0) if is_below else (0, 1))


@through_notebooks
def test_what_could_not_be_read_is_said_beside_raw_values(door: Door) -> None:
    done = door.run(f"{ROWS}\nreturn rows", "--raw")
    assert (UNREAD in done.shown, done.notes) == (False, [UNREAD])


def test_short_work_is_not_worth_a_line_about_its_cost(door: Door) -> None:
    dynos = "return #app.integrations.heroku.list_dynos('my-app')"
    door.run(dynos)  # what the first call loads takes its time
    assert door.run(dynos).cost == []
