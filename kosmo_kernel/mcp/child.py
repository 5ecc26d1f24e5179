"""A server that is a program: its lines, its complaints, and its end.

It runs in a process group of its own, so that its end takes with it whatever it started (`npx` and `uvx` start the real
server as a child of theirs). Lines are read in one pass and up to a limit, because what a server says is not trusted to
ever have an end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

from kosmo_kernel.mcp.references import ResolvedServer

MAX_MESSAGE_BYTES = 64 << 20  # bytes of one message
READ_BYTES = 1 << 18  # bytes that are read at once
TAIL_LINES, TAIL_WIDTH = 8, 300  # what is kept of its complaints: last lines, and characters of each
EXIT_SECONDS = 2.0  # seconds to end by itself after its input has ended, as the protocol asks for
SILENT_EXIT_SECONDS = 0.2  # and of one that never said a word, for whose start somebody waits
HAS_PROCESS_GROUPS = sys.platform != "win32"


class TooLongError(Exception):
    """A message was longer than any may be."""


class LineTail:
    """The last lines of a stream."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """More of the stream."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-TAIL_WIDTH * 4 :]
        for line in lines[-TAIL_LINES:]:
            self.add(line)

    def add(self, line: bytes) -> None:
        """One more line."""
        if text := line[: TAIL_WIDTH * 4].decode(errors="replace").strip():
            self._lines.append(text[:TAIL_WIDTH])

    def lines(self) -> list[str]:
        """What they are, the last of them perhaps without an end."""
        rest = self._rest.decode(errors="replace").strip()[:TAIL_WIDTH]
        return [*self._lines, *([rest] if rest else [])][-TAIL_LINES:]


class ProcessReaper:
    """Our side of `reaper.py`. Started with the first server that it is told of."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, group: int) -> None:
        """This process group must not outlive us."""
        if not HAS_PROCESS_GROUPS:
            return
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("reaper.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """It has ended."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        if self._process and self._process.stdin:
            with suppress(OSError):  # somebody killed it; the servers still end with us when we end in order
                self._process.stdin.write(line.encode())

    def close(self) -> None:
        """No server is left."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()
        self._process = None


class Child:
    """A running server. Made by `Child.start`, and to be ended."""

    def __init__(self, process: asyncio.subprocess.Process, keeper: ProcessReaper) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise OSError("the program has no pipes")
        self._process, self._keeper = process, keeper
        self._input, self._output = process.stdin, process.stdout
        self._said, self._searched = bytearray(), 0  # what it said and nobody read yet; where no line ends in that
        self._was_told = False
        # Of our own end of its input the loop lets go when the program ends, and then nobody could look into it.
        self._spare = os.dup(process.stdin.get_extra_info("pipe").fileno()) if HAS_PROCESS_GROUPS else None
        self.complaints, self.noise = LineTail(), LineTail()
        self.exit_code: int | None = None  # with which it ended, where it did that by itself
        self.unheard = False  # and without having read a word
        self.leave = EXIT_SECONDS
        self._listening = asyncio.ensure_future(self._listen(process.stderr))
        if HAS_PROCESS_GROUPS:
            keeper.add(process.pid)

    @classmethod
    async def start(cls, filled: ResolvedServer, keeper: ProcessReaper) -> Child:
        """Start a server.

        Raises:
            OSError: there is no such program, or no such folder.
        """
        process = await asyncio.create_subprocess_exec(
            filled.command,
            *filled.args,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(filled.env),
            cwd=filled.cwd,
            start_new_session=HAS_PROCESS_GROUPS,
            limit=READ_BYTES,
        )
        return cls(process, keeper)

    @property
    def pid(self) -> int:
        """Its process id, which is its group's as well."""
        return self._process.pid

    async def line(self) -> bytes | None:
        """The next line that it says, without its end; None when it has closed its output.

        Raises:
            TooLongError: the line has no end.
        """
        while (end := self._said.find(b"\n", self._searched)) < 0:
            self._searched = len(self._said)
            if self._searched > MAX_MESSAGE_BYTES:
                raise TooLongError
            data = await self._output.read(READ_BYTES)
            if not data:
                rest, self._said, self._searched = bytes(self._said), bytearray(), 0
                return rest or None
            self._said += data
        line = bytes(self._said[:end])
        del self._said[: end + 1]
        self._searched = 0
        return line

    def say(self, line: bytes) -> None:
        """Say a line to it, which it reads when it likes. One that has closed its input hears nothing."""
        if not self._input.is_closing():
            self._input.write(line + b"\n")
            self._was_told = self._was_told or not self._input.is_closing()

    def _left_unread(self) -> bool:
        """Whether it has read nothing of what was said to it; False where the system does not tell."""
        if self._spare is None:
            return False
        import fcntl
        import termios

        with suppress(OSError):
            return not self._was_told or any(fcntl.ioctl(self._spare, termios.FIONREAD, bytes(4)))
        return False

    def answered(self) -> None:
        """It has read what it was told, and nobody will want to know that any more."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    async def end(self) -> None:
        """End it and all that it started; `exit_code` and `unheard` say how it ended."""
        self.unheard = self._left_unread()
        self.answered()
        self._input.close()
        by_itself = await self._ended(self.leave)
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            self._kill(number)  # its children too, which outlive it where nobody tells them
            if not by_itself:
                await self._ended(self.leave)
        self._keeper.remove(self.pid)
        await asyncio.wait((self._listening,), timeout=SILENT_EXIT_SECONDS)  # its last words
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - else it warns when collected
        self.exit_code = self._process.returncode if by_itself else None

    async def _ended(self, seconds: float) -> bool:
        """Whether it ends within so many seconds. Not `wait()` alone: that waits for its pipes as well."""
        until = asyncio.get_running_loop().time() + seconds
        while self._process.returncode is None:
            if asyncio.get_running_loop().time() >= until:
                return False
            await asyncio.sleep(0.01)
        return True

    def _kill(self, number: int) -> None:
        with suppress(OSError):  # nobody is left
            if HAS_PROCESS_GROUPS:
                os.killpg(self.pid, number)
            else:
                self._process.send_signal(number)

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(READ_BYTES):
            self.complaints.feed(data)
