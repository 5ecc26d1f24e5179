"""Write the names of columns as titles of a page: in words, with the unit."""

from __future__ import annotations

from collections.abc import Iterable

_TITLES = {
    "acm_status": "ACM status",
    "add_on": "Add-on",
    "addon": "Add-on",
    "addons": "Add-ons",
    "certificate_last_day": "Certificate's last day",
    "cidr": "CIDR",
    "custom_domains": "Domains",
    "dns_target": "DNS target",
    "enterprise_account": "Enterprise",
    "from_addon": "From add-on",
    "managed_by_heroku": "Renewed by Heroku",
    "memory_gb": "Memory, GB",
    "without_price": "Price unknown",
}
_MONEY = {
    "monthly_usd": "Monthly cost, $",
    "unit_usd": "Each, $ a month",
    "usd": "$",
    "usd_a_month": "Monthly cost, $",
    "usd_an_hour": "$ an hour",
    "usd_per_dyno": "Each, $ a month",
}


def is_money(name: str) -> bool:
    """Return whether a column has amounts of money."""
    return name in _MONEY


# The columns whose sum means something: parts of a bill, and what is counted beside them.
_PARTS = {"monthly_usd", "usd_a_month"}
UNPRICED = "without_price"  # how many parts have no known price
_COUNTED = {"add_ons", "dynos", "positions", UNPRICED}


def is_part(name: str) -> bool:
    """Return whether the amounts of a column are parts of a bill."""
    return name in _PARTS


def summed(names: Iterable[str]) -> list[str]:
    """Return which of the columns of a table have a total; none if the table has no part of a bill."""
    columns = [name for name in names if name in _PARTS | _COUNTED]
    return columns if any(map(is_part, columns)) else []


def page_title(name: str, *, is_time: bool = False) -> str:
    """Return the title of a column: `released_at` is "Released at", and a dotted name stays as it is.

    Parameters:
        name: the name of the column.
        is_time: whether it has times, whose zone then stands in the title.
    """
    words = _TITLES.get(name) or _MONEY.get(name) or name.replace("_", " ").strip()
    title = words[:1].upper() + words[1:] if "." not in name else words
    return f"{title}, UTC" if is_time else title
