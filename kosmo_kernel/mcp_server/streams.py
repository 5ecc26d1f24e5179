"""Standard input and output as lines, without threads where the event loop can wait for them.

While a client is served, other readers of standard input find it empty, and other output goes to standard error. Pipes
and sockets are watched by the event loop. A file or a terminal is read by our own daemon thread: the event loop does
not support files, and the SDK's thread keeps the process alive until the next line.
"""

from __future__ import annotations

import asyncio
import os
import select
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

from kosmo_kernel.mcp.child import MAX_MESSAGE_BYTES

READ_BYTES = 1 << 16  # bytes per read


@contextmanager
def standard_input() -> Iterator[int]:
    """Provide a private file descriptor of standard input; child processes and other readers get an empty input."""
    with _private(0, os.open(os.devnull, os.O_RDONLY)) as private:
        yield private


@contextmanager
def standard_output() -> Iterator[int]:
    """Provide a private file descriptor of standard output; what others print goes to standard error."""
    with _private(1, os.dup(2)) as private:
        yield private


@contextmanager
def _private(descriptor: int, instead: int) -> Iterator[int]:
    private = os.dup(descriptor)
    os.dup2(instead, descriptor)
    os.close(instead)
    try:
        yield private
    finally:
        os.dup2(private, descriptor)  # `private` stays open, because a thread may still use it


class TextOutput:
    """Writes whole texts to a file descriptor, in the event loop and without ever blocking it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._drained = asyncio.Event()
        self._error: OSError | None = None

    async def write(self, text: str) -> None:
        """Write a text after those before it, and wait until it is written. It is written also if that is cancelled.

        Raises:
            OSError: nobody reads any more.
        """
        is_idle = not self._buffer
        self._buffer += text.encode()
        if is_idle:
            self._drained.clear()
            self._flush()
        await self._drained.wait()
        if self._error:
            raise self._error

    def _flush(self) -> None:
        try:
            while self._buffer and select.select([], [self._descriptor], [], 0)[1]:
                part = self._buffer[: select.PIPE_BUF]  # as many bytes do not block
                del self._buffer[: os.write(self._descriptor, part)]
        except OSError as error:
            self._error = error
            self._buffer.clear()
        if self._buffer:
            self._loop.add_writer(self._descriptor, self._flush)
        elif not self._drained.is_set():
            self._loop.remove_writer(self._descriptor)
            self._drained.set()


async def lines(descriptor: int) -> AsyncIterator[str]:
    """Yield the lines of a file descriptor."""
    mode = os.fstat(descriptor).st_mode
    is_watchable = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    async for line in _watched_lines(descriptor) if is_watchable else _thread_lines(descriptor):
        yield line.decode(errors="replace")


async def _watched_lines(descriptor: int) -> AsyncIterator[bytes]:
    splitter = LineSplitter()
    with suppress(OSError):
        while True:
            await _until_readable(descriptor)
            piece = os.read(descriptor, READ_BYTES)
            for line in splitter.feed(piece):
                yield line
            if not piece:
                return


async def _until_readable(descriptor: int) -> None:
    """Wait until a file descriptor can be read without blocking."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


async def _thread_lines(descriptor: int) -> AsyncIterator[bytes]:
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
        with suppress(RuntimeError, CancelledError):  # the loop has ended, or is ending
            for line in split(lambda: os.read(descriptor, READ_BYTES)):
                put(line)
            put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await coming.get()) is not None:
        yield line


def split(read: Callable[[], bytes], most: int = MAX_MESSAGE_BYTES) -> Iterator[bytes]:
    """Split pieces into lines and yield them.

    Parameters:
        read: returns the next piece; empty at the end.
        most: maximum bytes of a line.
    """
    splitter = LineSplitter(most)
    with suppress(OSError):
        while piece := read():
            yield from splitter.feed(piece)
        yield from splitter.feed(b"")


class LineSplitter:
    """Joins pieces, and splits them into lines. A line that exceeds the size limit is dropped.

    Parameters:
        most: maximum bytes of a line.
    """

    def __init__(self, most: int = MAX_MESSAGE_BYTES) -> None:
        self._most = most
        self._parts: list[bytes] = []  # of the line that has not ended
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the lines that end in a piece. An empty piece is the end, and ends the last line unless it is empty."""
        if not piece:
            if any(self._parts):
                yield b"".join(self._parts)
            return
        *ends, rest = piece.split(b"\n")
        for end in ends:
            if self._size + len(end) <= self._most:
                yield b"".join([*self._parts, end])
            self._parts, self._size = [], 0
        self._size += len(rest)
        if self._size <= self._most:
            self._parts.append(rest)
        else:
            self._parts.clear()
