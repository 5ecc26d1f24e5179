"""A call of one of our tools: checked, made, and stopped when nobody waits for it any more.

Calls block, so each is made in a thread of its own; `InFlightCall` is what the thread and whoever asked have in common.
What goes wrong is an answer as well: an agent reads what to do about it and tries again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kosmo_kernel import docs
from kosmo_kernel.client.progress import ProgressSnapshot
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, StoppedError
from kosmo_kernel.mcp.arguments import checked
from kosmo_kernel.mcp_server.sessions import Sessions
from kosmo_kernel.mcp_server.tools import ACCOUNT, LUA, NAME, SEARCH, OfferedTool, offered
from kosmo_kernel.render.error_lines import error_lines
from kosmo_kernel.results.result import Result
from kosmo_kernel.results.run_document import run_document
from kosmo_kernel.session import Session
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.limits import limits
from kosmo_kernel.values.records import decode, encode

SECOND_INTERRUPT_SECONDS = (
    1.0  # seconds after which a run that has not stopped is asked again, which ends its Lua process
)
CHUNK = "lua_run"  # what messages call the code


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What the user who starts the server grants it.

    Parameters:
        account: the alias that is asked where a call names none; the session's usual one when None.
        memory_limit: bytes of Lua heap that a run may use; as `Session` has it, and so are the next two.
        cpu_limit: seconds of Lua's own running time.
        timeout: seconds by the wall clock.
        others: scripts may ask the MCP servers that the user has configured.
    """

    account: str | None = None
    memory_limit: int | None = None
    cpu_limit: float | None = None
    timeout: float | None = None
    others: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave.

    Parameters:
        text: for a reader.
        value: the same as JSON values; None where there is only the text.
        failed: it is an error.
    """

    text: str
    value: Any = None
    failed: bool = False


@dataclass(slots=True)
class InFlightCall:
    """A call while it is made.

    Parameters:
        hear: is told how far it is, in the call's thread.
    """

    hear: Callable[[ProgressSnapshot], None]
    _session: Session | None = None
    _left: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits any more."""
        return self._left.is_set()

    def cancel(self) -> None:
        """Nobody waits any more. Returns at once; the call ends soon."""
        self._left.set()
        if self._session is not None:
            threading.Thread(target=self._stop, args=(self._session,), daemon=True).start()

    def runs_in(self, session: Session) -> None:
        """It is a run of Lua in this session, and is about to begin.

        Raises:
            StoppedError: nobody waits for it.
        """
        self._session = session
        if self.cancelled:
            raise StoppedError("The call was cancelled.")

    def over(self) -> None:
        """It has ended; what runs in its session from now on is another call, which is not stopped for this one."""
        with self._turn:
            self._over.set()

    def _stop(self, session: Session) -> None:
        while True:
            with self._turn:
                if self._over.is_set():
                    return
                session.interrupt()  # which does nothing where the run has not quite begun
            self._over.wait(SECOND_INTERRUPT_SECONDS)


class CallHandler:
    """Answers calls. Threads may share it.

    Parameters:
        terms: what the user grants.

    Raises:
        SettingsError, UnknownNameError: as `Session`.
    """

    def __init__(self, terms: ServerOptions) -> None:
        self._terms = terms
        self._most = limits(terms.memory_limit, terms.cpu_limit, terms.timeout, configured=config().get("limits"))
        self.offers = offered(self._most, others=terms.others)
        self._sessions = Sessions(self._session)
        self._session().close()  # which finds mistakes now, and not at the first call

    def answer(self, name: str, arguments: Mapping[str, Any], underway: InFlightCall) -> ToolResult:
        """Make a call, in this thread.

        Parameters:
            name: of one of `offers`.
            arguments: by name, as they came.
            underway: who waits for it.
        """
        one = self.offers[name]
        try:
            if one.function is not None:
                return self._call(one, dict(arguments), underway)
            given = checked(one.tool, arguments)
            if name == LUA:
                return self._run(given, underway)
            return ToolResult(docs.search(given["words"]) if name == SEARCH else docs.read(given.get("page", "")))
        except KosmoError as error:
            return ToolResult(error.message.removeprefix(f"mcp.{NAME}."), failed=True)
        finally:
            underway.over()

    def close(self) -> None:
        """Stop all calls, and end all sessions."""
        self._sessions.close()

    def _session(self) -> Session:
        terms = self._terms
        return Session(
            terms.account,
            memory_limit=terms.memory_limit,
            cpu_limit=terms.cpu_limit,
            timeout=terms.timeout,
            mcp=terms.others,
        )

    def _call(self, one: OfferedTool, arguments: dict[str, Any], underway: InFlightCall) -> ToolResult:
        """One function of the catalogue; who calls it by a tool needs no Lua for it."""
        account = arguments.pop(ACCOUNT, None)
        if account is not None and not isinstance(account, str):
            raise InvalidArgumentsError(f"{one.tool.name}: `{ACCOUNT}` must be a text, the alias of an account.")
        function = f"{one.integration.name}.{one.function.name}" if one.integration and one.function else ""
        with self._sessions.fresh(emptied=False) as session:
            result = session.call(
                function, arguments, on_progress=underway.hear, account=account, gone=lambda: underway.cancelled
            )
        found = {"result": result.value}
        found |= {"failures": result.failures} if result.failures else {}
        return _told(found | {"account": result.account, "notes": result.notes})

    def _run(self, given: dict[str, Any], underway: InFlightCall) -> ToolResult:
        """Lua, in the session that the call names, or in one that is fresh."""
        name = given.get("session")
        with self._sessions.named(name) if name else self._sessions.fresh() as session:
            try:
                underway.runs_in(session)
                return _ran(session, given, underway)
            finally:
                underway.over()  # before the next call has the session


def _ran(session: Session, given: dict[str, Any], underway: InFlightCall) -> ToolResult:
    dry_run = given.get("dry_run", False)
    try:
        result = session.run(
            given["code"],
            name=CHUNK,
            args=given.get("args", ()),
            account=given.get(ACCOUNT),
            memory_limit=given.get("memory_limit"),
            cpu_limit=given.get("cpu_limit"),
            timeout=given.get("timeout"),
            on_progress=underway.hear,
            dry_run=dry_run,
        )
    except KosmoError as error:
        facts = error.facts() | {"line": error.line}
        value = _told(run_document(error.result, error.message, facts, dry_run=dry_run)).value
        return ToolResult(_failure(error), value, failed=True)
    return _told(run_document(result, dry_run=dry_run))


def _failure(error: KosmoError) -> str:
    """A failure of a script in a few lines: the message, the lines around the place, and what was printed before."""
    result: Result | None = error.result
    printed = [f"Printed before:\n{result.output}"] if result and result.output else []
    return "\n".join([*error_lines(error), *printed])


def _told(value: dict[str, Any]) -> ToolResult:
    """A value that came from a run as JSON values, and as their text."""
    text = encode(value)
    return ToolResult(text.decode(), decode(text))
