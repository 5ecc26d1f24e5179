"""The connection to one MCP server: its start, its tools, its requests, its end, and the errors that users see.

All methods run in the event loop of `servers.py`. A separate task holds the SDK's connection open, because the task
that opens it must also close it; other tasks only send requests through it.

`sdk.py` raises an `McpError`, of which users get an error of `kosmo_kernel.errors`: which server failed, what happened,
and what the server printed last. Text from a server is shown with secrets redacted and terminal control sequences
removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from signal import Signals
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import ApiError, BadAnswerError, RefusedError, SettingsError, UnreachableError
from kosmo_kernel.mcp import child
from kosmo_kernel.mcp.child import Child, ClosedError, McpError, ServerRejectedError, ServerTimeoutError
from kosmo_kernel.mcp.config import Server
from kosmo_kernel.mcp.secrets import ResolvedServer
from kosmo_kernel.mcp.tools import Tool, tools_of
from kosmo_kernel.mcp.trust import command_line
from kosmo_kernel.safety.redaction import one_line

if TYPE_CHECKING:
    from kosmo_kernel.mcp.sdk import OnProgress, SdkConnection

# Up to this timeout, the wait of 10 s for a silent server is cut to half the timeout.
SHORT_TIMEOUT_SECONDS = 20.0
MAX_LINE_LENGTH = 300  # characters of a line of a server's output
MAX_MESSAGE_LENGTH = 2_000  # characters of a server's error message
INTERNAL = -32603  # JSON-RPC: internal error
LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# What a server was asked for, by the method of the protocol, in error messages.
DOING = {
    "tools/list": "when asked for its tools",
    "tools/call": "in `{name}`",
    "resources/list": "when asked for its resources",
    "resources/read": "when asked for a resource",
    "prompts/list": "when asked for its prompts",
    "prompts/get": "in the prompt `{name}`",
}


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """A request to a server."""

    method: str  # its method in the protocol, one of `DOING`
    params: Mapping[str, Any] = field(default_factory=dict)  # its parameters
    function: str = ""  # the full name of the tool that is called; empty if none
    anew: bool = False  # list the tools again, even if the server has announced no change

    @property
    def doing(self) -> str:
        """The operation, for error messages."""
        return DOING[self.method].format(**self.params)


@dataclass(frozen=True, slots=True)
class CallListener:
    """Callbacks for the notifications that a server sends during a call."""

    # Called with the progress, the total or None, and a message or None.
    progress: OnProgress = lambda *_: None
    log: Callable[[str, str], None] = lambda *_: None  # called with the level and the text of a log message


class ServerConnection:
    """A server that runs, or is being started.

    Parameters:
        server: its entry.
        fill_in: returns the entry with its references resolved; may block on a keyring.
        reaper: kills its program if this process dies.

    Attributes:
        hung: it does not respond any more, so the next request starts a new one.
    """

    def __init__(self, server: Server, fill_in: Callable[[], ResolvedServer], reaper: child.ProcessReaper) -> None:
        self.server = server
        self._fill_in, self._reaper = fill_in, reaper
        self._resolved: ResolvedServer | None = None
        self._connection: SdkConnection | None = None
        self._child: Child | None = None
        self._holder: asyncio.Task[None] | None = None
        self._changes_task: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._opening = False
        self._described: list[dict[str, Any]] = []
        self._tools: tuple[Tool, ...] = ()
        self._stale = True
        self._listeners: list[CallListener] = []
        self.hung = False

    # Start and end -----------------------------------------------------------------------------------

    async def _start(self, before: ServerConnection | None) -> None:
        """Start it when the connection before it is closed, and read its tools; raises like `started`."""
        if before:
            await before.close()
        self._resolved = resolved = await asyncio.to_thread(self._fill_in)
        await self._start_program(resolved)
        try:
            from kosmo_kernel.mcp import sdk
        except ImportError:
            if self._child:
                await self._child.end()
            raise
        wrong: McpError
        try:
            async with asyncio.timeout(self.server.timeout):
                await self._connect(resolved, sdk.MODERN, sdk.LEGACY)
        except TimeoutError:
            wrong = ServerTimeoutError()
            if self._child:
                self._child.exit_grace_seconds = child.SILENT_EXIT_SECONDS
            self._stop()  # without waiting for its end
        except McpError as error:
            wrong = error
            await self.close()
        else:
            return
        raise self._error(wrong) from None

    async def _start_program(self, resolved: ResolvedServer) -> None:
        if self.server.kind == "http":
            return
        try:
            self._child = await Child.start(resolved, self._reaper)
        except OSError as error:
            program = one_line(resolved.command, resolved.secrets, MAX_LINE_LENGTH)
            why = f"`{program}`: {error.strerror or error}"
            if isinstance(error, FileNotFoundError):
                why = f"there is no program `{program}` on the path"
                if error.filename is not None and str(error.filename) != resolved.command:
                    why = f"there is no folder {one_line(str(error.filename), resolved.secrets, MAX_LINE_LENGTH)}"
            name, path = self.server.name, self.server.path
            raise SettingsError(
                f"The MCP server `{name}` cannot be started: {why}. It is configured in {path}."
            ) from None

    async def _connect(self, resolved: ResolvedServer, modern: str, old: str) -> None:
        """Connect with the protocol of 2026, or with the older one if the server does not support it."""
        is_http = self.server.kind == "http"
        modern_timeout = self.server.timeout / 2 if is_http and self.server.timeout <= SHORT_TIMEOUT_SECONDS else None
        try:
            async with asyncio.timeout(modern_timeout):
                await self._open(resolved, modern)
        except TimeoutError:
            await self.close()
        except ClosedError as wrong:
            await self.close()
            # Servers with some old SDKs exit when a message precedes the old handshake. A server that has not read the
            # message exited for another reason, and would exit again.
            if wrong.too_long or wrong.why or (self._child and self._child.ended_without_reading):
                raise
        else:
            return
        await self._start_program(resolved)
        await self._open(resolved, old)

    async def _open(self, resolved: ResolvedServer, mode: str) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opening = True
        self._holder = asyncio.create_task(self._hold(resolved, mode, ready))
        await asyncio.shield(ready)
        await self._list_tools()

    def _stop(self) -> None:
        """Make the task that holds the connection end it."""
        if self._opening and self._holder:
            self._holder.cancel()
        elif self._connection:
            self._connection.transport.closed.set()

    async def _hold(self, resolved: ResolvedServer, mode: str, ready: asyncio.Future[None]) -> None:
        """Keep the connection open until either side closes it."""
        from kosmo_kernel.mcp import sdk

        try:
            async with sdk.connected(
                resolved,
                self._child,
                mode=mode,
                timeout=self.server.timeout,
                changed=self._changed,
                say=self._logged,
            ) as connection:
                self._opening, self._connection = False, connection
                if self._child:
                    self._child.mark_responded()
                ready.set_result(None)
                await connection.transport.closed.wait()
        except Exception as error:  # noqa: BLE001 - `ready` raises it during the start; later, calls find the connection closed
            if not ready.done():
                ready.set_exception(error)
        finally:
            self._opening, self._connection = False, None
            if not ready.done():
                ready.set_exception(ClosedError())
            ready.exception()  # marks the exception as retrieved, in case the caller was cancelled
            if self._child:
                await self._child.end()

    async def close(self) -> None:
        """End it. Calls in progress fail."""
        if self._starting and self._starting is not asyncio.current_task():
            self._starting.cancel()
            await asyncio.wait((self._starting,))
        if self._changes_task:
            self._changes_task.cancel()
        if self._holder:
            self._stop()
            await asyncio.wait((self._holder,))  # it still ends the server if this wait is cancelled

    async def started(self, before: ServerConnection | None) -> None:
        """Wait until it has started. The first caller starts it.

        Parameters:
            before: the connection that it replaces, which is closed first.

        Raises:
            KosmoError: it does not start, or does not support MCP.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(before))
            # The exception is retrieved also if all callers are cancelled.
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._starting)

    @property
    def over(self) -> bool:
        """Return whether it has ended, so that a new connection must replace it."""
        return self._starting is not None and self._starting.done() and not self.alive

    @property
    def alive(self) -> bool:
        """Return whether it can receive requests."""
        return self._connection is not None and not self._connection.transport.closed.is_set() and not self.hung

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values of its entry to redact in all texts."""
        return self._resolved.secrets if self._resolved else ()

    @property
    def pid(self) -> int | None:
        """The process id of its program."""
        return self._child.pid if self._child else None

    # What it offers ----------------------------------------------------------------------------------

    @property
    def known(self) -> tuple[Tool, ...]:
        """Its tools, as last listed."""
        return self._tools

    @property
    def about(self) -> dict[str, Any]:
        """Its description of itself: `title`, `version`, `protocol`, `instructions`, and `offers`, its capabilities.

        Empty if it does not run.
        """
        return self._connection.about if self._connection else {}

    @property
    def fresh(self) -> bool:
        """Return whether it runs, and has not announced a change of its tools since they were listed."""
        return self.alive and not self._stale

    async def _list_tools(self, *, anew: bool = False) -> dict[str, Any]:
        """Return its tools and its description of itself; list the tools again if they have changed."""
        connection = self._open_connection()
        if self._stale or anew:
            self._stale = False
            try:
                self._described = (await connection.send("tools/list", {}, CallListener().progress))["tools"]
            except BaseException:
                self._stale = True
                raise
            self._tools = tools_of(self.server.name, self._described)
            if connection.tells_of_tools and (self._changes_task is None or self._changes_task.done()):
                self._changes_task = asyncio.create_task(connection.changes(self._changed))
        return {"tools": self._described, "about": self.about}

    def _changed(self) -> None:
        self._stale = True

    # Requests ----------------------------------------------------------------------------------------

    async def request(self, request: ServerRequest, listener: CallListener | None = None) -> dict[str, Any]:
        """Send a request and return the result, as in the protocol; a list of tools has `about` as well.

        Parameters:
            request: the request.
            listener: receives the server's notifications during the request.

        Raises:
            KosmoError: it does not respond, or with an error.
        """
        since = asyncio.get_running_loop().time()
        connection = self._connection
        if listener:
            self._listeners.append(listener)
        try:
            if request.method == "tools/list":
                return await self._list_tools(anew=request.anew)
            progress = (listener or CallListener()).progress
            return await self._open_connection().send(request.method, request.params, progress)
        except McpError as wrong:
            if isinstance(wrong, ServerTimeoutError):
                self.hung = connection is not None and connection.transport.last_message_time < since
            elif isinstance(wrong, ServerRejectedError):  # with 404, an HTTP server has restarted and lost the session
                self.hung = self.hung or wrong.status == HTTPStatus.NOT_FOUND
            elif isinstance(wrong, ClosedError):
                self.hung = True
            raise self._error(wrong, request, connection) from None
        finally:
            if listener:
                self._listeners.remove(listener)

    def _open_connection(self) -> SdkConnection:
        if self._connection is None:
            raise ClosedError
        return self._connection

    def _logged(self, level: str, text: str) -> None:
        if self._listeners:  # the protocol does not tell which call it belongs to, so the latest gets it
            self._listeners[-1].log(level, text)

    # Errors ------------------------------------------------------------------------------------------

    def _error(
        self, wrong: McpError, request: ServerRequest | None = None, connection: SdkConnection | None = None
    ) -> ApiError:
        """Return the error for users: what happened, and what the server printed last unless it says what is wrong.

        Parameters:
            wrong: the failure.
            request: the request that failed; None for the start.
            connection: the connection that it was sent through.
        """
        server, doing = self.server, request.doing if request else "at its start"
        exit_code = self._child.exit_code if self._child and not request else None
        status, output = None, self._output(exit_code)
        match wrong:
            case ServerRejectedError():
                status, output = wrong.status or None, ""
                kind, what = self._rejected(wrong, doing)
            case ClosedError():
                kind, what = self._closed(wrong, doing, exit_code)
            case ServerTimeoutError():
                kind, what = UnreachableError, f"did not answer {doing} within {server.timeout:g} s"
                if unmatched_id := connection.transport.unmatched_id if connection else "":
                    what += f"; it answered something else, numbered {self._redacted(unmatched_id)}."
                else:
                    what += f". `timeout` in {server.path} gives it more time."
            case _:
                kind, what = BadAnswerError, f"answered wrongly {doing}: {self._redacted(str(wrong))}."
        function = request.function if request else ""
        return kind(f"The MCP server `{server.name}` {what}{output}", status=status, function=function)

    def _closed(self, wrong: ClosedError, doing: str, exit_code: int | None) -> tuple[type[ApiError], str]:
        """Return how the connection ended."""
        if wrong.too_long:
            size = f"{child.MAX_MESSAGE_BYTES >> 20} MiB or {child.MAX_MESSAGE_VALUES:,} values"
            return BadAnswerError, f"sent a message of more than {size} {doing}, and was ended."
        if wrong.why or self.server.kind == "http":
            reason = f": {self._redacted(wrong.why)}" if wrong.why else ""
            return UnreachableError, f"cannot be reached {doing}{reason}."
        if exit_code is not None and exit_code < 0:
            names = {number.value: number.name for number in Signals}
            return BadAnswerError, f"was ended by {names.get(-exit_code, f'signal {-exit_code}')} {doing}."
        return BadAnswerError, f"ended {doing}{'' if exit_code is None else f' with status {exit_code}'}."

    def _rejected(self, wrong: ServerRejectedError, doing: str) -> tuple[type[ApiError], str]:
        """Return the server's error message, or what its HTTP status means."""
        path = self.server.path
        if wrong.status in LOGIN:
            return RefusedError, (
                f"wants other credentials: HTTP {wrong.status}. They go into `headers` of its entry in {path}, as "
                '`"Authorization": "Bearer ${secret:NAME}"`.'
            )
        if wrong.status == HTTPStatus.NOT_FOUND:
            return RefusedError, f"is not at its address: HTTP 404. `url` is in {path}."
        if wrong.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return BadAnswerError, f"broke {doing}: HTTP {wrong.status}."
        kind = BadAnswerError if wrong.code == INTERNAL else RefusedError
        return kind, f"answered with an error {doing}: {self._redacted(wrong.message, MAX_MESSAGE_LENGTH)}"

    def _output(self, exit_code: int | None) -> str:
        """Return the lines of an error message that show what the server printed, and how to see more of a start."""
        output = ""
        if self._child:
            titles = {
                "It last wrote on standard error:": self._child.stderr_tail,
                "On standard output it printed what is no message:": self._child.noise,
            }
            for title, tail in titles.items():
                lines = [f"\n  {self._redacted(line)}" for line in tail.lines()]
                output += "".join(["\n", title, *lines]) if lines else ""
        if exit_code is None:
            return output
        return (
            f"{output or ' It printed nothing.'}\nRun it by itself to see more: {command_line(self.server)}\n"
            f"Its entry is in {self.server.path}."
        )

    def _redacted(self, text: str, most: int = MAX_LINE_LENGTH) -> str:
        """Return a text of the server as one line without secrets."""
        return one_line(text, self.secrets, most)
