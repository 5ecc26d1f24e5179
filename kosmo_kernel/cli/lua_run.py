"""A Lua run on behalf of a command: what it prints appears at once, how far it is can be seen, and Ctrl-C stops it.

The first Ctrl-C asks Lua to stop, so that what was printed and called until then is still told; a second one ends
the command on the spot. When the reader of a pipe is gone, the run is stopped as well: nobody would see its end.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from kosmo_kernel.cli.output import write
from kosmo_kernel.client.progress import ProgressDisplay
from kosmo_kernel.session import Session


class LiveOutput:
    """Takes what a run prints, to be given as `on_output`, and hands it on at once.

    A context manager around the run: at its end the last line is ended, and a reader who went away is no secret.

    Parameters:
        session: the session that runs.
        line: of the run's progress, which makes way for what is printed.
        aside: all of it goes to standard error, since standard output is for something else.
    """

    def __init__(self, session: Session, line: ProgressDisplay, *, aside: bool = False) -> None:
        self._session = session
        self._aside = aside
        self._line = line
        self._line_is_open = False
        self._gone: BrokenPipeError | None = None

    def __call__(self, stream: str, text: str) -> None:
        """Write `text` to the stream of this name, `stdout` or `stderr`."""
        if self._gone is not None:
            return
        place = sys.stderr if stream == "stderr" or self._aside else sys.stdout
        self._line.make_way(place, text)
        try:
            write(place, text)
        except BrokenPipeError as error:
            self._gone = error
            self._session.interrupt()
        if stream == "stdout" and text:
            self._line_is_open = not text.endswith("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line_is_open:  # what follows, here or on standard error, has a line of its own
            self("stdout", "\n")
        if self._gone is not None:
            raise self._gone


@contextmanager
def stopped_by_ctrl_c(session: Session) -> Iterator[None]:
    """Let the first Ctrl-C stop the run of this session, and the second one the command."""

    def stop(*_: Any) -> None:
        signal.signal(signal.SIGINT, previous)
        session.interrupt()

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end a wait for standard input, which a session cannot stop."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def read_input(form: str) -> str | None:
    """What `io.read` gets from standard input: a line without (`l`) or with (`L`) its end, or all of it (`a`)."""
    if not sys.stdin:  # whoever started the command has closed it
        return None
    with ended_by_ctrl_c():
        data = sys.stdin.buffer.read() if form == "a" else sys.stdin.buffer.readline()
    text = data.decode(errors="replace")
    return (text.removesuffix("\n") if form == "l" else text) if data else None


def ask(line: ProgressDisplay, question: str) -> str | None:
    """What a person at the terminal answers to a question; None where there is none, or nobody who answers.

    Parameters:
        line: of the run's progress, which makes way for it.
        question: what is asked.
    """
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    line.make_way(sys.stderr, "\n")
    write(sys.stderr, question)
    return read_input("l")
