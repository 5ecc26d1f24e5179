"""Restrict a walled process from inside, after it has loaded all that it needs and before its first request.

The process cannot undo any of this. If the platform lacks a wall or the environment forbids it, the process reports the
reason to the parent and goes on; the parent decides whether it may run.
"""

from __future__ import annotations

import errno
import os
import struct
import sys

from kosmo_kernel.walls.filter import program

# Defined here because importing `typing` would slow the start of this process.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

HARMLESS = {"TZ", "LC_CTYPE"}  # set by `worker.main` and by Python itself
NO_NEW_PRIVILEGES, SET_FILTER, BY_PROGRAM = 38, 22, 2  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER
# Why Apple's sandbox is not used, empty if it is; the parent sets it on macOS. None on other systems.
no_macos_sandbox: str | None = None
SIGKILL = 9  # the same number on all systems, so that `signal` need not be imported


def take_pipes() -> tuple[int, int]:
    """Return descriptors of the requests and the replies, away from the standard streams.

    So prints by accident cannot corrupt the frames. A Ctrl-C in the terminal is ignored, because the parent handles it.
    """
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    return requests, replies


def lock_down(lifeline: int) -> dict[str, str]:
    """Set up every wall that this platform supports.

    Parameters:
        lifeline: the writing end of a pipe. Only the parent has the reading end, and does not read while this process
            runs.

    Returns:
        Each wall's name, and why it is missing: empty when it is in place.
    """
    # The order matters: after `files` no module can be imported, and after `system_calls` no limit can be set.
    sandboxed = _macos_sandbox() if no_macos_sandbox is not None else {}
    walls = {
        "environment": _tried(_have_no_environment),
        "lifeline": _tried(lambda: _hang_on(lifeline)),
        "privileges": _tried(_gain_no_privileges),
        "processes": _tried(_start_no_processes),
        "files": _tried(_open_no_files),
    }
    if sandboxed:
        return walls | sandboxed
    walls["system_calls"] = walls["privileges"] or _tried(_keep_few_calls)
    if not walls["system_calls"]:
        walls["processes"] = ""  # the filter holds for root as well
    return walls


def _macos_sandbox() -> dict[str, str]:
    """Enter Apple's sandbox unless there is a reason not to, and return the walls that it decides about.

    It comes first, because it loads a library. It denies files, sockets and programs, for root as well, so no privilege
    can be gained by starting one. It does not say which system calls remain.
    """
    from kosmo_kernel.walls.macos import enter

    why_not = no_macos_sandbox or _tried(enter)
    walls = {"privileges": why_not, "system_calls": "macOS has no filter of system calls"}
    return walls if why_not else walls | {"processes": "", "files": ""}


def report(walls: dict[str, str]) -> bytes:
    """Return the result of `lock_down` as lines for the parent."""
    return "".join(f"{name}\t{why}\n" for name, why in walls.items()).encode(errors="replace")


class _MissingError(Exception):
    """A wall cannot be set up on this machine."""


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
    """Make the kernel kill this process as soon as the last reader of the pipe has closed it.

    This works even during one long step in C. The parent-death signal would also fire when only the thread that started
    this process ends.
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

    buffer = ctypes.create_string_buffer(steps, len(steps))
    sock_fprog = ctypes.create_string_buffer(struct.pack("HP", len(steps) // 8, ctypes.addressof(buffer)))
    _prctl(SET_FILTER, BY_PROGRAM, ctypes.addressof(sock_fprog))
    if _opening_fails_with() != errno.EPERM:
        raise _MissingError("the system took the filter and ignores it")


def _opening_fails_with() -> int | None:
    """Return the error number with which opening a file fails, or None if it succeeds."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno
    return None


def _prctl(*arguments: int) -> None:
    """Call Linux's prctl(2), which takes five arguments."""
    import ctypes

    call = ctypes.CDLL(None, use_errno=True).prctl
    if call(*map(ctypes.c_ulong, arguments), *[ctypes.c_ulong(0)] * (5 - len(arguments))) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
