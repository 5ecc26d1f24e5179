"""`kosmo mcp:serve`: run the MCP server for agents (`kosmo_kernel/mcp_server`)."""

from __future__ import annotations

import sys
from typing import Any

import click

from kosmo_kernel.cli.account_options import ON_DEMO, about_account, one_account
from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.options import PORT, limit_options, setting_option
from kosmo_kernel.cli.output import print_note, print_result
from kosmo_kernel.cli.shell_interface import INTERRUPTED, SUCCESS
from kosmo_kernel.settings.table import MAX_TOKENS

FUNCTIONS = "functions"
EXAMPLES = """\b
Examples:
  kosmo mcp:serve
  kosmo mcp:serve --demo --timeout 60
  kosmo mcp:serve --http 8722 --account production

\b
In an agent's configuration:
  {"mcpServers": {"kosmo": {"command": "kosmo", "args": ["mcp:serve"]}}}
"""


@click.command("mcp:serve", cls=Command, epilog=EXAMPLES)
@click.option(
    "--http", "port", type=PORT, metavar="PORT", help="Serve on this port of this machine; 0 chooses a free one."
)
@click.option("-a", "--account", **about_account("The account for calls that name no account."))
@click.option("--demo", **ON_DEMO)
@limit_options
@setting_option(MAX_TOKENS, default=None)
@click.option(
    "--tools",
    type=click.Choice(("lua", FUNCTIONS)),
    default="lua",
    help="`functions` adds a tool for each function, which costs an agent more to read.",
)
@click.option("--allow-mcp", is_flag=True, help="Let Lua, and so the agent, use your other MCP servers (app.mcp).")
def serve(
    *,
    port: int | None,
    account: str | None,
    demo: bool,
    allow_mcp: bool,
    tools: str,
    max_tokens: int | None,
    **limits: Any,
) -> int:
    """Serve Heroku and Lua to agents, over MCP.

    An agent starts this server and communicates with it over standard input and output. The server offers sandboxed Lua
    (lua_run) and the reference (lua_search_docs, lua_read_doc, and as resources); with `--tools functions` also each
    function as a tool (heroku_list_apps). Answers have at most 2,000 tokens unless the agent asks for another bound.
    Calls can name an account, and can lower the limits of Lua that are set here. The server cannot ask you, so a call
    for which your permissions say `ask` is an error.

    With --http, the first line of output is KOSMO_MCP_URL=…, and the second is KOSMO_MCP_TOKEN=…, which clients send as
    `Authorization: Bearer …`. The token is new each time unless KOSMO_MCP_TOKEN is set. Only clients on this machine
    can connect.

    Ctrl-C ends the server with exit code 130.
    """
    from kosmo_kernel.mcp_server import ServerOptions, over_http, over_stdio

    options = ServerOptions(
        one_account(account, demo=demo),
        limits,
        allow_mcp_servers=allow_mcp,
        functions=tools == FUNCTIONS,
        max_tokens=max_tokens,
    )
    if port is None:
        if sys.stdin and sys.stdin.isatty():
            print_note("Speaking MCP on standard input and output, which is for an agent to start. Ctrl-C ends it.")
        interrupted = over_stdio(options)
    else:
        interrupted = over_http(options, port, _ready)
    return INTERRUPTED if interrupted else SUCCESS


def _ready(url: str, token: str | None) -> None:
    """Print the address of the server and its token."""
    print_result(f"KOSMO_MCP_URL={url}" + (f"\nKOSMO_MCP_TOKEN={token}" if token else ""))
    print_note("Serving MCP to this machine. Ctrl-C ends it.")
