"""A cell that made calls says what they cost, through each door, unless that is not wanted."""

from __future__ import annotations

import re

from doors import Door, through_notebooks

SETTINGS = {"KOSMO_PROGRESS": "1"}
DYNOS = "#app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'booking-api', 'courier-app' } })"
COST = re.compile(r"3 calls · 3 requests · \d+\.\d s · account demo( · [\d,]+ requests left)?")


def test_a_cell_with_calls_says_what_it_cost(door: Door) -> None:
    done = door.run(f"print('before') return {DYNOS}")
    (cost,) = done.cost
    assert COST.fullmatch(cost)
    assert re.fullmatch(r"before\n\d+\n", done.shown)


def test_a_cell_without_calls_says_nothing(door: Door) -> None:
    assert door.run("return 1").cost == []


def test_a_cell_that_fails_says_what_it_cost(door: Door) -> None:
    done = door.run(f"local n = {DYNOS} error('no')")
    assert done.error == "LuaRuntimeError"
    (cost,) = done.cost
    assert COST.fullmatch(cost)


@through_notebooks
def test_the_cost_of_the_last_run_can_be_asked_for(door: Door) -> None:
    door.run(f"return {DYNOS}")
    page = " ".join(door.line("%kosmo status").split())
    assert re.search(f"The last run: {COST.pattern}", page)
    assert "heroku.demo" in page
