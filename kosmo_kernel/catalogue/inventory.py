"""Describe an inventory of a service: the data and functions that the service has beside its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

Row = Mapping[str, Any]


class MonthlyBill(Protocol):
    """Sum up what the things of an account cost a month."""

    @property
    def cents(self) -> int:
        """The sum of all known prices."""

    @property
    def idle_cents(self) -> int:
        """The sum of those that may be paid for nothing."""

    @property
    def unknown(self) -> Sequence[Row]:
        """The lines without a known price."""


class AccountTables(Protocol):
    """The tables of an account."""

    @property
    def time(self) -> datetime:
        """The time of the data."""

    @property
    def bill(self) -> MonthlyBill:
        """The monthly cost of the things of the account."""

    def has(self, table: str) -> bool:
        """Return whether a table could be made."""

    def rows(self, table: str) -> Sequence[Row]:
        """Return the rows of a table; none if it could not be made."""

    def is_whole(self, *lists: str) -> bool:
        """Return whether each of these lists was read, with all of its records."""


class KeyFigure(Struct, frozen=True):
    """A number of the whole account."""

    name: str  # what is counted
    value: float | None  # None if it could not be read
    detail: str = ""  # what a reader asks next
    unit: str = ""  # `usd` for money
    at_least: bool = False  # whether a part of what is counted could not be read

    @property
    def number(self) -> str:
        """The number as text, without the remark that it is a bound."""
        if self.value is None:
            return "not read"
        return f"${self.value:,.0f}" if self.unit == "usd" else f"{self.value:,}"

    @property
    def text(self) -> str:
        """The number as text."""
        return f"at least {self.number}" if self.at_least else self.number


class ObstacleKind(NamedTuple):
    """A kind of thing that makes a move hard."""

    name: str  # its heading
    reason: str  # what it means for a move
    table: str  # the table that has more about it
    lists: tuple[str, ...]  # that show it


class Terraform(NamedTuple):
    """Describe how Terraform manages the things of a service."""

    provider: str  # its source, such as `heroku/heroku`
    configuration: str  # the file that configures it
    table: str  # the table of what it can import, with the type of each resource, its name and its identifier
    left_out: Callable[[AccountTables], str]  # returns what it would not manage, in words


class InventoryFacts(Struct, frozen=True):
    """Describe the content of an inventory of a service."""

    tables: tuple[str, ...]  # that come first on its page, in this order
    first_list: str  # the function of the list without which there is no inventory
    bill: str  # the table of what things cost
    billed: tuple[str, ...]  # the lists without which a bill is not complete
    required: Mapping[str, tuple[str, ...]]  # the fields without which a record of a list is left out
    expected: Mapping[str, tuple[str, ...]]  # those without which it has empty cells
    names: tuple[str, ...]  # the fields that a record is called by, the best first
    bounds: Mapping[str, str]  # the columns whose values are bounds where another column says so
    out_of_reach: Callable[[AccountTables], list[str]]  # returns the apps of teams that the account has no access to
    not_told: Callable[[Row], str]  # returns what a row says could not be read of it
    key_figures: Callable[[AccountTables], Iterable[KeyFigure]]
    next_days: Callable[[AccountTables], Sequence[Row]]  # returns the next days on which the service does something
    obstacles: tuple[ObstacleKind, ...]  # what makes a move hard
    obstacle_table: str  # the table that has each case of these
    terraform: Terraform
