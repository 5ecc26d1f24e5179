"""The MCP client: configuration, trust, connections and tool calls.

    config.py       the configured servers: `configuration()`, `Server`
    variables.py    resolution of `${NAME}` in an entry: `fill_in`
    trust.py        the user's approval of a project's servers: `Trust`; what they approve: `consent_lines`
    servers.py      requests to servers from any thread: `Servers`
    tools.py        the tools of a server: `Tool`; the Lua names of servers and tools
    calls.py        the arguments of a call: `arguments_by_name`; its result as a value: `result_value`, `displays_of`
    connection.py   the connection to a running server, and the errors that users see for its failures
    child.py        the child process of a stdio server, and its messages; the program that kills it if we die
    sdk.py          the protocol; the only module here that imports the SDK

A call is `servers.tool(server, name)`, `arguments_by_name(tool, …)`, `servers.begin_call(tool, arguments)` and
`result_value(tool, arguments, answer)`. A session's `Servers` are `session.servers.get()`. Only requests through
`Servers` start a server; they raise `UntrustedError` first if the user has not approved it. Reading the configuration,
its trust and `Servers.known` start none.
"""

from __future__ import annotations

from kosmo_kernel.mcp.config import Configuration as Configuration
from kosmo_kernel.mcp.config import Server as Server
from kosmo_kernel.mcp.config import configuration as configuration
from kosmo_kernel.mcp.servers import Servers as Servers
from kosmo_kernel.mcp.tools import Tool as Tool
from kosmo_kernel.mcp.trust import Trust as Trust
