"""What scripts may do with an account or an MCP server: read or write, each allowed, asked about first, or denied.

`config.toml` says it for an integration or for one of its accounts, which then counts; and for all MCP servers or for
one. `[tool.kosmo_kernel]` of a project may say it as well, but only make it stricter: a notebook that came from
somewhere else must not allow itself anything. Reads are allowed from the start, and writes are asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.settings.config_file import FILE, POLICIES, Config, Keys, Policy, config, folder, value_at
from kosmo_kernel.settings.project_file import tightened

FROM_THE_START: dict[str, Policy] = {"read": "allow", "write": "ask"}
EFFECTS = tuple(FROM_THE_START)
FORCED = "for one run of a command, `--force`"


class Permission(NamedTuple):
    """What holds for an account and an effect.

    Parameters:
        policy: `allow`, `ask` or `deny`.
        place: the file and the line that say so; empty where none does.
        keys: that lead to it there.
    """

    policy: Policy
    place: str = ""
    keys: Keys = ()

    @property
    def policy_in_words(self) -> str:
        """What holds, as a message says it."""
        return {"allow": "allowed", "ask": "asked about first", "deny": "denied"}[self.policy]


def permission(integration: str, alias: str, effect: str, env: Mapping[str, str] | None = None) -> Permission:
    """What a script may do.

    Parameters:
        integration: the name of the service.
        alias: of the account, in any spelling.
        effect: `read` or `write`.
        env: environment variables; the process's own when None.

    Raises:
        SettingsError, UnknownNameError: a mistake in one of the files.
    """
    return _held(lambda said: _keys_of_account(said, integration, alias), effect, env)


def tool_permission(server: str, effect: str, env: Mapping[str, str] | None = None) -> Permission:
    """What a script may do with the tools of an MCP server; of the server itself before what holds for all.

    Parameters:
        server: its name, in any spelling.
        effect: `read` or `write`.
        env: as for `permission`.

    Raises:
        SettingsError, UnknownNameError: a mistake in one of the files.
    """
    return _held(lambda said: _keys_of_server(said, server), effect, env)


def servers_named(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The MCP servers that permissions are written for, which there need not be, each with the first place.

    Parameters:
        env: as for `permission`.

    Raises:
        SettingsError, UnknownNameError: a mistake in one of the files.
    """
    found: dict[str, str] = {}
    for said in (config(env), tightened(Path.cwd())):
        named = said.get("mcp", "servers") if said else None
        found = {name: said.place("mcp", "servers", name) for name in named or () if said} | found
    return found


def how_to_allow_tool(server: str, effect: str, found: Permission, env: Mapping[str, str] | None = None) -> str:
    """What a person can do about the permission of a server's tools, in a sentence.

    Parameters:
        server: its own name.
        effect: `read` or `write`.
        found: the permission.
        env: as for `permission`.
    """
    name = server if server.replace("-", "").replace("_", "").isalnum() and server.isascii() else f'"{server}"'
    line = f'[mcp.servers.{name}] permissions.{effect} = "allow"'
    way = _of_project(found, server, env) or f"write {line} into {folder(env) / FILE}"
    return f"To allow it, {way}; {FORCED}."


def how_to_allow(
    integration: str, alias: str, effect: str, found: Permission, env: Mapping[str, str] | None = None
) -> str:
    """What a person can do about a permission, in a sentence.

    Parameters:
        integration: the name of the service.
        alias: of the account.
        effect: `read` or `write`.
        found: the permission.
        env: as for `permission`.
    """
    account = f" --account {alias}" if "accounts" in found.keys else ""
    way = f"run `kosmo integrations:configure {integration}{account} --{effect} allow`"
    return f"To allow it, {_of_project(found, alias, env) or way}; {FORCED}."


def _of_project(found: Permission, whose: str, env: Mapping[str, str] | None) -> str:
    """What to do about a permission that is the project's; empty for any other."""
    if not found.place or found.place.startswith(str(folder(env) / FILE)):
        return ""
    return f"change that file, which is the project's, if you trust the script with {whose}"


def _held(leading: Callable[[Config], Iterable[Keys]], effect: str, env: Mapping[str, str] | None) -> Permission:
    """What the person's own file says, or the project's where that is stricter.

    Parameters:
        leading: the keys that lead to what a file says of it, first those that count first.
        effect: as for `permission`, as are the others.
    """
    found = _said(config(env), leading, effect) or Permission(FROM_THE_START[effect])
    project = tightened(Path.cwd())
    stricter = _said(project, leading, effect) if project else None
    return stricter if stricter and POLICIES.index(stricter.policy) > POLICIES.index(found.policy) else found


def _said(said: Config, leading: Callable[[Config], Iterable[Keys]], effect: str) -> Permission | None:
    """What a file says."""
    for above in leading(said):
        keys = (*above, "permissions", effect)
        policy = said.get(*keys)
        if policy is not None:
            return Permission(policy, said.place(*keys), keys)
    return None


def _keys_of_account(said: Config, integration: str, alias: str) -> Iterable[Keys]:
    above = ("integrations", integration)
    return (*((*above, "accounts", name) for name in _spelled(said, (*above, "accounts"), alias)), above)


def _keys_of_server(said: Config, server: str) -> Iterable[Keys]:
    return (*(("mcp", "servers", name) for name in _spelled(said, ("mcp", "servers"), server)), ("mcp",))


def _spelled(said: Config, keys: Keys, wanted: str) -> list[str]:
    """The names below some keys that mean this one, its own spelling first."""
    own = value_at(said.table, keys)
    names = [name for name in own if same_name(name, wanted)] if isinstance(own, dict) else []
    return sorted(names, key=lambda name: name != wanted)


def same_name(one: str, other: str) -> bool:
    """Whether two spellings mean one account or server."""
    return normalize_alias(one) == normalize_alias(other)
