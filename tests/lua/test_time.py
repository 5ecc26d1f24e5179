"""Test `time.*`: which time is now, how times are calculated, and what is said of a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from kosmo_kernel.calls.provider import FICTION
from kosmo_kernel.demo import NOW
from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options

LATER = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo() -> Iterator[Session]:
    with Session("demo") as session:
        yield session


@pytest.mark.parametrize(
    ("lua", "value"),
    [
        ("time.now()", NOW),
        ("time.ago(180)", "2026-05-24T09:00:00Z"),
        ("time.ago(-0.5)", "2026-11-20T21:00:00Z"),
        ("time.ago(1 / 86400 / 3)", NOW),
        ('time.days_since("2026-11-19")', 1.375),
        ('time.days_since("2026-11-20T18:00:00+09:00")', 0.0),
        ('time.days_until("2026-11-30 09:00:00Z")', 10.0),
        ('time.days_until("2024-02-29T09:00:00.5Z") < -994.9', True),
        ("heroku.get_app('my-app').created_at < time.now()", True),
        ("(function() local time = 3 return time end)()", 3),
        ("#time.now():upper()", 20),
    ],
)
def test_times_of_the_demo_are_counted_to_the_day_of_its_company(demo: Session, lua: str, value: object) -> None:
    assert demo.run(f"return {lua}").value == value


@pytest.mark.parametrize(
    ("lua", "message"),
    [
        *(
            (f'time.days_since("{text}")', f'expected a time such as "{NOW}", got "{text}"')
            for text in (
                "yesterday",
                "2026-02-30",
                "2026-11-20T09:00:00",
                "2026-11-20T24:00:00Z",
                "2026-11-20T09:00:005Z",
                "2026-11-20T09:00:00.Z",
                f"x{NOW}",
                f"{NOW} ",
            )
        ),
        ("time.days_until(nil)", "time.days_until: expected a time such as"),
        ('time.set_now("")', "time.set_now: expected a time such as"),
        ('time.ago("3")', 'time.ago: expected a number of days, got "3"'),
        ("time.ago(1e300)", "outside of the years 1 to 9999"),
        ("time.ago(0 / 0)", "outside of the years 1 to 9999"),
        ("time.time()", "time has no `time`. Write time.now()"),
        ("time:now()", "write `time.now(…)` with a dot"),
    ],
)
def test_a_mistake_is_told_with_what_is_meant(demo: Session, lua: str, message: str) -> None:
    with pytest.raises(LuaRuntimeError) as caught:
        demo.run(f"return {lua}")
    assert message in str(caught.value)


def test_a_time_that_a_script_sets_lasts_until_the_state_is_reset(demo: Session) -> None:
    assert demo.run('time.set_now("2030-01-01") return time.now()').value == "2030-01-01T00:00:00Z"
    demo.execute('time.set_now("2031-01-01")', Options(dry_run=True))
    demo.execute('time.set_now("2032-01-01")', Options(now=LATER))
    assert demo.run("return time.now()").value == "2030-01-01T00:00:00Z"
    assert demo.execute("return time.now()", Options(now=LATER)).value == "2027-01-02T03:04:05Z"
    demo.reset()
    assert demo.run("return time.now()").value == NOW


def test_a_replay_has_the_time_of_its_recording_and_an_account_that_of_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "a-token-that-is-not-sent")
    with Session(record=tmp_path / "run.jsonl") as session:
        before = datetime.now(UTC).replace(microsecond=0)
        now = datetime.fromisoformat(session.run("return time.now()").value)
        assert before <= now <= datetime.now(UTC)
        session.run("return heroku.demo.list_apps()")
    with Session(from_archive=tmp_path / "run.jsonl") as session:
        assert session.time_of_data("demo") == datetime.fromisoformat(NOW)
        recorded = session.time_of_data("default")
        monkeypatch.setattr("kosmo_kernel.calls.recording.datetime", None)  # nobody looks at the clock
        assert datetime.fromisoformat(session.run("return time.now()").value) == recorded.replace(microsecond=0)


def test_all_days_are_those_of_the_gregorian_calendar(demo: Session) -> None:
    random = Random(3)
    moments = [datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(315_537_897_600)) for _ in range(200)]
    moments += [
        datetime(y, m, d, tzinfo=UTC) for y in (1, 400, 1900, 2000, 2024, 9999) for m, d in ((1, 1), (2, 28), (12, 31))
    ]
    texts = [f"{moment.isoformat()[:19]}Z" for moment in moments]
    lua = "for i, text in ipairs(texts) do time.set_now(text) texts[i] = time.now() end return texts"
    assert list(demo.execute(lua, Options(inputs={"texts": texts})).value) == texts
    lua = 'time.set_now("1970-01-01") return list.map(texts, time.days_until)'
    days = demo.execute(lua, Options(inputs={"texts": texts})).value
    assert list(days) == pytest.approx([moment.timestamp() / 86400 for moment in moments])


def test_the_sentence_about_the_demo_names_its_day() -> None:
    day = datetime.fromisoformat(NOW)
    assert f"{day.day} {day:%B %Y}" in FICTION


@pytest.mark.parametrize("code", ["time.now()", "time.ago(1)", "heroku.demo.tables.deadlines()[1].days_left"])
def test_a_run_that_depends_on_the_day_of_the_demo_says_it(demo: Session, code: str) -> None:
    demo.reset()
    assert demo.execute(f"return {code}").notes == [FICTION]
    assert demo.execute("return heroku.demo.list_stacks()").notes == []
    assert demo.execute(f"time.set_now('2030-01-01') return {code}").notes == []


def test_a_table_of_a_named_account_counts_from_the_day_of_that_account() -> None:
    with Session("default") as other, Session("demo") as demo:
        lua = "return list.map(heroku.demo.tables.deadlines(), 'days_left')"
        assert other.run(lua).value == demo.run(lua).value
        assert other.execute(lua).notes == [FICTION]


@pytest.mark.parametrize("code", ["os.date('!%F')", "os.date()", "os.time()", "os . time ( )"])
def test_on_the_demo_a_script_that_reads_the_clock_of_the_computer_is_warned(demo: Session, code: str) -> None:
    demo.reset()
    [warning] = demo.execute(f"return {code}").notes
    assert warning.startswith("line 1: `os")
    assert warning.endswith("The data is of 2026-11-20: `time.now()`.")


@pytest.mark.parametrize("code", ["os.date('!%F', 0)", "os.time({ year = 2026, month = 1, day = 1 })", "'os.time()'"])
def test_a_script_that_does_not_read_the_clock_is_not_warned(demo: Session, code: str) -> None:
    demo.reset()
    assert demo.execute(f"return {code}").notes == []
