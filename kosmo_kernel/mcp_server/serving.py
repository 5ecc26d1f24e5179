"""The transports of the MCP server: standard streams, or HTTP on a local port.

The server and its Lua processes end on SIGTERM, on Ctrl-C and at the end of standard input.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

from kosmo_kernel.mcp.servers import require_sdk
from kosmo_kernel.mcp_server.call_handler import CallHandler, ServerOptions
from kosmo_kernel.settings.table import MCP_TOKEN

HOST = "127.0.0.1"
SHUTDOWN_SECONDS = 5.0  # seconds from a signal to a forced exit
GRACE_SECONDS = 1  # for open streams and answers, before they are cut


def over_stdio(options: ServerOptions) -> bool:
    """Serve the client that started this process, until it closes standard input or a signal arrives.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        SettingsError, UnknownNameError: the SDK is missing, or a setting is invalid.
    """
    with _call_handler(options, several_clients=False) as handler:
        if not sys.stdin:  # standard input is closed, so there is no client
            return False
        from kosmo_kernel.mcp_server import sdk

        async def serve() -> bool:
            loop, stopped = asyncio.get_running_loop(), asyncio.Event()
            nothing = os.open(os.devnull, os.O_RDONLY)
            stop = partial(loop.call_soon_threadsafe, stopped.set)
            with _signals(handler, stop) as received, _private(0, nothing) as stdin, _private(1, os.dup(2)) as stdout:
                serving = asyncio.create_task(sdk.over_streams(handler, stdin, stdout))
                waiting = asyncio.create_task(stopped.wait())
                await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
                if stopped.is_set():
                    serving.cancel()
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await serving
                return signal.SIGINT in received

        return asyncio.run(serve())


def over_http(options: ServerOptions, port: int, ready: Callable[[str, str | None], None]) -> bool:
    """Serve clients that have the token on a local port, until a signal arrives.

    Parameters:
        options: the user's options.
        port: the port; 0 for a free one.
        ready: called with the address and the generated token, or None if the environment has one.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        SettingsError, UnknownNameError: the SDK is missing, or a setting is invalid.
        OSError: the port is in use.
    """
    from_env = MCP_TOKEN.from_env()
    token = from_env or secrets.token_urlsafe(32)
    with _call_handler(options, several_clients=True) as handler, socket.create_server((HOST, port)) as listening:
        import uvicorn

        from kosmo_kernel.mcp_server import sdk

        bound_port = listening.getsockname()[1]
        configuration = uvicorn.Config(
            sdk.application(handler, bound_port, token),
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(configuration)
        vars(server)["capture_signals"] = nullcontext  # its own handlers would know of no calls

        async def serve() -> bool:
            def stop() -> None:
                logging.getLogger("uvicorn.error").disabled = True  # it would tell of each stream that is cut
                server.handle_exit(signal.SIGTERM, None)  # ends open streams, too

            with _signals(handler, stop) as received:
                await server.serve(sockets=[listening])
            return signal.SIGINT in received

        ready(f"http://{HOST}:{bound_port}{sdk.PATH}", None if from_env else token)
        return asyncio.run(serve())


@contextmanager
def _call_handler(options: ServerOptions, *, several_clients: bool) -> Iterator[CallHandler]:
    """Provide the handler of calls, and close its sessions at the end."""
    require_sdk()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    handler = CallHandler(options, several_clients=several_clients)
    try:
        yield handler
    finally:
        handler.close()


@contextmanager
def _signals(handler: CallHandler, stop: Callable[[], object]) -> Iterator[list[int]]:
    """End all calls and stop the server on SIGTERM and Ctrl-C, and force the process to exit if that takes too long.

    Provide the list of received signals, which grows as they arrive.
    """
    received: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        received.append(number)
        threading.Thread(target=handler.close, daemon=True).start()  # a call may hold on to what `stop` waits for
        stop()
        forced_exit = threading.Timer(SHUTDOWN_SECONDS, os._exit, (1,))
        forced_exit.daemon = True
        forced_exit.start()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, signal_handler in previous.items():
            signal.signal(number, signal_handler)


@contextmanager
def _private(descriptor: int, instead: int) -> Iterator[int]:
    """Provide a private copy of a standard stream; child processes and other users get another one in its place.

    While a client is served, other readers of standard input find it empty, and other output goes to standard error.
    """
    private = os.dup(descriptor)
    os.dup2(instead, descriptor)
    os.close(instead)
    try:
        yield private
    finally:
        os.dup2(private, descriptor)  # `private` stays open, because the event loop may still watch it
