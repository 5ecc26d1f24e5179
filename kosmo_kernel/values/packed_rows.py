"""Hold the records of many answers as JSON until somebody reads one, since a script often only counts them.

JSON takes a quarter of the memory of decoded records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec


class PackedPart(NamedTuple):
    """The records of one answer."""

    size: int  # the number of records
    json: bytes  # the list of them, as JSON

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> PackedPart:
        """Return a part with records that were decoded from JSON."""
        return cls(len(rows), msgspec.json.encode(rows))


class PackedRows:
    """The records of several answers in packed form."""

    __slots__ = ("_count", "_parts")

    def __init__(self) -> None:
        self._parts: list[tuple[dict[str, Any], bytes]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, item: dict[str, Any], part: PackedPart) -> None:
        """Add the records of an answer.

        Parameters:
            item: fields that come first in each record, and replace its own fields of the same names.
            part: the records.
        """
        if part.size:
            self._parts.append((item, part.json))
            self._count += part.size

    def decoded(self) -> list[dict[str, Any]]:
        """Return the records."""
        return [item | row | item for item, text in self._parts for row in msgspec.json.decode(text)]
