"""A budget that is used up is waited out, in sight, and whoever waits can be stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fast_clock import FastClock
from scripted_api import OK, PAGE, TOKEN, Asking, Script, Step, said

from kosmo_kernel.errors import RateLimitError, RefusedError
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.progress.run import Cancelled

# A budget that is used up


def test_a_spent_budget_is_waited_out_and_costs_no_patience() -> None:
    refusals = [said(429, RateLimit_Remaining="0")] * 9
    asking = Asking(Script(*refusals, OK))

    answer = asking.fetch()

    assert (answer.data, answer.requests) == (json.loads(PAGE), 10)
    assert sum(asking.clock.waits) > 120


def test_a_budget_that_never_comes_back_is_an_error_in_the_end() -> None:
    error = Asking(Script(said(429))).failed()

    assert isinstance(error, RateLimitError)
    assert "It was tried 2" in error.message


def test_a_refusal_that_names_a_time_is_waited_out_as_long() -> None:
    asking = Asking(Script(said(429, Retry_After="300"), OK))
    asking.fetch()

    assert asking.clock.waits == pytest.approx([300], abs=0.01)


def test_asking_what_is_left_works_while_the_budget_is_used_up_and_costs_nothing() -> None:
    clock = FastClock()
    api = DemoApi(company(), token=TOKEN, capacity=100, clock=clock.now)
    asking = Asking(api)
    asking.fetch()

    assert (asking.client.budget_left(), asking.client.budget_left()) == (99, 99)
    assert asking.client.remaining == 99
    assert asking.clock.waits == []


def test_a_service_that_does_not_tell_what_is_left_is_not_asked() -> None:
    script = Script(said(200, "{}"))

    assert Asking(script).client.budget_left() is None
    assert Asking(Script(said(200, '{"remaining": "many"}'))).client.budget_left() is None


def test_a_question_about_the_budget_fails_like_any_other() -> None:
    with pytest.raises(RefusedError, match=r"^heroku\.budget_left \(account default\): Heroku answered 401"):
        Asking(Script(said(401))).client.budget_left()


# In sight, and stoppable


def test_a_run_that_has_ended_sends_nothing_more() -> None:
    script = Script(OK)
    asking = Asking(script)
    asking.progress.cancel()

    with pytest.raises(Cancelled):
        asking.fetch()
    assert script.asked == 0


@pytest.mark.parametrize("step", [said(503), said(429)])
def test_a_wait_for_another_try_ends_with_the_run(step: Step) -> None:
    script = Script(step)

    class Ending(FastClock):
        def wait(self, seconds: float, ended: Any) -> bool:
            asking.progress.cancel()
            return super().wait(seconds, ended)

    asking = Asking(script)
    asking.progress.clock = Ending()

    with pytest.raises(Cancelled):
        asking.fetch()
    assert script.asked == 1
    assert asking.client.limiter.state().queued == 0


def test_what_a_request_waits_for_is_seen() -> None:
    seen: list[tuple[str, bool]] = []

    class Looking(FastClock):
        def wait(self, seconds: float, ended: Any) -> bool:
            snapshot = asking.progress.snapshot()
            seen.append((snapshot.reason, snapshot.waiting > 0))
            return asking.clock.wait(seconds, ended)

    asking = Asking(Script(said(503), said(429), OK))
    asking.progress.clock = Looking()
    asking.fetch()

    assert seen == [("for another try", True), ("for Heroku's request budget", True)]


def test_every_answer_is_counted_those_of_tries_that_failed_too() -> None:
    asking = Asking(Script(said(503), said(429), said(200, "["), said(200, PAGE, RateLimit_Remaining="42")))
    asking.fetch()

    snapshot = asking.progress.snapshot()
    assert (snapshot.requests, snapshot.remaining) == (4, 42)
