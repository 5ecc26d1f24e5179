"""The connection to one MCP server: its start, its tools, its calls, its end, and the errors that users see.

All methods run in the event loop of `servers.py`. A task starts the server and holds the SDK's connection open, because
the task that opens it must also close it; other tasks only send requests through it.

`sdk.py` raises an `McpError`, of which users get an error of `kosmo_kernel.errors`: which server failed, what happened,
and what the server printed last. Text from a server is shown with secrets redacted and terminal control sequences
removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from signal import Signals
from typing import TYPE_CHECKING, Any, TypeVar

from kosmo_kernel.errors import ApiError, BadAnswerError, RefusedError, SettingsError, UnreachableError
from kosmo_kernel.mcp import child
from kosmo_kernel.mcp.child import Child, ClosedError, McpError, ServerRejectedError, ServerTimeoutError
from kosmo_kernel.mcp.config import Server
from kosmo_kernel.mcp.tools import Tool, tools_of
from kosmo_kernel.mcp.variables import ResolvedServer
from kosmo_kernel.safety.redaction import one_line

if TYPE_CHECKING:
    from kosmo_kernel.mcp.sdk import SdkConnection

T = TypeVar("T")

MAX_LINE_LENGTH = 300  # characters of a line of a server's output
MAX_MESSAGE_LENGTH = 2_000  # characters of a server's error message
INTERNAL = -32603  # JSON-RPC: internal error
LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
AT_START, LISTING = "at its start", "when asked for its tools"  # what a server was doing, in error messages


class ServerConnection:
    """A server that runs, or is being started.

    Parameters:
        server: its entry.
        fill_in: returns the entry with its references resolved.
        reaper: kills its program if this process dies.

    Attributes:
        tools: its tools, as last listed.
    """

    def __init__(self, server: Server, fill_in: Callable[[], ResolvedServer], reaper: child.ProcessReaper) -> None:
        self.server, self.tools = server, tuple[Tool, ...]()
        self._fill_in, self._reaper = fill_in, reaper
        self._resolved: ResolvedServer | None = None
        self._connection: SdkConnection | None = None
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._stale = asyncio.Event()  # set while the tools are not those that it has
        self._stale.set()
        self._hung = False  # it does not respond any more, so the next request starts a new one

    # Start and end -----------------------------------------------------------------------------------

    async def started(self, before: ServerConnection | None) -> None:
        """Wait until it has started. The first caller starts it.

        Parameters:
            before: the connection that it replaces, which is closed first.

        Raises:
            KosmoError: it does not start, or does not support MCP.
        """
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            # The exception is retrieved also if all callers are cancelled.
            self._ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
            self._task = asyncio.create_task(self._run(before, self._ready))
        await asyncio.shield(self._ready)

    async def _run(self, before: ServerConnection | None, ready: asyncio.Future[None]) -> None:
        """Start it, hold the connection until either side closes it, and end it."""
        failure: Exception | None = None
        try:
            if before:
                await before.close()
            self._resolved = await asyncio.to_thread(self._fill_in)
            from kosmo_kernel.mcp import sdk

            async with asyncio.timeout(self.server.timeout) as deadline:
                try:
                    await self._hold(self._resolved, sdk.HANDSHAKE, deadline, ready)
                except ServerRejectedError as error:
                    if error.status not in (0, HTTPStatus.BAD_REQUEST):
                        raise
                    await self._hold(self._resolved, sdk.WITHOUT_HANDSHAKE, deadline, ready)
        except TimeoutError:
            failure = self._error(ServerTimeoutError(), AT_START)
        except McpError as error:
            failure = self._error(error, AT_START)
        except Exception as error:  # noqa: BLE001 - `ready` raises it during the start; later, calls find it closed
            failure = error
        finally:
            if not ready.done():
                if failure:
                    ready.set_exception(failure)
                else:
                    ready.cancel()

    async def _hold(
        self, resolved: ResolvedServer, mode: str, deadline: asyncio.Timeout, ready: asyncio.Future[None]
    ) -> None:
        """Start the program, open the connection, and hold it.

        Parameters:
            resolved: the entry with its references resolved.
            mode: `sdk.HANDSHAKE` or `sdk.WITHOUT_HANDSHAKE`.
            deadline: the time limit for the start, which is lifted at its end.
            ready: is set at the end of the start.

        Raises:
            McpError: it cannot be reached, does not support the protocol, or lists no tools.
            SettingsError: there is no such program.
        """
        from kosmo_kernel.mcp import sdk

        failure: McpError | None = None
        program = self._child = None if self.server.url else await self._start_program(resolved)
        try:
            async with sdk.connected(
                resolved, program, mode, timeout=self.server.timeout, changed=self._stale.set
            ) as connection:
                self._connection = connection
                try:
                    await self._list_tools(connection)
                except McpError as error:
                    failure = error
                else:
                    deadline.reschedule(None)
                    ready.set_result(None)
                    await connection.transport.closed.wait()
        finally:
            self._connection = None
            if deadline.expired() and not ready.done():  # told before a stubborn program has ended
                ready.set_exception(self._error(ServerTimeoutError(), AT_START))
            if program:
                await program.end(child.EXIT_SECONDS if ready.done() else child.SILENT_EXIT_SECONDS)
        if failure:
            raise failure

    async def _start_program(self, resolved: ResolvedServer) -> Child:
        try:
            return await Child.start(resolved, self._reaper)
        except (OSError, ValueError) as error:
            program = self._redacted(resolved.command)
            reason = f"`{program}`: {self._redacted(getattr(error, 'strerror', None) or str(error))}"
            if isinstance(error, FileNotFoundError):
                reason = f"there is no program `{program}` on the path"
                if error.filename is not None and str(error.filename) != resolved.command:
                    reason = f"there is no folder {self._redacted(str(error.filename))}"
            name, path = self.server.name, self.server.path
            raise SettingsError(
                f"The MCP server `{name}` cannot be started: {reason}. It is configured in {path}."
            ) from None

    async def close(self) -> None:
        """End it. Calls in progress fail."""
        if self._task is None or self._ready is None:
            return
        if self._connection and self._ready.done():
            self._connection.transport.closed.set()
        elif not self._ready.done():
            self._task.cancel()
        await asyncio.wait((self._task,))  # it still ends the server if this wait is cancelled

    @property
    def over(self) -> bool:
        """Return whether it has ended, so that a new connection must replace it."""
        return self._ready is not None and self._ready.done() and not self.alive

    @property
    def alive(self) -> bool:
        """Return whether it can receive requests."""
        is_open = self._connection is not None and not self._connection.transport.closed.is_set()
        return is_open and self._ready is not None and self._ready.done() and not self._hung

    @property
    def fresh(self) -> bool:
        """Return whether it runs, and has not announced a change of its tools since they were listed."""
        return self.alive and not self._stale.is_set()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values of its entry to redact in all texts."""
        return self._resolved.secrets if self._resolved else ()

    # Requests ----------------------------------------------------------------------------------------

    async def list_tools(self, *, anew: bool = False) -> tuple[Tool, ...]:
        """Return its tools, listed again if they have changed.

        Parameters:
            anew: list them again even if the server has announced no change.

        Raises:
            KosmoError: it does not respond, or with an error.
        """
        return await self._answered(lambda connection: self._list_tools(connection, anew=anew), LISTING)

    async def call(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool and return its result, as in the protocol.

        Raises:
            KosmoError: it does not respond, or with an error.
        """
        return await self._answered(
            lambda connection: connection.call(tool.name, arguments), f"in `{tool.name}`", tool.function
        )

    async def _answered(self, request: Callable[[SdkConnection], Awaitable[T]], doing: str, function: str = "") -> T:
        """Return the answer to a request; the parameters are those of `_error`."""
        since, connection = asyncio.get_running_loop().time(), self._connection
        try:
            if connection is None:
                raise ClosedError
            return await request(connection)
        except McpError as error:
            if isinstance(error, ServerTimeoutError):
                self._hung = connection is not None and connection.transport.last_message_time < since
            elif isinstance(error, ServerRejectedError):  # with 404, an HTTP server has restarted and lost the session
                self._hung = self._hung or error.status == HTTPStatus.NOT_FOUND
            elif isinstance(error, ClosedError):
                self._hung = True
            raise self._error(error, doing, function) from None

    async def _list_tools(self, connection: SdkConnection, *, anew: bool = False) -> tuple[Tool, ...]:
        if self._stale.is_set() or anew:
            self._stale.clear()
            try:
                self.tools = tools_of(self.server.name, await connection.tools())
            except BaseException:
                self._stale.set()
                raise
        return self.tools

    # Errors ------------------------------------------------------------------------------------------

    def _error(self, wrong: McpError, doing: str, function: str = "") -> ApiError:
        """Return the error for users: what happened, and what the server printed last unless it says what is wrong.

        Parameters:
            wrong: the failure.
            doing: what the server was doing.
            function: the full name of the tool that was called.
        """
        exit_code = self._child.exit_code if self._child and doing == AT_START else None
        status, output = None, self._output(exit_code)
        match wrong:
            case ServerRejectedError():
                status, output = wrong.status or None, ""
                kind, what = self._rejected(wrong, doing)
            case ClosedError():
                kind, what = self._closed(wrong, doing, exit_code)
            case ServerTimeoutError():
                kind, what = UnreachableError, f"did not answer {doing} within {self.server.timeout:g} s. `timeout` in "
                what += f"{self.server.path} gives it more time."
            case _:
                kind, what = BadAnswerError, f"answered wrongly {doing}: {self._redacted(str(wrong))}."
        return kind(f"The MCP server `{self.server.name}` {what}{output}", status=status, function=function)

    def _closed(self, wrong: ClosedError, doing: str, exit_code: int | None) -> tuple[type[ApiError], str]:
        """Return how the connection ended."""
        if wrong.too_long:
            size = f"{child.MAX_MESSAGE_BYTES >> 20} MiB or {child.MAX_MESSAGE_VALUES:,} values"
            return BadAnswerError, f"sent a message of more than {size} {doing}, and was ended."
        if wrong.reason or self.server.url:
            reason = f": {self._redacted(wrong.reason)}" if wrong.reason else ""
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
                '`"Authorization": "Bearer ${NAME}"`.'
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
            f"{output or ' It printed nothing.'}\nTo see more, run {self.server.address} by itself, as its entry in "
            f"{self.server.path} has it."
        )

    def _redacted(self, text: str, limit: int = MAX_LINE_LENGTH) -> str:
        """Return a text of the server as one line without secrets."""
        return one_line(text, self.secrets, limit)
