"""Run checks over one account, and return what they found, what passed, and what could not be checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from kosmo_kernel.checks.check_file import Check
from kosmo_kernel.checks.outcome import leave_out_deleted, outcome_of
from kosmo_kernel.checks.parameters import check_parameters, missing_parameters, setup_of, values_for
from kosmo_kernel.checks.question_run import Chunk, ChunkOutcome, QuestionRun
from kosmo_kernel.checks.report import CheckReport, CheckResult
from kosmo_kernel.errors import StoppedError
from kosmo_kernel.run.options import NO_FRONTEND, Frontend
from kosmo_kernel.session import Session

NOT_BEGUN = "The run was interrupted before it was made."


def run_checks(
    checks: Sequence[Check],
    account: str | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    frontend: Frontend = NO_FRONTEND,
    session: Session | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    **sharing: Any,
) -> CheckReport:
    """Run checks, and return what they found.

    Parameters:
        checks: the checks.
        account: the alias of the account; that of `session` when None, else the default account.
        parameters: values of parameters by `NAME`, for each check that has it, or by `CHECK.NAME`.
        now: the time of the data, from which ages are counted; that of the account when None.
        frontend: gets the progress of the whole run, and what checks print.
        session: a session whose connections and cached answers are used; its Lua state is not.
        is_cancelled: returns whether the caller was cancelled; called a few times a second.
        sharing: arguments of `SharedServices` about the replies of other cells of a notebook.

    Returns:
        The report; after an interrupt the checks that were not made are in it as such. A check without a value for a
        required parameter is in it as not set up: nothing is sent for it.

    Raises:
        UnknownNameError: there is no such account, or no check has one of the parameters.
        InvalidArgumentsError: a parameter has a value of another kind than its default.
        SettingsError: a limit or an environment variable is invalid.
    """
    check_parameters(checks, parameters or {})
    values = [values_for(check, parameters or {}) for check in checks]
    missing = [missing_parameters(check, own) for check, own in zip(checks, values, strict=True)]
    asked = (place for place in range(len(checks)) if not missing[place])
    chunks = {place: Chunk(checks[place].file, checks[place].source, values[place]) for place in asked}
    with ExitStack() as stack:
        origin = session or stack.enter_context(Session(account))
        alias = account or origin.account
        now = now or origin.time_of_data(alias)
        shared = origin.shared_services(now.date(), **sharing)
        stack.callback(shared.close)
        shared.recording.check(alias)
        report = CheckReport(alias, shared.recording.now(), now)
        run = QuestionRun(chunks, alias, now, shared, frontend)
        run.run(is_cancelled)
        report.interrupted, report.cost, report.seconds = run.interrupted, run.cost, run.seconds
        report.answers_of = shared.oldest
    for place, (check, own) in enumerate(zip(checks, values, strict=True)):
        setup = [setup_of(check, parameter) for parameter in missing[place]]
        outcome = run.outcomes.get(place, ChunkOutcome(None, StoppedError(NOT_BEGUN)))
        result = CheckResult(check, parameters=own, setup=setup) if setup else outcome_of(check, own, *outcome)
        report.results.append(result)
        report.notes += [note for note in result.notes if note not in report.notes]
    report.notes += leave_out_deleted(report.results)
    return report
