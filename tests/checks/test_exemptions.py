"""Findings that do not fail a run: accepted until a day, or those of an earlier state; new, still there, gone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from check_reports import check, dynos, report, result

from kosmo_kernel import docs
from kosmo_kernel.checks.exemptions import MAX_MISTAKES, accept, compare, read_acceptances
from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions.discovery import shipped_checks

CRASHED = check()
OTHERS = check("others", "low", "app.name")
ENTRY = """
[[accept]]
check = "crashed"
key = { app = "shop", dyno = "web.1" }
reason = "It is being rebuilt."
last_day = 2026-11-28
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accepted.toml"
    path.write_text(ENTRY)
    return path


@pytest.mark.parametrize(
    ("now", "code"), [(datetime(2026, 11, 28, 23, 59, tzinfo=UTC), 0), (datetime(2026, 11, 29, tzinfo=UTC), 1)]
)
def test_an_accepted_finding_counts_again_on_the_day_after_its_last_day(file: Path, now: datetime, code: int) -> None:
    made = report(result(CRASHED, *dynos("web.1")), now=now)
    accept(made, read_acceptances(file, [CRASHED]))
    assert made.exit_code() == code
    [finding] = made.findings
    assert finding.remarks == [f"{'was ' * code}accepted until 2026-11-28: It is being rebuilt."]
    assert made.notes == ["1 finding counts again: the last day of its exception is over."] * code


def test_an_exception_is_for_one_finding_only(file: Path) -> None:
    made = report(result(CRASHED, *dynos("web.1", "web.2")))
    accept(made, read_acceptances(file, [CRASHED]))
    assert [finding.title for finding in made.findings if finding.counts] == ["shop, web.2"]


def test_an_exception_that_nothing_needs_is_named_unless_its_check_could_not_be_made(file: Path) -> None:
    exceptions = read_acceptances(file, [CRASHED])
    passed, unknown, not_run = report(result(CRASHED)), report(result(CRASHED, reason="refused")), report()
    for made in (passed, unknown, not_run):
        accept(made, exceptions)
    assert passed.notes == [f"{file}:2: this exception is not needed: crashed does not find shop, web.1."]
    assert unknown.notes == not_run.notes == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"crashed"', '"crahsed"', ":2: there is no check `crahsed`. Did you mean crashed?"),
        ("check =", "chek =", "has no `chek`. Did you mean `check`?"),
        (
            ', dyno = "web.1"',
            "",
            ':2: a finding of crashed is identified by `key = { app = "…", dyno = "…" }`, got app.',
        ),
        ('"It is being rebuilt."', '" "', ":2: `reason` is missing"),
        ("last_day = 2026-11-28", "", ":2: `last_day` is missing: a date, such as 2026-12-31"),
        ("2026-11-28", '"soon"', ":2: `last_day` is a date, such as 2026-12-31, got soon."),
        ("2026-11-28", "2026-11-28T10:00:00Z", ":2: `last_day` is a date"),
        ("2026-11-28", "2026-11-31", "is no TOML"),
        ("[[accept]]", "[[accepted]]", "has tables `[[accept]]`, and no `accepted`."),
        ("\n", ENTRY, ":7: the finding is accepted in"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(file: Path, old: str, new: str, message: str) -> None:
    file.write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(SettingsError) as error:
        read_acceptances(file, [CRASHED])
    assert message in str(error.value)


def test_the_guide_shows_a_file_that_is_read(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(\[\[accept\]\].*?)```", docs.read("checks"), re.DOTALL)
    file = tmp_path / "accepted.toml"
    file.write_text(shown)
    [one] = read_acceptances(file, shipped_checks())
    assert one.identity == ("crashed-dynos", "courier-app", "worker.1")


@pytest.mark.claim("parent-settings")
def test_a_long_file_is_read_and_names_its_first_mistakes(file: Path) -> None:
    entries = [ENTRY.replace("web.1", f"web.{number}") for number in range(1_000)]
    file.write_text("".join(entries))
    exemptions = read_acceptances(file, [CRASHED])
    assert exemptions[-1].identity == ("crashed", "shop", "web.999")
    assert {exemption.acceptance.last_day for exemption in exemptions} == {date(2026, 11, 28)}
    file.write_text("[[accept]]\n" * 20_000)
    with pytest.raises(SettingsError) as error:
        read_acceptances(file, [CRASHED])
    lines = str(error.value).splitlines()
    assert lines[0] == f"{file}:1: `check` is missing: the name of a check."
    assert lines[MAX_MISTAKES:] == ["… and more"]


SHARED = check("shared", key="name, fingerprint")
OLD_KEY, NEW_KEY = "11111111:" + "a" * 32, "22222222:" + "b" * 32


def states(made: QuestionReport) -> list[tuple[str, bool | None]]:
    return [(finding.title, finding.is_new) for finding in made.findings]


def gone(made: QuestionReport) -> list[str]:
    return [finding.title for result in made.results for finding in result.resolved]


def test_findings_are_new_still_there_or_gone_and_only_new_ones_fail() -> None:
    made = report(result(CRASHED, *dynos("web.1", "web.2")))
    compare(made, report(result(CRASHED, *dynos("web.2", "web.3"))), "before")
    assert states(made) == [("shop, web.1", True), ("shop, web.2", False)]
    assert gone(made) == ["shop, web.3"]
    assert made.against == "before (2026-11-28 09:30 UTC)"
    assert made.exit_code() == 1
    compare(made, made, "itself")
    assert made.exit_code() == 0


def test_what_cannot_be_read_now_is_not_gone() -> None:
    earlier = report(result(CRASHED, *dynos("web.1"), *dynos("web.1", app="blog")))
    partial = report(result(CRASHED, reason="403"))
    partial.results[0].records, partial.results[0].unread = earlier.results[0].records, [{"app_id": "shop"}]
    compare(partial, earlier, "before")
    assert gone(partial) == ["blog, web.1"]
    unmade = report(result(CRASHED, reason="403"))
    compare(unmade, earlier, "before")
    assert gone(unmade) == []


def test_a_finding_of_a_check_that_could_not_be_made_before_counts_as_new_with_a_note() -> None:
    made = report(result(CRASHED, *dynos("web.1")))
    compare(made, report(result(CRASHED, reason="no file of dynos")), "before")
    assert made.exit_code() == 1
    assert "a finding that counts as new may be old: no file of dynos" in made.notes[0]


def test_fingerprints_of_different_keys_are_compared_by_names_only() -> None:
    def state(fingerprint: str) -> QuestionReport:
        return report(result(SHARED, {"name": "API_KEY", "fingerprint": fingerprint}))

    made = state(NEW_KEY)
    compare(made, state(OLD_KEY), "before")
    assert states(made) == [(f"API_KEY, {NEW_KEY}", False)]
    assert "of different keys" in made.notes[0]
    changed = state(NEW_KEY)
    compare(changed, state(NEW_KEY.replace("b", "c")), "before")
    assert states(changed) == [(f"API_KEY, {NEW_KEY}", True)]
    assert changed.notes == []
