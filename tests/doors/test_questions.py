"""A script can ask the person at the door for a line, and the person is asked before a tool changes something."""

from __future__ import annotations

import pytest
from doors import Door, through
from full_matrix import full_except
from mcp_config import HALL

pytest.importorskip("mcp")

SERVERS = {"hall": HALL}
QUESTION = (
    "mcp.hall.take-seat (row = 1, name = Ada) may change something with the MCP server hall. Go on, for all of this "
    "run? [y/N] "
)
SIT = 'return app.mcp.hall["take-seat"]{ row = 1, name = "Ada" }'
where_somebody_can_be_asked = through("magic", "kernel", "command")
where_nobody_may_be_there = through("magic", "kernel", "command")


@where_somebody_can_be_asked
def test_yes_makes_the_call(door: Door) -> None:
    done = door.run(SIT, dialogue=[(QUESTION, "y")])
    assert (done.questions, done.error) == ([QUESTION], "")
    assert "Ada sits in row 1, plain" in done.shown


@where_somebody_can_be_asked
@pytest.mark.parametrize("answer", full_except(["n", ""], "n"))
def test_any_other_answer_makes_no_call(door: Door, answer: str) -> None:
    done = door.run(SIT, dialogue=[(QUESTION, answer)])
    assert (done.questions, done.error, done.shown) == ([QUESTION], "NotAllowedError", "")
    assert "the answer was no" in done.message


@where_somebody_can_be_asked
def test_one_answer_holds_for_all_of_a_run(door: Door) -> None:
    done = door.run(f"local first = {SIT.removeprefix('return ')} {SIT}", dialogue=[(QUESTION, "y")])
    assert (done.questions, done.error) == ([QUESTION], "")


@pytest.mark.claim("mcp-consent")
@where_nobody_may_be_there
def test_where_nobody_can_be_asked_the_call_is_not_made(door: Door) -> None:
    done = door.run(SIT)
    assert (done.error, done.shown) == ("NotAllowedError", "")
    assert "there is nobody to ask here" in done.message


def test_a_script_reads_what_a_person_types(door: Door) -> None:
    cell = "print('first?') a = io.read() print('second?') b = io.read() return #a * 10 + #b"
    done = door.run(cell, dialogue=[("first?", "four"), ("second?", "longer")])
    assert done.shown.split() == ["first?", "second?", "46"]


@where_nobody_may_be_there
def test_where_nobody_can_type_the_input_is_at_its_end(door: Door) -> None:
    assert door.run("return io.read() == nil").shown.lower() == "true\n"
