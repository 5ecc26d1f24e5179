"""Start a server as a process of its own, wait until it says where it listens, and end it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

from patience import PATIENCE


def program(name: str) -> str | None:
    """Return the path of a program of this environment or of the `PATH`."""
    return shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)


def free_port() -> int:
    """Return a port that nobody listens on, for servers that cannot choose one themselves."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


@contextmanager
def started_server(command: Sequence[str], env: Mapping[str, str], cwd: Path, ready: str) -> Iterator[str]:
    """Yield what the server's standard error says when it is ready; the server ends with the `with` block.

    Parameters:
        command: starts it.
        env: its environment.
        cwd: the folder that it starts in.
        ready: a pattern for what it says.

    Raises:
        RuntimeError: it did not start; with what it said.
    """
    with subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        said: list[str] = []
        matches: SimpleQueue[str] = SimpleQueue()
        listener = Thread(target=_listen, args=(server.stderr, said, re.compile(ready), matches))
        listener.start()
        try:
            match = matches.get(timeout=PATIENCE)
            if not match:
                raise RuntimeError(f"{command[0]} did not start:\n" + "".join(said))
            yield match
        finally:
            server.terminate()  # it ends its kernels itself
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
            listener.join()


def _listen(stream: IO[str], said: list[str], ready: re.Pattern[str], matches: SimpleQueue[str]) -> None:
    """Take all that the server says, so that the pipe never fills; pass on that it is ready, and that it ended."""
    for line in stream:
        said.append(line)
        if match := ready.search(line):
            matches.put(match[0])
    matches.put("")
