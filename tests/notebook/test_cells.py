from __future__ import annotations

import copy
import shlex
from contextlib import suppress
from typing import Any

import IPython.lib.pretty
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.docs import Page
from kosmo_kernel.errors import KosmoError, LuaRuntimeError, SettingsError, UnknownNameError, UserError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.notebook.cells import NotebookProgress, Values, for_cell, value_of
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.render.display import Display
from kosmo_kernel.render.error_lines import COLOURED, error_lines
from kosmo_kernel.render.frames import KosmoFrame, frame_of
from kosmo_kernel.render.tables import RecordView
from kosmo_kernel.safety.markup import Markdown, Plain
from kosmo_kernel.settings.cell_options import CHECK_OPTIONS, OPTIONS, Options, parse, parse_leading
from kosmo_kernel.values.records import Record, Records

APPS = Records([{"name": "one"}, {"name": "two"}], HEROKU.function("list_apps"))


PIECES = [" ", "=", "'", '"', "\\", "--", "-a", "x", "1", *(flag for option in OPTIONS for flag in option.cell)]


def test_options_that_are_not_written_are_not_set() -> None:
    values = vars(Options())
    assert {option.name for option in (*OPTIONS, *CHECK_OPTIONS)} <= values.keys()
    assert (values["raw"], values["input"], values["limit"]) == (False, [], None)
    with pytest.raises(TypeError, match="there is no option lemit"):
        Options(lemit=1)


def test_flags_and_values_are_read_as_a_shell_would() -> None:
    line = ' -a "my team" -n --timeout=2.5 --memory-limit 9000000 --limit 20 -v apps --show --raw --no-raise-error '
    assert parse(line) == Options(
        account="my team",
        dry_run=True,
        timeout=2.5,
        memory_limit=9_000_000,
        limit=20,
        var="apps",
        show=True,
        raw=True,
        no_raise_error=True,
    )


def test_options_are_remembered_as_they_were_written() -> None:
    assert [option.cell for option in parse("--raw -a demo").options_set] == [("--raw",), ("-a", "--account")]


def test_an_empty_line_asks_for_nothing() -> None:
    assert parse("  \t") == Options()


@pytest.mark.parametrize(
    "lua",
    [
        "1 + 2",
        "-1 + 2",
        "-(x)",
        "- x",
        "-- a comment",
        "--[[ a comment ]] 1",
        "'it''s' .. \"--raw\"",
        "#apps -- don't",
        'heroku.get_app("my-app").name',
    ],
)
def test_lua_behind_the_options_is_left_as_it_is(lua: str) -> None:
    assert parse_leading(f"--raw {lua} ") == (Options(raw=True), lua)


@given(st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" ")).filter(str.strip))
def test_any_quoted_alias_survives(alias: str) -> None:
    if alias.startswith("-"):
        alias = f"x{alias}"
    for flag in ("-a ", "--account="):
        assert parse_leading(f"{flag}{shlex.quote(alias)} 'lua'") == (Options(account=alias), "'lua'")


@given(st.lists(st.sampled_from(PIECES) | st.text()).map("".join))
def test_any_line_is_options_and_lua_or_a_mistake_of_the_user(line: str) -> None:
    lua = ""
    with suppress(UserError):
        lua = parse_leading(line)[1]
    assert line.rstrip().endswith(lua)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-a", "The option `-a` needs a value: `-a ALIAS`."),
        ("-a ''", "The option `-a` needs a value: `-a ALIAS`."),
        ("-a --raw", "The option `-a` needs a value: `-a ALIAS`."),
        ("-a 'demo", "A quote is not closed behind `-a`."),
        ("--raw=yes", "The option `--raw` takes no value."),
        ("--dry-run=no", "The option `--dry-run` takes no value."),
        ("-n --dry-run", "The option `--dry-run` is given twice."),
        ("--raw --raw", "The option `--raw` is given twice."),
        ("-a x --account y", "The option `--account` is given twice."),
        ("--timeout soon", "The option `--timeout` takes a number of seconds above zero, got 'soon'."),
        ("--timeout 0", "The option `--timeout` takes a number of seconds above zero, got '0'."),
        ("--timeout nan", "The option `--timeout` takes a number of seconds above zero, got 'nan'."),
        ("--timeout inf", "The option `--timeout` takes a number of seconds above zero, got 'inf'."),
        ("--limit -3", "The option `--limit` takes a whole number of rows, got '-3'."),
        ("--limit 1.5", "The option `--limit` takes a whole number of rows, got '1.5'."),
        (
            "--memory-limit 2000000.5",
            "The option `--memory-limit` takes a whole number of bytes, 1048576 or more, got '2000000.5'.",
        ),
        (
            "--memory-limit 0",
            "The option `--memory-limit` takes a whole number of bytes, 1048576 or more, got '0'.",
        ),
        ("-v my-apps", "The option `-v` takes the name of a variable, got 'my-apps'."),
        ("-v class", "The option `-v` takes the name of a variable, got 'class'."),
        ("--show", "The option `--show` goes with `-v NAME`; without it the value is shown anyway."),
        ("--raw return 1", "%%kosmo_lua: `return 1` is no option. The Lua starts on the next line."),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_write(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(line)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--timout 3", "%%kosmo_lua has no option `--timout`. Did you mean: --timeout"),
        ("-account demo", "%%kosmo_lua has no option `-account`. Did you mean: --account"),
        ("--RAW", "%%kosmo_lua has no option `--RAW`. Did you mean: --raw"),
        (
            "-z",
            "%%kosmo_lua has no option `-z`. The options are " + ", ".join(option.cell[-1] for option in OPTIONS) + ".",
        ),
    ],
)
def test_an_unknown_option_names_the_nearest_one(line: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        parse(line)
    assert caught.value.message == message


def test_a_list_of_records_is_a_frame() -> None:
    value = value_of([APPS], Options())
    assert isinstance(value, KosmoFrame)
    pd.testing.assert_frame_equal(value, frame_of(APPS))


def test_a_limit_is_for_the_screen_only() -> None:
    value = value_of([APPS], Options(limit=1))
    assert (value.displaylimit, len(value)) == (1, 2)


def test_raw_values_are_plain_lists_and_dicts() -> None:
    record = Record({"name": "one"}, HEROKU.function("get_app"))
    value = value_of([APPS, record], Options(raw=True))
    assert [type(one) for one in value] == [list, dict]
    assert value == ([{"name": "one"}, {"name": "two"}], {"name": "one"})


def test_a_record_is_a_view_of_itself() -> None:
    record = Record({"name": "one"}, HEROKU.function("get_app"))
    value = value_of([record], Options())
    assert isinstance(value, RecordView)
    assert value == record


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", [1, 2], {"a": [1]}, Page(Markdown("# Title"))])
def test_everything_else_is_itself(value: object) -> None:
    assert value_of([value], Options()) is value


def test_numbers_and_texts_by_name_are_a_dict_that_is_shown_as_a_table() -> None:
    counts = {"b": 2, "a": 10}
    value = value_of([counts], Options(limit=1))
    assert value == counts
    assert repr(value) == repr(counts)
    lines = IPython.lib.pretty.pretty(value).splitlines()
    assert lines[2] == "b        2"
    assert ", the first 1 shown; KOSMO_ROWS shows more" in lines[3]
    assert '<table class="dataframe">' in value._repr_html_()
    assert copy.deepcopy(value) == counts
    assert repr(value_of([counts, {"a": "x"}], Options())).endswith(" 2 columns\na  x")
    assert type(value_of([counts], Options(raw=True))) is dict


def test_no_value_is_none() -> None:
    assert value_of([], Options()) is None


def test_several_values_are_a_tuple_that_shows_each() -> None:
    value = value_of([1, APPS, "<b>"], Options())
    assert isinstance(value, Values)
    assert value[0] == 1
    assert repr(value) == f"1\n{frame_of(APPS)!r}\n'<b>'"
    assert value._repr_html_() == f"<pre>1</pre>\n{frame_of(APPS)._repr_html_()}\n<pre>&#x27;&lt;b&gt;&#x27;</pre>"


def test_several_plain_values_are_text() -> None:
    assert value_of([1, None, "a"], Options())._repr_html_() is None


FIRST, SECOND = (ProgressSnapshot(done, 500, 3 * done, 3000, "ops", 1.0) for done in (100, 200))


def shown(state: ProgressSnapshot, identity: str, *, update: bool) -> Display:
    return Display({"text/plain": Plain.escape(state.text()), "text/html": state.html()}, id=identity, update=update)


def test_progress_is_one_display_that_is_updated_and_keeps_its_last_state() -> None:
    displays: list[Display] = []
    with NotebookProgress(displays.append) as line:
        line(FIRST)
        line(SECOND)
    identity = displays[0].id
    assert displays == [
        shown(FIRST, identity, update=False),
        shown(SECOND, identity, update=True),
        shown(SECOND.at_end(), identity, update=True),
    ]


def test_every_cell_has_a_line_of_its_own() -> None:
    displays: list[Display] = []
    for _ in range(2):
        NotebookProgress(displays.append)(FIRST)
    assert len({display.id for display in displays}) == 2


def test_after_everything_was_cleared_the_line_is_shown_anew() -> None:
    displays: list[Display] = []
    line = NotebookProgress(displays.append)
    line(FIRST)
    line.cleared()
    line(SECOND)
    line(SECOND)
    assert [display.update for display in displays] == [False, False, True]


def test_where_nobody_looks_only_the_last_state_is_kept() -> None:
    displays: list[Display] = []
    with NotebookProgress(displays.append, only_last=True) as line:
        line(FIRST)
        line(SECOND)
    assert displays == [shown(SECOND.at_end(), displays[0].id, update=False)]


def error(message: str, excerpt: str) -> KosmoError:
    made = LuaRuntimeError(message)
    made.excerpt = excerpt
    return made


def test_an_error_is_its_kind_its_message_and_the_marked_line() -> None:
    made = error("In[2]:3: no such field", "      1 \n      2 local t = nil\n----> 3 return t.name\n      4  ")
    assert error_lines(made) == [
        "LuaRuntimeError: In[2]:3: no such field",
        "      2 local t = nil",
        "----> 3 return t.name",
    ]
    assert error_lines(made, COLOURED) == [
        "\x1b[31mLuaRuntimeError\x1b[0m: In[2]:3: no such field",
        "      2 local t = nil",
        "\x1b[32m----> 3\x1b[0m \x1b[1mreturn t.name\x1b[0m",
    ]


def test_an_error_of_several_lines_keeps_them() -> None:
    assert error_lines(KosmoError("No token:\n  - set one")) == ["KosmoError: No token:", "  - set one"]


def test_what_a_script_raises_cannot_move_the_cursor() -> None:
    made = error("a\x1b[2Jb\r\x07\tc", "----> 1 error('\x9b2J')")
    assert error_lines(made) == ["LuaRuntimeError: a\\u001b[2Jb\\r\\u0007\tc", "----> 1 error('\\u009b2J')"]


@pytest.mark.parametrize(
    "value", ["x" * 70_000, ["y" * 100] * 1_000, {"a": ["z" * 70_000]}], ids=["text", "list", "map"]
)
def test_a_long_value_is_itself_and_shows_its_beginning_and_where_the_whole_is(value: Any) -> None:
    long, short = for_cell(Values([value, [1]]), Options(), "Out[3]")
    assert (long, type(short)) == (value, list)
    assert len(repr(Values([long]))) < 70_000
    assert repr(Values([long])).endswith(" Out[3] has all of it")
    assert (long._repr_html_() is None) is isinstance(value, str)
    assert for_cell(value, Options(raw=True), "")._repr_html_() is None


@pytest.mark.parametrize("raw", [False, True])
def test_a_long_text_among_several_values_shows_its_beginning_in_html_too(raw: bool) -> None:
    markup = for_cell(Values(["<" * 70_000, ["y" * 100] * 1_000]), Options(raw=raw), "Out[3]")._repr_html_()
    if raw:
        assert markup is None
    else:
        assert "more characters; Out[3] has all of it</pre>" in markup
        assert len(markup) < 1_000_000
