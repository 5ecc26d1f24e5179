"""Apple's sandbox as a wall around the Lua process, on macOS.

`sandbox_init` of libSystem takes a profile that denies all but what the process needs for its pipes, memory and the
clock; Chromium builds the same wall in the same way (`sandbox/mac/seatbelt.cc`). Apple calls the function deprecated
and keeps it. So it is tried in a throw-away process first, where it has to refuse a file, a socket and a process. If
that process dies, hangs or gets one of them, the wall is left out, and the doctor says why.

It is off unless `VARIABLE` is 1.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would slow the start of the Lua process
if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "KOSMO_MACOS_SANDBOX"  # of the environment: 1 turns it on
LIBRARY = "/usr/lib/libSystem.B.dylib"
# What is not allowed is denied without a line in the system's log. Reading and writing open descriptors needs no rule.
PROFILE = b"""(version 1)
(deny default (with no-log))
(allow sysctl-read)
(allow signal (target self))
"""
OFF = f"it is off; {VARIABLE}=1 turns it on"
PROBE_SECONDS = 5.0
PROBE = "from kosmo_kernel.walls.macos import probe; probe()"
_PASSED = b"refused: file socket process\n"

_reason: list[str] = []  # the result of the probe, which is made once in a process


def enter(library: str = LIBRARY) -> None:
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


def missing_because(package_folder: str) -> str:
    """Return why the sandbox is not used, for the parent process; empty if it is.

    Parameters:
        package_folder: the folder that this package is imported from.

    Raises:
        SettingsError: the variable is neither 1 nor 0.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if text not in ("", "0", "1"):
        from kosmo_kernel.errors import SettingsError

        raise SettingsError(f"{VARIABLE} must be 1 or 0, got {text[:40]!r}.")
    if text != "1":
        return OFF
    if not _reason:
        _reason.append(_probe_in_a_process(package_folder))
    return _reason[0]


def _probe_in_a_process(package_folder: str) -> str:
    import subprocess

    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {package_folder!r}); {PROBE}"]
    try:
        done = subprocess.run(
            command, env={}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the trial of Apple's sandbox did not end well: {error}"
    if done.stdout == _PASSED and done.returncode == 0:
        return ""
    last = (done.stdout or done.stderr).decode(errors="replace").strip().rpartition("\n")[2]
    return f"the trial of Apple's sandbox failed with status {done.returncode}: {last or 'no word'}"


def probe(enter_sandbox: Callable[[], None] = enter) -> None:
    """Enter the sandbox in this process, and write what it refuses."""
    import socket

    enter_sandbox()
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
