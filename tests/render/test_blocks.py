"""Small parts of what a run shows: the blocks of its values, the columns of a text table."""

from __future__ import annotations

from typing import Any

import pytest

from kosmo_kernel.docs import Page
from kosmo_kernel.render.display import TEXTS, ValueKind, as_shown, blocks_of
from kosmo_kernel.render.text import TextForm, fitting_widths, pair_lines, text_lines
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.text import TableColumn
from kosmo_kernel.values.records import Record, Records

PAGE, TABLE, RECORD = Page(Markdown("# A page")), Records([{"a": 1}]), Record({"a": 1})


class Widget:
    def _repr_mimebundle_(self) -> dict[str, Any]:
        return {}


def test_neighbouring_texts_share_a_block_and_every_other_value_has_its_own() -> None:
    widget = Widget()
    values = [1, None, PAGE, "x", TABLE, TABLE, RECORD, {"a": 1}, [1], [2], widget, True, 1.5]
    assert list(blocks_of(values)) == [
        (ValueKind.TEXT, [1, None]),
        (ValueKind.PAGE, PAGE),
        (ValueKind.TEXT, ["x"]),
        (ValueKind.TABLE, TABLE),
        (ValueKind.TABLE, TABLE),
        (ValueKind.RECORD, RECORD),
        (ValueKind.MAP, {"a": 1}),
        (ValueKind.LIST, [1]),
        (ValueKind.LIST, [2]),
        (ValueKind.OUTPUT, widget),
        (ValueKind.TEXT, [True, 1.5]),
    ]


def test_a_front_end_can_count_further_kinds_as_texts() -> None:
    blocks = blocks_of([1, [2], {"a": 3}, RECORD], TEXTS | {ValueKind.LIST, ValueKind.MAP})
    assert list(blocks) == [(ValueKind.TEXT, [1, [2], {"a": 3}]), (ValueKind.RECORD, RECORD)]


def test_an_object_of_numbers_is_shown_as_a_table_and_one_with_texts_as_a_record() -> None:
    assert as_shown({"eu": 2, 7: 1.5}) == [{"key": "eu", "value": 2}, {"key": 7, "value": 1.5}]
    assert isinstance(as_shown({"name": "x", "count": 2, "team": None}), Record)
    for value in ({}, {"a": [1]}, {"a": 1, "b": {}}, RECORD, [1], "x"):
        assert as_shown(value) is value


def test_no_values_are_no_blocks() -> None:
    assert list(blocks_of([])) == []


NEVER = 99  # a column of numbers or times, which is not cut below its width
TEXT = TableColumn("title", ["some sentences in a row of letter"])
LONG_WORD = TableColumn("app", ["a-word-of-thirty-characters-is"])
NUMBER = TableColumn("cents", ["12345678901234567890"], "number", minimum=NEVER)
TIME = TableColumn("since", ["2026-11-19 03:37"], "time", minimum=NEVER)
ID = TableColumn("id", ["5d22c932-ecb9-52f1-8650-00a7a94114dd"], "id", main=False)


@pytest.mark.parametrize(
    ("columns", "room", "widths"),
    [
        ([TEXT, ID, NUMBER], 93, {0: 33, 1: 36, 2: 20}),
        ([TEXT, ID, NUMBER], 92, {0: 33, 2: 20}),
        ([TEXT, ID, NUMBER], 40, {0: 18, 2: 20}),
        ([TEXT, LONG_WORD], 41, {0: 9, 1: 30}),
        ([TEXT, LONG_WORD], 40, {0: 19, 1: 19}),
        ([LONG_WORD, TIME], 24, {0: 12, 1: 10}),
        ([LONG_WORD, NUMBER], 33, {0: 30}),
        ([ID, ID], 20, {0: 20}),
    ],
    ids=[
        "all fit",
        "ids are left out first",
        "texts are wrapped and numbers are not",
        "words stay whole",
        "or are broken where nothing else helps",
        "times are wrapped between day and hour",
        "the last column is left out",
        "one column is left at least",
    ],
)
def test_a_table_with_wrapped_texts_keeps_its_facts(
    columns: list[TableColumn], room: int, widths: dict[int, int]
) -> None:
    assert fitting_widths(columns, room, TextForm(wraps=True)) == widths


def test_a_table_with_cut_texts_cuts_them_before_it_leaves_out_a_fact_and_never_cuts_numbers_or_times() -> None:
    columns = [TEXT, TIME, NUMBER, ID]
    assert fitting_widths(columns, 111) == {0: 33, 1: 16, 2: 20, 3: 36}
    assert fitting_widths(columns, 110) == {0: 33, 1: 16, 2: 20}
    assert fitting_widths(columns, 54) == {0: 14, 1: 16, 2: 20}
    assert fitting_widths(columns, 53) == {0: 33, 1: 16}
    assert fitting_widths([TEXT], 200, TextForm(20)) == {0: 20}


def test_rows_with_wrapped_cells_have_several_lines() -> None:
    assert list(text_lines([TEXT, NUMBER], {0: 18, 1: 20}, TextForm(wraps=True))) == [
        "title                              cents",
        "------------------  --------------------",
        "some sentences in   12345678901234567890",
        "a row of letter",
    ]


def test_texts_beside_names_are_wrapped_within_the_width() -> None:
    pairs = [("name", "a text that goes on"), ("n", "short")]
    assert list(pair_lines(pairs)) == ["name  a text that goes on", "n     short"]
    assert list(pair_lines(pairs, 18)) == ["name  a text that", "      goes on", "n     short"]
