"""Heroku's own command line, asked about a company that a look-alike serves.

It is there where `OFFICIAL_HEROKU_CLI` names its executable (`npm install heroku`); written with version 11.10.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

Heroku = Callable[..., str]


def official_cli(url: str, home: Path) -> Heroku:
    """Return a function that runs a command to the end, and returns what it printed."""
    executable = os.environ.get("OFFICIAL_HEROKU_CLI")
    if not executable:
        pytest.skip("OFFICIAL_HEROKU_CLI names no executable of Heroku's CLI")
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "COLUMNS": "200",
        "HEROKU_HOST": url,
        "HEROKU_DATA_HOST": "127.0.0.1",
        "HEROKU_PARTICLEBOARD_URL": url,  # where it asks for unpaid bills
        "HEROKU_API_KEY": DEMO_TOKEN,
        "DISABLE_TELEMETRY": "true",
    }

    def run(*args: str) -> str:
        done = subprocess.run(
            [executable, *args], env=settings, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
