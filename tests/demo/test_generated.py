"""Every company of some size that the demo invents has something to find for each question of the audits."""

from __future__ import annotations

from typing import Any

import pytest
from audit_cells import answers
from audit_questions import ON_REQUEST, QUESTIONS

from kosmo_kernel.integrations.heroku.demo.company import company

NOTEBOOKS: dict[str, dict[str, str]] = {place.partition("/")[0]: {} for place in QUESTIONS.values()}
NOTEBOOKS["incident-runbook"] = {"name": "my-app"}


@pytest.mark.full
@pytest.mark.parametrize(("size", "seed"), [(40, 1), (40, 2), (60, 1), (60, 5), (300, 1)])
def test_each_question_has_an_answer(size: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kosmo_kernel.integrations.heroku.demo.api.company", lambda: company(size, seed))
    # Answers are kept by notebook, and this is another company than the one they are kept of.
    found = {notebook: answers.__wrapped__(notebook, **given) for notebook, given in NOTEBOOKS.items()}
    apps = {row["app"] for row in found["access-audit"]["may"]}
    places = {question: place for question, place in QUESTIONS.items() if place not in ON_REQUEST}
    assert [question for question, place in places.items() if not is_answered(found, place)] == []
    assert apps == {app["name"] for app in company(size, seed).apps}


def is_answered(found: dict[str, dict[str, Any]], place: str) -> bool:
    """Return whether a cell gave rows; one that shows several tables, whether all have some."""
    notebook, _, name = place.partition("/")
    told = found[notebook][name]
    return bool(told) and all(table != [] for table in told)
