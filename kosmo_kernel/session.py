"""The public API for running Lua: `Session`, which connects accounts, HTTP clients and the sandboxed Lua process.

The session holds the tokens and handles the calls of a script: it finds the account, checks the arguments, sends the
requests and logs the calls. `Machine` holds the process that runs the script. A session has one Lua state: globals and
top-level locals persist between runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import nearest
from kosmo_kernel.client.planned_call import PlannedCall as PlannedCall  # noqa: PLC0414 - re-exported
from kosmo_kernel.client.progress import ProgressSnapshot
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.lua.host import CallRequest, Failure
from kosmo_kernel.lua.machine import Machine
from kosmo_kernel.lua.values import Opaque
from kosmo_kernel.lua.walls import Wall, missing, requirement
from kosmo_kernel.render.display import Display
from kosmo_kernel.results.call_log import log, log_file
from kosmo_kernel.results.result import CallRecord as CallRecord  # noqa: PLC0414 - re-exported
from kosmo_kernel.results.result import Result as Result  # noqa: PLC0414 - re-exported
from kosmo_kernel.run import NOT_ALLOWED, SERVERS, CallTracker, KeptValues, LuaRun, PermissionGate, SessionServers
from kosmo_kernel.run.chunks import ChunkHistory
from kosmo_kernel.run.lint import lint
from kosmo_kernel.run.recording import RecordingMode
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.limits import limits, rows_shown

if TYPE_CHECKING:
    from kosmo_kernel.client.dispatcher import Dispatcher


class Session:
    """A Lua state that persists between runs, and the accounts that scripts may use. A context manager.

    Parameters:
        account: the alias of the account that `heroku.<function>` uses; when None, `demo` with KOSMO_DEMO=1, else
            `default`.
        memory_limit: bytes of Lua heap; 256 MiB when None.
        cpu_limit: seconds of Lua's own running time in one run; 30 when None.
        timeout: seconds of wall-clock time for one run; no limit when None.
        record: a file to record all responses in, without secrets; it is complete when the session is closed.
        replay: a recorded file to replay responses from: nothing is sent, and no credentials are needed.
        mcp: scripts may use the configured MCP servers.

    Attributes:
        limits: the default limits of a run.
        account: the alias of the account in use.
        last: the result of the last run or call; None before the first.
        last_error: the error of the last cell that failed, or None; set by the user interfaces.
        expecting_run: a context manager; an interrupt during its block cancels the next run before it starts.
        interruptible: a context manager in which an interrupt stops the conversion of a run's values in the main
            thread.
        servers: the session's MCP servers.

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
        replay: str | os.PathLike[str] | None = None,
        mcp: bool = True,
    ) -> None:
        self.limits = limits(memory_limit, cpu_limit, timeout, configured=config().get("limits"))
        rows_shown()  # raises an error in its setting before anything runs
        self._require_walls = requirement()
        self._recording = RecordingMode(account, record, replay)
        self.account = self._recording.account
        self.last: Result | None = None
        self.last_error: KosmoError | None = None
        self._walls_reported = False
        self._now: Callable[[], datetime] = self._recording.now
        self._chunks = ChunkHistory()
        self._shown = KeptValues()  # the values of numbered cells, available in Lua as `Out`
        self._caller: Dispatcher | None = None
        self._machine = Machine(self._recording.functions, self._recording.surface)
        self.expecting_run = self._machine.cancellable_start
        self.interruptible = self._machine.interruptible
        refusal = "" if mcp else NOT_ALLOWED
        self.servers = SessionServers(refusal, lambda: self._machine.is_stopping, self._recording.cassette)

    # Running -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the Lua process without waiting for it."""
        self._machine.start()

    def run(
        self,
        source: str,
        *,
        name: str = "Lua",
        args: Sequence[str] = (),
        account: str | None = None,
        timeout: float | None = None,
        memory_limit: int | None = None,
        cpu_limit: float | None = None,
        on_output: Callable[[str, str], None] | None = None,
        on_input: Callable[[str], str | None] | None = None,
        on_display: Callable[[Display], None] | None = None,
        on_progress: Callable[[ProgressSnapshot], None] | None = None,
        dry_run: bool = False,
        fresh: bool = False,
        force: bool = False,
        on_ask: Callable[[str], str | None] | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] = (),
        number: int | None = None,
    ) -> Result:
        """Run a chunk of Lua.

        Parameters:
            source: the chunk.
            name: its name in error messages: `In[3]`, `audit.lua`.
            args: the values of the chunk's `...`.
            account: the account that `heroku.<function>` uses in this run; the session's when None.
            timeout: seconds of wall-clock time, for this run.
            memory_limit: bytes of Lua heap, for this run.
            cpu_limit: seconds of Lua's own running time, for this run.
            on_output: called with `stdout` or `stderr` and a text while the chunk runs.
            on_input: returns a line for `io.read` (called with `l`, `L` or `a`); without it, Lua reads an empty file.
            on_display: called with each object of `display` while the chunk runs; without it, its text is printed.
            on_progress: called in this thread while the run waits for a remote account: first after half a second of
                waiting, at most ten times a second, and once at the end. See `progress_throttle.py` for KOSMO_PROGRESS.
            dry_run: check calls and list them in `planned`, but do not make them; they return empty lists and records.
                Variables that it sets exist in the next dry run, but not in the next regular run.
            fresh: send requests again instead of using cached results.
            force: allow calls that the permissions ask about or deny; all other checks still apply.
            on_ask: called with a question about a call that needs permission; returns the user's reply, or None if
                there is no user. Without it, such a call is an error.
            inputs: values for Lua's globals, set before the chunk runs; see `values.from_python.lua_value`.
            outputs: Lua variables to read after it into `Result.outputs`.
            number: the number of the cell, whose value becomes `_` and `Out[number]`.

        Raises:
            UnknownNameError: there is no account of that name; nothing has run. Or a variable of `outputs` does not
                exist; the chunk has run.
            InvalidArgumentsError: a value of `inputs` has no Lua form; nothing has run. Or a variable of `outputs` is
                or contains a function; the chunk has run.
            SettingsError: a limit or `KOSMO_PROGRESS` is invalid, or a required wall is missing; nothing has run.
            KosmoError: the run failed; the output and calls before that are in its `result`.
        """
        if account is not None:
            self._recording.check(account)
        lua_inputs, output_names = {}, tuple[str, ...]()
        if inputs or outputs:
            from kosmo_kernel.values.from_python import lua_value
            from kosmo_kernel.values.lua_syntax import lua_name

            lua_inputs = {lua_name(name): lua_value(value, name) for name, value in (inputs or {}).items()}
            output_names = tuple(map(lua_name, outputs))
        if self._require_walls:
            self._check_walls(self.walls())
        call_log = log_file()
        result = Result(account=account or self.account, started=self._now())
        sends = not (dry_run or self.servers.replays)
        gate = PermissionGate(result, partial(self._machine.ask_user, on_ask), force=force, sends=sends)
        tools = partial(self.servers.tools, dry_run=dry_run)
        tracker = CallTracker(self.caller, result, gate, on_progress, tools=tools, dry_run=dry_run, fresh=fresh)
        run = LuaRun(
            tracker,
            self._tokens,
            result,
            on_output,
            on_input,
            on_display,
            self._shown,
            self._chunks,
            self._recording.names,
            self.interruptible,
        )
        run_limits = self.limits.changed(memory_limit, cpu_limit, timeout)
        run.remember_pages((inputs or {}).values())
        self._chunks.add(name, source)
        self.last = run.result
        started = time.perf_counter()
        try:
            try:
                outcome = self._machine.run(
                    source,
                    name=name,
                    args=tuple(args),
                    limits=run_limits,
                    host=run,
                    inputs=lua_inputs,
                    outputs=output_names,
                    numbered=number is not None,
                    dry_run=dry_run,
                )
            finally:
                run.end(started)
                if call_log:
                    log(call_log, name, result)
                result.notes = lint(source) + result.notes
                result.notes += self._recording.summary(len(result.calls))
        except Failure as failure:
            self._report_missing_walls(result)
            raise self._error(failure, run) from None
        self._report_missing_walls(result)
        run.result.values = [run.page(value) for value in outcome.values]
        run.result.hidden, run.result.memory = outcome.hidden, outcome.memory
        if number is not None and not dry_run:
            self._keep_value(number, run.result.value, outcome.size)
        run.result.outputs = {name: run.page(self._output(name, outcome.outputs, run)) for name in output_names}
        return run.result

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        account: str | None = None,
        dry_run: bool = False,
        force: bool = False,
        on_ask: Callable[[str], str | None] | None = None,
        on_output: Callable[[str, str], None] | None = None,
        on_progress: Callable[[ProgressSnapshot], None] | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Call one function or one tool of an MCP server as a script would, without a Lua process.

        Parameters:
            function: its full name, `heroku.list_dynos` or `mcp.github.search_issues`.
            arguments: the arguments by name, as Lua values.
            account: the alias of the account; the session's when None.
            dry_run: check the call and list its requests in `planned`, but send nothing.
            force: as for `run`.
            on_ask: as for `run`.
            on_output: called with `stderr` and a message for the user during the call.
            on_progress: as for `run`.
            is_cancelled: returns whether the caller was cancelled; called a few times a second.

        Returns:
            The function's value in `values`; with `errors = "collect"` the list of failures follows it.

        Raises:
            StoppedError: Ctrl-C, or the caller was cancelled.
            KosmoError: the call failed, as in a script; notes and requests before that are in its `result`.
        """
        call_log = log_file()
        result = Result(account=account or self.account, started=datetime.now(UTC))
        self.last = result
        sends = not (dry_run or self.servers.replays)
        gate = PermissionGate(result, on_ask or (lambda _question: None), force=force, sends=sends)
        tools = partial(self.servers.tools, dry_run=dry_run)
        tracker = CallTracker(self.caller, result, gate, on_progress, tools=tools, dry_run=dry_run)
        run = LuaRun(tracker, partial(self._tokens_for, function), result, on_output, None)
        started = time.perf_counter()
        try:
            try:
                result.values = run.answer(CallRequest(function, None, dict(arguments), [], None), is_cancelled)
            finally:
                run.end(started)
                if call_log:
                    log(call_log, function, result)
        except KeyboardInterrupt:
            error: KosmoError = StoppedError("Interrupted.")
            error.result = result
            raise error from None
        except KosmoError as failure:
            failure.message = run.clean(failure.message)
            failure.result = result
            raise
        return result

    def _keep_value(self, number: int, value: Any, size: int) -> None:
        """Keep a value for `Out[number]`, unless it is not data, such as a function."""
        if value is not None and not isinstance(value, Opaque):
            self._shown.add(number, value, size)

    def _output(self, name: str, variables: Mapping[str, Any], run: LuaRun) -> Any:
        """Return a requested variable; raise an error if it does not exist or is not data."""
        value = variables.get(name)
        error: KosmoError
        if name not in variables:
            near = nearest(name, [known for known, _ in self.names(())])
            error = UnknownNameError(f"Lua has no variable `{name}`, or it is nil.", tuple(near))
        elif isinstance(value, Opaque):
            kind = {"function": "a function", "thread": "a coroutine"}.get(value.partition(":")[0], "a namespace")
            error = InvalidArgumentsError(value.fault or f"{name}: {kind} has no Python form")
        else:
            return value
        error.result = run.result
        raise error

    def _error(self, failure: Failure, run: LuaRun) -> KosmoError:
        """Return the error of a run, with its place in the script."""
        error = failure.error
        if failure.facts:
            cause = next((e for e in run.errors if e.message == failure.facts.get("message")), None)
            if cause is not None:
                cause.message, error = error.message, cause
        error.line, error.chunk = self._chunks.place(error.message, failure.stack)
        error.message = run.clean(error.message)
        error.excerpt = run.clean(self._chunks.excerpt(error.chunk, error.line))
        error.stack = tuple(map(run.clean, self._chunks.stack(failure.stack)))
        error.chunk = run.clean(error.chunk)
        error.result = run.result
        return error

    # Walls -------------------------------------------------------------------------------------------

    def walls(self) -> tuple[Wall, ...]:
        """Return the walls of the sandbox on this machine. Start the Lua process if necessary, and wait for it.

        Raises:
            LuaProcessError: it does not start.
        """
        try:
            return self._machine.walls()
        except Failure as failure:
            raise failure.error from None

    def _check_walls(self, walls: Sequence[Wall]) -> None:
        if gaps := missing(walls):
            raise SettingsError(
                f"{self._require_walls}, and walls around Lua are missing on this machine: {gaps}. Nothing was run. "
                "`kosmo integrations:doctor` tells why; take that setting back to run with fewer walls."
            )

    def _report_missing_walls(self, result: Result) -> None:
        """Add a note about missing walls to the first result of the session."""
        walls = self._machine.walls_found
        if self._walls_reported or not walls:
            return
        self._walls_reported = True
        if gaps := missing(walls):
            result.notes.append(
                f"Walls around Lua that are missing on this machine: {gaps}. `kosmo integrations:doctor` tells why, "
                "and SECURITY what that means."
            )

    # Editor support ----------------------------------------------------------------------------------

    def completeness(self, source: str) -> tuple[str, str]:
        """Return whether a chunk is `complete`, `incomplete` or `invalid`, and the indentation of the next line."""
        state = str(self._ask("check", source)["state"])
        if state != "incomplete":
            return state, ""
        from kosmo_kernel.editor import indent

        return state, indent(source)

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]]:
        """Return the names that can follow a chain of names, without side effects and without requests.

        Parameters:
            chain: `("app", "integrations", "heroku")`, with a number for an item of a list; empty for globals and
                persistent locals.

        Returns:
            The name and Lua type of each, sorted by name; a script's function has the type `function(a, b)`.

        Raises:
            TryLaterError: a script is running.
        """
        if (names := self.servers.names(chain)) is not None:
            return names
        return sorted((str(name), str(kind)) for name, kind in self._ask("names", chain=list(chain))["names"].items())

    def variables(self) -> list[dict[str, str]]:
        """Return the variables that scripts have set, sorted by name: `name`, `scope`, `type` and `size` as strings.

        Raises:
            TryLaterError: a script is running.
        """
        variables = sorted(self._ask("variables")["variables"].items())
        rows = [(name, *f"{text}\n\n".split("\n")[:3]) for name, text in variables]
        return [dict(zip(("name", "scope", "type", "size"), row, strict=True)) for row in rows]

    def resolve(self, chain: Sequence[str | int]) -> dict[str, Any] | None:
        """Return a description of the value at the end of a chain of names, or None if it does not exist.

        Returns:
            `type`, and `text` if it is short; `function` for a function of the catalogue, `heroku.list_apps`; `source`,
            `line`, `chunk`, `params` and `script` (the whole chunk) for a function that a script defined; `of`, `path`
            and `many` for a part of a function's result: the function's name, the fields that lead to the part, and
            whether it is a list; `reads` for a record that converts to its name; `space` for a namespace,
            `app.integrations.heroku`; `page`, a page of the reference, for names below `app.mcp`.

        Raises:
            TryLaterError: a script is running.
        """
        if (resolved := self.servers.resolve(chain)) is not None:
            return resolved
        reply = self._ask("resolve", chain=list(chain))
        if not reply.get("found"):
            return None
        keys = ("type", "text", "function", "of", "path", "many", "reads", "space", *_SCRIPT_FUNCTION_KEYS)
        script = {"script": self._chunks.text(str(reply["chunk"]))} if "chunk" in reply else {}
        return {key: reply[key] for key in keys if key in reply} | script

    def _ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        try:
            return self._machine.ask(kind, source, **header)
        except Failure as failure:
            raise failure.error from None

    # Accounts ----------------------------------------------------------------------------------------

    def budget_left(self, integration: str, account: str) -> int | None:
        """Return the remaining requests of an account's rate limit, without using one; None if the service has none.

        Raises:
            UnknownNameError: there is no such integration or account.
            CredentialsError: the account has no token.
            ApiError: the service responded with an error.
        """
        return self.caller().budget_left(integrations.find(integration), account)

    def last_list(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]] | None:
        """Return the list that a function without arguments last returned in this session, or None. Send nothing."""
        return self._caller.listed(integration, function, account) if self._caller else None

    # Ending ------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop the current run, from any thread or a signal handler. A second call ends the Lua process."""
        self._machine.interrupt()

    def reset(self) -> None:
        """Delete all Lua variables."""
        self._shown.clear()
        self._machine.reset()

    def close(self) -> None:
        """End the Lua process and close all connections. A closed session cannot be used again."""
        self._machine.close()
        if self._caller:
            self._caller.close()
        self.servers.close()
        self._recording.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process id of the Lua process, or None when none runs."""
        return self._machine.pid

    def _tokens(self) -> tuple[str, ...]:
        return (*(self._caller.tokens() if self._caller else ()), *self.servers.secrets())

    def _tokens_for(self, function: str) -> tuple[str, ...]:
        """Return the secrets to redact for one call. A tool needs no client, whose import loads the HTTP library."""
        tokens = () if function.startswith(f"{SERVERS}.") else self.caller().tokens()
        return (*tokens, *self.servers.secrets())

    def caller(self) -> Dispatcher:
        """Return the dispatcher of requests, created at the first call because its import loads the HTTP library."""
        if self._caller is None:
            from kosmo_kernel.client.dispatcher import Dispatcher

            self._caller = Dispatcher(self._recording.cassette)
        return self._caller


_SCRIPT_FUNCTION_KEYS = ("source", "line", "chunk", "params")
