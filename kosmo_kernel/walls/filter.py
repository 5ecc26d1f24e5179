"""Build the filter of the system calls that the Lua process may make, as a program for Linux's seccomp.

The kernel runs the program (classic BPF, a list of eight-byte instructions) at each system call, and the process
cannot remove it. It allows what the main loop needs: its pipes, memory, the clock, its own end. Calls that only
malicious code would make kill the process, so that it has one attempt and its parent sees it. All others fail with
EPERM.

The numbers come from `asm/unistd_64.h` (x86-64) and `asm-generic/unistd.h` (arm64), the instructions and the layout of
`struct seccomp_data` from `linux/bpf_common.h` and `linux/seccomp.h`.
"""

from __future__ import annotations

import struct

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
        for place, (argument, mask, value) in enumerate(conditions):
            later = len(conditions) - place - 1  # tests after this one, of three steps each; then come ALLOW and KILL
            tests += [(LOAD, 0, 0, ARGUMENTS + 8 * argument), (AND, 0, 0, mask), (EQUAL, 0, 3 * later + 1, value)]
        steps += [(EQUAL, 0, len(tests) + 2, number), *tests, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL)]
    for number in FATAL[machine].values():
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, KILL)]
    steps.append((RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)
