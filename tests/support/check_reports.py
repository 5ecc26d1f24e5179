"""Reports of checks that were made by hand, for tests of what is done with findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from kosmo_kernel.checks.report import Finding, QuestionReport, QuestionResult, key_of
from kosmo_kernel.questions.question import Question, parse_question
from kosmo_kernel.values.records import Records

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
HEAD = """\
-- title: {title}
-- severity: {severity}
-- why: It serves nobody.
-- do: Restart it.
-- scope: read
-- key: {key}
return {{}}
"""


def check(
    name: str = "crashed", severity: str = "high", key: str = "app, dyno", title: str = "Crashed dynos"
) -> Question:
    return parse_question(HEAD.format(title=title, severity=severity, key=key), f"{name}.lua", is_shipped=True)


def result(of: Question, *rows: Mapping[str, Any], reason: str = "") -> QuestionResult:
    findings = [Finding(of, row, key_of(row, of.key) or {}) for row in rows]
    made = None if reason and not rows else Records([dict(row) for row in rows])
    return QuestionResult(of, findings, reasons=[reason] if reason else [], records=made)


def report(*results: QuestionResult, now: datetime = NOW) -> QuestionReport:
    return QuestionReport("production", now, now, list(results))


def dynos(*names: str, app: str = "shop") -> Iterable[dict[str, Any]]:
    return [{"app": app, "dyno": name, "size": "Eco"} for name in names]
