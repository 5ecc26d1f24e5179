"""Processes with a token leave no core dump, and on Linux no other process of the user reads their memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kernel_client import known_to_jupyter, running
from kosmo_command import COMMAND, environment

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
IS_DUMPABLE = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)"
USES_A_TOKEN = (
    "import resource; from kosmo_kernel import accounts; from kosmo_kernel.integrations.heroku import HEROKU;"
    "accounts.find(HEROKU); print(*resource.getrlimit(resource.RLIMIT_CORE), flush=True);"
)


def crashed(command: list[str], folder: Path, env: dict[str, str] | None = None) -> bool:
    """Start a process whose limit of core dumps is raised, end it by a fault, and return whether a dump was made."""
    raised = ["/bin/sh", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "sh", *command]
    pipe = subprocess.PIPE
    process = subprocess.Popen(raised, cwd=folder, env=environment(env), stdout=pipe, stdin=pipe)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGABRT
    process.stdout.close()
    if process.stdin is not None:
        process.stdin.close()
    assert os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    """Return a folder in which processes leave core dumps, if the system makes any."""
    if not crashed([sys.executable, "-c", "print(1, flush=True); input()"], tmp_path):
        pytest.skip("this system makes no core dumps")
    return tmp_path


@pytest.mark.claim("token-core-dumps")
def test_a_command_leaves_no_core_dump(dumps: Path) -> None:
    script = "print('ready') io.stdout:write('\\n') return io.read()"
    assert not crashed([*COMMAND, "demo:serve"], dumps)
    assert not crashed([*COMMAND, "lua", "--demo", "-e", script], dumps)


@LINUX
@pytest.mark.claim("token-core-dumps")
def test_the_memory_of_a_process_of_our_own_is_closed_to_others() -> None:
    code = f"from kosmo_kernel.safety import forbid_core_dumps; forbid_core_dumps(); {IS_DUMPABLE}"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


@pytest.mark.claim("token-core-dumps")
def test_the_kernel_leaves_no_core_dump(tmp_path: Path) -> None:
    with known_to_jupyter(tmp_path), running() as kernel:
        pid = kernel.reply(kernel.ask("usage_request", {}, "control"), "control")["pid"]
        limits = Path(f"/proc/{pid}/limits")
        if not limits.exists():
            pytest.skip("this system shows no limits of a process")
        [line] = [line for line in limits.read_text(encoding="ascii").splitlines() if "core file" in line]
    assert line.split()[4] == "0"


@pytest.mark.claim("token-core-dumps")
def test_a_python_process_of_the_users_own_keeps_its_hard_limit_and_its_debuggers(dumps: Path) -> None:
    env = {"HEROKU_API_KEY": "01234567-89ab-cdef-0123-456789abcdef"}
    code = f"import resource; before = resource.getrlimit(resource.RLIMIT_CORE); {USES_A_TOKEN} print(before[1]);"
    command = [sys.executable, "-c", code + IS_DUMPABLE]
    done = subprocess.run(command, env=environment(env), capture_output=True, text=True, check=True)
    soft, hard, before, is_dumpable = done.stdout.split()
    assert (soft, hard == before, is_dumpable) == ("0", True, "1")
    assert not crashed([sys.executable, "-c", f"{USES_A_TOKEN} input()"], dumps, env)
