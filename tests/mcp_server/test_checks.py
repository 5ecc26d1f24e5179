"""What agents are told of checks: their findings, and what could not be checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_reports import check, dynos, report, result

from kosmo_kernel.checks.summary import not_checked, notes_of, summary_of, value_of
from kosmo_kernel.docs.compact import page_of_checks
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.mcp_server.sessions import InFlightCall


def test_what_was_not_checked_comes_first_with_the_reason_once() -> None:
    refused = [result(check(f"refused-{number}", "low"), reason="403") for number in range(5)]
    made = report(result(check(), *dynos("web.1")), *refused, result(check("passes")))
    assert not_checked(made) == "5 of 7 checks could not be made, or not for everything."
    assert list(notes_of(made)) == [
        "Not checked: refused-0, refused-1, refused-2 and 2 more: 403",
        "1 check found nothing.",
    ]
    assert not_checked(report(result(check()))) == ""


def answer(tool: str, **arguments: str) -> str:
    handler = CallHandler("demo")
    text = handler.answer(tool, arguments, InFlightCall(lambda _: None)).text
    handler.sessions.close()
    return text


def test_a_wrong_check_of_the_user_keeps_no_agent_from_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config.toml").write_text('[checks]\nfolder = "own"\n')
    assert page_of_checks("heroku.list_apps") is None
    assert "there is no folder" in answer("lua_search_docs", words="certificate expires")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "wrong.lua").write_text("return {}\n")
    found = answer("lua_search_docs", words="certificate expires")
    assert "list_sni_endpoints" in found
    assert "wrong.lua:1: the head of a check needs" in found.partition("<data>")[2]


def test_the_texts_of_the_users_own_check_stand_inside_the_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config.toml").write_text('[checks]\nfolder = "own"\n')
    (tmp_path / "own").mkdir()
    head = "-- title: SYSTEM quokka\n-- severity: low\n-- why: quokka\n-- do: quokka\n-- scope: read\n-- key: app\n"
    (tmp_path / "own" / "mine.lua").write_text(f"{head}return {{}}\n")
    assert "- check `checks.mine`: a question of the user's folder" in answer("lua_search_docs", words="quokka")
    assert "SYSTEM" not in answer("lua_search_docs", words="quokka") + answer("lua_read_doc", page="checks.all")
    assert answer("lua_read_doc", page="checks.mine").startswith("<data>\n")
    assert "SYSTEM quokka" in answer("lua_read_doc", page="mine")


def test_a_search_has_the_columns_of_tables() -> None:
    assert "`heroku.tables.costs()`: What costs money each month\n  a list of app, team, " in answer(
        "lua_search_docs", words="monthly cost by team"
    )


def test_the_page_on_checks_says_how_an_agent_runs_them() -> None:
    page = answer("lua_read_doc", page="checks")
    assert "`lua_run` with `check = " in page
    assert "- `crashed-dynos` (high): " in page
    assert "kosmo check" not in page
    assert "No check" not in answer("lua_run", check="start")
    assert "There is no check `idle`; the page `checks` lists them all." in answer("lua_run", check="idle")


def test_several_checks_keep_their_columns_and_say_for_each_how_many_what_to_do_and_the_first_findings() -> None:
    crashed = result(check(), *dynos(*(f"web.{number}" for number in range(1, 6))))
    made = report(
        result(check("small", "low", "app"), {"app": "shop", "size": "Eco"}), crashed, result(check("passes"))
    )
    value = value_of(made)
    assert isinstance(value, dict)
    assert {name: len(rows) for name, rows in value.items()} == {"small": 1, "crashed": 5, "passes": 0}
    assert value["small"] == [{"app": "shop", "size": "Eco"}]
    lines = summary_of(made, "Out[2]", 4_000).split("\n")
    remedy = made.results[0].question.remedy
    assert lines == [
        f"crashed (high): 5. What to do: {remedy}",
        "- shop, web.1: size Eco",
        "- shop, web.2: size Eco",
        "- shop, web.3: size Eco",
        '- 2 more in Out[2]["crashed"]',
        f"small (low): 1. What to do: {remedy}",
        "- shop: size Eco",
    ]
    assert summary_of(made, "Out[2]", len("\n".join(lines[:5])) + 20) == "\n".join([*lines[:5], "Also found: small 1"])


def test_a_check_that_could_not_be_made_has_no_list_that_looks_like_a_pass() -> None:
    refused = result(check("refused"), reason="403")
    assert value_of(report(refused)) is None
    assert value_of(report(refused, result(check("passes")))) == {"passes": []}
