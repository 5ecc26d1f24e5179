"""Write the names of columns as titles of a page: in words, with the unit."""

from __future__ import annotations

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


def page_title(name: str, *, is_time: bool = False) -> str:
    """Return the title of a column: `released_at` is "Released at", and a dotted name stays as it is.

    Parameters:
        name: the name of the column.
        is_time: whether it has times, whose zone then stands in the title.
    """
    words = _TITLES.get(name) or _MONEY.get(name) or name.replace("_", " ").strip()
    title = words[:1].upper() + words[1:] if "." not in name else words
    return f"{title}, UTC" if is_time else title
