"""Determine what scripts may do with an account or an MCP server: allow, ask or deny, for reads and for writes.

`config.toml` sets it for an integration or for one of its accounts, which takes precedence, and likewise for all MCP
servers or for one. `[tool.kosmo_kernel]` of a project can only make it stricter, because a notebook from elsewhere must
not grant itself permissions. By default reads are allowed and writes ask first.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kosmo_kernel.settings.config_file import FILE, Config, config, folder, project_permissions
from kosmo_kernel.settings.table import DEFAULT_POLICIES, POLICIES, Keys, Policy
from kosmo_kernel.text import normalize_alias, value_at

EFFECTS = tuple(DEFAULT_POLICIES)
FORCE_HINT = "for one run of a command, `--force`"


class Target(NamedTuple):
    """The target of a permission: an account of a service, or an MCP server."""

    name: str  # the alias of the account or the name of the server, in any spelling
    service: str = ""  # the name of the account's service; empty for a server

    @property
    def kind(self) -> str:
        """`account` or `server`."""
        return "account" if self.service else "server"


class Permission(NamedTuple):
    """The policy for one effect of an account or an MCP server."""

    policy: Policy  # `allow`, `ask` or `deny`
    location: str = ""  # the file and the line that set it; empty for the default
    keys: Keys = ()  # the path of keys in that file

    @property
    def policy_in_words(self) -> str:
        """The policy in words, for messages."""
        return {"allow": "allowed", "ask": "asked about first", "deny": "denied"}[self.policy]


def permission(target: Target, effect: str) -> Permission:
    """Return the permission of scripts: the user's, or the project's if that is stricter.

    Parameters:
        target: the account or the server.
        effect: `read` or `write`.

    Raises:
        SettingsError, UnknownNameError: a mistake in one of the files.
    """
    own = _configured(config(), target, effect) or Permission(DEFAULT_POLICIES[effect])
    project = project_permissions(Path.cwd())
    stricter = _configured(project, target, effect) if project else None
    return stricter if stricter and POLICIES.index(stricter.policy) > POLICIES.index(own.policy) else own


def servers_named() -> dict[str, str]:
    """Return the names of MCP servers with permissions, each with the first file and line; they need not exist.

    Raises:
        SettingsError, UnknownNameError: a mistake in one of the files.
    """
    places: dict[str, str] = {}
    for source in (config(), project_permissions(Path.cwd())):
        servers = source.get("mcp", "servers") if source else None
        places = {name: source.place("mcp", "servers", name) for name in servers or () if source} | places
    return places


def section_of_server(name: str) -> Keys:
    """Return the keys of the permissions of an MCP server in the user's file, in the spelling that it has there."""
    own = ("mcp", "servers")
    return (*own, next(iter(_matching_names(config(), own, name)), name), "permissions")


def how_to_allow(target: Target, effect: str, rule: Permission) -> str:
    """Return a sentence on how to allow what the permission of a target for an effect does not."""
    name, service = target
    if rule.location and not rule.location.startswith(str(folder() / FILE)):
        way = f"change that file, which is the project's, if you trust the script with {name}"
    elif service:
        account = f" --account {name}" if "accounts" in rule.keys else ""
        way = f"run `kosmo integrations:configure {service}{account} --{effect} allow`"
    else:
        import shlex

        way = f"run `kosmo mcp:configure {shlex.quote(name)} --{effect} allow`"
    return f"To allow it, {way}; {FORCE_HINT}."


def _configured(source: Config, target: Target, effect: str) -> Permission | None:
    """Return the permission that a file sets, or None."""
    for above in _sections(source, target):
        keys = (*above, "permissions", effect)
        policy = source.get(*keys)
        if policy is not None:
            return Permission(policy, source.place(*keys), keys)
    return None


def _sections(source: Config, target: Target) -> Iterable[Keys]:
    """Return the sections of a file that may set a permission, in order of precedence."""
    general = ("integrations", target.service) if target.service else ("mcp",)
    own = (*general, f"{target.kind}s")
    return (*((*own, name) for name in _matching_names(source, own, target.name)), general)


def _matching_names(source: Config, keys: Keys, alias: str) -> list[str]:
    """Return the names below some keys that match a name, an identical one first."""
    table = value_at(source.table, keys)
    names = [name for name in table if same_name(name, alias)] if isinstance(table, dict) else []
    return sorted(names, key=lambda name: name != alias)


def same_name(name: str, other: str) -> bool:
    """Return whether two spellings name the same account or server."""
    return normalize_alias(name) == normalize_alias(other)
