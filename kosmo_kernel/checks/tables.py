"""Make one table of an account, and say what of it could not be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kosmo_kernel.catalogue import Column
from kosmo_kernel.checks.question_run import Chunk, ChunkOutcome, QuestionRun
from kosmo_kernel.errors import StoppedError
from kosmo_kernel.progress.snapshot import ProgressSnapshot
from kosmo_kernel.questions.tables import SharedTable
from kosmo_kernel.run.options import NO_FRONTEND, Frontend
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

_ARGUMENTS = "kosmo_arguments"  # the Lua variable that has the arguments of the table
_INTERRUPTED = "Interrupted."


@dataclass(slots=True)
class TableReport:
    """A table of an account."""

    table: SharedTable
    account: str  # its alias
    now: datetime  # the time of the data
    parameters: Mapping[str, Any]  # the values that were set
    records: Records  # the rows, with the columns of the table
    unread: Sequence[str] = ()  # what could not be read, a line for each list
    failures: Sequence[Mapping[str, Any]] = ()  # the same, a row for each list or item
    notes: Sequence[str] = field(default_factory=list)  # for the user
    cost: ProgressSnapshot | None = None  # the calls and requests; None if there were none
    answers_of: datetime | None = None  # when the oldest of the replies came that other cells had, if there are some


def make_table(
    table: SharedTable,
    account: str | None = None,
    *,
    parameters: Mapping[str, Any],
    session: Session | None = None,
    now: datetime | None = None,
    frontend: Frontend = NO_FRONTEND,
    is_cancelled: Callable[[], bool] = lambda: False,
    **sharing: Any,
) -> TableReport:
    """Make a table.

    Parameters:
        table: the table.
        account: the alias of the account; that of `session` when None, else the default account.
        parameters: values of its parameters by name.
        session: a session whose connections and cached answers are used; its Lua state is not.
        now: the time of the data; that of the account when None.
        frontend: gets the progress.
        is_cancelled: returns whether the caller was cancelled; called a few times a second.
        sharing: arguments of `SharedServices` about the replies of other cells of a notebook.

    Raises:
        StoppedError: it was interrupted.
        KosmoError: no list that the table needs could be read, or its Lua fails.
    """
    source = f"return {table.service}.tables.{table.name}({_ARGUMENTS})"
    with ExitStack() as stack:
        origin = session or stack.enter_context(Session(account))
        alias = account or origin.account
        now = now or origin.time_of_data(alias)
        shared = origin.shared_services(now.date(), **sharing)
        stack.callback(shared.close)
        shared.recording.check(alias)
        inputs = {_ARGUMENTS: {**parameters, "errors": "collect"}}
        run = QuestionRun({0: Chunk(table.file, source, inputs)}, alias, now, shared, frontend)
        run.run(is_cancelled)
    if run.interrupted:
        raise StoppedError(_INTERRUPTED)
    result, error = run.outcomes.get(0, ChunkOutcome(None, StoppedError(_INTERRUPTED)))
    if error is not None:
        raise error.with_traceback(None)  # which is of another thread
    rows, failures = result.values if result else ([], [])
    columns = tuple(Column(name, name, main=name in (table.page or table.key)) for name in table.columns)
    return TableReport(
        table,
        alias,
        now,
        parameters,
        Records(rows.rows if isinstance(rows, Records) else [], columns=columns),
        result.unread if result else (),
        list(failures),
        [note for note in result.notes if note not in result.unread] if result else [],
        run.cost,
        shared.oldest,
    )
