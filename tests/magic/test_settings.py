"""Test the ceilings of cells in a Python notebook, and the `%kosmo` lines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from python_shell import MakeShell, Shell, run, shells, value

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError


@pytest.fixture
def make_shell() -> Iterator[MakeShell]:
    with shells() as make:
        yield make


def load(shell: Shell) -> Shell:
    shell.run_line_magic("load_ext", "kosmo_kernel")
    return shell


@pytest.fixture
def shell(make_shell: MakeShell) -> Shell:
    """Return a shell with the extension."""
    return load(make_shell())


# Ceilings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "%kosmo_lua --memory-limit 4000000000 1 + 1",
        "%%kosmo_lua -n --memory-limit 4000000000\n1 + 1",
    ],
)
def test_no_line_of_a_notebook_exceeds_the_ceiling_of_memory(shell: Shell, cell: str) -> None:
    error = run(shell, cell).error_in_exec
    assert error is not None
    assert "more than the 1,073,741,824 bytes" in str(error)


def test_a_variable_above_its_ceiling_fails_each_cell_until_it_is_mended(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_MEMORY_LIMIT", "2000000000")
    for _ in range(2):
        error = run(shell, "%%kosmo_lua\n1 + 1").error_in_exec
        assert isinstance(error, SettingsError)
        assert str(error).startswith("KOSMO_MEMORY_LIMIT is 2,000,000,000 bytes, more than")
    monkeypatch.setenv("KOSMO_MAX_MEMORY", "2000000000")
    assert value(shell, "%%kosmo_lua\n1 + 1") == 2


def test_two_shells_have_their_own_last_failure(make_shell: MakeShell) -> None:
    one, other = load(make_shell()), load(make_shell())
    run(one, "%%kosmo_lua\nerror('no')")
    assert value(other, "%kosmo error") == "No cell has failed.\n"


# Commands --------------------------------------------------------------------------------------------------


def test_who_lists_globals_and_locals_with_type_and_size(shell: Shell) -> None:
    cell = """%%kosmo_lua
    local heroku = app.integrations.heroku
    apps = heroku.list_apps()
    local kept = { 1, 2, 3 }
    options = { a = 1 }
    one = heroku.get_app('my-app')
    word = 'été'
    n = 1
    function twice(x, ...) return 2 * x end
    nothing = json.null
    print = 3"""
    assert value(shell, "%kosmo who") == "There are no Lua variables yet.\n"
    run(shell, cell)
    found = value(shell, "%kosmo who")
    assert [tuple(row) for row in found.to_numpy().tolist()] == [
        ("apps", "global", "list", "19 rows"),
        ("heroku", "local", "namespace", ""),
        ("kept", "local", "table", "3 items"),
        ("n", "global", "number", ""),
        ("nothing", "global", "null", ""),
        ("one", "global", "record", f"{len(value(shell, '%kosmo_lua one'))} fields"),
        ("options", "global", "table", "1 field"),
        ("print", "global", "number", ""),
        ("twice", "global", "function(x, ...)", ""),
        ("word", "global", "string", "3 characters"),
    ]


def test_who_runs_no_code_of_a_script(shell: Shell) -> None:
    looks = "function() error('looked') end"
    run(shell, f"%kosmo_lua t = setmetatable({{1}}, {{__index={looks}, __pairs={looks}, __len={looks}}})")
    assert value(shell, "%kosmo who")["size"].to_list() == ["1 item"]


def test_error_tells_more_of_the_last_cell_that_failed(shell: Shell) -> None:
    run(shell, "%%kosmo_lua --no-raise-error\napp.integrations.heroku.get_app('no-such-app')")
    run(shell, "%kosmo eror")
    page = value(shell, "%kosmo error")
    assert "RefusedError: " in page
    assert "\nstatus        404\n" in page
    assert "heroku.get_app  demo  error" in page


def test_a_mistake_before_anything_has_run_is_the_last_failure(shell: Shell) -> None:
    assert isinstance(run(shell, "%%kosmo_lua --limit x\n1").error_in_exec, SettingsError)
    assert "got 'x'" in value(shell, "%kosmo error")
    assert isinstance(run(shell, "%kosmo who are you").error_in_exec, InvalidArgumentsError)
