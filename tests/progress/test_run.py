"""Test what a run says of itself while it is under way, and what it cost."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from patience import PATIENCE

from kosmo_kernel.catalogue.http import Budget
from kosmo_kernel.client.rate_limiter import RateLimiter
from kosmo_kernel.progress.display import MAX_LINE_WIDTH, Estimate, ProgressDisplay, ProgressSnapshot
from kosmo_kernel.progress.run import Cancelled, Clock, Progress
from kosmo_kernel.safety.markup import clean
from kosmo_kernel.text import duration

BUDGET = "for Heroku's request budget"
UNDER_WAY = ProgressSnapshot(480, 500, 1440, 3060, "production", 4.2)
DONE = ProgressSnapshot(500, 500, 1500, 3000, "production", 4.4, over=True)

NUMBERS = st.integers(0, 10**7)
STATES = st.builds(
    ProgressSnapshot,
    finished=NUMBERS,
    total=NUMBERS,
    requests=NUMBERS,
    remaining=st.none() | NUMBERS,
    account=st.text(max_size=200),
    seconds=st.floats(0, 10**6),
    waiting=st.just(0.0) | st.floats(0, 10**6),
    reason=st.text(max_size=200),
    over=st.booleans(),
    expected=st.just(0.0) | st.floats(0, 10**6),
)


class Stopwatch(Clock):
    """A clock that a test sets; a wait tells that it has begun and ends with the run."""

    def __init__(self) -> None:
        self.time = 100.0
        self.waits = threading.Event()

    def now(self) -> float:
        return self.time

    def wait(self, _seconds: float, ended: threading.Event) -> bool:
        self.waits.set()
        return ended.wait(PATIENCE)


# One line


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (UNDER_WAY, "480/500 · 1,440 requests · 3,060 left · 4.2 s"),
        (
            replace(UNDER_WAY, function="list_dynos"),
            "480/500 list_dynos · 1,440 requests · 3,060 left · 4.2 s",
        ),
        (replace(UNDER_WAY, function="list_" + "x" * 60), "480/500 · 1,440 requests · 3,060 left · 4.2 s"),
        (ProgressSnapshot(0, 1, 1, None, "demo", 0.6), "0/1 · 1 request · 0.6 s"),
        (
            ProgressSnapshot(480, 500, 1440, 0, "production", 64.26, 11.2, BUDGET),
            f"480/500 · 1,440 requests · 1 min 4 s · waits 12 s {BUDGET}",
        ),
        (
            ProgressSnapshot(600, 1500, 601, 45, "production", 4.2, 0.8, BUDGET, expected=719.5),
            f"600/1,500 · about 12 min to go · 601 requests · 4.2 s · waits {BUDGET}",
        ),
        (
            replace(UNDER_WAY, expected=85.1),
            "480/500 · about 90 s to go · 1,440 requests · 3,060 left · 4.2 s",
        ),
        (
            replace(UNDER_WAY, expected=7500.0),
            "480/500 · about 2 h 5 min to go · 1,440 requests · 3,060 left · 4.2 s",
        ),
        (DONE, "500 calls · 1,500 requests · 4.4 s · account production · 3,000 requests left"),
        (
            ProgressSnapshot(1, 1, 1, 1, "ops", 0.04, over=True),
            "1 call · 1 request · 0.0 s · account ops · 1 request left",
        ),
        (
            ProgressSnapshot(480, 1500, 480, None, "demo", 7500.0, over=True),
            "480 of 1,500 calls · 480 requests · 2 h 5 min · account demo",
        ),
        (
            ProgressSnapshot(2, 2, 2, 9, "demo, ops", 1.0, over=True),
            "2 calls · 2 requests · 1.0 s · accounts demo, ops",
        ),
    ],
)
def test_a_state_says_itself_in_one_line(state: ProgressSnapshot, text: str) -> None:
    assert state.text() == text


@given(STATES)
@example(ProgressSnapshot(1_000_000, 1_000_001, 1_000_000, 1_000_000, "0", 40_200.0, over=True))
def test_no_state_is_longer_than_a_line_or_shorter_than_its_numbers(state: ProgressSnapshot) -> None:
    assert len(state.text()) <= MAX_LINE_WIDTH
    assert f"{state.requests:,} request" in state.text()


def test_a_long_name_is_cut_and_the_numbers_stay() -> None:
    text = ProgressSnapshot(500, 500, 1500, 3000, "a" * 64, 4.4, over=True).text()
    assert text == f"500 calls · 1,500 requests · 4.4 s · account {'a' * 32}… · 3,000 requests left"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.97, "59.9 s"),
        (12, "12 s"),
        (60, "1 min 0 s"),
        (200.9, "3 min 20 s"),
        (90_000, "25 h 0 min"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(STATES)
def test_the_html_is_the_same_text_in_one_element_that_depends_on_nothing(state: ProgressSnapshot) -> None:
    markup = state.html()
    assert unescape(re.sub(r"<[^>]*>", "", markup)) == clean(state.text())
    assert set(re.findall(r"<(\w+) ?([^=>]*)", markup)) <= {("div", "style"), ("span", "style"), ("span", "")}
    assert markup.count("<div") == 1


def test_a_bar_is_there_while_several_calls_are_under_way() -> None:
    bar = "width:{}%"
    assert bar.format("96.0") in UNDER_WAY.html()
    assert bar.format("0.0") in ProgressSnapshot(0, 3, 0, None, "demo", 0.1).html()
    assert "%" not in ProgressSnapshot(499, 500, 1440, 3060, "production", 4.2).html() + DONE.html()


# The line of a run


@pytest.fixture
def drawn() -> list[ProgressSnapshot]:
    return []


def test_a_run_that_was_short_shows_nothing(drawn: list[ProgressSnapshot]) -> None:
    with ProgressDisplay(drawn.append):
        pass
    assert drawn == []


def test_the_last_state_says_what_the_run_cost(drawn: list[ProgressSnapshot]) -> None:
    waiting = ProgressSnapshot(480, 500, 1440, 0, "production", 4.2, 11.2, BUDGET)
    with ProgressDisplay(drawn.append) as line:
        line(waiting)
    assert drawn == [waiting, ProgressSnapshot(480, 500, 1440, 0, "production", 4.2, over=True)]


def test_a_run_that_fails_says_it_too_and_no_run_says_it_twice(drawn: list[ProgressSnapshot]) -> None:
    def fail(line: ProgressDisplay, state: ProgressSnapshot) -> None:
        line(state)
        raise OSError

    for state in (UNDER_WAY, DONE):
        with pytest.raises(OSError, match=r"^$"), ProgressDisplay(drawn.append) as line:
            fail(line, state)
    assert drawn == [UNDER_WAY, UNDER_WAY.at_end(), DONE]


# Counting, from many threads


def together(times: int, work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(times)]:
            done.result()


def test_threads_count_in_it_together() -> None:
    progress = Progress()

    def call() -> None:
        progress.begin("production")
        progress.answered(7)
        progress.answered(None)
        progress.end()

    together(400, call)
    state = progress.snapshot()
    assert (state.finished, state.total, state.requests, state.remaining) == (400, 400, 800, 7)


def test_time_begins_with_the_first_call_and_accounts_are_told_in_their_order() -> None:
    clock = Stopwatch()
    progress = Progress(clock)
    assert progress.snapshot() == ProgressSnapshot(0, 0, 0, None, "", 0.0)
    clock.time += 10
    progress.begin("production", 3)
    clock.time += 2
    progress.begin("demo")
    progress.begin("production")
    progress.end(2)
    assert progress.snapshot() == ProgressSnapshot(2, 5, 0, None, "production, demo", 2.0, expected=3.0)


def test_the_end_of_calls_without_a_budget_is_estimated_by_their_speed() -> None:
    clock = Stopwatch()
    progress = Progress(clock)
    progress.begin("production", 101)
    assert progress.snapshot().expected == 0.0
    clock.time += 40
    progress.end(20)
    assert progress.snapshot().expected == 162.0  # 81 calls, and half a call a second so far
    progress.end(80)
    assert progress.snapshot().expected == 0.0  # nobody knows how many calls a script makes after the last one
    progress.cancel()
    assert progress.snapshot().expected == 0.0


def test_items_of_a_map_that_failed_and_calls_that_ended_early_are_not_expected() -> None:
    progress = Progress(clock := Stopwatch())
    limiter = RateLimiter(Budget("left", 4500, 75), "Heroku", clock)
    for items in (500, 100):
        progress.begin("production", items, items=True)
        calls = [progress.expect("production", limiter, 1, of_item=True) for _ in range(16)]
    fan_out = progress.expect("production", limiter, 1000, of_item=False)
    before = progress.snapshot().estimate
    progress.end_expected(fan_out)
    progress.fetched(fan_out, 1)
    for call in calls:
        progress.fetched(call, 1)
    progress.end_items(16)
    after = progress.snapshot().estimate

    assert before is not None
    assert after is not None
    assert (before.fetches, after.fetches) == (1116, 100)


def test_a_long_run_is_told_what_it_takes_once_and_again_when_that_has_doubled(drawn: list[ProgressSnapshot]) -> None:
    said: list[str] = []
    estimate = Estimate("production", "Heroku", 1500, 1520, 420, 75.0, 880.0)
    early = replace(estimate, is_settled=False)
    line = ProgressDisplay(drawn.append, said.append)
    for seconds, expected, known in (
        (0.5, 880.0, early),
        (1.0, 59.0, estimate),
        (2.0, 880.0, estimate),
        (400.0, 482.0, estimate),
        (800.0, 900.0, estimate),
        (880.0, 960.0, estimate),
    ):
        line(replace(UNDER_WAY, seconds=seconds, expected=expected, estimate=known))
    line(replace(UNDER_WAY, account="a, b", seconds=3600.0, expected=7200.0, estimate=estimate))

    start = "1,500 calls to come, about 1,520 requests; 420 left of Heroku's budget, 75 a minute: about"
    assert said == [
        f"{start} 15 min.",
        f"{start} 16 min, 31 min of waiting in all.",
        f"{start} 2 h 0 min, 3 h 0 min of waiting in all.".replace("calls", "calls with account production"),
    ]
    assert len(drawn) == 7


def test_a_wait_is_in_sight_counts_down_and_ends_with_the_run() -> None:
    clock = Stopwatch()
    progress = Progress(clock)
    progress.begin("production")
    caught: list[str] = []

    def wait() -> None:
        try:
            progress.pause(12, BUDGET)
        except Cancelled:
            caught.append("cancelled")

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert clock.waits.wait(PATIENCE)
    clock.time += 3
    state = progress.snapshot()
    progress.cancel()
    waiting.join(PATIENCE)
    assert (state.waiting, state.reason, state.over, caught) == (9.0, BUDGET, False, ["cancelled"])
    assert (progress.snapshot().waiting, progress.snapshot().over) == (0.0, True)


def test_nothing_more_is_sent_for_a_run_that_has_ended() -> None:
    progress = Progress()
    progress.check()
    progress.cancel()
    with pytest.raises(Cancelled):
        progress.check()
    assert progress.cancelled


def test_a_wait_that_nobody_ends_takes_its_time() -> None:
    progress = Progress()
    started = progress.clock.now()
    progress.pause(0.01, BUDGET)
    assert progress.clock.now() - started >= 0.01


class OthersMeanwhile(Clock):
    """A clock that looks at the progress while somebody waits: as another answer comes, much later, and at the end."""

    def __init__(self) -> None:
        self.time = 0.0
        self.told: list[str] = []
        self.progress = Progress(self)

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float, _ended: threading.Event) -> bool:
        self.progress.answered(100)
        self.told.append(self.progress.snapshot().reason)
        self.time += seconds
        self.told.append(self.progress.snapshot().reason)
        self.progress.answered(99)
        self.progress.end(2)
        self.told.append(self.progress.snapshot().reason)
        return False


def test_a_wait_of_one_thread_alone_is_told_when_nothing_goes_on_beside_it() -> None:
    clock = OthersMeanwhile()
    clock.progress.begin("production", 3)
    clock.progress.pause(2, "for another try", alone=True)
    assert clock.told == ["", "for another try", "for another try"]
    assert clock.progress.snapshot().reason == ""
