"""Handling of a tool call: it is validated, executed, and stopped when the client cancels it.

Calls block, so each runs in its own thread; the thread and the SDK's handler share an `InFlightCall`. Errors are
returned as results, so that an agent can read them, correct the call and retry.
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
from kosmo_kernel.mcp_server.tools import ACCOUNT, LUA, SEARCH, OfferedTool, offered
from kosmo_kernel.render.error_lines import error_lines
from kosmo_kernel.results.result import Result
from kosmo_kernel.results.run_document import run_document
from kosmo_kernel.run.options import Frontend, RunOptions
from kosmo_kernel.session import Session
from kosmo_kernel.settings.limits import check_defaults
from kosmo_kernel.settings.table import LIMITS
from kosmo_kernel.values.records import decode, encode

SECOND_INTERRUPT_SECONDS = 1.0  # seconds before a running chunk is interrupted again, which ends its Lua process
CHUNK = "lua_run"  # the chunk's name in error messages


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The options that the user starts the server with; for the defaults see `Session`.

    Parameters:
        account: the alias of the account for calls that name none.
        limits: the limits of a run by name, those of `settings.table.LIMITS`; None for the default.
        allow_mcp_servers: scripts may use the MCP servers that the user has configured.
    """

    account: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    allow_mcp_servers: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a call.

    Parameters:
        text: the result as text.
        value: the result as JSON values; None if there is only text.
        failed: the result is an error.
    """

    text: str
    value: Any = None
    failed: bool = False


@dataclass(slots=True)
class InFlightCall:
    """A call in progress, which can be cancelled.

    Parameters:
        on_progress: called with the progress, in the call's thread.
    """

    on_progress: Callable[[ProgressSnapshot], None]
    _session: Session | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cancelled(self) -> bool:
        """Return whether the call was cancelled."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Cancel the call. Return immediately; the call ends soon."""
        self._cancelled.set()
        if self._session is not None:
            threading.Thread(target=self._stop, args=(self._session,), daemon=True).start()

    def set_session(self, session: Session) -> None:
        """Set the session in which the call is about to run Lua, so that `cancel` can interrupt it.

        Raises:
            StoppedError: the call was cancelled.
        """
        self._session = session
        if self.cancelled:
            raise StoppedError("The call was cancelled.")

    def finish(self) -> None:
        """Mark the call as ended, so that `cancel` does not interrupt the next call in its session."""
        with self._lock:
            self._over.set()

    def _stop(self, session: Session) -> None:
        while True:
            with self._lock:
                if self._over.is_set():
                    return
                session.interrupt()  # repeated, because it has no effect before the run has begun
            self._over.wait(SECOND_INTERRUPT_SECONDS)


class CallHandler:
    """Handles the calls of the server's tools. Thread-safe.

    Parameters:
        options: the user's options.

    Attributes:
        offers: the tools, by name.

    Raises:
        SettingsError, UnknownNameError: as for `Session`, or a limit of the user's settings is above its ceiling.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._sessions = Sessions(self._session)
        with self._session() as session:  # raises errors in settings now and not at the first call
            self.offers = offered(session.limits, others=options.allow_mcp_servers)

    def answer(self, name: str, arguments: Mapping[str, Any], underway: InFlightCall) -> ToolResult:
        """Execute a call in this thread, and return its result.

        Parameters:
            name: the name of a tool in `offers`.
            arguments: the arguments by name, not validated.
            underway: the call's progress and cancellation.
        """
        offer = self.offers[name]
        try:
            if offer.function is not None:
                return self._call(offer, dict(arguments), underway)
            valid = checked(offer.tool, arguments)
            if name == LUA:
                return self._run(valid, underway)
            return ToolResult(docs.search(valid["words"]) if name == SEARCH else docs.read(valid.get("page", "")))
        except KosmoError as error:
            if error.where == offer.tool.function:  # with our server's name, which is the client's choice
                error.where = name
            return ToolResult(error.message, failed=True)
        finally:
            underway.finish()

    def close(self) -> None:
        """Stop all calls and close all sessions."""
        self._sessions.close()

    def _session(self) -> Session:
        options = self._options
        check_defaults([name for name, value in options.limits.items() if value is not None])
        return Session(options.account, **options.limits, mcp=options.allow_mcp_servers)

    def _call(self, offer: OfferedTool, arguments: dict[str, Any], underway: InFlightCall) -> ToolResult:
        """Call a function of the catalogue, without Lua."""
        account = arguments.pop(ACCOUNT, None)
        if account is not None and not isinstance(account, str):
            raise InvalidArgumentsError(f"{offer.tool.name}: `{ACCOUNT}` must be a text, the alias of an account.")
        function = f"{offer.integration.name}.{offer.function.name}" if offer.integration and offer.function else ""
        with self._sessions.fresh(emptied=False) as session:
            result = session.call(
                function,
                arguments,
                RunOptions(account=account),
                Frontend(progress=underway.on_progress),
                is_cancelled=lambda: underway.cancelled,
            )
        document = {"result": result.value}
        document |= {"failures": result.failures} if result.failures else {}
        return _tool_result(document | {"account": result.account, "notes": result.notes})

    def _run(self, arguments: dict[str, Any], underway: InFlightCall) -> ToolResult:
        """Run Lua in the session that the call names, or in a fresh one."""
        name = arguments.get("session")
        with self._sessions.named(name) if name else self._sessions.fresh() as session:
            try:
                underway.set_session(session)
                return _run_lua(session, arguments, underway)
            finally:
                underway.finish()  # before the next call can use the session


def _run_lua(session: Session, arguments: dict[str, Any], underway: InFlightCall) -> ToolResult:
    dry_run = arguments.get("dry_run", False)
    limits: dict[str, Any] = {setting.name: arguments.get(setting.name) for setting in LIMITS}
    try:
        options = RunOptions(
            CHUNK,
            arguments.get("args", ()),
            account=arguments.get(ACCOUNT),
            **limits,
            dry_run=dry_run,
        )
        result = session.execute(arguments["code"], options, Frontend(progress=underway.on_progress))
    except KosmoError as error:
        facts = error.facts() | {"line": error.line}
        value = _tool_result(run_document(error.result, error.message, facts, dry_run=dry_run)).value
        return ToolResult(_failure(error), value, failed=True)
    return _tool_result(run_document(result, dry_run=dry_run))


def _failure(error: KosmoError) -> str:
    """Format the error of a script: the message, the lines around its place, and the output before it."""
    result: Result | None = error.result
    printed = [f"Printed before:\n{result.output}"] if result and result.output else []
    return "\n".join([*error_lines(error), *printed])


def _tool_result(value: dict[str, Any]) -> ToolResult:
    """Return a value as JSON values and as JSON text."""
    text = encode(value)
    return ToolResult(text.decode(), decode(text))
