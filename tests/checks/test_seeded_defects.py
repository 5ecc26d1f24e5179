"""Defects seeded into generated companies are found by the checks that name them, and by no others."""

from __future__ import annotations

from random import Random

import pytest
from checked_company import run_over
from clean_company import clean_company
from defect_site import Finding
from full_matrix import full_except
from seeded_defects import DEFECTS, add_near_misses, seed_defects

from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.demo.company import company
from kosmo_kernel.integrations.heroku.scopes import IDENTITY, READ, READ_PROTECTED
from kosmo_kernel.questions.discovery import select_checks, shipped_checks

CLEAN = 50  # companies
ROUNDS, PARTS = 4, 6  # in each round every check gets a defect, in one of so many companies
MEANINGFUL = 3  # fewer findings of a check may be among those of another one by chance
PIPELINES = 20  # of a company with defects; each defect has one to itself


def findings_of(report: QuestionReport) -> set[Finding]:
    return {Finding(one.check.name, frozenset(one.key.items())) for one in report.findings}


def names_of(number: int) -> list[str]:
    """Return the checks that get a defect in one of the companies."""
    turn, part = divmod(number, PARTS)
    names = [check.name for check in shipped_checks()]
    return Random(turn).sample(names, len(names))[part::PARTS]


def test_there_is_a_defect_for_each_shipped_check_and_two_hundred_of_them() -> None:
    names = [check.name for check in shipped_checks()]
    assert sorted(DEFECTS) == names
    assert ROUNDS * len(names) >= 200


@pytest.mark.parametrize("seed", full_except(range(CLEAN), 7))
def test_a_clean_company_has_no_finding(seed: int) -> None:
    company = clean_company(seed)
    add_near_misses(company, Random(f"near misses {seed}"))
    report = run_over(company)
    assert {result.question.name: result.reason for result in report.not_checked} == {}
    assert findings_of(report) == set()


@pytest.mark.parametrize("number", full_except(range(ROUNDS * PARTS), 3))
def test_each_seeded_defect_is_found_by_the_check_that_names_it_and_by_no_other(number: int) -> None:
    company, names = clean_company(number, PIPELINES), names_of(number)
    seeded = seed_defects(company, Random(f"defects {number}"), names)
    assert [name for name in names if name not in {one.check for one in seeded[name]}] == []
    report = run_over(company)
    assert {result.question.name: result.reason for result in report.not_checked} == {}
    found, expected = findings_of(report), {one for caused in seeded.values() for one in caused}
    assert {"missing": expected - found, "more": found - expected} == {"missing": set(), "more": set()}


@pytest.mark.parametrize("apps", full_except((60, 250)))
def test_no_check_finds_only_what_another_check_finds(apps: int) -> None:
    found: dict[str, set[frozenset[str]]] = {}
    for one in run_over(company(apps)).findings:
        found.setdefault(one.check.name, set()).add(frozenset(one.key.values()))
    pairs = [(name, other) for name, own in found.items() for other in found if name != other and own <= found[other]]
    same = {pair for pair in pairs if len(found[pair[0]]) > MEANINGFUL and min(map(len, found[pair[0]])) > 1}
    assert same == set()


@pytest.mark.parametrize("number", full_except(range(ROUNDS * PARTS)))
def test_a_defect_where_the_token_may_not_look_is_never_a_pass(number: int) -> None:
    company = clean_company(number, PIPELINES // 2)
    seeded = seed_defects(company, Random(f"hidden {number}"), names_of(number)[::3])
    expected = {one for caused in seeded.values() for one in caused}
    company.hidden = {value for one in expected for name, value in one.key if name == "app"}
    report = run_over(company)
    assert {one.question.name for one in report.results if one.status == "passed"} & seeded.keys() == set()
    assert findings_of(report) <= expected


@pytest.mark.parametrize("scope", full_except((READ, READ_PROTECTED)))
def test_the_head_of_a_check_names_the_scope_that_a_token_needs_for_it(scope: str) -> None:
    report = run_over(clean_company(5), (scope, IDENTITY))
    enough = {check.name for check in shipped_checks() if check.scope in (READ, scope, IDENTITY)}
    assert {result.question.name for result in report.results if not result.reason} == enough


@pytest.mark.parametrize("seed", full_except(range(10), 3))
def test_a_company_in_order_passes_the_start_and_ten_faults_are_ten_red_checks(seed: int) -> None:
    checks = select_checks([], start=True)
    company = clean_company(seed, PIPELINES)
    assert {result.question.name: result.status for result in run_over(company, (READ, IDENTITY), checks).results} == {
        check.name: "passed" for check in checks
    }
    seed_defects(company, Random(f"start {seed}"), [check.name for check in checks])
    report = run_over(company, (READ, IDENTITY), checks)
    assert [result.status for result in report.results] == ["findings"] * len(checks)
    assert len(checks) == 10
