"""Run questions over one account, and return their rows, what checks found, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from typing import Any

from kosmo_kernel.checks.outcome import leave_out_deleted, outcome_of
from kosmo_kernel.checks.parameters import check_parameters, missing_parameters, setup_of, values_for
from kosmo_kernel.checks.question_run import Chunk, ChunkOutcome, QuestionRun
from kosmo_kernel.checks.report import QuestionReport, QuestionResult
from kosmo_kernel.errors import StoppedError
from kosmo_kernel.questions.question import Question
from kosmo_kernel.run.options import NO_FRONTEND, Frontend
from kosmo_kernel.session import Session

NOT_BEGUN = "The run was interrupted before it was made."
_ARGUMENTS = "kosmo_arguments"  # the Lua variable that has the arguments of a table


def run_questions(
    questions: Sequence[Question],
    account: str | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    frontend: Frontend = NO_FRONTEND,
    session: Session | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    **sharing: Any,
) -> QuestionReport:
    """Run checks and tables, and return the outcome of each.

    Parameters:
        questions: the questions.
        account: the alias of the account; that of `session` when None, else the default account.
        parameters: values of parameters by `NAME`, for each question that has it, or by `QUESTION.NAME`.
        now: the time of the data, from which ages are counted; that of the account when None.
        frontend: gets the progress of the whole run, and what questions print.
        session: a session whose connections and cached answers are used; its Lua state is not.
        is_cancelled: returns whether the caller was cancelled; called a few times a second.
        sharing: arguments of `SharedServices` about the replies of other cells of a notebook.

    Returns:
        The report; after an interrupt the questions that were not asked are in it as such. One without a value for a
        required parameter is in it as not set up: nothing is sent for it.

    Raises:
        UnknownNameError: there is no such account, or no question has one of the parameters.
        InvalidArgumentsError: a parameter has a value of another kind than its default.
        SettingsError: a limit or an environment variable is invalid.
    """
    check_parameters(questions, parameters or {})
    values = [values_for(question, parameters or {}) for question in questions]
    missing = [missing_parameters(question, own) for question, own in zip(questions, values, strict=True)]
    chunks = {index: _chunk(questions[index], values[index]) for index in range(len(questions)) if not missing[index]}
    with nullcontext(session) if session else Session(account) as origin:
        alias = account or origin.account
        report = QuestionReport(alias, origin.recording.now(), now or origin.time_of_data(alias))
        origin.recording.check(alias)
        with closing(origin.shared_services(report.now.date(), **sharing)) as shared:
            run = QuestionRun(chunks, alias, report.now, shared, frontend)
            run.run(is_cancelled)
        report.interrupted, report.cost, report.seconds = run.interrupted, run.cost, run.seconds
        report.answers_of = shared.oldest
    for index, (question, own) in enumerate(zip(questions, values, strict=True)):
        setup = [setup_of(question, parameter) for parameter in missing[index]]
        outcome = run.outcomes.get(index, ChunkOutcome(None, StoppedError(NOT_BEGUN)))
        result = QuestionResult(question, parameters=own, setup=setup) if setup else outcome_of(question, own, *outcome)
        report.results.append(result)
        report.notes += [note for note in result.notes if note not in report.notes]
    report.notes += leave_out_deleted(report.results)
    return report


def _chunk(question: Question, values: Mapping[str, Any]) -> Chunk:
    """Return the Lua that asks a question: that of a check itself, or a call of a table."""
    if question.severity:
        return Chunk(question.chunk_name, question.source, values)
    call = f"return {question.service}.tables.{question.name}({_ARGUMENTS})"
    return Chunk(question.chunk_name, call, {_ARGUMENTS: {**values, "errors": "collect"}})
