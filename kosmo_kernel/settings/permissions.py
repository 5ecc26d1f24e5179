"""Determine what scripts may do with an MCP server: allow, ask or deny, for reads and for writes.

`config.toml` sets it for all MCP servers or for one. By default reads are allowed and writes ask first.
"""

from __future__ import annotations

from typing import NamedTuple

from kosmo_kernel.settings.config_file import Config, config
from kosmo_kernel.settings.table import DEFAULT_POLICIES, Keys, Policy
from kosmo_kernel.text import normalize_alias, value_at

EFFECTS = tuple(DEFAULT_POLICIES)
FORCE_HINT = "for one run of a command, `--force`"


class Permission(NamedTuple):
    """The policy for one effect of an MCP server."""

    policy: Policy  # `allow`, `ask` or `deny`
    location: str = ""  # the file and the line that set it; empty for the default

    @property
    def policy_in_words(self) -> str:
        """The policy in words, for messages."""
        return {"allow": "allowed", "ask": "asked about first", "deny": "denied"}[self.policy]


def permission(server: str, effect: str) -> Permission:
    """Return the permission of scripts.

    Parameters:
        server: the name of the server, in any spelling.
        effect: `read` or `write`.

    Raises:
        SettingsError, UnknownNameError: a mistake in the user's settings.
    """
    source, own = config(), ("mcp", "servers")
    for above in (*((*own, name) for name in _matching_names(source, own, server)), ("mcp",)):
        keys = (*above, "permissions", effect)
        policy = source.get(*keys)
        if policy is not None:
            return Permission(policy, source.place(*keys))
    return Permission(DEFAULT_POLICIES[effect])


def servers_named() -> dict[str, str]:
    """Return the names of MCP servers with permissions, each with the file and line; they need not exist.

    Raises:
        SettingsError, UnknownNameError: a mistake in the user's settings.
    """
    own = config()
    return {name: own.place("mcp", "servers", name) for name in own.get("mcp", "servers") or ()}


def how_to_allow(server: str, effect: str) -> str:
    """Return a sentence on how to allow what the permission of a server for an effect does not."""
    keys = f"mcp.servers.{server}.permissions"
    return f'To allow it, set `{effect} = "allow"` below [{keys}] in {config().path}; {FORCE_HINT}.'


def _matching_names(source: Config, keys: Keys, alias: str) -> list[str]:
    """Return the names below some keys that match a name, an identical one first."""
    table = value_at(source.table, keys)
    names = [name for name in table if same_name(name, alias)] if isinstance(table, dict) else []
    return sorted(names, key=lambda name: name != alias)


def same_name(name: str, other: str) -> bool:
    """Return whether two spellings name the same server."""
    return normalize_alias(name) == normalize_alias(other)
