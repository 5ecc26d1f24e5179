"""Run questions over one account, one after the other, all with the same answers.

Shipped questions run in one Lua state, those of the user in another. Each sees the library as it was before any of them
ran. Both states have the same services (`calls/shared_services.py`), so that each list is requested once. A thread runs
the questions; the thread that called shows the progress, and ends the run when it is interrupted.

Nothing that is missing may look like a pass. A call that failed makes the whole check "not checked", even if its Lua
went on. Items of a list argument that the token may not read are named, and findings that name one of them are
withdrawn, because the gap may have caused them. Findings that name an app which was deleted while the checks ran are
left out, too; there is nothing left to check.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts
from kosmo_kernel.archive.snapshots import SavedSnapshot, add_figures
from kosmo_kernel.calls.call_tracker import MAX_FAILURES_KEPT
from kosmo_kernel.calls.output import NO_FRONTEND, Frontend
from kosmo_kernel.catalogue import Column
from kosmo_kernel.checks.parameters import check_parameters, setup_options, values_for
from kosmo_kernel.checks.report import Finding, QuestionReport, QuestionResult, key_of, mentions, names_of
from kosmo_kernel.errors import (
    InvalidArgumentsError,
    KosmoError,
    LuaError,
    StoppedError,
    UnknownFieldError,
    UnknownNameError,
)
from kosmo_kernel.progress.display import ProgressThrottle
from kosmo_kernel.questions import services
from kosmo_kernel.questions.discovery import all_checks, find_table, source_with_tables
from kosmo_kernel.questions.question import Question
from kosmo_kernel.results import Result, deletion_notes
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.text import counted
from kosmo_kernel.values.records import Record, Records

if TYPE_CHECKING:
    from kosmo_kernel.calls.shared_services import FindGaps, SharedServices

# The run ------------------------------------------------------------------------------------------------

POLL_INTERVAL_SECONDS = 0.1  # between two looks at the progress
NOT_BEGUN = "The run was interrupted before it was made."
_ARGUMENTS = "kosmo_arguments"  # the Lua variable that has the arguments of a table
_FUNCTION = re.compile(r"(?:get|list)_\w+")


class QuestionRun:
    """A run of the questions of a report whose results are empty so far; those that are not set up are not run.

    Parameters:
        report: the report.
        shared: the services of all questions.
        frontend: gets the progress of the whole run.
    """

    def __init__(self, report: QuestionReport, shared: SharedServices, frontend: Frontend) -> None:
        self._report, self._shared, self._frontend = report, shared, frontend
        # The questions of each Lua state: what a user has written cannot change what shipped questions see.
        results = [result for result in report.results if not result.setup]
        self._states = [[result for result in results if result.question.is_shipped is own] for own in (True, False)]
        self._waiting = [result for state in self._states for result in state]
        self._session: Session | None = None  # that runs questions
        self._lock = threading.Lock()
        self._crash: BaseException | None = None  # an unexpected error in the thread
        shared.needed_later = self._needed_later

    def run(self, is_cancelled: Callable[[], bool]) -> None:
        """Run the questions in a thread, until all have ended or the run is interrupted, and complete the report."""
        started = time.perf_counter()
        thread = threading.Thread(target=self._work, name="kosmo-questions", daemon=True)
        throttle = ProgressThrottle(self._shared.progress.snapshot, self._frontend.progress)
        remote = not accounts.is_demo(self._report.account)
        try:
            thread.start()
            while thread.is_alive():
                since = time.monotonic()
                thread.join(POLL_INTERVAL_SECONDS)
                throttle.waited(since, remote=remote)
                if is_cancelled() and not self._report.interrupted:
                    self._interrupt()
        except KeyboardInterrupt:
            self._interrupt()
        finally:
            self._end(thread)
        if self._crash is not None:
            raise self._crash
        for result in self._waiting:
            _complete(result, None, StoppedError(NOT_BEGUN))
        self._shared.progress.cancel()
        cost = self._shared.progress.snapshot()
        if cost.total:
            self._report.cost = cost
            throttle.end(cost)
        self._report.seconds = time.perf_counter() - started

    def _work(self) -> None:
        """Run the questions of each state one after the other. One that fails does not end the others."""
        try:
            for results in filter(None, self._states):
                with Session(self._report.account, shared=self._shared) as session:
                    for result in results:
                        with session.expecting_run():
                            with self._lock:
                                self._session = session
                                if self._report.interrupted:
                                    return
                            self._run(result, session)
                            self._waiting.remove(result)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that called
            self._crash = error

    def _run(self, outcome: QuestionResult, session: Session) -> None:
        """Run one question, and complete its result."""
        (source, inputs), question, now = _chunk(outcome), outcome.question, self._report.now
        warns = not question.is_shipped
        options = Options(name=question.chunk_name, inputs=inputs, now=now, warns=warns, isolated=True)
        try:
            result = session.execute(source, options)
        except KosmoError as error:
            _complete(outcome, error.result, error)
        else:
            _complete(outcome, result)

    def _needed_later(self) -> set[str]:
        """Return the names of functions in the texts of the questions that have not ended."""
        return {name for result in list(self._waiting) for name in self._names[result.question.name]}

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """The words that may be names of functions, of each question and of the tables that it uses."""
        return {result.question.name: functions_of(result.question) for state in self._states for result in state}

    def _interrupt(self) -> None:
        """Stop the question that runs, which ends as interrupted; the others are not begun."""
        self._report.interrupted = True
        self._shared.progress.cancel()
        with self._lock:
            if self._session is not None:
                self._session.interrupt()

    def _end(self, thread: threading.Thread) -> None:
        """Wait for the thread after an interrupt; another interrupt ends the Lua process."""
        try:
            if thread.ident is not None:
                thread.join()
        except KeyboardInterrupt:
            self._interrupt()
            raise


def functions_of(question: Question) -> set[str]:
    """Return the words that may be names of functions in the text of a question and of the tables that it uses."""
    return set(_FUNCTION.findall(source_with_tables(question.source)))


def _chunk(result: QuestionResult) -> tuple[str, Mapping[str, Any]]:
    """Return the Lua that asks a question, that of a check itself or a call of a table, and its inputs."""
    question = result.question
    if question.severity:
        return question.source, result.parameters
    call = f"return {question.service}.tables.{question.name}({_ARGUMENTS})"
    return call, {_ARGUMENTS: {**result.parameters, "errors": "collect"}}


# The outcome of a question ------------------------------------------------------------------------------

_MISTAKES = (InvalidArgumentsError, LuaError, UnknownFieldError, UnknownNameError)  # in the Lua of a check
_ADVICE = "Return the list of findings, {} for none."


def _complete(outcome: QuestionResult, result: Result | None, error: KosmoError | None = None) -> None:
    """Complete the outcome of a question.

    Parameters:
        outcome: the outcome, which has the question and the values of its parameters.
        result: the result of its run; None if it did not run.
        error: the error that ended it, or None.
    """
    outcome.error = error
    if result is not None:
        outcome.output, outcome.seconds, outcome.unread = result.output, result.seconds, result.failures
        outcome.deleted, outcome.calls = result.deleted, result.calls
        elsewhere = {*result.unread, *deletion_notes(result.deleted)}
        outcome.notes = [note for note in result.notes if note not in elsewhere]
    if error is not None:
        outcome.reasons = [_reason(outcome.question, error)]
    elif result is not None:
        outcome.reasons = (_fill if outcome.question.severity else _fill_table)(outcome, result)


def leave_out_deleted(results: Sequence[QuestionResult]) -> list[str]:
    """Remove findings that name an item which was deleted while the checks ran, and return the notes on these items.

    Another check may have read the item before.
    """
    deleted: list[dict[str, Any]] = []
    for result in results:
        deleted += [row for row in result.deleted if row not in deleted]
    if names := frozenset(names_of(deleted)):
        for result in results:
            result.findings = [finding for finding in result.findings if not mentions(finding.record, names)]
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
    columns = [Column(name, name, "any", main=name in (table.page or table.key)) for name in table.columns]
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
    return result.unread


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


def _described(value: Any) -> str:
    if isinstance(value, (dict, Record)):
        return "one table and no list"
    if isinstance(value, list):
        return "a list of other values than tables"
    kinds = {type(None): "nothing", bool: "a boolean", int: "a number", float: "a number", str: "a text"}
    return kinds.get(type(value), "something else")


def run_questions(
    questions: Sequence[Question],
    account: str | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    frontend: Frontend = NO_FRONTEND,
    session: Session | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    fresh: bool = False,
    find_gaps: FindGaps | None = None,
) -> QuestionReport:
    """Run checks and tables, and return the outcome of each.

    Parameters:
        questions: the questions.
        account: the alias of the account; that of `session` when None, else the default account.
        parameters: values of parameters by `NAME`, for each question that has it, or by `QUESTION.NAME`.
        now: the time of the data, from which ages are counted; that of the account when None.
        frontend: gets the progress of the whole run, and what questions print.
        session: a session whose connections and answers are used; its Lua state is not.
        is_cancelled: returns whether the caller was cancelled; called a few times a second.
        fresh: request everything again, in place of answers that the session has kept.
        find_gaps: as for `SharedServices`.

    Returns:
        The report; after an interrupt the questions that were not asked are in it as such. One without a value for a
        required parameter is in it as not set up: nothing is sent for it.

    Raises:
        UnknownNameError: there is no such account, or no question has one of the parameters.
        InvalidArgumentsError: a parameter has a value of another kind than its default.
        SettingsError: a limit or an environment variable is invalid.
    """
    check_parameters(questions, parameters or {})
    results = [
        QuestionResult(question, parameters=values, setup=setup_options(question, values))
        for question in questions
        for values in [values_for(question, parameters or {})]
    ]
    with nullcontext(session) if session else Session(account) as origin:
        alias = account or origin.account
        report = QuestionReport(alias, origin.recording.now(), now or origin.time_of_data(alias), results)
        origin.recording.check(alias)
        with closing(origin.shared_services(report.now.date(), fresh=fresh)) as shared:
            shared.find_gaps = find_gaps
            QuestionRun(report, shared, frontend).run(is_cancelled)
        reading = shared.question_reading
        report.read_at, report.from_store = reading.oldest, reading.from_store
        report.age_note = "" if accounts.is_demo(alias) else reading.age_note("--fresh")
    notes = dict.fromkeys(note for result in results for note in result.notes)
    report.notes += [*notes, *leave_out_deleted(results)]
    return report


# Figures of a snapshot ----------------------------------------------------------------------------------


def add_cents_and_findings(file: Path) -> dict[str, int]:
    """Add the cents a month and the number of findings to the figures of an archive's newest snapshot, and return them.

    There are no cents if the snapshot lacks a list that they need, and no findings if it is incomplete: a smaller
    number would look like a change. A check that needs what no snapshot has is left out of every snapshot.

    Raises:
        SettingsError: the file is no archive, or was changed.
        FileWriteError: it cannot be written.
    """
    figures: dict[str, int] = {}
    with Session(from_archive=file) as session:
        [costs] = run_questions([find_table(services()[0], "costs")], session=session).results
        if costs.records is not None and not costs.reasons:
            figures["cents"] = sum(row["cents"] or 0 for row in costs.records)
        if SavedSnapshot(file).complete:
            figures["findings"] = sum(1 for _ in run_questions(all_checks(), session=session).findings)
    add_figures(file, figures)
    return figures
