"""Read environment variables that are 1 or 0.

Any other value is an error, because the user meant 1 or 0. `KOSMO_HISTORY` is the exception: any other value turns the
history off, so that in doubt nothing that is typed is stored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from kosmo_kernel.errors import SettingsError

HISTORY = "KOSMO_HISTORY"


def env_flag(variable: str, env: Mapping[str, str] | None = None) -> bool | None:
    """Return True for 1, False for 0, and None if a variable is empty or not set.

    Parameters:
        variable: the name of the variable.
        env: environment variables; those of the process when None.

    Raises:
        SettingsError: it has another value.
    """
    value = (os.environ if env is None else env).get(variable, "").strip()
    if value not in ("", "0", "1"):
        raise SettingsError(f"{variable} must be 1 or 0, or not be set; it is {value[:40]!r}.")
    return value == "1" if value else None


def keeps_history() -> bool:
    """Return whether the input history may be stored: if `KOSMO_HISTORY` is 1, empty or not set."""
    return os.environ.get(HISTORY, "").strip() in ("", "1")
