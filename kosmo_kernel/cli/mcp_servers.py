"""The commands for MCP servers: `kosmo mcp:list` and `mcp:trust`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from kosmo_kernel.cli.command import CommandResult, NoteLine, command, print_note, print_result
from kosmo_kernel.cli.streams import input_is_terminal
from kosmo_kernel.errors import KosmoError, SettingsError, UntrustedError
from kosmo_kernel.mcp import Servers, Trust, configuration
from kosmo_kernel.mcp.config import PROJECT_FILE, user_file
from kosmo_kernel.mcp.run_tools import row_of
from kosmo_kernel.mcp.trust import consent_lines, fingerprint
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.safety.text import escape_hidden

CHANGED = "It is not what you trusted before."
MAX_STARTS = 8  # servers that start at the same time
MAX_SUMMARY = 120  # characters


@command("mcp:list", "kosmo mcp:list", "kosmo mcp:list --json")
def list_() -> CommandResult:
    """List the MCP servers, their tools and their problems.

    The servers are those of .mcp.json in the project's folder and of ~/.kosmo/mcp.json. Each that may be used is
    started to list its tools, and ended. With --json: `servers` by name, each with `problem` and `tools`. Values of
    variables and headers are never shown.
    """
    with Servers() as servers, ThreadPoolExecutor(MAX_STARTS) as pool:
        configured = servers.configuration()
        rows = {row["name"]: row for row in pool.map(lambda name: _row(servers, name), configured.servers)}
    lines: list[tuple[str, str]] = []
    for name, row in rows.items():
        lines.append((escape_hidden(name), row["problem"] or f"{row['command']} ({row['source']})"))
        for tool in row["tools"]:
            changes = "" if tool["operation"] == "read" else "  (may change something)"
            lines.append((f"  {tool['lua_path']}", one_line(tool["description"], most=MAX_SUMMARY) + changes))
    none = f"No MCP server is configured, in {configured.root / PROJECT_FILE} or {user_file()}."
    return CommandResult({"servers": rows}, lines or none, *map(NoteLine, configured.faults))


def _row(servers: Servers, name: str) -> dict[str, Any]:
    """Return a server as JSON data without its secrets; start it if it may be used."""
    configured = servers.configuration()
    server, lua_name = configured.servers[name], configured.lua_names[name]
    problem, tools = None, []
    try:
        tools = [row_of(tool, lua_name) for tool in servers.tools(name)]
    except KosmoError as error:
        problem = error.message
    return {
        "name": name,
        "lua_path": f"app.mcp.{lua_name}",
        "type": server.kind,
        "trust": servers.trust.status(server),
        "source": server.source,
        "path": str(server.path),
        "command": server.address,
        "env": list(server.env),
        "headers": list(server.headers),
        "timeout": server.timeout,
        "problem": problem,
        "tools": tools,
    }


@command("mcp:trust", "kosmo mcp:trust time", "kosmo mcp:trust time --yes --json", "kosmo mcp:trust time --remove")
@click.argument("name", metavar="SERVER")
@click.option("-y", "--yes", is_flag=True, help="Trust it without a question; check the entry first.")
@click.option("--remove", is_flag=True, help="Trust it no longer.")
def trust(*, name: str, yes: bool, remove: bool, as_json: bool) -> int:
    """Trust a server of this project.

    The command shows the server's command, arguments, folder and variables, or its address and headers, as they are
    written, and asks you. If any of this changes later, the server is not started until you trust it again. Nothing is
    started now.
    """
    if yes and remove:
        raise click.UsageError("--yes and --remove exclude one another.")
    server, trust_store = configuration().find(name), Trust()
    own = f"{name} is in your own file, {server.path}, and needs no trust."
    if remove:
        if not server.of_project:
            raise SettingsError(own)
        changed = trust_store.untrust(server)
        text = f"{name} is trusted no more." if changed else f"{name} was not trusted."
        return CommandResult({"server": name, "trust": "untrusted", "changed": changed}, text).print(as_json=as_json)
    server.check_entry()
    before, lines = trust_store.status(server), consent_lines(server)
    if before != "trusted":
        heading = escape_hidden(f"The MCP server {name}, from {server.path}:")
        for line in (heading, *(f"  {line}" for line in lines), *([CHANGED] if before == "changed" else [])):
            (print_note if as_json else print_result)(line)
        if not yes:
            _ask_consent(name)
        trust_store.trust(server)
    facts = {"server": name, "trust": "trusted", "file": str(server.path), "shown": lines}
    text = f"{name} {'was' if before == 'trusted' else 'is'} trusted." if server.of_project else own
    return CommandResult({**facts, "fingerprint": fingerprint(server)}, text).print(as_json=as_json)


def _ask_consent(name: str) -> None:
    """Ask the user to trust a server.

    Raises:
        click.UsageError: nobody can be asked.
        UntrustedError: the user does not agree.
    """
    if not (input_is_terminal() and sys.stderr.isatty()):
        raise click.UsageError("Nobody can be asked here. If you agree to what is shown, add --yes.")
    if not click.confirm("Start it when it is asked something?", default=False, err=True):
        raise UntrustedError(f"`{name}` is not trusted. Nothing was changed.")
