"""Other forms of values: JSON of records and pages, and literals of Lua."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from explorer_form import HOSTILE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kosmo_kernel.docs import Page
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.session import Session
from kosmo_kernel.values.lua_literals import field, literal
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


@pytest.mark.parametrize(("name", "written"), [("my_team", ".my_team"), ("2nd", '["2nd"]'), ("end", '["end"]')])
def test_a_field_that_is_no_lua_name_is_written_in_brackets(name: str, written: str) -> None:
    assert field(name) == written


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**53), 2**53) | st.booleans())
@example(HOSTILE)
@example("1\x012\r\n\x7f\u2028")
def test_a_literal_is_one_line_and_reads_as_the_value_that_it_is_of(lua: Session, given_value: Any) -> None:
    source = literal([given_value, {"key": given_value, "a key": [], "end": True}])
    assert len(source.splitlines()) == 1
    found = lua.run(f"local it = {source} return it[1] == it[2].key and it[2]['end'], it[1], #it[2]['a key']")
    assert found.values == [True, given_value, 0]


def test_a_number_that_python_writes_otherwise_is_a_number_in_lua_too(lua: Session) -> None:
    source = literal([math.inf, -math.inf, math.nan, -(2**63)])
    found = lua.run(f"local it = {source} return it[1], it[2], it[3] ~= it[3], it[4], math.type(it[4])")
    assert found.values == [math.inf, -math.inf, True, -(2**63), "integer"]


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with Session("demo") as lua:
        yield lua
