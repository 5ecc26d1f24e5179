"""The command `kosmo` as a user starts it: a process of its own, in a pipe or on a terminal."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forked_command import CommandServer
from repository import ROOT, SUPPORT

FICTION = "Fictional data of the demo, whose day is 20 November 2026."
COMMAND = [sys.executable, "-m", "kosmo_kernel"]
FORKS = CommandServer()

PATHS = os.pathsep.join([str(ROOT), str(SUPPORT)])  # the package, and the keyrings of tests


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": PATHS} | dict(more or {})


def kosmo(
    *args: str, stdin: bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to the end, in a pipe."""
    complete = environment(env)
    done = None
    # A fork has Python's own settings from the process that it comes from.
    if not any(name.startswith(("PYTHON", "COVERAGE")) for name in env or ()):
        done = FORKS.run(list(args), stdin, cwd, complete, 60)
    if done is None:
        done = subprocess.run(
            [*COMMAND, *args], input=stdin, capture_output=True, cwd=cwd, env=complete, timeout=60, check=False
        )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def without_standard_input(*args: str) -> subprocess.CompletedProcess[str]:
    """Run to the end where whoever started it has closed its standard input."""
    command = ["/bin/sh", "-c", f"{shlex.join([*COMMAND, *args])} <&-"]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)


def document(*args: str, **more: Any) -> tuple[int, Any]:
    """Run to the end with `--json` among the arguments: the exit code and the document."""
    done = kosmo(*args, **more)
    return done.returncode, json.loads(done.stdout)


def started(*args: str) -> subprocess.Popen[str]:
    """Start, with open pipes on all sides."""
    return subprocess.Popen(
        [*COMMAND, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def imported(*args: str) -> set[str]:
    """Run to the end: the full names of the modules that were imported for it."""
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], *args]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def on_terminal(*args: str, columns: int = 80, env: Mapping[str, str] | None = None) -> str:
    """Run to the end on a terminal of this width: all that was written to it, escapes included."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    with subprocess.Popen(
        [*COMMAND, *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment({"TERM": "xterm-256color"} | dict(env or {})),
    ) as process:
        os.close(theirs)
        seen = b""
        while piece := _read(ours):
            seen += piece
        process.wait(60)
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")


def standing(written: str) -> list[str]:
    """Return the lines that stand on a terminal after this was written to it, without colours."""
    lines, column = [""], 0
    for piece in re.findall(r"\x1b\[[\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if piece == "\n":
            lines.append("")
        elif piece == "\x1b[2K":
            lines[-1] = " " * column
        elif not piece.startswith(("\x1b", "\r")):
            lines[-1] = lines[-1][:column].ljust(column) + piece + lines[-1][column + len(piece) :]
        if not piece.startswith("\x1b"):
            column = 0 if piece in ("\n", "\r") else column + len(piece)
    return [line.rstrip() for line in lines]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux says that nobody has the other end any more
        return b""
