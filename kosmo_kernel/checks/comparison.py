"""Compare the findings of two runs of the same checks, so that an old state of things does not fail a run for ever.

Findings are the same if their check and their key are. A key with a fingerprint of a secret is compared without it if
the two runs have fingerprints of different keys, because then no fingerprint is in both.
"""

from __future__ import annotations

from collections.abc import Iterable

from kosmo_kernel.accounts.fingerprints import FINGERPRINT
from kosmo_kernel.checks.outcome import mentions, names_of
from kosmo_kernel.checks.report import Finding, QuestionReport, QuestionResult

_Identity = tuple[str, ...]


def compare(report: QuestionReport, earlier: QuestionReport, name: str) -> None:
    """Mark the findings of a report that are new, and add those that are gone, and notes on what cannot be compared.

    Parameters:
        report: the report.
        earlier: that of the same checks on an earlier state.
        name: what to call the earlier state, such as its folder.
    """
    report.against = f"{name} ({earlier.now.strftime('%Y-%m-%d %H:%M')} UTC)"
    before = {result.question.name: result for result in earlier.results}
    key_ids, key_ids_before = (_key_ids(one.findings) for one in (report, earlier))
    by_names = bool(key_ids and key_ids_before and key_ids != key_ids_before)
    if by_names:
        report.notes.append(
            "The fingerprints of the two states are of different keys, so their findings are compared by names only. "
            "Set KOSMO_FINGERPRINT_KEY to the same value for both."
        )
    for result in report.results:
        old = before.get(result.question.name)
        if old is None:
            continue
        known = {_identity(finding, by_names=by_names) for finding in old.findings}
        present = {_identity(finding, by_names=by_names) for finding in result.findings}
        for finding in result.findings:
            finding.is_new = _identity(finding, by_names=by_names) not in known
        result.gone = [
            finding
            for finding in old.findings
            if _identity(finding, by_names=by_names) not in present and _is_readable(finding, result)
        ]
        if old.reason and any(finding.is_new for finding in result.findings):
            name = result.question.name
            report.notes.append(
                f"{name} could not be made for all of the earlier state, so a finding that counts as new "
                f"may be old: {old.reason}"
            )


def _is_readable(finding: Finding, result: QuestionResult) -> bool:
    """Return whether the check could have found the finding again: it could be made, and read what the finding names.

    Parameters:
        finding: a finding of the earlier state.
        result: the result of its check now.
    """
    if result.records is None:
        return False
    return not mentions(finding.record, frozenset(names_of(result.unread)))


def _identity(finding: Finding, *, by_names: bool) -> _Identity:
    return tuple(value for value in finding.key.values() if not (by_names and FINGERPRINT.fullmatch(value)))


def _key_ids(findings: Iterable[Finding]) -> set[str]:
    """Return the ids of the keys of all fingerprints in the keys of findings."""
    return {
        value.partition(":")[0]
        for finding in findings
        for value in finding.key.values()
        if FINGERPRINT.fullmatch(value)
    }
