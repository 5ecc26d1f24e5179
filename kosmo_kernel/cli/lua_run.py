"""Connect a Lua run to the terminal: live output, progress, questions, standard input and Ctrl-C.

The first Ctrl-C asks Lua to stop, so that the output and calls so far are still reported; a second one ends the command
immediately. The run is also stopped when the reader of its output closes the stream, unless it is recorded.

`io.read` reads standard input only when a script asks for it. A pipe that its writer leaves open would hang a script
without a word, so a wait of more than two seconds is announced once on standard error. A timer signal announces it,
because it interrupts a read without reading ahead and without a thread. Ctrl-C and the run's `--timeout` end the wait.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, Self

import click

from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.cli.command import print_note, write
from kosmo_kernel.cli.streams import ClosedStreamError, input_is_terminal, styled
from kosmo_kernel.errors import LimitError
from kosmo_kernel.progress.display import ProgressDisplay, TerminalProgress
from kosmo_kernel.session import Session

MAX_ANSWER_BYTES = 1 << 16  # of the answer to a question
SECONDS_UNTIL_NOTE = 2.0
PIECE_BYTES = 1 << 20
WAITING = "Waiting for standard input, which the script reads. Ctrl-C ends it; `< /dev/null` is an empty input."


@contextmanager
def terminal_frontend(
    session: Session, *, aside: bool = False, quiet: bool = False, reads: bool = False, asks: bool = True
) -> Iterator[Frontend]:
    """Yield the callbacks of a run at the terminal, where leaving the block ends the progress and the last line.

    Parameters:
        session: the session that runs.
        aside: write all output to standard error, because standard output is used for something else.
        quiet: write no output.
        reads: whether `io.read` reads standard input.
        asks: whether the user may be asked a question.
    """
    line = TerminalProgress(styled(sys.stderr), long_run_advice())
    with line, LiveOutput(session, line, aside=aside) as output:
        yield Frontend(
            None if quiet else output,
            StandardInput(session.limits.memory) if reads else None,
            partial(ask, line) if asks else None,
            progress=line,
        )


def long_run_advice() -> str:
    """Return what the user can do about a long run of the current command: stop it, and how to go on."""
    context = click.get_current_context(silent=True)
    if context is None or "resume" not in context.params:
        return "Ctrl-C stops."
    if context.params["resume"]:
        return "Ctrl-C stops, and the same command goes on."
    if context.params["record"]:
        return "Ctrl-C stops, and the same command with --resume goes on."
    return "Ctrl-C stops; with --record FILE --resume a run that was stopped can go on."


class LiveOutput:
    """An `on_output` callback that writes the output of a run immediately.

    Use it as a context manager around the run: leaving it ends an unfinished line, and raises the
    `ClosedStreamError` of a closed stream.

    Parameters:
        session: the session that runs.
        line: the progress display of the run, which is cleared before output is written.
        aside: as for `terminal_frontend`.
    """

    def __init__(self, session: Session, line: ProgressDisplay, *, aside: bool = False) -> None:
        self._session = session
        self._to_stderr = aside
        self._progress = line
        self._line_is_open = False
        self._closed: ClosedStreamError | None = None

    def __call__(self, stream: str, text: str) -> None:
        """Write `text` to the stream of this name, `stdout` or `stderr`."""
        if self._closed is not None:
            return
        target = sys.stderr if stream == "stderr" or self._to_stderr else sys.stdout
        self._progress.make_way(target, text)
        try:
            write(target, text)
        except ClosedStreamError as error:
            self._closed = error
            if not self._session.recording.is_recording:  # a recording has all responses of the run
                self._session.interrupt()
        if stream == "stdout" and text:
            self._line_is_open = not text.endswith("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line_is_open:  # start the next output, on either stream, on its own line
            self("stdout", "\n")
        if self._closed is not None:
            raise self._closed


@contextmanager
def stopped_by_ctrl_c(session: Session) -> Iterator[None]:
    """Let the first Ctrl-C interrupt the run of this session, and the second one end the command."""
    previous = signal.getsignal(signal.SIGINT)

    def stop(*_: Any) -> None:
        signal.signal(signal.SIGINT, previous)
        session.interrupt()

    with on_ctrl_c(stop):
        yield


def ask(line: ProgressDisplay, question: str) -> str | None:
    """Ask the user at the terminal a question and return the answer.

    Returns None without a terminal, or at the end of standard input.

    Parameters:
        line: the progress display of the run, which is cleared before the question.
        question: the text to show.
    """
    if not (input_is_terminal() and sys.stderr.isatty()):
        return None
    line.make_way(sys.stderr, "\n")
    write(sys.stderr, question)
    return StandardInput(MAX_ANSWER_BYTES)("l")


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
