"""Compare the names of accounts and servers, which settings, environment variables and Lua spell differently."""

from __future__ import annotations


def normalize_alias(alias: str) -> str:
    """Return the one spelling that all spellings of an alias have in common: `My-Team` is `my_team`."""
    return alias.lower().replace("-", "_")
