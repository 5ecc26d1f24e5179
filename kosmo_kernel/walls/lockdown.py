"""Restrict a walled process from inside, after it has loaded all that it needs and before its first request.

The process cannot undo any of this. If the platform lacks a wall or the environment forbids it, the process reports the
reason to the parent and goes on; the parent decides whether it may run.
"""

from __future__ import annotations

import errno
import os
import struct
import sys

from kosmo_kernel.walls import MACOS_SANDBOX

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
        "environment": try_wall(_have_no_environment),
        "lifeline": try_wall(lambda: _hang_on(lifeline)),
        "privileges": try_wall(_gain_no_privileges),
        "processes": try_wall(_start_no_processes),
        "files": try_wall(_open_no_files),
    }
    if sandboxed:
        return walls | sandboxed
    walls["system_calls"] = walls["privileges"] or try_wall(_keep_few_calls)
    if not walls["system_calls"]:
        walls["processes"] = ""  # the filter holds for root as well
    return walls


def _macos_sandbox() -> dict[str, str]:
    """Enter Apple's sandbox unless there is a reason not to, and return the walls that it decides about.

    It comes first, because it loads a library. It denies files, sockets and programs, for root as well, so no privilege
    can be gained by starting one. It does not say which system calls remain.
    """
    why_not = no_macos_sandbox or try_wall(enter_macos_sandbox)
    walls = {"privileges": why_not, "system_calls": "macOS has no filter of system calls"}
    return walls if why_not else walls | {"processes": "", "files": ""}


def report(walls: dict[str, str]) -> bytes:
    """Return the result of `lock_down` as lines for the parent."""
    return "".join(f"{name}\t{reason}\n" for name, reason in walls.items()).encode(errors="replace")


class _MissingError(Exception):
    """A wall cannot be set up on this machine."""


def try_wall(build: Callable[[], object]) -> str:
    """Build a wall, and return why it does not stand; empty if it does."""
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


# The filter of system calls ------------------------------------------------------------------------
#
# The kernel runs the program (classic BPF, a list of eight-byte instructions) at each system call, and the process
# cannot remove it. It allows what the main loop needs: its pipes, memory, the clock, its own end. Calls that only
# malicious code would make kill the process, so that it has one attempt and its parent sees it. All others fail with
# EPERM.
#
# The numbers come from `asm/unistd_64.h` (x86-64) and `asm-generic/unistd.h` (arm64), the instructions and the layout
# of `struct seccomp_data` from `linux/bpf_common.h` and `linux/seccomp.h`.

LOAD, AND, RETURN = 0x20, 0x54, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_ALU|BPF_AND|BPF_K, BPF_RET|BPF_K
EQUAL, AT_LEAST = 0x15, 0x35  # BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # SECCOMP_RET_ALLOW, _ERRNO | EPERM, _KILL_PROCESS
X32 = 0x40000000  # numbers from here on belong to the x32 ABI of x86-64, which has a table of its own

# Names of `uname -m`, and the kernel's constant for each (`AUDIT_ARCH_…` in linux/audit.h).
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Most frequent first: the clock is read every thousand instructions of Lua.
ALLOWED = {
    "x86_64": {
        "clock_gettime": 228, "read": 0, "write": 1, "getppid": 110,
        "brk": 12, "mremap": 25, "munmap": 11, "madvise": 28,
        "rt_sigreturn": 15, "getrandom": 318, "exit_group": 231,
    },
    "aarch64": {
        "clock_gettime": 113, "read": 63, "write": 64, "getppid": 173,
        "brk": 214, "mremap": 216, "munmap": 215, "madvise": 233,
        "rt_sigreturn": 139, "getrandom": 278, "exit_group": 94,
    },
}  # fmt: skip

# Allowed when `argument & mask == value` for each (argument, mask, value); otherwise they kill the process.
# Memory may not be executable (PROT_EXEC, 4) or mapped from a file (MAP_ANONYMOUS, 0x20, must be set).
CONDITIONAL = {
    "x86_64": {"mmap": (9, ((2, 4, 0), (3, 0x20, 0x20))), "mprotect": (10, ((2, 4, 0),))},
    "aarch64": {"mmap": (222, ((2, 4, 0), (3, 0x20, 0x20))), "mprotect": (226, ((2, 4, 0),))},
}

FATAL = {
    "x86_64": {
        "execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "clone": 56, "clone3": 435,
        "socket": 41, "kill": 62, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
        "bpf": 321, "io_uring_setup": 425,
    },
    "aarch64": {
        "execve": 221, "execveat": 281, "clone": 220, "clone3": 435,
        "socket": 198, "kill": 129, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
        "bpf": 280, "io_uring_setup": 425,
    },
}  # fmt: skip


def program(machine: str) -> bytes | None:
    """Return the filter program for a machine named as in `os.uname().machine`, or None if there is none."""
    if machine not in ARCHITECTURES:
        return None
    # An instruction is its code, the steps to skip if its test is true, the steps to skip if not, and a constant.
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        steps += [(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, KILL)]
    for number in ALLOWED[machine].values():
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    for number, conditions in CONDITIONAL[machine].values():
        tests = []
        for index, (argument, mask, value) in enumerate(conditions):
            later = len(conditions) - index - 1  # tests after this one, of three steps each; then come ALLOW and KILL
            tests += [(LOAD, 0, 0, ARGUMENTS + 8 * argument), (AND, 0, 0, mask), (EQUAL, 0, 3 * later + 1, value)]
        steps += [(EQUAL, 0, len(tests) + 2, number), *tests, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL)]
    for number in FATAL[machine].values():
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, KILL)]
    steps.append((RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


# Apple's sandbox ---------------------------------------------------------------------------------
#
# `sandbox_init` of libSystem takes a profile that denies all but what the process needs for its pipes, memory and the
# clock; Chromium builds the same wall in the same way (`sandbox/mac/seatbelt.cc`). Apple calls the function deprecated
# and keeps it. So it is tried in a throw-away process first, where it has to refuse a file, a socket and a process. If
# that process dies, hangs or gets one of them, the wall is left out, and the doctor says why. It is off unless the
# environment variable `MACOS_SANDBOX` is 1.

SYSTEM_LIBRARY = "/usr/lib/libSystem.B.dylib"
# What is not allowed is denied without a line in the system's log. Reading and writing open descriptors needs no rule.
PROFILE = b"""(version 1)
(deny default (with no-log))
(allow sysctl-read)
(allow signal (target self))
"""
SANDBOX_OFF = f"it is off; {MACOS_SANDBOX}=1 turns it on"
PROBE_SECONDS = 5.0
PROBE = "from kosmo_kernel.walls.lockdown import probe; probe()"
_PASSED = b"refused: file socket process\n"

_reason: list[str] = []  # the result of the probe, which is made once in a process


def enter_macos_sandbox(library: str = SYSTEM_LIBRARY) -> None:
    """Give up all that the profile denies, for good.

    Raises:
        OSError: the system refuses the profile, or there is no such library.
        AttributeError: the library has no such function.
    """
    import ctypes

    system = ctypes.CDLL(library, use_errno=True)
    error = ctypes.c_char_p()
    if system.sandbox_init(PROFILE, ctypes.c_uint64(0), ctypes.byref(error)) != 0:
        raise OSError((error.value or b"sandbox_init failed").decode(errors="replace"))


def no_sandbox_because(package_folder: str) -> str:
    """Return why the sandbox is not used, for the parent process; empty if it is.

    Parameters:
        package_folder: the folder that this package is imported from.

    Raises:
        SettingsError: the variable is neither 1 nor 0.
    """
    text = os.environ.get(MACOS_SANDBOX, "").strip()
    if text not in ("", "0", "1"):
        from kosmo_kernel.errors import SettingsError

        raise SettingsError(f"{MACOS_SANDBOX} must be 1 or 0, got {text[:40]!r}.")
    if text != "1":
        return SANDBOX_OFF
    if not _reason:
        _reason.append(_probe_in_a_process(package_folder))
    return _reason[0]


def _probe_in_a_process(package_folder: str) -> str:
    import subprocess

    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {package_folder!r}); {PROBE}"]
    try:
        trial = subprocess.run(
            command, env={}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the trial of Apple's sandbox did not end well: {error}"
    if trial.stdout == _PASSED and trial.returncode == 0:
        return ""
    last = (trial.stdout or trial.stderr).decode(errors="replace").strip().rpartition("\n")[2]
    return f"the trial of Apple's sandbox failed with status {trial.returncode}: {last or 'no word'}"


def probe(enter: Callable[[], None] = enter_macos_sandbox) -> None:
    """Enter the sandbox in this process, and write what it refuses."""
    import socket

    enter()
    attempts: dict[str, Callable[[], object]] = {
        "file": lambda: os.open("/etc/hosts", os.O_RDONLY),
        "socket": lambda: socket.socket().connect(("127.0.0.1", 9)),
        "process": os.fork,
    }
    refused = [name for name, attempt in attempts.items() if _is_refused(attempt)]
    os.write(1, f"refused: {' '.join(refused)}\n".encode())
    os._exit(0)


def _is_refused(attempt: Callable[[], object]) -> bool:
    """Return whether an attempt fails for want of permission: a closed port is no wall."""
    try:
        child = attempt()
    except PermissionError:
        return True
    except OSError:
        return False
    if child == 0:  # the fork that should have been refused
        os._exit(1)
    return False
