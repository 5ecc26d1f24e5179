"""Names of dyno sizes: one spelling in tables and frames, what Heroku sent in JSON and Lua."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel import Session, archive, heroku, snapshot
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.facts import facts
from kosmo_kernel.integrations.heroku.functions import SIZE_FIELDS, size_spelling
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.values.records import Records


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("standard-1X", "Standard-1X"),
        ("STANDARD-2X", "Standard-2X"),
        ("eco", "Eco"),
        ("performance-l-ram", "Performance-L-RAM"),
        ("Private-2XL", "Private-2XL"),
        ("Dyno-1C-0.5GB", "dyno-1c-0.5gb"),
        ("a-size-of-tomorrow", "A-SIZE-OF-TOMORROW"),
    ],
)
def test_a_size_has_one_spelling(sent: str, shown: str) -> None:
    assert size_spelling(sent) == shown
    assert size_spelling(sent.swapcase()) == shown


def test_all_sizes_of_heroku_are_spelled_as_its_list_of_sizes_has_them() -> None:
    with Session("demo") as session:
        sent = [size["name"] for size in session.call("heroku.list_dyno_sizes", {}).value]
    assert len(sent) > 30
    assert [size_spelling(name) for name in sent] == sent


@pytest.mark.parametrize(
    ("function", "column"), [("list_dynos", "size"), ("list_formation", "size"), ("list_formation", "dyno_size.name")]
)
def test_a_join_by_the_name_of_a_size_loses_no_row(function: str, column: str) -> None:
    used = getattr(heroku.demo, function)(app_id=heroku.demo.list_apps())
    joined = used.merge(heroku.demo.list_dyno_sizes(), left_on=column, right_on="name", suffixes=("", "_of_size"))
    assert len(joined) == len(used) > 20


def test_lua_and_json_have_the_text_that_heroku_sent() -> None:
    with Session("demo") as session:
        records = session.run('return heroku.list_dynos({ app_id = "wholesale-portal" })').value
    assert [dyno["size"] for dyno in records] == ["Standard-1X", "standard-1X"]
    assert isinstance(records, Records)
    assert "standard-1X" not in table_of(records, 10).text()


def test_a_snapshot_keeps_what_heroku_sent_and_its_frames_have_one_spelling(tmp_path: Path) -> None:
    file = tmp_path / "saved.kosmo"
    with Session("demo") as session:
        snapshot.take(session, file)
    with Session(snapshot=file) as saved:
        records = saved.run('return heroku.list_dynos({ app_id = "wholesale-portal" })').value
    assert [dyno["size"] for dyno in records] == ["Standard-1X", "standard-1X"]
    with closing(sqlite3.connect(file)) as connection:
        in_view = {size for [size] in connection.execute("SELECT size FROM dynos")}
    for sizes_shown in (set(archive.read(file)["dynos"]["size"]), in_view):
        assert ("Standard-1X" in sizes_shown, "standard-1X" in sizes_shown) == (True, False)


def test_a_value_that_is_no_text_stays_as_it_is() -> None:
    function = HEROKU.table.named("list_dynos")
    rows: list[dict[str, Any]] = [{"size": None}, {"size": 2}, {"size": "eco"}]
    column = next(field for field in function.columns if field.name == "size")
    assert "Eco" in table_of(Records(rows, None, (column,)), 10).text()


def test_every_field_with_the_name_of_a_size_has_one_spelling() -> None:
    for resource, name in SIZE_FIELDS:
        assert name in {field.name for field in facts().fields(resource)}
    spelled = {
        (function.name, column.name) for function in HEROKU.functions for column in function.columns if column.spell
    }
    named = {
        (function.name, column.name)
        for function in HEROKU.functions
        for column in function.columns
        if column.name.endswith(("dyno_size.name", "dyno.size"))
    }
    assert named < spelled
    assert {("list_dynos", "size"), ("get_dyno_size", "name"), ("list_formation", "size")} < spelled
