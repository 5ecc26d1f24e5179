"""The page of `kosmo check --format html`: what it has, in which order, and that texts stay texts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from kosmo_command import kosmo

from kosmo_kernel.checks.page import html
from kosmo_kernel.checks.report import Acceptance, Finding, QuestionReport, QuestionResult
from kosmo_kernel.questions.question import Question
from kosmo_kernel.values.records import Records

HOSTILE = "<img src=x onerror=alert(1)> </style><script>alert(1)</script>"


def check(name: str, severity: str) -> Question:
    return Question(
        name,
        f"About {name}",
        "heroku",
        ("app",),
        (),
        "return {}",
        1,
        f"{name}.lua",
        severity=severity,
        why="It costs.",
        remedy="`heroku ps -a APP` says more.",
    )


def result(name: str, severity: str, *apps: str, reason: str = "") -> QuestionResult:
    question = check(name, severity)
    findings = [Finding(question, {"app": app, "monthly_usd": 25}, {"app": app}) for app in apps]
    records = Records([{"app": app} for app in apps])
    return QuestionResult(question, findings, [reason] if reason else [], records=records)


def page(*results: QuestionResult) -> BeautifulSoup:
    now = datetime(2026, 11, 20, 9, tzinfo=UTC)
    return BeautifulSoup(html(QuestionReport("ops", now, now, list(results)), "low"), "html.parser")


def texts(made: BeautifulSoup, selector: str) -> list[str]:
    return [element.get_text(" ", strip=True) for element in made.select(selector)]


def test_the_page_begins_with_the_count_and_has_the_most_severe_findings_first() -> None:
    made = page(result("late", "low", "a"), result("bad", "high", "b", "c"), result("fine", "medium"))
    assert texts(made, "header p") == ["3 findings in 3 checks, as of 2026-11-20 09:00 UTC."]
    assert texts(made, ".check h3") == ["high About bad 2 findings", "low About late 1 finding"]
    assert texts(made, ".figures strong") == ["2", "0", "1", "1"]
    assert texts(made, "thead th")[:2] == ["App", "Monthly cost, $"]
    assert texts(made, "section h2") == ["Passed: 1"]
    assert texts(made, "section li") == ["About fine"]


def test_what_to_do_stands_below_the_findings_and_a_command_is_code() -> None:
    made = page(result("bad", "high", "b"))
    assert texts(made, ".advice") == ["What to do: heroku ps -a APP says more."]
    assert texts(made, ".advice code.command") == ["heroku ps -a APP"]
    assert "Why: It costs." in texts(made, ".about-check p")


def test_what_could_not_be_checked_and_what_is_accepted_is_said() -> None:
    accepted = result("late", "low", "a")
    accepted.findings[0].accepted = Acceptance("known", date(2027, 1, 1))
    made = page(accepted, result("bad", "high", reason="The list of apps could not be read."))
    assert texts(made, "section h2") == ["Not checked"]
    assert "The list of apps could not be read." in texts(made, "section li")[0]
    assert texts(made, ".cut") == ["Accepted until 2027-01-01: known (1): a"]


def test_hostile_texts_stay_texts() -> None:
    made = page(result("bad", "high", HOSTILE), result("worse", "high", reason=HOSTILE))
    assert made.find(["img", "script"]) is None
    assert texts(made, "tbody td")[0].startswith("<img src=x onerror=alert(1)>")


@pytest.mark.parametrize("option", [("--format", "html"), ("-o", "checks.html")])
def test_the_command_writes_the_page_of_the_demo_with_its_band(tmp_path: Path, option: tuple[str, str]) -> None:
    done = kosmo("check", "crashed-dynos", "--demo", *option, cwd=tmp_path)
    text = done.stdout if option[1] == "html" else (tmp_path / "checks.html").read_text(encoding="utf-8")
    made = BeautifulSoup(text, "html.parser")
    assert done.returncode == 1
    assert made.select(".fiction")
    assert texts(made, "footer pre") == [f"kosmo check crashed-dynos --demo {' '.join(option)}"]
    assert len(made.select("tbody tr")) == 4
