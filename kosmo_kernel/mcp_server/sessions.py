"""The sessions behind our server: each answers one call at a time, and no call sees what another one left in Lua.

A session that was used is emptied and kept for the next call, because its connections are open and its Lua process
stands ready. Sessions that calls name are kept as they are, the last ones that were used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from kosmo_kernel.errors import LuaProcessError, StoppedError
from kosmo_kernel.session import Session

SPARE = 2  # emptied sessions that are kept
MAX_NAMED_SESSIONS = 8  # sessions with a name that are kept


@dataclass(slots=True)
class _Kept:
    """A session with a name, and how many calls use it or wait for it."""

    session: Session
    users: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """All sessions of a server. Threads may share it.

    Parameters:
        make: makes a session.
    """

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._spare: list[Session] = []
        self._named: dict[str, _Kept] = {}
        self._used: set[Session] = set()
        self._closed = False

    @contextmanager
    def fresh(self, *, emptied: bool = True) -> Iterator[Session]:
        """A session of which Lua knows nothing yet.

        Parameters:
            emptied: Lua will have run in it, and is emptied for whoever is next.

        Raises:
            StoppedError: the server ends.
        """
        with self._lock:
            self._check()
            session = self._spare.pop() if self._spare else self._make()
            self._used.add(session)
        try:
            yield session
        finally:
            with self._lock:
                self._used.discard(session)
                keep = not self._closed and len(self._spare) < SPARE
            if keep and emptied:
                with suppress(LuaProcessError):  # it was closed meanwhile, with the server
                    session.reset()
            with self._lock:
                keep = keep and not self._closed
                if keep:
                    self._spare.append(session)
            if not keep:
                session.close()

    @contextmanager
    def named(self, name: str) -> Iterator[Session]:
        """The session of a name, made where there is none; who else names it waits.

        Raises:
            StoppedError: the server ends.
        """
        with self._lock:
            self._check()
            kept = self._named.pop(name, None)
            kept = self._named[name] = kept if kept is not None else _Kept(self._make())  # the last one now
            kept.users += 1
            over = self._too_old()
        for session in over:
            session.close()
        try:
            with kept.lock:
                yield kept.session
        finally:
            with self._lock:
                kept.users -= 1

    def _too_old(self) -> list[Session]:
        """Those of the sessions with a name that are kept no more; one that is in use stays."""
        idle = [name for name, kept in self._named.items() if not kept.users]
        return [self._named.pop(name).session for name in idle[: max(0, len(self._named) - MAX_NAMED_SESSIONS)]]

    def close(self) -> None:
        """End all of them, and what runs in them."""
        with self._lock:
            self._closed = True
            found = [*self._spare, *self._used, *(kept.session for kept in self._named.values())]
            self._spare, self._named = [], {}
        for session in found:
            session.close()

    def _check(self) -> None:
        if self._closed:
            raise StoppedError("The server ends.")
