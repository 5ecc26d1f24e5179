"""Ends the servers of a process that ended without doing so itself: a program of its own, that waits for just that.

It reads lines from its standard input, `+N` for a process group to end and `-N` for one that has ended. The end of its
input is the end of whoever started it, however that came about; then it kills the groups that are left, and ends.

It runs without site-packages and imports nothing of ours, so that it costs little and starts at once.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Wait, and clean up."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)  # what ends a whole terminal ends our parent, and then it is our turn
    groups: set[int] = set()
    for line in sys.stdin:
        sign, number = line[:1], line[1:].strip()
        if number.isdecimal() and int(number) > 1:
            (groups.add if sign == "+" else groups.discard)(int(number))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:  # it has ended since
            continue


if __name__ == "__main__":
    main()
