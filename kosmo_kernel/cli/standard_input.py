"""Read standard input: as a whole for options such as `-`, and for `io.read` only when a script asks for it.

A pipe that its writer leaves open would hang a script without a word, so a wait of more than two seconds is told once
on standard error. A timer signal tells it, because it interrupts a read without reading ahead and without a thread.
Ctrl-C and the run's `--timeout` end the wait.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from kosmo_kernel.cli.output import print_note
from kosmo_kernel.errors import LimitError

SECONDS_UNTIL_NOTE = 2.0
PIECE_BYTES = 1 << 20
WAITING = "Waiting for standard input, which the script reads. Ctrl-C ends it; `< /dev/null` is an empty input."


def input_is_terminal() -> bool:
    """Return whether standard input is a terminal. The parent process may have closed it."""
    return bool(sys.stdin and sys.stdin.isatty())


def whole_input() -> bytes:
    """Read standard input to its end; return nothing if the parent process has closed it."""
    return sys.stdin.buffer.read() if sys.stdin else b""


class StandardInput:
    """The `input` callback of a run.

    Parameters:
        max_bytes: the size of one line, or of the rest of the input, that may be read.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._is_told = False

    def __call__(self, form: str) -> str | None:
        """Return a line without (`l`) or with (`L`) its end, or the rest (`a`); None at the end of the input.

        Bytes that are no UTF-8 become surrogates, as Python decodes file names, so that Lua gets them unchanged.

        Raises:
            LimitError: it is longer than Lua's memory.
            KeyboardInterrupt: an interrupt or the timeout of the run ended the wait.
        """
        if not sys.stdin:  # closed by the parent process
            return None
        stream: IO[bytes] = sys.stdin.buffer
        with on_ctrl_c(signal.default_int_handler), self._telling():  # the session cannot interrupt the wait
            data = self._rest(stream) if form == "a" else stream.readline(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            what = "The rest" if form == "a" else "One line"
            raise LimitError(
                f"{what} of standard input has more than {self._max_bytes:,} bytes (memory_limit).",
                limit="memory_limit",
            )
        text = data.decode(errors="surrogateescape")
        return (text.removesuffix("\n") if form == "l" else text) if data else None

    def _rest(self, stream: IO[bytes]) -> bytes:
        """Return the rest of the input, or its beginning if it is longer than `max_bytes`."""
        data = bytearray()
        while len(data) <= self._max_bytes and (piece := stream.read(PIECE_BYTES)):
            data += piece
        return bytes(data)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell that the block waits, if it takes long."""
        if self._is_told or sys.stdin.isatty():
            yield
            return

        def tell(*_: object) -> None:
            self._is_told = True
            print_note(WAITING)

        previous = signal.signal(signal.SIGALRM, tell)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_UNTIL_NOTE)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)


@contextmanager
def on_ctrl_c(handler: Callable[..., None]) -> Iterator[None]:
    """Let a signal handler handle Ctrl-C in the block."""
    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
