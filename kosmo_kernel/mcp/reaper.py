"""A separate program that kills the MCP servers of a parent process that died without stopping them.

It reads lines from its standard input: `+N` adds a process group to kill, `-N` removes one that has ended. The input
ends when the parent process ends, for whatever reason; then the program kills the remaining groups and exits.

It runs without site-packages and imports nothing from `kosmo_kernel`, so that it starts quickly and uses little memory.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Read process groups until the input ends, then kill the remaining ones."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a signal to the whole terminal must not stop us before the parent
    groups: set[int] = set()
    for line in sys.stdin:
        sign, digits = line[:1], line[1:].strip()
        if digits.isdecimal() and int(digits) > 1:
            (groups.add if sign == "+" else groups.discard)(int(digits))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:  # the group has ended meanwhile
            continue


if __name__ == "__main__":
    main()
