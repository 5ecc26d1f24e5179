"""Compare the names of accounts and servers, which settings, environment variables and Lua spell differently."""

from __future__ import annotations


def normalize_alias(alias: str) -> str:
    """Return the normalized spelling of an alias: `My-Team` becomes `my_team`."""
    return alias.lower().replace("-", "_")
