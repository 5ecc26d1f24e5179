"""Where the parts meet: accounts, clients, documents and the walled Lua process, behind one `run`.

The session holds the tokens and answers what a script asks: it finds the account, checks the arguments, sends the
requests and keeps the answers. The machine holds the process that runs the script. One session is one Lua state:
globals and top-level locals live from run to run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from kosmo_kernel import accounts, docs, integrations
from kosmo_kernel.errors import KosmoError, UnknownNameError
from kosmo_kernel.hints import hints
from kosmo_kernel.limits import limits
from kosmo_kernel.lua.machine import CallRequest, Failure, Machine
from kosmo_kernel.lua.surface import surface
from kosmo_kernel.redact import redact
from kosmo_kernel.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kosmo_kernel.calls import Caller
    from kosmo_kernel.frames import KosmoFrame

OUTPUT_MOST = 1 << 20  # bytes that one run may print
OUTPUT_LINES = 20_000
FICTION = "Fictional data: the account in use is the demo."


@dataclass(slots=True)
class Call:
    """One `app.*` call that a run made.

    Parameters:
        path: `integrations.heroku.list_apps`.
        account: its alias.
        duration_ms: how long it took.
        status: `ok` or `error`.
        rows: how many records came, or None for none.
        requests: how many HTTP requests it took.
        error: the message, when it failed.
    """

    path: str
    account: str
    duration_ms: float
    status: str
    rows: int | None = None
    requests: int = 0
    error: str | None = None


@dataclass(slots=True)
class Result:
    """What a run gave.

    Parameters:
        values: everything the chunk returned (its last expression counts as returned), each one of None, bool,
            int, float, str, list, dict, `records.Record`, `records.Records`, `docs.Page` (a text shown as Markdown)
            or `lua.values.Opaque` (a function, coroutine or namespace, of which only the text is known).
        hidden: the chunk ended in `;` or has no value, so that a notebook shows none.
        output: what it printed, standard output and standard error in order.
        calls: what it asked for, in order.
        seconds: how long it ran, waiting included.
        memory: bytes of Lua heap at the end.
        account: what `heroku.<function>` meant.
        notes: warnings for people, one line each.
    """

    values: list[Any] = field(default_factory=list)
    hidden: bool = False
    output: str = ""
    calls: list[Call] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    account: str = accounts.DEFAULT
    notes: list[str] = field(default_factory=list)

    @property
    def value(self) -> Any:
        """The first value, or None."""
        return self.values[0] if self.values else None

    def frame(self) -> KosmoFrame:
        """The value as a pandas DataFrame.

        Raises:
            TypeError: the value is no list of records.
        """
        from kosmo_kernel.frames import frame_of  # noqa: PLC0415 - pandas, not before the first table
        from kosmo_kernel.records import Records  # noqa: PLC0415 - as above

        if not isinstance(self.value, Records):
            raise TypeError(f"a frame is made of a list of records, and the value is a {type(self.value).__name__}")
        return frame_of(self.value)


class Session:
    """A Lua state that lives on between runs, and the accounts it may ask. A context manager.

    Parameters:
        account: the alias that `heroku.<function>` means; `demo` with KOSMO_DEMO=1, else `default`, when None.
        memory_limit: bytes of Lua heap; 256 MiB when None.
        cpu_limit: seconds of Lua's own running time in one run; 30 when None.
        timeout: seconds by the wall clock for one run; no limit when None.

    Raises:
        SettingsError: a limit that makes no sense.
        UnknownNameError: there is no account of that name.
    """

    def __init__(
        self,
        account: str | None = None,
        *,
        memory_limit: int | None = None,
        cpu_limit: float | None = None,
        timeout: float | None = None,
    ) -> None:
        self.account = account or (accounts.DEMO if accounts.demo_chosen() else accounts.DEFAULT)
        _check_account(self.account)
        self.limits = limits(memory_limit, cpu_limit, timeout)
        self.last: Result | None = None
        self._scripts = Scripts()
        self._caller: Caller | None = None
        functions = {f"{i.name}.{f.name}": f for i in integrations.BUILT_IN for f in i.functions}
        self._machine = Machine(functions, _surface)

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

        Raises:
            UnknownNameError: there is no account of that name.
            KosmoError: with what was printed and called before in its `result`.
        """
        if account is not None:
            _check_account(account)
        run = _Run(self, Result(account=account or self.account), on_output, on_input)
        given = limits(memory_limit or self.limits.memory, cpu_limit or self.limits.cpu, timeout or self.limits.timeout)
        run.result.notes = hints(source)
        self._scripts.add(name, source)
        self.last = run.result
        started = time.perf_counter()
        try:
            outcome = self._machine.run(source, name=name, args=tuple(args), limits=given, host=run)
        except Failure as failure:
            run.end(started)
            raise self._error(failure, run) from None
        run.end(started)
        run.result.values = [run.page(value) for value in outcome.values]
        run.result.hidden, run.result.memory = outcome.hidden, outcome.memory
        return run.result

    def _error(self, failure: Failure, run: _Run) -> KosmoError:
        """The error that a run ended in, with the place in the script that it came from."""
        error = failure.error
        if failure.facts:
            cause = next((e for e in run.errors if e.message == failure.facts.get("message")), None)
            if cause is not None:
                cause.message, error = error.message, cause
        error.line, error.chunk = self._scripts.place(error.message, failure.stack)
        error.excerpt = self._scripts.excerpt(error.chunk, error.line)
        error.stack = self._scripts.stack(failure.stack)
        error.result = run.result
        return error

    # Questions of an editor --------------------------------------------------------------------------

    def completeness(self, source: str) -> tuple[str, str]:
        """Whether a chunk is `complete`, `incomplete` or `invalid`, and how far to indent the next line."""
        state = str(self._machine.ask("check", source)["state"])
        return state, self._scripts.indent(source) if state == "incomplete" else ""

    def names(self, chain: Sequence[str]) -> list[tuple[str, str]]:
        """What can follow a chain of names, without effects and without requests.

        Parameters:
            chain: `("app", "integrations", "heroku")`; empty for the globals and the locals that live on.

        Returns:
            Name and Lua type of each, in order of name.
        """
        return sorted(self._machine.ask("names", chain=list(chain))["names"].items())

    def resolve(self, chain: Sequence[str]) -> dict[str, Any] | None:
        """What is known of the value at the end of a chain of names, or None when there is no such value.

        Returns:
            `type`, `text`; `function` for one of the catalogue, `heroku.list_apps`; `source`, `line` and `chunk`
            for one that a script defined.
        """
        found = self._machine.ask("resolve", chain=list(chain))
        wanted = ("type", "text", "function", "source", "line", "chunk")
        return {key: found[key] for key in wanted if key in found} if found.get("found") else None

    # Ending ------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop the run in progress; from any thread or a signal handler. A second time ends the Lua process."""
        self._machine.interrupt()

    def reset(self) -> None:
        """Forget all Lua variables."""
        self._machine.reset()

    def close(self) -> None:
        """End the Lua process and close all connections. A closed session stays closed."""
        self._machine.close()
        if self._caller:
            self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process id of the Lua process, or None when none runs."""
        return self._machine.pid

    def caller(self) -> Caller:
        """Who sends the requests; made at the first call, since it brings the HTTP library."""
        if self._caller is None:
            from kosmo_kernel.calls import Caller  # noqa: PLC0415 - see above

            self._caller = Caller()
        return self._caller


@dataclass(slots=True)
class _Run:
    """One run's answers to its script: the machine's `Host`."""

    session: Session
    result: Result
    on_output: Callable[[str, str], None] | None
    on_input: Callable[[str], str | None] | None
    errors: list[KosmoError] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _pages: set[str] = field(default_factory=set)
    _bytes: int = 0
    _lines: int = 0
    _cut: bool = False

    def call(self, request: CallRequest) -> list[Any]:
        """Make a call and log it."""
        integration_name, _, function_name = request.path.partition(".")
        alias = request.account if request.account not in (None, accounts.DEFAULT) else self.result.account
        call = Call(f"integrations.{request.path}", alias or accounts.DEFAULT, 0.0, "ok")
        started = time.perf_counter()
        try:
            integration = integrations.find(integration_name)
            function = integration.function(function_name)
            values: Mapping[str, Any] | Sequence[Any] = request.positional if request.named is None else request.named
            answer = self.session.caller().call(integration, function, call.account, values)
        except KosmoError as error:
            call.status, call.error = "error", error.message
            raise
        finally:
            call.duration_ms = (time.perf_counter() - started) * 1000
            self.result.calls.append(call)
        call.rows, call.requests = answer.rows, answer.requests
        if call.account == accounts.DEMO and request.account != accounts.DEMO and FICTION not in self.result.notes:
            self.result.notes.append(FICTION)
        self.result.notes += [note for note in answer.notes if note not in self.result.notes]
        return answer.values

    def space(self, integration: str | None, key: str) -> str:
        """The account that a name in a namespace means."""
        if integration is None:
            integrations.find(key)
            raise UnknownNameError(f"The integration `{key}` was added after Lua started. Reset, and it is there.")
        found = integrations.find(integration)
        aliases = accounts.names(found)
        if key == accounts.DEFAULT or key.lower().replace("-", "_") in aliases:
            return key
        raise _unknown(found, key, aliases)

    def docs(self, verb: str, page: str) -> str:
        """A page of the reference, remembered so that a cell's value which is that page is shown as Markdown."""
        made = {"read": docs.read, "search": docs.search}.get(verb)
        found = made(page) if made else docs.list_pages()
        self._pages.add(str(found))
        return str(found)

    def page(self, value: Any) -> Any:
        """A value of the run, as a page where it is the text of one."""
        return docs.Page(value) if type(value) is str and value in self._pages else value

    def output(self, stream: str, text: str) -> None:
        """The script printed: pass it on, up to the limit."""
        if self._cut:
            return
        caller = self.session._caller  # noqa: SLF001 - one object in two classes
        text = redact(text, caller.tokens() if caller else ())
        room_lines, room = OUTPUT_LINES - self._lines, OUTPUT_MOST - self._bytes
        lines = text.count("\n")
        if lines > room_lines or len(text) > room:
            text = "".join(text.splitlines(keepends=True)[:room_lines])[:room]
            self._cut = True
        self._lines, self._bytes = self._lines + lines, self._bytes + len(text)
        self._emit(stream, text)
        if self._cut:
            note = (
                f"\n… the output is cut here: a run prints at most {OUTPUT_LINES:,} lines and {OUTPUT_MOST:,} bytes\n"
            )
            self._emit("stderr", note)

    def _emit(self, stream: str, text: str) -> None:
        self._pieces.append(text)
        if self.on_output:
            self.on_output(stream, text)

    def failed(self, error: KosmoError) -> None:
        """A question was answered by an error, which the script may catch or end in."""
        self.errors.append(error)

    def input(self, form: str) -> str | None:
        """What `io.read` gets."""
        return self.on_input(form) if self.on_input else None

    def end(self, started: float) -> None:
        """The run is over."""
        self.result.seconds = time.perf_counter() - started
        self.result.output = "".join(self._pieces)


def _surface() -> list[dict[str, Any]]:
    """What `app.integrations` holds."""
    return surface(integrations.BUILT_IN, {i.name: accounts.names(i) for i in integrations.BUILT_IN})


def _check_account(alias: str) -> None:
    """An account that is asked for by name must exist, whether or not the run makes a call."""
    name = alias.lower().replace("-", "_")
    if name == accounts.DEFAULT or any(name in accounts.names(one) for one in integrations.BUILT_IN):
        return
    accounts.find(integrations.BUILT_IN[0], alias)


def _unknown(integration: Any, key: str, aliases: Sequence[str]) -> UnknownNameError:
    """A name that is neither a function nor an account."""
    from kosmo_kernel.catalogue import nearest  # noqa: PLC0415 - only once something is wrong

    names = [*(f.name for f in integration.functions), *aliases]
    near = nearest(key, names) or names
    listed = tuple(f"app.integrations.{integration.name}.{name}" for name in near)
    return UnknownNameError(f"{integration.title} has no function and no account `{key}`.", listed)
