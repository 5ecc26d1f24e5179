"""Test what holds for all cells of a Python notebook: `%config KosmoMagic` and `%kosmo` lines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy

import pytest
from python_shell import MakeShell, Shell, run, shells, value

from kosmo_kernel.errors import InvalidArgumentsError, LimitError, SettingsError, UnknownNameError

APPS = "%kosmo_lua app.integrations.heroku.list_apps()"
WHO = "%kosmo_lua app.integrations.heroku.get_current_user().email"


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


# %config ---------------------------------------------------------------------------------------------------


def test_settings_hold_for_every_cell_that_does_not_say_otherwise(shell: Shell) -> None:
    run(shell, "%config KosmoMagic.limit = 2")
    assert value(shell, APPS).displaylimit == 2
    assert value(shell, APPS.replace("kosmo_lua", "kosmo_lua --limit 3")).displaylimit == 3
    run(shell, "%config KosmoMagic.raw = True")
    assert type(value(shell, APPS)) is list
    run(shell, "%config KosmoMagic.timeout = 0.2")
    assert isinstance(run(shell, "%%kosmo_lua\nwhile true do end").error_in_exec, LimitError)
    run(shell, "%config KosmoMagic.timeout = None")
    run(shell, "%config KosmoMagic.memory_limit = 4000000")
    assert isinstance(run(shell, "%%kosmo_lua\nx = ('a'):rep(8000000)").error_in_exec, LimitError)


@pytest.mark.parametrize(
    "cell",
    [
        "%config KosmoMagic.memory_limit = 4000000000",
        "%kosmo_lua --memory-limit 4000000000 1 + 1",
        "%%kosmo_lua -n --memory-limit 4000000000\n1 + 1",
    ],
)
def test_no_line_of_a_notebook_exceeds_the_ceiling_of_memory(shell: Shell, cell: str) -> None:
    error = run(shell, cell).error_in_exec
    assert error is not None
    assert "more than the 1,073,741,824 bytes" in str(error)
    assert value(shell, "%config KosmoMagic.memory_limit") == 256 << 20


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


def test_the_account_is_the_one_that_was_said_last(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY_OPS", "fictional")
    run(shell, "%config KosmoMagic.account = 'ops'")
    assert value(shell, "%%kosmo_lua -n\napp.integrations.heroku.list_apps()")["account"].to_list() == ["ops"]
    run(shell, "%kosmo demo")
    demo = value(shell, WHO)
    run(shell, "%config KosmoMagic.account = 'opps'")
    assert isinstance(run(shell, WHO).error_in_exec, UnknownNameError)
    run(shell, "%config KosmoMagic.account = None")
    assert value(shell, WHO) == demo


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("limt = 3", "KosmoMagic: it has no key `limt`. Did you mean: limit"),
        ("limit = -3", "KosmoMagic: `limit` takes a whole number of rows, got -3."),
    ],
)
def test_a_mistake_in_a_setting_is_told_and_sets_nothing(
    shell: Shell, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    with caplog.at_level(logging.ERROR):
        assert str(run(shell, f"%config KosmoMagic.{line}").error_in_exec) == message
    kind, _, told = capsys.readouterr().out.strip().partition(": ")
    assert (told, caplog.messages) == (message, [])
    assert kind in ("SettingsError", "UnknownNameError")
    assert value(shell, "%config KosmoMagic.limit") is None


def test_the_settings_are_explained(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%config KosmoMagic")
    shown = capsys.readouterr().out
    assert "KosmoMagic.limit=<Int>\n    Rows of a table that are shown; the value keeps all." in shown


def test_two_shells_have_their_own_settings(make_shell: MakeShell) -> None:
    one, other = load(make_shell()), load(make_shell())
    run(one, "%config KosmoMagic.limit = 2")
    run(one, "%%kosmo_lua\nerror('no')")
    assert value(other, APPS).displaylimit != 2
    assert value(other, "%kosmo error") == "No cell has failed.\n"


def test_a_reload_forgets_what_was_set(make_shell: MakeShell) -> None:
    shell = make_shell()
    shell.config.KosmoMagic.raw = True
    profile = deepcopy(shell.config)
    load(shell)
    run(shell, "%config KosmoMagic.limit = 2")
    run(shell, "%config KosmoMagic.limt = 2")
    shell.run_line_magic("reload_ext", "kosmo_kernel")
    assert value(shell, "%config KosmoMagic.limit") is None
    assert value(shell, "%config KosmoMagic.raw") is True
    shell.run_line_magic("unload_ext", "kosmo_kernel")
    assert shell.config == profile


def test_a_mistake_in_what_is_loaded_is_short_and_loads_nothing(
    make_shell: MakeShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = make_shell()
    shell.config.KosmoMagic.limt = 3
    before = list(shell.configurables)
    assert isinstance(run(shell, "%load_ext kosmo_kernel").error_in_exec, UnknownNameError)
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("has no key `limt`. Did you mean: limit")
    assert shell.find_magic("kosmo_lua", "cell") is None
    assert list(shell.configurables) == before


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
