"""Wide JSON: what is written with marks, that nothing is taken for one, and that values survive both ways."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from run_with import run_with

from kosmo_kernel.render.frames import KosmoFrame, frame_of
from kosmo_kernel.results import run_document
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.values import extended_json, records
from kosmo_kernel.values.from_python import lua_value
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.session import Session

NAN, INF = math.nan, math.inf
INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text() | st.from_regex(r"\A\x00[\x00n0-9-]*\Z")
KEYS = TEXTS | INTEGERS
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def told(value: Any) -> str:
    """Return a value as a text that tells 1 from 1.0 and takes a NaN for any other; dicts in no order."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{key!r}:{told(item)}" for key, item in value.items())) + "}"
    if isinstance(value, (list, Records)):
        return "[" + ",".join(map(told, value)) + "]"
    return repr(value)


def frame_of_rows(*rows: dict[Any, Any]) -> KosmoFrame:
    return frame_of(Records(rows))


@given(VALUES)
@example({"\0n": "nan"})
@example({"\0n": NAN, 0: {"\0000": INF}})
def test_every_value_survives(value: Any) -> None:
    text, wide = extended_json.encode(value)

    assert told(extended_json.decode(text) if wide else decode(text)) == told(value)


@given(VALUES)
def test_only_what_json_has_not_makes_it_wide(value: Any) -> None:
    text, wide = extended_json.encode(value)

    assert wide or text == records.encode(value)
    assert wide == extended_json.is_wide(value) == (b'"\\u0000' in text and told(decode(text)) != told(value))


@given(VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example({1: "a", 2: None, "x": {3: [NAN, None, -INF]}})
@example([{1: INF}, {2: "a", "\0": 1}])
@example([{"a": INF}] * 60)
def test_values_survive_the_way_through_lua_and_back(session: Session, value: Any) -> None:
    given = lua_value([value], "x")  # in which NaN is missing

    result = run_with(session, "y = x return x", inputs={"x": [value]}, outputs=["y"], number=1)
    again = run_with(session, "return Out[1], _", number=2)
    assert [told(one) for one in (result.value, result.outputs["y"], *again.values)] == [told(given)] * 4


@given(VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_field_can_be_read_in_lua_by_its_key(session: Session, value: Any) -> None:
    rows = [{7: value, "k": 1}] * 60  # which Lua gets as far as it looks at them

    assert told(run_with(session, "return { x[60][7] }", inputs={"x": rows}).value) in (
        told(lua_value([value], "x")),
        told([]),
    )


def test_nan_of_lua_comes_back_from_earlier_cells(session: Session) -> None:
    run_with(session, "return { { rate = 0/0 }, { rate = 1 } }", number=1)

    result = run_with(session, "return Out[1][1].rate, _[1].rate ~= _[1].rate", number=2)
    assert (math.isnan(result.values[0]), result.values[1]) == (True, True)


def test_a_changed_record_keeps_its_integer_keys_and_infinities(session: Session) -> None:
    rows: list[dict[Any, Any]] = [{1: "a", "x": INF, 3: None}, {1: "b"}] * 40

    result = run_with(session, "for _, r in ipairs(x) do r.n = 1 end return x", inputs={"x": rows})
    assert list(result.value) == [row | {"n": 1} for row in rows]


def test_integer_keys_are_told_as_print_tells_them(session: Session) -> None:
    result = run_with(session, "print(x, #x, x[2]) print({ 1, 2, x = 3 })", inputs={"x": {1: "a", 2: "b", "n": 3}})

    assert result.output == '{ [1]: "a", [2]: "b", n: 3 }\t2\tb\n{ [1]: 1, [2]: 2, x: 3 }\n'


def test_lua_prints_what_is_no_number_without_a_sign(session: Session) -> None:
    assert session.run("print(0/0, -(0/0), { 0/0 }, 1/0, -1/0)").output == "nan\tnan\t[nan]\tinf\t-inf\n"


def test_numbers_that_are_none_stay_apart_from_missing_ones() -> None:
    frame = frame_of_rows({"rate": math.nan}, {"rate": math.inf}, {"rate": 1}, {"rate": None})

    assert str(frame["rate"].dtype) == "Float64"
    assert repr(frame["rate"].to_list()) == "[nan, inf, 1.0, <NA>]"
    assert repr(frame).splitlines()[2:6] == [" nan", " inf", "   1", "   \N{EN DASH}"]
    assert re.findall(r"<td align=right>(\w*)", frame._repr_html_()) == ["nan", "inf", "1", ""]


def test_integer_keys_make_columns_beside_those_of_the_same_text() -> None:
    assert frame_of_rows({2024: 1, "2024": 2, "a": {1: 3, "1": 4}}).to_dict("records") == [
        {"2024": 1, '["2024"]': 2, "a.1": 3, 'a["1"]': 4}
    ]


def test_an_integer_key_is_no_place_in_a_list_of_another_record() -> None:
    frame = frame_of_rows({"a": {1: "one"}}, {"a": ["zero", "other"]})
    assert frame["a.1"].to_list()[0] == "one"
    assert frame["a.1"].isna().to_list() == [False, True]


@pytest.mark.parametrize(
    ("source", "notes"),
    [
        ("1/0", ["result is infinity, which is null in JSON."]),
        (
            "return { 1 }, { { rate = 0/0 }, { ['a b'] = { -1/0 } } }",
            ["result[2][1].rate is NaN, which is null in JSON; 1 more of the kind."],
        ),
        ("{ 1, ['1'] = 2 }", ['result has the keys 1 and "1", which are the same in JSON.']),
        ("{ 1, x = 2 }", []),
        ("{ 1.5, 'nan' }", []),
    ],
)
def test_a_json_document_is_valid_and_notes_what_it_cannot_say(session: Session, source: str, notes: list[str]) -> None:
    document = run_document(session.run(source))

    decode(records.encode(document))
    assert document["meta"]["notes"] == notes


@pytest.mark.parametrize(
    "text", ['{"\\u0000n":"many"}', '{"\\u0000x":1}', '{"\\u0000n":[]}', '{"\\u0000n":"nan","a":1}', "[" * 5000, "NaN"]
)
def test_broken_marks_are_an_error(text: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        extended_json.decode(text.encode())
