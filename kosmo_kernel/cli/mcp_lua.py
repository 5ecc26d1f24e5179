"""`kosmo mcp:lua`: run Lua that calls MCP servers, and no integration.

The command is `integrations:lua` without integrations, accounts and `--repl`: it looks for no token.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kosmo_kernel.cli.lua import LuaCommand, run_lua
from kosmo_kernel.cli.lua import lua as integrations_lua
from kosmo_kernel.session import Session

MISSING = ("account", "demo", "repl")  # the options of `integrations:lua` that this command lacks
EXAMPLES = """\b
Examples:
  kosmo mcp:lua -e 'return mcp.servers()'
  kosmo mcp:lua -e 'return app.mcp.time.get_current_time({ timezone = "Etc/UTC" })' --json
  kosmo mcp:lua triage.lua --dry-run -- my-project
"""


def _run(**options: Any) -> int:
    return run_lua(partial(Session, services=False), repl=False, **options)


lua = LuaCommand(
    "mcp:lua",
    callback=_run,
    params=[param for param in integrations_lua.params if param.name not in MISSING],
    help="Run a Lua script that calls MCP servers.\n\nFILE is a Lua file; - is standard input. `app.mcp.SERVER.TOOL` "
    "calls a tool. The first call starts the server, which ends with the script.\n\nThe script cannot call Heroku, and "
    "the command uses no account and no token: `kosmo integrations:lua` calls both. The other options work as there.",
    epilog=EXAMPLES,
)
