"""Environment variables that are 1 or 0. Whoever writes anything else meant one of them, so it is neither.

The exception is the history: what is typed is not kept where there is a doubt whether it may be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from kosmo_kernel.errors import SettingsError

HISTORY = "KOSMO_HISTORY"


def env_flag(variable: str, env: Mapping[str, str] | None = None) -> bool | None:
    """Whether a variable is 1 or 0; None when it is not set, or empty.

    Parameters:
        variable: its name.
        env: environment variables; the process's own when None.

    Raises:
        SettingsError: it is something else.
    """
    told = (os.environ if env is None else env).get(variable, "").strip()
    if told not in ("", "0", "1"):
        raise SettingsError(f"{variable} must be 1 or 0, or not be set; it is {told[:40]!r}.")
    return told == "1" if told else None


def keeps_history() -> bool:
    """Whether a file may keep what is typed: unless the variable is there and is not 1."""
    return os.environ.get(HISTORY, "").strip() in ("", "1")
