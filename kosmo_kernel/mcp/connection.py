"""One server while it runs: its start, its tools, the calls under way, and its end.

Everything here happens in the event loop. A task of its own holds the connection open, because whoever opens one of the
SDK's must be who closes it; everybody else only asks through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp.child import SILENT_EXIT_SECONDS, Child, ProcessReaper
from kosmo_kernel.mcp.entries import Server
from kosmo_kernel.mcp.errors import ClosedError, McpError, ServerTimeoutError
from kosmo_kernel.mcp.outcomes import error_from, not_started
from kosmo_kernel.mcp.references import ResolvedServer
from kosmo_kernel.mcp.sdk import SdkConnection
from kosmo_kernel.mcp.tools import Tool, tools_of

T = TypeVar("T")

PATIENT = 20.0  # seconds: who is given less is not also given the ten seconds that the SDK waits for a silent server
AT_START = "at its start"


@dataclass(frozen=True, slots=True)
class CallListener:
    """Who hears what a server says while it is at work.

    Parameters:
        progress: is told how far it is: done, of how much or None, and a text or None.
        log: is told level and text of what it logs.
    """

    progress: Callable[[float, float | None, str | None], None] = lambda *_: None
    log: Callable[[str, str], None] = lambda *_: None


class ServerConnection:
    """A server that runs, or is about to.

    Parameters:
        server: its entry.
        fill_in: gives the entry with everything filled in; may wait for a keyring.
        keeper: ends its program when we cannot.
    """

    def __init__(self, server: Server, fill_in: Callable[[], ResolvedServer], keeper: ProcessReaper) -> None:
        self.server = server
        self._fill_in, self._keeper = fill_in, keeper
        self._filled: ResolvedServer | None = None
        self._connection: SdkConnection | None = None
        self._child: Child | None = None
        self._holder: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._opening = False
        self._tools: tuple[Tool, ...] = ()
        self._stale = True
        self._hearings: list[CallListener] = []
        self.hung = False  # nothing more is to be expected of it, and the next question starts it anew

    # Start and end -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start it, and read its tools.

        Raises:
            KosmoError: it does not start, or speaks no MCP.
        """
        self._filled = filled = await asyncio.to_thread(self._fill_in)
        await self._start_program(filled)
        try:
            from kosmo_kernel.mcp import sdk
        except ImportError:
            if self._child:
                await self._child.end()
            raise
        wrong: McpError
        try:
            async with asyncio.timeout(self.server.timeout):
                await self._connect(filled, sdk.MODERN, sdk.OLD)
        except TimeoutError:
            wrong = ServerTimeoutError()
            self._let_go()  # nobody waits until it has ended
        except McpError as error:
            wrong = error
            await self.close()
        else:
            return
        raise self._told(wrong, AT_START) from None

    async def _start_program(self, filled: ResolvedServer) -> None:
        if self.server.kind != "stdio":
            return
        try:
            self._child = await Child.start(filled, self._keeper)
        except OSError as error:
            raise not_started(self.server, error, filled.command, filled.secrets) from None

    async def _connect(self, filled: ResolvedServer, modern: str, old: str) -> None:
        """Connect as servers have it since 2026, or as before where a server knows nothing of that."""
        of_address = self.server.kind == "http"
        first = self.server.timeout / 2 if of_address and self.server.timeout <= PATIENT else None
        try:
            async with asyncio.timeout(first):
                await self._open(filled, modern)
        except TimeoutError:
            await self.close()
        except ClosedError as wrong:
            await self.close()
            # Servers of some old SDKs end when anything comes before the handshake of old. One that has read nothing
            # has ended for a reason of its own, and would do so again.
            if wrong.too_long or wrong.why or (self._child and self._child.unheard):
                raise
        else:
            return
        await self._start_program(filled)
        await self._open(filled, old)

    async def _open(self, filled: ResolvedServer, mode: str) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leave.clear()
        self._opening = True
        self._holder = asyncio.create_task(self._hold(filled, mode, ready))
        await asyncio.shield(ready)
        await self.tools()

    def _let_go(self) -> None:
        """Have it end, soon: it has not even answered."""
        self._leave.set()
        if self._child:
            self._child.leave = SILENT_EXIT_SECONDS
        if self._opening and self._holder:
            self._holder.cancel()

    async def _hold(self, filled: ResolvedServer, mode: str, ready: asyncio.Future[None]) -> None:
        """Keep the connection open until it is to be closed, or closes."""
        from kosmo_kernel.mcp import sdk

        try:
            async with sdk.connected(
                filled,
                self._child,
                mode=mode,
                patience=self.server.timeout / 3,
                timeout=self.server.timeout,
                changed=self._changed,
                say=self._logged,
            ) as connection:
                self._opening, self._connection = False, connection
                if self._child:
                    self._child.answered()
                ready.set_result(None)
                leave = asyncio.ensure_future(self._leave.wait())
                closed = asyncio.ensure_future(connection.wire.closed.wait())
                try:
                    await asyncio.wait((leave, closed), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    leave.cancel()
                    closed.cancel()
        except Exception as error:  # noqa: BLE001 - whoever waits for the start is told; later a call finds it closed
            if not ready.done():
                ready.set_exception(error)
        finally:
            self._opening, self._connection = False, None
            if not ready.done():
                ready.set_exception(ClosedError())
            ready.exception()  # whoever waited may be gone, and then nobody looks at it
            if self._child:
                await self._child.end()

    async def close(self) -> None:
        """End it. Calls under way fail."""
        self._leave.set()
        if self._starting and self._starting is not asyncio.current_task():
            self._starting.cancel()
            await asyncio.wait((self._starting,))
        if self._listener:
            self._listener.cancel()
        if self._holder:
            if self._opening:
                self._holder.cancel()
            await asyncio.wait((self._holder,))  # which goes on to end it when nobody waits any more

    async def started(self, before: ServerConnection | None) -> None:
        """Wait until it has started; whoever comes first starts it, after the one that it takes the place of has ended.

        Raises:
            KosmoError: as `start`.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._take_over(before))
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())  # perhaps all are gone
        await asyncio.shield(self._starting)

    async def _take_over(self, before: ServerConnection | None) -> None:
        if before:
            await before.close()
        await self.start()

    @property
    def over(self) -> bool:
        """Whether another one must take its place."""
        return self._starting is not None and self._starting.done() and not self.alive

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._connection is not None and not self._connection.wire.closed.is_set() and not self.hung

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may show of what it was given."""
        return self._filled.secrets if self._filled else ()

    @property
    def pid(self) -> int | None:
        """The process id of its program."""
        return self._child.pid if self._child else None

    # What it offers ----------------------------------------------------------------------------------

    @property
    def known(self) -> tuple[Tool, ...]:
        """Its tools, as they were last told."""
        return self._tools

    @property
    def about(self) -> dict[str, Any]:
        """What it said of itself: `title`, `version`, `protocol`, `instructions`, and what kinds of things it `offers`.

        Empty where it does not run.
        """
        one = self._connection
        if one is None:
            return {}
        offers = [kind for kind, offered in one.offers.items() if offered is not None]
        return {
            "title": one.title,
            "version": one.version,
            "protocol": one.protocol,
            "instructions": one.instructions,
            "offers": offers,
        }

    @property
    def fresh(self) -> bool:
        """Whether it runs, and has not said since that its tools have changed."""
        return self.alive and not self._stale

    async def tools(self, *, anew: bool = False) -> tuple[Tool, ...]:
        """Its tools; asked for again where it said that they have changed, or where they are wanted anew."""
        connection = self._open_connection()
        if (self._stale or anew) and connection.offers["tools"] is not None:
            self._stale = False
            try:
                described = await connection.tools()
            except BaseException:
                self._stale = True
                raise
            self._tools = tools_of(self.server.name, described)
            if connection.tells_of_tools and (self._listener is None or self._listener.done()):
                self._listener = asyncio.create_task(connection.changes(self._changed))
        return self._tools

    def _changed(self) -> None:
        self._stale = True

    # Asking ------------------------------------------------------------------------------------------

    async def ask(
        self,
        question: Callable[[SdkConnection], Awaitable[T]],
        *,
        doing: str,
        function: str = "",
        hearing: CallListener | None = None,
    ) -> T:
        """What it answers a question.

        Parameters:
            question: asks it.
            doing: how a message calls that, as `in search_issues`.
            function: what is called; empty for nothing.
            hearing: who hears what it says meanwhile.

        Raises:
            KosmoError: it does not answer, or with an error.
        """
        since = asyncio.get_running_loop().time()
        connection = self._connection
        if hearing:
            self._hearings.append(hearing)
        try:
            return await question(self._open_connection())
        except McpError as wrong:
            if isinstance(wrong, ServerTimeoutError):
                self.hung = connection is not None and connection.wire.heard < since
            elif isinstance(wrong, ClosedError) or getattr(wrong, "status", 0) == HTTPStatus.NOT_FOUND:
                self.hung = True  # a server at an address that was started anew knows nothing of this session
            raise self._told(wrong, doing, function, connection) from None
        finally:
            if hearing:
                self._hearings.remove(hearing)

    def _open_connection(self) -> SdkConnection:
        if self._connection is None:
            raise ClosedError
        return self._connection

    def _logged(self, level: str, text: str) -> None:
        if self._hearings:
            self._hearings[-1].log(level, text)  # the protocol does not say which call it belongs to

    def _told(
        self, wrong: McpError, doing: str, function: str = "", connection: SdkConnection | None = None
    ) -> KosmoError:
        return error_from(
            self.server,
            wrong,
            doing=doing,
            function=function,
            secrets=self.secrets,
            complaints=self._child.complaints.lines() if self._child else (),
            noise=self._child.noise.lines() if self._child else (),
            exit_code=self._child.exit_code if self._child and doing == AT_START else None,
            stray=connection.wire.stray if connection else "",
        )
