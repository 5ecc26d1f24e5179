"""`kosmo mcp:configure`: change or show the permissions of an MCP server's tools, in `config.toml`."""

from __future__ import annotations

from typing import Any

import click

from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.completions import mcp_servers
from kosmo_kernel.cli.output import document, print_result, print_rows
from kosmo_kernel.cli.permissions import permission_facts, permission_options, permission_rows
from kosmo_kernel.mcp import configuration
from kosmo_kernel.settings.config_file import change, config
from kosmo_kernel.settings.permissions import EFFECTS, Target, section_of_server


@command(
    "mcp:configure",
    "kosmo mcp:configure time --read allow",
    "kosmo mcp:configure tracker --read allow --write deny --json",
    "kosmo mcp:configure tracker --unset write",
)
@click.argument("name", metavar="SERVER", shell_complete=mcp_servers)
@permission_options
@click.option("--unset", type=click.Choice(EFFECTS), multiple=True, help="Remove a permission that was set.")
def configure(*, name: str, read: str | None, write: str | None, unset: tuple[str, ...], as_json: bool) -> None:
    """Set the permissions of an MCP server.

    Without options the command shows the current ones. A tool reads if the server declares it as read-only; every
    other one may change something. A permission is allow, deny or ask. With ask, you are asked before the first call of
    a tool; if nobody can be asked, the call fails. --read allow also allows what you would be asked about once in a
    session because the server may pass it on. A project can only make permissions stricter, in [tool.kosmo_kernel] of
    its pyproject.toml. The server is not started.

    With --json: `server`, `permissions`, `said_by` with the line that sets each permission, and their `file`.
    """
    server = configuration().find(name)
    given: dict[str, Any] = {effect: policy for effect, policy in (("read", read), ("write", write)) if policy}
    if both := [effect for effect in unset if effect in given]:
        raise click.UsageError(f"--{both[0]} sets it and --unset {both[0]} removes it. Give one of them.")
    changes = given | dict.fromkeys(unset)
    if changes:
        section = section_of_server(server.name)
        change({(*section, effect): policy for effect, policy in changes.items()})
    facts = {"success": True, "server": server.name, "file": str(config().path)} | permission_facts(Target(server.name))
    if as_json:
        document(facts)
        return
    if changes:
        print_result(f"Done. {config().path} says:" if config().text else "Done.")
    print_rows(permission_rows(facts))
