"""The dates of stacks are one table, with its source and the day on which it was compared with it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from recorded import query

from kosmo_kernel.integrations.heroku.stacks import AS_OF, MAX_AGE_DAYS, SOURCE, stack_dates
from kosmo_kernel.session import Session


@pytest.mark.parametrize(("days", "notes"), [(-8, 0), (0, 0), (MAX_AGE_DAYS, 0), (MAX_AGE_DAYS + 1, 1)])
def test_a_table_older_than_180_days_says_so(days: int, notes: int) -> None:
    found = stack_dates(AS_OF + timedelta(days))
    assert len(found.notes) == notes
    assert all(f"{AS_OF}, {days} days ago" in note and SOURCE in note for note in found.notes)


def test_in_a_replay_the_age_is_that_at_the_time_of_the_recording(tmp_path: Path) -> None:
    file = tmp_path / "run.kosmo"
    with Session(record=file) as session:
        session.run("return heroku.list_stack_dates()")
    notes = []
    for day in (AS_OF, AS_OF + timedelta(MAX_AGE_DAYS + 1)):
        query(file, "UPDATE kosmo_runs SET begun = ?", (f"{day}T09:00:00Z",))
        with Session(replay=file) as session:
            notes.append([note for note in session.run("return heroku.list_stack_dates()").notes if SOURCE in note])
    assert [len(one) for one in notes] == [0, 1]


def test_each_stack_that_there_is_has_dates_and_builds_end_after_its_support() -> None:
    rows = {row["stack"]: row for row in stack_dates(AS_OF).records}
    with Session("demo") as session:
        assert rows.keys() >= {stack["name"] for stack in session.run("return heroku.list_stacks()").value}
    for row in rows.values():
        days = [date.fromisoformat(step["since"]) for step in row["builds"]]
        assert days == sorted(days)
        if row["builds"]:
            assert row["builds"][-1]["builds"] == "not possible"
            assert days[-1] == date.fromisoformat(row["supported_until"]) + timedelta(1)


def test_the_dates_send_no_request_and_need_no_token() -> None:
    with Session() as session:
        done = session.run("return heroku.list_stack_dates()")
        planned = session.run("return #heroku.list_stack_dates()")
    assert [(call.status, call.requests, call.rows) for call in done.calls] == [("ok", 0, 8)]
    assert planned.value == 8
    last = {row["stack"]: row["supported_until"] for row in done.value}
    assert (last["heroku-22"], last["heroku-26"], last["cnb"]) == ("2027-04-30", "2031-04-30", None)
