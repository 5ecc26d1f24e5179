"""Python's values in Lua's variables and back: what a run is given, and what it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from run_with import run_with

from kosmo_kernel.docs import Page
from kosmo_kernel.errors import (
    InvalidArgumentsError,
    KosmoError,
    LimitError,
    LuaRuntimeError,
    LuaSyntaxError,
    UnknownNameError,
)
from kosmo_kernel.render.frames import frame_of
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.session import Session
from kosmo_kernel.values import extended_json
from kosmo_kernel.values.from_python import lua_value
from kosmo_kernel.values.records import Records, encode


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with Session("demo") as session:
        yield session


def through(lua: Session, value: Any, source: str = "") -> Any:
    """Return a value after it was a Lua variable."""
    return run_with(lua, source, inputs={"x": value}, outputs=["x"]).outputs["x"]


def returned(lua: Session, source: str, **inputs: Any) -> list[Any]:
    """Return what a run with these variables returned."""
    return run_with(lua, source, inputs=inputs).values  # noqa: PD011 - no frame's


def is_missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def in_full(value: Any) -> str:
    """Return a value with the order of its keys and the types of its numbers."""
    return repr(list(value) if isinstance(value, Records) else value)


# In ----------------------------------------------------------------------------------------------------


def test_python_values_are_global_variables_of_the_run_and_of_later_ones(lua: Session) -> None:
    read = "return n + 1, t.x[2] == json.null, #t.x, rows[2].name, #rows, s, none, rawget(_G, 'n')"
    rows = [{"name": "a"}, {"name": "b"}]

    assert returned(lua, read, n=1, t={"x": [1, None]}, rows=rows, s="é", none=None) == [
        2, True, 2, "b", 2, "é", None, 1,
    ]  # fmt: skip
    assert lua.run("n").value == 1


def test_a_value_takes_the_place_of_a_local_of_an_earlier_cell(lua: Session) -> None:
    lua.run("local n = 5\nfunction kept() return n end")

    assert returned(lua, "n, kept()", n=7) == [7, 5]
    assert lua.run("n").value == 7


def test_what_is_set_passes_by_whatever_a_script_made_of_its_globals() -> None:
    with Session("demo") as lua:
        lua.run("setmetatable(_G, { __newindex = function() error('no') end })")
        assert run_with(lua, "n", inputs={"n": 1}).value == 1


def test_a_cell_that_does_not_compile_is_given_nothing(lua: Session) -> None:
    with pytest.raises(LuaSyntaxError):
        run_with(lua, "= 1", inputs={"never": 1})
    assert lua.run("never").value is None


def test_a_value_without_a_lua_form_is_an_error_before_anything_runs(lua: Session) -> None:
    with pytest.raises(InvalidArgumentsError, match=r"^rows\[1\]\.x: a complex number has no Lua form$"):
        run_with(lua, "ran = true", inputs={"rows": [{}, {"x": 1j}]})
    with pytest.raises(InvalidArgumentsError, match="`end` is a word of Lua's own"):
        run_with(lua, "ran = true", inputs={"end": 1})
    assert lua.run("ran").value is None


def test_records_that_went_in_read_as_the_function_declares_them(lua: Session) -> None:
    apps = lua.run("app.integrations.heroku.list_apps()").value
    join = "local one = apps[1]\nreturn one.name .. ' on ' .. one.stack .. (one.web_url .. ''), apps"
    with Session("demo") as other:  # which has not used `app` before
        for given_in in (apps, frame_of(apps), frame_of(apps).query("maintenance == False")):
            joined, back = returned(other, join, apps=given_in)
            assert joined == "address-checker on heroku-24" + apps[0]["web_url"]
            assert back.function is apps.function
        pd.testing.assert_frame_equal(frame_of(through(other, frame_of(apps))), frame_of(apps))


def test_a_page_that_goes_in_and_out_is_still_a_page(lua: Session) -> None:
    assert isinstance(through(lua, Page(Markdown("# Title"))), Page)
    assert not isinstance(through(lua, "# Title"), Page)


def test_more_than_a_run_may_be_given_is_an_error_that_says_how_much(lua: Session) -> None:
    with pytest.raises(LimitError, match=r"^The values for Lua are 67,\d+,\d+ bytes of JSON, more than 67,108,864"):
        run_with(lua, "ran = true", inputs={"x": "x" * (64 << 20), "y": "y"})
    with pytest.raises(LimitError, match="memory_limit"):
        run_with(lua, "ran = true", inputs={"x": {"y": ["x" * 15] * 1_000_000}}, memory_limit=16 << 20)
    assert lua.run("ran").value is None


def test_lists_given_again_and_again_do_not_add_up(lua: Session) -> None:
    many = Records([{"a": 1}] * 100_000)
    for _ in range(12):
        run_with(lua, "", inputs={"many": many})

    assert lua.run("#many").value == 100_000


# Out ---------------------------------------------------------------------------------------------------


def test_globals_and_top_level_locals_can_be_asked_for(lua: Session) -> None:
    result = run_with(lua, "local a = { n = 1 }\nb = { a, a }\nreturn 3", outputs=["a", "b"])

    assert (result.value, result.outputs) == (3, {"a": {"n": 1}, "b": [{"n": 1}, {"n": 1}]})


def test_a_variable_that_is_not_set_is_an_error_with_the_nearest_names(lua: Session) -> None:
    with pytest.raises(UnknownNameError, match=r"^Lua has no variable `dynoz`, or it is nil. Did you mean: dynos"):
        run_with(lua, "dynos = 1", outputs=["dynos", "dynoz"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = print", "x: a function has no Python form"),
        ("x = coroutine.create(print)", "x: a coroutine has no Python form"),
        ("x = app", "x: a namespace has no Python form"),
        ("x = { f = { print } }", "x.f[1]: a function has no Python form"),
        ("x = {} x.x = x", "x.x: a table that contains itself has no Python form"),
        ("x = { '\\255' }", "x[1]: a text that is not UTF-8 has no Python form"),
    ],
)
def test_what_is_no_data_is_an_error_that_names_the_place(lua: Session, source: str, message: str) -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        run_with(lua, source, outputs=["x"])
    assert caught.value.message == message
    assert caught.value.result is lua.last


def test_a_cell_that_fails_gives_nothing(lua: Session) -> None:
    with pytest.raises(LuaRuntimeError):
        run_with(lua, "x = 1\nerror('stop')", outputs=["x"])
    assert lua.last is not None
    assert lua.last.outputs == {}


# Whatever comes ----------------------------------------------------------------------------------------

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    LEAVES | st.integers() | st.floats() | st.dates() | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=3), LEAVES | st.lists(LEAVES, max_size=2), max_size=4), min_size=1)
LOOK = """
local function look(t)
  if type(t) == "table" then for _, v in pairs(t) do look(v) end end
end
look(x)
"""


@given(value=VALUES | RECORDS, source=st.sampled_from(["", LOOK, "x = json.decode(json.encode(x))"]))
@example(value=[{"a": 1}] * 60, source=LOOK)
@example(value={"": -0.0, "b": [[], {}, None, 1e300, 2**53 + 1]}, source=LOOK)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_went_in_comes_out_equal_or_the_error_names_the_place(lua: Session, value: Any, source: str) -> None:
    told, got, wanted = "", None, None
    try:
        wanted = lua_value(value, "x")
        got = through(lua, value, source)
    except KosmoError as error:
        told = error.message
    by_json = "json" in source
    if told and by_json and extended_json.is_wide(wanted):
        assert told.endswith(("infinity has no JSON form", "are one and the same in JSON"))
    elif told:
        assert told.startswith("Lua has no variable `x`" if value is None or is_missing(value) else "x")
    else:
        assert in_full(got) == in_full(decode(encode(wanted)) if by_json else wanted)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), min_size=1))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_column_of_a_frame_comes_back_with_what_is_missing(lua: Session, values: list[float | None]) -> None:
    frame = pd.DataFrame({"n": pd.array(values, dtype="Float64")})
    back = frame_of(through(lua, frame, "for _, row in ipairs(x) do row.seen = row.n ~= nil end"))

    assert back["seen"].to_list() == [value is not None for value in values]
    assert all(math.isclose(a, b) for a, b in zip(back["n"].dropna(), frame["n"].dropna(), strict=True))


# A dry run ------------------------------------------------------------------------------------------------

KEPT = """heroku = app.integrations.heroku
apps = heroku.list_apps()
local names = { "my-app" }
function count() return #names end
"""
LOOK = "return table.concat({ #apps, #names, count(), type(heroku), tostring(fresh), tostring(newer) }, ' ')"
PRETENDED = """apps, names = heroku.list_apps({}), heroku.list_apps()
fresh = 1
local newer, heroku = 2, 3
"""


@pytest.mark.parametrize("end", ["", "error('after that')"], ids=["well", "badly"])
def test_what_a_dry_run_makes_of_empty_answers_is_nothing_that_stays(end: str) -> None:
    with Session("demo") as session:
        session.run(KEPT)
        with pytest.raises(LuaRuntimeError) if end else nullcontext():
            assert run_with(session, f"{PRETENDED}{end}", dry_run=True).planned
        assert session.run(LOOK).value == "19 1 1 table nil nil"
        session.run("names = { 'my-app', 'booking-api' }")
        assert session.run("return count()").value == 2


def test_one_dry_run_goes_on_where_another_ended() -> None:
    with Session("demo") as session:
        session.run("local mine = 'my-app'")
        run_with(session, "local services = app.integrations; mine = 'booking-api'", dry_run=True)
        planned = run_with(session, "services.heroku.list_dynos({ app_id = mine })", dry_run=True).planned
        session.run("mine = mine .. '!'")

        assert [call.arguments for call in planned] == [{"app_id": "booking-api"}]
        assert run_with(session, "return mine .. type(services)", dry_run=True).value == "my-app!nil"


def test_a_dry_run_is_no_cell_that_gave_something() -> None:
    with Session("demo") as session:
        run_with(session, "return 'one'", number=1)
        run_with(session, "return app.integrations.heroku.list_apps()", number=2, dry_run=True)
        run_with(session, "return 'three'", number=3)
        look = "return table.concat({ _, __, Out[1], tostring(pcall(function() return Out[2] end)), Out[3] }, ' ')"
        assert run_with(session, look, number=4).value == "three one one false three"
