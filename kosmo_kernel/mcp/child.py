"""The child process of an MCP server: its start, its output, its end; and the failures of a connection.

It runs in its own process group, so that ending it also ends the processes that it started (`npx` and `uvx` run the
real server as their child). Lines are read in linear time and up to a size limit, because a server may send a line
without an end.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
from contextlib import suppress

from kosmo_kernel.mcp.variables import ResolvedServer

MAX_MESSAGE_BYTES = 64 << 20  # maximum bytes of a message
MAX_MESSAGE_VALUES = 1_000_000  # maximum numbers, texts, lists and objects in it; each takes about 100 bytes
READ_BYTES = 1 << 18  # bytes per read
TAIL_LINES, TAIL_WIDTH = 8, 300  # of standard error: the last lines, and the characters of each
TAIL_BYTES = 1 << 14  # of it that are kept
EXIT_SECONDS = 2.0  # grace period to exit after its input is closed, which the protocol requires
SILENT_EXIT_SECONDS = 0.2  # grace period of a server that sent nothing, because a caller waits for its start


class TooLongError(Exception):
    """A message exceeds the size limit."""


class McpError(Exception):
    """A failure of a connection."""


class ClosedError(McpError):
    """The connection is closed, or the server cannot be reached.

    Parameters:
        reason: the network library's description; may be empty.
        too_long: we closed the connection, because a message exceeded the size limit.
    """

    def __init__(self, reason: str = "", *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.too_long = reason, too_long


class ServerTimeoutError(McpError):
    """The server did not respond in time."""


class MalformedError(McpError):
    """The server's response violates the protocol; the text says how."""


class ServerRejectedError(McpError):
    """The server responded with an error.

    Parameters:
        message: the server's error message.
        code: the JSON-RPC error code.
        status: the HTTP status; 0 without one.
    """

    def __init__(self, message: str, code: int, status: int = 0) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status


class LineTail:
    """The last lines of a stream."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        """Add the next data of the stream."""
        self._data = (self._data + data[-TAIL_BYTES:])[-TAIL_BYTES:]

    def lines(self) -> list[str]:
        """Return the last lines, including an incomplete one at the end."""
        lines = (line.decode(errors="replace").strip()[:TAIL_WIDTH] for line in self._data.split(b"\n"))
        return list(filter(None, lines))[-TAIL_LINES:]


def kill_leftovers() -> None:
    """Kill the process groups that the lines of standard input name, when the input ends.

    `+N` adds a group, `-N` removes one that has ended. The input ends when the parent process ends, for any reason.
    This is the whole program of the reaper, which imports nothing of this package, so that it starts quickly and uses
    little memory.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a signal to the whole terminal must not stop it before the parent
    groups: set[int] = set()
    for line in sys.stdin:
        sign, digits = line[:1], line[1:].strip()
        if digits.isdecimal() and int(digits) > 1:
            (groups.add if sign == "+" else groups.discard)(int(digits))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:  # the group has ended meanwhile
            continue


class ProcessReaper:
    """Starts the reaper with the first server, and tells it which process groups to kill if this process dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, group: int) -> None:
        """Have a process group killed when this process ends."""
        if self._process is None:
            program = f"import os, signal, sys\n{inspect.getsource(kill_leftovers)}\n{kill_leftovers.__name__}()"
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        self._send(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Remove a process group that has ended."""
        self._send(f"-{group}\n")

    def _send(self, line: str) -> None:
        if self._process and self._process.stdin:
            with suppress(OSError):  # the reaper was killed; servers are still ended by `Child.end` on a regular exit
                self._process.stdin.write(line.encode())

    def close(self) -> None:
        """End the reaper, when all servers have ended."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()
        self._process = None


class Child:
    """A running server process, created by `Child.start`.

    Attributes:
        stderr_tail: the last lines of its standard error.
        noise: the last lines of its standard output that are not messages.
        exit_code: its exit code, if it exited by itself.
    """

    def __init__(self, process: asyncio.subprocess.Process, reaper: ProcessReaper) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise OSError("the program has no pipes")
        self._process, self._reaper = process, reaper
        self._input, self._output = process.stdin, process.stdout
        self._buffer, self._searched = bytearray(), 0  # unread output, and how much of it contains no line end
        self.stderr_tail, self.noise = LineTail(), LineTail()
        self.exit_code: int | None = None
        self._stderr_task = asyncio.ensure_future(self._read_stderr(process.stderr))
        reaper.add(process.pid)

    @classmethod
    async def start(cls, filled: ResolvedServer, reaper: ProcessReaper) -> Child:
        """Start a server.

        Raises:
            OSError: the program or its working directory does not exist, or cannot be used.
            ValueError: an argument or a variable has a character that no program can get.
        """
        process = await asyncio.create_subprocess_exec(
            filled.command,
            *filled.args,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(filled.env),
            cwd=filled.cwd,
            start_new_session=True,
            limit=READ_BYTES,
        )
        return cls(process, reaper)

    @property
    def pid(self) -> int:
        """Its process id, which is also its process group's id."""
        return self._process.pid

    async def line(self) -> bytes | None:
        """Return the next line of its standard output, without the line end; None when it has closed its output.

        Raises:
            TooLongError: the line exceeds the size limit.
        """
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched > MAX_MESSAGE_BYTES:
                raise TooLongError
            data = await self._output.read(READ_BYTES)
            if not data:
                rest, self._buffer, self._searched = bytes(self._buffer), bytearray(), 0
                return rest or None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def write_line(self, line: bytes) -> None:
        """Write a line to its standard input without waiting; do nothing if it has closed its input."""
        if not self._input.is_closing():
            self._input.write(line + b"\n")

    async def end(self, seconds: float) -> None:
        """End it and all processes that it started, and set `exit_code`.

        Parameters:
            seconds: the time to exit by itself before it is killed.
        """
        self._input.close()
        exited = await self._wait_for_exit(seconds)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(OSError):  # all processes have ended
                os.killpg(self.pid, number)  # even if it has exited: its children may still run
            if not exited:
                await self._wait_for_exit(seconds)
        self._reaper.remove(self.pid)
        await asyncio.wait((self._stderr_task,), timeout=SILENT_EXIT_SECONDS)  # for its last output
        self._stderr_task.cancel()
        with suppress(asyncio.CancelledError):
            await self._stderr_task
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - prevents a ResourceWarning on collection
        self.exit_code = self._process.returncode if exited else None

    async def _wait_for_exit(self, seconds: float) -> bool:
        """Return whether it exits in time. It polls because `Process.wait` waits for the pipes to close as well."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._process.returncode is None:
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    async def _read_stderr(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(READ_BYTES):
            self.stderr_tail.feed(data)
