"""Python's values as Lua takes them: what becomes what, what cannot, and where in the value that is."""

from __future__ import annotations

import enum
import subprocess
import sys
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.values import extended_json
from kosmo_kernel.values.from_python import lua_value
from kosmo_kernel.values.lua_literals import lua_name
from kosmo_kernel.values.records import Record, Records

DYNOS = HEROKU.function("list_dynos")
BERLIN = timezone(timedelta(hours=2))
MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


class Colour(enum.Enum):
    RED = "red"


class Word(str, enum.Enum):  # noqa: UP042 - which reads as its name where it is shown
    ON = "on"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class App:
    name: str
    at: object = None


def plain(value: Any) -> Any:
    """Return what Lua would be given, as JSON has it."""
    made = lua_value(value, "x")
    return list(made.rows) if isinstance(made, Records) else made


def fault(value: Any) -> str:
    with pytest.raises(InvalidArgumentsError) as caught:
        lua_value(value, "-i x")
    return caught.value.message


# What becomes what ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        (float("nan"), None),
        ([np.float64("nan")], [None]),
        (Decimal("NaN"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (np.datetime64("NaT", "s"), None),
        (True, True),
        (np.True_, True),
        (2**63 - 1, 2**63 - 1),
        (np.int8(-3), -3),
        (np.uint64(5), 5),
        (0.5, 0.5),
        (float("-inf"), float("-inf")),
        ([np.float64("inf"), Decimal("Infinity")], [float("inf"), float("inf")]),
        (np.float32(0.5), 0.5),
        (Decimal("1.50"), 1.5),
        ("näh", "näh"),
        (np.str_("é"), "é"),
        (b"\xc3\xa9", "é"),
        (bytearray(b"ab"), "ab"),
        (memoryview(b"ab"), "ab"),
        (MOMENT, "2026-11-20T09:30:00Z"),
        (MOMENT.astimezone(BERLIN), "2026-11-20T09:30:00Z"),
        (MOMENT.replace(tzinfo=None), "2026-11-20T09:30:00"),
        (MOMENT.replace(microsecond=5), "2026-11-20T09:30:00.000005Z"),
        (pd.Timestamp("2026-11-20T09:30:00.000000001Z"), "2026-11-20T09:30:00.000000001Z"),
        (np.datetime64("2026-11-20T09:30"), "2026-11-20T09:30:00"),
        (np.datetime64("2026-11-20"), "2026-11-20"),
        (date(2026, 11, 20), "2026-11-20"),
        (time(9, 30), "09:30:00"),
        (timedelta(hours=1), 3600),
        (timedelta(milliseconds=-500), -0.5),
        (pd.Timedelta("1h"), 3600),
        (np.timedelta64(90, "m"), 5400),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("notes/a"), "notes/a"),
        (Colour.RED, "red"),
        (Word.ON, "on"),
        (Level.HIGH, 3),
        ((1, [2, {}]), [1, [2, {}]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (range(3), [0, 1, 2]),
        (deque([1]), [1]),
        ({"a": 1}.keys(), ["a"]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        ({1: "a", np.int64(2): "b", Level.HIGH: "c", "1": "d"}, {1: "a", 2: "b", 3: "c", "1": "d"}),
        (MappingProxyType({"a": None}), {"a": None}),
        ({Colour.RED: 1, UUID(int=1): 2}, {"red": 1, "00000000-0000-0000-0000-000000000001": 2}),
        (App("one", App("two")), {"name": "one", "at": {"name": "two", "at": None}}),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (np.array(["2026-11-20T09:30:00.5", "NaT"], "M8[ns]"), ["2026-11-20T09:30:00.500000", None]),
        (np.array([[90], [1]], "m8[s]"), [[90], [1]]),
        (np.array([1.5, np.nan]), [1.5, None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Index(["a", None]), ["a", None]),
        (pd.Categorical(["a", None]), ["a", None]),
        (pd.DatetimeIndex(["2026-11-20T09:30Z", "NaT"]), ["2026-11-20T09:30:00Z", None]),
        (pd.Series(["2026-11-20T11:30"], dtype="datetime64[ns, Europe/Berlin]"), ["2026-11-20T10:30:00Z"]),
        (pd.TimedeltaIndex(["1h", "NaT"]), [3600, None]),
        ([pd.DataFrame({"a": [1]})], [[{"a": 1}]]),
    ],
)
def test_a_value_has_one_form_in_lua(value: Any, wanted: Any) -> None:
    made = plain(value)

    assert (made, type(made)) == (wanted, type(wanted))


def test_a_dict_keeps_its_order_and_its_missing_values() -> None:
    made = plain({"z": None, "a": [float("nan")], "m": {"y": 1, "b": 2}})

    assert repr(made) == "{'z': None, 'a': [None], 'm': {'y': 1, 'b': 2}}"


def test_a_list_of_dicts_becomes_records_and_other_lists_do_not() -> None:
    values: list[Any] = [[{"a": 1}], ({},), [], [{"a": 1}, 2]]

    assert [type(lua_value(value, "x")) for value in values] == [Records, Records, list, list]


def test_what_a_function_returned_goes_back_as_it_came() -> None:
    records = Records([{"name": "web.1"}], DYNOS)
    record = lua_value(Record({"name": "web.1", "seen": MOMENT}, DYNOS), "x")

    assert lua_value(records, "x") is records
    assert (record.function, record["seen"]) == (DYNOS, "2026-11-20T09:30:00Z")


def test_the_frames_of_a_dict_become_records_each_by_itself() -> None:
    frame = pd.DataFrame({"a": [1, None]}, dtype="Int64")
    made = lua_value(MappingProxyType({"n": float("nan"), "few": frame, 3: Records([{"b": 2}], DYNOS)}), "x")

    assert list(made) == ["n", "few", 3]
    assert (made["n"], list(made["few"].rows), made[3].function) == (None, [{"a": 1}, {"a": None}], DYNOS)
    assert lua_value(made, "x") == made
    assert (
        fault({"few": frame.assign(b=pd.Series([1, 1j], dtype=object))})
        == "-i x.few[1].b: a complex number has no Lua form"
    )
    assert fault({(1, 2): frame}).startswith("-i x: the key (1, 2) is no text and no integer")


def test_a_later_change_of_the_original_is_not_seen() -> None:
    rows: list[dict[str, Any]] = [{"a": {"b": [1]}}]
    made = plain(rows)
    rows[0]["a"]["b"].append(2)

    assert made == [{"a": {"b": [1]}}]


def test_neither_numpy_nor_pandas_is_imported_for_a_value_that_is_not_theirs() -> None:
    script = (
        "import sys; from kosmo_kernel.values.from_python import lua_value; from decimal import Decimal\n"
        "lua_value([{'a': Decimal(1)}, {'b': {1, 2}}], 'x')\n"
        "try: lua_value(1j, 'x')\n"
        "except Exception: sys.exit(bool({'pandas', 'numpy'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# What has no form -------------------------------------------------------------------------------------


async def coroutine() -> None:
    pass


CYCLE: list[Any] = [{"back": []}]
CYCLE[0]["back"].append(CYCLE)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1j, "-i x: a complex number has no Lua form"),
        (np.complex64(1), "-i x: a complex number has no Lua form"),
        (2**63, "-i x: an integer of more than 64 bits has no Lua form"),
        (np.uint64(2**63), "-i x: an integer of more than 64 bits has no Lua form"),
        ([Decimal("1e999")], "-i x[0]: a Decimal beyond what a number of Lua's can be"),
        (["a", "\ud800"], "-i x[1]: a text with half a character in it (a lone surrogate) has no Lua form"),
        ({"\udfff": 1}, "-i x: a text with half a character in it (a lone surrogate) has no Lua form"),
        ({"a b": b"\xff"}, '-i x["a b"]: bytes that are no UTF-8 have no Lua form'),
        ({1.5: 2}, "-i x: the key 1.5 is no text and no integer; keys of what goes to Lua are texts or integers"),
        ({True: 2}, "-i x: the key True is no text and no integer; keys of what goes to Lua are texts or integers"),
        ({2**63: 2}, "-i x: an integer of more than 64 bits has no Lua form"),
        ({7: {8: 1j}}, "-i x[7][8]: a complex number has no Lua form"),
        (
            {"a": {None: 2}},
            "-i x.a: the key None is no text and no integer; keys of what goes to Lua are texts or integers",
        ),
        ({(1, 2): 2}, "-i x: the key (1, 2) is no text and no integer; keys of what goes to Lua are texts or integers"),
        ({Colour.RED: 1, "red": 2}, "-i x: two of its keys are the same in Lua"),
        (CYCLE, "-i x[0].back[0]: a list that contains itself has no Lua form"),
        (print, "-i x: a function has no Lua form"),
        (App, "-i x: a class has no Lua form"),
        (object(), "-i x: an object has no Lua form"),
        (iter([]), "-i x: a list_iterator has no Lua form; make a list of it first"),
        ((n for n in "ab"), "-i x: a generator has no Lua form; make a list of it first"),
        (np.void(b"a"), "-i x: a void has no Lua form"),
        (np.timedelta64(1, "M"), "-i x: a time span of months or years has no length in seconds"),
        (datetime.min.replace(tzinfo=BERLIN), "-i x: a time that UTC has no year for"),
        (pd.Series([pd.Period("2026-11")]), "-i x[0]: a Period has no Lua form"),
        (pd.DataFrame({"n": [1, 2], "x": [0, {"y": 1j}]}), "-i x[1].x.y: a complex number has no Lua form"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "-i x: two columns are called 'a'"),
        (pd.DataFrame([[1]]), "-i x: the column 0 has no name that is a text"),
    ],
)
def test_what_has_no_lua_form_is_an_error_that_names_the_place(value: object, message: str) -> None:
    assert fault(value) == message


def test_a_coroutine_is_to_be_awaited() -> None:
    waiting = coroutine()
    assert fault([waiting]) == "-i x[0]: a coroutine has no Lua form; await it first"
    waiting.close()


def test_values_in_one_another_have_an_end_and_the_message_is_short() -> None:
    deep: Any = 1
    for _ in range(101):
        deep = [deep]

    assert fault(deep).endswith("more than 100 lists and dicts in one another")
    assert len(fault(deep)) < 250
    assert plain(deep[0]) == deep[0]
    assert fault(pd.DataFrame({"x": [deep[0][0]]})).endswith("more than 100 lists and dicts in one another")


@pytest.mark.parametrize("name", ["end", "goto", "größe", "a b", "1a", "", "nil"])
def test_a_name_that_lua_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgumentsError, match=f"`?{name}"):
        lua_name(name)


def test_a_name_that_only_python_refuses_is_taken() -> None:
    assert [lua_name(name) for name in ("class", "def", "_x1")] == ["class", "def", "_x1"]


# Whatever comes ---------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
ANY_KEYS = st.text() | st.integers() | st.none() | st.uuids() | st.binary(max_size=4) | st.dates()
ANY_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.text(st.characters())
    | st.binary(max_size=9)
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from([Colour.RED, Word.ON, Level.HIGH, Path("a"), print, pd.NA, pd.NaT, np.int16(2), np.array([1.5])]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(st.integers() | st.text(), max_size=3)
        | st.dictionaries(ANY_KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_what_json_has_is_equal_and_a_second_time_too(value: Any) -> None:
    made = lua_value(value, "x")

    assert list(made.rows) == value if isinstance(made, Records) else made == value
    assert lua_value(made, "x") == made


@given(ANY_VALUES)
def test_any_value_becomes_wide_json_or_an_error_that_names_its_place(value: Any) -> None:
    try:
        made = lua_value(value, "-i x")
    except InvalidArgumentsError as error:
        assert error.message.startswith("-i x")  # noqa: PT017 - one of two good ends
    else:
        assert extended_json.decode(extended_json.encode(made)[0]) == made
