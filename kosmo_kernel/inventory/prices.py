"""Work out what processes and add-ons cost a month, as far as Heroku tells.

A price that is unknown is None and never zero: that of a contract, of a size that Heroku does not list, and of an
add-on whose price the account may not see.
"""

from __future__ import annotations

from collections.abc import Iterable

from kosmo_kernel.inventory.source import Row, at

CENTS = 100  # of a dollar
HOURS = 720  # that Heroku counts for a month


class Prices:
    """The monthly prices of dyno sizes.

    Parameters:
        dyno_sizes: the records of `list_dyno_sizes`.
    """

    def __init__(self, dyno_sizes: Iterable[Row]) -> None:
        self._cents = {row["name"].lower(): monthly_cents(row.get("cost")) for row in dyno_sizes}

    def of_size(self, name: str) -> int | None:
        """Return the cents that one dyno of a size costs a month."""
        return self._cents.get(name.lower())

    def of_process(self, row: Row) -> int | None:
        """Return the cents that a process type costs a month; one that is scaled to zero costs nothing."""
        cents = self.of_size(row["size"])
        return 0 if not row["quantity"] else None if cents is None else cents * row["quantity"]


def of_addon(row: Row) -> int | None:
    """Return the cents that an add-on costs a month."""
    return None if at(row, "billed_price.contract") else monthly_cents(row.get("billed_price"))


def monthly_cents(price: Row | None) -> int | None:
    """Return the cents of a price that is given by the month or by the hour."""
    if not price or price.get("cents") is None:
        return None
    return int(price["cents"]) * (HOURS if price.get("unit") == "hour" else 1)


def dollars(cents: int | None) -> float | None:
    """Return cents as dollars."""
    return None if cents is None else cents / CENTS
