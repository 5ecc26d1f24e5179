"""Test that a token that was typed in the wrong place is not repeated, at every door."""

from __future__ import annotations

from typing import Any

import pytest
from doors import Door, through_notebooks

TOKEN = "HRKU-AAdeadbeef-1234-5678-9abc-def012345678"
OLD_TOKEN = "01234567-89ab-cdef-0123-456789abcdef"
USED_TOKEN = "fedcba98-89ab-4def-8123-456789fedcba"  # of the account in use, in the format of an id
SETTINGS = {"HEROKU_API_KEY": USED_TOKEN}
PARTS = ("deadbeef", "DEADBEEF", "9abc-def0", "9ABC_DEF0", "456789abcdef", "456789ABCDEF")


def repeated(*texts: str) -> list[str]:
    return [part for part in PARTS if part in "".join(texts)]


@pytest.mark.claim("token-typed")
@pytest.mark.parametrize("token", [TOKEN, TOKEN.lower(), OLD_TOKEN])
def test_a_token_in_place_of_an_account_is_not_repeated(door: Door, token: str) -> None:
    option = "-a" if door.name in ("magic", "kernel", "command") else None
    outcome = door.run("return 1", *([option, token] if option else [f"--account={token}"]))
    assert outcome.error
    assert repeated(outcome.message, outcome.report, *outcome.notes, outcome.shown) == []


@pytest.mark.claim("token-typed")
@pytest.mark.parametrize(
    "lua",
    [
        f"app.integrations.heroku['{TOKEN}'].list_apps()",
        f"docs.read('{TOKEN}')",
        f"app.mcp['{TOKEN}'].call()",
        f"app.integrations.heroku.list_dynos({{ ['{TOKEN}'] = 1 }})",
        f"app.integrations.heroku.list_dynos('{TOKEN}')",
        f"error('{TOKEN}')",
        f"x = = '{TOKEN}'",
    ],
)
def test_a_token_in_a_script_is_not_repeated_in_its_error(door: Door, lua: str) -> None:
    outcome = door.run(lua)
    assert outcome.error
    assert repeated(outcome.message, outcome.report, *outcome.notes, outcome.shown) == []


@pytest.mark.claim("token-typed")
@pytest.mark.parametrize(
    "lua",
    [
        f"app.integrations.heroku.get_app('{USED_TOKEN}')",
        f"app.integrations.heroku.list_dynos({{ ['{USED_TOKEN}'] = 1 }})",
        f"error('{USED_TOKEN}')",
        f"x = = '{USED_TOKEN}'",
    ],
)
def test_the_token_in_use_is_not_repeated_in_the_error_of_a_script(door: Door, lua: str) -> None:
    outcome = door.run(lua)
    assert outcome.error
    assert USED_TOKEN not in "".join((outcome.message, outcome.report, *outcome.notes, outcome.shown))


@pytest.mark.claim("token-typed")
@through_notebooks
def test_the_token_in_use_is_not_repeated_where_an_option_belongs(door: Any) -> None:
    for options in (["--timeout", USED_TOKEN], [f"--{USED_TOKEN}"], ["-i", USED_TOKEN], ["-v", USED_TOKEN]):
        outcome = door.run("return 1", *options)
        assert outcome.error
        assert USED_TOKEN not in outcome.message + outcome.report


@pytest.mark.claim("token-typed")
@through_notebooks
@pytest.mark.parametrize("options", [["--timeout", TOKEN], [f"--{TOKEN}"], ["-i", TOKEN], ["-v", TOKEN]])
def test_a_token_in_place_of_an_option_is_not_repeated(door: Any, options: list[str]) -> None:
    outcome = door.run("return 1", *options)
    assert outcome.error
    assert repeated(outcome.message, outcome.report) == []
