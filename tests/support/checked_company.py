"""Run shipped checks over a generated company."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from seeded_defects import PARAMETERS

from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.demo import api
from kosmo_kernel.demo.budget import UNLIMITED
from kosmo_kernel.demo.company import Company
from kosmo_kernel.integrations.heroku.scopes import GLOBAL
from kosmo_kernel.questions.discovery import shipped_checks
from kosmo_kernel.questions.question import Question


def run_over(
    company: Company, scopes: Sequence[str] = (GLOBAL,), checks: Sequence[Question] | None = None
) -> QuestionReport:
    """Run shipped checks over a company, as its demo account, with a token of some scopes.

    Parameters:
        company: the company.
        scopes: those of the token.
        checks: the checks, which need no parameter; when None, all, with their parameters.
    """
    served = api.DemoApi(company, refill=UNLIMITED, scopes=scopes), api.DEMO_TOKEN
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "in_process", lambda: served)
        if checks is not None:
            return run_questions(checks, "demo")
        return run_questions(shipped_checks(), "demo", parameters=PARAMETERS)
