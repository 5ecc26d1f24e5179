"""The life of the server's process: standard streams or HTTP on a local port, its log, and its end.

The server and its Lua processes end on SIGTERM, on Ctrl-C and at the end of standard input.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from logging.handlers import QueueHandler

from kosmo_kernel.mcp.servers import require_sdk
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.settings.table import MCP_TOKEN

HOST = "127.0.0.1"
SHUTDOWN_SECONDS = 5.0  # that the calls have to end after a signal
MAX_LOG_RECORDS = 100  # that wait until standard error is read; further ones are dropped
EXIT_CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}


def over_stdio(make_handler: Callable[[], CallHandler]) -> None:
    """Serve the client that started this process, until it closes standard input. A signal ends the process.

    Raises:
        SettingsError, UnknownNameError: the SDK is missing, or a setting is invalid.
    """
    with _call_handler(make_handler) as handler:
        if sys.stdin:  # if standard input is closed, there is no client
            from kosmo_kernel.mcp_server import sdk

            asyncio.run(sdk.serve_stdio(handler))


def over_http(make_handler: Callable[[], CallHandler], port: int, ready: Callable[[str, str | None], None]) -> None:
    """Serve clients that have the token on a local port, until a signal ends the process.

    Parameters:
        make_handler: returns what handles the calls.
        port: the port; 0 for a free one.
        ready: called with the address and the generated token, or None if the environment has one.

    Raises:
        SettingsError, UnknownNameError: the SDK is missing, or a setting is invalid.
        OSError: the port is in use.
    """
    from_env = MCP_TOKEN.from_env()
    token = from_env or secrets.token_urlsafe(32)
    with _call_handler(make_handler) as handler, socket.create_server((HOST, port)) as listening:
        import uvicorn

        from kosmo_kernel.mcp_server import sdk

        bound_port = listening.getsockname()[1]
        app = sdk.application(handler, bound_port, token)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none"))
        vars(server)["capture_signals"] = nullcontext  # its own handlers would know of no calls
        ready(f"http://{HOST}:{bound_port}{sdk.PATH}", None if from_env else token)
        asyncio.run(server.serve(sockets=[listening]))


@contextmanager
def _call_handler(make_handler: Callable[[], CallHandler]) -> Iterator[CallHandler]:
    """Provide the handler of calls; on SIGTERM and Ctrl-C end its calls and then the process.

    The log is written by a thread of its own, so that no client that leaves standard error unread waits for an answer.
    """
    require_sdk()
    records = queue.Queue[logging.LogRecord](MAX_LOG_RECORDS)
    logging.basicConfig(level=logging.WARNING, handlers=[QueueHandler(records)])
    logging.raiseExceptions = False  # a record for which there is no room is dropped in silence
    threading.Thread(target=_write_log, args=(records,), daemon=True).start()
    handler = make_handler()

    def end(number: int, _frame: object) -> None:
        closing = threading.Thread(target=handler.sessions.close, daemon=True)
        closing.start()
        closing.join(SHUTDOWN_SECONDS)
        os._exit(EXIT_CODES[signal.Signals(number)])  # threads may still wait for the client or for a service

    for number in EXIT_CODES:
        signal.signal(number, end)
    try:
        yield handler
    finally:
        handler.sessions.close()


def _write_log(records: queue.Queue[logging.LogRecord]) -> None:
    """Write log records to standard error; without its stream, which the end of the process would wait for."""
    while True:
        record = records.get()
        os.write(2, f"{record.name}: {record.getMessage()}\n".encode(errors="replace"))
