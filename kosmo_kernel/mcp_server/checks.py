"""Checks for agents: their pages, what a search finds of them, and the findings of a run as a value for Lua."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kosmo_kernel.docs.checks import SPACE, check_page
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.questions.head import CHECK as CHECK_HEAD
from kosmo_kernel.questions.head import parse_question
from kosmo_kernel.text.quantities import counted
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.checks import Check, CheckReport
    from kosmo_kernel.docs.search import SearchEntry

CHECK = "check"  # the argument of `lua_run`
PARAMS = "params"  # that of the parameters of checks
ALL = "all"  # in place of names
MAX_LISTED = 250  # characters of names in one note
MAX_DETAILS = 6  # columns of a finding that stand in one text


def checks_named(names: str) -> list[Check]:
    """Return the checks with these names, which commas separate, or all of them.

    Raises:
        InvalidArgumentsError: there is no name.
        UnknownNameError: there is no check of a name.
        SettingsError: a check of the user is invalid.
    """
    from kosmo_kernel.checks import all_checks, find_check

    words = [name.strip().removeprefix(f"{SPACE}.") for name in names.split(",") if name.strip()]
    if not words:
        raise InvalidArgumentsError(f"`{CHECK}` takes names of checks with commas between them, or `{ALL}`.")
    return all_checks() if words == [ALL] else [find_check(name) for name in dict.fromkeys(words)]


def parameters_of(checks: Sequence[Check], names: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
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
    """Return the page of a check of the user, or the list of all checks; None for any other name.

    Raises:
        UnknownNameError: the name is one of a check's page, and there is no such check.
        SettingsError: a check of the user is invalid.
    """
    from kosmo_kernel.checks import all_checks, find_check
    from kosmo_kernel.checks.discovery import check_names

    short = name.strip().removeprefix(f"{SPACE}.")
    if name.strip() == f"{SPACE}.{ALL}":
        lines = (f"- `{check.name}` ({check.severity}): {check.title}" for check in all_checks())
        return "\n".join(["# All checks", "", *lines])
    if short == name.strip() and short not in check_names():
        return None
    check = find_check(short)
    return "\n\n".join(check_page(parse_question(check.source, check.file, CHECK_HEAD)))


def own_entries() -> Iterator[SearchEntry]:
    """Yield what is searched of the checks of the user's folder.

    Raises:
        SettingsError: one of them, or the settings, are invalid.
    """
    from kosmo_kernel.checks import all_checks
    from kosmo_kernel.docs.search import check_entry

    for check in all_checks():
        if not check.is_shipped:
            yield check_entry(parse_question(check.source, check.file, CHECK_HEAD))


def rows_of(report: CheckReport) -> Records:
    """Return the findings as a list for Lua, the most severe first.

    Those of one check have its columns. Those of several have other columns each, which would make a table with many
    empty cells, so they are in one column there.
    """
    from kosmo_kernel.checks import SEVERITIES
    from kosmo_kernel.checks.finding_columns import details

    findings = sorted(report.findings, key=lambda finding: -SEVERITIES.index(finding.severity))
    if len(report.results) == 1:
        return Records([{CHECK: finding.check.name, **finding.record} for finding in findings])
    return Records(
        [
            {
                CHECK: one.check.name,
                "severity": one.severity,
                "finding": one.title,
                "details": details(one, MAX_DETAILS),
            }
            for one in findings
        ]
    )


def not_checked(report: CheckReport) -> str:
    """Return a line that says how many checks were not made, so that no empty list is taken for a pass."""
    number = len(report.not_checked)
    return (
        f"{number} of {counted(len(report.results), 'check')} could not be made, or not for everything."
        if number
        else ""
    )


def notes_of(report: CheckReport) -> Iterator[str]:
    """Yield what to say about a run: the reasons of what was not checked, the checks that found something, the others.

    Each note has few enough names to be shown whole.
    """
    for reason, results in report.reasons.items():
        names = [result.check.name for result in results]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"Not checked: {', '.join(names[:3])}{more}: {reason}"
    found = [(result.check, len(result.findings)) for result in report.results if result.findings]
    if len(report.results) == 1:
        for check, count in found:
            yield f"{check.title}: {count:,}, {check.severity}. What to do: {check.remedy}"
    else:
        yield from _chunks("Found by ", [f"{check.name} {count:,}" for check, count in found])
    if report.not_set_up:
        unset = ", ".join(one.check.name for one in report.not_set_up)
        yield f"Not set up, so not run: {unset}. Their pages have the `params` that they need."
    passed = sum(result.status == "passed" for result in report.results)
    if passed:
        yield "It found nothing." if len(report.results) == 1 else f"{counted(passed, 'check')} found nothing."
    yield from report.notes


def _chunks(label: str, items: Iterable[str]) -> Iterator[str]:
    """Yield lists of items that are short enough for a note."""
    line = ""
    for item in items:
        if line and len(line) + len(item) > MAX_LISTED:
            yield f"{label}{line}"
            line = ""
        line += f"{', ' if line else ''}{item}"
    if line:
        yield f"{label}{line}"
