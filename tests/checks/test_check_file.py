"""The file of a check: what its head says, and mistakes in it that name the file and the line."""

from __future__ import annotations

import re

import pytest

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions.question import parse_question

HEAD = """\
-- title: Apps in maintenance
-- severity: low
-- why: Nobody can use them,
--   and nobody notices.
-- do: heroku maintenance:off -a APP
-- scope: read
-- key: app, region.name
-- param: days = 30 | how long it may last
-- param: apps = { "a", 'b' } | the apps
"""
BODY = "return list.filter(heroku.list_apps(), { maintenance = true })\n"


def test_a_head_says_what_a_check_is_about_and_which_parameters_it_has() -> None:
    check = parse_question(HEAD + "\n-- All of them.\n" + BODY, "own/in-maintenance.lua")
    assert (check.name, check.title, check.severity) == ("in-maintenance", "Apps in maintenance", "low")
    assert (check.why, check.scope) == ("Nobody can use them, and nobody notices.", "read")
    assert (check.key, check.remedy) == (("app", "region.name"), "heroku maintenance:off -a APP")
    assert [(one.name, one.kind, one.value, one.doc) for one in check.parameters] == [
        ("days", "number", 30, "how long it may last"),
        ("apps", "table", ["a", "b"], "the apps"),
    ]
    assert check.lua == "-- All of them.\n" + BODY


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("-- severity: low", "-- severity: lowest", "own.lua:2: the severity is low, medium or high, got lowest"),
        ("-- severity: low", "-- serverity: low", r"own.lua:2: .* no `serverity`\. Did you mean severity\?"),
        ("-- severity: low", "-- service: heroku", "own.lua:2: .* All checks and tables are about Heroku. Delete this"),
        ("-- severity: low", "-- title: Again", "own.lua:2: the head has `title` twice, first in line 1"),
        ("-- severity: low", "-- an own note", "own.lua:2: this line of the head is no `-- key: value`"),
        ("-- scope: read", "-- scope:", "own.lua:10: the head of a check needs `-- scope: …` too"),
        ("-- scope: read", "-- scope: read all", "own.lua:6: the scope is one word"),
        ("-- key: app, region.name", "-- key: app name", "own.lua:7: the key is the names of columns"),
        ("days = 30 |", "days |", "own.lua:8: a parameter is `-- param: NAME = DEFAULT"),
        ("days = 30 |", "days = 3 + 4 |", r"own.lua:8: the default of `days` is no value of Lua: '\+ 4' follows it"),
        ("days = 30 |", "days: date |", "own.lua:8: the kind of `days` is number, text or list, got date"),
        ("days = 30 |", "end: text |", "own.lua:8: `end` is no name of a variable"),
        (
            "-- scope: read",
            "-- scope: read\n-- profile: nightly",
            "own.lua:7: the profile is start or first, got nightly",
        ),
        ("apps = {", "days = {", "own.lua:8: the head has the parameter `days` twice"),
        (BODY, "\n-- nothing\n", "there is no Lua below the head"),
        (BODY, BODY * 11, "has 11 lines of Lua, and a check has at most 10"),
    ],
)
def test_a_mistake_names_the_file_and_the_line(line: str, instead: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_question((HEAD + BODY).replace(line, instead, 1), "own.lua")


def test_a_parameter_without_a_default_is_required() -> None:
    head = HEAD + "-- param: who: list | who has left\n-- param: app: text | the app\n-- param: since: number | days\n"
    parameters = parse_question(head + BODY, "own.lua").parameters[2:]
    assert [(one.name, one.kind, one.required, one.example) for one in parameters] == [
        ("who", "table", True, "'[\"…\"]'"),
        ("app", "string", True, "TEXT"),
        ("since", "number", True, "NUMBER"),
    ]


def test_a_check_that_every_account_should_pass_says_so() -> None:
    assert not parse_question(HEAD + BODY, "own.lua").in_start
    for profile, is_first in (("start", False), ("first", True)):
        check = parse_question(HEAD + f"-- profile: {profile}\n" + BODY, "own.lua")
        assert (check.in_start, check.is_first) == (True, is_first)


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_lines_end_where_those_of_lua_end(line_end: str) -> None:
    text = HEAD + "\n-- Comment.\n" + BODY
    assert parse_question(text.replace("\n", line_end), "own.lua") == parse_question(text, "own.lua")


def test_a_file_whose_name_cannot_be_typed_names_no_check() -> None:
    with pytest.raises(SettingsError, match=re.escape("Call it NAME.lua")):
        parse_question(HEAD + BODY, "my check.lua")
