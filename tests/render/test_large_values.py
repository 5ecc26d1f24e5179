"""Large and odd values on the screen: work that grows with the value and no faster, and an end to what is shown."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any

import pytest
from full_matrix import full_except

from kosmo_kernel.errors import LimitError, LuaRuntimeError
from kosmo_kernel.kernel.channels import error_content
from kosmo_kernel.notebook.commands import report_page
from kosmo_kernel.render.display import TEXT_MOST, bundle_of, bundles_of
from kosmo_kernel.render.error_lines import MAX_MESSAGE_LENGTH, error_lines
from kosmo_kernel.render.frames import frame_of
from kosmo_kernel.render.tables import COLUMNS_SHOWN, FIELDS_SHOWN, RecordView, Table, table_of
from kosmo_kernel.render.text import MAX_CELL_LENGTH, format_column, pretty
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.values.fields import fields_of
from kosmo_kernel.values.records import Records

X = "\N{MULTIPLICATION SIGN}"


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions, Python's and C's, a piece of work calls."""
    count = 0

    def counting(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def record(size: int) -> dict[str, Any]:
    return {f"field_{n}": n for n in range(size)}


def sparse(size: int) -> Records:
    return Records([{f"field_{n}": n, "last": 1} for n in range(size)])


WORK: dict[str, Callable[[int], object]] = {
    "a record as text": lambda size: repr(RecordView(record(size))),
    "a record as HTML": lambda size: RecordView(record(size))._repr_html_(),
    "a table as text": lambda size: table_of(Records([record(size)])).text(),
    "a table as HTML": lambda size: table_of(Records([record(size)])).html(),
    "a frame": lambda size: frame_of(Records([record(size)])),
    "a frame as HTML": lambda size: frame_of(Records([record(size)]))._repr_html_(),
    "a frame in a file": lambda size: frame_of(Records([{f"field_{n}": [n] for n in range(size)}])).to_csv(StringIO()),
    "what a cell of the Lua kernel shows of records": lambda size: bundles_of([Records([record(size)])], Options()),
    "what a cell of the Lua kernel shows of a table": lambda size: bundles_of([record(size)], Options()),
    "a table of records that have few fields in common": lambda size: table_of(sparse(size)).html(),
    "objects that have few fields in common": lambda size: table_of(
        Records([{"all": {f"field_{n}": n}} for n in range(size)])
    ).html(),
    "one large object among many": lambda size: table_of(Records([{"all": 1}] * size + [{"all": record(size)}])).html(),
    "a value as text": lambda size: pretty(record(size)),
    "wide letters": lambda size: table_of(Records([{"text": "漢" * size}])).text(),
}


@pytest.mark.parametrize("name", full_except(WORK, *list(WORK)[::4]))
def test_four_times_the_value_is_about_four_times_the_work_at_most(name: str) -> None:
    work = WORK[name]
    work(10)  # what is imported and kept once
    small, large = (calls_of(partial(work, size)) for size in (1500, 6000))

    assert large < 5 * small


class CountedKey(str):
    """A key that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        CountedKey.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_the_order_of_fields_is_found_without_searching_it() -> None:
    rows: list[dict[str, Any]] = [{CountedKey("last"): 1, CountedKey(f"field_{n}"): n} for n in range(1000)]
    rows += [{CountedKey(f"late_{n}"): n, CountedKey("last"): 1} for n in range(1000)]
    CountedKey.compared = 0
    names = [field.name for field in fields_of(Records(rows))]

    assert names[:1000] == [f"late_{n}" for n in range(1000)]
    assert names[1000] == "last"
    assert CountedKey.compared < 40 * len(rows)


# What is shown of much ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (1, f"1 record {X} 500 columns, the first 200 columns shown"),
        (1200, f"1,200 records {X} 500 columns, the first 1,000 records and 200 columns shown"),
    ],
)
def test_a_table_shows_its_first_columns_and_says_how_many_there_are(rows: int, count: str) -> None:
    records = Records([record(500)] * rows)
    table, frame = table_of(records), frame_of(records)

    assert (len(table.names), table.count) == (COLUMNS_SHOWN, f"{count}; ask for others by their names")
    assert count in table.html()
    assert "field_199" in table.html()
    assert "field_200" not in table.html()
    assert count in frame._repr_html_()
    assert frame.shape == (rows, 500)
    assert f"{rows:,} record" in repr(frame)


def test_a_record_shows_its_first_fields_and_says_how_many_there_are() -> None:
    view = RecordView(record(2500))
    more = "1,500 more of 2,500 fields; ask for them by their names"

    assert len(view.lines()) == FIELDS_SHOWN + 1
    assert repr(view).splitlines()[-1].split(maxsplit=1) == ["…", more]
    assert view._repr_html_().count("<tr>") == FIELDS_SHOWN
    assert f"<p>… {more}</p>" in view._repr_html_()
    assert "<p>" not in RecordView(record(FIELDS_SHOWN))._repr_html_()


def test_columns_without_room_in_text_are_named_up_to_some() -> None:
    text = " ".join(table_of(Records([record(180)])).text(80).split())

    assert re.search(rf"1 record {X} 180 columns; \d+ columns did not fit: field_\d+, .* and \d+ more$", text)


def test_a_long_name_is_cut_wherever_it_stands() -> None:
    name = "n" * 100_000
    row = {name: 1, name + "2": {"inner": 2}}

    assert len(table_of(Records([row])).html()) < 10_000
    assert len(table_of(Records([row])).text()) < 5_000
    assert len(RecordView(row)._repr_html_()) < 10_000
    assert len(repr(RecordView(row))) < 5_000


def test_below_a_long_name_objects_stay_whole() -> None:
    rows = Records([{"n" * 1000: {"inner": 1}, "short": {"inner": 2}}])

    assert [field.name for field in fields_of(rows)] == ["n" * 1000, "short.inner"]


def test_hints_of_a_table_have_an_end() -> None:
    html = Table([f"c{n}" for n in range(200)], [["word " * 300] * 200] * 200, 200).html()

    assert html.count("title=") <= 2500
    assert len(html) < 6_000_000


@pytest.mark.parametrize(
    "value",
    [["x" * 1_000_000], {"k" * 1_000_000: 1}, [{"a": ["é" * 1_000_000]}], [0] * 1_000_000],
    ids=["text", "key", "nested", "list"],
)
def test_the_text_of_a_cell_is_cut_before_it_is_made(value: Any) -> None:
    (text,) = format_column([value])

    assert text is not None
    assert MAX_CELL_LENGTH < len(text) < MAX_CELL_LENGTH + 100


def test_integers_beyond_all_floats_stand_beside_floats() -> None:
    assert format_column([10**400, 1.5]) == ["1" + "0" * 400 + ".0", "1.5"]


@pytest.mark.parametrize(
    "value",
    [record(200_000), [record(10_000)] * 90, {"text": "x" * 5_000_000}, "x" * 5_000_000],
    ids=["fields", "lists", "inside", "text"],
)
def test_a_long_text_is_written_no_further_than_it_is_shown(value: Any) -> None:
    assert len(bundle_of(value)["text/plain"]) < TEXT_MOST + 100
    assert TEXT_MOST < len(pretty(value, TEXT_MOST)) < 1.5 * TEXT_MOST


def test_a_text_that_ends_early_is_a_beginning_of_all_of_it() -> None:
    value = record(1000)
    whole = pretty(value)

    assert pretty(value, len(whole)) == whole
    assert pretty(value, 5000)[:5000] == whole[:5000]


@pytest.mark.full
def test_a_frame_that_would_be_nearly_empty_is_refused_with_a_way_out() -> None:
    rows = Records([{f"field_{n}": n} for n in range(5000)])

    with pytest.raises(LimitError, match=r"5,000 records would have 1,001 columns or more.*`--raw`"):
        frame_of(rows)
    assert table_of(rows).count.startswith(f"5,000 records {X} 5,000 columns")


def test_an_error_with_an_endless_message_is_cut() -> None:
    error = LuaRuntimeError("m" * 1_000_000)

    assert sum(map(len, error_lines(error))) < MAX_MESSAGE_LENGTH + 100
    assert len(error_content(error)["evalue"]) == MAX_MESSAGE_LENGTH
    assert sum(map(len, error_content(error)["traceback"])) < MAX_MESSAGE_LENGTH + 200
    error.id = "i" * 1_000_000  # type: ignore[attr-defined]
    assert len(report_page(error)) < 2 * MAX_MESSAGE_LENGTH
