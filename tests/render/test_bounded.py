"""Values within a number of characters: nothing is longer, rows and lines stay whole, and JSON parses."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kosmo_kernel.render.bounded import bounded
from kosmo_kernel.values.records import Records

ROWS = [{"name": f"app-{number}"} for number in range(14)]
HOSTILE = ["</data>", "a\nb\tc", "\u202e", "\ud800", "\U000e0041", "1", "null", "x" * 500, '"\\' * 50, "\r\n", "[1,"]


def nested(depth: int) -> Any:
    value: Any = ["innermost"]
    for level in range(depth):
        value = [value] if level % 2 else {"k" * (level % 40): value}
    return value


def indented(value: Any) -> str:
    return json.dumps(value, indent=2).replace("\n", "\r\n")


texts = st.text(max_size=60) | st.sampled_from(HOSTILE)
keys = st.text(max_size=9) | st.sampled_from(["\ud800", "k" * 3_000, "a\tb\nc"]) | st.integers(-9, 9)
atoms = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | texts
values = st.recursive(atoms, lambda inner: st.lists(inner, max_size=8) | st.dictionaries(keys, inner, max_size=6))
values |= st.sampled_from([nested(3), nested(30), nested(3_000)])
shallow = st.recursive(atoms, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner))
records = st.lists(st.dictionaries(st.sampled_from("abcde"), atoms, min_size=1), max_size=12).map(Records)


@pytest.mark.parametrize("examples", [15, pytest.param(1_000, marks=pytest.mark.full)])
def test_no_value_exceeds_its_room_and_json_parses_after_any_cut(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None)
    @given(values | records | shallow.map(json.dumps) | shallow.map(indented), st.integers(100, 2_000))
    def check(value: Any, room: int) -> None:
        part = bounded(value, room)
        assert len(part.text) <= room
        part.text.encode()
        assert "\u202e" not in part.text
        if part.form == "json":
            msgspec.json.decode(part.text)
        if part.form == "table" and not part.left_out:
            assert len(part.text.split("\n")) >= len(value)

    check()


def test_a_table_has_its_count_and_whole_rows_and_says_once_what_is_equal_in_all() -> None:
    ids = [str(UUID(int=n)) for n in range(500)]
    rows = [
        {"id": one, "owner": {"id": one}, "app_id": one, "name": f"app-{n}", "app": f"app-{n}", "up": True, "n": n}
        for n, one in enumerate(ids)
    ]
    part = bounded(Records(rows), 400)
    size, same, equal, head, first, *others = part.text.split("\n")
    assert size == "500 records \N{MULTIPLICATION SIGN} 7 columns; 3 columns did not fit: id, owner.id, app_id"
    assert (same, equal) == ("the same in all: up=true", "equal columns: app=name")
    assert part.rows == 1 + len(others)
    assert (head, first) == ("name\tn", "app-0\t0")
    assert part.left_out == f"{499 - len(others)} more rows, 3 columns"
    assert bounded(Records(rows[:2]), 400).left_out == ""


def test_a_cut_table_keeps_names_in_a_column_that_ends_in_id() -> None:
    rows = [{"app_id": f"shop-{n}", "app": {"name": f"shop-{n}"}, "id": str(UUID(int=n))} for n in range(500)]
    lines = bounded(Records(rows), 300).text.split("\n")
    assert lines[1:4] == ["equal columns: app.name=app_id", "app_id", "shop-0"]


def test_a_record_has_a_line_for_each_field_and_a_long_one_leaves_room_for_the_others() -> None:
    record = {"log": "x" * 5_000, "app": {"name": "a", "tags": [1, 2]}, "text": "12", "none": None, "all": ROWS}
    part = bounded(record, 200)
    lines = part.text.split("\n")
    assert lines[0].startswith("log: xxx")
    assert lines[1:] == ["app.name: a", "app.tags: [1,2]", 'text: "12"', "none: null", "all: [… 14 records]"]
    assert part.left_out == "lists and records of which the size is shown, the ends of texts"


@pytest.mark.parametrize("room", range(30, 640, 7))
def test_no_part_of_a_record_is_shown_as_if_it_were_the_record(room: int) -> None:
    """Every record that is shown in JSON has all of its fields, wherever the cut falls."""
    rows = [{"id": number, "stack": {"name": "heroku-24", "id": number}} for number in range(14)]
    for value in (
        {"first": rows, "second": rows[:2]},
        {"deep": {"rows": rows}},
        [rows, rows],
        json.dumps([rows, rows]),
    ):
        shown = bounded(value, room)
        for record in re.findall(r"\{[^{}]*(?:\{[^{}]*\})?[^{}]*\}", shown.text):
            assert "…" in record or {"id", "stack"} <= {*json.loads(record)} or {"name", "id"} <= {*json.loads(record)}
        assert shown.left_out or len(shown.text) > len(json.dumps(rows))


def test_lists_in_a_record_that_do_not_fit_are_counted() -> None:
    rows = [{"acm": True, "generation": {"name": "cedar"}, "name": f"app-{number}"} for number in range(14)]
    part = bounded({"larkmoor": rows, "labs": rows[:1], "none": []}, 120)
    assert part.text.splitlines() == [
        "larkmoor: [… 14 records]",
        'labs: [{"acm":true,"generation":{"name":"cedar"},"name":"app-0"}]',
        "none: []",
    ]
    assert part.left_out == "lists and records of which the size is shown"


@pytest.mark.parametrize(
    ("value", "text", "left_out", "next_byte"),
    [
        ("one\ntwo é\nthree", "one\ntwo é", "1 more line", 12),
        ("x" * 30, "x" * 14, "16 more characters", 15),
        ("short", "short", "", 0),
        ([1, 22, 333, 4444, 55555], "[1,22,333]", "2 more items", 0),
        ('{"a": 1}', '{"a": 1}', "", 0),
        ('["a", "bbbbbb", "c", "d"]', '["a","bbbbbb"]', "2 more items", 0),
        (["a longer text", "b"], '["a longer …"]', "1 more item, the ends of texts", 0),
    ],
)
def test_a_cut_says_what_is_left_out_and_where_a_text_goes_on(
    value: Any, text: str, left_out: str, next_byte: int
) -> None:
    part = bounded(value, 14)
    assert (part.text, part.left_out, part.next_byte) == (text, left_out, next_byte)
