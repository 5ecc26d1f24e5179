"""The grouping of a run's values into blocks."""

from __future__ import annotations

from typing import Any

from kosmo_kernel.docs import Page
from kosmo_kernel.render.display import TEXTS, ValueKind, as_shown, blocks_of
from kosmo_kernel.safety.markup import Markdown
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
