"""The report of a run of checks as one JSON document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kosmo_kernel.checks.report import PASSED, Acceptance, Finding, QuestionReport, QuestionResult
from kosmo_kernel.questions.question import Question
from kosmo_kernel.text.times import iso_time


def json_document(report: QuestionReport, fail_on: str) -> dict[str, Any]:
    """Return the report as JSON values; `success` is true if no finding of `fail_on` or above counts."""
    code = report.exit_code(fail_on)
    return {
        "success": code == PASSED and not report.interrupted,
        "exit_code": code,
        "fail_on": fail_on,
        "account": report.account,
        "started": _time(report.started),
        "now": _time(report.now),
        "against": report.against or None,
        "interrupted": report.interrupted,
        "summary": report.counts,
        "checks": [_result(result) for result in report.results],
        "requests": report.cost.requests if report.cost else 0,
        "seconds": round(report.seconds, 3),
        **report.taken_over,
        "notes": [*report.notes, *report.unwritten],
    }


def about_check(check: Question) -> dict[str, Any]:
    """Return what the head of a check says as JSON values."""
    return {
        "name": check.name,
        "title": check.title,
        "severity": check.severity,
        "why": check.why,
        "do": check.remedy,
        "scope": check.scope,
        "key": list(check.key),
        "parameters": [
            {"name": one.name, "default": one.value, "required": one.required, "description": one.doc}
            for one in check.parameters
        ],
        "shipped": check.is_shipped,
        "file": check.file,
    }


def _result(result: QuestionResult) -> dict[str, Any]:
    about = about_check(result.question)
    return {
        **{name: about[name] for name in ("name", "title", "severity", "why", "do")},
        "status": result.status.replace(" ", "_"),
        "reason": result.reason or None,
        "setup": result.setup,
        "parameters": dict(result.parameters),
        "findings": [_finding(finding) for finding in result.findings],
        "gone": [{"key": finding.key} for finding in result.gone],
        "unread": result.unread,
        "withdrawn": result.withdrawn,
        "output": result.output,
        "seconds": round(result.seconds, 3),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "key": finding.key,
        "record": finding.record,
        "counts": finding.counts,
        "accepted": _acceptance(finding.accepted),
        "accepted_before": _acceptance(finding.expired),
        "new": finding.is_new,
    }


def _acceptance(one: Acceptance | None) -> dict[str, str] | None:
    return {"reason": one.reason, "last_day": one.last_day.isoformat()} if one else None


def _time(moment: datetime) -> str:
    return iso_time(moment.astimezone(UTC))
