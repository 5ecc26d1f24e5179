"""What scripts may do with an account: read or write, each allowed, asked about first, or denied.

`config.toml` says it for an integration or for one of its accounts, which then counts. `[tool.kosmo_kernel]` of a
project may say it as well, but only make it stricter: a notebook that came from somewhere else must not allow itself
anything. Reads are allowed from the start, and writes are asked about.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kosmo_kernel.config import FILE, PERMISSIONS, POLICIES, config, folder, value_at
from kosmo_kernel.project import tightened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kosmo_kernel.config import Keys, Policy

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


def permission(
    integration: str, alias: str, effect: str, env: Mapping[str, str] | None = None, directory: Path | None = None
) -> Permission:
    """What a script may do.

    Parameters:
        integration: the name of the service.
        alias: of the account, in any spelling.
        effect: `read` or `write`.
        env: environment variables; the process's own when None.
        directory: where the project is looked for; the working directory when None.

    Raises:
        SettingsError, UnknownNameError: a mistake in one of the files.
    """
    settings = config(env)
    found = _said(settings.table, settings.place, integration, alias, effect) or Permission(FROM_THE_START[effect])
    project = tightened(Path.cwd() if directory is None else directory, PERMISSIONS)
    stricter = _said(project.table, project.place, integration, alias, effect) if project else None
    if stricter and POLICIES.index(stricter.policy) > POLICIES.index(found.policy):
        return stricter
    return found


def tool_permission(server: str, effect: str, env: Mapping[str, str] | None = None) -> Permission:
    """What a script may do with the tools of an MCP server; of the server itself before what holds for all.

    Parameters:
        server: its own name.
        effect: `read` or `write`.
        env: environment variables; the process's own when None.

    Raises:
        SettingsError, UnknownNameError: a mistake in `config.toml`.
    """
    settings = config(env)
    for keys in (("mcp", "servers", server, "permissions", effect), ("mcp", "permissions", effect)):
        policy = settings.get(*keys)
        if policy is not None:
            return Permission(policy, settings.place(*keys), keys)
    return Permission(FROM_THE_START[effect])


def how_to_allow_tool(server: str, effect: str, env: Mapping[str, str] | None = None) -> str:
    """What a person can do about the permission of a server's tools, in a sentence."""
    name = server if server.replace("-", "").replace("_", "").isalnum() and server.isascii() else f'"{server}"'
    line = f'[mcp.servers.{name}] permissions.{effect} = "allow"'
    return f"To allow it, write {line} into {folder(env) / FILE}; {FORCED}."


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
    if found.place and not found.place.startswith(str(folder(env) / FILE)):
        way = f"change that file, which is the project's, if you trust the script with {alias}"
    else:
        account = f" --account {alias}" if "accounts" in found.keys else ""
        way = f"run `kosmo integrations:configure {integration}{account} --{effect} allow`"
    return f"To allow it, {way}; {FORCED}."


def _said(
    table: Mapping[str, object], placed: Callable[..., str], integration: str, alias: str, effect: str
) -> Permission | None:
    """What a file says of an account; of the account itself before what it says of all."""
    own = value_at(table, ("integrations", integration, "accounts"))
    names = [name for name in own if _same(name, alias)] if isinstance(own, dict) else []
    for above in (*(("accounts", name) for name in names), ()):
        keys = ("integrations", integration, *above, "permissions", effect)
        policy = value_at(table, keys)
        if policy is not None:
            return Permission(policy, placed(*keys), keys)
    return None


def _same(one: str, other: str) -> bool:
    return one.lower().replace("-", "_") == other.lower().replace("-", "_")
