"""The connection to one MCP server: its start, its tools, its requests, and its end.

All methods run in the event loop of `loop.py`. A separate task holds the SDK's connection open, because the task that
opens it must also close it; other tasks only send requests through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp.child import SILENT_EXIT_SECONDS, Child, ProcessReaper
from kosmo_kernel.mcp.config import Server
from kosmo_kernel.mcp.errors import (
    ClosedError,
    FailedRequest,
    McpError,
    ServerRejectedError,
    ServerTimeoutError,
    not_started,
    public_error,
)
from kosmo_kernel.mcp.secrets import ResolvedServer
from kosmo_kernel.mcp.tools import Tool, tools_of

if TYPE_CHECKING:
    from kosmo_kernel.mcp.sdk import SdkConnection

SHORT_TIMEOUT_SECONDS = (
    20.0  # seconds; up to this timeout, the wait of 10 s for a silent server is cut to half the timeout
)
AT_START = "at its start"
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
    progress: Callable[[float, float | None, str | None], None] = lambda *_: None
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

    def __init__(self, server: Server, fill_in: Callable[[], ResolvedServer], reaper: ProcessReaper) -> None:
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

    async def start(self) -> None:
        """Start it, and read its tools.

        Raises:
            KosmoError: it does not start, or does not support MCP.
        """
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
                self._child.exit_grace_seconds = SILENT_EXIT_SECONDS
            self._stop()  # without waiting for its end
        except McpError as error:
            wrong = error
            await self.close()
        else:
            return
        raise self._error(wrong, AT_START) from None

    async def _start_program(self, resolved: ResolvedServer) -> None:
        if self.server.kind != "stdio":
            return
        try:
            self._child = await Child.start(resolved, self._reaper)
        except OSError as error:
            raise not_started(self.server, error, resolved.command, resolved.secrets) from None

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
            KosmoError: as for `start`.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._replace(before))
            self._starting.add_done_callback(
                lambda task: task.cancelled() or task.exception()
            )  # retrieved, if all callers are cancelled
        await asyncio.shield(self._starting)

    async def _replace(self, before: ServerConnection | None) -> None:
        if before:
            await before.close()
        await self.start()

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
            raise self._error(wrong, request.doing, request.function, connection) from None
        finally:
            if listener:
                self._listeners.remove(listener)

    def _open_connection(self) -> SdkConnection:
        if self._connection is None:
            raise ClosedError
        return self._connection

    def _logged(self, level: str, text: str) -> None:
        if self._listeners:
            self._listeners[-1].log(
                level, text
            )  # the protocol does not tell which call it belongs to, so the latest gets it

    def _error(
        self, wrong: McpError, doing: str, function: str = "", connection: SdkConnection | None = None
    ) -> KosmoError:
        child = self._child
        return public_error(
            wrong,
            FailedRequest(
                server=self.server,
                doing=doing,
                function=function,
                secrets=self.secrets,
                stderr=child.stderr_tail.lines() if child else (),
                noise=child.noise.lines() if child else (),
                exit_code=child.exit_code if child and doing == AT_START else None,
                unmatched_id=connection.transport.unmatched_id if connection else "",
            ),
        )
