"""Turn the result of a question's run into its rows and findings, or into the reason why it could not be asked.

Nothing that is missing may look like a pass. A call that failed makes the whole check "not checked", even if its Lua
went on. Items of a list argument that the token may not read are named, and findings that name one of them are
withdrawn, because the gap may have caused them. Findings that name an app which was deleted while the checks ran are
left out, too; there is nothing left to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kosmo_kernel.catalogue import Column
from kosmo_kernel.checks.report import Finding, QuestionResult, key_of
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, LuaError, UnknownFieldError, UnknownNameError
from kosmo_kernel.questions.question import Question
from kosmo_kernel.results.result import Result, deletion_notes
from kosmo_kernel.run.call_tracker import MAX_FAILURES_KEPT
from kosmo_kernel.text.quantities import counted
from kosmo_kernel.values.records import FAILURE_FIELDS, Record, Records

_MISTAKES = (InvalidArgumentsError, LuaError, UnknownFieldError, UnknownNameError)  # in the Lua of a check
_ADVICE = "Return the list of findings, {} for none."


def outcome_of(
    question: Question, values: Mapping[str, Any], result: Result | None, error: KosmoError | None = None
) -> QuestionResult:
    """Return the outcome of a question.

    Parameters:
        question: the question.
        values: the values of its parameters.
        result: the result of its run; None if it did not run.
        error: the error that ended it, or None.
    """
    outcome = QuestionResult(question, parameters=values, error=error)
    if result is not None:
        outcome.output, outcome.seconds, outcome.unread = result.output, result.seconds, result.failures
        outcome.deleted = result.deleted
        elsewhere = {*result.unread, *deletion_notes(result.deleted)}
        outcome.notes = [note for note in result.notes if note not in elsewhere]
    if error is not None:
        outcome.reasons = [_reason(question, error)]
    elif result is not None:
        outcome.reasons = (_fill if question.severity else _fill_table)(outcome, result)
    return outcome


def leave_out_deleted(results: Sequence[QuestionResult]) -> list[str]:
    """Remove findings that name an item which was deleted while the checks ran, and return the notes on these items.

    Another check may have read the item before.
    """
    deleted: list[dict[str, Any]] = []
    for result in results:
        deleted += [row for row in result.deleted if row not in deleted]
    if names := frozenset(names_of(deleted)):
        for result in results:
            result.findings = [one for one in result.findings if not mentions(one.record, names)]
            if result.records is not None:
                indexes = [index for index, row in enumerate(result.records) if not mentions(row, names)]
                result.records = result.records.take(indexes)
    return deletion_notes(deleted)


def _reason(question: Question, error: KosmoError) -> str:
    """Return the message of an error; the line of the check is in it only if the check itself is wrong."""
    message = error.message.removeprefix(f"{question.chunk_name}:{error.line}: ")
    return f"line {error.line}: {message}" if isinstance(error, _MISTAKES) and error.line else message


def _fill_table(outcome: QuestionResult, result: Result) -> Sequence[str]:
    """Add the rows that a table returned, and return what could not be read of it."""
    table = outcome.question
    rows, failures = result.values
    columns = [Column(name, name, main=name in (table.page or table.key)) for name in table.columns]
    outcome.records = Records(rows.rows if isinstance(rows, Records) else [], columns=tuple(columns))
    outcome.unread = list(failures)
    return result.unread


def _fill(outcome: QuestionResult, result: Result) -> Sequence[str]:
    """Add the findings that a check returned, and return why it is not checked, or not for everything."""
    failed = next((call.error for call in result.calls if call.status == "error"), None)
    if failed is not None:
        return [failed]
    if len(result.failures) >= MAX_FAILURES_KEPT:
        return [f"{counted(len(result.failures), 'item')} or more could not be read."]
    records, reason = _records(outcome.question, result.value)
    if reason:
        return [reason]
    unread = frozenset(names_of(result.failures))
    indexes = [index for index, row in enumerate(records) if not (unread and mentions(row, unread))]
    outcome.withdrawn = len(records) - len(indexes)
    outcome.records = records.take(indexes) if outcome.withdrawn else records
    keys = (key_of(row, outcome.question.key) for row in outcome.records)
    rows = zip(outcome.records, keys, strict=True)
    outcome.findings = [Finding(outcome.question, row, key) for row, key in rows if key is not None]
    unstated = dict.fromkeys(call.path.partition(".")[2] for call in result.calls if call.is_unstated)
    return [*result.unread, *(f"nobody says whether `{name}` is complete" for name in unstated)]


def _records(check: Question, value: Any) -> tuple[Records, str]:
    """Return the findings that a check returned as a list, and what is wrong with them, or an empty text."""
    if isinstance(value, (list, dict)) and not value:  # an empty table of Lua may be either
        value = Records([])
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        value = Records(value)
    if not isinstance(value, Records):
        return Records([]), f"It returned {_described(value)}. {_ADVICE}"
    for number, row in enumerate(value, 1):
        if key_of(row, check.key) is None:
            columns, has = ", ".join(check.key), ", ".join(map(str, row)) or "none"
            return Records([]), f"Each finding needs the columns of `key`: {columns}. Number {number} has {has}."
    return value, ""


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


def _described(value: Any) -> str:
    if isinstance(value, (dict, Record)):
        return "one table and no list"
    if isinstance(value, list):
        return "a list of other values than tables"
    kinds = {type(None): "nothing", bool: "a boolean", int: "a number", float: "a number", str: "a text"}
    return kinds.get(type(value), "something else")
