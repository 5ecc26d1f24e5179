"""Test what a Lua process cannot do even when somebody has taken it over.

The intruder is Python code that runs in the real child at the start of a run: the walls are up, and every module
that it could wish for is imported.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from full_matrix import full_except
from lua_host import failure, machine, run, values

from kosmo_kernel.lua import process
from kosmo_kernel.lua.machine import MEANINGS, NOT_REPORTED, Wall, parse_report
from kosmo_kernel.lua.process import LuaProcess
from kosmo_kernel.walls import wire
from kosmo_kernel.walls.lockdown import ARCHITECTURES, program

INTRUDER = """
import ctypes, errno, fcntl, mmap, os, resource, signal, socket, threading, time
from kosmo_kernel.lua import worker
libc = ctypes.CDLL(None, use_errno=True)
space = ctypes.create_string_buffer(8192)
def raw(function, *arguments):
    if function(*map(ctypes.c_long, arguments)) == -1:
        raise OSError(ctypes.get_errno(), "")
def intrude(*_anything):
    try:
        said = eval(CODE)
    except OSError as error:
        said = errno.errorcode[error.errno]
    except Exception as error:
        said = type(error).__name__
    os.write(2, f"it got {said}".encode())
    os._exit(1)
worker.ParentConnection.begin = intrude
worker.main(zone)
"""

REFUSED = {
    "read a file": "open('/etc/passwd').read()",
    "write a file": "os.open('/tmp/x', os.O_WRONLY | os.O_CREAT)",
    "list a folder": "os.listdir('/')",
    "look at a file": "os.stat('/etc/passwd')",
    "delete a file": "os.unlink('/tmp/kosmo-no-such-file')",
    "make a folder": "os.mkdir('/tmp/kosmo-no-such-folder')",
    "read its memory as a file": "os.open('/proc/self/mem', os.O_RDWR)",
    "read the parent's environment": "open(f'/proc/{os.getppid()}/environ').read()",
    "change its folder": "os.chdir('/tmp')",
    "make a pipe": "os.pipe()",
    "make a pair of sockets": "socket.socketpair()",
    "make a file in memory": "os.memfd_create('x')",
    "copy a descriptor": "os.dup(0)",
    "cut its lifeline": "fcntl.fcntl(2, fcntl.F_SETFL, 0)",
    "close its lifeline": "raw(libc.close, 2)",
    "allow itself more": "raw(libc.setrlimit, resource.RLIMIT_AS, 0)",
    "ignore a signal": "signal.signal(signal.SIGXCPU, signal.SIG_IGN)",
    "block a signal": "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGXCPU])",
    "stop its timers": "signal.setitimer(signal.ITIMER_REAL, 1)",
    "become another user": "os.setuid(1)",
    "leave its session": "raw(libc.setsid)",
    "change its root": "os.chroot('/')",
    "undo the filter": "raw(libc.prctl, 22, 0, 0, 0, 0)",
    "wait for ever": "time.sleep(0.01)",
    "share memory": "raw(libc.shmget, 0, 4096, 0o1600)",
}
FATAL = {
    "open a socket": "socket.socket()",
    "fork": "os.fork()",
    "start a thread": "threading.Thread(target=print).start()",
    "start a program": "os.posix_spawn('/bin/true', ['true'], {})",
    "become a program": "os.execv('/bin/true', ['true'])",
    "signal the parent": "os.kill(os.getppid(), 0)",
    "trace": "raw(libc.ptrace, 0, 0, 0, 0)",
    "read the parent's memory": "raw(libc.process_vm_readv, os.getppid(), 0, 0, 0, 0, 0)",
    "make executable memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "make memory executable": "raw(libc.mprotect, ctypes.addressof(space) & -4096, 4096, 7)",
    "map a file": "raw(libc.mmap, 0, 4096, 1, 2, 0, 0)",
}
ENDS = {**dict.fromkeys(REFUSED, "it got EPERM"), **dict.fromkeys(FATAL, "ended by SIGSYS")}


def intruded(monkeypatch: pytest.MonkeyPatch, code: str, before: str = "") -> str:
    """Return what becomes of a child in which somebody evaluates `code`."""
    monkeypatch.setattr(process, "START", f"{before or 'pass'}; CODE = {code!r}; exec({INTRUDER!r})")
    with machine() as lua:
        return str(failure(lua, "return 1").error)


def ready(child: LuaProcess) -> tuple[Wall, ...]:
    """Greet a child: what it and its parent say of its walls."""
    child.write(wire.pack({"kind": "spaces", "names": []}, [b"[]"]))
    payload = child.read(30, 1 << 20)
    assert payload is not None
    return parse_report(wire.unpack(payload)[1][0], child.limited)


def missing_walls() -> dict[str, str]:
    """Return the walls that do not stand around a new child, and why."""
    child = LuaProcess()
    try:
        return {wall.name: wall.why_not for wall in ready(child) if not wall.stands}
    finally:
        child.close()


@pytest.fixture(scope="module")
def missing() -> dict[str, str]:
    return missing_walls()


# A filter that allows everything, set by other means than ours: whether the surroundings let a process have one.
FILTER_OF_ALL = """
import ctypes, struct
libc = ctypes.CDLL(None)
step = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
libc.prctl(38, 1, 0, 0, 0)
raise SystemExit(libc.prctl(22, 2, struct.pack("HP", 1, ctypes.addressof(step))))
"""


@pytest.mark.claim("wall-privileges")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have fewer walls")
def test_every_wall_stands_that_the_surroundings_allow(missing: dict[str, str]) -> None:
    allowed = subprocess.run([sys.executable, "-c", FILTER_OF_ALL], check=False, capture_output=True).returncode == 0
    without = {"system_calls"} | ({"processes"} if os.geteuid() == 0 else set())
    assert set(missing) == (set() if allowed and os.uname().machine in ARCHITECTURES else without)


@pytest.mark.claim("wall-files", "wall-processes")
@pytest.mark.parametrize("name", full_except(ENDS, *[*ENDS][::3]))
def test_an_intruder_cannot(name: str, missing: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    if "system_calls" in missing:
        pytest.skip(missing["system_calls"])
    assert ENDS[name] in intruded(monkeypatch, (REFUSED | FATAL)[name])


@pytest.mark.claim("lua-no-environment")
def test_an_intruder_finds_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "HRKU-fictional")
    said = intruded(monkeypatch, "sorted(set(os.environ) - {'LC_CTYPE', 'TZ'})")
    assert said.endswith("it got []")


@pytest.mark.claim("wall-memory")
def test_an_intruder_cannot_have_much_memory(missing: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    if "memory" in missing:
        pytest.skip(missing["memory"])
    assert intruded(monkeypatch, "len(bytearray(4 << 30))").endswith("it got MemoryError")


@pytest.mark.claim("wall-files")
def test_without_a_filter_an_intruder_still_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = "from kosmo_kernel.walls import lockdown; lockdown.program = lambda machine: None"
    ends = [
        intruded(monkeypatch, code, before).splitlines()[-1]
        for code in ("open('/etc/passwd')", "socket.socket()", "os.pipe()", "resource.getrlimit(resource.RLIMIT_CORE)")
    ]
    assert ends == ["it got EMFILE"] * 3 + ["it got (0, 0)"]


# Where there is less -----------------------------------------------------------------------------------

LINUX_ONLY = {"lifeline", "privileges", "system_calls"} | ({"processes"} if os.geteuid() == 0 else set())
LESS = {
    "no filter for the machine": (
        "from kosmo_kernel.walls import lockdown; lockdown.program = lambda machine: None",
        LINUX_ONLY - {"lifeline", "privileges"},
    ),
    "no ctypes": ("sys.modules['ctypes'] = None", LINUX_ONLY - {"lifeline"}),
    "another Unix": ("sys.platform = 'darwin'", LINUX_ONLY),
    "Windows": (
        "sys.platform = 'win32'; sys.modules.update(fcntl=None, resource=None)",
        LINUX_ONLY | {"processes", "files"},
    ),
}


@pytest.mark.claim("wall-missing")
@pytest.mark.parametrize("name", LESS)
def test_a_wall_that_cannot_stand_is_told_with_its_reason_and_lua_runs(
    name: str, missing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, expected = LESS[name]
    monkeypatch.setattr(process, "START", f"{code}; {process.START}")
    found = missing_walls()

    assert set(found) == expected | set(missing)
    assert all(found.values())
    with machine() as lua:
        assert values(lua, "return 1") == [1]


def test_a_wall_of_which_nobody_says_anything_does_not_stand() -> None:
    walls = parse_report(b"files\t\nprivileges\tonly\nLinux\nnonsense", {"memory": ""})
    said = {wall.name: wall.why_not for wall in walls if wall.stands or wall.why_not != NOT_REPORTED}

    assert [wall.name for wall in walls] == list(MEANINGS)
    assert said == {"files": "", "privileges": "only", "memory": ""}
    assert [wall.name for wall in walls if wall.stands] == ["files", "memory"]


# What a script notices -----------------------------------------------------------------------------------


def test_the_time_zone_is_the_parents_however_often_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = tmp_path / "zone"  # TZif, RFC 9636: one kind of time, 5 h 30 min east, named XYZ
    zone.write_bytes(struct.pack(">4s16x6llBB4s", b"TZif", 0, 0, 0, 0, 1, 4, 19800, 0, 0, b"XYZ"))
    monkeypatch.setenv("TZ", f":{zone}")
    with machine() as lua:
        run(lua, "first = os.date('%H:%M %Z', 0)")
        zone.unlink()
        assert values(lua, "return first, os.date('%H:%M %Z', 0)") == ["05:30 XYZ", "05:30 XYZ"]


# The filter, read as the kernel reads it ---------------------------------------------------------------


def verdict(steps: bytes, architecture: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """Run a filter (classic BPF, as far as ours goes) on a system call."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    program_counter = accumulator = 0
    while True:
        code, holds, fails, constant = struct.unpack_from("<HBBI", steps, 8 * program_counter)
        program_counter += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, constant)
            case 0x54:
                accumulator &= constant
            case 0x15:
                program_counter += holds if accumulator == constant else fails
            case 0x35:
                program_counter += holds if accumulator >= constant else fails
            case 0x06:
                return int(constant)
            case _:
                raise AssertionError(code)


ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000
# From the kernel's tables: read, write, brk, munmap, rt_sigreturn, mremap, madvise, getppid, clock_gettime,
# exit_group, getrandom; then mmap and mprotect.
KEPT = {
    "x86_64": ({0, 1, 12, 11, 15, 25, 28, 110, 228, 231, 318}, 9, 10),
    "aarch64": ({63, 64, 214, 215, 139, 216, 233, 173, 113, 94, 278}, 222, 226),
}


@pytest.mark.claim("wall-system-calls")
@pytest.mark.parametrize("name", KEPT)
def test_the_filter_keeps_these_calls_and_no_other(name: str) -> None:
    steps, architecture = program(name), ARCHITECTURES[name]
    assert steps is not None
    kept, mapping, protecting = KEPT[name]
    allowed = {number for number in range(1 << 11) if verdict(steps, architecture, number) == ALLOW}

    # Without arguments `mprotect` takes all rights away, which is harmless; `mmap` would map a file.
    assert allowed == kept | {protecting}
    assert verdict(steps, architecture, mapping) == KILL


@pytest.mark.claim("wall-system-calls")
@pytest.mark.parametrize("name", KEPT)
def test_memory_is_anonymous_and_never_executable(name: str) -> None:
    steps, architecture = program(name), ARCHITECTURES[name]
    assert steps is not None
    _, mapping, protecting = KEPT[name]
    for rights in range(8):
        expected = KILL if rights & 4 else ALLOW
        assert verdict(steps, architecture, mapping, (0, 4096, rights, 0x22)) == expected
        assert verdict(steps, architecture, mapping, (0, 4096, rights, 0x02)) == KILL
        assert verdict(steps, architecture, protecting, (0, 4096, rights)) == expected


@pytest.mark.parametrize("name", KEPT)
def test_calls_through_another_table_end_the_process(name: str) -> None:
    steps, architecture = program(name), ARCHITECTURES[name]
    assert steps is not None
    others = [0x40000003, 0xC00000B7 if name == "x86_64" else 0xC000003E, 0x40000028]  # i386, each other, 32-bit arm

    assert {verdict(steps, other, number) for other in others for number in range(500)} == {KILL}
    assert verdict(steps, architecture, 0x40000000) == (KILL if name == "x86_64" else REFUSE)


def test_a_machine_without_a_table_has_no_filter() -> None:
    assert [program("riscv64"), program("i686")] == [None, None]
