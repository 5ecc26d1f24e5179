from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from explorer_form import HOSTILE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kosmo_kernel.session import Session
from kosmo_kernel.values.lua_literals import field, literal


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
