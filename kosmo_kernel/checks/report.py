"""The outcome of questions: the rows of each, the findings of a check, what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, Literal, NamedTuple

from msgspec import Struct, field

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.questions.question import SEVERITIES, Question
from kosmo_kernel.render.tables import Table, column_kind, times_of
from kosmo_kernel.render.text import escape_control, format_column
from kosmo_kernel.results import CallRecord, lists_read, store_facts, texts_of_lists
from kosmo_kernel.text import counted, iso_time, value_at
from kosmo_kernel.values.records import FAILURE_FIELDS, MISSING, Records

Status = Literal["passed", "findings", "not checked", "not set up"]
PASSED, FINDINGS, NOT_CHECKED = 0, 1, 3  # exit codes of `kosmo check`; 2 is a command that was called wrongly
_NAME_FIELDS = ("name", "email", "id")  # of a record that a finding refers to, in the order of preference


class Acceptance(NamedTuple):
    """An exception for one finding."""

    reason: str  # why it is accepted
    last_day: date  # the last day on which it is

    @property
    def period(self) -> str:
        """The last day and the reason, to go on from `accepted`."""
        return f"until {self.last_day.isoformat()}: {self.reason}"


class Finding(Struct):
    """One finding of a check."""

    check: Question
    record: Mapping[str, Any]  # its columns
    key: dict[str, str]  # the columns that identify it, as texts: the same on every day on which the same is found
    accepted: Acceptance | None = None  # why and until when it is accepted
    expired: Acceptance | None = None  # an exception for it whose last day is over, so that it counts again
    is_new: bool | None = None  # whether an earlier state did not have it; None if it was not compared with one

    @property
    def severity(self) -> str:
        """The severity of its check."""
        return self.check.severity

    @property
    def counts(self) -> bool:
        """Return whether it can fail a run: it is not accepted, and an earlier state did not have it either."""
        return self.accepted is None and self.is_new is not False

    @property
    def remarks(self) -> list[str]:
        """Remarks besides its columns: new, accepted, no longer accepted."""
        state = {None: "", True: "new", False: "still there"}[self.is_new]
        accepted = f"accepted {self.accepted.period}" if self.accepted else ""
        expired = f"was accepted {self.expired.period}" if self.expired else ""
        return [remark for remark in (state, accepted, expired) if remark]

    @property
    def title(self) -> str:
        """The values of its key on one line, whatever they contain: `my-app, web.1`."""
        return escape_control(", ".join(self.key.values()))


class QuestionResult(Struct):
    """The outcome of one question."""

    question: Question
    findings: list[Finding] = field(default_factory=list)  # what a check found
    reasons: Sequence[str] = ()  # why it could not be asked, or not of everything
    error: KosmoError | None = None  # the error that ended it
    unread: list[dict[str, Any]] = field(default_factory=list)  # the lists and items that could not be read
    deleted: list[dict[str, Any]] = field(default_factory=list)  # as `Result.deleted` has them
    withdrawn: int = 0  # findings that name an item that could not be read, and are left out
    records: Records | None = None  # the rows with their columns; None if it could not be asked
    parameters: Mapping[str, Any] = field(default_factory=dict)  # the values of its parameters
    calls: Sequence[CallRecord] = ()  # the calls that it made
    # The options that set what it is about, if nobody set it: then it was not asked, and says nothing.
    setup: list[str] = field(default_factory=list)
    output: str = ""  # what it printed
    notes: list[str] = field(default_factory=list)  # for the user, one line each
    resolved: list[Finding] = field(default_factory=list)  # the findings of an earlier state that are there no longer
    seconds: float = 0.0  # its duration, including waiting

    @property
    def looked_at(self) -> dict[str, int]:
        """The number of records of each list that it read, see `lists_read`."""
        return lists_read(self.calls)

    @property
    def reason(self) -> str:
        """Why it could not be asked, or not of everything; empty if it was."""
        return "; ".join(self.reasons)

    @property
    def counting(self) -> list[Finding]:
        """The findings that can fail a run."""
        return [finding for finding in self.findings if finding.counts]

    @property
    def status(self) -> Status:
        """`not set up`; else `findings` if some count, `not checked` if something could not be checked, or `passed`."""
        if self.setup:
            return "not set up"
        return "findings" if self.counting else "not checked" if self.reason else "passed"

    @property
    def explanation(self) -> str:
        """The reason, and how many findings are left out because of it; empty if the check was made."""
        return self.reason + left_out(self.withdrawn)


class QuestionReport(Struct):
    """The outcome of a run of questions."""

    account: str  # its alias
    started: datetime  # in UTC
    now: datetime  # the time of the data, from which ages are counted
    results: list[QuestionResult] = field(default_factory=list)  # in the order of the questions
    cost: ProgressSnapshot | None = None  # the calls and requests of the whole run; None if there were none
    against: str = ""  # the earlier state that it was compared with, in words
    notes: list[str] = field(default_factory=list)  # for the user about the whole run, one line each
    # The number of answers that were taken over from earlier runs, and the time of the oldest.
    taken_over: dict[str, Any] = field(default_factory=dict)
    unwritten: list[str] = field(default_factory=list)  # for each file that it could not be written to, the error
    interrupted: bool = False
    seconds: float = 0.0
    from_store: int = 0  # the number of answers that the session had kept
    read_at: datetime | None = None  # when the oldest answer was read; None for no answer
    age_note: str = ""  # what says how old that answer is, if it is old

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings, accepted ones included."""
        return (finding for result in self.results for finding in result.findings)

    @property
    def most_severe_first(self) -> list[QuestionResult]:
        """The results by severity; those of the same severity keep their order."""
        return sorted(self.results, key=lambda result: -SEVERITIES.index(result.question.severity))

    @property
    def not_checked(self) -> list[QuestionResult]:
        """The results of checks that could not be made, or not for everything."""
        return [result for result in self.results if result.reason]

    @property
    def not_set_up(self) -> list[QuestionResult]:
        """The results of checks that were not run, because nobody set what they are about."""
        return [result for result in self.results if result.setup]

    @property
    def reasons(self) -> dict[str, list[QuestionResult]]:
        """The results of these checks by the reason."""
        by_reason: dict[str, list[QuestionResult]] = {}
        for result in self.not_checked:
            by_reason.setdefault(result.reason, []).append(result)
        return by_reason

    @property
    def counts(self) -> dict[str, int]:
        """The number of checks by outcome, and of findings by severity, if they count."""
        by_status = Counter(result.status for result in self.results)
        by_severity = Counter(finding.severity for result in self.results for finding in result.counting)
        findings = list(self.findings)
        return {
            "checks": len(self.results),
            "passed": by_status["passed"],
            "not_checked": len(self.not_checked),
            "not_set_up": by_status["not set up"],
            "findings": sum(by_severity.values()),
            **{severity: by_severity[severity] for severity in reversed(SEVERITIES)},
            "accepted": sum(finding.accepted is not None for finding in findings),
            "still_there": sum(finding.is_new is False and not finding.accepted for finding in findings),
            "gone": sum(len(result.resolved) for result in self.results),
        }

    def exit_code(self, fail_on: str = SEVERITIES[0]) -> int:
        """Return the exit code of `kosmo check`; `fail_on` is the lowest severity that counts."""
        if any(finding.counts and fails_on(finding.severity, fail_on) for finding in self.findings):
            return FINDINGS
        return NOT_CHECKED if self.not_checked or self.unwritten else PASSED


def looked_at(results: Sequence[QuestionResult]) -> list[str]:
    """Return the number of records of each list that questions read: `19 apps`, `0 addons`."""
    return texts_of_lists(counts_looked_at(results))


def counts_looked_at(results: Sequence[QuestionResult]) -> dict[str, int]:
    """Return the number of records of each list that questions read, those without records included."""
    counts: dict[str, int] = {}
    for result in results:
        counts |= {list_name: max(number, counts.get(list_name, 0)) for list_name, number in result.looked_at.items()}
    return counts


def fails_on(severity: str, lowest: str) -> bool:
    """Return whether a severity is at least as high as the lowest one that fails a run."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(lowest)


def left_out(withdrawn: int) -> str:
    """Return how many findings are left out, to go on after the reason; empty for none."""
    return f" (left out, because they may be due to that: {counted(withdrawn, 'finding')})" if withdrawn else ""


def key_text(value: str | float | bool) -> str:
    """Return a value of a key as text."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def field_of(record: Mapping[str, Any], column: str) -> Any:
    """Return a field of a record, or a field of a field (`app.name`); None if there is none."""
    return record[column] if column in record else value_at(record, column)


def key_of(record: Mapping[str, Any], columns: Sequence[str]) -> dict[str, str] | None:
    """Return the values of a finding's key as texts, by column; None if it lacks one of the columns."""
    key = {}
    for column in columns:
        value = field_of(record, column)
        if isinstance(value, Mapping):  # a record that refers to an app, a plan or a person
            value = next((value[name] for name in _NAME_FIELDS if value.get(name)), None)
        if value is None or isinstance(value, (list, Mapping)):
            return None
        key[column] = key_text(value)
    return key


def names_of(failures: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Yield the names of the items that could not be read: the first value of each row that is about an item."""
    firsts = (next(iter(row.items()), ("", None)) for row in failures)
    return (str(value) for name, value in firsts if value is not None and name != FAILURE_FIELDS[0].name)


def mentions(value: Any, names: frozenset[str]) -> bool:
    """Return whether a finding names one of some items, at any depth."""
    if isinstance(value, Mapping):
        return any(mentions(item, names) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(mentions(item, names) for item in value)
    return isinstance(value, str) and value in names


# JSON ---------------------------------------------------------------------------------------------------


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
        **store_facts(report.from_store, report.read_at),
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
            {"name": each.name, "default": each.value, "required": each.required, "description": each.doc}
            for each in check.parameters
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
        "gone": [{"key": finding.key} for finding in result.resolved],
        "unread": result.unread,
        "withdrawn": result.withdrawn,
        "looked_at": result.looked_at,
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


def _acceptance(acceptance: Acceptance | None) -> dict[str, str] | None:
    return {"reason": acceptance.reason, "last_day": acceptance.last_day.isoformat()} if acceptance else None


def _time(moment: datetime) -> str:
    return iso_time(moment.astimezone(UTC))


# The findings of one check as a table -------------------------------------------------------------------

_LABELS = ("name", "email")  # the field that stands for a record that a finding refers to


def finding_table(findings: Sequence[Finding]) -> Table:
    """Return all columns of findings of one check, of which the main ones are facts: they have a value and no ids."""
    key = findings[0].check.key
    names = dict.fromkeys(key)
    fields_of_fields = {name.partition(".")[0] for name in names if "." in name}
    for finding in findings:
        names.update(dict.fromkeys(name for name in finding.record if name not in fields_of_fields))
    columns = {name: _values(findings, name) for name in names}
    facts = [name for name, values in columns.items() if _is_fact(name, values, key)]
    order = list(dict.fromkeys([*facts, *names]))
    return Table(order, [columns[name] for name in order], len(findings), main=frozenset(facts), key=key)


def details(finding: Finding, most: int | None = None) -> str:
    """Return the columns of a finding besides its key on one line, those that have a value: `size Eco, hours 50`.

    Parameters:
        finding: the finding.
        most: the maximum number of columns; all when None. Ids are the last.
    """
    table = finding_table([finding])
    parts = (
        f"{escape_control(name)} {format_column(values)[0]}"
        for name, values in zip(table.names, table.columns, strict=True)
        if name not in table.key and _is_there(values[0])
    )
    return ", ".join(islice(parts, most))


def _values(findings: Sequence[Finding], name: str) -> list[Any]:
    """Return the value of each finding in a column: the text of the key, the name of a record, or the value itself."""
    values = [_value(finding, name) for finding in findings]
    return times_of(values) or values


def _value(finding: Finding, name: str) -> Any:
    if name in finding.key:
        return finding.key[name]
    value = field_of(finding.record, name)
    label = next((value[field] for field in _LABELS if value.get(field)), None) if isinstance(value, Mapping) else None
    return value if label is None else label


def _is_fact(name: str, values: Sequence[Any], key: Sequence[str]) -> bool:
    return any(map(_is_there, values)) and column_kind(name, values, key) != "id"


def _is_there(value: Any) -> bool:
    return type(value) not in MISSING and value not in ("", [], {})
