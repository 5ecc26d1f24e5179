"""Handling of a tool call: it is validated and executed, and answered early if it takes longer than a client waits.

Calls block, so each runs in its own thread; the thread and the SDK's handler share an `InFlightCall`. Errors are
returned as results, so that an agent can read them, correct the call and retry.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from kosmo_kernel import docs
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, StoppedError
from kosmo_kernel.mcp.calls import checked
from kosmo_kernel.mcp_server.answers import (
    CHARACTERS_PER_TOKEN,
    MORE,
    ToolResult,
    answer_of_data,
    answer_of_run,
    answer_of_text,
    ending_notes,
)
from kosmo_kernel.mcp_server.checks import (
    CHECK,
    PARAMS,
    checks_named,
    not_checked,
    notes_of,
    parameters_of,
    summary_of,
    value_of,
)
from kosmo_kernel.mcp_server.checks import page as checks_page
from kosmo_kernel.mcp_server.in_flight import InFlightCall, Phase
from kosmo_kernel.mcp_server.search import WHO, kept_lines, page_list, running_lines, search, session_lines
from kosmo_kernel.mcp_server.sessions import IDLE_SECONDS, ClientSession, Sessions
from kosmo_kernel.mcp_server.tools import ACCOUNT, CODE, DEFAULT_TOKENS, LUA, READ, SESSION, STOP, TOKENS, offered
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.options import Frontend, RunOptions
from kosmo_kernel.session import Session
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.limits import check_defaults
from kosmo_kernel.settings.table import ANSWER_WITHIN, LIMITS, MAX_TOKENS
from kosmo_kernel.text.quantities import duration
from kosmo_kernel.values.records import Records, encode

CHUNK = "lua_run"  # the chunk's name in error messages
NOTHING_KEPT = "This session has no variables and no values yet."


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The options that the user starts the server with; for the defaults see `Session`."""

    account: str | None = None  # the alias of the account for calls that name none
    # The limits of a run by name, those of `settings.table.LIMITS`; None for the default.
    limits: Mapping[str, Any] = field(default_factory=dict)
    allow_mcp_servers: bool = False  # scripts may use the MCP servers that the user has configured
    functions: bool = False  # offer a tool for each function, too
    max_tokens: int | None = None  # the maximum tokens of an answer; None for the user's setting
    # Seconds after which a call that still runs is answered; None for the user's setting.
    answer_within: float | None = None


class CallHandler:
    """Handles the calls of the server's tools. Thread-safe.

    Parameters:
        options: the user's options.
        several_clients: there may be more than one client, and calls can name their session.

    Attributes:
        offers: the tools, by name.
        answer_within: seconds after which a call that still runs is answered.

    Raises:
        SettingsError, UnknownNameError: as for `Session`, or a limit of the user's settings is above its ceiling.
    """

    def __init__(self, options: ServerOptions, *, several_clients: bool = False) -> None:
        self._options = options
        self._sessions = Sessions(self._session, IDLE_SECONDS if several_clients else None)
        max_tokens = MAX_TOKENS.resolve(options.max_tokens, config().get(*MAX_TOKENS.config))
        self._default_tokens = min(DEFAULT_TOKENS, max_tokens)
        self.answer_within: float = ANSWER_WITHIN.resolve(options.answer_within, config().get(*ANSWER_WITHIN.config))
        with self._session() as session:  # raises errors in settings now and not at the first call
            self.offers = offered(
                session.limits,
                max_tokens,
                functions=options.functions,
                others=options.allow_mcp_servers,
                sessions=several_clients,
            )

    def answer(
        self, name: str, arguments: Mapping[str, Any], underway: InFlightCall, client: str | None = ""
    ) -> ToolResult:
        """Execute a call in this thread, and return its result.

        Parameters:
            name: the name of a tool in `offers`.
            arguments: the arguments by name, not validated.
            underway: the call's progress and cancellation.
            client: identifies the client; None if the transport does not.
        """
        offer = self.offers[name]
        tokens = self._default_tokens
        try:
            valid = checked(offer.tool, arguments)
            tokens = valid.pop(TOKENS, tokens)
            owner = _owner(client, valid.pop(SESSION, None))
            underway.new_session = owner.new_name
            if offer.function:
                return self._call(offer.function, valid, underway, tokens, owner)
            if name == LUA and CHECK in valid:
                return self._check(valid, underway, tokens, owner)
            if name == LUA:
                return self._run(valid, underway, tokens, owner)
            if name == READ:
                return ToolResult(_page(valid.get("page", ""), tokens))
            return self._search(valid["words"], underway, tokens, owner)
        except KosmoError as error:
            if error.where == offer.tool.function:  # with our server's name, which is the client's choice
                error.where = name
            return ToolResult(answer_of_run(error.result, tokens, error=error).text, failed=True)
        finally:
            underway.finish()

    def early_answer(self, underway: InFlightCall) -> ToolResult | None:
        """Return the answer to a call that still runs, and let it go on; None if its result is there.

        A call that still waits for an earlier one of its session is cancelled.

        Parameters:
            underway: the call.
        """
        phase = underway.detach()
        if phase is Phase.OVER:
            return None
        if phase is Phase.WAITING:
            after = duration(self.answer_within)
            return ToolResult(
                f"Not run: an earlier call of this session still runs, {after} later. The word `who` of "
                f"`lua_search_docs` says how far it is. Call again to go on waiting, or stop it with `{STOP}`.",
                failed=True,
            )
        value = f"Its value will be {underway.kept}: call `lua_run` with `return {underway.kept}` to wait for it. "
        lines = [
            f"Still running, and going on, after {underway.describe()}.",
            f"{value if underway.kept else ''}`{STOP}` of `lua_run` stops it.",
            *([_session_line(underway.new_session)] if underway.new_session else []),
        ]
        return ToolResult("\n".join(lines))

    def value_of(self, client: str | None, number: int, session: str | None = None) -> Any:
        """Return a value of `Out` of a client; None if there is none.

        Parameters:
            client: identifies the client; None if the transport does not.
            number: its number.
            session: the name of the session, where the transport does not identify the client.

        Raises:
            UnknownNameError: the value was dropped, or there is no such session.
        """
        owner = _owner(client, session)
        with self._sessions.of_client(owner.key, InFlightCall(lambda _: None), known=True) as of_client:
            return of_client.lua.kept.read(number)

    def end(self, client: str) -> None:
        """Close the session of a client that has left."""
        self._sessions.end(_owner(client, None).key)

    def close(self) -> None:
        """Stop all calls and close all sessions."""
        self._sessions.close()

    def _session(self) -> Session:
        options = self._options
        check_defaults([name for name, value in options.limits.items() if value is not None])
        return Session(options.account, **options.limits, mcp=options.allow_mcp_servers, agent=True)

    def _search(self, words: str, underway: InFlightCall, tokens: int, owner: _Owner) -> ToolResult:
        if words.strip().lower() != WHO:
            return ToolResult(answer_of_text(search(words), tokens))
        with self._sessions.of_client(owner.key, underway, known=owner.is_named) as session:
            if running := running_lines(session):  # the variables can be listed when it has ended
                lines = kept_lines(session)
            else:
                with session.turn(underway):
                    lines = session_lines(session)
            return ToolResult(answer_of_data(lines, tokens, running, session.pending_notes) or NOTHING_KEPT)

    def _call(
        self, function: str, arguments: dict[str, Any], underway: InFlightCall, tokens: int, owner: _Owner
    ) -> ToolResult:
        """Call a function of the catalogue, without Lua; its value is kept for Lua."""
        options = RunOptions(account=arguments.pop(ACCOUNT, None))

        def call(session: Session) -> Answered:
            frontend = Frontend(progress=underway.report)
            result = session.call(function, arguments, options, frontend, is_cancelled=lambda: underway.cancelled)
            return Answered(result)

        return self._without_lua(call, underway, tokens, owner)

    def _check(self, arguments: dict[str, Any], underway: InFlightCall, tokens: int, owner: _Owner) -> ToolResult:
        """Run checks; their findings are kept for Lua."""
        names, account = arguments.pop(CHECK), arguments.pop(ACCOUNT, None)
        checks = checks_named(names)
        parameters = parameters_of(checks, names, arguments.pop(PARAMS, {}))
        if arguments:
            names = ", ".join(f"`{name}`" for name in arguments)
            raise InvalidArgumentsError(f"{names} cannot be given with `{CHECK}`: a check has its own code and limits.")

        def call(session: Session) -> Answered:
            from kosmo_kernel.checks.run import run_questions

            frontend = Frontend(progress=underway.report)
            report = run_questions(
                checks,
                account,
                parameters=parameters,
                frontend=frontend,
                session=session,
                is_cancelled=lambda: underway.cancelled,
            )
            if underway.cancelled:
                raise StoppedError("The call was cancelled.")
            result = Result(account=report.account, values=[value_of(report)], notes=list(notes_of(report)))
            summary = partial(summary_of, report) if len(checks) > 1 else None
            return Answered(result, not_checked(report), summary)

        return self._without_lua(call, underway, tokens, owner)

    def _without_lua(
        self, call: Callable[[Session], Answered], underway: InFlightCall, tokens: int, owner: _Owner
    ) -> ToolResult:
        """Make a call that does not use the Lua state of the client, and keep its value there.

        Parameters:
            call: makes the call with a session.
        """
        with self._sessions.of_client(owner.key, underway, known=owner.is_named) as of_client:
            number = of_client.next_number()
            underway.begin(_out(number))
            error: KosmoError | None = None
            try:
                with self._sessions.without_lua() as session:
                    answered = call(session)
                result = answered.result
                with of_client.turn(underway):
                    dropped = of_client.lua.keep(number, result.value, len(encode(result.value)))
                result.notes[:0] = filter(None, [dropped])
            except KosmoError as failure:
                error = failure
            kept = _out(number) if number in of_client.lua.kept else ""
            if underway.finish():
                of_client.pending_notes += ending_notes(underway.kept, error.result if error else result, error)
                return ToolResult("")
            if error:
                raise error
            earlier = of_client.take_pending_notes()
            further = "\n".join(filter(None, [answered.line, _further(of_client, owner)]))
            summary = partial(answered.summary, kept) if answered.summary else None
            answer = answer_of_run(
                result, tokens, kept=kept, earlier=earlier, further=further, summary_of_value=summary
            )
            of_client.note_cut(number, answer.rows)
            return ToolResult(answer.text)

    def _run(self, arguments: dict[str, Any], underway: InFlightCall, tokens: int, owner: _Owner) -> ToolResult:
        """Run Lua in the client's session."""
        if CODE not in arguments:
            raise InvalidArgumentsError(f"`{LUA}` needs `{CODE}`, or `{CHECK}` with the names of checks.")
        with self._sessions.of_client(owner.key, underway, known=owner.is_named) as session:
            if arguments.pop(STOP, False):
                for call in session.running():
                    if call.answered:
                        call.cancel()
            session.wait_for_answered(underway)
            with session.turn(underway):
                try:
                    if arguments[CODE].strip() == MORE:
                        return _more_rows(session, tokens, owner)
                    return _run_lua(session, arguments, underway, tokens, owner)
                finally:
                    underway.finish()  # before the next call can use the session


def _page(name: str, tokens: int) -> str:
    """Return a page of the reference or of a check, within a number of tokens."""
    page = checks_page(name) if name.strip() else page_list()
    return answer_of_text(docs.read(name) if page is None else page, tokens, f"docs.read({json.dumps(name)})")


class Answered(NamedTuple):
    """The answer to a call that uses no Lua."""

    result: Result  # the result
    line: str = ""  # a line that is never cut
    # Returns the text that stands for the value, of the name under which it is kept and within a number of characters;
    # that of the value itself if None.
    summary: Callable[[str, int], str] | None = None


class _Owner(NamedTuple):
    """The owner of a session."""

    key: str  # identifies the session
    is_named: bool = False  # the call named the session
    new_name: str = ""  # the name of a session that begins with this call; empty if the transport identifies the client


def _owner(client: str | None, name: str | None) -> _Owner:
    if name is not None:
        return _Owner(f"session {name}", is_named=True)
    if client is not None:
        return _Owner(f"client {client}")
    name = secrets.token_urlsafe(9)
    return _Owner(f"session {name}", new_name=name)


def _session_line(name: str) -> str:
    return f'Pass `session = "{name}"` to go on with these variables and `Out`.'


def _further(session: ClientSession, owner: _Owner) -> str:
    """Return what a client has to know about its session."""
    if owner.new_name:
        return _session_line(owner.new_name)
    if session.is_new_again:
        session.is_new_again = False
        return "The earlier session was closed after a while without calls: there are no variables and no `Out` of it."
    return ""


def _out(number: int) -> str:
    return f"Out[{number}]"


def _run_lua(
    session: ClientSession, arguments: dict[str, Any], underway: InFlightCall, tokens: int, owner: _Owner
) -> ToolResult:
    limits: dict[str, Any] = {setting.name: arguments.get(setting.name) for setting in LIMITS}
    dry_run = arguments.get("dry_run", False)
    number = session.next_number()
    underway.begin("" if dry_run else _out(number), session.lua)
    options = RunOptions(
        CHUNK, account=arguments.get(ACCOUNT), **limits, dry_run=dry_run, number=None if dry_run else number
    )
    error: KosmoError | None = None
    result: Result | None
    try:
        result = session.lua.execute(arguments[CODE], options, Frontend(progress=underway.report))
    except KosmoError as failure:
        error, result = failure, failure.result
    is_answered = underway.finish()
    kept = session.lua.kept
    if result is not None and result.output and number not in kept and (error is not None or result.value is None):
        is_long = len(result.output) > tokens * CHARACTERS_PER_TOKEN // 2
        if is_long or is_answered:  # because the answer may show a part
            result.notes[:0] = filter(None, [session.lua.keep(number, result.output, len(result.output))])
    if is_answered:
        session.pending_notes += ending_notes(_out(number), result, error)
    if is_answered or underway.cancelled:  # nobody reads what this call returns
        return ToolResult("")
    name, earlier = _out(number) if number in kept else "", session.take_pending_notes()
    answer = answer_of_run(result, tokens, error=error, kept=name, earlier=earlier, further=_further(session, owner))
    session.note_cut(number, answer.rows)
    return ToolResult(answer.text, failed=error is not None)


def _more_rows(session: ClientSession, tokens: int, owner: _Owner) -> ToolResult:
    """Return the next rows of the list that was cut last; they are a part of the same value of `Out`.

    Raises:
        InvalidArgumentsError: no list was cut, or all of its rows have been shown.
        UnknownNameError: the list was dropped.
    """
    if session.cut is None:
        raise InvalidArgumentsError(f"`{MORE}` has the next rows of the list that was cut last, and none was cut.")
    number, first = session.cut
    value = session.lua.kept.read(number)
    rows = value.take(range(first, len(value))) if isinstance(value, Records) else value[first:]
    session.cut = None
    answer = answer_of_run(
        Result([rows]), tokens, kept=_out(number), first_row=first + 1, further=_further(session, owner)
    )
    session.note_cut(number, first + answer.rows if answer.rows else 0)
    return ToolResult(answer.text)
