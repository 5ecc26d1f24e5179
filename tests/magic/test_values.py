"""Python's values in a cell of Lua, and Lua's in Python: `-i`, `-o`, `-v` and `--show`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from python_shell import Shell, run, shells, value
from repository import ROOT

from kosmo_kernel import archive
from kosmo_kernel.errors import (
    InvalidArgumentsError,
    KosmoError,
    LuaError,
    LuaRuntimeError,
    SettingsError,
    UnknownNameError,
)
from kosmo_kernel.notebook.cells import parse_cell
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.render.tables import RecordView
from kosmo_kernel.settings.cell_options import Options, parse, parse_leading

SEVERAL = "or several names with commas and no blanks between them"
BLANKS = "An expression with blanks in it goes into brackets, or with its name into quotes."
RECORDS = [{"name": "a", "size": 1}, {"name": "b", "size": None}]


@pytest.fixture(scope="module")
def loaded() -> Iterator[Shell]:
    """One shell for all tests of this file: each gets it without variables, on either side."""
    with shells() as make:
        shell = make()
        shell.run_line_magic("load_ext", "kosmo_kernel")
        shell.run_line_magic("kosmo", "reset")  # begins the session while the demo is what is asked
        yield shell


@pytest.fixture
def shell(loaded: Shell) -> Shell:
    loaded.reset(new_session=False)
    loaded.run_line_magic("kosmo", "reset")
    return loaded


def failure(shell: Shell, cell: str) -> KosmoError:
    """Return the error that a cell fails with."""
    error = run(shell, cell).error_in_exec
    assert isinstance(error, KosmoError)
    return error


# How they are written ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("-i apps", [("apps", "apps")]),
        ("-i a,b -i c", [("a", "a"), ("b", "b"), ("c", "c")]),
        ("--input=x=y", [("x", "y")]),
        ("-i rows=df[df.x > 1]", [("rows", "df[df.x > 1]")]),
        ("-i names=df['a name'].str.replace(' ', '-')", [("names", "df['a name'].str.replace(' ', '-')")]),
        ('-i t="it\'s one, \\" two"', [("t", '"it\'s one, \\" two"')]),
        ("-i 'n=1 + 2'", [("n", "1 + 2")]),
        ("-i class=n", [("class", "n")]),
        ("-i a,n=min(a,2)", [("a", "a"), ("n", "min(a,2)")]),
        ("-i same=a==b", [("same", "a==b")]),
    ],
)
def test_expressions_keep_their_quotes_and_brackets(line: str, pairs: list[tuple[str, str]]) -> None:
    assert parse(line) == Options(input=pairs)
    assert parse_leading(f"{line} --raw f(x, 'y') -- z") == (Options(input=pairs, raw=True), "f(x, 'y') -- z")


def test_names_come_out_as_themselves_or_under_another_name() -> None:
    assert parse("-o a,b -o c=d,e").output == [("a", "a"), ("b", "b"), ("c", "d"), ("e", "e")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-i", "The option `-i` needs a value: `-i NAME[=EXPR]`."),
        ("-i --raw", "The option `-i` needs a value: `-i NAME[=EXPR]`."),
        ("-i 'a", "A quote is not closed behind `-i`."),
        ("-i x='a", "A quote is not closed behind `-i`."),
        (
            "-i a, b",
            f"The option `-i` takes NAME or NAME=EXPRESSION, {SEVERAL}, got 'a,'.",
        ),
        (
            "-i df.x",
            f"The option `-i` takes NAME or NAME=EXPRESSION, {SEVERAL}, got 'df.x'.",
        ),
        ("-i x=", f"The option `-i` takes NAME or NAME=EXPRESSION, {SEVERAL}, got 'x='."),
        ("-o x=", f"The option `-o` takes NAME or NAME=LUA_NAME, {SEVERAL}, got 'x='."),
        (
            "-o my-apps",
            f"The option `-o` takes NAME or NAME=LUA_NAME, {SEVERAL}, got 'my-apps'.",
        ),
        (
            "-o class",
            f"The option `-o` takes NAME or NAME=LUA_NAME, {SEVERAL}, got 'class'.",
        ),
        (
            "-i n=1 + 2",
            f"%%kosmo_lua: `+ 2` is no option. The Lua starts on the next line. {BLANKS}",
        ),
        ("-i a -i b,a", "The Lua variable `a` would be set twice."),
        ("-o a=x -o a=y", "The Python variable `a` would be set twice."),
        ("-o a -v a", "The Python variable `a` would be set twice."),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_write(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(line)
    assert caught.value.message == message


@pytest.mark.parametrize("option", ["-i a", "-o a", "-v a", "-v a --show"])
@pytest.mark.parametrize("form", ["%%kosmo_lua {}\n1", "%kosmo_lua {} 1"])
def test_a_lua_notebook_says_that_it_has_no_python_variables(form: str, option: str) -> None:
    with pytest.raises(SettingsError, match=r"is about Python variables, and a Lua notebook has none\."):
        parse_cell(form.format(option))


# In --------------------------------------------------------------------------------------------------------


def test_values_go_in_by_name_and_by_expression(shell: Shell) -> None:
    shell.push({"a": 1, "b": [1, None], "frame": pd.DataFrame(RECORDS)})
    cell = "%%kosmo_lua -i a,b -i n=len(frame[frame['size'] > 0]) -i 'rows=frame'\nreturn a, #b, n, rows[2].name"
    assert value(shell, cell) == (1, 2, 1, "b")


def test_what_went_in_lives_on_as_a_global(shell: Shell) -> None:
    run(shell, "%%kosmo_lua -i x=[1]\nlocal y = x")
    assert value(shell, "%kosmo_lua x[1] + y[1]") == 2


def test_variables_of_a_calling_function_come_first(shell: Shell) -> None:
    cell = "m = 'outer'\ndef f(n):\n    m = n\n    got = %kosmo_lua -i m -i all=[m for _ in range(2)] m + all[2]\n"
    assert value(shell, f"{cell}    return got\nf(2)") == 4


def test_a_cell_that_a_function_runs_has_the_functions_variables(shell: Shell) -> None:
    cell = (
        "m = 'outer'\ndef f(n):\n    m = n\n    get_ipython().run_cell_magic('kosmo_lua', '-i m,n -v got', 'm + n')\n"
    )
    assert value(shell, f"{cell}f(2)\ngot") == 4
    assert value(shell, "%%time\n%%kosmo_lua -i m\nm") == "outer"


def test_an_expression_leaves_no_variable_behind(shell: Shell) -> None:
    assert value(shell, "%kosmo_lua -i x=(left:=3) x") == 3
    assert "left" not in shell.user_ns


@pytest.mark.parametrize(
    ("option", "kind", "message"),
    [
        ("cutof", UnknownNameError, "-i cutof: there is no Python variable `cutof`. Did you mean: cutoff"),
        ("x=cutof+1", UnknownNameError, "-i cutof+1: there is no Python variable `cutof`. Did you mean: cutoff"),
        ("x=(1", SettingsError, "-i (1: this is no Python expression ('(' was never closed)."),
        ("x=1/0", InvalidArgumentsError, "-i 1/0: ZeroDivisionError: division by zero"),
        ("x=broken()", InvalidArgumentsError, "-i broken(): NameError: name 'nowhere' is not defined"),
        ("deep", InvalidArgumentsError, "-i deep[3].x: a complex number has no Lua form"),
        ("x=deep[3]", InvalidArgumentsError, "-i deep[3].x: a complex number has no Lua form"),
        ("end=1", InvalidArgumentsError, "`end` is a word of Lua's own and names no variable."),
    ],
)
def test_what_cannot_go_in_is_told_and_nothing_runs(
    shell: Shell, option: str, kind: type[KosmoError], message: str
) -> None:
    run(shell, "def broken():\n    return nowhere\n")
    shell.push({"cutoff": 3, "deep": [0, 1, 2, {"x": 3j}]})
    error = failure(shell, f"%%kosmo_lua -i {option}\nran = true")
    assert type(error) is kind
    assert error.message == message
    assert value(shell, "%kosmo_lua ran") is None


# Out -------------------------------------------------------------------------------------------------------


def test_values_come_out_as_the_value_of_a_cell_would(shell: Shell) -> None:
    cell = """%%kosmo_lua -o apps,one -o number=n -v two
    local heroku = app.integrations.heroku
    apps = heroku.list_apps()
    local one = heroku.get_app('my-app')
    n = 42
    apps"""
    assert value(shell, cell) is None
    found = {name: type(shell.user_ns[name]) for name in ("apps", "one", "number", "two")}
    assert found == {"apps": KosmoFrame, "one": RecordView, "number": int, "two": KosmoFrame}
    pd.testing.assert_frame_equal(shell.user_ns["apps"], shell.user_ns["two"])
    assert shell.user_ns["apps"].attrs["function"] == "heroku.list_apps"
    assert [call["calls"] for call in shell.user_ns["apps"].attrs["calls"]] == [1, 1]


def test_the_value_is_shown_beside_what_comes_out(shell: Shell) -> None:
    assert value(shell, "%%kosmo_lua -o x\nx = 1\nx + 1") == 2
    assert value(shell, "%%kosmo_lua -o x -v y --show\nx = 1\nx + 2") == 3
    assert shell.user_ns["y"] == 3


def test_raw_and_limit_are_for_what_comes_out_as_well(shell: Shell) -> None:
    run(shell, "%%kosmo_lua -o raw=apps --raw\napps = app.integrations.heroku.list_apps()")
    run(shell, "%%kosmo_lua -o few=apps --limit 2\n1")
    assert {type(app) for app in shell.user_ns["raw"]} == {dict}
    assert shell.user_ns["few"].displaylimit == 2
    assert len(shell.user_ns["few"]) == len(shell.user_ns["raw"])


def test_a_frame_survives_the_way_in_and_out(shell: Shell) -> None:
    run(shell, "%%kosmo_lua -v apps\napp.integrations.heroku.list_apps()")
    run(shell, "%%kosmo_lua -i apps -o back=apps\n1")
    pd.testing.assert_frame_equal(shell.user_ns["back"], shell.user_ns["apps"])


def test_a_snapshot_goes_in_as_the_lists_that_it_was_made_of(shell: Shell) -> None:
    shell.user_ns["was"] = archive.SavedSnapshot(ROOT / "notebooks" / "larkmoor-2026-10-20.kosmo")
    told = value(shell, "%%kosmo_lua -i was\n{ #was.apps, was.apps[1].stack .. '', was.dynos[1].app .. '' }")

    assert told == [len(shell.user_ns["was"]["apps"]), "heroku-24", shell.user_ns["was"]["dynos"]["app.name"][0]]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("%%kosmo_lua -o x -v y\nx = 1\nerror('no')", LuaRuntimeError),
        ("%%kosmo_lua -o x -v y --no-raise-error\nx = 1\nerror('no')", None),
        ("%%kosmo_lua -o x,z -v y\nx = 1\n2", UnknownNameError),
        ("%%kosmo_lua -o x,z -v y\nx = 1\nz = print\n2", InvalidArgumentsError),
    ],
)
def test_a_cell_that_fails_sets_nothing(shell: Shell, cell: str, kind: type[KosmoError] | None) -> None:
    shell.push({"x": "before", "y": "before"})
    assert type(run(shell, cell).error_in_exec) is (kind or type(None))
    assert [shell.user_ns.get(name) for name in ("x", "y", "z")] == ["before", "before", None]


def test_numbers_that_are_none_and_integer_keys_arrive_as_they_are(shell: Shell) -> None:
    run(shell, "x = %kosmo_lua {1, 0/0, -1/0}")
    run(shell, "%%kosmo_lua -v y -o z,f\nz = { 1, 2, x = 3 } f = {{ a = 'x', rate = 0/0 }}\nreturn 0/0")
    found = [shell.user_ns[name] for name in ("x", "y", "z")]
    assert repr(found) == "[[1, nan, -inf], nan, {1: 1, 2: 2, 'x': 3}]"
    assert repr(shell.user_ns["f"]["rate"].to_list()) == "[nan]"
    run(shell, "%%kosmo_lua -i z,f -v back\nreturn z[2], z.x, f[1].rate, z")
    assert shell.user_ns["back"] == (2, 3, None, {1: 1, 2: 2, "x": 3})


@pytest.mark.parametrize(
    ("lua", "message"),
    [
        ("return { { rate = print } }", "-v got: result[1].rate: a function has no Python form"),
        ("return 1, { print }", "-v got: result[2][1]: a function has no Python form"),
        ("print", "-v got: `function: #1` has no Python form"),
        ("app.integrations.heroku", "-v got: `app.integrations.heroku` has no Python form"),
    ],
)
def test_what_is_no_data_does_not_become_a_variable(shell: Shell, lua: str, message: str) -> None:
    error = run(shell, f"%%kosmo_lua -v got\n{lua}").error_in_exec
    assert (type(error), str(error)) == (InvalidArgumentsError, message)
    assert "got" not in shell.user_ns


def test_a_dry_run_sets_no_variable_to_what_was_made_of_nothing(shell: Shell) -> None:
    shell.push({"apps": "before"})
    run(shell, "%%kosmo_lua -n -o apps -v plan\napps = app.integrations.heroku.list_apps()")
    assert shell.user_ns["apps"] == "before"
    assert list(shell.user_ns["plan"]["function"]) == ["heroku.list_apps"]


def test_a_variable_that_lua_did_not_set_is_an_error_with_the_nearest_names(shell: Shell) -> None:
    error = failure(shell, "%%kosmo_lua -o report\nreports = {}")
    assert error.message == "Lua has no variable `report`, or it is nil. Did you mean: reports"


# Beside other magics ---------------------------------------------------------------------------------------


def test_capture_and_time_stand_above(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "n = 2")
    run(shell, "%%capture caught\n%%kosmo_lua -i n -o twice\nprint('out')\ntwice = 2 * n")
    assert (shell.user_ns["caught"].stdout, shell.user_ns["twice"]) == ("out\n", 4)
    assert value(shell, "%%time\n%%kosmo_lua -i n=twice -v kept --show\nn + 1") == 5
    assert "Wall time" in capsys.readouterr().out


def test_lua_has_what_cells_of_lua_gave(shell: Shell) -> None:
    first = shell.execution_count
    assert value(shell, "%%kosmo_lua\n{ a = 40 }") == {"a": 40}
    run(shell, "'of Python'")
    assert value(shell, f"%%kosmo_lua\n_.a + Out[{first}].a") == 80
    assert isinstance(run(shell, f"%%kosmo_lua\nOut[{first + 1}]").error_in_exec, LuaError)
    assert value(shell, "%kosmo_lua -i x=_ x") == 80


def test_two_shells_share_no_values() -> None:
    with shells() as make:
        one, other = make(), make()
        for each in (one, other):
            each.run_line_magic("load_ext", "kosmo_kernel")
        one.push({"n": 1})
        run(one, "%%kosmo_lua -i n -o m=n\n1")
        assert one.user_ns["m"] == 1
        assert "m" not in other.user_ns
        assert isinstance(run(other, "%%kosmo_lua -i n\n1").error_in_exec, UnknownNameError)
        assert value(other, "%kosmo_lua n") is None


def names(shell: Shell) -> dict[str, Any]:
    return {name: one for name, one in shell.user_ns.items() if not name.startswith("_")}


def test_only_what_was_asked_for_becomes_a_variable(shell: Shell) -> None:
    shell.push({"n": 1})
    before = names(shell)
    run(shell, "%%kosmo_lua -i n -i m=n+1 -o out=m\nother = 1")
    assert names(shell) == before | {"out": 2}
