"""Read the settings of a project, `[tool.kosmo_kernel]` in pyproject.toml, which are defaults for its cells.

The file is searched in the working directory and its parents, as other tools do; the nearest one with that table is
used. `%config KosmoMagic` of a Python notebook has the same settings. A mistake is an error with the file, the line and
the nearest key.

The tables `integrations` and `mcp` in it are permissions. They apply in addition to those of the user who runs the
notebook, and can only restrict them (`permissions.py`).

`ignored_settings` names what looks like a setting and sets nothing: files that another user may have written, and
misspelt variables, whose values are never shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.reader.documents import parse_toml
from kosmo_kernel.safety.intake import UntrustedFileError, decode_text, read_unnamed_file
from kosmo_kernel.settings.config_file import Config, check
from kosmo_kernel.settings.limits import check_ceilings
from kosmo_kernel.settings.table import SETTINGS
from kosmo_kernel.text import nearest

FILE, TABLE = "pyproject.toml", "tool.kosmo_kernel"
NAME = b"kosmo_kernel"
KEYS = {setting.project: setting.value for setting in SETTINGS if setting.project}
MAX_BYTES = 256 << 10  # of a project file that is read
_PREFIX = "KOSMO_"  # of environment variables
_MAX_NAME_SHOWN = 60  # characters
CELL_DEFAULTS = {setting.name: setting for setting in SETTINGS if len(setting.project) == 1}  # all but the permissions
# A line that may begin our table. A file without one, such as one that lists this package as a dependency, is not
# parsed.
MENTION = r"""(?m)^(?:[ \t]*+\[.*|[^#\n"']*)["']?\bkosmo_kernel\b["']?\s*[\].=]"""


def settings_of(directory: Path) -> dict[str, Any]:
    """Return the project settings for a directory; empty if there is no project.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file, or a limit above the ceiling that the user allows.
    """
    project = _nearest(directory)
    if project is None:
        return {}
    tables = {keys[0] for keys in KEYS if len(keys) > 1}
    settings = {name: value for name, value in project.table.items() if name not in tables}
    _check(project, settings)
    values = {name: CELL_DEFAULTS[name].value.check(value) for name, value in settings.items()}
    check_ceilings(values, project.place)
    return values


def project_permissions(directory: Path) -> Config | None:
    """Return the permissions that a project sets for integrations and MCP servers, or None if there is no project.

    Parameters:
        directory: the directory where the search for the project starts.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file; a misspelled table may be meant to deny something.
    """
    project = _nearest(directory)
    if project is None:
        return None
    permissions = {name: value for name, value in project.table.items() if name not in CELL_DEFAULTS}
    _check(project, permissions)
    return _Project(project.path, project.text, permissions)


def _check(project: _Project, table: Mapping[str, Any]) -> None:
    check(table, KEYS, lambda keys: project.place(*keys), f"[{TABLE}]")


class _Project(Config, frozen=True):
    """Our table in a project file; keys are relative to it."""

    def place(self, *keys: str) -> str:
        """Return the file with the line of a key, as `FILE:LINE`."""
        return Config.place(self, *TABLE.split("."), *keys)


def _nearest(directory: Path) -> _Project | None:
    """Return the nearest file with our table, or None."""
    for path, text in _files(directory):
        if isinstance(text, str) and re.search(MENTION, text) and (table := _table(path, text)) is not None:
            return _Project(path, text, table)
    return None


def ignored_files(directory: Path) -> list[str]:
    """Return a sentence for each project file that may have settings of ours and is not used, with the reason.

    Parameters:
        directory: the directory where the search for the project starts.
    """
    return [text.reason for _, text in _files(directory) if isinstance(text, _Ignored)]


class _Ignored(NamedTuple):
    reason: str


def _files(directory: Path) -> Iterator[tuple[Path, str | _Ignored]]:
    """Yield the project files of a directory and its parents, nearest first, each with its text or why it has none.

    A file that cannot be used is never an error: else whoever can write in a folder above could stop every run below.
    """
    for folder in (directory, *directory.parents):
        path = folder / FILE
        try:
            content = read_unnamed_file(path, SettingsError, folder=directory, most=MAX_BYTES)
            if content is not None:
                yield path, decode_text(content, path, SettingsError)
        except UntrustedFileError as error:
            if NAME in error.content:
                yield path, _Ignored(str(error))
        except SettingsError as error:
            yield path, _Ignored(f"{error.message} Settings in it are not used.")


@lru_cache(maxsize=8)  # every run calls this, nearly always with the same text
def _table(path: Path, text: str) -> Mapping[str, Any] | None:
    """Return our table in a file, or None."""
    tools = parse_toml(path, text).get("tool")
    table = tools.get("kosmo_kernel") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{path}: `{TABLE}` must be a table: `[{TABLE}]`.")
    return table


def ignored_settings() -> list[str]:
    """Return a sentence for each variable and each project file that sets nothing."""
    return [*misspelt_variables(), *ignored_files(Path.cwd())]


def misspelt_variables() -> list[str]:
    """Return a sentence for each variable that sets nothing because its name is a letter or two off."""
    names = sorted(setting.variable.removeprefix(_PREFIX) for setting in SETTINGS if setting.variable)
    return [
        f"The environment variable {variable[:_MAX_NAME_SHOWN]} sets nothing. Did you mean {_PREFIX}{similar}?"
        for variable in os.environ
        if variable.startswith(_PREFIX) and variable.removeprefix(_PREFIX) not in names
        for similar in nearest(variable.removeprefix(_PREFIX), names, 1)
    ]
