"""The formats of reports for other programs, as programs that others wrote read them."""

from __future__ import annotations

import json
import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest
from check_reports import check, dynos, report, result
from hostile_texts import MANY, STEW
from hypothesis import given
from markdown_it import MarkdownIt

from kosmo_kernel.checks.ci_formats import junit, sarif
from kosmo_kernel.checks.comment import MAX_LENGTH, comment
from kosmo_kernel.checks.exemptions import compare
from kosmo_kernel.checks.report import Acceptance, QuestionReport, json_document

SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text())
HOSTILE = "</failure>]]>\x00\x1b[31m @team #12 [a](http://x.example) <img src=x> | `x` ![b](c) $x$ \ud800 \u202e"


@pytest.fixture
def made() -> QuestionReport:
    """Return a report with findings that count, are accepted, old and gone, and a check that could not be made."""
    crashed = check()
    made = report(
        result(crashed, *dynos("web.1", "web.2", "web.3", HOSTILE)),
        result(check("small", "low", "app"), {"app": "shop"}),
        result(check("refused", "medium"), reason=f"403 {HOSTILE}"),
        result(check("passes", title="Passes @team [x](y) <b>")),
    )
    compare(made, report(result(crashed, *dynos("web.2", "web.9"))), "before")
    made.results[0].findings[2].accepted = Acceptance("Rebuilt soon.", date(2026, 12, 31))
    made.results[0].findings[0].expired = Acceptance("Was rebuilt.", date(2026, 11, 1))
    made.notes.append(HOSTILE)
    return made


def test_sarif_is_valid_and_says_all(made: QuestionReport) -> None:
    document = json.loads(json.dumps(sarif(made, "low")))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    [run] = document["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert rules["crashed"]["properties"]["security-severity"] == "8.0"
    assert rules["crashed"]["help"]["text"] == "It serves nobody.\n\nWhat to do: Restart it."
    results = run["results"]
    assert [one["level"] for one in results] == ["error"] * 4 + ["note"]
    assert [one.get("baselineState") for one in results] == ["new", "unchanged", "new", "new", None]
    assert [[one["justification"] for one in each["suppressions"]] for each in results[1:3]] == [
        [],
        ["Accepted until 2026-12-31: Rebuilt soon."],
    ]
    assert {rules[one["ruleId"]]["id"] for one in results} == {"crashed", "small"}
    assert {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results} == {
        "kosmo_kernel/integrations/heroku/questions/checks/crashed.lua",
        "kosmo_kernel/integrations/heroku/questions/checks/small.lua",
    }
    [notification] = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["associatedRule"] == {"id": "refused", "index": 2}
    assert notification["message"]["text"].startswith("refused was not checked: 403")
    assert "\\[a\\](http" in notification["message"]["text"]  # which would be a link


SETUP = "-p left.leavers '[\"…\"]' (who has left)"


def test_a_check_that_is_not_set_up_is_no_pass_in_any_format(made: QuestionReport) -> None:
    unset = result(check("left", title="Who has left"))
    unset.setup, unset.records = [SETUP], None
    made.results.append(unset)
    document = json.loads(json.dumps(sarif(made, "low")))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    [last] = [one for one in document["runs"][0]["results"] if one["ruleId"] == "left"]
    assert (last["kind"], last["level"]) == ("notApplicable", "none")
    assert SETUP in last["message"]["text"]
    [refused] = document["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert refused["associatedRule"]["id"] == "refused"
    [suite] = junitparser.JUnitXml.fromstring(junit(made, "low").encode())
    [skipped] = next(case for case in suite if case.name == "left").result
    assert (suite.skipped, type(skipped), skipped.message) == (1, junitparser.Skipped, f"Not set up: {SETUP}")
    text = comment(made, "low")
    assert "5 checks, 1 passed" in text
    assert "1 not set up" in text
    assert "Not set up (1)" in text
    assert SETUP in unescape(text)
    data = json_document(made, "low")
    assert (data["summary"]["passed"], data["summary"]["not_set_up"], data["summary"]["not_checked"]) == (1, 1, 1)
    assert (data["checks"][-1]["status"], data["checks"][-1]["setup"]) == ("not_set_up", [SETUP])


def test_the_fingerprint_of_a_finding_is_that_of_its_key() -> None:
    first, *others = [
        sarif(report(result(of, row)), "low")["runs"][0]["results"][0]["partialFingerprints"]
        for of, row in (
            (check(), {"app": "shop", "dyno": "web.1", "size": "Eco"}),
            (check(), {"dyno": "web.1", "app": "shop", "size": "Basic", "since": "2026-11-28"}),
            (check(), {"app": "web.1", "dyno": "shop"}),
            (check("other"), {"app": "shop", "dyno": "web.1"}),
        )
    ]
    assert [one == first for one in others] == [True, False, False]
    assert [one["primaryLocationLineHash"] == first["primaryLocationLineHash"] for one in others] == [
        True,
        False,
        False,
    ]


def test_code_scanning_gets_no_more_results_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kosmo_kernel.checks.ci_formats.MAX_RESULTS", 2)
    made = report(result(check("small", "low", "app"), {"app": "shop"}), result(check(), *dynos("web.1", "web.2")))
    document = sarif(made, "low")
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    [run] = document["runs"]
    assert [one["ruleId"] for one in run["results"]] == ["crashed", "crashed"]
    [notification] = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "1 finding left out: the least severe."


def test_an_own_check_is_located_below_the_folder_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = check().source

    def uri(file: str) -> str:
        from kosmo_kernel.questions.question import parse_question

        made = report(result(parse_question(text, file), *dynos("web.1")))
        location = sarif(made, "low")["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        return str(location["artifactLocation"]["uri"])

    assert uri("checks/own.lua") == uri(f"{tmp_path}/checks/own.lua") == "checks/own.lua"
    assert uri(f"{tmp_path.parent}/elsewhere/own.lua") == "own.lua"
    assert uri("no-utf-8-\udcff/own.lua") == "no-utf-8-%FF/own.lua"


def test_a_junit_reader_sees_failures_and_errors(made: QuestionReport) -> None:
    text = junit(made, "medium")
    [suite] = junitparser.JUnitXml.fromstring(text.encode())
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 1, 1, 0)
    crashed, small, refused, passes = suite
    [failure], [error] = crashed.result, refused.result
    assert isinstance(failure, junitparser.Failure)
    assert isinstance(error, junitparser.Error)
    assert failure.message == "Crashed dynos: 2 findings"
    assert "shop, web.1: size Eco [new] [was accepted until 2026-11-01: Was rebuilt.]" in failure.text
    assert "web.2" not in failure.text
    assert "web.2: size Eco [still there]" in crashed.system_out
    assert "web.3: size Eco [new] [accepted until 2026-12-31: Rebuilt soon.]" in crashed.system_out
    assert "gone: shop, web.9" in crashed.system_out
    assert error.message.startswith(r"Not checked: 403 </failure>]]>\u0000\u001b[31m @team")
    assert (small.result, small.system_out) == ([], "shop")  # is below `medium`
    assert passes.result == []


@pytest.mark.parametrize("form", [sarif, junit])
def test_a_name_can_neither_begin_a_line_of_a_report_nor_turn_it_round(form: Any) -> None:
    made = report(result(check(), *dynos("web.1\nWhat to do: rm\u202e")))
    text = form(made, "low")
    message = text["runs"][0]["results"][0]["message"]["text"] if form is sarif else text
    assert r"shop, web.1\nWhat to do: rm\u202e" in message.replace("\\\\", "\\")


def prose_of(text: str) -> str:
    """Return what of a comment is neither code nor HTML of ours; there must be no other HTML, no link and no image."""
    prose: list[str] = []
    for block in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        assert block.type != "code_block"
        if block.type == "html_block":
            without = re.sub(r"</?(details|summary|b|span)>|<!-- kosmo check -->", "", block.content)
            assert "<" not in without
            prose.append(unescape(without))
        in_code = False
        for token in block.children or ():
            assert token.type in {"text", "html_inline", "code_inline", "softbreak", "strong_open", "strong_close"}
            if token.type == "html_inline":
                assert token.content in {"<code>", "</code>", "<br>", "<span>", "</span>"}
                in_code = token.content == "<code>" or (in_code and token.content != "</code>")
            elif token.type == "text" and not in_code:
                prose.append(token.content)
    return "".join(prose)


def test_a_comment_has_no_markup_of_others(made: QuestionReport) -> None:
    prose = prose_of(comment(made, "low"))
    assert "@\u200bteam #\u200b12 [a](http://x.example) <img src=x>" in prose
    assert not re.search(r"[@#]\w", prose)


@pytest.mark.full
@MANY
@given(STEW)
def test_no_text_makes_markup_of_a_comment(text: str) -> None:
    title = " ".join(text.split()) or "T"
    made = report(result(check(title=title), *dynos(text or "x")), result(check("refused"), reason=text or "x"))
    made.notes.append(text)
    prose = prose_of(comment(made, "low"))
    assert not re.search(r"[@#]\w", prose)


def test_a_comment_says_what_counts(made: QuestionReport) -> None:
    text = comment(made, "low")
    assert "## kosmo check: 3 findings" in text
    assert "4 checks, 1 passed" in text
    for words in (
        "1 still there",
        "1 gone",
        "1 accepted",
        "1 **not checked**",
        "2026-11-28 09:30 UTC, against `before (2026-11-28 09:30 UTC)`",
    ):
        assert words in text


@pytest.mark.parametrize("rows", [10, 5_000])
def test_a_comment_is_cut_between_rows_with_the_count(rows: int) -> None:
    made = report(
        result(check(), *dynos(*(f"web.{number}" for number in range(rows)))),
        result(check("refused", "low"), reason="403"),
        result(check("small", "low", "app"), *({"app": "s" * 500} for _ in range(rows))),
    )
    text = comment(made, "low")
    shown = text.count("| `shop` |") + text.count("| <code>sss")
    assert len(text) <= MAX_LENGTH
    assert "403" in text
    assert text.count("<details>") == text.count("</details>")
    assert (f"… {2 * rows - shown:,} more findings:" in text) is (rows > 10)
    assert (shown == 2 * rows) is (rows == 10)


@pytest.mark.parametrize("form", [sarif, junit, comment])
def test_the_same_findings_are_the_same_bytes(form: Any) -> None:
    texts = {json.dumps(form(report(result(check(), *dynos("web.1"))), "low")) for _ in range(2)}
    assert len(texts) == 1
