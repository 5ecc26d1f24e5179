"""`_`, `__` and `Out[n]`: what earlier cells gave, in Lua; and `io.read`, which reads on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from run_with import run_with

from kosmo_kernel.checks.cell import keep_value
from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

Cell = Callable[[str], list[Any]]


@pytest.fixture
def cell(session: Session) -> Cell:
    """Return a function that runs one numbered cell after the other."""
    numbers = iter(range(1, 1000))

    def run(code: str) -> list[Any]:
        number = next(numbers)
        return run_with(session, code, name=f"In[{number}]", number=number).values

    return run


def test_the_last_values_are_at_hand(cell: Cell) -> None:
    cell("1")
    assert cell("_ + 1") == [2]
    assert cell("_, __, ___") == [2, 1, None]
    cell("nothing = 1")
    assert cell("_") == [2]


def test_a_hidden_value_counts_and_what_is_no_value_does_not(cell: Cell) -> None:
    cell("3;")
    cell("io.write('printed')")
    cell("nil")
    assert cell("_") == [3]


def test_what_is_no_data_is_the_last_value_all_the_same(cell: Cell) -> None:
    cell("function() return 'called' end")
    assert cell("_()") == ["called"]
    with pytest.raises(LuaRuntimeError, match=r"Out\[1\] has no value that is kept. Out: the value of cell 2$"):
        cell("Out[1]")


def test_a_name_that_a_script_has_taken_is_its_own(cell: Cell) -> None:
    cell("_ = 'mine'")
    cell("'another'")
    assert cell("_") == ["mine"]
    assert cell("__") == ["another"]


def test_values_come_back_by_their_number(cell: Cell) -> None:
    cell("{ a = { 1, 2 } }")
    apps = cell("app.integrations.heroku.list_apps()")
    cell("{ { a = 1 }, { a = 2 } }")
    assert cell("Out[1].a[2], #Out[2], Out[3][2].a") == [2, len(apps[0]), 2]
    assert cell("Out[2]") == apps
    assert cell("Out[2][1].name .. ' on ' .. Out[2][1].stack") == ["address-checker on heroku-24"]


def test_a_table_from_there_is_a_copy(cell: Cell) -> None:
    cell("{ a = 1 }")
    cell("Out[1].a = 2")
    assert cell("Out[1].a") == [1]


def test_it_tells_whose_values_it_has_and_counts_to_the_last_of_them(cell: Cell) -> None:
    assert cell("#Out, tostring(Out)") == [0, "Out[n]: what cell n gave"]
    cell("print(Out)")
    for code in ("'three'", "'four'", "'five'"):
        cell(code)
    assert cell("#Out, Out[#Out], tostring(Out)") == [5, "five", "Out: the values of cells 1, 3 to 5"]
    assert [str(value) for value in cell("Out")] == ["Out: the values of cells 1, 3 to 6"]


def test_its_numbers_are_listed_and_a_value_is_fetched_when_its_turn_comes(cell: Cell) -> None:
    cell("{ 'one' }")
    cell("nothing = 1")
    cell("{ { a = 3 } }")
    code = "local found = {} for number, value in pairs(Out) do found[#found + 1] = { number, value } end return found"
    assert cell(code) == [[[1, ["one"]], [3, [{"a": 3}]]]]


def test_an_editor_is_told_what_it_is_and_asks_for_no_value(session: Session) -> None:
    run_with(session, "return 1", number=1)
    assert (session.names(("Out",)), session.resolve(("Out",))) == (
        [],
        {"type": "table", "text": "Out[n]: what cell n gave"},
    )


def test_there_is_nothing_to_write_to(cell: Cell) -> None:
    cell("1")
    with pytest.raises(LuaRuntimeError, match="Out holds what the cells gave"):
        cell("Out[1] = 2")


@pytest.mark.parametrize("index", ["99", "0", "2", "x", "1.5"])
def test_a_value_that_is_not_kept_is_an_error_that_names_those_that_are(cell: Cell, index: str) -> None:
    cell("'kept'")
    cell("nil")
    told = rf"Out\[{index}\] has no value that is kept. Out: the value of cell 1$"
    with pytest.raises(LuaRuntimeError, match=told if index.isdigit() else "Out has values by the number of a cell"):
        cell(f"Out[{index}]" if index != "x" else "Out.x")


def test_at_least_the_last_hundred_are_kept_outside_of_lua(session: Session) -> None:
    for number in range(1, 103):
        run_with(session, f"return {number}", number=number)
    assert run_with(session, "return Out[3], Out[102]", number=103).values == [3, 102]


def test_a_value_of_a_command_that_takes_the_place_of_another_one_names_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kosmo_kernel.lua.lookups.MAX_KEPT", 1)
    run_with(session, "return 1", number=1)
    notes = keep_value(session, Records([{"a": 1}]), 2)
    assert [note.text.partition(".")[0] for note in notes] == ["Out[1] was dropped"]


def test_values_outlive_the_process_of_lua_but_not_a_reset(session: Session) -> None:
    run_with(session, "return 'kept'", number=1)
    session._machine.reset()
    assert run_with(session, "return Out[1], _", number=2).values == ["kept", None]
    session.reset()
    with pytest.raises(LuaRuntimeError, match=r"Out\[1\] has no value that is kept. Out\[n\]: what cell n gave"):
        run_with(session, "return Out[1]", number=3)


def test_without_numbers_there_is_nothing_of_it(session: Session) -> None:
    session.run("return 1")
    assert session.run("return _, Out").values == [None, None]


@pytest.mark.parametrize(
    ("code", "lines", "values"),
    [
        ("io.read('n', 'l')", ["42 rest"], [42, " rest"]),
        ("io.read(2), io.read(3), io.read('l')", ["abcdef"], ["ab", "cde", "f"]),
        ("io.read('n', 'n', 'n')", ["  1 0x1F", "", "-2.5e3"], [1, 31, -2500.0]),
        ("io.read('n', 'l')", ["abc"], [None]),
        ("io.read('l', 'l')", ["one"], ["one", None]),
        ("io.read('*n', '*L')", ["7x"], [7, "x\n"]),
        ("io.read(10)", ["ab", "cd"], ["ab\ncd\n"]),
        ("io.read(0)", [], [None]),
        ("io.read(0), io.read()", ["x"], ["", "x"]),
        ("io.read('n'), io.read('a')", ["1 and", "more"], [1, " and\nmore"]),
        ("io.read('a'), io.read('a')", [], ["", ""]),
    ],
)
def test_io_read_reads_on_where_it_stopped(code: str, lines: list[str], values: list[Any], session: Session) -> None:
    def typed(form: str) -> str | None:
        return lines.pop(0) + ("\n" if form == "L" else "") if lines else None

    assert run_with(session, f"return {code}", on_input=typed).values == values


def test_what_was_not_read_is_forgotten_with_its_run(session: Session) -> None:
    lines = ["left over", "fresh"]
    run_with(session, "io.read(1)", on_input=lambda _form: lines.pop(0) + "\n")
    assert run_with(session, "return io.read()", on_input=lambda _form: lines.pop(0) + "\n").values == ["fresh"]
