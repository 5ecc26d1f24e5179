"""Records and pages as JSON text, and as Python's own types."""

from __future__ import annotations

import math

import pytest

from kosmo_kernel.docs import Page
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.values.records import Record, Records, encode, to_builtins

ROWS = [{"name": "one", "tags": ["a"]}]


def test_json_has_records_as_a_list_a_page_as_its_text_and_null_for_what_is_no_number() -> None:
    value = {"records": Records(ROWS), "page": Page(Markdown("# Title")), "numbers": [math.nan, math.inf, 2.5]}
    assert encode(value) == b'{"records":[{"name":"one","tags":["a"]}],"page":"# Title","numbers":[null,null,2.5]}'


def test_half_of_a_surrogate_pair_is_a_replacement_character_in_json() -> None:
    value = {"\ud800": ["\udc00", Records([{"a": "\ud83d\ude00"}])]}
    assert encode(value).decode() == '{"\ufffd":["\ufffd",[{"a":"😀"}]]}'


def test_json_for_people_has_an_item_on_each_line() -> None:
    assert encode([1, {"a": None}], indent=2) == b'[\n  1,\n  {\n    "a": null\n  }\n]'


def test_a_value_without_a_json_form_is_an_error() -> None:
    with pytest.raises(TypeError, match="a object has no JSON form"):
        encode([object()])


def test_builtins_are_a_copy_with_the_numbers_and_keys_that_json_lacks() -> None:
    copy = to_builtins([Records(ROWS), Record(ROWS[0]), {1: Page(Markdown("text"))}, math.inf])
    assert copy == [ROWS, ROWS[0], {1: "text"}, math.inf]
    assert [type(copy[0]), type(copy[1]), type(copy[2][1])] == [list, dict, str]
    copy[0][0]["tags"].append("b")
    copy[1]["tags"].append("b")
    assert ROWS == [{"name": "one", "tags": ["a"]}]
