"""`kosmo mcp:trust` and `mcp:untrust`: allow or forbid starting a server that a project configures.

The user sees what would be run before they agree.
"""

from __future__ import annotations

import sys

import click

from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.completions import mcp_servers
from kosmo_kernel.cli.output import document, print_note, print_result
from kosmo_kernel.cli.standard_input import input_is_terminal
from kosmo_kernel.errors import SettingsError, UntrustedError
from kosmo_kernel.mcp import Trust, configuration
from kosmo_kernel.mcp.trust import consent_lines, fingerprint
from kosmo_kernel.safety.text import escape_hidden

CHANGED = "It is not what you trusted before."


@command("mcp:trust", "kosmo mcp:trust time", "kosmo mcp:trust time --yes --json")
@click.argument("name", shell_complete=mcp_servers)
@click.option("-y", "--yes", is_flag=True, help="Trust it without a question; check the entry first.")
def trust(*, name: str, yes: bool, as_json: bool) -> None:
    """Trust a server of this project.

    The command shows the server's command and arguments, or its address, and its variables and headers, and asks you.
    Secrets are not shown. If any of this changes later, also a secret, the server is not started until you trust it
    again. Nothing is started now.
    """
    server, trust_store = configuration().find(name), Trust()
    if server.fault:
        raise SettingsError(f"{server.path}: the MCP server `{name}`: {server.fault}.")
    before, lines = trust_store.status(server), consent_lines(server)
    if before != "trusted":
        heading = escape_hidden(f"The MCP server {name}, from {server.path}:")
        changed = [CHANGED] if before == "changed" else []
        for line in (heading, *(f"  {line}" for line in lines), *changed):
            (print_note if as_json else print_result)(line)
        if not yes and not _confirm():
            raise UntrustedError(f"`{name}` is not trusted. Nothing was changed.")
        trust_store.trust(server)
    if as_json:
        facts = {"server": name, "trust": "trusted", "file": str(server.path), "shown": lines}
        document({"success": True} | facts | {"fingerprint": fingerprint(server)})
    elif not server.of_project:
        print_result(f"{name} is in your own file, {server.path}, and needs no trust.")
    else:
        print_result(f"{name} {'was' if before == 'trusted' else 'is'} trusted.")


@command("mcp:untrust", "kosmo mcp:untrust time")
@click.argument("name", shell_complete=mcp_servers)
def untrust(*, name: str, as_json: bool) -> None:
    """No longer trust a server of this project.

    The server is not started again until you trust it again.
    """
    server = configuration().find(name)
    if not server.of_project:
        raise SettingsError(f"{name} is in your own file, {server.path}, and needs no trust. `kosmo mcp:disable` it.")
    changed = Trust().untrust(server)
    if as_json:
        document({"success": True, "server": name, "trust": "untrusted", "changed": changed})
    else:
        print_result(f"{name} is trusted no more." if changed else f"{name} was not trusted.")


def _confirm() -> bool:
    """Ask the user for consent and return whether they agree.

    Raises:
        click.UsageError: standard input or standard error is not a terminal.
    """
    if not (input_is_terminal() and sys.stderr.isatty()):
        raise click.UsageError("Nobody can be asked here. If you agree to what is shown, add --yes.")
    return click.confirm("Start it when it is asked something?", default=False, err=True)
