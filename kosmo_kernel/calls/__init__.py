"""From a name and arguments to an answer, without Lua: checked, planned or made, counted and kept.

options.py            the options of a run, the callbacks of a user interface, output, displays and notes
call_tracker.py       checks, begins, awaits and logs the calls of one run
provider.py           the interface of what makes calls, and a call with checked arguments; MCP servers
services.py           the calls of services' functions, the clients of accounts, and the store of answers
shared_services.py    services that several sessions use side by side
deletions.py          items that were deleted while a run went on
corrected_calls.py    the call that was probably meant, for the advice of an error
recording.py          whether a session records, is answered by an archive, or neither
interruptible.py      lets an interrupt stop the processing of values

`CallTracker.call` makes one call and waits: Python, `kosmo call` and the form use it. A script of Lua begins calls with
`prepare` and collects what has come with `answers`, so that several are under way. Both end with `end`.
"""
