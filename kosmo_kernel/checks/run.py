"""Run checks over one account: each in a Lua process of its own, several side by side, and all with the same answers.

The sessions of the checks share services (`run/shared_services.py`), so that each list is requested once. Threads run
the checks, so that one waits for the service while another one computes. The thread that called shows the progress of
all of them, and ends them when it is interrupted.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts
from kosmo_kernel.checks.check_file import Check
from kosmo_kernel.checks.outcome import leave_out_deleted, outcome_of
from kosmo_kernel.checks.parameters import check_parameters, missing_parameters, setup_of, values_for
from kosmo_kernel.checks.report import CheckReport, CheckResult
from kosmo_kernel.errors import KosmoError, StoppedError
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.progress.throttle import ProgressThrottle
from kosmo_kernel.questions.tables import source_with_tables
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.options import NO_FRONTEND, Frontend, RunOptions
from kosmo_kernel.session import Session

if TYPE_CHECKING:
    from kosmo_kernel.run.shared_services import SharedServices

MAX_WORKERS = 6  # checks side by side; a Lua process takes 12 MB, and more of them do not make the service faster
POLL_INTERVAL_SECONDS = 0.1  # between two looks at the progress
_FUNCTION = re.compile(r"\b(?:get|list)_\w+")
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
    with ExitStack() as stack:
        origin = session or stack.enter_context(Session(account))
        alias = account or origin.account
        now = now or origin.time_of_data(alias)
        shared = origin.shared_services(now.date())
        stack.callback(shared.close)
        shared.recording.check(alias)
        report = CheckReport(alias, shared.recording.now(), now)
        CheckRun(checks, values, report, shared, frontend).run(is_cancelled)
    return report


class CheckRun:
    """A run of checks.

    Parameters:
        checks: the checks.
        values: the values of the parameters of each check.
        report: the report, to which the results are added.
        shared: the services of all sessions.
        frontend: as for `run_checks`.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        values: Sequence[Mapping[str, Any]],
        report: CheckReport,
        shared: SharedServices,
        frontend: Frontend,
    ) -> None:
        self._checks, self._values = checks, values
        self._report, self._shared, self._frontend = report, shared, frontend
        self._results: dict[int, CheckResult] = {}  # by the index of the check
        for place, (check, own) in enumerate(zip(checks, values, strict=True)):
            if missing := missing_parameters(check, own):
                setup = [setup_of(check, parameter) for parameter in missing]
                self._results[place] = CheckResult(check, parameters=own, setup=setup)
        self._waiting = deque(place for place in range(len(checks)) if place not in self._results)
        self._running: dict[int, Session | None] = {}  # the session of each check, once it has one
        self._lock = threading.Lock()
        self._crash: BaseException | None = None  # an unexpected error in a thread
        shared.needed_later = self._needed_later

    def run(self, is_cancelled: Callable[[], bool]) -> None:
        """Run the checks in threads, until all are made or the run is interrupted."""
        started = time.perf_counter()
        count = min(MAX_WORKERS, len(self._waiting))
        threads = [threading.Thread(target=self._work, name="kosmo-check", daemon=True) for _ in range(count)]
        throttle = ProgressThrottle(self._shared.progress, self._frontend.progress)
        remote = not accounts.is_demo(self._report.account)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    since = time.monotonic()
                    thread.join(POLL_INTERVAL_SECONDS)
                    throttle.waited(since, remote=remote)
                    if is_cancelled() and not self._report.interrupted:
                        self._interrupt()
        except KeyboardInterrupt:
            self._interrupt()
        finally:
            self._end(threads)
        if self._crash is not None:
            raise self._crash
        self._complete(throttle)
        self._report.seconds = time.perf_counter() - started

    def _work(self) -> None:
        """Make checks until none waits. The next Lua process starts while a check runs."""
        process: LuaProcess | None = None
        try:
            while (place := self._take()) is not None:
                with Session(self._report.account, process=process, shared=self._shared) as session:
                    session.start()
                    process = LuaProcess() if self._waiting else None
                    self._results[place] = self._make(place, session)
                    self._forget_answers(place)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that called
            self._crash = error
        finally:
            if process is not None:
                process.close()

    def _take(self) -> int | None:
        with self._lock:
            if self._report.interrupted or not self._waiting:
                return None
            place = self._waiting.popleft()
            self._running[place] = None
            return place

    def _make(self, place: int, session: Session) -> CheckResult:
        """Make one check in a fresh session."""
        check, values = self._checks[place], self._values[place]
        result: Result | None = None
        failure: KosmoError | None = None
        try:
            with session.expecting_run():
                with self._lock:
                    self._running[place] = session
                    is_interrupted = self._report.interrupted
                if is_interrupted:
                    session.interrupt()
                options = RunOptions(name=check.file, inputs=values, now=self._report.now)
                result = session.execute(check.source, options)
        except KosmoError as error:
            failure, result = error, error.result
        return outcome_of(check, values, result, failure)

    def _forget_answers(self, place: int) -> None:
        """Forget the answers that only a check needed: those of functions that no other text has any more."""
        with self._lock:
            del self._running[place]
            places = [*self._waiting, *self._running]
        text = "".join(self._sources[place] for place in places).replace("_", "")
        self._shared.keep_only(lambda name: name.replace("_", "") in text)

    def _needed_later(self) -> set[str]:
        """Return the names of functions in the texts of the checks that are not over."""
        with self._lock:
            places = [*self._waiting, *self._running]
        return {name for place in places for name in self._names[place]}

    @cached_property
    def _names(self) -> list[set[str]]:
        """The words of each check that may be names of functions."""
        return [set(_FUNCTION.findall(source)) for source in self._sources]

    @cached_property
    def _sources(self) -> list[str]:
        """The text of each check with those of the tables that it uses."""
        return [source_with_tables(check.source) for check in self._checks]

    def _interrupt(self) -> None:
        """Stop all checks; those that run end as interrupted."""
        self._report.interrupted = True
        with self._lock:
            running = [session for session in self._running.values() if session]
        self._shared.progress.cancel()
        for session in running:
            session.interrupt()

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for the threads after an interrupt; another interrupt ends their Lua processes."""
        try:
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        except KeyboardInterrupt:
            with self._lock:
                running = [session for session in self._running.values() if session]
            for session in running:
                session.interrupt()
            raise

    def _complete(self, throttle: ProgressThrottle) -> None:
        """Add the results to the report, in the order of the checks, and the cost of all."""
        for place, (check, values) in enumerate(zip(self._checks, self._values, strict=True)):
            not_begun = StoppedError(NOT_BEGUN)
            result = self._results.get(place) or outcome_of(check, values, None, not_begun)
            self._report.results.append(result)
            self._report.notes += [note for note in result.notes if note not in self._report.notes]
        self._report.notes += leave_out_deleted(self._report.results)
        self._shared.progress.cancel()
        cost = self._shared.progress.snapshot()
        if cost.total:
            self._report.cost = cost
            throttle.end(cost)
