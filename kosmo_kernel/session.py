"""Where the parts meet: accounts, clients, documents and the walled Lua process, behind one `run`.

The session holds the tokens and answers what a script asks: it finds the account, checks the arguments, sends the
requests and keeps the answers. The machine holds the process that runs the script. One session is one Lua state:
globals and top-level locals live from run to run.
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
from kosmo_kernel.client.planned_call import PlannedCall as PlannedCall  # noqa: PLC0414 - as above
from kosmo_kernel.client.progress import ProgressSnapshot
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.lua.host import CallRequest, Failure
from kosmo_kernel.lua.machine import Machine
from kosmo_kernel.lua.values import Opaque
from kosmo_kernel.lua.walls import Wall, missing, requirement
from kosmo_kernel.render.display import Display
from kosmo_kernel.results.call_log import log, log_file
from kosmo_kernel.results.result import CallRecord as CallRecord  # noqa: PLC0414 - a run's words are the session's
from kosmo_kernel.results.result import Result as Result  # noqa: PLC0414 - as above
from kosmo_kernel.run import NOT_ALLOWED, SERVERS, CallTracker, KeptValues, LuaRun, PermissionGate, SessionServers
from kosmo_kernel.run.chunks import ChunkHistory
from kosmo_kernel.run.lint import lint
from kosmo_kernel.run.recording import RecordingMode
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.limits import limits, rows_shown

if TYPE_CHECKING:
    from kosmo_kernel.client.dispatcher import Dispatcher


class Session:
    """A Lua state that lives on between runs, and the accounts it may ask. A context manager.

    Parameters:
        account: the alias that `heroku.<function>` means; `demo` with KOSMO_DEMO=1, else `default`, when None.
        memory_limit: bytes of Lua heap; 256 MiB when None.
        cpu_limit: seconds of Lua's own running time in one run; 30 when None.
        timeout: seconds by the wall clock for one run; no limit when None.
        record: a file for all that services answer, without secrets; it is complete when the session is closed.
        replay: such a file, which then answers in their place: nothing is sent, and no credentials are needed.
        mcp: scripts may ask the MCP servers that are configured.

    Raises:
        SettingsError: a limit, `KOSMO_ROWS`, `KOSMO_DEMO`, `KOSMO_REQUIRE_WALLS` or a file that makes no sense.
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
        rows_shown()  # a mistake in it is told before anything runs
        self._require_walls = requirement()
        self._tapes = RecordingMode(account, record, replay)
        self.account = self._tapes.account
        self.last: Result | None = None
        self.last_error: KosmoError | None = None  # what a door's last cell that failed ended in; the door sets it
        self._walls_told = False
        self._now: Callable[[], datetime] = self._tapes.now
        self._scripts = ChunkHistory()
        self._shown = KeptValues()  # the values of numbered cells, which Lua has as `Out`
        self._caller: Dispatcher | None = None
        self._machine = Machine(self._tapes.functions, self._tapes.surface)
        self.expected = self._machine.expected  # a `with` block in which an interrupt is for the run that comes
        self.interruptible = self._machine.interruptible  # one for what is made of a run's values in the main thread
        refusal = "" if mcp else NOT_ALLOWED
        self.servers = SessionServers(refusal, lambda: self._machine.ending, self._tapes.tape)

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
            name: what messages call it: `In[3]`, `audit.lua`.
            args: the chunk's `...`.
            account: what `heroku.<function>` means in this run; the session's account when None.
            timeout: seconds by the wall clock, for this run.
            memory_limit: bytes of Lua heap, for this run.
            cpu_limit: seconds of Lua's own running time, for this run.
            on_output: called with `stdout` or `stderr` and a text while the chunk runs.
            on_input: answers `io.read` (called with `l`, `L` or `a`); without it Lua reads the end of a file.
            on_display: called with what `display` shows while the chunk runs; without it its text is printed.
            on_progress: called in this thread while a remote account is waited for: first after half a second of that,
                ten times a second at most, then once more at the end. See `progress_throttle.py` for KOSMO_PROGRESS.
            dry_run: make no calls; check them, note them in `planned`, and answer with empty lists and records. What it
                makes of them is there for the next dry run, and no more in the next run that is none.
            fresh: ask anew for what was kept from before.
            force: do what the permissions ask about or deny as well; nothing else is lifted.
            on_ask: gets a question about a call that the permissions ask about first, and gives what a person answered,
                None where there is nobody. Without it such a call is an error.
            inputs: values for Lua's globals, set before the chunk runs; see `values.from_python.lua_value`.
            outputs: Lua variables to read after it, which `Result.outputs` has.
            number: of the cell, whose value becomes `_` and `Out[number]`.

        Raises:
            UnknownNameError: there is no account of that name; nothing has run. Or no Lua variable; the chunk has run.
            InvalidArgumentsError: a value for Lua that has no Lua form; nothing has run. Or a variable that is a
                function, or holds one; the chunk has run.
            SettingsError: a limit or `KOSMO_PROGRESS` makes no sense, or walls are required and one is missing; nothing
                has run.
            KosmoError: with what was printed and called before in its `result`.
        """
        if account is not None:
            self._tapes.check(account)
        taken, wanted = {}, tuple[str, ...]()
        if inputs or outputs:
            from kosmo_kernel.values.from_python import lua_value
            from kosmo_kernel.values.lua_syntax import lua_name

            taken = {lua_name(name): lua_value(value, name) for name, value in (inputs or {}).items()}
            wanted = tuple(map(lua_name, outputs))
        if self._require_walls:
            self._refuse_without(self.walls())
        noted = log_file()
        result = Result(account=account or self.account, started=self._now())
        sends = not (dry_run or self.servers.replays)
        leave = PermissionGate(result, partial(self._machine.ask_user, on_ask), force=force, sends=sends)
        tools = partial(self.servers.tools, dry_run=dry_run)
        asking = CallTracker(self.caller, result, leave, on_progress, tools=tools, dry_run=dry_run, fresh=fresh)
        told = (on_output, on_input, on_display, self._shown, self._scripts, self._tapes.names, self.interruptible)
        run = LuaRun(asking, self._tokens, result, *told)
        given = self.limits.changed(memory_limit, cpu_limit, timeout)
        run.remember_pages((inputs or {}).values())
        self._scripts.add(name, source)
        self.last = run.result
        started = time.perf_counter()
        try:
            try:
                outcome = self._machine.run(
                    source,
                    name=name,
                    args=tuple(args),
                    limits=given,
                    host=run,
                    inputs=taken,
                    outputs=wanted,
                    numbered=number is not None,
                    dry_run=dry_run,
                )
            finally:
                run.end(started)
                if noted:
                    log(noted, name, result)
                result.notes = lint(source) + result.notes  # now that what the script used is known
                result.notes += self._tapes.summary(len(result.calls))
        except Failure as failure:
            self._tell_of_walls(result)
            raise self._error(failure, run) from None
        self._tell_of_walls(result)
        run.result.values = [run.page(value) for value in outcome.values]
        run.result.hidden, run.result.memory = outcome.hidden, outcome.memory
        if number is not None and not dry_run:
            self._keep(number, run.result.value, outcome.size)
        run.result.outputs = {name: run.page(self._output(name, outcome.outputs, run)) for name in wanted}
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
        gone: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Call one function, or one tool of an MCP server, as a script would. No Lua process is started for it.

        Parameters:
            function: by its full name, `heroku.list_dynos` or `mcp.github.search_issues`.
            arguments: by name, as Lua would give them.
            account: whose account; the session's when None.
            dry_run: check the call, note what it would ask in `planned`, and ask nothing.
            force: as for `run`.
            on_ask: as for `run`.
            on_output: called with `stderr` and a text for people while the call is made.
            on_progress: as for `run`.
            gone: tells whether nobody waits any more; asked a few times a second.

        Returns:
            The function's value in `values`; with `errors = "collect"` the list of what could not be read follows it.

        Raises:
            StoppedError: Ctrl-C, or nobody waits any more.
            KosmoError: what a script's call would have failed with; with what had been noted before in its `result`.
        """
        noted = log_file()
        result = Result(account=account or self.account, started=datetime.now(UTC))
        self.last = result
        sends = not (dry_run or self.servers.replays)
        leave = PermissionGate(result, on_ask or (lambda _question: None), force=force, sends=sends)
        tools = partial(self.servers.tools, dry_run=dry_run)
        asking = CallTracker(self.caller, result, leave, on_progress, tools=tools, dry_run=dry_run)
        run = LuaRun(asking, partial(self._tokens_for, function), result, on_output, None)
        started = time.perf_counter()
        try:
            try:
                result.values = run.answer(CallRequest(function, None, dict(arguments), [], None), gone)
            finally:
                run.end(started)
                if noted:
                    log(noted, function, result)
        except KeyboardInterrupt:
            error: KosmoError = StoppedError("Interrupted.")
            error.result = result
            raise error from None
        except KosmoError as failed:
            failed.message = run.clean(failed.message)
            failed.result = result
            raise
        return result

    def _keep(self, number: int, value: Any, size: int) -> None:
        """Have a value ready for `Out[number]`; what is no data cannot come back."""
        if value is not None and not isinstance(value, Opaque):
            self._shown.add(number, value, size)

    def _output(self, name: str, found: Mapping[str, Any], run: LuaRun) -> Any:
        """A variable that was asked for; an error where there is none, or none that is data."""
        value = found.get(name)
        error: KosmoError
        if name not in found:
            near = nearest(name, [known for known, _ in self.names(())])
            error = UnknownNameError(f"Lua has no variable `{name}`, or it is nil.", tuple(near))
        elif isinstance(value, Opaque):
            words = {"function": "a function", "thread": "a coroutine"}.get(value.partition(":")[0], "a namespace")
            error = InvalidArgumentsError(value.fault or f"{name}: {words} has no Python form")
        else:
            return value
        error.result = run.result
        raise error

    def _error(self, failure: Failure, run: LuaRun) -> KosmoError:
        """The error that a run ended in, with the place in the script that it came from."""
        error = failure.error
        if failure.facts:
            cause = next((e for e in run.errors if e.message == failure.facts.get("message")), None)
            if cause is not None:
                cause.message, error = error.message, cause
        error.line, error.chunk = self._scripts.place(error.message, failure.stack)
        error.message = run.clean(error.message)
        error.excerpt = run.clean(self._scripts.excerpt(error.chunk, error.line))
        error.stack = tuple(map(run.clean, self._scripts.stack(failure.stack)))
        error.chunk = run.clean(error.chunk)
        error.result = run.result
        return error

    # Walls -------------------------------------------------------------------------------------------

    def walls(self) -> tuple[Wall, ...]:
        """The walls around the Lua process on this machine. Starts it if none runs, and waits until it is ready.

        Raises:
            LuaProcessError: it does not start.
        """
        try:
            return self._machine.walls()
        except Failure as failure:
            raise failure.error from None

    def _refuse_without(self, walls: Sequence[Wall]) -> None:
        if gaps := missing(walls):
            raise SettingsError(
                f"{self._require_walls}, and walls around Lua are missing on this machine: {gaps}. Nothing was run. "
                "`kosmo integrations:doctor` tells why; take that setting back to run with fewer walls."
            )

    def _tell_of_walls(self, result: Result) -> None:
        """Say once in a session that it has fewer walls than others."""
        standing = self._machine.walls_found
        if self._walls_told or not standing:
            return
        self._walls_told = True
        if gaps := missing(standing):
            result.notes.append(
                f"Walls around Lua that are missing on this machine: {gaps}. `kosmo integrations:doctor` tells why, "
                "and SECURITY what that means."
            )

    # Questions of an editor --------------------------------------------------------------------------

    def completeness(self, source: str) -> tuple[str, str]:
        """Whether a chunk is `complete`, `incomplete` or `invalid`, and how far to indent the next line."""
        state = str(self._ask("check", source)["state"])
        if state != "incomplete":
            return state, ""
        from kosmo_kernel.editor import indent

        return state, indent(source)

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]]:
        """What can follow a chain of names, without effects and without requests.

        Parameters:
            chain: `("app", "integrations", "heroku")`, a number for an item of a list; empty for the globals and
                the locals that live on.

        Returns:
            Name and Lua type of each, in order of name; a script's function as `function(a, b)`.

        Raises:
            TryLaterError: a script runs.
        """
        if (there := self.servers.names(chain)) is not None:
            return there
        return sorted((str(name), str(kind)) for name, kind in self._ask("names", chain=list(chain))["names"].items())

    def variables(self) -> list[dict[str, str]]:
        """The variables that scripts have set, in order of name: `name`, `scope`, `type` and `size`, all texts.

        Raises:
            TryLaterError: a script runs.
        """
        found = sorted(self._ask("variables")["variables"].items())
        told = [(name, *f"{text}\n\n".split("\n")[:3]) for name, text in found]
        return [dict(zip(("name", "scope", "type", "size"), one, strict=True)) for one in told]

    def resolve(self, chain: Sequence[str | int]) -> dict[str, Any] | None:
        """What is known of the value at the end of a chain of names, or None when there is no such value.

        Returns:
            `type`, and `text` where it is short; `function` for one of the catalogue, `heroku.list_apps`; `source`,
            `line`, `chunk`, `params` and `script` (the whole chunk) for one that a script defined; `of`, `path` and
            `many` for what is in the answer of a function: its name, the fields that lead there, whether it is a list;
            `reads` for a record that reads as its name; `space` for a namespace, `app.integrations.heroku`; `page`, the
            page of the reference, for what is below `app.mcp`.

        Raises:
            TryLaterError: a script runs.
        """
        if (there := self.servers.resolve(chain)) is not None:
            return there
        found = self._ask("resolve", chain=list(chain))
        if not found.get("found"):
            return None
        wanted = ("type", "text", "function", "of", "path", "many", "reads", "space", *_OF_A_FUNCTION)
        script = {"script": self._scripts.text(str(found["chunk"]))} if "chunk" in found else {}
        return {key: found[key] for key in wanted if key in found} | script

    def _ask(self, kind: str, source: str = "", **header: Any) -> dict[str, Any]:
        try:
            return self._machine.ask(kind, source, **header)
        except Failure as failure:
            raise failure.error from None

    # Accounts ----------------------------------------------------------------------------------------

    def budget_left(self, integration: str, account: str) -> int | None:
        """How many requests an account may send now; None where its service does not say. Asking costs none.

        Raises:
            UnknownNameError: there is no such integration or account.
            CredentialsError: the account has no token.
            ApiError: what the service answered instead.
        """
        return self.caller().budget_left(integrations.find(integration), account)

    def listed(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]] | None:
        """The list that a function without arguments last gave in this session; None before. Sends nothing."""
        return self._caller.listed(integration, function, account) if self._caller else None

    # Ending ------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop the run in progress; from any thread or a signal handler. A second time ends the Lua process."""
        self._machine.interrupt()

    def reset(self) -> None:
        """Forget all Lua variables."""
        self._shown.clear()
        self._machine.reset()

    def close(self) -> None:
        """End the Lua process and close all connections. A closed session stays closed."""
        self._machine.close()
        if self._caller:
            self._caller.close()
        self.servers.close()
        self._tapes.close()

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
        """Return what no text about one call may show. A tool needs no client, which would bring the HTTP library."""
        tokens = () if function.startswith(f"{SERVERS}.") else self.caller().tokens()
        return (*tokens, *self.servers.secrets())

    def caller(self) -> Dispatcher:
        """Who sends the requests; made at the first call, since it brings the HTTP library."""
        if self._caller is None:
            from kosmo_kernel.client.dispatcher import Dispatcher

            self._caller = Dispatcher(self._tapes.tape)
        return self._caller


_OF_A_FUNCTION = ("source", "line", "chunk", "params")  # that a script defined
