"""Reading TOML so that a mistake in it can be told with its place.

Python's reader gives values without the lines that they stand on. The line of a key is found by reading again, only
the first half of the file, then a quarter more or less, and so on: it stands where it appears.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import SettingsError

_LONGEST = 500  # lines that one value may have for the line of its key to be found


def parsed(path: Path, text: str) -> dict[str, Any]:
    """The values of a TOML file.

    Parameters:
        path: the file, for messages.
        text: what is in it.

    Raises:
        SettingsError: it is no TOML, with the line and the column; or too deep.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise SettingsError(f"{path} is no TOML: {fault}") from None
    except RecursionError:
        raise SettingsError(f"{path} cannot be read: its lists or tables are too deep in one another.") from None


def place(path: Path, text: str, keys: Sequence[str]) -> str:
    """A file with the line of a key in it, as `FILE:LINE`; the file alone where the line cannot be found.

    Parameters:
        path: the file.
        text: what is in it, which is TOML.
        keys: the names of the tables that lead to the key, and its own: `("limits", "memory")`.
    """
    line = _line(text, tuple(keys))
    return str(path) if line is None else f"{path}:{line}"


@lru_cache(maxsize=64)  # a file stays as it is from run to run, and to find a line takes as long as to read it often
def _line(text: str, keys: tuple[str, ...]) -> int | None:
    lines = text.splitlines(keepends=True)
    if not _has(text, keys):
        return None
    without, with_it = 0, len(lines)  # how many lines, from the first, are TOML and have the key not yet, and have it
    while with_it - without > 1:
        middle = (without + with_it) // 2
        below, above = range(middle, max(without, middle - _LONGEST), -1), range(middle + 1, with_it)[:_LONGEST]
        states = ((end, _has("".join(lines[:end]), keys)) for end in (*below, *above))
        end, found = next(((end, state) for end, state in states if state is not None), (None, None))
        if end is None:
            break  # all of these lines are one value
        without, with_it = (without, end) if found else (end, with_it)
    return without + 1 if with_it - without <= _LONGEST else None


def _has(text: str, keys: Sequence[str]) -> bool | None:
    """Whether a text has a key; None where it is no TOML."""
    import tomllib

    try:
        value: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
