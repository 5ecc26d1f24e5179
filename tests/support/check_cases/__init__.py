"""What each shipped check must find, and what it must not: its defects and near misses, side by side in one file.

A new check gets its cases in the file of its subject, or in a new one that is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from random import Random

import pytest
from clean_company import EditableCompany

from check_cases import access, addons, apps, configuration, databases, dynos, releases
from check_cases.site import DEFECTS, NEAR_MISSES, PARAMETERS, Finding, Findings, NearMiss, NoPlaceError, Site
from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.integrations.heroku.api import GLOBAL
from kosmo_kernel.integrations.heroku.demo import api
from kosmo_kernel.integrations.heroku.demo.company import Company
from kosmo_kernel.integrations.heroku.demo.http import UNLIMITED
from kosmo_kernel.questions.discovery import shipped_checks
from kosmo_kernel.questions.question import Question

__all__ = ["DEFECTS", "NEAR_MISSES", "Finding", "findings_of", "place", "run_over", "seed_defects"]

SUBJECTS = (access, addons, apps, configuration, databases, dynos, releases)
RARE = {"regions-in-use", "spaces-without-apps"}  # their cases need an app in a space, of which there are few
RARE_CASES = {case for name in RARE for case in (*DEFECTS[name], *NEAR_MISSES[name])}


def seed_defects(company: EditableCompany, draw: Random, names: Sequence[str]) -> dict[str, Findings]:
    """Change a company so that some checks find something; return the findings by the check for which each was made.

    Parameters:
        company: a clean one, with enough places.
        draw: chooses the kind of a defect, and its place.
        names: of checks.

    Raises:
        NoPlaceError: the company has no place left.
    """
    site = Site(company, draw)
    return {name: draw.choice(DEFECTS[name])(site) for name in sorted(names, key=lambda name: name not in RARE)}


def place(company: EditableCompany, draw: Random, cases: Iterable[NearMiss]) -> dict[NearMiss, Findings]:
    """Change a clean company by as many cases as it has places for; return the findings that each of these causes."""
    site, findings = Site(company, draw), dict[NearMiss, Findings]()
    for case in sorted(cases, key=lambda case: case not in RARE_CASES):
        with suppress(NoPlaceError):
            findings[case] = case(site) or []
    return findings


def findings_of(report: QuestionReport) -> set[Finding]:
    """Return the findings of a report, each by its check and its key."""
    return {Finding(found.check.name, frozenset(found.key.items())) for found in report.findings}


def run_over(
    company: Company, scopes: Sequence[str] = (GLOBAL,), checks: Sequence[Question] | None = None
) -> QuestionReport:
    """Run shipped checks over a company, as its demo account, with a token of some scopes.

    Parameters:
        company: the company.
        scopes: those of the token.
        checks: the checks; when None, all.
    """
    served = api.DemoApi(company, refill=UNLIMITED, scopes=scopes), api.DEMO_TOKEN
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "in_process", lambda: served)
        checks = shipped_checks() if checks is None else checks
        names = {check.name for check in checks}
        about = {name: setting for name, setting in PARAMETERS.items() if name.partition(".")[0] in names}
        return run_questions(checks, "demo", parameters=about)
