"""Sum up the monthly bill of an account, which the table `bill` has: by kind, team, stage, app or plan.

An amount is what a month costs at most, at list prices. A price that is unknown is None and never zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kosmo_kernel.catalogue.inventory import Row

CENTS = 100  # of a dollar
_WHOLE, _NONE = "(whole account)", "(none)"  # groups of lines that belong to no app, and of apps without a stage


@dataclass(frozen=True, slots=True)
class BillGroup:
    """A part of a bill."""

    name: str  # what its lines have in common
    cents: int  # what they cost a month, as far as it is known
    lines: int
    unknown: int  # lines without a known price

    @property
    def dollars(self) -> float | None:
        """Dollars a month of its lines; None if no price of them is known."""
        return None if self.unknown == self.lines else self.cents / CENTS

    def as_row(self, heading: str) -> dict[str, Any]:
        """Return the part as a row of a table, in which its name has a heading."""
        return {
            heading: self.name,
            "monthly_usd": self.dollars,
            "positions": self.lines,
            "without_price": self.unknown,
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """The monthly bill of an account."""

    lines: Sequence[Row]  # the rows of the table `bill`, the dearest first
    complete: bool = True  # whether all that it is made of could be read

    @property
    def cents(self) -> int:
        """The sum of all known prices."""
        return total(self.lines)

    @property
    def unknown(self) -> list[Row]:
        """The lines without a known price."""
        return [line for line in self.lines if line["monthly_usd"] is None]

    @property
    def idle(self) -> list[Row]:
        """The lines that may be paid for nothing."""
        return [line for line in self.lines if line["idle"]]

    @property
    def idle_cents(self) -> int:
        """The sum of their known prices."""
        return total(self.idle)

    def by(self, field: str) -> list[BillGroup]:
        """Return the parts of the bill by a field of its lines, such as `team`, the dearest first."""
        groups: defaultdict[str, list[Row]] = defaultdict(list)
        for line in self.lines:
            groups[_group(line, field)].append(line)
        parts = [
            BillGroup(name, total(lines), len(lines), sum(line["monthly_usd"] is None for line in lines))
            for name, lines in groups.items()
        ]
        return sorted(parts, key=lambda part: (-part.cents, part.name))

    def parts(self, field: str) -> list[dict[str, Any]]:
        """Return the parts of the bill by a field of its lines, as rows of a table."""
        return [part.as_row(field) for part in self.by(field)]

    def dollars(self, **groups: str) -> float:
        """Return the sum of all known prices, or of those in some groups such as `team="ops"`, in dollars."""
        lines = [line for line in self.lines if all(_group(line, field) == name for field, name in groups.items())]
        return total(lines) / CENTS


def total(lines: Iterable[Row]) -> int:
    """Return the sum of the known prices of some lines, in cents."""
    return sum(round((line["monthly_usd"] or 0) * CENTS) for line in lines)


def rows_of(lines: Iterable[Row], *columns: str) -> list[dict[str, Any]]:
    """Return some columns of lines."""
    return [{name: line[name] for name in columns} for line in lines]


def _group(line: Row, field: str) -> str:
    """Return the name of the group that a line is in by one of its fields."""
    return str(line[field] or (_WHOLE if line["app"] is None else _NONE))
