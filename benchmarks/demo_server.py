"""The demo account, served by a process of its own for a benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def demo_server(*options: str) -> Iterator[dict[str, str]]:
    """Yield the environment of a process whose default account is a demo on a port.

    Parameters:
        options: those of `kosmo demo:serve`.
    """
    command = [sys.executable, "-m", "kosmo_kernel", "demo:serve", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        try:
            yield environment | dict(server.stdout.readline().strip().split("=", 1) for _ in range(2))
        finally:
            server.terminate()
