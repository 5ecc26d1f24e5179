"""Reading TOML so that a mistake in it can be told with its place.

Python's reader gives values without the lines that they stand on. The line of a key is found by reading again, as far
as the file reaches before and behind each place where the key may be written: it stands where it appears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LONGEST = 200  # lines that one value may have for the line of its key to be found


def parsed(path: Path, text: str) -> dict[str, Any]:
    """The values of a TOML file.

    Parameters:
        path: the file, for messages.
        text: what is in it.

    Raises:
        SettingsError: it is no TOML; with the line and the column.
    """
    import tomllib  # noqa: PLC0415 - most starts read no such file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise SettingsError(f"{path} is no TOML: {fault}") from None


def place(path: Path, text: str, keys: Sequence[str]) -> str:
    """A file with the line of a key in it, as `FILE:LINE`; the file alone where the line cannot be found.

    Parameters:
        path: the file.
        text: what is in it, which is TOML.
        keys: the names of the tables that lead to the key, and its own: `("limits", "memory")`.
    """
    line = _line(text, keys)
    return str(path) if line is None else f"{path}:{line}"


def _line(text: str, keys: Sequence[str]) -> int | None:
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if keys[-1] in line and _has("".join(lines[: number - 1]), keys) is False:
            for end in range(number, min(number + _LONGEST, len(lines)) + 1):
                found = _has("".join(lines[:end]), keys)
                if found:
                    return number
                if found is False:  # it is TOML up to here, so this was another thing with that name in it
                    break
    return None


def _has(text: str, keys: Sequence[str]) -> bool | None:
    """Whether a text has a key; None where it is no TOML."""
    import tomllib  # noqa: PLC0415 - as above

    try:
        value: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
