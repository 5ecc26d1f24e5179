"""`kosmo mcp:list` and `mcp:status`: show the configured MCP servers and their trust, without starting one."""

from __future__ import annotations

from typing import Any

import click

from kosmo_kernel.cli.command import Aside, CommandResult, command
from kosmo_kernel.cli.options import mcp_servers
from kosmo_kernel.mcp import Server, Servers, Trust
from kosmo_kernel.mcp.secret_scan import redact_text, redact_words
from kosmo_kernel.mcp.trust import command_line
from kosmo_kernel.settings.permissions import EFFECTS, Target, permission

ADVICE = "`kosmo mcp:add` configures one."
NONE = f"No MCP server is configured. {ADVICE}"


@command("mcp:list", "kosmo mcp:list", "kosmo mcp:list --all --json")
@click.option("--all", "everything", is_flag=True, help="Also list disabled servers.")
def list_(*, everything: bool) -> CommandResult:
    """List the configured MCP servers.

    No server is started. With --json: `servers` by name, and `sources`, the files that configure them. Values of
    variables and headers are never shown.
    """
    with Servers() as servers:
        configured, lua_names = servers.configuration(), servers.called()
        chosen = [server for server in configured.servers.values() if everything or server.enabled]
        rows = {server.name: _facts(server, lua_names[server.name], servers.trust) for server in chosen}
    sources = [
        {
            "source": source.source,
            "path": str(source.path),
            "schema": source.key or None,
            "servers": list(source.servers),
            "fault": source.fault or None,
        }
        for source in configured.sources
        if source.key or source.fault or source.path.exists()
    ]
    shown = [(one.name, f"{_description(one, rows[one.name]['trust'])}  ({one.source})") for one in chosen]
    off = len(configured.servers) - len(chosen)
    left_out = [f"{off} switched off: --all lists {'it' if off == 1 else 'them'} as well."] if off else []
    notes = map(Aside, (*left_out, *configured.faults))
    return CommandResult({"servers": rows, "sources": sources}, shown or NONE, *notes)


@command("mcp:status", "kosmo mcp:status", "kosmo mcp:status time --json")
@click.argument("name", required=False, metavar="[SERVER]", shell_complete=mcp_servers)
def status(*, name: str | None) -> CommandResult:
    """Say which MCP servers can be used, or why not.

    No server is started; `kosmo mcp:tools SERVER` starts one. With --json: `servers` by name, each with `ready` and
    other facts.
    """
    with Servers() as servers:
        configured, trust = servers.configuration(), servers.trust
        chosen = [servers.find(name)] if name else list(configured.servers.values())
        rows = {one.name: _readiness(one, trust.status(one)) for one in chosen}
    shown = [(one, row["what_to_do"] or "ready") for one, row in rows.items()]
    return CommandResult({"servers": rows}, shown or NONE, *map(Aside, configured.faults))


def _facts(server: Server, lua_name: str, trust: Trust) -> dict[str, Any]:
    """Return a server as JSON data without its secrets."""
    return {
        "name": server.name,
        "lua_path": f"app.mcp.{lua_name}",
        "type": server.kind,
        "enabled": server.enabled,
        "trust": trust.status(server),
        "source": server.source,
        "path": str(server.path),
        "replaces": str(server.replaces) if server.replaces else None,
        "command": server.command,
        "args": list(redact_words([server.command, *server.args]))[1:],
        "url": redact_text(server.url),
        "env": list(server.env),
        "headers": list(server.headers),
        "timeout": server.timeout,
        "permissions": _permissions(server),
        "fault": server.fault or None,
    }


def _readiness(server: Server, trust_status: str) -> dict[str, Any]:
    """Return whether a server may be used, and what to do if not."""
    advice = ""
    if server.fault:
        advice = f"{server.path}: {server.fault}."
    elif not server.enabled:
        advice = f"It is switched off: `kosmo mcp:enable {server.name}`."
    elif trust_status != "trusted":
        advice = f"{why_untrusted(trust_status)}: `kosmo mcp:trust {server.name}`."
    return {
        "ready": not advice,
        "enabled": server.enabled,
        "trust": trust_status,
        "permissions": _permissions(server),
        "fault": server.fault or None,
        "what_to_do": advice or None,
    }


def why_untrusted(trust_status: str) -> str:
    """Return the beginning of a sentence on why a server of the project is not used."""
    why = "is not trusted yet" if trust_status == "untrusted" else "has changed since you trusted it"
    return f"It comes with the project, and {why}"


def _permissions(server: Server) -> dict[str, str]:
    return {effect: permission(Target(server.name), effect).policy for effect in EFFECTS}


def _description(server: Server, trust_status: str) -> str:
    if server.fault:
        return f"wrong: {server.fault}"
    prefix = {"trusted": "", "untrusted": "not trusted: ", "changed": "changed, not trusted: "}[trust_status]
    return f"{'' if server.enabled else 'off: '}{prefix}{command_line(server)}"
