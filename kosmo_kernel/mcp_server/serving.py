"""How clients reach our server: over standard streams, or over a port of this machine.

The end of standard input ends the server, and so do SIGTERM and Ctrl-C; the Lua processes end with it. The reader of
standard input is ours: asyncio's takes no files, and the SDK's has a thread that keeps the process alive until the next
line comes.
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
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.mcp.servers import require_sdk
from kosmo_kernel.mcp_server.call_handler import CallHandler, ServerOptions

HOST = "127.0.0.1"
TOKEN = "KOSMO_MCP_TOKEN"  # noqa: S105 - the name of the variable
SHORTEST = 16  # characters of a token
PIECE = 1 << 16  # bytes read at once
MAX_MESSAGE_BYTES = 64 << 20  # bytes of a message
SHUTDOWN_SECONDS = 5.0  # seconds for a server that was told to end


def over_stdio(terms: ServerOptions) -> bool:
    """Serve the client that started this process, until it closes our standard input or a signal ends it.

    Returns:
        Whether it was Ctrl-C that ended it.

    Raises:
        SettingsError, UnknownNameError: the SDK is missing, or a setting makes no sense.
    """
    with _desk(terms) as desk:
        if not sys.stdin:  # who started the process has closed it, so there is no client
            return False
        from kosmo_kernel.mcp_server import sdk

        async def serve() -> bool:
            loop, told = asyncio.get_running_loop(), asyncio.Event()
            with _told_to_end(lambda: loop.call_soon_threadsafe(told.set)) as heard, _standard_input() as number:
                serving = asyncio.create_task(sdk.over_streams(desk, _lines(number)))
                waiting = asyncio.create_task(told.wait())
                await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
                if told.is_set():
                    serving.cancel()
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await serving
                return signal.SIGINT in heard

        return asyncio.run(serve())


def over_http(terms: ServerOptions, port: int, ready: Callable[[str, str | None], None]) -> bool:
    """Serve whoever has the token, on a port of this machine, until a signal ends it.

    Parameters:
        terms: what the user grants.
        port: the port; 0 takes a free one.
        ready: is told the address, and the token where it was made for this; None where the environment gave it.

    Returns:
        Whether it was Ctrl-C that ended it.

    Raises:
        SettingsError, UnknownNameError: the SDK is missing, or a setting makes no sense.
        OSError: the port is taken.
    """
    given = os.environ.get(TOKEN, "")
    if given and (len(given) < SHORTEST or not given.isascii() or not given.isprintable() or " " in given):
        raise SettingsError(f"{TOKEN} must have {SHORTEST} characters at least, and no spaces.")
    token = given or secrets.token_urlsafe(32)
    with _desk(terms) as desk, socket.create_server((HOST, port)) as listening:
        import uvicorn

        from kosmo_kernel.mcp_server import sdk

        number = listening.getsockname()[1]
        configured = uvicorn.Config(
            sdk.application(desk, number, token),
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(configured)

        async def serve() -> bool:
            def end() -> None:
                server.should_exit = True

            with _told_to_end(end) as heard:
                await server.serve(sockets=[listening])  # which raises the signal that ended it once more, for us
            return signal.SIGINT in heard

        ready(f"http://{HOST}:{number}{sdk.PATH}", None if given else token)
        return asyncio.run(serve())


@contextmanager
def _desk(terms: ServerOptions) -> Iterator[CallHandler]:
    """What answers; its sessions end with it, whatever happens."""
    require_sdk()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    desk = CallHandler(terms)
    try:
        yield desk
    finally:
        desk.close()


@contextmanager
def _told_to_end(tell: Callable[[], object]) -> Iterator[list[int]]:
    """Have SIGTERM and Ctrl-C end the server; and the process, should the server not manage to in time.

    Gives the signals that came, as they come.
    """
    heard: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        heard.append(number)
        tell()
        overdue = threading.Timer(SHUTDOWN_SECONDS, os._exit, (1,))
        overdue.daemon = True
        overdue.start()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _standard_input() -> Iterator[int]:
    """Standard input for us alone: whatever is started or asks there meanwhile reads its end."""
    own = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        yield own
    finally:
        os.dup2(own, 0)  # `own` stays open: the thread may still wait for it


async def _lines(number: int) -> AsyncIterator[str]:
    """The lines that come, in order.

    Parameters:
        number: of the file that they come from.
    """
    loop = asyncio.get_running_loop()
    coming: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=4)

    def put(line: bytes | None) -> None:
        waiting = coming.put(line)
        try:
            asyncio.run_coroutine_threadsafe(waiting, loop).result()
        except RuntimeError:
            waiting.close()
            raise

    def read() -> None:
        with suppress(RuntimeError, CancelledError):  # the loop has ended, or ends
            for line in split(lambda: os.read(number, PIECE)):
                put(line)
            put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await coming.get()) is not None:
        yield line.decode(errors="replace")


def split(read: Callable[[], bytes], most: int = MAX_MESSAGE_BYTES) -> Iterator[bytes]:
    """Pieces as lines. One without an end in sight is left out: nobody can answer what was never said to its end.

    Parameters:
        read: gives the next piece; none at the end.
        most: bytes of a line.
    """
    parts: list[bytes] = []
    size = 0
    try:
        while piece := read():
            *ended, rest = piece.split(b"\n")
            for one in ended:
                if size + len(one) <= most:
                    yield b"".join([*parts, one])
                parts, size = [], 0
            size += len(rest)
            if size <= most:
                parts.append(rest)
            else:
                parts = []
    except OSError:
        return
    if any(parts):
        yield b"".join(parts)
