"""An option does the same through each door, whether it stands on the first line of a cell or on a command line."""

from __future__ import annotations

import pytest
from doors import Door, through, through_notebooks

SETTINGS = {"KOSMO_DEMO": "0"}  # without an account, so that it can be seen which one an option names
COUNT = "return #app.integrations.heroku.list_apps()"


@pytest.mark.parametrize(
    ("options", "cell", "error", "words"),
    [
        ("", COUNT, "CredentialsError", "the account `default` has no token"),
        ("--account dema", COUNT, "UnknownNameError", "Heroku has no account 'dema'"),
        ("--timeout 0.2", "while true do end", "LimitError", "more than 0.2 s (timeout)"),
        ("--memory-limit 4000000", "x = ('a'):rep(8000000)", "LimitError", "more than 4,000,000 bytes of memory"),
    ],
)
def test_an_option_sets_the_account_and_the_limits_of_a_run(
    door: Door, options: str, cell: str, error: str, words: str
) -> None:
    done = door.run(cell, *options.split())
    assert (done.error, done.shown) == (error, "")
    assert words in done.message


@pytest.mark.claim("limit-ceilings")
@through_notebooks
@pytest.mark.parametrize("size", ["4000000000", f"{2**30 + 1}", "9e9"])
def test_a_cell_can_ask_for_no_more_memory_than_the_users_ceiling(door: Door, size: str) -> None:
    done = door.run("print('it runs')", "--memory-limit", size)
    assert (done.error, done.shown) == ("SettingsError", "")
    assert "more than the 1,073,741,824 bytes that cells can have at most (`max_memory`)" in done.message
    assert done.message.endswith("or KOSMO_MAX_MEMORY.")
    assert door.run("print('it runs')", "--memory-limit", f"{2**30}").shown == "it runs\n"


@through("command")
def test_an_option_of_the_users_own_shell_can_exceed_the_ceilings(door: Door) -> None:
    assert door.run("print('it runs')", "--memory-limit", "4000000000", "--cpu-limit", "900").shown == "it runs\n"


@pytest.mark.parametrize("flag", ["-a", "--account"])
def test_an_account_can_be_named(door: Door, flag: str) -> None:
    assert door.run(COUNT, flag, "demo").shown == "19\n"


@through_notebooks
def test_an_option_holds_for_its_own_cell_only(door: Door) -> None:
    assert door.run(COUNT, "-a", "demo").error == ""
    assert door.run(COUNT).error == "CredentialsError"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--tiemout 3", ("--tiemout", "--timeout")),
        ("--timeout nan", ("--timeout", "number")),
        ("--timeout 0", ("--timeout", "0")),
        ("--memory-limit many", ("--memory-limit", "many")),
    ],
)
def test_a_mistake_in_an_option_names_it_and_nothing_runs(door: Door, options: str, words: tuple[str, ...]) -> None:
    done = door.run("print('it runs')", *options.split())
    assert done.shown == ""
    assert [word in done.message for word in words] == [True] * len(words)


@through_notebooks
def test_limit_and_raw_change_how_a_list_is_shown(door: Door) -> None:
    dynos = "app.integrations.heroku.demo.list_dynos('my-app')"
    limited = door.run(dynos, "--limit", "1").shown
    assert "the first 1 shown" in " ".join(limited.split())
    assert "worker.1" not in limited
    assert door.run(dynos, "--raw").shown.startswith("[")


@through_notebooks
def test_no_raise_error_shows_the_error_and_does_not_fail_the_cell(door: Door) -> None:
    done = door.run("error('here')", "--no-raise-error")
    assert (done.error, done.shown) == ("", "")
    assert done.notes[0].startswith("LuaRuntimeError: In[")
    assert "error('here')" in done.notes[1]


@through("command")
@pytest.mark.parametrize("options", ["--limit 1", "--raw", "--no-raise-error"])
def test_options_of_notebooks_are_refused_elsewhere(door: Door, options: str) -> None:
    done = door.run("print('it runs')", *options.split())
    assert done.shown == ""
    assert options.split(maxsplit=1)[0] in done.message
