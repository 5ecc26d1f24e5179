"""The folders of the user for settings and caches, as platformdirs has them.

On Linux they are computed here, because importing platformdirs takes half as long as starting Python.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.table import CONFIG_DIR

NAME = "kosmo_kernel"
_LINUX: bool = sys.platform == "linux"
_DEFAULTS = {"cache": ".cache", "config": ".config"}  # below the home directory


def user_folder(kind: Literal["cache", "config"]) -> Path:
    """Return a folder, which need not exist.

    Raises:
        RuntimeError: there is no home directory.
    """
    if _LINUX:
        base = Path(os.environ.get(f"XDG_{kind.upper()}_HOME", ""))
        return (base if base.is_absolute() else Path.home() / _DEFAULTS[kind]) / NAME
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_path")(NAME, appauthor=False))


def folder(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder with the settings, which need not exist.

    Parameters:
        env: environment variables; those of the process when None.

    Raises:
        SettingsError: it is below the home directory of a user who has none or does not exist.
    """
    value = CONFIG_DIR.from_env(env)
    try:
        if value:
            return Path(value).expanduser().absolute()
        return user_folder("config")
    except RuntimeError:  # raised by pathlib if there is no home directory
        from kosmo_kernel.safety.redaction import one_line

        variable = CONFIG_DIR.variable
        reason = f"{variable} is {one_line(value)}, and there is no such home" if value else "you have no home"
        raise SettingsError(f"No folder for the settings: {reason}. Name the folder in {variable}, in full.") from None
