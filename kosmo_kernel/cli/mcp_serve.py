"""`kosmo mcp:serve`: run the MCP server for agents (`kosmo_kernel/mcp_server`)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.options import PORT, account_options, limit_options, setting_option
from kosmo_kernel.cli.output import document, print_note, print_result
from kosmo_kernel.cli.streams import INTERRUPTED, SUCCESS, input_is_terminal
from kosmo_kernel.mcp.config import CLIENTS, McpClient
from kosmo_kernel.settings.table import ANSWER_WITHIN, LIMITS, MAX_TOKENS

if TYPE_CHECKING:
    from kosmo_kernel.mcp_server import ServerOptions

FUNCTIONS = "functions"
NAME = "kosmo"
ANY = "any"  # the form that most clients read
EXAMPLES = """\b
Examples:
  kosmo mcp:serve
  kosmo mcp:serve --demo --timeout 60
  kosmo mcp:serve --http 8722 --account production

\b
For an agent's configuration:
  kosmo mcp:serve --account production --print-config claude-code
"""


@click.command("mcp:serve", cls=Command, epilog=EXAMPLES)
@click.option(
    "--http", "port", type=PORT, metavar="PORT", help="Serve on this port of this machine; 0 chooses a free one."
)
@account_options("The account for calls that name no account.")
@limit_options
@setting_option(MAX_TOKENS, default=None)
@setting_option(ANSWER_WITHIN, default=None)
@click.option(
    "--tools",
    type=click.Choice(("lua", FUNCTIONS)),
    default="lua",
    help="`functions` adds a tool for each function, which costs an agent more to read.",
)
@click.option("--tasks", is_flag=True, help="Give a client that takes tasks one for a long call (MCP 2026-07-28).")
@click.option("--allow-mcp", is_flag=True, help="Let Lua, and so the agent, use your other MCP servers (app.mcp).")
@click.option(
    "--print-config",
    "client",
    type=click.Choice((ANY, *CLIENTS)),
    is_flag=False,
    flag_value=ANY,
    metavar="[CLIENT]",
    help="Print the entry for the configuration of a client instead, with these options, and name its file. CLIENT is "
    f"{', '.join(CLIENTS)}.",
)
def serve(
    *,
    port: int | None,
    account: str | None,
    allow_mcp: bool,
    client: str | None,
    tools: str,
    tasks: bool,
    max_tokens: int | None,
    answer_within: float | None,
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
        account,
        limits,
        allow_mcp_servers=allow_mcp,
        functions=tools == FUNCTIONS,
        tasks=tasks,
        max_tokens=max_tokens,
        answer_within=answer_within,
    )
    if client is not None:
        if port is not None:
            raise click.UsageError(
                "--print-config is about a server that the agent starts itself. Give it without --http."
            )
        _print_config(CLIENTS.get(client), _entry(options))
        return SUCCESS
    if port is None:
        if input_is_terminal():
            print_note("Speaking MCP on standard input and output, which is for an agent to start. Ctrl-C ends it.")
        interrupted = over_stdio(options)
    else:
        interrupted = over_http(options, port, _ready)
    return INTERRUPTED if interrupted else SUCCESS


def _entry(options: ServerOptions) -> dict[str, Any]:
    """Return the entry that starts this server from any folder, also without the user's `PATH`, with these options."""
    values: dict[str, Any] = {
        "--account": options.account,
        MAX_TOKENS.command: options.max_tokens,
        ANSWER_WITHIN.command: options.answer_within,
        **{setting.command: options.limits.get(setting.name) for setting in LIMITS},
        "--tools": FUNCTIONS if options.functions else None,
    }
    flags = {"--tasks": options.tasks, "--allow-mcp": options.allow_mcp_servers}
    args = [word for name, value in values.items() if value is not None for word in (name, str(value))]
    args += [flag for flag, is_on in flags.items() if is_on]
    program = shutil.which(sys.argv[0])
    if program and os.path.basename(program) == NAME:
        command = [str(Path(program).absolute())]
    else:
        command = [sys.executable, "-P", "-m", "kosmo_kernel"]  # -P: the folder may have something of that name
    return {"command": command[0], "args": [*command[1:], "mcp:serve", *args]}


def _print_config(client: McpClient | None, entry: dict[str, Any]) -> None:
    """Print an entry, and where it belongs."""
    if client is None:
        document({"mcpServers": {NAME: entry}})
        return
    print_result(client.config(NAME, entry))
    print_note(f"For {client.title}: {client.place}.")


def _ready(url: str, token: str | None) -> None:
    """Print the address of the server and its token."""
    print_result(f"KOSMO_MCP_URL={url}" + (f"\nKOSMO_MCP_TOKEN={token}" if token else ""))
    print_note("Serving MCP to this machine. Ctrl-C ends it.")
