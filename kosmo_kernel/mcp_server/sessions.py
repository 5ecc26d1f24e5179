"""The pool of Lua sessions behind the MCP server. A session handles one call at a time.

Unnamed sessions are reset after a call and reused, because their connections are open and their Lua process is ready;
no call sees the variables of another. Named sessions keep their variables; the least recently used are closed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from kosmo_kernel.errors import LuaProcessError, StoppedError
from kosmo_kernel.session import Session

SPARE = 2  # unnamed sessions that are kept
MAX_NAMED_SESSIONS = 8  # named sessions that are kept


@dataclass(slots=True)
class _NamedSession:
    """A named session, and the number of calls that use it or wait for it."""

    session: Session
    users: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """All sessions of the server. Thread-safe.

    Parameters:
        make: creates a session.
    """

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._spare: list[Session] = []
        self._named: dict[str, _NamedSession] = {}
        self._used: set[Session] = set()
        self._closed = False

    @contextmanager
    def fresh(self, *, emptied: bool = True) -> Iterator[Session]:
        """Provide a session with a fresh Lua state.

        Parameters:
            emptied: reset the session after the call, because Lua runs in it.

        Raises:
            StoppedError: the server is shutting down.
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
                with suppress(LuaProcessError):  # the server has closed it meanwhile
                    session.reset()
            with self._lock:
                keep = keep and not self._closed
                if keep:
                    self._spare.append(session)
            if not keep:
                session.close()

    @contextmanager
    def named(self, name: str) -> Iterator[Session]:
        """Provide the session of a name, created at first use. Other calls with the name wait.

        Raises:
            StoppedError: the server is shutting down.
        """
        with self._lock:
            self._check()
            named = self._named.pop(name, None)
            named = self._named[name] = named if named is not None else _NamedSession(self._make())  # most recent now
            named.users += 1
            evicted = self._evict()
        for session in evicted:
            session.close()
        try:
            with named.lock:
                yield named.session
        finally:
            with self._lock:
                named.users -= 1

    def _evict(self) -> list[Session]:
        """Remove and return the least recently used sessions beyond the limit, except those in use."""
        idle = [name for name, named in self._named.items() if not named.users]
        return [self._named.pop(name).session for name in idle[: max(0, len(self._named) - MAX_NAMED_SESSIONS)]]

    def close(self) -> None:
        """Close all sessions and stop their calls."""
        with self._lock:
            self._closed = True
            sessions = [*self._spare, *self._used, *(named.session for named in self._named.values())]
            self._spare, self._named = [], {}
        for session in sessions:
            session.close()

    def _check(self) -> None:
        if self._closed:
            raise StoppedError("The server ends.")
