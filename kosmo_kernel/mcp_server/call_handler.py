"""Handling of a tool call: it is validated and executed, and answered early if it takes longer than a client waits.

Calls block, so each runs in its own thread; the thread and the SDK's handler share an `InFlightCall`. Errors are
returned as results, so that an agent can read them, correct the call and retry.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from kosmo_kernel import docs
from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.docs import compact
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.mcp_server import answers, tools
from kosmo_kernel.mcp_server.answers import ToolResult
from kosmo_kernel.mcp_server.sessions import ClientSession, InFlightCall, Phase, Sessions
from kosmo_kernel.questions import CHECKS
from kosmo_kernel.questions.discovery import find_check, own_questions, select_checks
from kosmo_kernel.results import Result
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.settings.config_file import resolve
from kosmo_kernel.settings.limits import check_defaults
from kosmo_kernel.settings.table import ANSWER_WITHIN, LIMITS, MAX_TOKENS
from kosmo_kernel.text import duration
from kosmo_kernel.values.records import Records, encode

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question

WHO = "who"  # in place of search words
NOTHING_KEPT = "This session has no variables and no values yet."


class CallHandler:
    """Handles the calls of the server's tools. Thread-safe.

    Parameters:
        account: the alias of the account of calls that name none; as for `Session`.
        limits: the limits of a run by name, those of `settings.table.LIMITS`; None for the default.
        archive: the archive that answers in place of the account, or None.
        archives: the archives that Lua may open besides.
        allow_mcp: scripts may use the MCP servers that the user has configured.
        max_tokens: the maximum tokens of an answer; None for the user's setting.
        answer_within: seconds after which a call that still runs is answered; None for the user's setting.

    Attributes:
        tools: the tools, by name.
        sessions: the sessions of the clients.
        instructions: what a client is told of the server.
        answer_within: seconds after which a call that still runs is answered.

    Raises:
        SettingsError, UnknownNameError: as for `Session`, or a limit of the user's settings is above its ceiling.
    """

    def __init__(
        self,
        account: str | None = None,
        limits: Mapping[str, Any] | None = None,
        *,
        archive: str | None = None,
        archives: Sequence[str] = (),
        allow_mcp: bool = False,
        max_tokens: int | None = None,
        answer_within: float | None = None,
    ) -> None:
        self._limits = limits or {}
        self._new_session = partial(
            Session, account, **self._limits, from_archive=archive, archives=archives, mcp=allow_mcp, agent=True
        )
        self.sessions = Sessions(self._session)
        self.instructions = tools.instructions(archives)
        highest = resolve(MAX_TOKENS, max_tokens)
        self._default_tokens = min(tools.DEFAULT_TOKENS, highest)
        self.answer_within: float = resolve(ANSWER_WITHIN, answer_within)
        with self._session() as session:  # raises errors in settings now and not at the first call
            self.tools = tools.offered_tools(session.limits, highest, others=allow_mcp)

    def answer(self, name: str, arguments: Mapping[str, Any], call: InFlightCall) -> ToolResult:
        """Execute a call in this thread, and return its result.

        Parameters:
            name: the name of a tool in `tools`.
            arguments: the arguments by name, not validated.
            call: its client, progress and cancellation.
        """
        call.max_tokens = self._default_tokens
        try:
            valid = tools.checked(self.tools[name], arguments)
            call.max_tokens = max(valid.pop(tools.TOKENS, call.max_tokens), tools.MIN_TOKENS)
            if name == tools.LUA:
                return self._check(valid, call) if tools.CHECK in valid else self._run(valid, call)
            if name == tools.READ:
                return ToolResult(_page(valid.get("page", ""), call.max_tokens))
            return self._search(valid["words"], call)
        except KosmoError as error:
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
                f"`lua_search_docs` says how far it is. Call again to go on waiting, or stop it with `{tools.STOP}`.",
                failed=True,
            )
        value = f"Its value will be {call.name}: call `lua_run` with `return {call.name}` to wait for it. "
        going_on = f"Still running, and going on:\n{answers.tagged(call.describe())}"
        stop = f"`{tools.STOP}` of `lua_run` stops it and keeps what it has; fewer apps or checks need fewer requests."
        return ToolResult(f"{going_on}\n{value if call.name else ''}{stop}")

    def _session(self) -> Session:
        check_defaults([name for name, value in self._limits.items() if value is not None])
        return self._new_session()

    def _search(self, words: str, call: InFlightCall) -> ToolResult:
        if words.strip().lower() != WHO:
            wrong = [
                answers.tagged(f"A question of the user's folder is invalid. {each}") for each in own_questions()[1]
            ]
            return ToolResult(answers.answer_of_text("\n".join([compact.search(words), *wrong]), call.max_tokens))
        with self.sessions.of_client(call) as session:
            if running := answers.running_lines(session):  # the variables can be listed when they have ended
                lines = answers.kept_lines(session)
            else:
                with session.turn(call):
                    lines = answers.session_lines(session)
            return ToolResult(
                answers.answer_of_data(lines, call.max_tokens, running, session.pending_notes) or NOTHING_KEPT
            )

    def _check(self, arguments: dict[str, Any], call: InFlightCall) -> ToolResult:
        """Run checks; their findings are kept for Lua."""
        names, parameters = arguments.pop(tools.CHECK), arguments.pop(tools.PARAMS, {})
        account = arguments.pop(tools.ACCOUNT, None)
        checks = _checks_named(names, parameters)
        if arguments:
            names = ", ".join(f"`{name}`" for name in arguments)
            raise InvalidArgumentsError(f"{names} cannot be given with `check`: a check has its own code and limits.")

        from kosmo_kernel.checks import summary
        from kosmo_kernel.checks.run import run_questions

        with self.sessions.of_client(call) as of_client:
            number = next(of_client.numbers)
            call.begin(_out(number))
            try:
                report = run_questions(
                    checks,
                    account,
                    parameters=parameters,
                    frontend=Frontend(progress=call.report),
                    session=of_client.lua,
                    is_cancelled=lambda: call.cancelled,
                )
                value = summary.value_of(report)
                with of_client.turn(call):
                    dropped = of_client.lua.keep(number, value, len(encode(value)))
                notes = [*filter(None, [dropped]), *summary.notes_of(report)]
                result = Result(account=report.account, values=[value], notes=notes)
            except KosmoError as error:
                return _answer(of_client, call, number, error.result, error)
            unchecked = summary.not_checked(report)
            of_client.incomplete.add(number, unchecked)
            several = partial(summary.summary_of, report, _out(number)) if len(checks) > 1 else None
            return _answer(of_client, call, number, result, line=unchecked, summary=several)

    def _run(self, arguments: dict[str, Any], call: InFlightCall) -> ToolResult:
        """Run Lua in the client's session."""
        if tools.CODE not in arguments:
            raise InvalidArgumentsError("`lua_run` needs `code`, or `check` with the names of checks.")
        with self.sessions.of_client(call) as session:
            if arguments.pop(tools.STOP, False):
                session.stop_others(call)
            session.wait_for_answered(call)
            with session.turn(call):
                try:
                    is_more = arguments[tools.CODE].strip() == answers.MORE
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
        raise InvalidArgumentsError(
            f"`{tools.CHECK}` takes names of checks with commas between, `{compact.START}` or `{compact.ALL}`."
        )
    is_profile = words in ([compact.ALL], [compact.START])
    if is_profile:
        checks = select_checks((), every=words == [compact.ALL], start=True)
    else:
        checks = [find_check(name, "the page `checks`") for name in dict.fromkeys(words)]
    check_parameters(checks, parameters)
    if not is_profile:
        require_parameters(
            checks, parameters, lambda check, param: f'`{tools.PARAMS}` with "{check.name}.{param.name}": {param.doc}'
        )
    return checks


def _page(name: str, tokens: int) -> str:
    """Return a page of the reference or of a check, within a number of tokens."""
    page = compact.page_of_checks(name) if name.strip() else compact.page_list()
    page = docs.read(name) if page is None else page
    if compact.is_own(name):
        return answers.answer_of_data(page.splitlines(), tokens)
    return answers.answer_of_text(page, tokens, f"docs.read({json.dumps(name)})")


def _out(number: int) -> str:
    return f"Out[{number}]"


def _run_lua(session: ClientSession, arguments: dict[str, Any], call: InFlightCall) -> ToolResult:
    limits: dict[str, Any] = {setting.name: arguments.get(setting.name) for setting in LIMITS}
    is_dry, number = arguments.get("dry_run", False), next(session.numbers)
    call.begin("" if is_dry else _out(number), session.lua)
    account = arguments.get(tools.ACCOUNT)
    options = Options(tools.LUA, account=account, **limits, dry_run=is_dry, number=None if is_dry else number)
    error: KosmoError | None = None
    result: Result | None
    try:
        result = session.lua.execute(arguments[tools.CODE], options, Frontend(progress=call.report))
    except KosmoError as failure:
        error, result = failure, failure.result
    is_left = call.finish()
    if result is not None and not is_dry:
        result.notes += session.incomplete.follow(arguments[tools.CODE], number, result.unread)
    if result is not None and result.output and number not in session.lua.kept and (error or result.value is None):
        is_long = len(result.output) > call.max_tokens // 2
        if is_long or is_left:  # because the answer may show a part
            result.notes[:0] = filter(None, [session.lua.keep(number, result.output, len(result.output))])
    return _answer(session, call, number, result, error)


def _answer(
    session: ClientSession,
    call: InFlightCall,
    number: int,
    result: Result | None,
    error: KosmoError | None = None,
    *,
    line: str = "",
    summary: Callable[[int], str] | None = None,
) -> ToolResult:
    """Return the answer to a call that has ended; leave it to the next call if nobody waits for this one any more.

    Parameters:
        session: the session of the client.
        call: the call.
        number: the number of its value in `Out`.
        result: the result, a partial one if the call failed; None if it did not start.
        error: the error if it failed.
        line: a line that is never cut.
        summary: returns the text that stands for the value, see `answer_of_run`.
    """
    is_left, name = call.finish(), _out(number)
    if is_left:
        session.pending_notes += answers.ending_notes(name, result, error)
    if is_left or call.answered:
        return ToolResult("")
    answer = answers.answer_of_run(
        result,
        call.max_tokens,
        error=error,
        name=name if number in session.lua.kept else "",
        earlier=session.take_pending_notes(),
        further=line,
        summary_of_value=summary,
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
    result = Result([rows], notes=session.incomplete.notes(number))
    answer = answers.answer_of_run(result, call.max_tokens, name=_out(number), first_row=first + 1)
    session.note_cut(number, first + answer.rows if answer.rows else 0)
    return answer
