"""Limit what one run may cost the process that started it, whatever the process that runs Lua says.

The Lua process checks a result before it sends it, but an intruder in that process does not. So every JSON text is
measured here before it is decoded: its bytes, and how many values it has, because three bytes of JSON can become
seventy in Python. The processor time that the run's messages take in this process is limited as well, because a
question that is short in Lua may be long here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kosmo_kernel.errors import LimitError
from kosmo_kernel.settings.limits import MAX_CELLS, MAX_COLUMNS, MAX_RECORDS, Limits
from kosmo_kernel.values.records import encode

BYTES_PER_VALUE = 120  # that a value takes in Python beside its text: 25 to 195 were measured
LOOK_EVERY = 0.01  # seconds by the clock
SAMPLE = 32  # records by which the memory of a long list is estimated
SMALL = 4096  # bytes of JSON that are not worth counting: each stands for a value at most
_MARKS = b'",[{'
_OTHERS = bytes(set(range(256)) - set(_MARKS))
_TEXT = re.compile(rb'"[^"]*"')


class HostBudget:
    """The processor time that a run may still take in this thread, and the size of what it may send.

    Parameters:
        limits: of the run, which begins now; its processor time counts from its first message on.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._until: float | None = None
        self._look_at = 0.0

    def start(self) -> None:
        """Count the processor time from now on, unless it is counted already."""
        if self._until is None:
            self._until = time.thread_time() + self.limits.host_cpu

    @property
    def is_used_up(self) -> bool:
        """Whether the run has taken more processor time in this thread than it may, give or take `LOOK_EVERY`."""
        now = time.monotonic()
        if now < self._look_at:  # the processor time costs a system call, and is asked for after each message
            return False
        self._look_at = now + LOOK_EVERY
        return self._until is not None and time.thread_time() > self._until

    def room(self) -> Room:
        """Return the room that the values of one message have."""
        return Room(self.limits)


class Room:
    """The room for values of one message, or of several that are kept at the same time.

    Parameters:
        limits: of the run.

    Attributes:
        size: bytes of JSON that were taken so far.
        values: how many values are in them at most.
    """

    __slots__ = ("_limits", "size", "values")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.size = self.values = 0

    @property
    def memory(self) -> int:
        """Estimate how many bytes the values take in Python."""
        return self.size + BYTES_PER_VALUE * self.values

    def take(self, text: bytes) -> None:
        """Make sure that a JSON text may be decoded, and count it.

        Raises:
            LimitError: it has more bytes or more values than there is room for.
        """
        self.add(len(text), len(text) if len(text) < SMALL else count_values(text, self._limits.values - self.values))

    def add(self, size: int, values: int) -> None:
        """Count so many bytes of JSON with so many values.

        Raises:
            LimitError: there is no room for them.
        """
        whole = self.size + size
        if whole > self._limits.result:
            why = f"The script's values are {whole:,} bytes of JSON, more than {self._limits.result:,} (result_limit)."
            raise LimitError(why, limit="result_limit")
        if self.values + values > self._limits.values:
            raise LimitError(
                f"The script's values consist of more than {self._limits.values:,} numbers, texts, lists and tables "
                "(value_limit).",
                limit="value_limit",
            )
        self.size, self.values = whole, self.values + values

    def release(self, size: int, values: int) -> None:
        """Give back the room of values that are not needed any more."""
        self.size -= size
        self.values -= values


def count_values(text: bytes, most: int) -> int:
    """Count the values of a JSON text without decoding it: never too few, and a little too many.

    Each value stands at the beginning, behind a comma or first in a list or an object. A text may contain such marks
    too, which takes longer to tell, so that is only looked at where they are more than `most`.
    """
    bound = _count_marks(text)
    if bound <= most:
        return bound
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    quotes = text.count(b'"')
    if quotes > 4 * most:  # each two of them are a text, and of two texts one may be a key
        return max(most + 1, quotes // 4)
    # Without the other characters, a text is two quotes with its marks between; two in a row never change what is
    # inside of a text and what is not.
    marks = text.translate(None, _OTHERS).replace(b'""', b"")
    return _count_marks(_TEXT.sub(b"", marks))


def _count_marks(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{") + 1


def check_records(count: int) -> None:
    """Make sure that one list may have so many records.

    Raises:
        LimitError: they are too many.
    """
    if count > MAX_RECORDS:
        raise LimitError(
            f"The script made a list of more than {MAX_RECORDS:,} records (records_limit).", limit="records_limit"
        )


def check_columns(rows: Sequence[Mapping[str, Any]]) -> None:
    """Make sure that records can be a table: each different field is a column, and each record has a cell in each.

    Raises:
        LimitError: the columns, or the cells, are too many.
    """
    most = sum(map(len, rows))
    if len(rows) <= 1 or (most <= MAX_COLUMNS and most * len(rows) <= MAX_CELLS):
        return
    count = len(set().union(*rows))
    if count > MAX_COLUMNS:
        why = f"The script's records have {count:,} different fields, more than {MAX_COLUMNS:,} (column_limit)."
        raise LimitError(why, limit="column_limit")
    if count * len(rows) > MAX_CELLS:
        why = f"The script's {len(rows):,} records have {count:,} different fields, more than {MAX_CELLS:,} cells"
        raise LimitError(f"{why} (cell_limit).", limit="cell_limit")


def records_memory(rows: Sequence[Mapping[str, Any]]) -> int:
    """Estimate how many bytes records take, from some of them and from how many fields each has."""
    if not rows:
        return 0
    sample = list(rows[:: max(1, len(rows) // SAMPLE)])
    text = encode(sample)
    values = max(count_values(text, len(text)) * len(rows) // len(sample), len(rows) + sum(map(len, rows)))
    return len(text) * len(rows) // len(sample) + BYTES_PER_VALUE * values
