"""Parse TOML and find the lines of keys, for error messages.

Python's parser returns values without line numbers. The line of a key is found by bisection: beginnings of the file are
parsed again, and the key is on the line with which it first appears.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import SettingsError

MAX_KEY_PARTS = 100  # of a dotted key; Python's parser takes quadratic time for it
_MAX_LOCATED = 64 << 10  # characters of a file in which lines of keys are found, because many parts of it are parsed
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_LONG_KEY = rf"(?<![\w.-]){_PART}(?:\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}"
_MAX_VALUE_LINES = 500  # lines of a value; the line of a key with a longer one may not be found


def parse(path: Path, text: str) -> dict[str, Any]:
    """Return the values of a TOML file.

    Parameters:
        path: the file, for messages.
        text: its text.

    Raises:
        SettingsError: it is no TOML (with the line and the column), or it cannot be read in reasonable time or space.
    """
    import tomllib

    if re.search(_LONG_KEY, text):
        raise SettingsError(f"{path} has a key of more than {MAX_KEY_PARTS} parts with dots between them.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path} cannot be read: its lists or tables are too deep in one another.") from None
    except ValueError:
        raise SettingsError(f"{path} cannot be read: it has a number or a time that is too large.") from None


def locate_key(path: Path, text: str, keys: Sequence[str]) -> str:
    """Return a file with the line of a key, as `FILE:LINE`, or the file alone if the line cannot be found.

    Parameters:
        path: the file.
        text: its text, which is valid TOML.
        keys: the path of names to the key: `("limits", "memory")`.
    """
    line = _line(text, tuple(keys))
    return str(path) if line is None else f"{path}:{line}"


@lru_cache(maxsize=64)  # files rarely change between runs, and each search parses the file many times
def _line(text: str, keys: tuple[str, ...]) -> int | None:
    lines = text.splitlines(keepends=True)
    if len(text) > _MAX_LOCATED or not _has(text, keys):
        return None
    without, with_it = 0, len(lines)  # numbers of lines that parse without and with the key
    while with_it - without > 1:
        middle = (without + with_it) // 2
        below, above = (
            range(middle, max(without, middle - _MAX_VALUE_LINES), -1),
            range(middle + 1, with_it)[:_MAX_VALUE_LINES],
        )
        states = ((end, _has("".join(lines[:end]), keys)) for end in (*below, *above))
        end, has_key = next(((end, state) for end, state in states if state is not None), (None, None))
        if end is None:
            break  # all these lines belong to one value
        without, with_it = (without, end) if has_key else (end, with_it)
    return without + 1 if with_it - without <= _MAX_VALUE_LINES else None


def _has(text: str, keys: Sequence[str]) -> bool | None:
    """Return whether a text has a key, or None if it is no TOML."""
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
