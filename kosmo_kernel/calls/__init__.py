"""Making the calls that a script asks for, in threads that a session keeps.

caller.py    checks a call, has a thread make it, and keeps the clients
fan_out.py   one call for every item of a list, by several threads
pool.py      the threads
"""

from __future__ import annotations

from kosmo_kernel.calls.caller import Asker as Asker
from kosmo_kernel.calls.caller import CallAnswer as CallAnswer
from kosmo_kernel.calls.caller import Caller as Caller
from kosmo_kernel.calls.caller import Order as Order
from kosmo_kernel.calls.caller import empty as empty
