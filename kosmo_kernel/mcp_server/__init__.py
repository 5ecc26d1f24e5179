"""Our own MCP server: the catalogue's functions, walled Lua and the reference, for agents.

    tools.py     what it offers, computed from the catalogue: tools and the reference as resources
    schemas.py    the JSON Schema of what a function answers
    sessions.py   the sessions that answer, each for one call at a time
    call_handler.py       a call: checked, made in a thread of its own, and stopped when nobody waits any more
    sdk.py        the protocol, the only file here that imports the SDK
    serving.py    over standard streams, and over a port of this machine with a token

A call of `lua_run` finds Lua as nobody has used it, so that no call depends on another one; a `session` that it names
is kept for the next that names it. Nobody can be asked here, so what the permissions ask about is an error that says
how to allow it. Scripts reach the user's other MCP servers only where the user said so when this one was started.
"""

from __future__ import annotations

from kosmo_kernel.mcp_server.call_handler import ServerOptions as ServerOptions
from kosmo_kernel.mcp_server.serving import over_http as over_http
from kosmo_kernel.mcp_server.serving import over_stdio as over_stdio
