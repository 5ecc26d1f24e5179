"""Name what looks like a setting and sets nothing: misspelt variables, and project files of other users.

Values of variables are never shown.
"""

from __future__ import annotations

import os
from pathlib import Path

from kosmo_kernel.settings.project_file import ignored_files
from kosmo_kernel.settings.table import SETTINGS

_PREFIX = "KOSMO_"
_MAX_NAME_SHOWN = 60  # characters


def ignored_settings() -> list[str]:
    """Return a sentence for each variable and each project file that sets nothing."""
    return [*misspelt_variables(), *ignored_files(Path.cwd())]


def misspelt_variables() -> list[str]:
    """Return a sentence for each variable that sets nothing because its name is a letter or two off."""
    known = {setting.variable.removeprefix(_PREFIX) for setting in SETTINGS if setting.variable}
    unknown = [name for name in os.environ if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in known]
    if not unknown:
        return []
    from kosmo_kernel.text.nearest import nearest  # compares texts, which most starts need not do

    near = {name: nearest(name.removeprefix(_PREFIX), sorted(known), 1) for name in unknown}
    return [
        f"The environment variable {name[:_MAX_NAME_SHOWN]} sets nothing. Did you mean {_PREFIX}{meant[0]}?"
        for name, meant in near.items()
        if meant
    ]
