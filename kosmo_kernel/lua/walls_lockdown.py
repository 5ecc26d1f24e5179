"""How the Lua process walls itself in, once it has all that it needs and before it reads its first request.

Nothing here can be undone by the process itself. A wall that the platform does not have, or that the surroundings
forbid, is told to the parent with the reason; the process runs all the same, and the parent decides.
"""

from __future__ import annotations

import errno
import os
import struct
import sys

from kosmo_kernel.lua.walls_filter import program

# As the `typing` module has it, without its import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

HARMLESS = {"TZ", "LC_CTYPE"}  # the time zone we set ourselves, the other Python does at its start
NO_NEW_PRIVILEGES, SET_FILTER, BY_PROGRAM = 38, 22, 2  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER
SIGKILL = 9  # the number is the same everywhere, and the `signal` module is not needed for it


def lock_down(lifeline: int) -> dict[str, str]:
    """Build every wall that there is.

    Parameters:
        lifeline: a pipe's writing end; only the parent has the reading end, and reads nothing while this process lives.

    Returns:
        Each wall's name, and why it does not stand: empty when it does.
    """
    # The order matters: after `files` nothing can be imported, after `system_calls` nothing at all can be set.
    walls = {
        "environment": _tried(_have_no_environment),
        "lifeline": _tried(lambda: _hang_on(lifeline)),
        "privileges": _tried(_gain_no_privileges),
        "processes": _tried(_start_no_processes),
        "files": _tried(_open_no_files),
    }
    walls["system_calls"] = walls["privileges"] or _tried(_keep_few_calls)
    if not walls["system_calls"]:
        walls["processes"] = ""  # the filter holds for root as well
    return walls


def report(walls: dict[str, str]) -> bytes:
    """What `lock_down` returned, as lines for the parent."""
    return "".join(f"{name}\t{why}\n" for name, why in walls.items()).encode(errors="replace")


class _MissingError(Exception):
    """There is no such wall here."""


def _tried(build: Callable[[], object]) -> str:
    try:
        build()
    except (_MissingError, ImportError, AttributeError, OSError, ValueError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _have_no_environment() -> None:
    if names := set(os.environ) - HARMLESS:
        raise _MissingError(f"{len(names)} variables were inherited")


def _hang_on(lifeline: int) -> None:
    """Have the kernel kill this process at the moment in which the last reader of the pipe is gone.

    That works in the midst of one long step, and unlike the parent-death signal it does not take the end of the
    thread that started this process for the end of the parent.
    """
    if sys.platform != "linux":
        raise _MissingError("only Linux can end it in the midst of one long step")
    import fcntl

    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _gain_no_privileges() -> None:
    if sys.platform != "linux":
        raise _MissingError("only Linux has it")
    _prctl(NO_NEW_PRIVILEGES, 1)


def _start_no_processes() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if os.geteuid() == 0:
        raise _MissingError("the system's limit does not hold for root")


def _open_no_files() -> None:
    import resource

    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        resource.setrlimit(limit, (0, 0))
    if _opening_fails_with() is None:
        raise _MissingError("the system ignores the limit of open files")


def _keep_few_calls() -> None:
    machine = os.uname().machine
    steps = program(machine) if sys.maxsize > 1 << 32 else None
    if steps is None:
        raise _MissingError(f"there is no filter for {machine}")
    import ctypes

    held = ctypes.create_string_buffer(steps, len(steps))
    described = ctypes.create_string_buffer(struct.pack("HP", len(steps) // 8, ctypes.addressof(held)))  # sock_fprog
    _prctl(SET_FILTER, BY_PROGRAM, ctypes.addressof(described))
    if _opening_fails_with() != errno.EPERM:
        raise _MissingError("the system took the filter and ignores it")


def _opening_fails_with() -> int | None:
    """The error that opening a file meets."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno
    return None


def _prctl(*words: int) -> None:
    """Linux's prctl(2), which takes five words."""
    import ctypes

    call = ctypes.CDLL(None, use_errno=True).prctl
    if call(*map(ctypes.c_ulong, words), *[ctypes.c_ulong(0)] * (5 - len(words))) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
