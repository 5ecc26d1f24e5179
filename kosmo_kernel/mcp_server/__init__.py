"""An MCP server that offers the catalogue's functions, sandboxed Lua and the reference to agents.

    tools.py         what it offers: three tools, and the check of their arguments
    answers.py       the text of an answer, within a number of tokens, also of the search tool
    sessions.py      the Lua sessions, one for each client, and the calls in progress
    call_handler.py  validation and execution of a call
    sdk.py           the protocol; the only module that imports the SDK
    serving.py       the transports: standard streams, or a local port with a token

Lua's variables and the values in `Out` live as long as the client's session: the process with standard streams, the
session id with HTTP. The protocol from 2026 on has no session ids over HTTP, so there an earlier version is used. There
is no user to agree to a tool that may change something, so its call fails. Scripts can use the user's other MCP
servers only if the user allowed that at the start.
"""

from __future__ import annotations

from kosmo_kernel.mcp_server.call_handler import CallHandler as CallHandler
from kosmo_kernel.mcp_server.serving import over_http as over_http
from kosmo_kernel.mcp_server.serving import over_stdio as over_stdio
