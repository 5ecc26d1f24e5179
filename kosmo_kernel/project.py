"""What holds for every cell of a project, unless the cell says otherwise: `[tool.kosmo_kernel]` in pyproject.toml.

The file is looked for in the working directory and in those above it, as other tools do; the nearest one with that
table counts. `%config KosmoMagic` of a Python notebook has the same settings. A mistake is an error that names
the file, the line, and the nearest setting.

Below `integrations` in that table stand permissions. They hold beside those of the person who runs the notebook, and
can only take something away (`permissions.py`).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel.config import Config, check
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.toml_text import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kosmo_kernel.config import Key

FILE, TABLE = "pyproject.toml", "tool.kosmo_kernel"
PERMITTED = "integrations"  # what of the table is not a setting of cells
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


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0


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
    "timeout": Setting(
        "Seconds after which a cell is stopped, as `--timeout` has it.", "a number of seconds above zero", _is_time
    ),
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
        from kosmo_kernel.catalogue import nearest  # noqa: PLC0415 - only needed once something is wrong

        near = nearest(name, list(SETTINGS), most=1)
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
    return {
        name: checked(name, value, f"{found.place(name)}: `{name}`", f"{found.place(name)}: [{TABLE}]")
        for name, value in found.table.items()
        if name != PERMITTED
    }


def tightened(directory: Path, known: Sequence[Key]) -> Config | None:
    """What the project of a directory says of integrations; None where it says nothing.

    Parameters:
        directory: where it is looked for.
        known: what it may say.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file.
    """
    found = _nearest(directory)
    if found is None or PERMITTED not in found.table:
        return None
    said = {PERMITTED: found.table[PERMITTED]}
    check(said, known, lambda keys: found.place(*keys))
    return _Project(found.path, found.text, said)


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
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # there is none, or none for us
            continue
        if re.search(_MENTION, text) and (table := _table(path, text)) is not None:
            return _Project(path, text, table)
    return None


def _table(path: Path, text: str) -> dict[str, Any] | None:
    """Our table in a file; None where there is none."""
    tools = parsed(path, text).get("tool")
    table = tools.get("kosmo_kernel") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{path}: `{TABLE}` must be a table: `[{TABLE}]`.")
    return table
