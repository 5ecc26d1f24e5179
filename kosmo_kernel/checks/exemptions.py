"""Findings that do not fail a run: those that a file accepts until a day, and those of an earlier state.

    [[accept]]
    check = "crashed-dynos"
    key = { app = "my-app", name = "web.1" }
    reason = "The shop is being rebuilt."
    last_day = 2026-12-31

The key has the columns that the head of the check names, so that an exception is for one finding, and never for all
that a check finds. Mistakes in a file are told together, and before anything is sent.

Findings of two runs are the same if their check and their key are. A key with a fingerprint of a secret is compared
without it if the two runs have fingerprints of different keys, because then no fingerprint is in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel.checks.report import Acceptance, Finding, QuestionReport, QuestionResult, key_text, mentions, names_of
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions.question import Question
from kosmo_kernel.reader.documents import parse_toml
from kosmo_kernel.safety.intake import decode_text, read_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text import FINGERPRINT, counted, nearest

# Accepted findings --------------------------------------------------------------------------------------

ENTRIES = "accept"  # the name of the tables
CHECK, KEY, REASON, LAST_DAY = "check", "key", "reason", "last_day"
MAX_BYTES = 4 << 20  # of a file with exceptions
MAX_MISTAKES = 20  # that one message names

_FIELDS = (CHECK, KEY, REASON, LAST_DAY)
_BEGINNING = re.compile(rf"^[ \t]*\[\[[ \t]*[\"']?{ENTRIES}[\"']?[ \t]*\]\]", re.MULTILINE)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Exemption(NamedTuple):
    """An entry of the file."""

    check: str  # the name of the check
    key: Mapping[str, str]  # that of the finding
    acceptance: Acceptance  # why and until when it is accepted
    where: str = ""  # the file and line

    @property
    def identity(self) -> tuple[str, ...]:
        """The check and the values of the key, in the order of its columns."""
        return self.check, *self.key.values()


def read_acceptances(file: Path, checks: Iterable[Question]) -> list[Exemption]:
    """Read a file of accepted findings.

    Parameters:
        file: the file.
        checks: all checks that there are.

    Raises:
        SettingsError: it cannot be read, or it has mistakes; the message names the first `MAX_MISTAKES`.
    """
    text = decode_text(read_file(file, SettingsError, most=MAX_BYTES), file, SettingsError)
    table = parse_toml(file, text)
    entries = table.pop(ENTRIES, [])
    if table or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        other = next((f", and no `{one_line(name, most=40)}`" for name in table), "")
        raise SettingsError(f"{file} has tables `[[{ENTRIES}]]`{other}. `kosmo docs checks` shows one.")
    by_name = {check.name: check for check in checks}
    mistakes: list[str] = []
    read: dict[tuple[str, ...], Exemption] = {}
    for entry, where in zip(entries, entry_lines(file, text, len(entries)), strict=True):
        problems = [f"{where}: {mistake}" for mistake in islice(_mistakes(entry, by_name), MAX_MISTAKES + 1)]
        if not problems:
            exemption = _exemption(entry, by_name, where)
            earlier = read.setdefault(exemption.identity, exemption)
            problems = [] if earlier is exemption else [f"{where}: the finding is accepted in {earlier.where} already."]
        mistakes += problems
        if len(mistakes) > MAX_MISTAKES:
            mistakes[MAX_MISTAKES:] = ["… and more"]
            break
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return list(read.values())


def entry_lines(file: Path, text: str, count: int) -> list[str]:
    """Return the file and line of each entry, or its number if the lines cannot be told."""
    starts = [match.start() for match in _BEGINNING.finditer(text)]
    lines = list(accumulate((text.count("\n", *part) for part in pairwise([0, *starts])), initial=1))[1:]
    if len(lines) == count:
        return [f"{file}:{line}" for line in lines]
    return [f"{file}, entry {number}" for number in range(1, count + 1)]


def _mistakes(entry: Mapping[str, Any], checks: Mapping[str, Question]) -> Iterator[str]:
    """Yield what is wrong with an entry, as sentences."""
    for name in entry:
        if name not in _FIELDS:
            near = nearest(name, _FIELDS, most=1)
            advice = f"Did you mean `{near[0]}`?" if near else f"It has {', '.join(_FIELDS)}."
            yield f"an exception has no `{one_line(name, most=40)}`. {advice}"
    check = entry.get(CHECK)
    if not isinstance(check, str):
        yield f"`{CHECK}` is missing: the name of a check."
    elif check not in checks:
        near = nearest(check, checks)
        advice = f" Did you mean {' or '.join(near)}?" if near else ""
        yield f"there is no check `{one_line(check, most=60)}`.{advice}"
    else:
        yield from _key_mistakes(entry.get(KEY), checks[check])
    reason = entry.get(REASON)
    if not isinstance(reason, str) or not reason.strip():
        yield f"`{REASON}` is missing: a sentence that says why the finding is accepted."
    if LAST_DAY not in entry:
        yield f"`{LAST_DAY}` is missing: a date, such as 2026-12-31, after which the finding counts again."
    elif _date(entry[LAST_DAY]) is None:
        yield f"`{LAST_DAY}` is a date, such as 2026-12-31, got {one_line(str(entry[LAST_DAY]), most=40)}."


def _key_mistakes(key: Any, check: Question) -> Iterator[str]:
    columns = _flat(key) if isinstance(key, dict) else {}
    if set(columns) != set(check.key) or any(isinstance(value, list) for value in columns.values()):
        columns_of_key = (name if _BARE_KEY.fullmatch(name) else json.dumps(name) for name in check.key)
        example = ", ".join(f'{name} = "…"' for name in columns_of_key)
        names = one_line(", ".join(columns), most=80) or "nothing"
        yield f"a finding of {check.name} is identified by `{KEY} = {{ {example} }}`, got {names}."


def _exemption(entry: Mapping[str, Any], checks: Mapping[str, Question], where: str) -> Exemption:
    check, columns, last_day = checks[entry[CHECK]], _flat(entry[KEY]), _date(entry[LAST_DAY])
    if last_day is None:
        raise ValueError(f"{entry[LAST_DAY]!r} is no date")
    key = {column: key_text(columns[column]) for column in check.key}
    return Exemption(check.name, key, Acceptance(" ".join(entry[REASON].split()), last_day), where)


def _flat(key: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return the values of a key by column: TOML reads `app.name = "x"` as a table in a table."""
    columns: dict[str, Any] = {}
    for name, value in key.items():
        columns |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return columns


def _date(value: Any) -> date | None:
    """Return a date of TOML or a text that is one; None for anything else, such as a time."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def accept(report: QuestionReport, exemptions: Sequence[Exemption]) -> None:
    """Mark the findings of a report that are accepted on its day, and add notes on exceptions that are not needed.

    Parameters:
        report: the report.
        exemptions: the entries of the file; those for checks that were not run do nothing.
    """
    today = report.now.date()
    results = {result.question.name: result for result in report.results}
    findings: dict[tuple[str, ...], list[Finding]] = {}
    for finding in report.findings:
        findings.setdefault((finding.check.name, *finding.key.values()), []).append(finding)
    unused = []
    for exemption in exemptions:
        matching = findings.get(exemption.identity, [])
        for finding in matching:
            if today > exemption.acceptance.last_day:
                finding.expired = exemption.acceptance
            else:
                finding.accepted = exemption.acceptance
        result = results.get(exemption.check)
        if not matching and result is not None and not result.reason and not result.setup:
            unused.append(exemption)
    expired = sum(finding.expired is not None for finding in report.findings)
    if expired:
        again = "counts again: the last day of its exception" if expired == 1 else "count again: their last day"
        report.notes.append(f"{counted(expired, 'finding')} {again} is over.")
    report.notes += [
        f"{entry.where}: this exception is not needed: {entry.check} does not find {', '.join(entry.key.values())}."
        for entry in unused
    ]


# Findings of an earlier state ---------------------------------------------------------------------------


def compare(report: QuestionReport, earlier: QuestionReport, name: str) -> None:
    """Mark the findings of a report that are new, and add those that are gone, and notes on what cannot be compared.

    Parameters:
        report: the report.
        earlier: that of the same checks on an earlier state.
        name: what to call the earlier state, such as its folder.
    """
    report.against = f"{name} ({earlier.now.strftime('%Y-%m-%d %H:%M')} UTC)"
    before = {result.question.name: result for result in earlier.results}
    key_ids, key_ids_before = (_key_ids(state.findings) for state in (report, earlier))
    by_names = bool(key_ids and key_ids_before and key_ids != key_ids_before)
    if by_names:
        report.notes.append(
            "The fingerprints of the two states are of different keys, so their findings are compared by names only. "
            "Set KOSMO_FINGERPRINT_KEY to the same value for both."
        )

    def identity(finding: Finding) -> tuple[str, ...]:
        return tuple(value for value in finding.key.values() if not (by_names and FINGERPRINT.fullmatch(value)))

    for result in report.results:
        old = before.get(result.question.name)
        if old is None:
            continue
        before_keys, present = ({*map(identity, state.findings)} for state in (old, result))
        for finding in result.findings:
            finding.is_new = identity(finding) not in before_keys
        resolved = (finding for finding in old.findings if identity(finding) not in present)
        result.resolved = [finding for finding in resolved if _is_readable(finding, result)]
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


def _key_ids(findings: Iterable[Finding]) -> set[str]:
    """Return the ids of the keys of all fingerprints in the keys of findings."""
    return {
        value.partition(":")[0]
        for finding in findings
        for value in finding.key.values()
        if FINGERPRINT.fullmatch(value)
    }
