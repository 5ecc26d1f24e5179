"""Checks for agents: their pages, what a search finds of them, and the findings of a run as a value for Lua."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kosmo_kernel.docs.checks import SPACE, check_page
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.questions.discovery import all_checks, check_names, find_check, readable_checks
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text.quantities import counted, listed
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.checks.report import QuestionReport, QuestionResult
    from kosmo_kernel.questions.question import Question

CHECK = "check"  # the argument of `lua_run`
PARAMS = "params"  # that of the parameters of checks
ALL = "all"  # in place of names
MAX_ROWS, MAX_ROW_LENGTH = 3, 160  # findings of one of several checks, and characters of each
MAX_DETAILS = 6  # columns of a finding besides its key


def checks_named(names: str) -> list[Question]:
    """Return the checks with these names, which commas separate, or all of them.

    Raises:
        InvalidArgumentsError: there is no name.
        UnknownNameError: there is no check of a name.
        SettingsError: a check of the user is invalid.
    """
    words = [name.strip().removeprefix(f"{SPACE}.") for name in names.split(",") if name.strip()]
    if not words:
        raise InvalidArgumentsError(f"`{CHECK}` takes names of checks with commas between them, or `{ALL}`.")
    return all_checks() if words == [ALL] else [find_check(name) for name in dict.fromkeys(words)]


def parameters_of(checks: Sequence[Question], names: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters of a run, all of which some check has; of checks that are named, none is missing.

    Raises:
        UnknownNameError: no check has one of them.
        InvalidArgumentsError: a check that is named lacks one, or a value is of another kind.
    """
    from kosmo_kernel.checks.parameters import check_parameters, require_parameters

    check_parameters(checks, params)
    named = [] if names.strip() == ALL else checks
    require_parameters(named, params, lambda check, one: f'`{PARAMS}` with "{check.name}.{one.name}": {one.doc}')
    return params


def page(name: str) -> str | None:
    """Return the page of a check by its name alone, or the list of all checks; None for any other name."""
    short = name.strip().removeprefix(f"{SPACE}.")
    if name.strip() == f"{SPACE}.{ALL}":
        checks, mistakes = readable_checks()
        lines = (f"- `{check.name}` ({check.severity}): {check.title}" for check in checks)
        return "\n".join(["# All checks", "", *lines, *mistakes])
    if short == name.strip() and short not in check_names():
        return None
    return "\n\n".join(check_page(find_check(short)))


def value_of(report: QuestionReport) -> Records | dict[str, Any] | None:
    """Return the findings for Lua: the list of one check, or those of several by name.

    A check that could not be made at all, or that was not set up, has no list, so that nobody takes it for a pass.
    """
    lists = {one.question.name: one.records for one in report.results if one.records is not None}
    if len(report.results) > 1:
        return {name: records.rows for name, records in lists.items()}
    return next((Records([{CHECK: name, **row} for row in records]) for name, records in lists.items()), None)


def summary_of(report: QuestionReport, kept: str, room: int) -> str:
    """Return what several checks found within `room` characters, the most severe first.

    For each check: how many findings, what to do, and the first of them. Checks for which there is no room are named
    with their numbers.
    """
    found = [result for result in report.most_severe_first if result.findings]
    blocks, counts = [], [f"{result.question.name} {len(result.findings):,}" for result in found]
    for place, result in enumerate(found):
        block = _block(result, kept)
        rest = sum(map(len, counts[place + 1 :])) + 2 * len(counts[place + 1 :])
        if room < len(block) + 1 + rest:
            break
        blocks.append(block)
        room -= len(block) + 1
    left_out = counts[len(blocks) :]
    return "\n".join([*blocks, *([f"Also found: {', '.join(left_out)}"] if left_out else [])])


def _block(result: QuestionResult, kept: str) -> str:
    """Return the lines about the findings of one of several checks."""
    from kosmo_kernel.checks.finding_columns import details

    check, count = result.question, len(result.findings)
    lines = [f"{check.name} ({check.severity}): {count:,}. What to do: {check.remedy}"]
    for finding in result.findings[:MAX_ROWS]:
        more = details(finding, MAX_DETAILS)
        lines.append(shortened(f"- {finding.title}{f': {more}' if more else ''}", MAX_ROW_LENGTH))
    if count > MAX_ROWS:
        lines.append(f'- {count - MAX_ROWS:,} more in {kept}["{check.name}"]')
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
        unset = ", ".join(one.question.name for one in report.not_set_up)
        yield f"Not set up, so not run: {unset}. Their pages have the `params` that they need."
    passed = sum(result.status == "passed" for result in report.results)
    if passed:
        yield "It found nothing." if len(report.results) == 1 else f"{counted(passed, 'check')} found nothing."
    yield from report.notes
