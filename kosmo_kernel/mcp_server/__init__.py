"""An MCP server that offers the catalogue's functions, sandboxed Lua and the reference to agents.

    tools.py         the tools and pages that it offers, computed from the catalogue
    schemas.py       the JSON Schema of a function's result
    sessions.py      the Lua sessions, each for one call at a time
    call_handler.py  validation, execution and cancellation of a call
    sdk.py           the protocol; the only module here that imports the SDK
    serving.py       the transports: standard streams, or a local port with a token

Each call of `lua_run` gets a fresh Lua state, so that calls do not depend on each other; with a `session` name, the
state is kept for the next call with that name. There is no user to answer a permission question, so such a call fails
with an error that says how to allow it. Scripts can use the user's other MCP servers only if the user allowed that at
the start.
"""

from __future__ import annotations

from kosmo_kernel.mcp_server.call_handler import ServerOptions as ServerOptions
from kosmo_kernel.mcp_server.serving import over_http as over_http
from kosmo_kernel.mcp_server.serving import over_stdio as over_stdio
