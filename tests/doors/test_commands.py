"""A `%kosmo` line gives the same in a Python notebook and in a Lua notebook."""

from __future__ import annotations

import re

from doors import Door, through_notebooks

pytestmark = through_notebooks


def test_docs_gives_a_page_of_the_reference(door: Door) -> None:
    page = door.line("%kosmo docs heroku.list_apps")
    assert "heroku.list_apps" in page
    assert "Every app that the account can reach" in page


def test_who_lists_the_variables_with_their_types(door: Door) -> None:
    door.run("function greet(name) return 'hi ' .. name end\nlocal kept = { 1, 2, 3 }")
    rows = [line.split() for line in door.line("%kosmo who").splitlines()]
    assert any(row[-3:] == ["greet", "global", "function(name)"] for row in rows)
    assert any(row[-5:] == ["kept", "local", "table", "3", "items"] for row in rows)


def test_error_gives_the_facts_of_the_last_failure(door: Door) -> None:
    door.run("app.integrations.heroku.get_app('no-such-app')")
    page = door.line("%kosmo error")
    assert "RefusedError: " in page
    assert re.search(r"^ *status +404 *$", page, re.MULTILINE)
    assert re.search(r"heroku.get_app +demo +error", page)
