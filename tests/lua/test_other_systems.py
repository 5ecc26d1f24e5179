"""Systems other than Linux, tried on this one: Apple's sandbox with its report, and Windows, where Lua does not run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from patience import PATIENCE

from kosmo_kernel.walls import lockdown
from kosmo_kernel.walls.process import package_folder

# A program that enters a sandbox which refuses these, in place of Apple's.
TRIAL = """
import sys
sys.path.insert(0, {folder!r})
import os, socket
from kosmo_kernel.walls.lockdown import probe
def refuse(*_):
    raise PermissionError(1, "Operation not permitted")
def enter():
    for owner, name in {refused!r}:
        setattr({{"os": os, "socket": socket.socket}}[owner], name, refuse)
probe(enter)
"""
FILE, SOCKET, PROCESS = ("os", "open"), ("socket", "connect"), ("os", "fork")


@pytest.fixture(autouse=True)
def no_trial_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockdown, "_reason", [])


def test_it_is_off_unless_the_user_turns_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KOSMO_MACOS_SANDBOX", raising=False)
    assert lockdown.no_sandbox_because(package_folder()) == lockdown.SANDBOX_OFF


@pytest.mark.skipif(sys.platform == "darwin", reason="it has the library")
def test_a_system_without_the_library_goes_without_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_MACOS_SANDBOX", "1")
    assert "libSystem.B.dylib" in lockdown.no_sandbox_because(package_folder())


@pytest.mark.skipif(sys.platform != "darwin", reason="only macOS has it")
def test_the_sandbox_of_this_system_refuses_a_file_a_socket_and_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_MACOS_SANDBOX", "1")
    assert lockdown.no_sandbox_because(package_folder()) == ""


@pytest.mark.parametrize(
    ("refused", "output"),
    [
        ([FILE, SOCKET, PROCESS], b"refused: file socket process\n"),
        ([FILE, PROCESS], b"refused: file process\n"),
        ([], b"refused: \n"),
    ],
)
def test_a_trial_says_what_is_refused(refused: list[tuple[str, str]], output: bytes) -> None:
    program = TRIAL.format(folder=package_folder(), refused=refused)
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == output


@pytest.mark.parametrize(
    ("program", "seconds", "words"),
    [
        ("import os; os.write(1, b'refused: file socket\\n')", PATIENCE, "failed with status 0: refused: file socket"),
        ("import os; os.kill(os.getpid(), 9)", PATIENCE, "failed with status -9: no word"),
        ("import time; time.sleep(600)", 0.1, "did not end well"),
        ("raise OSError('deny')", PATIENCE, "failed with status 1: OSError: deny"),
    ],
)
def test_a_trial_that_dies_hangs_or_fails_leaves_the_wall_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, program: str, seconds: float, words: str
) -> None:
    monkeypatch.setenv("KOSMO_MACOS_SANDBOX", "1")
    monkeypatch.setattr(lockdown, "PROBE", program)
    monkeypatch.setattr(lockdown, "PROBE_SECONDS", seconds)

    assert words in lockdown.no_sandbox_because(package_folder())


@pytest.mark.parametrize("why_not", ["", "it is off"])
def test_the_report_has_the_walls_that_the_sandbox_builds(monkeypatch: pytest.MonkeyPatch, why_not: str) -> None:
    def built(wall: Callable[[], Any]) -> str:
        return ""

    monkeypatch.setattr(lockdown, "try_wall", built)  # builds nothing around this process
    monkeypatch.setattr(lockdown, "no_macos_sandbox", why_not)

    walls = lockdown.lock_down(lifeline=2)

    assert walls["system_calls"]
    assert (walls["privileges"], walls["files"], walls["processes"]) == (why_not, "", "")


def test_a_library_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="no/such"):
        lockdown.enter_macos_sandbox("/no/such.dylib")


# A process that takes itself for one on Windows once the libraries are loaded.
AS_WINDOWS = """
import asyncio, glob, multiprocessing.connection, platform, shutil, socket, subprocess, sys, tempfile, uuid, webbrowser
import click, filelock, httpx, platformdirs.unix, rich.console
sys.platform = "win32"
for name in ("fcntl", "resource", "termios"):
    sys.modules[name] = None
"""
RUN = "from kosmo_kernel.session import Session\nwith Session('demo') as session:\n    session.run('return 1')"
DOCTOR = "from kosmo_kernel.cli.doctor import walls\nfor finding in walls():\n    print(finding.message)"


@pytest.mark.parametrize("program", [RUN, DOCTOR], ids=["a run", "the doctor"])
def test_one_sentence_names_wsl(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", AS_WINDOWS + program], capture_output=True, text=True, check=False)

    said = done.stdout + done.stderr.strip().rpartition("\n")[2]
    assert "Lua does not run on Windows itself" in said
    assert "Install WSL" in said
