"""Test the estimate of a run's time against the clock, and the time against the budget's bound, for audits of hours."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from simulated_audit import CAPACITY, REFILL, Account, Audit, Simulation

from kosmo_kernel.progress.display import LONG_WAIT_SECONDS, ProgressDisplay
from kosmo_kernel.progress.run import Progress

SHARES = (0.25, 0.5, 0.75)
PAGES = random.Random(3).choices((1, 1, 1, 2, 3, 12), k=4000)


def bound(requests: int, left: int = CAPACITY) -> float:
    """Return the seconds that the budget needs for some requests."""
    return (requests - left) / REFILL * 60


def one_list(pages: Sequence[int], recorded: int = 0, **account: Any) -> Callable[[Simulation], Audit]:
    """Return an audit of one list, with the pages of each item and the circumstances of the account."""

    def begin(simulation: Simulation) -> Audit:
        audit = Audit(simulation)
        audit.fan_out(Account(simulation, **account), pages, recorded=recorded)
        return audit

    return begin


def side_by_side(simulation: Simulation) -> Audit:
    audit, account = Audit(simulation), Account(simulation)
    for _ in range(3):
        audit.fan_out(account, [1] * 5000)
    return audit


def mapped(simulation: Simulation) -> Audit:
    audit = Audit(simulation)
    audit.map(Account(simulation), 5000, calls=3)
    return audit


def planned(simulation: Simulation) -> Audit:
    """Read lists one after the other, which a snapshot knows before."""
    rest = [5000, 5000, 5000]
    audit, account = Audit(simulation, Progress(simulation, lambda: sum(rest))), Account(simulation)

    def begin() -> None:
        if rest:
            audit.fan_out(account, [1] * rest.pop(), begin)

    begin()
    return audit


def two_accounts(simulation: Simulation) -> Audit:
    audit = Audit(simulation)
    audit.fan_out(Account(simulation), [1] * 6000)
    audit.fan_out(Account(simulation, "staging", left=300), [1] * 3000)
    return audit


FULL = pytest.mark.full
UNEVEN_PAGES = pytest.param(one_list(PAGES), id="uneven_pages")
SLOW = pytest.param(one_list([1] * 3000, latency=20.0), id="slow", marks=FULL)
RESUMED = pytest.param(one_list([1] * 15_000, recorded=7500), id="resumed", marks=FULL)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(one_list([1] * 15_000), id="one_list", marks=FULL),
        UNEVEN_PAGES,
        pytest.param(side_by_side, marks=FULL),
        pytest.param(mapped, marks=FULL),
        pytest.param(one_list([1] * 10_000, others=25), id="with_others", marks=FULL),
        pytest.param(one_list([1] * 5000, left=0), id="empty", marks=FULL),
        pytest.param(one_list([1] * 10_000, refused_at=(1500.0,)), id="refused", marks=FULL),
        SLOW,
        pytest.param(one_list([1] * 10_000, errors=0.05), id="failing", marks=FULL),
        RESUMED,
        pytest.param(planned, marks=FULL),
        two_accounts,
    ],
)
def test_after_the_first_quarter_the_time_left_is_within_ten_per_cent(shape: Callable[[Simulation], Audit]) -> None:
    audit = shape(Simulation())
    audit.run()

    assert {share: round(audit.error(share), 2) for share in SHARES} == pytest.approx(dict.fromkeys(SHARES, 0), abs=0.1)


@FULL
def test_of_lists_one_after_the_other_the_time_of_the_list_in_progress_is_within_ten_per_cent() -> None:
    audit = Audit(simulation := Simulation())
    account, rest = Account(simulation), [5000, 5000, 5000]

    def begin() -> None:
        if rest:
            audit.fan_out(account, [1] * rest.pop(), begin)

    begin()
    audit.run()

    begins = [0.0, *audit.ends]
    errors = [audit.error(share, begins[call + 1], begins[call]) for call in range(3) for share in SHARES]
    assert errors == pytest.approx([0] * len(errors), abs=0.1)


def test_of_lists_that_take_less_than_a_minute_each_the_sum_is_said_before_a_minute_has_passed() -> None:
    audit = Audit(simulation := Simulation())
    account, rest = Account(simulation, left=60), [60, 60, 60]

    def begin() -> None:
        if rest:
            audit.fan_out(account, [1] * rest.pop(), begin)

    begin()
    seconds = audit.run()
    said: list[tuple[float, str]] = []
    display = ProgressDisplay(lambda _state: None, lambda text: said.append((state.seconds, text)))
    for _, state in audit.seen:
        display(state)

    assert max(state.expected for _, state in audit.seen) < LONG_WAIT_SECONDS < seconds
    [(at, text)] = said
    assert at < LONG_WAIT_SECONDS
    assert text.endswith(": about 50 s, 75 s of waiting in all.")


@pytest.mark.parametrize("left", [CAPACITY, pytest.param(0, marks=FULL)])
@pytest.mark.parametrize("pages", [[1] * 15_000, pytest.param([1, 1, 2] * 5000, marks=FULL)], ids=["one", "some two"])
def test_an_audit_of_five_thousand_apps_takes_as_long_as_the_budget_needs(left: int, pages: list[int]) -> None:
    audit = Audit(simulation := Simulation())
    account = Account(simulation, left=left)
    audit.fan_out(account, pages)

    seconds = audit.run()

    assert account.refused <= 1  # a client without a budget learns it from the first request
    assert 1.0 <= seconds / bound(sum(pages), left) <= 1.02


def test_accounts_side_by_side_take_as_long_as_the_slowest_of_them() -> None:
    audit = Audit(simulation := Simulation())
    accounts = [Account(simulation, alias, left) for alias, left in (("production", 4500), ("staging", 100))]
    for account in accounts:
        audit.fan_out(account, [1] * 5000)

    seconds = audit.run()
    state = next(state for time, state in audit.seen if time > seconds / 2)

    assert 1.0 <= seconds / bound(5000, 100) <= 1.02
    assert (state.account, state.estimate.account if state.estimate else "") == ("production, staging", "staging")


@pytest.mark.parametrize("shape", [UNEVEN_PAGES, RESUMED, SLOW])
def test_the_estimate_is_told_before_the_first_wait(shape: Callable[[Simulation], Audit]) -> None:
    audit = shape(Simulation())
    seconds = audit.run()
    said: list[tuple[float, str]] = []
    for at, state in audit.seen:
        ProgressDisplay(lambda _state: None, lambda text, at=at: said.append((at, text)))(state)  # type: ignore[misc]

    at, text = said[0]
    assert at < 120.0
    assert next(left for time, state in audit.seen if time == at and (left := state.expected)) > LONG_WAIT_SECONDS
    assert abs(next(state.expected for time, state in audit.seen if time == at) / (seconds - at) - 1) < 0.25
    assert "a minute: about " in text
