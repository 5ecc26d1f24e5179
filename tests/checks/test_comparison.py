"""Findings compared with those of an earlier state: new, still there, gone."""

from __future__ import annotations

from check_reports import check, dynos, report, result

from kosmo_kernel.checks.exemptions import compare
from kosmo_kernel.checks.report import QuestionReport

CRASHED = check()
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
