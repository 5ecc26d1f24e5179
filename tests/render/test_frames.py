"""Records as frames: which columns, of which types, and that nothing is lost on the way."""

from __future__ import annotations

import copy
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.catalogue import Column, ColumnKind, Function, Link
from kosmo_kernel.errors import UnknownFieldError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.render.column_errors import UnknownColumnError
from kosmo_kernel.render.frames import KosmoFrame, frame_of
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.values.fields import fields_of, moment
from kosmo_kernel.values.records import Records

Rows = list[dict[str, Any]]

TEXT = pd.StringDtype(na_value=np.nan)
X, NO = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
UTC = pd.DatetimeTZDtype("us", "UTC")

COLUMNS = (
    Column("name", "A text."),
    Column("app.name", "A text of a reference."),
    Column("role", "A text with a default.", nullable=True, default="collaborator"),
    Column("created_at", "A time.", kind="timestamp"),
    Column("size", "An integer.", kind="integer", nullable=True),
    Column("price", "A number.", kind="number"),
    Column("locked", "A boolean.", kind="boolean"),
    Column("regions", "A list.", kind="list"),
)
TYPES = [TEXT, TEXT, TEXT, UTC, pd.Int64Dtype(), pd.Float64Dtype(), pd.BooleanDtype(), np.dtype(object)]
RECORD = {
    "regions": ["eu"],
    "name": "web.1",
    "app": {"name": "my-app"},
    "role": "owner",
    "created_at": "2026-11-20T09:00:00Z",
    "size": 7,
    "price": 2.5,
    "locked": False,
}
NOTHING = dict.fromkeys(RECORD)


def one(kind: ColumnKind, *values: object) -> pd.Series:
    """Return the column that these values give when they are declared as `kind`."""
    return frame_of(Records([{"x": value} for value in values], None, (Column("x", "X.", kind=kind),)))["x"]


def own(*rows: dict[str, Any]) -> KosmoFrame:
    """Return the frame of objects of a script's own."""
    return frame_of(Records(rows))


def test_declared_columns_come_in_declared_order_with_declared_types() -> None:
    frame = frame_of(Records([RECORD, NOTHING, {}], None, COLUMNS))

    assert list(frame.columns) == [column.name for column in COLUMNS]
    assert frame.dtypes.to_list() == TYPES


@pytest.mark.parametrize("rows", [[], [{}], [NOTHING], [NOTHING, {}]])
def test_columns_and_types_are_the_same_when_there_is_no_value_at_all(rows: list[dict[str, Any]]) -> None:
    frame = frame_of(Records(rows, None, COLUMNS))

    assert list(frame.columns) == [column.name for column in COLUMNS]
    assert frame.dtypes.to_list() == TYPES
    assert len(frame) == len(rows)


def test_a_null_and_an_absent_key_are_missing_values_except_where_a_default_is_declared() -> None:
    frame = frame_of(Records([RECORD, NOTHING, {}], None, COLUMNS))

    assert frame["role"].to_list() == ["owner", "collaborator", "collaborator"]
    for name in frame.columns.drop("role"):
        assert frame[name].isna().to_list() == [False, True, True]


def test_timestamps_are_utc_datetimes() -> None:
    column = one("timestamp", "2026-11-20T09:00:00Z", None, "1970-01-01T00:00:00Z")

    assert column.to_list() == [pd.Timestamp("2026-11-20 09:00", tz="UTC"), pd.NaT, pd.Timestamp(0, tz="UTC")]


def test_timestamps_in_other_forms_are_read_as_well() -> None:
    column = one("timestamp", "2026-11-20T09:00:00.25Z", "2026-11-20T09:00:00+02:00", "2026-11-20 09:00", None)

    assert column.dtype == UTC
    assert column.dt.strftime("%H:%M:%S.%f").to_list()[:3] == ["09:00:00.250000", "07:00:00.000000", "09:00:00.000000"]


def test_nanoseconds_are_kept() -> None:
    column = one("timestamp", "2026-11-20T09:00:00.123456789Z", "2026-11-20T09:00:00Z")

    assert column[0].nanosecond == 789


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026-02-30T09:00:00Z",
        "2026-11-20T09:00:60Z",
        "2026-11-20T09:00:0éZ",
        "0000-01-01T00:00:00Z",
        "9999-01-01T00:00:00.123456789Z",  # nanoseconds reach to the year 2262
        "2026-11-20",
        "",
    ],
)
def test_a_column_with_a_timestamp_that_is_none_keeps_its_texts(text: str) -> None:
    assert one("timestamp", "2026-11-20T09:00:00Z", text).to_list() == ["2026-11-20T09:00:00Z", text]


def test_texts_that_only_together_look_like_timestamps_keep_their_places() -> None:
    halves = ["2026-11-20T09:00:00", "Z\n2026-11-20T09:00:00Z"]

    assert one("timestamp", *halves).to_list() == halves


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", [1, "two", None]),
        ("integer", [1, 2.5, True]),
        ("integer", [1, 2**70]),
        ("integer", ["1", "2"]),
        ("number", [1.5, "two"]),
        ("number", [2**53 + 1, 0.5]),
        ("number", [10**400, 0.5]),
        ("boolean", [True, 1, "no"]),
        ("string", ["a", 1, {"b": 2}, ["c"], None]),
        ("timestamp", [1700000000, "2026-11-20T09:00:00Z"]),
        ("list", [["a"], "a", 1, {"b": []}]),
    ],
)
def test_values_of_another_type_than_declared_are_kept_as_they_came(kind: ColumnKind, values: list[Any]) -> None:
    column = one(kind, *values)
    kept = [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]

    assert [(type(value), value) for value in kept] == [(type(value), value) for value in values]


def test_undeclared_fields_follow_as_first_seen_with_objects_dotted_all_the_way_down() -> None:
    rows: Rows = [{"b": {"y": 1}, "name": "web.1"}, {"a": True, "b": {"z": {"deep": "x"}, "y": 2}}]
    frame = frame_of(Records(rows, None, COLUMNS[:1]))

    assert list(frame.columns) == ["name", "b.y", "b.z.deep", "a"]
    assert frame["b.y"].to_list() == [1, 2]


def test_undeclared_fields_next_to_declared_ones_in_an_object_are_found() -> None:
    rows: Rows = [{"app": {"name": "my-app"}}, {"app": None}, {"app": {"name": "other", "id": "1"}}]
    frame = frame_of(Records(rows, None, COLUMNS[1:2]))

    assert list(frame.columns) == ["app.name", "app.id"]
    assert frame["app.id"].isna().to_list() == [True, True, False]


def test_a_reference_that_is_a_text_is_kept_beside_the_columns_of_objects() -> None:
    frame = frame_of(Records([{"app": {"name": "my-app"}}, {"app": "other"}], None, COLUMNS[1:2]))

    assert frame["app.name"].to_list()[0] == "my-app"
    assert frame["app"].isna().to_list() == [True, False]
    assert frame["app"][1] == "other"


def test_a_key_with_a_dot_does_not_take_the_place_of_a_nested_field() -> None:
    frame = own({"app": {"name": "nested"}, "app.name": "dotted"})

    assert frame.to_dict("records") == [{"app.name": "nested", '["app.name"]': "dotted"}]


def test_an_empty_object_is_kept_where_no_record_has_fields_in_it() -> None:
    assert own({"config": {}}, {"config": None})["config"].to_list() == [{}, None]


def test_objects_of_a_script_get_nullable_types_by_their_values() -> None:
    frame = own(
        {"text": "a", "int": 1, "float": 1, "bool": None, "list": [1], "mixed": 1, "null": None, "seen_at": None},
        {"text": None, "int": None, "float": 0.5, "bool": True, "list": [], "mixed": "1", "null": None},
    )

    assert frame.dtypes.astype(str).to_dict() == {
        "text": "str",
        "int": "Int64",
        "float": "Float64",
        "bool": "boolean",
        "list": "object",
        "mixed": "object",
        "null": "object",
        "seen_at": "object",
    }


def test_columns_without_values_have_the_kind_that_their_names_say() -> None:
    names = ("monthly_usd", "cents", "days_left", "app", "created_at")
    columns = tuple(Column(name, name, "any") for name in names)
    for rows, others in (([], ["str", "datetime64[us, UTC]"]), ([dict.fromkeys(names)], ["object"] * 2)):
        frame = frame_of(Records(rows, columns=columns))
        assert frame.dtypes.astype(str).to_list() == [*["Float64"] * 3, *others]
        assert frame.groupby("app", dropna=False)["monthly_usd"].sum().nlargest(3).to_list() == [0.0] * len(rows)


def test_an_undeclared_field_is_a_time_when_every_value_is_one_with_a_zone() -> None:
    row = {
        "since": "2026-11-20T09:00:00Z",
        "gap": "2026-11-20T09:00:00+01:00",
        "read_at": "yesterday",
        "local": "2026-11-20T09:00:00",
        "empty_at": None,
        "day": "2026-11-20",
    }
    later = row | {"gap": None}
    frame = own(row, later)

    times = ["datetime64[us, UTC]"] * 2
    assert frame.dtypes.astype(str).to_list() == [*times, "str", "str", "object", "str"]


def test_a_late_text_that_is_no_time_counts_in_every_view() -> None:
    rows: Rows = [*({"when": "2026-11-20T09:00:00Z"} for _ in range(300)), {"when": "later"}]

    assert "2026-11-20T09:00:00Z" in repr(own(*rows))
    assert "2026-11-20T09:00:00Z" in table_of(Records(rows)).text()


def test_lists_of_the_same_length_stay_lists() -> None:
    assert own({"x": [1, 2]}, {"x": [3, 4]})["x"].to_list() == [[1, 2], [3, 4]]


def test_what_is_changed_in_a_frame_is_not_changed_in_its_records() -> None:
    rows: Rows = [{"tags": ["a"]}, {"tags": None}]
    own(*rows)["tags"].to_list()[0].append("b")

    assert rows == [{"tags": ["a"]}, {"tags": None}]


def test_a_frame_remembers_its_function_and_what_it_is_told() -> None:
    function = Function("list_things", "Things.", "Things.", (Link("/things"),), "list", COLUMNS, example="x")
    frame = frame_of(Records([RECORD], function), {"account": "production"})

    assert frame.attrs == {"function": "list_things", "account": "production"}


def test_a_function_of_the_catalogue_is_remembered_by_its_full_name() -> None:
    assert frame_of(Records([], HEROKU.function("list_apps"))).attrs == {"function": "heroku.list_apps"}


def repr_html(frame: Any) -> str:
    return str(frame._repr_html_())


def test_what_is_made_from_a_frame_is_shown_as_it_is() -> None:
    frame = own(*({"n": n, "name": f"dyno {n}", "size": n % 2} for n in range(9)))
    frame.displaylimit = 3
    derived = [
        frame.head(8),
        frame[frame["n"] > 3],
        frame.sort_values("n", ascending=False),
        frame[["name", "n"]],
        frame.assign(double=frame["n"] * 2),
        frame.merge(frame[["n"]], on="n"),
        frame.groupby("size").agg({"n": "sum"}),
        pd.concat([frame, frame]),
        frame.copy(),
    ]

    assert {type(made) for made in derived} == {KosmoFrame}
    assert [repr(made).splitlines()[-1].partition(",")[0] for made in derived[:3]] == [
        f"8 records {X} 3 columns",
        f"5 records {X} 3 columns",
        f"9 records {X} 3 columns",
    ]
    assert repr(derived[2]).splitlines()[2].split() == ["8", "dyno", "8", "0"]  # without the number of the row
    assert repr(derived[6]).splitlines()[0].split() == ["size", "n"]
    assert all("kosmo-table" in repr_html(made) for made in derived)


def test_a_frame_with_columns_of_several_levels_is_shown() -> None:
    frame = own({"app": "a", "size": 1}, {"app": "b", "size": 2}).groupby("app").agg({"size": ["sum", "max"]})

    assert repr(frame).splitlines()[0].split() == ["app", "size.sum", "size.max"]


def test_a_filtered_frame_is_written_as_a_whole_one_is(tmp_path: Path) -> None:
    frame = own(*MIXED).head(1)
    with closing(sqlite3.connect(tmp_path / "frame.db")) as database:
        frame.to_sql("frame", database, index=False)
        assert pd.read_sql("select tags from frame", database)["tags"].to_list() == ['["a"]']
    frame.to_excel(tmp_path / "frame.xlsx", index=False)
    assert pd.read_excel(tmp_path / "frame.xlsx")["tags"].to_list() == ['["a"]']


def test_a_pickled_frame_comes_back_as_it_was() -> None:
    frame = frame_of(Records([RECORD], None, COLUMNS), {"account": "demo"})
    frame.displaylimit = 3
    back = pickle.loads(pickle.dumps(frame))  # noqa: S301 - our own bytes

    assert (type(back), back.displaylimit, back.attrs) == (KosmoFrame, 3, {"account": "demo"})
    pd.testing.assert_frame_equal(back, frame)


MIXED: Rows = [
    {"n": 1, "tags": ["a"], "plans": [{"cents": 5}], "any": 1, "none": {}, "made_at": "2026-11-20T09:00:00Z"},
    {"n": 2, "tags": [], "plans": None, "any": "naïve", "none": {}, "made_at": None},
]


def test_lists_and_objects_are_json_in_csv() -> None:
    assert own(*MIXED).to_csv(index=False).splitlines() == [
        "n,tags,plans,any,none,made_at",
        '1,"[""a""]","[{""cents"": 5}]",1,{},2026-11-20 09:00:00+00:00',
        "2,[],,naïve,{},",
    ]


def test_a_frame_is_written_to_excel_with_its_times_in_utc(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    own(*MIXED).to_excel(tmp_path / "frame.xlsx", index=False)
    back = pd.read_excel(tmp_path / "frame.xlsx")

    assert back.iloc[0].to_list() == [1, '["a"]', '[{"cents": 5}]', 1, "{}", pd.Timestamp("2026-11-20 09:00")]


GAPS: Rows = [
    {"size": 7, "big": 2**53 + 1, "is_on": True, "name": "a", "made_at": "2026-11-20T09:00:01Z"},
    {"size": None, "big": None, "is_on": None, "name": None, "made_at": None},
    {"size": -1, "big": 3, "is_on": False, "name": "=1+1", "made_at": "2026-11-20T09:00:02Z"},
]


def test_integers_with_gaps_are_integers_in_csv_and_come_back_as_such() -> None:
    frame = own(*GAPS)
    text = frame.to_csv(index=False)
    assert text.splitlines()[1:] == [
        "7,9007199254740993,True,a,2026-11-20 09:00:01+00:00",
        ",,,,",
        "-1,3,False,=1+1,2026-11-20 09:00:02+00:00",
    ]
    back = pd.read_csv(StringIO(text), dtype_backend="numpy_nullable", parse_dates=["made_at"])
    assert back["size"].dtype == frame["size"].dtype == pd.Int64Dtype()
    pd.testing.assert_frame_equal(back.astype({"name": frame["name"].dtype}), pd.DataFrame(frame))


def test_excel_has_integers_as_integers_long_ones_by_their_digits_and_no_formula(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    frame, file = own(*GAPS), tmp_path / "frame.xlsx"
    frame.to_excel(file, index=False)
    rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(file).active.iter_rows(min_row=2)]
    assert rows[0] == [7, "9007199254740993", True, "a", datetime(2026, 11, 20, 9, 0, 1)]  # noqa: DTZ001 - Excel has no zone
    assert rows[1] == [None] * 5
    assert [type(value) for value in rows[2]] == [int, str, bool, str, datetime]
    cells = [cell for row in openpyxl.load_workbook(file).active.iter_rows() for cell in row]
    assert [cell.value for cell in cells if cell.data_type == "f"] == []
    back = pd.read_excel(file, dtype_backend="numpy_nullable", dtype={"big": "Int64"})
    back["made_at"] = back["made_at"].dt.tz_localize("UTC")
    pd.testing.assert_frame_equal(back.astype({"name": frame["name"].dtype}), pd.DataFrame(frame))


def test_a_misspelt_option_is_told_before_a_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="indx"):
        own(*GAPS).to_excel(tmp_path / "frame.xlsx", indx=False)
    assert [*tmp_path.iterdir()] == []


def test_sheets_of_a_writer_have_no_formulas_either(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    with pd.ExcelWriter(tmp_path / "frame.xlsx") as writer:
        own(*GAPS).to_excel(writer, sheet_name="First", index=False)
        own(*GAPS).to_excel(writer, sheet_name="Second", startrow=2)
    sheets = openpyxl.load_workbook(tmp_path / "frame.xlsx")
    assert sheets.sheetnames == ["First", "Second"]
    kinds = {cell.data_type for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.value == "=1+1"}
    assert kinds == {"s"}


def test_writing_a_frame_changes_nothing_in_it() -> None:
    frame = own(*MIXED)
    before = pickle.dumps(frame)
    frame.to_csv()

    assert pickle.dumps(frame) == before


MORE = "KOSMO_ROWS shows more"


def test_a_frame_shows_as_many_rows_as_its_limit_and_counts_all() -> None:
    frame = own(*({"n": n} for n in range(5)))
    frame.displaylimit = 2

    assert repr(frame).splitlines() == ["n", "-", "0", "1", f"5 records {X} 1 column, the first 2 shown; {MORE}"]
    assert repr(KosmoFrame(frame, displaylimit=0)).splitlines()[-1] == f"5 records {X} 1 column, none shown; {MORE}"


def test_a_frame_shows_its_labels_when_they_say_something_and_does_not_count_them() -> None:
    frame = own({"n": 1}, {"n": 2})
    frame.index = pd.Index(["a", "b"], name="label")

    assert repr(frame).splitlines() == ["label  n", "-----  -", "a      1", "b      2", f"2 records {X} 1 column"]


def test_a_frame_shows_columns_of_any_pandas_type() -> None:
    frame = KosmoFrame(
        {
            "naive": pd.to_datetime(["2026-11-20", ""]),
            "zone": pd.to_datetime(["2026-11-20T09:00", ""]).tz_localize("Europe/Berlin"),
            "span": pd.to_timedelta(["1h", None]),
            "kind": pd.Categorical(["web", None]),
            "float": [0.1 + 0.2, None],
        }
    )

    assert repr(frame).splitlines()[2:4] == [
        "2026-11-20 00:00  2026-11-20 09:00+01:00  0 days 01:00:00  web     0.3",
        f"{NO}                 {NO}                       {NO}                {NO}         {NO}",
    ]


def test_a_frame_and_its_records_look_the_same() -> None:
    rows: Rows = [
        RECORD,
        NOTHING,
        {"size": 1, "extra": {"seen_at": "2026-11-20T09:00:30Z"}, "price": 1},
        {"extra": "text"},
    ]
    records = Records(rows, None, COLUMNS)

    assert frame_of(records)._repr_html_() == table_of(records).html()
    assert repr(frame_of(records)) == table_of(records).text()


def test_five_thousand_records_are_shown_in_a_small_element() -> None:
    rows = [
        RECORD | {"id": f"01234567-89ab-cdef-0123-{n:012}", "command": "bundle exec puma -C config/puma.rb"}
        for n in range(5000)
    ]

    assert len(frame_of(Records(rows, None, COLUMNS))._repr_html_().encode()) < 400_000


KEYS = st.sampled_from(["a", "b", "a.b", "c_at", ""])
TEXTS = st.sampled_from(["", "x", "2026-11-20T09:00:00Z", "2026-11-20T09:00:00.5+02:00", "2026-13-20T09:00:00Z", "é"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | st.just([1, "x"])
OBJECTS = st.recursive(
    st.dictionaries(KEYS, LEAVES, max_size=4), lambda inner: st.dictionaries(KEYS, LEAVES | inner, max_size=4)
)
KINDS: st.SearchStrategy[ColumnKind] = st.sampled_from(["string", "integer", "number", "boolean", "timestamp", "list"])
DECLARED = st.lists(
    st.builds(Column, st.sampled_from(["a", "b", "a.b", "b.a", "b.c_at", "c_at"]), st.just("X."), KINDS),
    unique_by=lambda column: column.name,
)


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what a record holds: a path for each value that is neither null nor an object."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif value is not None:
        yield path, value


@given(st.lists(OBJECTS, max_size=5), DECLARED)
def test_every_value_of_every_record_stands_in_the_frame(rows: list[dict[str, Any]], declared: list[Column]) -> None:
    records = Records(rows, None, tuple(declared))
    frame = frame_of(records)
    fields = list(fields_of(records))
    assert list(frame.columns) == [field.name for field in fields]
    assert frame.columns.is_unique

    def stands(path: tuple[str, ...], value: object, row: int) -> bool:
        for field in fields:
            shown = frame[field.name].iloc[row]
            if field.path == path:
                return bool(shown == value or (isinstance(shown, datetime) and shown == moment(str(value))))
            if path[: len(field.path)] == field.path and isinstance(
                shown, dict
            ):  # declared as one value, sent as object
                return dict(leaves(shown)).get(path[len(field.path) :]) == value
        return False

    for row, record in enumerate(rows):
        for path, value in leaves(record):
            assert stands(path, value, row)


def test_an_attribute_that_is_nearly_a_column_names_it_and_others_stay_pandas_own() -> None:
    frame = frame_of(Records([RECORD], None, COLUMNS))
    for name, near in {"nmae": '"name"', "app": '"app.name"', "app_name": '"app.name"'}.items():
        assert not hasattr(frame, name)
        with pytest.raises(UnknownFieldError, match=f'^There is no column "{name}". Did you mean {near}') as caught:
            getattr(frame, name)
        assert isinstance(caught.value, AttributeError)
    for name in ("gruopby", "_nmae", "_mgrs"):
        with pytest.raises(AttributeError, match=r"^'KosmoFrame' object has no attribute"):
            getattr(frame, name)
    assert copy.copy(pickle.loads(pickle.dumps(frame))).equals(frame)  # noqa: S301


@pytest.mark.parametrize(
    ("use", "near"),
    [
        (lambda frame: frame["app.nam"], '"app.name"'),
        (lambda frame: frame[["name", "sise"]], '"size"'),
        (lambda frame: frame.groupby(["role", "app"]), '"app.name"'),
        (lambda frame: frame.sort_values("sice"), '"size"'),
        (lambda frame: frame.drop_duplicates(["nme", "role"]), '"name"'),
    ],
    ids=["column", "columns", "groupby", "sort_values", "drop_duplicates"],
)
def test_a_misspelt_column_is_a_key_error_that_names_the_nearest(use: Callable[[pd.DataFrame], Any], near: str) -> None:
    frame = frame_of(Records([RECORD], None, COLUMNS))
    with pytest.raises(UnknownColumnError, match=f"^There is no column .* Did you mean {near}") as caught:
        use(frame)
    assert (isinstance(caught.value, KeyError), frame.get("app.nam"), frame.groupby("name").ngroups) == (True, None, 1)
    with pytest.raises(KeyError, match=r"^There is no column 5\. A row is rows\.iloc\[5\]\.$"):
        frame[5]


@pytest.mark.parametrize("key", ["name", "another"], ids=["suggested", "listed"])
def test_the_error_for_a_misspelt_column_has_no_control_characters_of_other_columns(key: str) -> None:
    with pytest.raises(UnknownColumnError) as caught:
        frame_of(Records([{"na\x1b[2Jme": 1, "b\nc\u202e": 2, "d" * 5_000: 3}]))[key]
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200
