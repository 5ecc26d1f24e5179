"""One run of a script, as its script sees it.

run.py       what the script asks and says, answered and noted: the machine's `Host`
asking.py    its calls: checked, begun, waited for and logged
tools.py     those of MCP servers' tools
servers.py   the servers of a session; recorded.py, replayed.py: with a cassette
kept_values.py  the values of earlier cells, which Lua has as `Out`
leave.py     whether a call is allowed, and who is asked about it
telling.py   when somebody is told how far they are
single.py    one call without a script
"""

from __future__ import annotations

from kosmo_kernel.run.asking import Asking as Asking
from kosmo_kernel.run.kept_values import KeptValues as KeptValues
from kosmo_kernel.run.leave import Leave as Leave
from kosmo_kernel.run.run import OUTPUT_LINES as OUTPUT_LINES
from kosmo_kernel.run.run import OUTPUT_MOST as OUTPUT_MOST
from kosmo_kernel.run.run import Run as Run
from kosmo_kernel.run.servers import NOT_ALLOWED as NOT_ALLOWED
from kosmo_kernel.run.servers import SessionServers as SessionServers
