"""Test who may send a request, and when: so that the service never has to refuse one, and a refusal is waited out."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from fast_clock import FastClock
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue.http import Budget
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.rate_limiter import MAX_REJECTED_SECONDS, PROBE_TIMEOUT_SECONDS, Permit, RateLimiter
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.progress.run import Cancelled, Progress

BUDGET = Budget("left", 100, 60)  # one request comes back each second
DEMO = Account("heroku", "demo", DEMO_TOKEN, "https://api.heroku.com", "the demo")


class Evenly(random.Random):
    """Chance that is none: the middle of what it is asked for."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def limiter_and_progress(budget: Budget | None = BUDGET) -> tuple[RateLimiter, Progress, FastClock]:
    clock = FastClock()
    return RateLimiter(budget, "Heroku", clock, Evenly()), Progress(clock), clock


def counting(api: WSGIApplication, statuses: Counter[str]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            statuses[status[:3]] += 1
            return start_response(status, headers)

        return api(environ, start)

    return app


@pytest.mark.parametrize("held_back", [0, 60])
def test_four_hundred_requests_of_eight_threads_never_provoke_a_refusal(held_back: int) -> None:
    clock, statuses = FastClock(), Counter[str]()
    api = DemoApi(company(), capacity=100, clock=clock.now)
    client = Client(HEROKU, DEMO, transport=in_process(counting(api, statuses)), clock=clock)
    for _ in range(held_back):
        api.budget.spend()  # somebody else was here before
    get_app = HEROKU.function("get_app")
    begun = clock.now()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client.fetch(get_app, {"app_id": "my-app"}, Progress(clock)), range(400)))

    assert (len(found), statuses["429"], api.budget.refused) == (400, 0, 0)
    # As long as the bucket needs to give the rest and to keep the reserve, hardly longer.
    least = (300 + held_back) / 1.25
    assert least < clock.now() - begun < least + 50 / 1.25


def test_a_budget_that_others_use_up_is_shared_and_not_fought_over() -> None:
    clock, statuses = FastClock(), Counter[str]()
    api = DemoApi(company(), capacity=100, clock=clock.now)

    def others(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if len(statuses) and sum(statuses.values()) % 2:
            api.budget.spend()  # a dashboard: one request for two of ours
        return counting(api, statuses)(environ, start_response)

    client = Client(HEROKU, DEMO, transport=in_process(others), clock=clock, rng=Evenly())

    for _ in range(300):
        client.fetch(HEROKU.function("get_current_user"), {}, Progress(clock))

    assert statuses["200"] + statuses["304"] == 300
    assert statuses["429"] < 30


def test_there_is_no_wait_while_there_is_plenty() -> None:
    limiter, progress, clock = limiter_and_progress()

    for left in range(99, 10, -1):
        limiter.answered(limiter.take(progress), left)

    assert clock.waits == []


def test_near_the_bottom_requests_go_as_fast_as_the_bucket_fills() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.answered(limiter.take(progress), 3)

    at = [limiter.take(progress).at for _ in range(40)]

    gaps = [after - before for before, after in pairwise(at)]
    assert gaps[0] == 0
    assert gaps[-10:] == pytest.approx([1.0] * 10, abs=0.01)
    assert clock.now() - 1000 == pytest.approx(38, abs=1.01)


def test_a_reserve_is_left_to_others() -> None:
    limiter, progress, clock = limiter_and_progress(Budget("left", 4500, 75))
    limiter.answered(limiter.take(progress), 50)

    for _ in range(5):
        limiter.take(progress)
    before = list(clock.waits)
    limiter.take(progress)

    assert before == []
    assert clock.waits == pytest.approx([0.8], abs=0.05)


def test_the_state_has_what_is_left_what_is_under_way_and_how_long_a_refusal_lasts() -> None:
    limiter, progress, clock = limiter_and_progress()
    before = limiter.state()
    limiter.answered(limiter.take(progress), 50)
    turn = limiter.take(progress)
    known = limiter.state()
    limiter.rejected(turn, after=200.0)
    clock.wait(20.0, threading.Event())
    refused = limiter.state()

    assert (before.remaining, before.unused, before.is_full) == (None, 100.0, True)
    assert (known.remaining, known.requests, known.in_flight, known.answered, known.is_full) == (49, 2, 1, 1, False)
    assert (known.rate, known.reserve, known.paused) == (1.0, 1.0, 0.0)
    assert (refused.remaining, refused.paused) == (20, 180.0)
    assert refused.refused != known.refused


def test_the_number_left_is_counted_on_between_answers_and_grows_with_time() -> None:
    limiter, progress, clock = limiter_and_progress()
    seen = [limiter.remaining]
    limiter.answered(limiter.take(progress), 50)
    limiter.take(progress)

    for seconds in (0.0, 30.0, 3000.0):
        clock.wait(seconds, threading.Event())
        seen.append(limiter.remaining)

    assert seen == [None, 49, 79, 100]


def test_a_larger_bucket_than_was_thought_is_believed() -> None:
    limiter, progress, _ = limiter_and_progress()

    limiter.answered(limiter.take(progress), 9000)

    assert limiter.remaining == 9000


def test_an_answer_that_was_overtaken_by_others_does_not_make_the_budget_larger() -> None:
    limiter, progress, _ = limiter_and_progress()
    limiter.answered(limiter.take(progress), 60)
    turns = [limiter.take(progress) for _ in range(20)]

    for turn, left in reversed(list(zip(turns, range(59, 39, -1), strict=True))):
        limiter.answered(turn, left)

    assert limiter.remaining == 40


@given(st.data())
def test_whatever_the_order_of_answers_there_is_never_thought_to_be_more_than_there_is(data: st.DataObject) -> None:
    limiter, progress, clock = limiter_and_progress()
    truth, under_way, answered = 100, list[Permit](), list[tuple[Permit, int]]()
    limiter.answered(limiter.take(progress), truth)
    for step in data.draw(st.lists(st.sampled_from(["send", "serve", "answer", "lose"]), max_size=60)):
        if step == "send" and truth > 10:
            under_way.append(limiter.take(progress))
        elif step == "serve" and under_way:
            truth -= 1
            served = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
            answered.append((served, truth))
        elif step == "answer" and answered:
            limiter.answered(*answered.pop(data.draw(st.integers(0, len(answered) - 1))))
        elif step == "lose" and under_way:
            limiter.no_response(under_way.pop())

    assert clock.waits == []
    assert limiter.remaining is not None
    assert limiter.remaining <= truth


def test_the_first_request_goes_ahead_and_the_others_wait_for_what_it_learns() -> None:
    limiter, progress, _ = limiter_and_progress()
    scout = limiter.take(progress)
    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(limiter.take, progress) for _ in range(4)]
        while limiter.state().queued < 4:
            pass
        before = [other.done() for other in others]
        limiter.answered(scout, 90)
        after = [other.result(timeout=PATIENCE) for other in others]

    assert before == [False] * 4
    assert sorted(turn.number for turn in after) == [2, 3, 4, 5]


def test_a_scout_that_got_lost_is_followed_by_another() -> None:
    limiter, progress, _ = limiter_and_progress()
    limiter.no_response(limiter.take(progress))

    assert limiter.take(progress).number == 2


def test_a_scout_that_never_comes_back_is_followed_by_another_in_the_end() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.take(progress)
    clock.wait(PROBE_TIMEOUT_SECONDS, threading.Event())

    assert limiter.take(progress).number == 2


def test_a_service_that_never_says_what_is_left_is_not_waited_for() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.answered(limiter.take(progress), None)

    for _ in range(50):
        limiter.take(progress)

    assert (clock.waits, limiter.remaining) == ([], None)


def test_whoever_came_first_goes_first() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.answered(limiter.take(progress), 1)
    went: list[int] = []
    held = limiter.take(progress)  # the bottom is reached
    limiter.rejected(held, 5.0)
    scout_may_go = threading.Event()

    class Patient(FastClock):
        def wait(self, seconds: float, ended: threading.Event) -> bool:
            scout_may_go.wait()
            return clock.wait(seconds, ended)

    def go(number: int) -> None:
        turn = limiter.take(Progress(Patient()))
        went.append(number)
        limiter.answered(turn, 50)

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=go, args=(number,)))
        threads[-1].start()
        while limiter.state().queued <= number:
            pass
    scout_may_go.set()
    for thread in threads:
        thread.join()

    assert went == [0, 1, 2, 3, 4]


def test_one_who_is_cancelled_gives_the_place_to_the_next() -> None:
    limiter, progress, clock = limiter_and_progress()
    scout = limiter.take(progress)
    leaving = Progress(clock)
    with ThreadPoolExecutor(2) as pool:
        cancelled = pool.submit(limiter.take, leaving)
        while limiter.state().queued < 1:
            pass
        waiting = pool.submit(limiter.take, progress)
        while limiter.state().queued < 2:
            pass
        leaving.cancel()
        with pytest.raises(Cancelled):
            cancelled.result(timeout=PATIENCE)
        limiter.answered(scout, 50)
        turn = waiting.result(timeout=PATIENCE)

    assert (turn.number, limiter.state().queued) == (2, 0)


def test_a_wait_that_is_cancelled_costs_nothing() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.answered(limiter.take(progress), 0)
    ended = Progress(clock)
    ended.cancel()

    with pytest.raises(Cancelled):
        limiter.take(ended)

    assert limiter.state().requests == 1
    assert limiter.state().queued == 0


def test_a_refusal_holds_everybody_up_in_sight_as_long_as_the_service_says() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.rejected(limiter.take(progress), 12.0)
    seen: list[tuple[float, str]] = []

    class Looking(FastClock):
        def wait(self, seconds: float, ended: threading.Event) -> bool:
            snapshot = looking.snapshot()
            seen.append((snapshot.waiting, snapshot.reason))
            return clock.wait(seconds, ended)

    looking = Progress(Looking())
    limiter.take(looking)

    assert [(round(waiting), why) for waiting, why in seen] == [(12, "for Heroku's request budget")]


def test_refusals_without_a_time_are_waited_out_twice_as_long_each() -> None:
    limiter, progress, clock = limiter_and_progress()
    goes_on = [limiter.rejected(limiter.take(progress), None) for _ in range(9)]

    assert goes_on == [True] * 9
    assert [round(wait) for wait in clock.waits] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_refusals_of_what_was_under_way_together_are_one() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.answered(limiter.take(progress), 50)
    for turn in [limiter.take(progress) for _ in range(8)]:
        limiter.rejected(turn, None)

    limiter.take(progress)

    assert clock.waits == pytest.approx([1.0], abs=0.01)


def test_an_old_answer_does_not_end_the_wait_of_a_refusal() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.answered(limiter.take(progress), 50)
    early, late = limiter.take(progress), limiter.take(progress)
    limiter.rejected(late, 30.0)
    limiter.answered(early, 49)

    limiter.take(progress)

    assert clock.waits == pytest.approx([30.0], abs=0.01)


def test_after_a_refusal_a_success_lets_all_go_on() -> None:
    limiter, progress, clock = limiter_and_progress()
    limiter.rejected(limiter.take(progress), 2.0)
    limiter.answered(limiter.take(progress), 90)
    clock.waits.clear()

    for _ in range(50):
        limiter.take(progress)

    assert clock.waits == []


def test_a_service_without_a_budget_still_holds_everybody_up_by_refusing() -> None:
    limiter, progress, clock = limiter_and_progress(None)
    turns = [limiter.take(progress) for _ in range(100)]
    assert clock.waits == []

    limiter.rejected(turns[0], None)
    limiter.answered(limiter.take(progress), None)
    limiter.take(progress)

    assert clock.waits == pytest.approx([1.0], abs=0.01)
    assert limiter.remaining is None


def test_nothing_but_refusals_ends_in_giving_up_and_the_next_run_may_try() -> None:
    limiter, progress, clock = limiter_and_progress()
    begun = clock.now()

    while limiter.rejected(limiter.take(progress), None):
        assert clock.now() - begun <= MAX_REJECTED_SECONDS

    assert MAX_REJECTED_SECONDS - 61 < clock.now() - begun <= MAX_REJECTED_SECONDS
    assert limiter.rejected(limiter.take(progress), None)


def test_a_time_that_nobody_waits_for_is_not_waited_for() -> None:
    limiter, progress, clock = limiter_and_progress()

    assert not limiter.rejected(limiter.take(progress), 86_400.0)
    limiter.take(progress)
    assert clock.waits == []


def test_what_the_service_tells_for_free_is_believed() -> None:
    limiter, progress, _ = limiter_and_progress()
    limiter.answered(limiter.take(progress), 50)
    limiter.take(progress)

    limiter.set_remaining(30)

    assert limiter.remaining == 29
