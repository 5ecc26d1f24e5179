"""One run of a script, as its script sees it.

lua_run.py       what the script asks and says, answered and noted: the machine's `Host`
call_tracker.py    its calls: checked, begun, waited for and logged
mcp_tools.py     those of MCP servers' tools
mcp_servers.py   the servers of a session; mcp_recorder.py, mcp_player.py: with a cassette
kept_values.py  the values of earlier cells, which Lua has as `Out`
permission_gate.py     whether a call is allowed, and who is asked about it
progress_throttle.py   when somebody is told how far they are
"""

from __future__ import annotations

from kosmo_kernel.run.call_tracker import SERVERS as SERVERS
from kosmo_kernel.run.call_tracker import CallTracker as CallTracker
from kosmo_kernel.run.kept_values import KeptValues as KeptValues
from kosmo_kernel.run.lua_run import MAX_OUTPUT_BYTES as MAX_OUTPUT_BYTES
from kosmo_kernel.run.lua_run import MAX_OUTPUT_LINES as MAX_OUTPUT_LINES
from kosmo_kernel.run.lua_run import LuaRun as LuaRun
from kosmo_kernel.run.mcp_servers import NOT_ALLOWED as NOT_ALLOWED
from kosmo_kernel.run.mcp_servers import SessionServers as SessionServers
from kosmo_kernel.run.permission_gate import PermissionGate as PermissionGate
