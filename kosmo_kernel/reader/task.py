"""What can be read: a function of this package that takes bytes and returns bytes; and what a run may use for it.

What reads a text is often far from what knows the run: the page of a tool, the head of a check. So the allowance of
the current run is a context variable, which `reading.read` uses where it is not passed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from kosmo_kernel.errors import SettingsError

MAX_SECONDS = 5.0  # of processor time
MAX_MEMORY_BYTES = 512 << 20
MAX_RESULT_BYTES = 16 << 20


class Task(NamedTuple):
    """A function that runs in the reader.

    Its module is imported before the process locks itself in, and what the function imports must be imported by then:
    a function `prepare` of the module, if there is one, does that.
    """

    # Where it is: `MODULE:FUNCTION`. It gets the bytes to read, and returns bytes or raises an error of this package,
    # whose message says why it refuses them.
    function: str
    what: str  # what it reads, as the subject of an error: `this HTML`
    libraries: tuple[str, ...] = ()  # the modules that it needs besides this package and the standard library
    # The class of the error that the caller gets when the function refuses the bytes.
    refusal: type[Exception] = SettingsError
    seconds: float = MAX_SECONDS  # processor time that one request may take
    # Bytes that the process may map for one request, besides what it has when it is ready.
    memory: int = MAX_MEMORY_BYTES
    max_result: int = MAX_RESULT_BYTES  # bytes of the result

    @property
    def module(self) -> str:
        """The name of the function's module."""
        return self.function.partition(":")[0]


class Allowance:
    """The processor time and the stop of the tasks of one run.

    Parameters:
        seconds: processor time of all tasks together.
        stop_reason: returns why the run must stop, or None; it is called again and again while a task runs.
    """

    def __init__(self, seconds: float = float("inf"), stop_reason: Callable[[], str | None] = lambda: None) -> None:
        self.seconds, self.stop_reason = seconds, stop_reason

    @property
    def is_used_up(self) -> bool:
        """Return whether no processor time is left."""
        return self.seconds <= 0


_current: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def allowed(allowance: Allowance) -> Iterator[None]:
    """Let tasks in this block, and in this thread, use an allowance."""
    token = _current.set(allowance)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Allowance:
    """Return the allowance of the current block, or one without limits."""
    return _current.get() or Allowance()
