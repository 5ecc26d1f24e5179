"""The processor time that one run may use in the reader, and whether the run must stop.

What reads a text is often far from what knows the run: the page of a tool, the head of a check. So the allowance of
the current run is a context variable, which `read` uses where it is not passed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


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


@contextmanager
def stopped_when(reason: Callable[[], str | None]) -> Iterator[None]:
    """Let tasks in this block use what the current allowance has left, and stop them for one reason more.

    Parameters:
        reason: returns why the tasks of the block must stop, or None.
    """
    outer = current()
    inner = Allowance(outer.seconds, lambda: outer.stop_reason() or reason())
    try:
        with allowed(inner):
            yield
    finally:
        outer.seconds = inner.seconds


def current() -> Allowance:
    """Return the allowance of the current block, or one without limits."""
    return _current.get() or Allowance()
