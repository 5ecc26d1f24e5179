"""A dry run lists the calls that a cell would make, makes none, and says what the list cannot know."""

from __future__ import annotations

import pytest
from doors import Door, through, through_notebooks, words

# Doors of its own: a dry run estimates with the lists that its session has read, and here there are none.
SETTINGS = {"KOSMO_RESPONSE_LIMIT": "8589934591"}

# One call, then two more because of its argument, then as many as there are apps: none, as far as a dry run knows.
AUDIT = """local heroku = app.integrations.heroku
heroku.list_dynos({ app_id = { "my-app", "shop" } })
for _, one in ipairs(heroku.list_apps()) do heroku.list_domains({ app_id = one.name }) end
return "a value"
"""
PLAN = [
    ("heroku.list_dynos", "/apps/my-app/dynos"),
    ("heroku.list_dynos", "/apps/shop/dynos"),
    ("heroku.list_apps", "/apps"),
]
EMPTY = "All answers were empty, so what depends on one is missing here."


@pytest.mark.parametrize("flag", ["-n", "--dry-run"])
def test_the_plan_takes_the_place_of_the_value(door: Door, flag: str) -> None:
    done = door.run(AUDIT, flag)
    assert done.plan == PLAN
    assert words(done.shown)[:5] == ["function", "account", "arguments.app_id", "method", "url"]
    assert "a value" not in done.shown
    assert done.notes == [f"A dry run: 3 calls, none made. {EMPTY}"]


def test_a_cell_without_calls_has_no_plan(door: Door) -> None:
    done = door.run("return 1", "-n")
    assert (done.shown, done.notes) == ("", ["A dry run: there is no call to make."])


def test_a_list_that_is_empty_in_a_dry_run_stands_for_each_of_its_items(door: Door) -> None:
    code = "local heroku = app.integrations.heroku return heroku.list_dynos({ app_id = heroku.list_apps() })"
    done = door.run(code, "-n")
    (name, path), (of_items, path_of_items) = done.plan
    assert (name, path, of_items) == ("heroku.list_apps", "/apps", "heroku.list_dynos")
    assert path_of_items.startswith("/apps/{app_id}/dy")  # a terminal cuts it
    assert done.notes == [
        f"A dry run: 1 call, none made. `heroku.list_dynos` makes one more for each item of `app_id`. {EMPTY}"
    ]


@through("magic", "kernel", "command")
def test_what_fails_for_want_of_an_answer_shows_the_plan_so_far(door: Door) -> None:
    done = door.run("return app.integrations.heroku.list_apps()[1].name", "-n")
    assert done.error == "LuaRuntimeError"
    assert done.plan == [("heroku.list_apps", "/apps")]
    assert done.notes == [f"A dry run: 1 call, none made. {EMPTY}"]


def test_a_wrong_argument_is_an_error_in_a_dry_run_too(door: Door) -> None:
    assert door.run('app.integrations.heroku.get_app("a/b")', "-n").error == "InvalidArgumentsError"


@through_notebooks
def test_the_next_cell_makes_its_calls_again(door: Door) -> None:
    door.run(AUDIT, "-n")
    assert door.run("return #app.integrations.heroku.list_apps()").shown == "19\n"
