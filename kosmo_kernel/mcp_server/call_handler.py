"""Handling of a tool call: it is validated and executed, and answered early if it takes longer than a client waits.

Calls block, so each runs in its own thread; the thread and the SDK's handler share an `InFlightCall`. Errors are
returned as results, so that an agent can read them, correct the call and retry.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel import docs
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.mcp.calls import checked
from kosmo_kernel.mcp_server import answers
from kosmo_kernel.mcp_server.answers import ToolResult
from kosmo_kernel.mcp_server.sessions import IDLE_SECONDS, ClientSession, InFlightCall, Phase, Sessions
from kosmo_kernel.mcp_server.tools import (
    ACCOUNT,
    CHECK,
    CODE,
    DEFAULT_TOKENS,
    LUA,
    PARAMS,
    READ,
    SESSION,
    STOP,
    TOKENS,
    offered,
)
from kosmo_kernel.questions import CHECKS
from kosmo_kernel.questions.discovery import all_checks, find_check
from kosmo_kernel.results import Result
from kosmo_kernel.run.options import Frontend, RunOptions
from kosmo_kernel.session import Session
from kosmo_kernel.settings.config_file import resolve
from kosmo_kernel.settings.limits import check_defaults
from kosmo_kernel.settings.table import ANSWER_WITHIN, LIMITS, MAX_TOKENS
from kosmo_kernel.text import duration
from kosmo_kernel.values.records import Records, encode

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question

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
    tasks: bool = False  # give a client that takes tasks one for a long call
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
        gives_tasks: whether clients that take tasks get one for a long call.

    Raises:
        SettingsError, UnknownNameError: as for `Session`, or a limit of the user's settings is above its ceiling.
    """

    def __init__(self, options: ServerOptions, *, several_clients: bool = False) -> None:
        self._options, self.gives_tasks = options, options.tasks
        self._sessions = Sessions(self._session, IDLE_SECONDS if several_clients else None)
        max_tokens = resolve(MAX_TOKENS, options.max_tokens)
        self._default_tokens = min(DEFAULT_TOKENS, max_tokens)
        self.answer_within: float = resolve(ANSWER_WITHIN, options.answer_within)
        with self._session() as session:  # raises errors in settings now and not at the first call
            self.offers = offered(
                session.limits,
                max_tokens,
                functions=options.functions,
                others=options.allow_mcp_servers,
                sessions=several_clients,
            )

    def answer(
        self, name: str, arguments: Mapping[str, Any], call: InFlightCall, client: str | None = ""
    ) -> ToolResult:
        """Execute a call in this thread, and return its result.

        Parameters:
            name: the name of a tool in `offers`.
            arguments: the arguments by name, not validated.
            call: its progress and cancellation.
            client: identifies the client; None if the transport does not.
        """
        offer = self.offers[name]
        call.max_tokens = self._default_tokens
        try:
            valid = checked(offer.tool, arguments)
            call.max_tokens = valid.pop(TOKENS, call.max_tokens)
            owner = _owner(client, valid.pop(SESSION, None))
            call.session_key, call.names_session, call.new_session = owner
            if offer.function:
                return self._call(offer.function, valid, call)
            if name == LUA:
                return self._check(valid, call) if CHECK in valid else self._run(valid, call)
            if name == READ:
                return ToolResult(_page(valid.get("page", ""), call.max_tokens))
            return self._search(valid["words"], call)
        except KosmoError as error:
            if error.where == offer.tool.function:  # with our server's name, which is the client's choice
                error.where = name
            return answers.answer_of_run(error.result, call.max_tokens, error=error)
        finally:
            call.finish()

    def early_answer(self, call: InFlightCall) -> ToolResult | None:
        """Return the answer to a call that still runs, and let it go on; None if its result is there.

        A call that still waits for an earlier one of its session is cancelled.

        Parameters:
            call: the call.
        """
        phase = call.detach()
        if phase is Phase.OVER:
            return None
        if phase is Phase.WAITING:
            after = duration(self.answer_within)
            return ToolResult(
                f"Not run: an earlier call of this session still runs, {after} later. The word `who` of "
                f"`lua_search_docs` says how far it is. Call again to go on waiting, or stop it with `{STOP}`.",
                failed=True,
            )
        value = f"Its value will be {call.name}: call `lua_run` with `return {call.name}` to wait for it. "
        lines = [
            f"Still running, and going on, after {call.describe()}.",
            f"{value if call.name else ''}`{STOP}` of `lua_run` stops it.",
            *([_session_line(call.new_session)] if call.new_session else []),
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
        key, *_ = _owner(client, session)
        with self._sessions.of_client(key, InFlightCall(lambda _: None), is_named=True) as of_client:
            return of_client.lua.kept.read(number)

    def end(self, client: str) -> None:
        """Close the session of a client that has left."""
        self._sessions.end(_owner(client, None)[0])

    def close(self) -> None:
        """Stop all calls and close all sessions."""
        self._sessions.close()

    def _session(self) -> Session:
        options = self._options
        check_defaults([name for name, value in options.limits.items() if value is not None])
        return Session(options.account, **options.limits, mcp=options.allow_mcp_servers, agent=True)

    def _of_client(self, call: InFlightCall) -> AbstractContextManager[ClientSession]:
        return self._sessions.of_client(call.session_key, call, is_named=call.names_session)

    def _search(self, words: str, call: InFlightCall) -> ToolResult:
        if words.strip().lower() != answers.WHO:
            return ToolResult(answers.answer_of_text(answers.search(words), call.max_tokens))
        with self._of_client(call) as session:
            if running := answers.running_lines(session):  # the variables can be listed when it has ended
                lines = answers.kept_lines(session)
            else:
                with session.turn(call):
                    lines = answers.session_lines(session)
            return ToolResult(
                answers.answer_of_data(lines, call.max_tokens, running, session.pending_notes) or NOTHING_KEPT
            )

    def _call(self, function: str, arguments: dict[str, Any], call: InFlightCall) -> ToolResult:
        """Call a function of the catalogue, without Lua; its value is kept for Lua."""
        options = RunOptions(account=arguments.pop(ACCOUNT, None))

        def ask(session: Session) -> Answered:
            frontend = Frontend(progress=call.report)
            return Answered(session.call(function, arguments, options, frontend, is_cancelled=lambda: call.cancelled))

        return self._without_lua(ask, call)

    def _check(self, arguments: dict[str, Any], call: InFlightCall) -> ToolResult:
        """Run checks; their findings are kept for Lua."""
        names, account, parameters = arguments.pop(CHECK), arguments.pop(ACCOUNT, None), arguments.pop(PARAMS, {})
        checks = _checks_named(names, parameters)
        if arguments:
            names = ", ".join(f"`{name}`" for name in arguments)
            raise InvalidArgumentsError(f"{names} cannot be given with `{CHECK}`: a check has its own code and limits.")

        def run(session: Session) -> Answered:
            from kosmo_kernel.checks.run import run_questions

            report = run_questions(
                checks,
                account,
                parameters=parameters,
                frontend=Frontend(progress=call.report),
                session=session,
                is_cancelled=lambda: call.cancelled,
            )
            call.check()
            value, notes = answers.value_of(report), list(answers.notes_of(report))
            result = Result(account=report.account, values=[value], notes=notes)
            summary = partial(answers.summary_of, report) if len(checks) > 1 else None
            return Answered(result, answers.not_checked(report), summary)

        return self._without_lua(run, call)

    def _without_lua(self, work: Callable[[Session], Answered], call: InFlightCall) -> ToolResult:
        """Do the work of a call that does not use the Lua state of the client, and keep its value there."""
        with self._of_client(call) as of_client:
            number = next(of_client.numbers)
            call.begin(_out(number))
            answered, error = Answered(None), None
            try:
                with self._sessions.without_lua() as session:
                    answered = work(session)
                if result := answered.result:
                    with of_client.turn(call):
                        dropped = of_client.lua.keep(number, result.value, len(encode(result.value)))
                    result.notes[:0] = filter(None, [dropped])
            except KosmoError as failure:
                answered, error = Answered(failure.result), failure
            return _answer(of_client, call, number, answered, error)

    def _run(self, arguments: dict[str, Any], call: InFlightCall) -> ToolResult:
        """Run Lua in the client's session."""
        if CODE not in arguments:
            raise InvalidArgumentsError(f"`{LUA}` needs `{CODE}`, or `{CHECK}` with the names of checks.")
        with self._of_client(call) as session:
            if arguments.pop(STOP, False):
                for earlier in session.running():
                    if earlier.answered:
                        earlier.cancel()
            session.wait_for_answered(call)
            with session.turn(call):
                try:
                    is_more = arguments[CODE].strip() == answers.MORE
                    return _more_rows(session, call) if is_more else _run_lua(session, arguments, call)
                finally:
                    call.finish()  # before the next call can use the session


def _checks_named(names: str, parameters: Mapping[str, Any]) -> list[Question]:
    """Return the checks with these names, which commas separate, or all of them.

    Parameters:
        names: the names.
        parameters: the parameters of the checks, which are validated; checks that are named lack none.

    Raises:
        InvalidArgumentsError: there is no name, a check that is named lacks a parameter, or one is of another kind.
        UnknownNameError: there is no check of a name, or no check has one of the parameters.
        SettingsError: a check of the user is invalid.
    """
    from kosmo_kernel.checks.parameters import check_parameters, require_parameters

    words = [name.strip().removeprefix(f"{CHECKS}.") for name in names.split(",") if name.strip()]
    if not words:
        raise InvalidArgumentsError(f"`{CHECK}` takes names of checks with commas between them, or `{answers.ALL}`.")
    checks = all_checks() if words == [answers.ALL] else [find_check(name) for name in dict.fromkeys(words)]
    check_parameters(checks, parameters)
    if words != [answers.ALL]:
        require_parameters(
            checks, parameters, lambda check, param: f'`{PARAMS}` with "{check.name}.{param.name}": {param.doc}'
        )
    return checks


def _page(name: str, tokens: int) -> str:
    """Return a page of the reference or of a check, within a number of tokens."""
    page = answers.page_of_checks(name) if name.strip() else answers.page_list()
    return answers.answer_of_text(docs.read(name) if page is None else page, tokens, f"docs.read({json.dumps(name)})")


class Answered(NamedTuple):
    """The answer to a call that uses no Lua."""

    result: Result | None  # the result, a partial one if the call failed; None if it did not start
    line: str = ""  # a line that is never cut
    # Returns the text that stands for the value, of the name under which it is kept and within a number of characters;
    # that of the value itself if None.
    summary: Callable[[str, int], str] | None = None


def _owner(client: str | None, session: str | None) -> tuple[str, bool, str]:
    """Return what identifies the session of a call, whether the call named it, and the name of a new one."""
    if session is not None:
        return f"session {session}", True, ""
    if client is not None:
        return f"client {client}", False, ""
    name = secrets.token_urlsafe(9)
    return f"session {name}", False, name


def _session_line(name: str) -> str:
    return f'Pass `session = "{name}"` to go on with these variables and `Out`.'


def _further(session: ClientSession, call: InFlightCall) -> str:
    """Return what a client has to know about its session."""
    if call.new_session:
        return _session_line(call.new_session)
    if session.is_new_again:
        session.is_new_again = False
        return "The earlier session was closed after a while without calls: there are no variables and no `Out` of it."
    return ""


def _out(number: int) -> str:
    return f"Out[{number}]"


def _run_lua(session: ClientSession, arguments: dict[str, Any], call: InFlightCall) -> ToolResult:
    limits: dict[str, Any] = {setting.name: arguments.get(setting.name) for setting in LIMITS}
    is_dry, number = arguments.get("dry_run", False), next(session.numbers)
    call.begin("" if is_dry else _out(number), session.lua)
    account = arguments.get(ACCOUNT)
    options = RunOptions(CHUNK, account=account, **limits, dry_run=is_dry, number=None if is_dry else number)
    error: KosmoError | None = None
    result: Result | None
    try:
        result = session.lua.execute(arguments[CODE], options, Frontend(progress=call.report))
    except KosmoError as failure:
        error, result = failure, failure.result
    is_left = call.finish()
    if result is not None and result.output and number not in session.lua.kept and (error or result.value is None):
        is_long = len(result.output) > call.max_tokens * answers.CHARACTERS_PER_TOKEN // 2
        if is_long or is_left:  # because the answer may show a part
            result.notes[:0] = filter(None, [session.lua.keep(number, result.output, len(result.output))])
    return _answer(session, call, number, Answered(result), error)


def _answer(
    session: ClientSession, call: InFlightCall, number: int, answered: Answered, error: KosmoError | None
) -> ToolResult:
    """Return the answer to a call that has ended; leave it to the next call if nobody waits for this one any more."""
    is_left, name = call.finish(), _out(number)
    if is_left:
        session.pending_notes += answers.ending_notes(name, answered.result, error)
    if is_left or call.cancelled:
        return ToolResult("")
    answer = answers.answer_of_run(
        answered.result,
        call.max_tokens,
        error=error,
        name=name if number in session.lua.kept else "",
        earlier=session.take_pending_notes(),
        further="\n".join(filter(None, [answered.line, _further(session, call)])),
        summary_of_value=partial(answered.summary, name) if answered.summary else None,
    )
    session.note_cut(number, answer.rows)
    return answer


def _more_rows(session: ClientSession, call: InFlightCall) -> ToolResult:
    """Return the next rows of the list that was cut last; they are a part of the same value of `Out`.

    Raises:
        InvalidArgumentsError: no list was cut, or all of its rows have been shown.
        UnknownNameError: the list was dropped.
    """
    if session.cut is None:
        about = f"`{answers.MORE}` has the next rows of the list that was cut last"
        raise InvalidArgumentsError(f"{about}, and none was cut.")
    number, first = session.cut
    value = session.lua.kept.read(number)
    rows = value.take(range(first, len(value))) if isinstance(value, Records) else value[first:]
    session.cut = None
    further = _further(session, call)
    answer = answers.answer_of_run(
        Result([rows]), call.max_tokens, name=_out(number), first_row=first + 1, further=further
    )
    session.note_cut(number, first + answer.rows if answer.rows else 0)
    return answer
