"""Let an interrupt stop the processing of values in the main thread, and nothing that must be completed."""

from __future__ import annotations

import gc
import sys
import threading
from contextlib import suppress
from importlib import import_module
from types import TracebackType

from kosmo_kernel.errors import StoppedError


class Interruptible:
    """Context manager for code in the main thread that an interrupt ends with a `StoppedError`.

    A signal handler calls `interrupt`, which raises only inside the block, so that an operation that must be atomic,
    such as writing a message to a socket, is never cut short. In other threads it does nothing.

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
                gc.enable()  # the interrupt may have come before the code in the block enabled it again
            raise StoppedError("Interrupted.") from None

    def interrupt(self) -> None:
        """Stop the block that the main thread is in, if any. Call this only from signal handlers.

        Raises:
            KeyboardInterrupt: the main thread is inside the block.
        """
        if self.is_open:
            self.is_open = False  # a second interrupt must not hit the cleanup after the first
            raise KeyboardInterrupt


def import_whole(name: str) -> None:
    """Import a module in a thread of its own: an interrupt ends the wait for it, and the import goes on.

    Libraries with compiled parts, such as pandas, cannot be imported again once an import of theirs was cut short. What
    prevents the import is raised by the next `import`.
    """

    def work() -> None:
        with suppress(Exception):
            import_module(name)

    if name not in sys.modules:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
