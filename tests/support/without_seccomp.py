"""Run a command where processes may not filter their own system calls, as in a container whose profile forbids it.

Used as `python without_seccomp.py COMMAND…`. The command and all that it starts get "operation not permitted" for
seccomp(2), and for the request of prctl(2) that is the same.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import NamedTuple

NO_NEW_PRIVILEGES, SECCOMP, BY_PROGRAM = 38, 22, 2  # of <linux/prctl.h> and <linux/seccomp.h>
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of <linux/bpf_common.h>
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EPERM
NUMBER_AT, FIRST_ARGUMENT_AT = 0, 16  # in `struct seccomp_data`, on a machine that is little-endian


class Calls(NamedTuple):
    """The numbers of two system calls."""

    prctl: int
    seccomp: int


CALLS = {"x86_64": Calls(157, 317), "aarch64": Calls(167, 277)}


def forbid_filters() -> None:
    """Forbid this process, and all that it starts, to filter system calls."""
    calls = CALLS[platform.machine()]
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (LOAD, 0, 0, NUMBER_AT),
            (IF_EQUAL, 4, 0, calls.seccomp),
            (IF_EQUAL, 0, 2, calls.prctl),
            (LOAD, 0, 0, FIRST_ARGUMENT_AT),
            (IF_EQUAL, 1, 0, SECCOMP),
            (RETURN, 0, 0, ALLOW),
            (RETURN, 0, 0, FAIL),
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SECCOMP, BY_PROGRAM, header, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    forbid_filters()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command is a test's own
