"""What holds for every cell of a project, unless the cell says otherwise: `[tool.kosmo_kernel]` in pyproject.toml.

The file is looked for in the working directory and in those above it, as other tools do; the nearest one with that
table counts. `%config KosmoMagic` of a Python notebook has the same settings. A mistake is an error that names
the file, the line, and the nearest setting.

Below `integrations` and `mcp` in that table stand permissions. They hold beside those of the person who runs the
notebook, and can only take something away (`permissions.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.settings.config_file import PERMISSIONS, SECONDS, SERVERS, Config, check, is_time
from kosmo_kernel.settings.toml import parsed

FILE, TABLE = "pyproject.toml", "tool.kosmo_kernel"
PERMITTED = ("integrations", "mcp")  # what of the table is not a setting of cells
ERRORS = ("short", "full")
# Where our table may be; other lines with the name, such as those of dependencies, are no reason to read TOML.
_MENTION = r"""(?m)^(?:\s*\[.*|[^#\n"']*)["']?\bkosmo_kernel\b["']?\s*[\].=]"""


class Setting(NamedTuple):
    """One setting.

    Parameters:
        doc: one sentence.
        takes: what its value must be, in words.
        fits: whether a value is that.
    """

    doc: str
    takes: str
    fits: Callable[[Any], bool]


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


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


def checked(name: str, value: Any, written: str, of: str) -> Any:
    """A setting's value.

    Parameters:
        name: of the setting.
        value: what it is to be.
        written: how a message calls it.
        of: how a message calls what it is in.

    Raises:
        UnknownNameError: there is no such setting; with the nearest one.
        SettingsError: the value makes no sense.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        from kosmo_kernel.catalogue import nearest

        near = nearest(name, [*SETTINGS, *PERMITTED], most=1)
        there = "" if near else f" The settings are {', '.join(SETTINGS)}."
        raise UnknownNameError(f"{of} has no setting `{name}`.{there}", tuple(near))
    if not setting.fits(value):
        raise SettingsError(f"{written} takes {setting.takes}, got {value!r:.80}.")
    return value


def settings_of(directory: Path) -> dict[str, Any]:
    """The settings for a directory; none where no project has any.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file.
    """
    found = _nearest(directory)
    if found is None:
        return {}
    return {name: _setting(found, name) for name in found.table if name not in PERMITTED}


def tightened(directory: Path) -> Config | None:
    """What the project of a directory says of permissions, of integrations and MCP servers; None without a project.

    Parameters:
        directory: where it is looked for.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file.
    """
    found = _nearest(directory)
    if found is None:
        return None
    for name in found.table:
        if name not in (*SETTINGS, *PERMITTED):
            _setting(found, name)  # it may be meant to deny something
    said = {name: found.table[name] for name in PERMITTED if name in found.table}
    check(said, (*PERMISSIONS, *SERVERS), lambda keys: found.place(*keys))
    return _Project(found.path, found.text, said)


def _setting(found: _Project, name: str) -> Any:
    value = found.table[name]
    if name in SETTINGS and SETTINGS[name].fits(value):
        return value
    place = found.place(name)  # looked for only now, since in a long file that takes seconds
    return checked(name, value, f"{place}: `{name}`", f"{place}: [{TABLE}]")


class _Project(Config):
    """Our table of a project's file; its keys are counted from there."""

    __slots__ = ()

    def place(self, *keys: str) -> str:
        """The file, with the line of a key that is set."""
        return Config.place(self, *TABLE.split("."), *keys)


def _nearest(directory: Path) -> _Project | None:
    """The nearest file that has our table; None where none has."""
    for folder in (directory, *directory.parents):
        path = folder / FILE
        try:
            text = path.read_text(encoding="utf-8-sig")  # as `config.toml` is read
        except (OSError, UnicodeDecodeError):  # there is none, or none for us
            continue
        if re.search(_MENTION, text) and (table := _table(path, text)) is not None:
            return _Project(path, text, table)
    return None


@lru_cache(maxsize=8)  # every run asks, and nearly always for what the file said before
def _table(path: Path, text: str) -> Mapping[str, Any] | None:
    """Our table in a file; None where there is none."""
    tools = parsed(path, text).get("tool")
    table = tools.get("kosmo_kernel") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{path}: `{TABLE}` must be a table: `[{TABLE}]`.")
    return table
