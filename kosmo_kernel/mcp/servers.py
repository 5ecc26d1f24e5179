"""The MCP servers of a session: started with the first request to each, kept running, and ended with the session.

Any thread can send requests; they run in one event loop. The configuration is read again when its files have changed,
and trust is checked before each request, so that a server is no longer used once it was changed, switched off or
untrusted.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYetError
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, TypeVar

from kosmo_kernel.errors import SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.mcp import config, secrets
from kosmo_kernel.mcp.child import ProcessReaper
from kosmo_kernel.mcp.config import Server, file_state
from kosmo_kernel.mcp.connection import CallListener, ServerConnection, ServerRequest
from kosmo_kernel.mcp.secrets import fill_in
from kosmo_kernel.mcp.tools import Tool, original_name, tools_of
from kosmo_kernel.mcp.trust import Trust
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
        secret: returns a secret by its name, or None.
        trust: the user's approvals of projects' servers.
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
        self._loop, self._reaper = _EventLoop(), ProcessReaper()
        self._running: dict[str, ServerConnection] = {}
        # The folder, the states of its files, and the configuration that was read from them.
        self._cached: tuple[str, list[object], config.Configuration] | None = None

    # Configuration; starts no server -----------------------------------------------------------------

    def configuration(self) -> config.Configuration:
        """Return the current configuration."""
        return self._current()

    def _current(self) -> config.Configuration:
        """Return the current configuration. It is read again only if a file's state has changed."""
        folder = str(self._folder) if self._folder else os.getcwd()
        if self._cached:
            cached_folder, states, configuration = self._cached
            if cached_folder == folder and [file_state(source.path) for source in configuration.sources] == states:
                return configuration
        root = config.project_root(Path(folder))
        states = [file_state(path) for path in config.files(root).values()]  # before the files are read
        self._cached = folder, states, config.configuration(root)
        return self._cached[2]

    def usable(self) -> dict[str, str]:
        """Return the Lua name of each server that may be started, by its original name."""
        configuration = self.configuration()
        return {
            name: configuration.lua_names[name]
            for name, server in configuration.servers.items()
            if server.enabled and not server.fault and self._is_trusted(server)
        }

    def called(self) -> dict[str, str]:
        """Return the Lua name of each configured server, by its original name."""
        return self._current().lua_names

    def find(self, key: str) -> Server:
        """Return the entry of a server.

        Raises:
            UnknownNameError: there is none of that name.
        """
        current = self._current()  # once, because it checks the files and is part of every call
        return current.find(original_name(key, current.lua_names) or key)

    def may_use(self, key: str) -> Server:
        """Return the entry of a server after checking that it may be started.

        Raises:
            UnknownNameError: there is none of that name.
            UntrustedError: the user has not approved it.
            SettingsError: it is switched off, or its entry has a mistake.
        """
        server = self.find(key)
        server.usable()
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
            if original_name(server, self.called()):
                return self.find(server), ".".join(parts[index:])
        if len(parts) == 1:
            raise UnknownNameError(f"`{path[:80]}` names no tool: write `server.tool`.")
        return self.find(parts[0]), ""

    def known(self, name: str) -> tuple[Tool, ...]:
        """Return the known tools of a server, by its original name; none if it was not started."""
        running = self._running.get(name)
        return running.known if running else ()

    def known_tool(self, name: str, tool: str) -> Tool | None:
        """Return one of the known tools by its original or Lua name, or None."""
        return _find(tool, self.known(name))

    def about(self, name: str) -> dict[str, Any]:
        """Return a server's description of itself (`ServerConnection.about`) and its `pid`; empty if not running."""
        running = self._running.get(name)
        return {**running.about, "pid": running.pid} if running and running.alive else {}

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
        name = self.find(key).name
        return tools_of(name, self.ask(name, "tools/list", is_cancelled=is_cancelled, anew=anew)["tools"])

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
        raise _no_tool(self.find(key).name, name, tools)

    def begin_call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        listener: CallListener | None = None,
        server: Server | None = None,
    ) -> Future[dict[str, Any]]:
        """Start a call of a tool. The arguments are sent unchanged; check them with `calls.checked` first.

        Parameters:
            tool: the tool, from `tool`.
            arguments: the arguments by name.
            listener: receives the server's notifications during the call.
            server: the server's entry, if the caller has just checked that it may be used.

        Returns:
            A future of the result: `content`, `isError`, and `structuredContent` if present. It may raise a KosmoError.
        """
        request = ServerRequest("tools/call", {"name": tool.name, "arguments": arguments}, tool.function)
        return self._loop.begin(self._answer(server or self.may_use(tool.server), request, listener or CallListener()))

    def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        listener: CallListener | None = None,
        is_cancelled: IsCancelled = never,
    ) -> dict[str, Any]:
        """Call a tool and return its result, see `begin_call`.

        Raises:
            KosmoError: it does not respond.
        """
        return self.wait(self.begin_call(tool, arguments, listener), is_cancelled)

    def ask(
        self,
        key: str,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        is_cancelled: IsCancelled = never,
        anew: bool = False,
    ) -> dict[str, Any]:
        """Send a request to a server and return the result, as in the protocol; start the server if it does not run.

        Parameters:
            method: one of `connection.DOING`. `resources/list` has the templates, too, with `uriTemplate` for `uri`.
            params: the parameters of the method.
            anew: list the tools even if none has changed.

        Raises:
            KosmoError: as for `tools`.
        """
        request = ServerRequest(method, params or {}, anew=anew)
        return self.wait(self._loop.begin(self._answer(self.may_use(key), request)), is_cancelled)

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

    async def _answer(
        self, server: Server, request: ServerRequest, listener: CallListener | None = None
    ) -> dict[str, Any]:
        """Return a server's result of a request; start the server if it does not run."""
        require_sdk()
        running = await self._started(server)
        return await running.request(request, listener)

    async def _started(self, server: Server) -> ServerConnection:
        """Return the running connection to a server; the first caller starts it."""
        previous = self._running.get(server.name)
        if previous and previous.server == server and not previous.over:
            running = previous
        else:
            running = self._running[server.name] = ServerConnection(
                server, partial(fill_in, server, self._secret), self._reaper
            )
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


def _no_tool(server: str, name: str, tools: tuple[Tool, ...]) -> UnknownNameError:
    """Return the error for a tool that a server does not have, with the nearest names."""
    from kosmo_kernel.text import nearest

    near = nearest(name, [tool.lua for tool in tools]) or [tool.lua for tool in tools][:5]
    suggestions = tuple(f"mcp.{server}.{suggestion}" for suggestion in near)
    return UnknownNameError(
        f"The MCP server `{server}` has no tool `{one_line(name, most=config.MAX_NAME_SHOWN)}`.", suggestions
    )


def _find(name: str, tools: tuple[Tool, ...]) -> Tool | None:
    original = original_name(name, {tool.name: tool.lua for tool in tools})
    return next((tool for tool in tools if tool.name == original), None)


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
