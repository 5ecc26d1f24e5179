"""MCP servers: which are configured, which are trusted, and what they answer.

    config.py      which are configured: `configuration()`, `Configuration`, `files`, `user_file`, `project_root`
    entries.py     one of them as a file describes it: `Server`
    jsonc.py       JSON with comments
    references.py  filling in what an entry refers to: `${NAME}`, `${secret:NAME}` …
    secrets.py     the secrets among those: `read`, `keep`, `keeping`, `drop`
    secret_scan.py  secrets that stand in an entry in the clear, and the entry without them
    trust.py       whether the user agreed to one that a project brings: `Trust`, and `shown`, what they agree to
    servers.py     asking them, from any thread: `Servers`
    tools.py       what they offer: `Tool`, and `names.py`, what that is called in Lua
    arguments.py   checking what a tool is called with: `checked`; the patterns of its schema by `schema_patterns.py`
    answers.py     what it answered as a value: `value_of`, and `shown`, what of it is to be looked at
    pages.py       what is known of a server or a tool as a page of the reference
    connection.py     one that runs, in the event loop of `loop.py`
    child.py       one that is a program; `reaper.py` ends it when we cannot, `streams.py` has its messages
    sdk.py         the protocol, the only file that imports the SDK; `errors.py` and `outcomes.py` are its errors

A call is `servers.tool(server, name)`, `checked(tool, arguments)`, `servers.call(tool, arguments)` and `value_of(tool,
answer)`; a session's own `Servers` are `session.servers.get()`. `Servers.tool` and whatever else asks a server raises
`UntrustedError` before it starts one that the user has not agreed to.

What doors and the session use is what is imported here. Nothing starts a server but asking it something through
`Servers`; reading the configuration, its trust and `Servers.known` never do.
"""

from __future__ import annotations

from kosmo_kernel.mcp.config import Configuration as Configuration
from kosmo_kernel.mcp.config import configuration as configuration
from kosmo_kernel.mcp.connection import CallListener as CallListener
from kosmo_kernel.mcp.entries import Server as Server
from kosmo_kernel.mcp.servers import Servers as Servers
from kosmo_kernel.mcp.tools import Tool as Tool
from kosmo_kernel.mcp.trust import Trust as Trust
