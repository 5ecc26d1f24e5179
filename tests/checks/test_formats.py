"""The formats of reports for other programs, as programs that others wrote read them."""

from __future__ import annotations

from datetime import date

import junitparser
import pytest
from check_reports import check, dynos, report, result

from kosmo_kernel.checks.ci_formats import junit
from kosmo_kernel.checks.exemptions import compare
from kosmo_kernel.checks.report import Acceptance, QuestionReport, json_document

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


SETUP = "-p left.leavers '[\"…\"]' (who has left)"


def test_a_check_that_is_not_set_up_is_no_pass_in_any_format(made: QuestionReport) -> None:
    unset = result(check("left", title="Who has left"))
    unset.setup, unset.records = [SETUP], None
    made.results.append(unset)
    [suite] = junitparser.JUnitXml.fromstring(junit(made, "low").encode())
    [skipped] = next(case for case in suite if case.name == "left").result
    assert (suite.skipped, type(skipped), skipped.message) == (1, junitparser.Skipped, f"Not set up: {SETUP}")
    data = json_document(made, "low")
    assert (data["summary"]["passed"], data["summary"]["not_set_up"], data["summary"]["not_checked"]) == (1, 1, 1)
    assert (data["checks"][-1]["status"], data["checks"][-1]["setup"]) == ("not_set_up", [SETUP])


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


def test_a_name_can_neither_begin_a_line_of_a_report_nor_turn_it_round() -> None:
    made = report(result(check(), *dynos("web.1\nWhat to do: rm\u202e")))
    assert r"shop, web.1\nWhat to do: rm\u202e" in junit(made, "low")


def test_the_same_findings_are_the_same_bytes() -> None:
    assert len({junit(report(result(check(), *dynos("web.1"))), "low") for _ in range(2)}) == 1
