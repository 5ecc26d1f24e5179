"""The MCP client: configuration, trust, connections and tool calls.

    config.py           the configured servers: `configuration()`, `Configuration`, `files`, `user_file`, `project_root`
    clients.py          the files of other programs that use MCP servers: `CLIENTS`
    entries.py          a server's entry in a settings file: `Server`
    references.py       resolution of `${NAME}`, `${secret:NAME}` … in an entry: `fill_in`
    secrets.py          storage of secrets: `read`, `keep`, `keeping`, `drop`
    secret_scan.py      detection and redaction of plaintext secrets in an entry
    trust.py            the user's approval of a project's servers: `Trust`; what they approve: `consent_lines`
    servers.py          requests to servers from any thread: `Servers`
    tools.py            the tools of a server: `Tool`
    names.py            the Lua names of servers and tools
    arguments.py        validation of a tool's arguments: `checked`; and of its result: `result_faults`
    schema_check.py     a check against a schema, here or in the reader (`schema_tasks.py`)
    schema_validator.py the validator for schemas of servers, which limits what a check may cost
    answers.py          a tool's result as a value: `value_of`; its images and documents: `displays_of`
    pages.py            reference pages for servers and tools
    connection.py       the connection to a running server
    loop.py             the event loop of all connections, in a background thread
    child.py            the child process of a stdio server
    reaper.py           a program that kills child processes if this process dies
    streams.py          the messages of a child process
    sdk.py              the protocol; the only module here that imports the SDK
    errors.py           failures of a connection, and the errors that users see for them

A call is `servers.tool(server, name)`, `checked(tool, arguments)`, `servers.call(tool, arguments)` and `value_of(tool,
answer)`. A session's `Servers` are `session.servers.get()`. Only requests through `Servers` start a server; they raise
`UntrustedError` first if the user has not approved it. Reading the configuration, its trust and `Servers.known` start
none.
"""

from __future__ import annotations

from kosmo_kernel.mcp.config import Configuration as Configuration
from kosmo_kernel.mcp.config import configuration as configuration
from kosmo_kernel.mcp.connection import CallListener as CallListener
from kosmo_kernel.mcp.entries import Server as Server
from kosmo_kernel.mcp.servers import Servers as Servers
from kosmo_kernel.mcp.tools import Tool as Tool
from kosmo_kernel.mcp.trust import Trust as Trust
