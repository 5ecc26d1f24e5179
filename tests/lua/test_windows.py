"""Windows, where the walls do not exist, so that Lua does not run."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A process that takes itself for one on Windows once the libraries are loaded.
AS_WINDOWS = """
import asyncio, glob, multiprocessing.connection, platform, shutil, socket, subprocess, sys, tempfile, uuid, webbrowser
import click, filelock, httpx, platformdirs.unix, rich.console, werkzeug.serving
sys.platform = "win32"
for name in ("fcntl", "resource", "termios"):
    sys.modules[name] = None
"""
RUN = "from kosmo_kernel.session import Session\nwith Session('demo') as session:\n    session.run('return 1')"
DOCTOR = "from kosmo_kernel.cli.setup_checks import walls\nfor finding in walls():\n    print(finding.message)"


@pytest.mark.parametrize("program", [RUN, DOCTOR], ids=["a run", "the doctor"])
def test_one_sentence_names_wsl(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", AS_WINDOWS + program], capture_output=True, text=True, check=False)

    said = done.stdout + done.stderr.strip().rpartition("\n")[2]
    assert "Lua does not run on Windows itself" in said
    assert "Install WSL" in said
