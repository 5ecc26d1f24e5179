"""A script can ask the person at the door for a line, and the permissions ask whether a call may be made."""

from __future__ import annotations

import pytest
from doors import Door, through

# Somebody who wants to be asked before Heroku is read, the fictional account as well.
CONFIG = '[integrations.heroku.permissions]\nread = "ask"\n'
QUESTION = "heroku.list_apps reads from Heroku, account demo. Go on, for all of this run? [y/N] "
COUNT = "return #app.integrations.heroku.demo.list_apps()"
where_somebody_can_be_asked = through("magic", "kernel", "command")
where_nobody_may_be_there = through("magic", "kernel", "command")


@where_somebody_can_be_asked
def test_yes_makes_the_call(door: Door) -> None:
    done = door.run(COUNT, dialogue=[(QUESTION, "y")])
    assert (done.questions, done.error, done.shown) == ([QUESTION], "", "19\n")


@where_somebody_can_be_asked
@pytest.mark.parametrize("answer", ["n", ""])
def test_any_other_answer_makes_no_call(door: Door, answer: str) -> None:
    done = door.run(COUNT, dialogue=[(QUESTION, answer)])
    assert (done.questions, done.error, done.shown) == ([QUESTION], "NotAllowedError", "")
    assert "the answer was no" in done.message


@where_somebody_can_be_asked
def test_one_answer_holds_for_all_of_a_run(door: Door) -> None:
    done = door.run(f"{COUNT} + {COUNT.removeprefix('return ')}", dialogue=[(QUESTION, "y")])
    assert (done.questions, done.shown) == ([QUESTION], "38\n")


@pytest.mark.claim("permission-first")
@where_nobody_may_be_there
def test_where_nobody_can_be_asked_the_call_is_not_made(door: Door) -> None:
    done = door.run(COUNT)
    assert (done.error, done.shown) == ("NotAllowedError", "")
    assert "there is nobody to ask here" in done.message


def test_a_script_reads_what_a_person_types(door: Door) -> None:
    cell = "print('first?') a = io.read() print('second?') b = io.read() return #a * 10 + #b"
    done = door.run(cell, dialogue=[("first?", "four"), ("second?", "longer")])
    assert done.shown.split() == ["first?", "second?", "46"]


@where_nobody_may_be_there
def test_where_nobody_can_type_the_input_is_at_its_end(door: Door) -> None:
    assert door.run("return io.read() == nil").shown.lower() == "true\n"
