"""Shipped checks find the defects of generated companies, each by the checks that name it, and no near miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

import pytest
from check_cases import DEFECTS, NEAR_MISSES, Finding, findings_of, place, run_over, seed_defects
from check_cases.site import NearMiss
from clean_company import clean_company
from full_matrix import full_except

from kosmo_kernel.integrations.heroku.api import IDENTITY, READ, READ_PROTECTED
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.questions.discovery import select_checks, shipped_checks

CLEAN = 50  # companies
ROUNDS, PARTS = 4, 6  # in each round every check gets a defect, in one of so many companies
MEANINGFUL = 3  # fewer findings of a check may be among those of another one by chance
COMPANIES, SPARE = 2, 8  # enough for all cases; pipelines that a company has beyond its number of cases
FINDS = "test_a_check_finds_its_defects_and_nothing_else"
FINDS_NOT = "test_a_check_does_not_find_its_near_misses"
PIPELINES = 20  # of a company with defects; each defect has one to itself


class Outcome(NamedTuple):
    """What checks find in some companies. A finding is counted with the number of its company."""

    caused: dict[NearMiss, list[Finding]]  # by each case
    found: set[tuple[int, Finding]]
    expected: set[tuple[int, Finding]]


def outcome_of(cases: Mapping[str, Sequence[NearMiss]]) -> Outcome:
    """Put all cases into as few companies as have places for them, and run the checks over these.

    The second company has few cases, so only the checks that they are about run over it.
    """
    remaining = list(dict.fromkeys(case for own in cases.values() for case in own))
    outcome = Outcome({}, set(), set())
    for seed in range(COMPANIES):
        company = clean_company(seed, len(remaining) + SPARE)
        placed = place(company, Random(seed), remaining)
        causes = {name for name, own in cases.items() if placed.keys() & own}
        named = causes | {finding.check for findings in placed.values() for finding in findings}
        report = run_over(company, checks=[check for check in shipped_checks() if not seed or check.name in named])
        assert {result.question.name: result.reason for result in report.not_checked} == {}
        outcome.caused.update(placed)
        outcome.expected.update((seed, finding) for findings in placed.values() for finding in findings)
        outcome.found.update((seed, finding) for finding in findings_of(report))
        remaining = [case for case in remaining if case not in placed]
    assert remaining == []
    return outcome


def of_check(findings: set[tuple[int, Finding]], name: str) -> list[tuple[int, list[tuple[str, str]]]]:
    return sorted((seed, sorted(finding.key)) for seed, finding in findings if finding.check == name)


def selected(request: pytest.FixtureRequest, test: str) -> list[str]:
    """Return the names of the checks for which a test runs."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.originalname == test]
    return sorted(str(item.callspec.params["name"]) for item in items)


@pytest.fixture(scope="module")
def defects(request: pytest.FixtureRequest) -> Outcome:
    return outcome_of({name: DEFECTS[name] for name in selected(request, FINDS)})


@pytest.fixture(scope="module")
def near_misses(request: pytest.FixtureRequest) -> Outcome:
    return outcome_of({name: NEAR_MISSES[name] for name in selected(request, FINDS_NOT)})


def names_of(number: int) -> list[str]:
    """Return the checks that get a defect in one of the companies."""
    turn, part = divmod(number, PARTS)
    names = [check.name for check in shipped_checks()]
    return Random(turn).sample(names, len(names))[part::PARTS]


def test_there_are_defects_and_near_misses_of_each_shipped_check() -> None:
    names = [check.name for check in shipped_checks()]
    assert sorted(DEFECTS) == sorted(NEAR_MISSES) == names
    assert ROUNDS * len(names) >= 200  # defects in all


@pytest.mark.parametrize("name", full_except(sorted(DEFECTS), *sorted(DEFECTS)[::4]))
def test_a_check_finds_its_defects_and_nothing_else(defects: Outcome, name: str) -> None:
    assert of_check(defects.found, name) == of_check(defects.expected, name) != []


@pytest.mark.parametrize("name", full_except(sorted(NEAR_MISSES), *sorted(NEAR_MISSES)[::4]))
def test_a_check_does_not_find_its_near_misses(near_misses: Outcome, name: str) -> None:
    own = [finding for case in NEAR_MISSES[name] for finding in near_misses.caused[case]]
    assert name not in {finding.check for finding in own}
    assert of_check(near_misses.found, name) == of_check(near_misses.expected, name)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(CLEAN))
def test_a_clean_company_has_no_finding_but_those_of_its_near_misses(seed: int) -> None:
    company = clean_company(seed)
    draw = Random(f"near misses {seed}")
    near_misses = dict.fromkeys(case for cases in NEAR_MISSES.values() for case in cases)
    placed = place(company, draw, draw.sample([*near_misses], len(near_misses)))
    report = run_over(company)
    assert {result.question.name: result.reason for result in report.not_checked} == {}
    assert findings_of(report) == {one for findings in placed.values() for one in findings}


@pytest.mark.full
@pytest.mark.parametrize("number", range(ROUNDS * PARTS))
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
    assert len(checks) == 11
