"""The MCP servers of a session: started with the first request to each, kept running, and ended with the session.

Any thread can send requests; they run in one event loop. The configuration is read again when its files have changed,
and trust is checked before each request, so that a server is no longer used once it was changed or untrusted.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYetError
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, TypeVar

from kosmo_kernel.errors import SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.mcp import config
from kosmo_kernel.mcp.child import ProcessReaper
from kosmo_kernel.mcp.config import Server
from kosmo_kernel.mcp.connection import ServerConnection
from kosmo_kernel.mcp.tools import Tool, original_name
from kosmo_kernel.mcp.trust import Trust
from kosmo_kernel.mcp.variables import fill_in
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.installation import how_to_install

T = TypeVar("T")
IsCancelled = Callable[[], bool]

POLL_INTERVAL_SECONDS = 0.05  # seconds between two checks whether the caller was cancelled


def never() -> bool:
    """Return False: for a caller that is not cancelled."""
    return False


class Servers:
    """The configured MCP servers and their connections. Thread-safe; a context manager that ends them.

    In all methods, `key` is the name of a server or its Lua name. `is_cancelled` returns whether the caller was
    cancelled.

    Parameters:
        folder: the folder whose project's servers are used; the current working directory at each call if None.
        trust: the user's approvals of projects' servers.
    """

    def __init__(self, folder: Path | None = None, trust: Trust | None = None) -> None:
        self.trust = trust or Trust()
        self._folder = folder
        self._loop, self._reaper = _EventLoop(), ProcessReaper()
        self._running: dict[str, ServerConnection] = {}
        # The folder, the states of its files, and the configuration that was read from them.
        self._cached: tuple[str, list[object], config.Configuration] | None = None

    # Configuration; starts no server -----------------------------------------------------------------

    def configuration(self) -> config.Configuration:
        """Return the current configuration. It is read again only if a file's state has changed."""
        folder = str(self._folder) if self._folder else os.getcwd()
        if self._cached:
            cached_folder, states, configuration = self._cached
            if cached_folder == folder and list(map(_file_state, config.files(configuration.root))) == states:
                return configuration
        root = config.project_root(Path(folder))
        states = list(map(_file_state, config.files(root)))  # before the files are read
        self._cached = folder, states, config.configuration(root)
        return self._cached[2]

    def usable(self) -> dict[str, str]:
        """Return the Lua name of each server that may be started, by its original name."""
        configuration = self.configuration()
        return {
            name: configuration.lua_names[name]
            for name, server in configuration.servers.items()
            if not server.fault and self._is_trusted(server)
        }

    def find(self, key: str) -> Server:
        """Return the entry of a server.

        Raises:
            UnknownNameError: there is none of that name.
        """
        current = self.configuration()  # once, because it checks the files and is part of every call
        return current.find(original_name(key, current.lua_names) or key)

    def may_use(self, key: str) -> Server:
        """Return the entry of a server after checking that it may be started.

        Raises:
            UnknownNameError: there is none of that name.
            UntrustedError: the user has not approved it.
            SettingsError: its entry has a mistake.
        """
        server = self.find(key)
        server.check_entry()
        self.trust.require(server)
        return server

    def split(self, path: str) -> tuple[Server, str]:
        """Split `server.tool` into the server's entry and the tool's name; a server's name may contain dots.

        Raises:
            UnknownNameError: there is no such server.
        """
        parts = path.removeprefix("mcp.").split(".")
        for index in range(len(parts) - 1, 0, -1):
            server = ".".join(parts[:index])
            if original_name(server, self.configuration().lua_names):
                return self.find(server), ".".join(parts[index:])
        if len(parts) == 1:
            raise UnknownNameError(f"`{path[:80]}` names no tool: write `server.tool`.")
        return self.find(parts[0]), ""

    def known(self, name: str) -> tuple[Tool, ...]:
        """Return the known tools of a server, by its original name; none if it was not started."""
        running = self._running.get(name)
        return running.tools if running else ()

    def known_tool(self, name: str, tool: str) -> Tool | None:
        """Return one of the known tools by its original or Lua name, or None."""
        return _find(tool, self.known(name))

    def runs(self, name: str) -> bool:
        """Return whether a server runs, by its original name."""
        running = self._running.get(name)
        return running is not None and running.alive

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets that servers received, to redact them in all texts."""
        return tuple(secret for running in list(self._running.values()) for secret in running.secrets)

    def _is_trusted(self, server: Server) -> bool:
        try:
            return self.trust.status(server) == "trusted"
        except SettingsError:
            return False

    # Requests ----------------------------------------------------------------------------------------

    def tools(self, key: str, is_cancelled: IsCancelled = never, *, anew: bool = False) -> tuple[Tool, ...]:
        """Return the tools of a server; start it if it does not run. `anew` lists them even if none has changed.

        Raises:
            UnknownNameError: there is none of that name.
            UntrustedError: the user has not approved it.
            KosmoError: it does not start, or does not respond.
        """
        return self.wait(self._loop.begin(self._list_tools(self.may_use(key), anew=anew)), is_cancelled)

    def tool(self, key: str, name: str, is_cancelled: IsCancelled = never) -> Tool:
        """Return one tool by its original or Lua name; start the server if it does not run.

        Raises:
            UnknownNameError: there is none; the message has the nearest names.
            KosmoError: as for `tools`.
        """
        running = self._running.get(key)
        is_fresh = running is not None and running.fresh  # the known tools are its current ones
        if is_fresh and (tool := self.known_tool(key, name)):
            return tool
        # An unknown tool may be new, and the notification may not have arrived yet.
        tools = self.tools(key, is_cancelled, anew=is_fresh)
        if tool := _find(name, tools):
            return tool
        from kosmo_kernel.text import nearest

        near = nearest(name, [tool.lua for tool in tools]) or [tool.lua for tool in tools][:5]
        server = self.find(key).name
        raise UnknownNameError(
            f"The MCP server `{server}` has no tool `{one_line(name, most=config.MAX_NAME_SHOWN)}`.",
            tuple(f"mcp.{server}.{suggestion}" for suggestion in near),
        )

    def begin_call(self, tool: Tool, arguments: dict[str, Any], server: Server | None = None) -> Future[dict[str, Any]]:
        """Start a call of a tool. The arguments are sent unchanged.

        Parameters:
            tool: the tool, from `tool`.
            arguments: the arguments by name.
            server: the server's entry, if the caller has just checked that it may be used.

        Returns:
            A future of the result: `content`, `isError`, and `structuredContent` if present. It may raise a KosmoError.
        """
        return self._loop.begin(self._call(server or self.may_use(tool.server), tool, arguments))

    def wait(self, future: Future[T], is_cancelled: IsCancelled = never) -> T:
        """Return the result of a future.

        Raises:
            StoppedError: the caller was cancelled; so is the request.
            KosmoError: the request failed.
        """
        try:
            while True:
                try:
                    return future.result(POLL_INTERVAL_SECONDS)
                except NotYetError:
                    if future.done():
                        raise
                    if is_cancelled():
                        future.cancel()
        except CancelledError:
            raise StoppedError("The run was stopped while it waited for an MCP server.") from None
        except BaseException:
            future.cancel()
            raise

    async def _list_tools(self, server: Server, *, anew: bool) -> tuple[Tool, ...]:
        return await (await self._started(server)).list_tools(anew=anew)

    async def _call(self, server: Server, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        return await (await self._started(server)).call(tool, arguments)

    async def _started(self, server: Server) -> ServerConnection:
        """Return the running connection to a server; the first caller starts it."""
        require_sdk()
        previous = self._running.get(server.name)
        if previous and previous.server == server and not previous.over:
            running = previous
        else:
            running = self._running[server.name] = ServerConnection(server, partial(fill_in, server), self._reaper)
        if not running.alive:
            await running.started(previous)
        return running

    def close(self) -> None:
        """End all servers concurrently."""
        if self._running:

            async def end() -> None:
                await asyncio.gather(*(running.close() for running in self._running.values()))

            self._loop.begin(end()).result()
        self._loop.close()
        self._reaper.close()
        self._running = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _find(name: str, tools: tuple[Tool, ...]) -> Tool | None:
    original = original_name(name, {tool.name: tool.lua for tool in tools})
    return next((tool for tool in tools if tool.name == original), None)


def _file_state(path: Path) -> object:
    """Return what changes with a file; None if it cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def require_sdk() -> None:
    """Check that the MCP SDK is installed.

    Raises:
        SettingsError: it is not installed.
    """
    if "mcp" not in sys.modules and find_spec("mcp") is None:
        raise SettingsError(f"MCP servers need the package `mcp`, which is not installed. {how_to_install('mcp')}")


# The event loop --------------------------------------------------------------------------------------------------


class _EventLoop:
    """The event loop of all connections, in a background thread, which starts with the first coroutine. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._thread = threading.Thread()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the loop and return its future. Cancelling the future cancels the coroutine."""
        with self._lock:
            if self._loop is None:
                started: Future[asyncio.AbstractEventLoop] = Future()
                run = partial(asyncio.run, self._run_until_closed(started))
                self._thread = threading.Thread(target=run, name="kosmo-mcp", daemon=True)
                self._thread.start()
                self._loop = started.result()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _run_until_closed(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        self._closing = asyncio.Event()
        started.set_result(asyncio.get_running_loop())
        await self._closing.wait()  # then `asyncio.run` cancels all coroutines that run

    def close(self) -> None:
        """Cancel all running coroutines and stop the thread."""
        with self._lock:
            loop, self._loop = self._loop, None
            if loop:
                loop.call_soon_threadsafe(self._closing.set)
                self._thread.join()
