"""Test that outputs of `display` stand where they were shown; where only text can be shown, their text does."""

from __future__ import annotations

import pytest
from doors import Door

FORMS = [
    ("display('a text')", "a text"),
    ("display(nil)", "nil"),
    ("display({ 1, { a = 2 } })", "[1, { a: 2 }]"),
    ("display.html('<b>bold</b> text')", "bold text"),
    ("display.markdown('some *text*')", "some *text*"),
    ("display.latex('$x^2$')", "$x^2$"),
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
