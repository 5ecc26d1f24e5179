"""The views of an archive: each list as SQL tools see it, with the columns and the values of its frame."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from edited_snapshot import Tables, edited
from full_matrix import full_except

from kosmo_kernel import archive, snapshot
from kosmo_kernel.archive.snapshots import Manifest, SavedList, add
from kosmo_kernel.archive.views import view_name
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.lists import redacted
from kosmo_kernel.values.records import Records


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return an archive with a snapshot of the lists of audits."""
    with Session("demo") as session:
        snapshot.take(session, tmp_path / "small.kosmo")
    return tmp_path / "small.kosmo"


def rows_of(file: Path, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def views(file: Path) -> list[str]:
    return [row["name"] for row in rows_of(file, "SELECT name FROM sqlite_master WHERE type = 'view'")]


def as_sql(value: Any) -> Any:
    """Return a value of a frame as SQLite has it."""
    if isinstance(value, list | dict):
        return json.loads(json.dumps(value))
    return (
        None if value is pd.NaT or pd.isna(value) else value.isoformat() if isinstance(value, pd.Timestamp) else value
    )


def from_sql(value: Any, kind: type) -> Any:
    if isinstance(value, str) and kind in {list, dict}:
        return json.loads(value)
    return pd.Timestamp(value).isoformat() if kind is pd.Timestamp and value is not None else value


@pytest.mark.parametrize("part", full_except(range(4), 0))
def test_every_list_is_a_view_with_the_columns_and_the_values_of_its_frame(everything: Path, part: int) -> None:
    saved = archive.SavedSnapshot(everything)
    for name in sorted(saved)[part::4]:
        frame = saved[name]
        columns = list(map(str, frame))
        in_view = rows_of(everything, f'SELECT * FROM "{name}"')  # noqa: S608 - a name of ours
        assert len(in_view) == len(frame), name
        for column in columns:
            wanted = frame[column].tolist()
            kind = next((type(value) for value in wanted if isinstance(value, list | dict | pd.Timestamp)), object)
            values = [from_sql(row[column], kind) for row in in_view]
            assert values == [as_sql(value) for value in wanted], (name, column)
        assert not in_view or list(in_view[0]) == list(frame), name


def test_views_show_the_newest_snapshot_and_their_history_has_all(small: Path) -> None:
    def change(tables: Tables) -> None:
        tables["apps"] = tables["apps"][:3]
        tables["apps"][0]["spare"] = {"part": True}
        del tables["domains"]

    edited(small, small, change, begun="2027-01-02T03:04:05Z")
    history = rows_of(small, "SELECT taken_at, count(*) AS apps FROM apps_history GROUP BY taken_at")

    assert [row["apps"] for row in rows_of(small, "SELECT count(*) AS apps FROM apps")] == [3]
    assert [row["apps"] for row in history] == [19, 3]
    assert history[1]["taken_at"] == "2027-01-02T03:04:05Z"
    assert [row["spare.part"] for row in rows_of(small, "SELECT * FROM apps")] == [1, None, None]
    assert len(rows_of(small, 'SELECT 1 FROM apps_history WHERE "spare.part"')) == 1
    assert "domains" not in views(small)  # it was not read, which is no empty list
    assert len(rows_of(small, "SELECT 1 FROM domains_history")) == len(
        archive.SavedSnapshot(small, archive.SavedSnapshot(small).times[0])["domains"]
    )


def saved_as(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    """Return an archive with one list of these records, of a function that no service has."""
    file = tmp_path / "own.kosmo"
    records = Records(list(rows))
    manifest = Manifest(
        integration="other",
        account="x",
        begun="2026-11-20T06:00:00Z",
        ended="2026-11-20T06:00:00Z",
        complete=True,
        requests=1,
        tables={"things": SavedList("other.list_things", len(rows), [])},
        failures=[],
        left_out=[],
        kosmo_kernel="0.1.0",
    )
    add(file, manifest, {"things": redacted(records, str)}, replaces=False)
    return file


HOSTILE = (
    *("'; DROP TABLE kosmo_rows; --", '"; DROP VIEW other_things; --', "a.b", "$", "[0]", "*", "é", "1", " ", ""),
    *("a\\b", 'a"b', "a\nb", "a\tb", "json_extract(body,'$')", "taken_at"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_field_of_any_name_is_a_column(tmp_path: Path, name: str) -> None:
    file = saved_as(tmp_path, {name: "value", "inside": {name: 5}})
    [row] = rows_of(file, "SELECT * FROM other_things")

    assert list(row.values())[:2] == ["value", 5]
    assert archive.SavedSnapshot(file).records("things").rows == [{name: "value", "inside": {name: 5}}]


def test_numbers_texts_and_nothing_stay_what_they_are(tmp_path: Path) -> None:
    row = {"int": 2**53, "float": 0.5, "yes": True, "no": False, "null": None, "text": "0", "list": [1, {"a": None}]}
    [in_view] = rows_of(saved_as(tmp_path, row), "SELECT * FROM other_things")

    assert in_view == row | {"yes": 1, "no": 0, "list": '[1,{"a":null}]'}


def test_lists_of_other_services_have_its_name_in_front_and_no_view_a_reserved_name() -> None:
    names = [view_name("things", f"{service}.list_things") for service in ("heroku", "github", "sqlite", "kosmo")]
    assert names == ["things", "github_things", "list_sqlite_things", "list_kosmo_things"]


def test_a_list_of_thousands_of_fields_has_a_view_of_the_first(tmp_path: Path) -> None:
    file = saved_as(tmp_path, {f"field_{number}": number for number in range(3_000)})
    [row] = rows_of(file, "SELECT * FROM other_things")

    assert list(row.values()) == list(range(1_900))
    assert len(archive.SavedSnapshot(file).records("things").rows[0]) == 3_000


def test_what_is_no_list_has_the_prefix_of_the_package(small: Path) -> None:
    names = rows_of(small, "SELECT name FROM sqlite_master WHERE type != 'view' AND sql IS NOT NULL")
    assert len(names) > 5
    assert all(row["name"].startswith("kosmo_") for row in names)
    assert not any(name.startswith("kosmo_") for name in views(small))


def test_a_view_that_a_user_added_stays(small: Path) -> None:
    with closing(sqlite3.connect(small)) as connection:
        connection.execute("CREATE VIEW mine AS SELECT count(*) AS dynos FROM dynos")
        connection.commit()
    edited(small, small, begun="2027-01-02T03:04:05Z")

    assert [row["dynos"] for row in rows_of(small, "SELECT * FROM mine")] == [43]
    assert archive.SavedSnapshot(small).manifest.begun == "2027-01-02T03:04:05Z"


def test_pandas_reads_a_view_as_it_is(small: Path) -> None:
    with closing(sqlite3.connect(small)) as connection:
        frame = pd.read_sql("SELECT * FROM dynos", connection)

    assert list(frame) == list(archive.SavedSnapshot(small)["dynos"])
    assert list(frame["app.name"]) == list(archive.SavedSnapshot(small)["dynos"]["app.name"])
