"""Replies that the questions of a notebook's cells share, so that each list is asked once for all cells of a run.

A cell that runs again asks anew: it gets no reply that it has had before. Other cells get a reply for a few minutes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime

from msgspec import Struct, field

from kosmo_kernel.client.call import Reply
from kosmo_kernel.settings.limits import MAX_RECORDS
from kosmo_kernel.settings.table import SHARE_SECONDS


class KeptReply(Struct):
    """A reply, when it came, and the cells that have had it."""

    reply: Reply
    account: object  # with its token and address: another one of the same name gets no reply of this one
    at: datetime
    seconds: float  # of the clock
    cells: set[str] = field(default_factory=set)


class KeptReplies:
    """Replies by the call that they answer. Thread-safe.

    Parameters:
        clock: returns seconds.

    Raises:
        SettingsError: KOSMO_SHARE_SECONDS is invalid.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._max_age = clock, SHARE_SECONDS.resolve()
        self._lock = threading.Lock()
        self._replies: dict[Hashable, KeptReply] = {}  # the oldest first

    def take(self, key: Hashable, cell: str, account: object) -> KeptReply | None:
        """Return the reply to a call for a cell that has not had it, unless it is too old; None if there is none."""
        with self._lock:
            kept = self._replies.get(key)
            is_usable = kept is not None and kept.account == account and cell not in kept.cells
            if kept is None or not is_usable or self._clock() - kept.seconds > self._max_age:
                return None
            kept.cells.add(cell)
            return kept

    def keep(self, key: Hashable, cell: str, account: object, reply: Reply) -> None:
        """Keep a reply with records that a cell has had, and forget the oldest ones if there are too many in all."""
        if reply.failures and not reply.rows:  # it may be all that could not be read
            return
        with self._lock:
            self._replies.pop(key, None)
            self._replies[key] = KeptReply(reply, account, datetime.now(UTC), self._clock(), {cell})
            records = sum(kept.reply.rows or 1 for kept in self._replies.values())
            for oldest in list(self._replies):
                if records <= MAX_RECORDS:
                    return
                records -= self._replies.pop(oldest).reply.rows or 1
