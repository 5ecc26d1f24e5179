"""Runs of checks: findings with their keys, and what is not checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kosmo_kernel.checks.report import QuestionResult
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.questions.discovery import find_check
from kosmo_kernel.questions.question import parse_question

HEAD = """\
-- title: T
-- severity: medium
-- why: W
-- do: D
-- scope: read
-- key: app
-- param: days = 30 | days
"""


def outcome(lua: str, **given: object) -> QuestionResult:
    [result] = run_questions([parse_question(HEAD + lua, "own.lua")], "demo", parameters=given).results
    return result


def test_a_check_finds_what_its_key_identifies() -> None:
    report = run_questions([find_check("crashed-dynos")], "demo")
    [result] = report.results
    assert result.status == "findings"
    assert result.findings[0].key == {"app": "customs-forms", "dyno": "web.1"}
    assert report.exit_code("high") == 1


def test_an_empty_list_is_a_pass() -> None:
    assert outcome("return {}").status == "passed"


def test_a_parameter_is_a_global_of_the_check() -> None:
    assert outcome("return { { app = 'a', days = days } }", days=5).findings[0].record["days"] == 5


@pytest.mark.parametrize("given", [{}, {"who": []}, {"own.who": []}])
def test_a_check_that_nobody_set_up_is_neither_run_nor_passed(given: dict[str, object]) -> None:
    head = HEAD.replace("days = 30", "who: list")
    check = parse_question(head + "return { { app = 'a', n = #heroku.list_apps() } }", "own.lua")
    report = run_questions([check], "demo", parameters=given)
    [result] = report.results
    assert (result.status, result.setup) == ("not set up", ["-p own.who '[\"…\"]' (days)"])
    assert (report.cost, report.exit_code()) == (None, 0)
    assert (report.not_checked, report.not_set_up) == ([], [result])
    assert run_questions([check], "demo", parameters={"who": ["a"]}).results[0].status == "findings"


def test_an_empty_value_in_the_settings_sets_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    for leavers, status in (("[]", "not set up"), ('["tom.ashby@postbox.example"]', "findings")):
        (tmp_path / "config.toml").write_text(f"[checks.params]\nleavers = {leavers}\n")
        assert run_questions([find_check("leavers")], "demo").results[0].status == status


def test_a_reference_in_a_key_stands_for_its_name() -> None:
    first = outcome("return list.take(heroku.list_dynos({ app_id = 'my-app' }), 1)").findings[0]
    assert first.key == {"app": "my-app"}


@pytest.mark.parametrize(
    ("lua", "reason"),
    [
        ("return 5", "It returned a number. Return the list of findings"),
        ("local x = 1", "It returned nothing"),
        ("return { app = 'a' }", "returned one table and no list"),
        ("return { { ap = 'a' } }", r"needs the columns of `key`: app\. Number 1 has ap\."),
        ("return heroku.list_dynos({ app_id = 'nowhere' })", "nowhere"),
        ("return {", "unexpected symbol"),
    ],
)
def test_what_gives_no_findings_is_not_checked(lua: str, reason: str) -> None:
    result = outcome(lua)
    assert result.status == "not checked"
    assert not result.findings
    assert re.search(reason, result.reason), result.reason


SPOILING = """
heroku, json, time, kept, os = nil, nil, nil, "kept", nil
list.filter, string.upper, table.concat, math.floor = nil, nil, nil, nil
local methods = getmetatable("") and getmetatable("").__index or {}
pcall(function() methods.lower = nil end)
print = function() error("spoilt") end
return {}
"""


def test_a_check_of_ones_own_changes_nothing_that_other_checks_see() -> None:
    shipped = [find_check(name) for name in ("total-bill", "crashed-dynos", "single-web-dyno-in-production")]
    seeing = parse_question(
        HEAD + "local ok = kept == nil and _G.kept == nil and list.filter and ('a'):upper() == 'A' and heroku\n"
        "return { { app = tostring(ok ~= nil and ok ~= false) } }",
        "seeing.lua",
    )
    alone = run_questions(shipped, "demo")
    report = run_questions([parse_question(HEAD + SPOILING, "spoiling.lua"), *shipped, seeing], "demo")
    assert [result.reason for result in report.results] == [""] * 5
    assert [[f.key for f in result.findings] for result in report.results[1:4]] == [
        [f.key for f in result.findings] for result in alone.results
    ]
    assert report.results[4].findings[0].key == {"app": "true"}


@pytest.mark.parametrize(
    ("lua", "reason"),
    [
        ("while true do end", "cpu"),
        ("local t = {} while true do t[#t + 1] = string.rep('x', 1 << 16) .. #t end", "memory"),
        ("error('broken')", "broken"),
    ],
)
def test_a_check_that_ends_badly_is_not_checked_and_the_others_go_on(
    lua: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CPU_LIMIT", "0.5")
    monkeypatch.setenv("KOSMO_MEMORY_LIMIT", str(32 << 20))
    checks = [
        parse_question(HEAD + body, f"own{number}.lua")
        for number, body in enumerate(
            (lua, "return list.take(list.map(heroku.list_apps(), function(a) return { app = a.name } end), 1)")
        )
    ]
    failed, good = run_questions(checks, "demo").results
    assert (failed.status, good.status) == ("not checked", "findings")
    assert reason in failed.reason.lower()


def test_a_parameter_that_no_check_has_or_of_another_kind_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: days"):
        outcome("return {}", day=1)
    with pytest.raises(InvalidArgumentsError, match="is a number \\(usually 30\\), got 'x'"):
        outcome("return {}", days="x")
