"""The folders of the user for settings and caches, as platformdirs has them.

On Linux they are computed here, because importing platformdirs takes half as long as starting Python.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

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
