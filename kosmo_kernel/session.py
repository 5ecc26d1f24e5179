"""The public API for running Lua: `Session`, which connects accounts, HTTP clients and the sandboxed Lua process.

The session holds the tokens and handles the calls of a script: it finds the account, checks the arguments, sends the
requests and logs the calls. `Machine` holds the process that runs the script. A session has one Lua state: globals and
top-level locals persist between runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from kosmo_kernel import accounts, integrations
from kosmo_kernel.calls.call_tracker import CallTracker
from kosmo_kernel.calls.output import NO_FRONTEND, Frontend, RunOutput
from kosmo_kernel.calls.provider import FICTION, NOT_ALLOWED, NOT_RECORDED
from kosmo_kernel.calls.recording import NO_SERVICES, RecordingMode
from kosmo_kernel.client.call import CallRequest
from kosmo_kernel.errors import KosmoError, LuaSyntaxError, SettingsError, StoppedError, UnknownFieldError
from kosmo_kernel.lua.failure import Failure
from kosmo_kernel.lua.lint import lint, of_clock
from kosmo_kernel.lua.lookups import Lookups
from kosmo_kernel.lua.run import ChunkHistory, KnownVariables, LuaRun
from kosmo_kernel.lua.state import LuaState, WallChecks
from kosmo_kernel.results import Result, note_calls
from kosmo_kernel.settings.cell_options import NO_OPTIONS, Options
from kosmo_kernel.settings.config_file import take_notices
from kosmo_kernel.settings.limits import limits
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.settings.table import ROWS

if TYPE_CHECKING:
    from kosmo_kernel.calls.services import Services
    from kosmo_kernel.calls.shared_services import SharedServices
    from kosmo_kernel.lua.process import LuaProcess


class Session(LuaState):
    """A Lua state that persists between runs, and the accounts that scripts may use. A context manager.

    Parameters:
        account: the alias of the account that `heroku.<function>` uses; when None, `demo` with KOSMO_DEMO=1, else
            `default`.
        memory_limit: bytes of Lua heap; 256 MiB when None.
        cpu_limit: seconds of Lua's own running time in one run; 30 when None.
        timeout: seconds of wall-clock time for one run; no limit when None.
        record: a file to record all responses in, without secrets; it is complete when the session is closed.
        from_archive: an archive that answers in place of the accounts: nothing is sent, and no token is needed.
        resume: take the responses that `record` already has, and append new ones.
        notebook: the session is one of a notebook.
        mcp: scripts may use the configured MCP servers.
        agent: an agent chooses the scripts, so that nothing is allowed to it that a user would have to be asked about.
        services: scripts may call integrations; without, no account is looked for.
        process: a Lua process that was started beforehand, to save time; when None, the first run starts one.
        shared: the services that this session shares with others, and with them its recording; it closes neither.
        archives: the archives that scripts may open; when None, those in the folder of the run or below, and none for
            an agent.

    Attributes:
        limits: the default limits of a run.
        account: the alias of the account in use.
        recording: the recording mode: whether the session records, or an archive answers it.
        last: the result of the last run or call; None before the first.
        last_error: the error of the last cell that failed, or None; see `keep_error`.

    Raises:
        SettingsError: a limit, `KOSMO_ROWS`, `KOSMO_DEMO`, `KOSMO_REQUIRE_WALLS` or a file is invalid.
        UnknownNameError: there is no account of that name.
    """

    def __init__(
        self,
        account: str | None = None,
        *,
        memory_limit: int | None = None,
        cpu_limit: float | None = None,
        timeout: float | None = None,
        record: str | os.PathLike[str] | None = None,
        from_archive: str | os.PathLike[str] | None = None,
        resume: bool = False,
        notebook: bool = False,
        mcp: bool = True,
        agent: bool = False,
        services: bool = True,
        process: LuaProcess | None = None,
        shared: Services | None = None,
        archives: Sequence[str | os.PathLike[str]] | None = None,
    ) -> None:
        self.limits = limits(Options(memory_limit=memory_limit, cpu_limit=cpu_limit, timeout=timeout))
        ROWS.resolve()  # raises an error in its setting before anything runs
        walls = WallChecks()
        self._shared = shared
        mode = shared.recording if shared else None
        self.recording = mode or RecordingMode(
            account,
            record,
            from_archive,
            resume=resume,
            notebook=notebook,
            services=services,
            archives=() if archives is None and agent else archives,
        )
        answers_from_archive = self.recording.saved is not None and not self.recording.saved.live
        refusal = NOT_RECORDED if answers_from_archive else "" if mcp else NOT_ALLOWED
        super().__init__(self.recording, walls, process, refusal)
        self.account = self.recording.account_in_use(account, self.recording.account)
        self.last: Result | None = None
        self._has_failed = False  # whether the last run or call did
        self.last_error: KosmoError | None = None
        self._time_set: datetime | None = None  # the time of the data, if a script has set it
        self._now: Callable[[], datetime] = self.recording.now
        self._called: set[str] = set()  # the paths of the functions that scripts called
        self._table_columns: set[str] = set()  # the columns of the tables that scripts read
        self._services: Services | None = shared  # made at the first call

    # Running -----------------------------------------------------------------------------------------

    def run(self, source: str, *, timeout: float | None = None) -> Result:
        """Run a chunk of Lua, and return its result.

        Parameters:
            source: the chunk.
            timeout: seconds of wall-clock time for this run; the session's when None.

        Raises:
            SettingsError: a limit or `KOSMO_PROGRESS` is invalid, or a required wall is missing; nothing has run.
            KosmoError: the run failed; the output and calls before that are in its `result`.
        """
        return self.execute(source, Options(timeout=timeout))

    def execute(self, source: str, options: Options = NO_OPTIONS, frontend: Frontend = NO_FRONTEND) -> Result:
        """Run a chunk of Lua for a user interface.

        Parameters:
            source: the chunk.
            options: the options of the run.
            frontend: the callbacks of the user interface.

        Raises:
            UnknownNameError: there is no account of that name; nothing has run. Or a variable of `outputs` does not
                exist; the chunk has run.
            InvalidArgumentsError: a value of `inputs` has no Lua form; or, after the run, an output is a function.
            SettingsError: a limit or `KOSMO_PROGRESS` is invalid, or a required wall is missing; nothing has run.
            KosmoError: the run failed; the output and calls before that are in its `result`.
        """
        account = self._account(options.account)
        if options.account is not None:
            self.recording.check(account)
        inputs, outputs = _lua_variables(options)
        if self._walls.required:
            self._walls.check(self.walls())
        limits = self.limits.changed(options)
        result = Result(account=account, started=self._started(account), dry_run=options.dry_run)
        calls = self._calls(result, options, frontend, partial(self._machine.ask_user, frontend.ask))
        output = calls.output
        run = LuaRun(calls, output, self._lookups(calls, result, options), self._chunks, result)
        variables = KnownVariables(self._chunks, inputs, lambda: dict(self.names(())), lambda: dict(self._variables()))
        self._chunks.add(options.name, source)
        self.recording.begin_script(options.name, source)
        try:
            with self._recorded(calls, result, options.name):
                size = self._machine.run(source, options, limits, run, inputs=inputs, outputs=outputs)
        except Failure as failure:
            error = run.error_of(failure, variables, self.parses)
            source = "" if error.advice or isinstance(error, LuaSyntaxError | UnknownFieldError) else source
            raise error from None  # of whose line no warning says more
        finally:
            # The name of a call that failed may be of no function: scripts must not fill the memory with such names.
            self._called.update(call.path for call in result.calls if call.status == "ok")
            source = source if options.warns else ""
            warnings = lint(
                source,
                variables.may_be_set,
                self._called,
                output.unmatched_tests,
                variables.nearest_set,
                table_columns=self._table_columns,
            )
            warnings += of_clock(source, options.now or self.time_of_data(options.account), self._now())
            result.notes[:0] = [*warnings, *output.absent_fields]
            self._describe_recording(result)
            result.notes += self._walls.notes(self._machine.walls_found)
        result.values = [output.page(value) for value in result.values]
        if options.dry_run:
            result.hidden = not result.planned
        elif options.number is not None:
            result.notes[:0] = filter(None, [self.keep(options.number, result.value, size)])
        result.outputs = {name: output.page(self._requested(name, result.outputs, result)) for name in outputs}
        return result

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        options: Options = NO_OPTIONS,
        frontend: Frontend = NO_FRONTEND,
        *,
        account: str | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Call one function or one tool of an MCP server as a script would, without a Lua process.

        Parameters:
            function: its full name, `heroku.list_dynos` or `mcp.github.search_issues`.
            arguments: the arguments by name, as Lua values.
            options: the account, and how to make the call; limits and variables are not used.
            frontend: the callbacks of the user interface.
            account: the account that the call names, as in `heroku.staging.list_apps`; that of the options when None.
            is_cancelled: returns whether the caller was cancelled; called a few times a second.

        Returns:
            The function's value in `values`; with `errors = "collect"` the list of failures follows it.

        Raises:
            StoppedError: Ctrl-C, or the caller was cancelled.
            KosmoError: the call failed, as in a script; notes and requests before that are in its `result`.
        """
        alias = self._account(options.account)
        result = Result(account=alias, started=self._started(account or alias), dry_run=options.dry_run)
        calls = self._calls(result, options, frontend, frontend.ask or (lambda _question: None))
        try:
            with self._recorded(calls, result, function):
                result.values = calls.call(CallRequest(function, account, dict(arguments), [], None), is_cancelled)
        except KeyboardInterrupt:
            error: KosmoError = StoppedError("Interrupted.")
            error.result = result
            raise error from None
        except KosmoError as failure:
            failure.sanitize(calls.output.clean)
            failure.result = result
            raise
        return result

    def _started(self, account: str) -> datetime:
        """Return when a run of an account started: the time of the data where an archive answers."""
        archive = self.recording.archive_of(account)
        return archive.recorded if archive else self._now()

    def _calls(
        self, result: Result, options: Options, frontend: Frontend, ask: Callable[[str], str | None]
    ) -> CallTracker:
        """Return the calls of a run, before anything is sent."""
        if options.isolated:
            self._chunks = ChunkHistory()
        result.permission_bypassed = options.force
        output = RunOutput(result, frontend, self.tokens, self.interruptible)
        output.remember_pages(options.inputs.values())
        return CallTracker(
            self.services,
            partial(self.servers.tools, ask, force=options.force, dry_run=options.dry_run),
            result,
            output,
            options=options,
            on_progress=frontend.progress,
            is_named=lambda item: self._chunks.names_item(str(item)) or options.names_item(str(item)),
        )

    def _lookups(self, calls: CallTracker, result: Result, options: Options) -> Lookups:
        """Return what answers the other requests of a script."""
        return Lookups(
            calls,
            self._shown,
            partial(self.recording.names, default=result.account),
            self.recording.services,
            self.recording.open_for_script,
            now=self._clock(options, result.inform),
            set_now=partial(self._set_time, options),
            table_columns=self._table_columns,
        )

    def _clock(self, options: Options, inform: Callable[[str], None]) -> Callable[[str | None], datetime]:
        """Return a function that returns the time of an account's data, which does not change during a run.

        Parameters:
            options: those of the run.
            inform: adds a note to the result, that the data is of the demo's day.
        """
        times: dict[str, datetime] = {}

        def now(account: str | None) -> datetime:
            if time := options.now or self._time_set:
                return time
            alias = self._account(account or options.account)
            is_fiction = accounts.is_demo(alias)
            if is_fiction:
                inform(FICTION)
            has_own_time = is_fiction or self.recording.archive_of(alias)
            return times.setdefault(alias if has_own_time else "", self.recording.time_of_data(alias))

        return now

    def time_of_data(self, account: str | None = None) -> datetime:
        """Return the time of an account's data: what a script has set, else that of the demo, of an archive, or now.

        Parameters:
            account: the alias of the account; the session's when None.
        """
        return self._time_set or self.recording.time_of_data(self._account(account))

    def time_of_table(self, account: str) -> datetime | None:
        """Return the time for a table of an account; None for the demo's own, of which a run of the demo tells."""
        return None if accounts.is_demo(account) and not self._time_set else self.time_of_data(account)

    def _account(self, alias: str | None) -> str:
        """Return the full name of the account that an alias means in this session; the session's own when None."""
        return self.recording.account_in_use(alias, self.account)

    def _set_time(self, options: Options, now: datetime) -> None:
        """Set the time of the data, unless the run is a dry run or has a time of its own."""
        if options.now is None and not options.dry_run:
            self._time_set = now

    def shared_services(self, today: date, *, fresh: bool = False) -> SharedServices:
        """Return services for the sessions of questions, with the connections, store and recording of this one.

        They must be closed, and not be used any more when this session is closed. The parameters are those of
        `SharedServices`.
        """
        from kosmo_kernel.calls.shared_services import SharedServices

        return SharedServices(self.services(), today, fresh=fresh)

    def services(self) -> Services:
        """Return the services, made at the first call because their import loads the HTTP library.

        Raises:
            SettingsError: this session has none.
        """
        if not self.recording.services:
            raise SettingsError(NO_SERVICES)
        if self._services is None:
            from kosmo_kernel.calls.services import Services

            self._services = Services(self.recording, lambda: self._now().date())
        return self._services

    def _describe_recording(self, result: Result) -> None:
        """Add to a result what it was taken from; the owner of services that are shared says so itself."""
        if not self._shared:
            for note in self.recording.summary(len(result.calls)):
                result.inform(note)
            result.taken_over = self.recording.facts()

    @contextmanager
    def _recorded(self, calls: CallTracker, result: Result, name: str) -> Iterator[None]:
        """Complete the result after the block, whether it failed or not, and note its calls for `kosmo run`."""
        notebook = notebook_run()
        self.last, self._has_failed = result, True
        started = time.perf_counter()
        try:
            yield
            self._has_failed = False
        finally:
            calls.end()
            result.seconds = time.perf_counter() - started
            result.notes += take_notices()
            if notebook:
                note_calls(notebook.calls, name, result, self.recording.facts())

    @contextmanager
    def keep_error(self) -> Iterator[None]:
        """Keep an error of the block for `%kosmo error`."""
        try:
            yield
        except KosmoError as error:
            self.last_error = error
            raise

    def variable(self, name: str) -> Any:
        """Return the value of a Lua variable. The last run is left unchanged.

        Raises:
            UnknownNameError: there is no such variable.
            InvalidArgumentsError: it is a function or another value without a Python form; or the name is invalid, in
                which case the error has no `result`.
            TryLaterError: a script is running.
        """
        last = self.last
        try:
            return self.execute("", Options(outputs=[name])).outputs[name]
        finally:
            self.last = last

    # Accounts ----------------------------------------------------------------------------------------

    def account_names(self, integration: str) -> list[str]:
        """Return the accounts of an integration, as `accounts.names`; from an archive those of that.

        Raises:
            UnknownNameError: there is no such integration.
        """
        return self.recording.names(integrations.find(integration), self.account)

    def budget_left(self, integration: str, account: str) -> int | None:
        """Return the remaining requests of an account's rate limit, without using one; None if the service has none.

        Raises:
            UnknownNameError: there is no such integration or account.
            CredentialsError: the account has no token.
            ApiError: the service responded with an error.
        """
        return self.services().budget_left(integrations.find(integration), account)

    def address(self, integration: str) -> str:
        """Return what identifies the address of the account in use; empty for the demo, and where an archive answers.

        Raises:
            UnknownNameError: there is no such integration.
            CredentialsError: the address must not receive a token.
        """
        from kosmo_kernel.archive.owner import address_of

        saved = self.recording.saved
        if accounts.is_demo(self.account) or (saved and not saved.live):
            return ""
        return address_of(accounts.address(integrations.find(integration), self.account))

    def token_hash(self, integration: str, earlier: str = "") -> str:
        """Return a salted hash of the token in use; empty for the demo, and where an archive answers.

        Parameters:
            integration: the name of the integration.
            earlier: a hash of before, whose salt is used, so that equal hashes mean equal tokens.

        Raises:
            UnknownNameError: there is no such integration or account.
            CredentialsError: the account has no token.
        """
        from kosmo_kernel.archive.owner import token_hash

        saved = self.recording.saved
        if accounts.is_demo(self.account) or (saved and not saved.live):
            return ""
        return token_hash(accounts.find(integrations.find(integration), self.account), earlier)

    def scopes(self, integration: str, account: str) -> tuple[str, ...]:
        """Return the scopes of an account's token, if the service has reported them in this session. Send nothing."""
        return self._services.scopes(integrations.find(integration), account) if self._services else ()

    def last_list(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]] | None:
        """Return the list that a function without arguments last returned in this session, or None. Send nothing."""
        return self._services.listed(integration, function, self._account(account)) if self._services else None

    # Ending ------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Delete all Lua variables, and forget what the user agreed to and the time that a script has set."""
        self._shown.clear()
        self._time_set = None
        if self._services:
            self._services.store.clear()
        self._machine.reset()

    def close(self) -> None:
        """End the Lua process and close all connections. A closed session cannot be used again."""
        self._machine.close()
        self.servers.close()
        if self._shared:
            return
        if self._services:
            self._services.close()
        self.recording.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None and not self._shared and not self._has_failed:
            self.recording.finish()
        self.close()

    def tokens(self) -> tuple[str, ...]:
        """Return the secrets in use, which are redacted from every text that leaves the session."""
        return (*(self._services.tokens() if self._services else ()), *self.servers.secrets())


def _lua_variables(options: Options) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the inputs of a run as Lua values, and the names of its outputs.

    Raises:
        InvalidArgumentsError: a name is none in Lua, or a value has no Lua form.
    """
    if not options.inputs and not options.outputs:
        return {}, ()
    from kosmo_kernel.values.from_python import lua_value
    from kosmo_kernel.values.lua_literals import lua_name

    inputs = {lua_name(name): lua_value(value, name) for name, value in options.inputs.items()}
    return inputs, tuple(map(lua_name, options.outputs))
