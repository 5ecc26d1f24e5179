"""A DataFrame on its way to Lua: its rows, and the records that it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.render.frames import frame_of
from kosmo_kernel.values.from_python import lua_value
from kosmo_kernel.values.records import Records, columns_with_item

DYNOS = HEROKU.function("list_dynos")


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return list(lua_value(frame, "x"))


def dyno(name: str, **fields: Any) -> dict[str, Any]:
    """Return a dyno as Heroku sends it, in the order of the declared columns."""
    whole = {
        "name": name,
        "state": "up",
        "type": "web",
        "size": "Basic",
        "command": "bin/web",
        "app": {"name": "my-app", "id": "app-1"},
        "release": {"version": 3, "id": "release-1"},
        "updated_at": "2026-11-20T09:00:00Z",
        "created_at": "2026-11-20T09:00:00.250000Z",
        "attach_url": None,
        "id": "dyno-1",
    }
    return whole | fields


def test_a_frame_is_the_list_of_its_rows_with_columns_in_order() -> None:
    frame = pd.DataFrame(
        {"z": [1, 2], "a.b": [0.5, None], "at": pd.DatetimeIndex(["2026-11-20", "NaT"]), "l": [[1], None]}, index=[7, 3]
    )

    assert rows_of(frame) == [
        {"z": 1, "a.b": 0.5, "at": "2026-11-20T00:00:00", "l": [1]},
        {"z": 2, "a.b": None, "at": None, "l": None},
    ]


def test_a_named_index_is_a_column_and_other_labels_are_left_out() -> None:
    frame = pd.DataFrame({"state": ["up", "up", "down"], "type": ["web", "web", "run"], "n": [1, 2, 3]})

    assert rows_of(frame.groupby(["state", "type"]).sum()) == [
        {"state": "down", "type": "run", "n": 3},
        {"state": "up", "type": "web", "n": 3},
    ]
    assert rows_of(frame[frame["n"] > 2]) == [{"state": "down", "type": "run", "n": 3}]


def test_the_frame_of_a_function_becomes_its_records_again() -> None:
    rows = [dyno("web.1"), dyno("web.2", app=None, release={"version": None, "id": "release-2"})]
    made = lua_value(frame_of(Records(rows, DYNOS)), "x")

    assert (made.rows, made.function) == (rows, DYNOS)


def test_a_filtered_frame_is_still_of_its_function_and_one_with_fewer_columns_is_not() -> None:
    frame = frame_of(Records([dyno("web.1"), dyno("web.2")], DYNOS))
    filtered, slim = lua_value(frame[frame["name"] == "web.2"], "x"), lua_value(frame[["name", "app.name"]], "x")

    assert (filtered.rows, filtered.function) == ([dyno("web.2")], DYNOS)
    assert (slim.rows[0], slim.function) == ({"name": "web.1", "app": {"name": "my-app"}}, None)


def test_the_column_that_says_which_app_was_asked_stays_the_first() -> None:
    rows = [{"app_id": "my-app"} | dyno("web.1")]
    frame = frame_of(Records(rows, DYNOS, columns_with_item(DYNOS)))
    made = lua_value(frame, "x")

    assert (made.rows, made.columns[0].name) == (rows, "app_id")
    pd.testing.assert_frame_equal(frame_of(made), frame)


def test_a_function_that_no_longer_exists_is_forgotten() -> None:
    frame = pd.DataFrame({"app.name": ["a"]})
    frame.attrs["function"] = "heroku.list_ships"

    assert lua_value(frame, "x").function is None
    assert rows_of(frame) == [{"app": {"name": "a"}}]


def test_records_and_other_values_in_one_column_find_their_places() -> None:
    rows: list[dict[str, Any]] = [{"app": "text"}, {"app": {"name": "a", "web.url": "u"}}, {"app": None}]
    frame = frame_of(Records(rows))

    assert rows_of(frame) == [{"app": "text"}, {"app": {"name": "a", "web": {"url": "u"}}}, {"app": None}]
    frame.loc[0, "app.name"] = "b"
    with pytest.raises(InvalidArgumentsError, match=r"x\[0\]: the column 'app' and one below it, `app.…`, both have a"):
        lua_value(frame, "x")


def test_keys_with_dots_that_stand_in_brackets_are_found_again() -> None:
    rows = [{"app": {"name": "nested"}, "app.name": "dotted"}]

    assert rows_of(frame_of(Records(rows))) == rows


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what a record holds: a path for each value that is neither null nor an object."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif value is not None:
        yield path, value


CELLS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.sampled_from(["a", "b", "c_at", "naïve"])
OBJECTS = st.recursive(
    st.dictionaries(KEYS, CELLS | st.text() | st.just([1, "x"]), max_size=4),
    lambda inner: st.dictionaries(KEYS, CELLS | inner, max_size=4),
)


@given(st.lists(OBJECTS, max_size=5))
def test_all_that_a_frame_holds_comes_back_from_it(rows: list[dict[str, Any]]) -> None:
    frame = frame_of(Records(rows))
    made = lua_value(frame, "x")
    held = frame.columns[frame.notna().any()]

    assert [dict(leaves(row)) for row in made] == [dict(leaves(row)) for row in rows]
    pd.testing.assert_frame_equal(frame_of(made)[held], frame[held])
