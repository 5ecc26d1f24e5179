"""The columns that a table shows where it has no room for all, and how wide they are."""

from __future__ import annotations

import pytest

from kosmo_kernel.render.column_widths import ColumnSize, wrapped_widths

TEXT = ColumnSize("title", 5, ["some words in a row that are many"], 33, 9, main=True)
LONG_WORD = ColumnSize("app", 3, ["a-word-of-thirty-characters-is"], 30, 30, main=True)
NUMBER = ColumnSize("cents", 20, ["12345678901234567890"], 20, 20, main=True)
ID = ColumnSize("id", 36, ["5d22c932-ecb9-52f1-8650-00a7a94114dd"], 36, 36)


@pytest.mark.parametrize(
    ("columns", "room", "widths"),
    [
        ([TEXT, ID, NUMBER], 93, {0: 33, 1: 36, 2: 20}),
        ([TEXT, ID, NUMBER], 92, {0: 33, 2: 20}),
        ([TEXT, ID, NUMBER], 40, {0: 18, 2: 20}),
        ([TEXT, LONG_WORD], 41, {0: 9, 1: 30}),
        ([TEXT, LONG_WORD], 40, {0: 19, 1: 19}),
        ([LONG_WORD, NUMBER], 33, {0: 30}),
        ([ID, ID], 20, {0: 20}),
    ],
    ids=[
        "all fit",
        "ids are left out first",
        "texts are wrapped and numbers are not",
        "words stay whole",
        "or are broken where nothing else helps",
        "the last column is left out",
        "one column is left at least",
    ],
)
def test_a_table_with_wrapped_texts_keeps_its_main_columns(
    columns: list[ColumnSize], room: int, widths: dict[int, int]
) -> None:
    assert wrapped_widths(columns, room) == widths
