"""Start child processes that can do nothing but compute: the one that runs Lua, and the one that reads foreign text.

process.py    a child with pipes and nothing else, its limits of memory and running time, and its end
lockdown.py   what the child gives up before its first request, for good: system calls, or Apple's sandbox on macOS
wire.py       the frames that the two processes exchange
"""

MACOS_SANDBOX = "KOSMO_MACOS_SANDBOX"  # the environment variable that turns Apple's sandbox on
