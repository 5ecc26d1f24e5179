"""Read the settings of a project, `[tool.kosmo_kernel]` in pyproject.toml, which are defaults for its cells.

The file is searched in the working directory and its parents, as other tools do; the nearest one with that table is
used. `%config KosmoMagic` of a Python notebook has the same settings. A mistake is an error with the file, the line and
the nearest setting.

The tables `integrations` and `mcp` in it are permissions. They apply in addition to those of the user who runs the
notebook, and can only restrict them (`permissions.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.settings.config_file import (
    ACCOUNT_PERMISSION_KEYS,
    SECONDS,
    SERVER_PERMISSION_KEYS,
    Config,
    check,
    is_time,
)
from kosmo_kernel.settings.toml import parse

FILE, TABLE = "pyproject.toml", "tool.kosmo_kernel"
PERMISSION_TABLES = ("integrations", "mcp")  # the tables of permissions, which are no settings of cells
ERRORS = ("short", "full")
# A line that may begin our table. A file without one, such as one that lists this package as a dependency, is not
# parsed.
_MENTION = r"""(?m)^(?:\s*\[.*|[^#\n"']*)["']?\bkosmo_kernel\b["']?\s*[\].=]"""


class Setting(NamedTuple):
    """One setting.

    Parameters:
        doc: a sentence for help.
        expected: a description of valid values.
        is_valid: returns whether a value is valid.
    """

    doc: str
    expected: str
    is_valid: Callable[[Any], bool]


def _is_count(value: object, minimum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum


SETTINGS = {
    "account": Setting(
        "The account that `heroku.<function>` means, as `-a` has it.",
        "the name of an account",
        lambda value: isinstance(value, str) and bool(value.strip()),
    ),
    "limit": Setting(
        "Rows of a table that are shown, as `--limit` has it.",
        "a whole number of rows",
        lambda value: _is_count(value, 0),
    ),
    "timeout": Setting("Seconds after which a cell is stopped, as `--timeout` has it.", SECONDS, is_time),
    "memory_limit": Setting(
        "Bytes that Lua's values may take, as `--memory-limit` has it.",
        "a number of bytes above zero",
        lambda value: _is_count(value, 1),
    ),
    "raw": Setting(
        "Lists and dicts, not tables, as `--raw` has it.", "true or false", lambda value: isinstance(value, bool)
    ),
    "errors": Setting(
        "How much is shown of an error: `short`, or `full` with all that `%kosmo error` tells.",
        '"short" or "full"',
        lambda value: value in ERRORS,
    ),
}


def check_setting(name: str, value: Any, written: str, of: str) -> Any:
    """Return the value of a setting after checking it.

    Parameters:
        name: the name of the setting.
        value: the value to check.
        written: the setting's name in messages.
        of: the name in messages of where it is set.

    Raises:
        UnknownNameError: there is no such setting; the error names the nearest one.
        SettingsError: the value is invalid.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        from kosmo_kernel.catalogue import nearest

        near = nearest(name, [*SETTINGS, *PERMISSION_TABLES], most=1)
        available = "" if near else f" The settings are {', '.join(SETTINGS)}."
        raise UnknownNameError(f"{of} has no setting `{name}`.{available}", tuple(near))
    if not setting.is_valid(value):
        raise SettingsError(f"{written} takes {setting.expected}, got {value!r:.80}.")
    return value


def settings_of(directory: Path) -> dict[str, Any]:
    """Return the project settings for a directory; empty if there is no project.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file.
    """
    project = _nearest(directory)
    if project is None:
        return {}
    return {name: _setting(project, name) for name in project.table if name not in PERMISSION_TABLES}


def project_permissions(directory: Path) -> Config | None:
    """Return the permissions that a project sets for integrations and MCP servers, or None if there is no project.

    Parameters:
        directory: the directory where the search for the project starts.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file.
    """
    project = _nearest(directory)
    if project is None:
        return None
    for name in project.table:
        if name not in (*SETTINGS, *PERMISSION_TABLES):
            _setting(project, name)  # raises: a misspelled table may be meant to deny something
    permissions = {name: project.table[name] for name in PERMISSION_TABLES if name in project.table}
    check(permissions, (*ACCOUNT_PERMISSION_KEYS, *SERVER_PERMISSION_KEYS), lambda keys: project.place(*keys))
    return _Project(project.path, project.text, permissions)


def _setting(project: _Project, name: str) -> Any:
    value = project.table[name]
    if name in SETTINGS and SETTINGS[name].is_valid(value):
        return value
    place = project.place(name)  # computed only for errors, because it takes seconds in a long file
    return check_setting(name, value, f"{place}: `{name}`", f"{place}: [{TABLE}]")


class _Project(Config):
    """Our table in a project file; keys are relative to it."""

    __slots__ = ()

    def place(self, *keys: str) -> str:
        """Return the file with the line of a key, as `FILE:LINE`."""
        return Config.place(self, *TABLE.split("."), *keys)


def _nearest(directory: Path) -> _Project | None:
    """Return the nearest file with our table, or None."""
    for folder in (directory, *directory.parents):
        path = folder / FILE
        try:
            text = path.read_text(encoding="utf-8-sig")  # with or without a byte order mark, as `config.toml`
        except (OSError, UnicodeDecodeError):  # missing or unreadable
            continue
        if re.search(_MENTION, text) and (table := _table(path, text)) is not None:
            return _Project(path, text, table)
    return None


@lru_cache(maxsize=8)  # every run calls this, nearly always with the same text
def _table(path: Path, text: str) -> Mapping[str, Any] | None:
    """Return our table in a file, or None."""
    tools = parse(path, text).get("tool")
    table = tools.get("kosmo_kernel") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{path}: `{TABLE}` must be a table: `[{TABLE}]`.")
    return table
