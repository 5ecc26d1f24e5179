"""Start child processes that can do nothing but compute: the one that runs Lua, and the one that reads foreign text.

process.py    a child with pipes and nothing else, and its end
lockdown.py   what the child gives up before its first request, for good
filter.py     the system calls that remain, on Linux
macos.py      Apple's sandbox, on macOS
limits.py     memory and running time, which only the parent can limit
wire.py       the frames that the two processes exchange
"""
