"""The values of earlier cells, which Lua has as `Out`: the newest, up to a number and a total estimated size.

Nothing is dropped in silence: the run that drops values names them, and reading one of them is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.settings.limits import MAX_KEPT_BYTES

MAX_KEPT = 1_000  # values
MAX_NAMED = 5  # dropped values that a note names


class KeptValues(Mapping[int, Any]):
    """Values by cell number, oldest first. The newest is kept whatever its size."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}
        self._size = 0
        self._dropped: set[int] = set()

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

    def add(self, number: int, value: Any, size: int) -> str:
        """Keep a value, and drop the oldest ones if the limits are exceeded.

        Parameters:
            number: the cell's number; an earlier value of the cell is replaced.
            value: the value.
            size: the estimated size in bytes.

        Returns:
            A note that names the values that were dropped; empty if none was.
        """
        self._remove(number)
        self._dropped.discard(number)
        self._values[number], self._sizes[number] = value, size
        self._size += size
        dropped = []
        while len(self._values) > MAX_KEPT or (self._size > MAX_KEPT_BYTES and len(self._values) > 1):
            dropped.append(next(iter(self._values)))
            self._remove(dropped[-1])
        self._dropped.update(dropped)
        return f"{_listed(dropped)} {'was' if len(dropped) == 1 else 'were'} dropped. {_limits()}" if dropped else ""

    def read(self, number: int) -> Any:
        """Return the value of a cell, None if the cell had none.

        Raises:
            UnknownNameError: the value was dropped.
        """
        if number in self._dropped:
            raise UnknownNameError(f"Out[{number}] was dropped. {_limits()} Run its cell again, and return less of it.")
        return self._values.get(number)

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()
        self._sizes.clear()
        self._dropped.clear()
        self._size = 0

    def _remove(self, number: int) -> None:
        if number in self._values:
            del self._values[number]
            self._size -= self._sizes.pop(number)


def _limits() -> str:
    return f"`Out` keeps the last {MAX_KEPT:,} values, of about {MAX_KEPT_BYTES >> 20} MiB together."


def _listed(numbers: Sequence[int]) -> str:
    """Return the names of some values: `Out[1], Out[2] and 7 more`."""
    names = [f"Out[{number}]" for number in numbers[:MAX_NAMED]]
    further = len(numbers) - len(names)
    *first, last = [*names, f"{further:,} more"] if further else names
    return f"{', '.join(first)} and {last}" if first else last
