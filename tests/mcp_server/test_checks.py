"""What agents are told of checks: their findings, and what could not be checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_reports import check, dynos, report, result

from kosmo_kernel.mcp_server.checks import not_checked, notes_of, page, rows_of
from kosmo_kernel.mcp_server.search import search


def test_what_was_not_checked_comes_first_with_the_reason_once() -> None:
    refused = [result(check(f"refused-{number}", "low"), reason="403") for number in range(5)]
    made = report(result(check(), *dynos("web.1")), *refused, result(check("passes")))
    assert not_checked(made) == "5 of 7 checks could not be made, or not for everything."
    assert list(notes_of(made)) == [
        "Not checked: refused-0, refused-1, refused-2 and 2 more: 403",
        "Found by crashed 1",
        "1 check found nothing.",
    ]
    assert not_checked(report(result(check()))) == ""


def test_a_wrong_check_of_the_user_keeps_no_agent_from_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config.toml").write_text('[checks]\nfolder = "own"\n')
    assert page("heroku.list_apps") is None
    assert "there is no folder" in search("certificate expires")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "wrong.lua").write_text("return {}\n")
    found = search("certificate expires")
    assert "list_sni_endpoints" in found
    assert "wrong.lua:1: the head of a check needs" in found.splitlines()[-1]


def test_findings_of_several_checks_have_the_same_columns_and_the_most_severe_come_first() -> None:
    made = report(result(check("small", "low", "app"), {"app": "shop"}), result(check(), *dynos("web.1")))
    assert rows_of(made).rows == [
        {"check": "crashed", "severity": "high", "finding": "shop, web.1", "details": "size Eco"},
        {"check": "small", "severity": "low", "finding": "shop", "details": ""},
    ]
