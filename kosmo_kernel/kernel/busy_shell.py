"""Serve the shell channel in a second thread while the main thread runs a cell.

The socket of the channel belongs to one thread at a time. The main thread lends it for as long as a handler runs. If
that takes longer than a moment, the second thread takes the socket, so that a completion or a widget need not wait for
the end of the cell, and gives it back when the handler returns. A short cell costs no change of the owner, and does not
wake the thread if another cell ran just before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import zmq

from kosmo_kernel.kernel.channels import Channels

LENT_SECONDS = 0.02  # for which a handler runs, or twice as long, before the second thread takes the socket


class BusyShell:
    """The second thread, which is started at the first loan.

    Parameters:
        channels: the kernel's sockets.
        handle_next: receives and handles one message of the shell channel, in the second thread.
        on_taken: called in the second thread when a handler has run for longer than a moment.
    """

    def __init__(
        self, channels: Channels, handle_next: Callable[[], None], on_taken: Callable[[], None] = lambda: None
    ) -> None:
        self._channels, self._handle_next, self._on_taken = channels, handle_next, on_taken
        self._changed = threading.Condition()
        self._state: Literal["kept", "lent", "taken", "closed"] = "kept"
        self._loans = 0
        self._is_asleep = False  # the thread waits for the next loan
        self._thread: threading.Thread | None = None
        self._give_back: zmq.Socket[bytes]  # both ends of a pipe, which are opened with the thread
        self._asks_back: zmq.Socket[bytes]

    @property
    def is_current(self) -> bool:
        """Return whether this is called in the second thread."""
        return self._thread is threading.current_thread()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lend the shell socket during the block. Called in the main thread."""
        if self._thread is None:
            self._start()
        with self._changed:
            self._state = "lent"
            self._loans += 1
            if self._is_asleep:
                self._changed.notify_all()
        try:
            yield
        finally:
            self._take_back()

    def close(self) -> None:
        """End the thread. Called in the main thread, outside of a loan."""
        if self._thread is None:
            return
        self._set("closed")
        self._thread.join()
        self._give_back.close()
        self._asks_back.close()

    def _start(self) -> None:
        self._give_back = self._channels.signal("give back", zmq.PULL)
        self._asks_back = self._channels.signal("give back", zmq.PUSH)
        self._thread = threading.Thread(target=self._serve, name="shell", daemon=True)
        self._thread.start()

    def _take_back(self) -> None:
        with self._changed:
            if self._state == "lent":
                self._state = "kept"  # the thread sees it when its moment is over
                return
            self._asks_back.send(b"")
            self._changed.wait_for(lambda: self._state == "kept")

    def _set(self, state: Literal["kept", "lent", "taken", "closed"]) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._channels.shell, zmq.POLLIN)
        poller.register(self._give_back, zmq.POLLIN)
        while self._take():
            self._on_taken()
            while self._give_back not in (ready := dict(poller.poll())):
                if self._channels.shell in ready:
                    self._handle_next()
            self._give_back.recv()
            self._set("kept")

    def _take(self) -> bool:
        """Wait until the socket is lent for longer than a moment, and take it; return False when this is closed."""
        with self._changed:
            while self._state != "closed":
                loans = self._loans
                self._changed.wait(LENT_SECONDS)
                if loans != self._loans:
                    continue
                if self._state == "lent":
                    self._state = "taken"
                    return True
                self._is_asleep = True
                self._changed.wait_for(lambda: self._state != "kept")
                self._is_asleep = False
            return False
