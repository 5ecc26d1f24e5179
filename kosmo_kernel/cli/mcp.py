"""The command `kosmo mcp:serve`, which runs `kosmo_kernel/mcp_server`."""

from __future__ import annotations

import math
import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from kosmo_kernel.cli.command import Command, document, print_note, print_result
from kosmo_kernel.cli.options import ValueType, account_options, from_option, limit_options, setting_option
from kosmo_kernel.cli.streams import SUCCESS, input_is_terminal
from kosmo_kernel.settings.table import ANSWER_WITHIN, MAX_TOKENS, Number

PRINT_CONFIG = "--print-config"
NAME = "kosmo"
HOSTS = ("127.0.0.1", "localhost")
EXAMPLES = """\b
Examples:
  kosmo mcp:serve
  kosmo mcp:serve --demo --timeout 60
  kosmo mcp:serve --http 127.0.0.1:8722 --account production

\b
For an agent's configuration:
  kosmo mcp:serve --account production --print-config
"""


def _read_address(text: str) -> float:
    """Return the port of an address of this machine, or no number."""
    host, _, port = text.rpartition(":")
    return int(port) if host in HOSTS and port.isascii() and port.isdecimal() else math.nan


ADDRESS = Number(
    f"{HOSTS[0]}:PORT, because only this machine is served", maximum=65535, is_whole=True, read=_read_address
)


@click.command("mcp:serve", cls=Command, epilog=EXAMPLES)
@click.option(
    "--http",
    "port",
    type=ValueType(ADDRESS),
    metavar="HOST:PORT",
    help=f"Serve on this port of this machine, {HOSTS[0]}:8722; 0 chooses a free one.",
)
@account_options("The account for calls that name no account.")
@from_option
@click.option(
    "--archive",
    "archives",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Let Lua read this archive: heroku.from_archive(FILE). May be repeated.",
)
@limit_options
@setting_option(MAX_TOKENS, default=None)
@setting_option(ANSWER_WITHIN, default=None)
@click.option("--allow-mcp", is_flag=True, help="Let Lua, and so the agent, use your other MCP servers (app.mcp).")
@click.option(
    PRINT_CONFIG, is_flag=True, help="Print the entry for the configuration of a client instead, with these options."
)
def serve(
    *,
    port: int | None,
    account: str | None,
    archive: str | None,
    archives: tuple[str, ...],
    allow_mcp: bool,
    print_config: bool,
    max_tokens: int | None,
    answer_within: float | None,
    **limits: Any,
) -> int:
    """Serve Heroku and Lua to agents, over MCP.

    An agent starts this server and communicates with it over standard input and output. The server offers sandboxed Lua
    (lua_run) and the reference (lua_search_docs, lua_read_doc). Answers have at most 2,000 tokens unless the agent asks
    for another bound. Calls can name an account, and can lower the limits of Lua that are set here. The server cannot
    ask you, so tools of MCP servers that may change something are refused.

    With --from, an archive answers in place of the account: nothing is asked, and no token is needed. With --archive,
    Lua can read an archive beside the account. No other file is read.

    With --http, the first line of output is KOSMO_MCP_URL=…, and the second is KOSMO_MCP_TOKEN=…, which clients send as
    `Authorization: Bearer …`. The token is new each time unless KOSMO_MCP_TOKEN is set. Only clients on this machine
    can connect.

    Ctrl-C ends the server with exit code 130.
    """
    from kosmo_kernel.mcp_server import CallHandler, over_http, over_stdio

    make_handler = partial(
        CallHandler,
        account,
        limits,
        archive=archive,
        archives=archives,
        allow_mcp=allow_mcp,
        max_tokens=max_tokens,
        answer_within=answer_within,
    )
    if print_config:
        if port is not None:
            raise click.UsageError(
                "--print-config is about a server that the agent starts itself. Give it without --http."
            )
        document({"mcpServers": {NAME: _entry(click.get_current_context())}})
        return SUCCESS
    if port is None:
        if input_is_terminal():
            print_note("Speaking MCP on standard input and output, which is for an agent to start. Ctrl-C ends it.")
        over_stdio(make_handler)
    else:
        over_http(make_handler, port, _ready)
    return SUCCESS


def _entry(context: click.Context) -> dict[str, Any]:
    """Return the entry that starts this server from any folder, also without the user's `PATH`, with these options."""
    args: list[str] = []
    for option in context.command.params:
        name = max(option.opts, key=len)
        is_typed = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and is_typed and name != PRINT_CONFIG:
            value = context.params[option.name or ""]
            values = value if option.multiple else [value]
            args += [name] if option.is_flag else [text for item in values for text in (name, str(item))]
    program = shutil.which(sys.argv[0])
    if program and os.path.basename(program) == NAME:
        command = [str(Path(program).absolute())]
    else:
        command = [sys.executable, "-P", "-m", "kosmo_kernel"]  # -P: the folder may have something of that name
    return {"command": command[0], "args": [*command[1:], "mcp:serve", *args]}


def _ready(url: str, token: str | None) -> None:
    """Print the address of the server and its token."""
    print_result(f"KOSMO_MCP_URL={url}" + (f"\nKOSMO_MCP_TOKEN={token}" if token else ""))
    print_note("Serving MCP to this machine. Ctrl-C ends it.")
