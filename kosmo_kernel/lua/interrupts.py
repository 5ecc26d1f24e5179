"""Work that an interrupt ends at once: all that is made of a script's values and errors once Lua has ended.

A `with` block of an `Interruptible` marks such work. A signal handler calls `interrupt`, which raises inside the block
and nowhere else, so nothing is cut in half that must be whole, such as a message on a socket. The block then ends in
a `StoppedError`.
"""

from __future__ import annotations

import gc
import threading
from types import TracebackType

from kosmo_kernel.errors import StoppedError


class Interruptible:
    """A block of work in the main thread that an interrupt ends with a `StoppedError`. It does nothing elsewhere.

    Attributes:
        is_open: whether the main thread is inside the block.
    """

    __slots__ = ("_collects", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._collects = False

    def __enter__(self) -> None:
        self._collects = gc.isenabled()
        self.is_open = threading.current_thread() is threading.main_thread()

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.is_open = False
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            if self._collects:
                gc.enable()  # the interrupt may have come where it was about to be turned on again
            raise StoppedError("Interrupted.") from None

    def interrupt(self) -> None:
        """End the block that the main thread is in, if it is in one. Only for signal handlers.

        Raises:
            KeyboardInterrupt: it is in one.
        """
        if self.is_open:
            self.is_open = False  # so that a second interrupt does not hit what cleans up after the first
            raise KeyboardInterrupt
