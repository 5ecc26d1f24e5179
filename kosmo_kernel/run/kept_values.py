"""The values of earlier cells, which Lua has as `Out`: the newest, up to a number and a total estimated size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kosmo_kernel.settings.limits import MAX_KEPT_BYTES

MAX_KEPT = 100  # values


class KeptValues(Mapping[int, Any]):
    """Values by cell number, oldest first. The newest is kept whatever its size."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}
        self._size = 0

    def __getitem__(self, number: int) -> Any:
        return self._values[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def size(self) -> int:
        """The estimated size of all values in bytes."""
        return self._size

    def add(self, number: int, value: Any, size: int) -> None:
        """Keep a value, and drop the oldest ones if the limits are exceeded.

        Parameters:
            number: the cell's number; an earlier value of the cell is replaced.
            value: the value.
            size: the estimated size in bytes.
        """
        self._remove(number)
        self._values[number], self._sizes[number] = value, size
        self._size += size
        while len(self._values) > MAX_KEPT or (self._size > MAX_KEPT_BYTES and len(self._values) > 1):
            self._remove(next(iter(self._values)))

    def clear(self) -> None:
        """Drop all values."""
        self._values.clear()
        self._sizes.clear()
        self._size = 0

    def _remove(self, number: int) -> None:
        if number in self._values:
            del self._values[number]
            self._size -= self._sizes.pop(number)
