"""Test that a token that was typed in the wrong place is not repeated, at every door."""

from __future__ import annotations

from typing import Any

import pytest
from doors import Door, through_notebooks

TOKEN = "HRKU-AAdeadbeef-1234-5678-9abc-def012345678"
OLD_TOKEN = "01234567-89ab-cdef-0123-456789abcdef"
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
@through_notebooks
@pytest.mark.parametrize("options", [["--timeout", TOKEN], [f"--{TOKEN}"], ["-i", TOKEN], ["-v", TOKEN]])
def test_a_token_in_place_of_an_option_is_not_repeated(door: Any, options: list[str]) -> None:
    outcome = door.run("return 1", *options)
    assert outcome.error
    assert repeated(outcome.message, outcome.report) == []
