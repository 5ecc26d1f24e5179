"""One run of a script: its calls, output, displays and notes.

lua_run.py            the parts that handle the requests of the script, the `Host` of the Lua machine; texts of chunks
lua_state.py          the Lua state of a session, and what an editor asks about it
options.py            the options of a run, the callbacks of a user interface, output, displays and notes
call_tracker.py       checks, begins, awaits and logs the script's calls, as far as the user allows
provider.py           the interface of what makes calls, and the MCP servers of a session
services.py           the calls of services' functions, and the clients of accounts
shared_services.py    services that several sessions use side by side
mcp_tools.py          the calls of MCP servers' tools
consent.py            a call of an MCP server's tool, and the user's consent to it
lookups.py            the reference, accounts, MCP servers, and values of earlier cells, which Lua has as `Out`
recording.py          whether a session records, replays or does neither
lint.py               warnings about a script's source
"""
