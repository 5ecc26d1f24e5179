"""One run of a script: its calls, output, displays and notes.

lua_run.py            the parts that handle the requests of the script: the `Host` of the Lua machine
options.py            the options of a run, and the callbacks of a user interface
call_tracker.py       checks, begins, awaits and logs the script's calls
provider.py           the interface of what makes calls
services.py           the calls of services' functions, and the clients of accounts
mcp_tools.py          the calls of MCP servers' tools
output.py             output, displays and notes, sanitized and limited
lookups.py            the reference, accounts, MCP servers, and values of earlier cells
mcp_servers.py        the MCP servers of a session; mcp_recorder.py records them, mcp_player.py replays them
recording.py          whether a session records, replays or does neither
permission_gate.py    checks permissions, and asks the user for confirmation
chunks.py             the source text of recent chunks
kept_values.py        the values of earlier cells, which Lua has as `Out`
lint.py               warnings about a script's source
wall_checks.py        refuses to run where a wall of the sandbox is missing, or says so
"""

from __future__ import annotations

from kosmo_kernel.run.call_tracker import CallTracker as CallTracker
from kosmo_kernel.run.kept_values import KeptValues as KeptValues
from kosmo_kernel.run.lua_run import LuaRun as LuaRun
from kosmo_kernel.run.mcp_servers import NOT_ALLOWED as NOT_ALLOWED
from kosmo_kernel.run.mcp_servers import SessionServers as SessionServers
from kosmo_kernel.run.output import MAX_OUTPUT_BYTES as MAX_OUTPUT_BYTES
from kosmo_kernel.run.output import MAX_OUTPUT_LINES as MAX_OUTPUT_LINES
from kosmo_kernel.run.permission_gate import PermissionGate as PermissionGate
