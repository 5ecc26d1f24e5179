"""`kosmo mcp:lua`: run Lua that calls MCP servers. The command is `integrations:lua` without `--repl`."""

from __future__ import annotations

from typing import Any

import click

from kosmo_kernel.cli.lua import LuaCommand
from kosmo_kernel.cli.lua import lua as integrations_lua

LINES = "repl"  # the option of `integrations:lua` that this command lacks
EXAMPLES = """\b
Examples:
  kosmo mcp:lua -e 'return mcp.servers()'
  kosmo mcp:lua -e 'return app.mcp.time.get_current_time({ timezone = "Etc/UTC" })' --json
  kosmo mcp:lua triage.lua --dry-run -- my-project
"""


def _run(**options: Any) -> Any:
    return click.get_current_context().invoke(integrations_lua, **options, **{LINES: False})


lua = LuaCommand(
    "mcp:lua",
    callback=_run,
    params=[param for param in integrations_lua.params if param.name != LINES],
    help="Run a Lua script that calls MCP servers.\n\nFILE is a Lua file; - is standard input. `app.mcp.SERVER.TOOL` "
    "calls a tool. The first call starts the server, which ends with the script. All options work as in `kosmo "
    "integrations:lua`.",
    epilog=EXAMPLES,
)
