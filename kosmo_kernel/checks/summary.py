"""The outcome of checks in few characters: the most severe first, with what to do and the first findings of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kosmo_kernel.checks.report import QuestionReport, QuestionResult, details
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text import counted, listed
from kosmo_kernel.values.records import Records

MAX_ROWS, MAX_ROW_LENGTH = 3, 160  # findings of one of several checks, and characters of each
MAX_DETAILS = 6  # columns of a finding besides its key


def value_of(report: QuestionReport) -> Records | dict[str, Any] | None:
    """Return the findings for Lua: the list of one check, or those of several by name.

    A check that could not be made at all, or that was not set up, has no list, so that nobody takes it for a pass.
    """
    lists = {each.question.name: each.records for each in report.results if each.records is not None}
    if len(report.results) > 1:
        return {name: records.rows for name, records in lists.items()}
    return next((Records([{"check": name, **row} for row in records]) for name, records in lists.items()), None)


def summary_of(report: QuestionReport, name: str, room: int) -> str:
    """Return what several checks found within `room` characters, the most severe first.

    For each check: how many findings, what to do, and the first of them. Checks for which there is no room are named
    with their numbers.
    """
    results = [result for result in report.most_severe_first if result.findings]
    blocks, counts = [], [f"{result.question.name} {len(result.findings):,}" for result in results]
    for index, result in enumerate(results):
        block = _block(result, name)
        rest = sum(map(len, counts[index + 1 :])) + 2 * len(counts[index + 1 :])
        if room < len(block) + 1 + rest:
            break
        blocks.append(block)
        room -= len(block) + 1
    left_out = counts[len(blocks) :]
    return "\n".join([*blocks, *([f"Also found: {', '.join(left_out)}"] if left_out else [])])


def _block(result: QuestionResult, name: str) -> str:
    """Return the lines about the findings of one of several checks."""
    check, count = result.question, len(result.findings)
    lines = [f"{check.name} ({check.severity}): {count:,}. What to do: {check.remedy}"]
    for finding in result.findings[:MAX_ROWS]:
        more = details(finding, MAX_DETAILS)
        lines.append(shortened(f"- {finding.title}{f': {more}' if more else ''}", MAX_ROW_LENGTH))
    if count > MAX_ROWS:
        lines.append(f'- {count - MAX_ROWS:,} more in {name}["{check.name}"]')
    return "\n".join(lines)


def not_checked(report: QuestionReport) -> str:
    """Return a line that says how many checks were not made, so that no empty list is taken for a pass."""
    number = len(report.not_checked)
    return (
        f"{number} of {counted(len(report.results), 'check')} could not be made, or not for everything."
        if number
        else ""
    )


def notes_of(report: QuestionReport) -> Iterator[str]:
    """Yield what to say about a run: the reasons of what was not checked, what one check found, and what found nothing.

    Each note has few enough names to be shown whole.
    """
    for reason, results in report.reasons.items():
        names = [result.question.name for result in results]
        yield f"Not checked: {listed(names, 3)}: {reason}"
    if len(report.results) == 1:
        for result in report.results:
            check = result.question
            if count := len(result.findings):
                yield f"{check.title}: {count:,}, {check.severity}. What to do: {check.remedy}"
    if report.not_set_up:
        unset = ", ".join(result.question.name for result in report.not_set_up)
        yield f"Not set up, so not run: {unset}. Their pages have the `params` that they need."
    passed = sum(result.status == "passed" for result in report.results)
    if passed:
        yield "It found nothing." if len(report.results) == 1 else f"{counted(passed, 'check')} found nothing."
    yield from report.notes
