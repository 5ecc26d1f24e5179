"""The servers of a session: started when something is first asked of them, kept, and ended with the session.

Threads ask; the answers come from one event loop. The configuration is read anew when its files have changed, and trust
is asked about before each question, so that a server which was changed, switched off or is trusted no more is not used
for a moment longer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, TypeVar

from kosmo_kernel.errors import SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.mcp import config, secrets
from kosmo_kernel.mcp.child import ProcessReaper
from kosmo_kernel.mcp.connection import CallListener, ServerConnection
from kosmo_kernel.mcp.entries import Server
from kosmo_kernel.mcp.loop import Loop
from kosmo_kernel.mcp.names import lua_names, own_name
from kosmo_kernel.mcp.references import fill_in
from kosmo_kernel.mcp.sdk import SdkConnection
from kosmo_kernel.mcp.tools import Tool
from kosmo_kernel.mcp.trust import Trust
from kosmo_kernel.safety.redaction import one_line

T = TypeVar("T")

POLL_INTERVAL_SECONDS = 0.05  # seconds between two looks whether whoever waits still wants to
EXTRA = "kosmo_kernel[mcp]"


class Servers:
    """All that may be asked of MCP servers. Threads may share it; a context manager.

    Parameters:
        folder: whose project's servers count; the working directory, whatever it is then, when None.
        secret: gives a secret by its name, or None.
        trust: which servers of projects the user agreed to.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        secret: Callable[[str], str | None] = secrets.read,
        trust: Trust | None = None,
    ) -> None:
        self.trust = trust or Trust()
        self._folder, self._secret = folder, secret
        self._loop, self._keeper = Loop(), ProcessReaper()
        self._running: dict[str, ServerConnection] = {}
        self._read: _Read | None = None

    # What is configured; nothing is started ----------------------------------------------------------

    def configuration(self) -> config.Configuration:
        """What is configured now."""
        return self._now().configuration

    def _now(self) -> _Read:
        """What is configured now. Every call asks, so it looks at the files' states only."""
        folder = str(self._folder) if self._folder else os.getcwd()
        read = self._read
        if read is None or read.folder != folder or [_state(file) for file in read.files] != read.states:
            root = config.project_root(Path(folder))
            files = [str(path) for path in config.files(root).values()]
            states = [_state(file) for file in files]
            found = config.configuration(root)
            read = self._read = _Read(folder, files, states, found, lua_names(found.servers, absent="server"))
        return read

    def usable(self) -> dict[str, str]:
        """The servers that may be started, and what each is called in Lua."""
        found = self.configuration().servers
        called = self.called()
        return {
            name: called[name] for name, one in found.items() if one.enabled and not one.fault and self._agreed(one)
        }

    def called(self) -> dict[str, str]:
        """All servers that are configured, and what each is called in Lua."""
        return self._now().called

    def find(self, key: str) -> Server:
        """The server that a name means: its own one, or what it is called in Lua.

        Raises:
            UnknownNameError: there is none of that name.
        """
        now = self._now()  # once: each look at the files is a part of every call
        return now.configuration.find(own_name(key, now.called) or key)

    def may_use(self, key: str) -> Server:
        """The server that a name means, which may be started and asked.

        Raises:
            UnknownNameError: there is none of that name.
            UntrustedError: the user has not agreed to it.
            SettingsError: it is switched off, or its entry has a mistake.
        """
        server = self.find(key)
        server.usable()
        self.trust.require(server)
        return server

    def split(self, path: str) -> tuple[Server, str]:
        """The server and the name of the tool that `server.tool` means; a server's name may have dots itself.

        Raises:
            UnknownNameError: there is no such server.
        """
        parts = path.removeprefix("mcp.").split(".")
        for cut in range(len(parts) - 1, 0, -1):
            server = ".".join(parts[:cut])
            if own_name(server, self.called()):
                return self.find(server), ".".join(parts[cut:])
        if len(parts) == 1:
            raise UnknownNameError(f"`{path[:80]}` names no tool: write `server.tool`.")
        return self.find(parts[0]), ""

    def known(self, name: str) -> tuple[Tool, ...]:
        """The tools of a server, by its own name, as far as they are known: none where it was not started."""
        running = self._running.get(name)
        return running.known if running else ()

    def known_tool(self, name: str, tool: str) -> Tool | None:
        """One of those tools, by its own name or by what it is called in Lua."""
        return _named(tool, self.known(name))

    def about(self, name: str) -> dict[str, Any]:
        """Return what a server says of itself (`ServerConnection.about`) and its `pid`; empty where it does not run."""
        running = self._running.get(name)
        return {**running.about, "pid": running.pid} if running and running.alive else {}

    def secrets(self) -> tuple[str, ...]:
        """The secrets that servers were given, so that no text shows one."""
        return tuple(secret for running in list(self._running.values()) for secret in running.secrets)

    def _agreed(self, server: Server) -> bool:
        try:
            return self.trust.status(server) == "trusted"
        except SettingsError:
            return False

    # Asking ------------------------------------------------------------------------------------------

    def tools(self, key: str, gone: Callable[[], bool] = lambda: False) -> tuple[Tool, ...]:
        """The tools of a server, which is started where it does not run.

        Raises:
            UnknownNameError: there is none of that name.
            UntrustedError: the user has not agreed to it.
            KosmoError: it does not start, or does not answer.
        """
        return self.wait(self._begin(key, _tools, doing="when asked for its tools"), gone)

    def tool(self, key: str, name: str, gone: Callable[[], bool] = lambda: False) -> Tool:
        """One tool, by its own name or by what it is called in Lua.

        Raises:
            UnknownNameError: there is none; with the nearest names.
            KosmoError: as for `tools`.
        """
        running = self._running.get(key)
        found = self.known_tool(key, name) if running and running.fresh else None
        if found:
            return found
        ask = _tools_anew if running and running.fresh else _tools
        tools = self.wait(self._begin(key, ask, doing="when asked for its tools"), gone)
        found = _named(name, tools)
        if found:
            return found
        raise no_tool(self.find(key).name, name, tools)

    def begin_call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        hearing: CallListener | None = None,
        server: Server | None = None,
    ) -> Future[dict[str, Any]]:
        """Call a tool. The arguments are sent as they are; `arguments.py` checks them before.

        Parameters:
            tool: what `tool` found.
            arguments: by name.
            hearing: who hears what the server says meanwhile.
            server: its entry, where the caller has just made sure that it may be used.

        Returns:
            What will be its answer: `content`, `isError`, and `structuredContent` where it has that; or its KosmoError.
        """
        hearing = hearing or CallListener()

        async def call(connection: SdkConnection, _running: ServerConnection) -> dict[str, Any]:
            return await connection.call(tool.name, arguments, hearing.progress)

        about = {"doing": f"in `{tool.name}`", "function": tool.function}
        return self._begin(server or tool.server, call, hearing=hearing, **about)

    def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        hearing: CallListener | None = None,
        gone: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Call a tool and wait for what it answers, see `begin_call`.

        Raises:
            KosmoError: it does not answer.
        """
        return self.wait(self.begin_call(tool, arguments, hearing), gone)

    def resources(self, key: str, gone: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """The resources of a server, as the protocol describes them; of a template `uriTemplate` in place of `uri`."""

        async def ask(connection: SdkConnection, _running: ServerConnection) -> list[dict[str, Any]]:
            if connection.offers["resources"] is None:
                return []
            return [*await connection.resources(), *await connection.templates()]

        return self.wait(self._begin(key, ask, doing="when asked for its resources"), gone)

    def read_resource(self, key: str, uri: str, gone: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """What a resource holds: `contents`, each with `uri` and `text` or `blob`."""

        async def ask(connection: SdkConnection, _running: ServerConnection) -> dict[str, Any]:
            return await connection.read_resource(uri)

        return self.wait(self._begin(key, ask, doing="when asked for a resource"), gone)

    def prompts(self, key: str, gone: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        """The prompts of a server, as the protocol describes them."""

        async def ask(connection: SdkConnection, _running: ServerConnection) -> list[dict[str, Any]]:
            return await connection.prompts() if connection.offers["prompts"] is not None else []

        return self.wait(self._begin(key, ask, doing="when asked for its prompts"), gone)

    def prompt(
        self, key: str, name: str, arguments: dict[str, str], gone: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """A prompt, filled in: `messages`, each with `role` and `content`."""

        async def ask(connection: SdkConnection, _running: ServerConnection) -> dict[str, Any]:
            return await connection.prompt(name, arguments)

        return self.wait(self._begin(key, ask, doing=f"in the prompt `{name}`"), gone)

    def wait(self, future: Future[T], gone: Callable[[], bool] = lambda: False) -> T:
        """What a future comes to, unless nobody waits for it any more.

        Raises:
            StoppedError: nobody does; what was asked is cancelled.
            KosmoError: what was asked has failed.
        """
        try:
            while True:
                try:
                    return future.result(POLL_INTERVAL_SECONDS)
                except NotYetError:
                    if future.done():
                        raise
                    if gone():
                        future.cancel()
        except CancelledError:
            raise StoppedError("The run was stopped while it waited for an MCP server.") from None
        except BaseException:
            future.cancel()
            raise

    def _begin(
        self,
        key: str | Server,
        question: Callable[[SdkConnection, ServerConnection], Awaitable[T]],
        *,
        doing: str,
        function: str = "",
        hearing: CallListener | None = None,
    ) -> Future[T]:
        server = self.may_use(key) if isinstance(key, str) else key
        require_sdk()

        async def ask() -> T:
            running = await self._started(server)
            return await running.ask(
                lambda connection: question(connection, running), doing=doing, function=function, hearing=hearing
            )

        return self._loop.begin(ask())

    async def _started(self, server: Server) -> ServerConnection:
        """The server, running; started by whoever comes first."""
        before = self._running.get(server.name)
        if before and before.server == server and not before.over:
            running = before
        else:
            running = self._running[server.name] = ServerConnection(
                server, partial(fill_in, server, self._secret), self._keeper
            )
        if not running.alive:
            await running.started(before)
        return running

    def close(self) -> None:
        """End all servers, all at the same time."""
        if self._running:

            async def end() -> None:
                await asyncio.gather(*(running.close() for running in self._running.values()))

            self._loop.begin(end()).result()
        self._loop.close()
        self._keeper.close()
        self._running = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def no_tool(server: str, name: str, tools: tuple[Tool, ...]) -> UnknownNameError:
    """The error for a tool that a server does not have; with the nearest names."""
    from kosmo_kernel.catalogue import nearest

    near = nearest(name, [tool.lua for tool in tools]) or [tool.lua for tool in tools][:5]
    listed = tuple(f"mcp.{server}.{one}" for one in near)
    return UnknownNameError(
        f"The MCP server `{server}` has no tool `{one_line(name, most=config.MAX_NAME_SHOWN)}`.", listed
    )


def _named(name: str, tools: tuple[Tool, ...]) -> Tool | None:
    own = own_name(name, {tool.name: tool.lua for tool in tools})
    return next((tool for tool in tools if tool.name == own), None)


async def _tools_anew(_connection: SdkConnection, running: ServerConnection) -> tuple[Tool, ...]:
    """For a tool that is not known: it may have come since, and the word of that may be on its way."""
    return await running.tools(anew=True)


async def _tools(_connection: SdkConnection, running: ServerConnection) -> tuple[Tool, ...]:
    return await running.tools()


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read: for which folder, from which files, in which state those were then."""

    folder: str
    files: list[str]
    states: list[object]
    configuration: config.Configuration
    called: dict[str, str]


def _state(file: str) -> object:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def require_sdk() -> None:
    """Nothing, where the SDK is installed.

    Raises:
        SettingsError: it is not.
    """
    if "mcp" not in sys.modules and find_spec("mcp") is None:
        raise SettingsError(f"MCP servers need the package `mcp`: python -m pip install '{EXTRA}'")
