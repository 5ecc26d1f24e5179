"""The messages of the Lua process in the parent: pack, unpack and limit them, and end a process that sends nonsense.

The payloads are those of `wire.py`, with a faster JSON library than the children use. With Python's own `json` module,
half of the time for a short request would go into JSON.

The Lua process checks a result before it sends it, but compromised code in that process would not. So the parent
measures every JSON text before it decodes it: its bytes, and its number of values, because three bytes of JSON can
become seventy in Python. It also limits the processor time that it spends on the run's messages, because a request
that is short in Lua may be expensive here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from kosmo_kernel.errors import LimitError
from kosmo_kernel.lua.process import unusable
from kosmo_kernel.safety.decoder import count_values, decode
from kosmo_kernel.settings.limits import MAX_CELLS, MAX_COLUMNS, MAX_HEADERS, MAX_RECORDS, Limits
from kosmo_kernel.values.records import encode
from kosmo_kernel.walls import wire

BYTES_PER_VALUE = 120  # bytes that a value takes in Python besides its text; 25 to 195 were measured
LOOK_EVERY = 0.01  # seconds between two reads of the thread's processor time
SAMPLE = 32  # records from which the memory of a long list is estimated
SMALL = 4096  # bytes; the values of a shorter JSON text are not counted, since it has at most one per byte

MALFORMED = (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)

pack = partial(wire.pack, to_json=encode)  # returns a payload made of a header and texts


def unpack(payload: bytes, most: int) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header and texts of a payload.

    Raises:
        ValueError: the bytes are not a payload, or its header has more than `most` values.
    """
    return wire.unpack(payload, lambda header: decode(header, max_bytes=MAX_HEADERS, max_values=most))


class guard(AbstractContextManager[None]):  # noqa: N801 - it is used like a function
    """Context manager for code that reads a child's message: turn errors of a malformed one into LuaProcessError.

    The caller then ends the child.
    """

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if kind is not None and issubclass(kind, MALFORMED):
            raise unusable("sent a message that makes no sense") from error


def excess(what: str, limit: str, advice: str = "") -> LimitError:
    """Return the error for values that exceed a limit."""
    return LimitError(f"{what} ({limit}).{advice}", limit=limit)


class HostBudget:
    """The processor time that a run may use in this thread.

    Parameters:
        limits: of the run.
    """

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.host_cpu
        self._until: float | None = None
        self._look_at = 0.0

    def start(self) -> None:
        """Start counting the processor time."""
        self._until = time.thread_time() + self._seconds

    @property
    def is_used_up(self) -> bool:
        """Return whether the run has exceeded its processor time in this thread, checked every `LOOK_EVERY` seconds."""
        now = time.monotonic()
        if now < self._look_at:  # this is checked after each message, and reading the processor time is a system call
            return False
        self._look_at = now + LOOK_EVERY
        return self._until is not None and time.thread_time() > self._until


class ValueBudget:
    """The budget for the values of one message, or of several messages that are kept at the same time.

    Parameters:
        limits: of the run.

    Attributes:
        size: bytes of JSON counted so far.
        values: an upper bound on the number of values in them.
    """

    __slots__ = ("_limits", "size", "values")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.size = self.values = 0

    @property
    def memory(self) -> int:
        """An estimate of the bytes that the values take in Python."""
        return self.size + BYTES_PER_VALUE * self.values

    def take(self, text: bytes) -> None:
        """Check that a JSON text may be decoded, and count it.

        Raises:
            LimitError: it has more bytes or values than the budget allows.
        """
        self.add(len(text), len(text) if len(text) < SMALL else count_values(text, self._limits.values - self.values))

    def add(self, size: int, values: int) -> None:
        """Count `size` bytes of JSON that contain `values` values.

        Raises:
            LimitError: they exceed the budget.
        """
        total = self.size + size
        most = self._limits
        if total > most.result:
            raise excess(f"The script's values are {total:,} bytes of JSON, more than {most.result:,}", "result_limit")
        if self.values + values > most.values:
            what = f"The script's values consist of more than {most.values:,} numbers, texts, lists and tables"
            raise excess(what, "value_limit")
        self.size, self.values = total, self.values + values

    def release(self, size: int, values: int) -> None:
        """Return the budget of values that are no longer needed."""
        self.size -= size
        self.values -= values


def check_records(count: int) -> None:
    """Check that a list may have `count` records.

    Raises:
        LimitError: there are too many.
    """
    if count > MAX_RECORDS:
        raise excess(f"The script made a list of more than {MAX_RECORDS:,} records", "records_limit")


def check_columns(rows: Sequence[Mapping[str, Any]]) -> None:
    """Check that records can be shown as a table: each distinct field is a column with a cell for each record.

    Raises:
        LimitError: there are too many columns or cells.
    """
    max_columns = sum(map(len, rows))
    if len(rows) <= 1 or (max_columns <= MAX_COLUMNS and max_columns * len(rows) <= MAX_CELLS):
        return
    count = len(set().union(*rows))
    if count > MAX_COLUMNS:
        what = f"The script's records have {count:,} different fields, more than {MAX_COLUMNS:,}"
        raise excess(what, "column_limit")
    if count * len(rows) > MAX_CELLS:
        what = f"The script's {len(rows):,} records have {count:,} different fields, more than {MAX_CELLS:,} cells"
        raise excess(what, "cell_limit")


def records_memory(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return an estimate of the bytes that records take, from a sample and the number of fields of each record."""
    if not rows:
        return 0
    sample = list(rows[:: max(1, len(rows) // SAMPLE)])
    text = encode(sample)
    values = max(count_values(text, len(text)) * len(rows) // len(sample), len(rows) + sum(map(len, rows)))
    return len(text) * len(rows) // len(sample) + BYTES_PER_VALUE * values
