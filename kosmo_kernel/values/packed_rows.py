"""Hold the records of answers as JSON until somebody reads one, since a script often only counts them.

JSON takes a quarter of the memory of decoded records, and goes from the cache of answers to Lua as it is.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, overload

import msgspec

Row = dict[str, Any]


class PackedRows(Sequence[Row]):
    """The records of one or of several answers.

    Parameters:
        rows: the records, if they are decoded; not copied, and not to be changed.
        parts: the same records as JSON: the number of them, and the list of them.
    """

    __slots__ = ("__weakref__", "_count", "_parts", "_rows")

    def __init__(self, rows: list[Row] | None = None, parts: Iterable[tuple[int, bytes]] = ()) -> None:
        # Each with the fields that come first in each record, and replace its own fields of the same names.
        self._parts: list[tuple[Row | None, int, bytes]] = [(None, count, text) for count, text in parts]
        self._rows = rows
        self._count = sum(count for _, count, _ in self._parts) if rows is None else len(rows)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self.decoded()[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.decoded())

    @property
    def json(self) -> bytes | None:
        """The list of the records as JSON, if it is there."""
        if len(self._parts) != 1:
            return None
        [(item, _, text)] = self._parts
        return None if item else text

    def add(self, item: Row, answer: Sequence[Row]) -> None:
        """Add the records of an answer.

        Parameters:
            item: fields that come first in each record, and replace its own fields of the same names.
            answer: the records.
        """
        if answer:
            packed = answer.packed() if isinstance(answer, PackedRows) else PackedRows.of(answer)
            self._parts += [(item, count, text) for count, text in packed.parts()]
            self._count += len(answer)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Return records that were decoded from JSON in packed form, without the decoded ones."""
        return cls(parts=[(len(rows), msgspec.json.encode(rows))])

    def packed(self) -> PackedRows:
        """Return the records without the decoded ones."""
        if self._rows is None:
            return self
        if self._rows and not self._parts:
            return PackedRows.of(self._rows)
        return PackedRows(parts=self.parts())

    def parts(self) -> list[tuple[int, bytes]]:
        """Return the parts: the number of records, and the list of them as JSON."""
        return [(count, text) for _, count, text in self._parts]

    def decoded(self) -> list[Row]:
        """Return the records. From then on there are only the decoded ones."""
        parts, rows = self._parts, self._rows  # in this order, because another thread may decode them meanwhile
        if rows is None:
            with collector_paused():
                rows = self._rows = [
                    item | row | item if item else row for item, _, text in parts for row in msgspec.json.decode(text)
                ]
            self._parts = []
        return rows


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause Python's cycle collector while a large value is built.

    JSON has no cycles, and from about ten thousand records on the collector takes as much time as the decoding.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
