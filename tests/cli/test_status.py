"""`kosmo integrations:status`: every account in its row, whatever becomes of it."""

from __future__ import annotations

import pytest
from kosmo_command import document, kosmo, on_terminal, standing

from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

STATUS = "integrations:status"


@pytest.fixture
def settings(demo_url: str) -> dict[str, str]:
    """Three accounts of the served demo: one whose token is good, one refused, one that is no token."""
    return {
        "HEROKU_API_URL": demo_url,
        "HEROKU_API_KEY": DEMO_TOKEN,
        "HEROKU_API_KEY_STALE": "not-a-token-of-anybody",
        "HEROKU_API_KEY_TORN": "with a space",
    }


def test_each_account_says_what_it_has_left_and_a_refused_token_is_told_in_its_own(settings: dict[str, str]) -> None:
    code, answer = document(STATUS, "--json", env=settings)
    assert (code, list(answer), list(answer["providers"])) == (0, ["success", "providers"], ["heroku"])
    heroku = answer["providers"]["heroku"]
    budgets = heroku.pop("budgets")
    assert heroku == {
        "active": True,
        "configured": True,
        "accounts": ["default", "stale", "torn", "demo"],
        "functions": len(HEROKU.functions),
        "auth_strategy": "api_key",
        "cli_setup_supported": True,
        "cli_runtime_supported": True,
        "compatibility_summary": "CLI setup and runtime supported.",
    }
    assert budgets.pop("default") == {"left": 4500, "capacity": 4500, "error": None}
    assert budgets.pop("demo") == {"left": None, "capacity": None, "error": None}
    assert {name: (one["left"], one["capacity"]) for name, one in budgets.items()} == {
        "stale": (None, 4500),
        "torn": (None, 4500),
    }
    assert "401" in budgets["stale"]["error"]
    assert "HEROKU_API_KEY_TORN" in budgets["torn"]["error"]


def test_to_ask_for_the_budget_costs_nothing(settings: dict[str, str]) -> None:
    for _ in range(2):
        assert document(STATUS, "--json", env=settings)[1]["providers"]["heroku"]["budgets"]["default"]["left"] == 4500


def test_for_people_it_is_a_small_table(settings: dict[str, str]) -> None:
    done = kosmo(STATUS, env=settings)
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    torn = rows.pop("heroku.torn")
    assert rows == {
        "heroku.default": "4,500 of 4,500 requests left",
        "heroku.stale": "Heroku refuses the token in HEROKU_API_KEY_STALE (401)",
        "heroku.demo": "without limit",
    }
    assert "HEROKU_API_KEY_TORN" in torn
    screen = standing(on_terminal(STATUS, columns=60, env=settings))
    assert screen[0] == "  heroku.default  4,500 of 4,500 requests left"
    assert max(map(len, screen)) <= 60


def test_without_an_account_there_is_the_demo() -> None:
    code, answer = document(STATUS, "--json")
    heroku = answer["providers"]["heroku"]
    assert (code, heroku["active"], heroku["accounts"]) == (0, False, ["demo"])
    assert kosmo(STATUS).stdout == "  heroku.demo  without limit\n"


def test_a_service_that_cannot_be_reached_is_told_in_the_row_of_its_account() -> None:
    nobody = {"HEROKU_API_KEY": DEMO_TOKEN, "HEROKU_API_URL": "http://127.0.0.1:9"}
    code, answer = document(STATUS, "--json", env=nobody)
    assert (code, answer["success"]) == (0, True)
    assert answer["providers"]["heroku"]["budgets"]["default"]["error"] == (
        "no answer from http://127.0.0.1:9: the connection was refused. Nothing listens there: check the address."
    )
