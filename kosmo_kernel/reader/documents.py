"""Parse TOML, and JSON with comments: a small text in this process, and a longer one in the reader.

Most files are small, and starting the reader, which takes a tenth of a second, would slow down every command. The worst
texts of `MAX_SMALL_TEXT` characters are parsed in 25 ms, and the line of a key in them is found in 18 ms. The time
grows with the length: a file of 256 KiB takes 0.2 s, and one of 4 MiB 3 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import LimitError, SettingsError
from kosmo_kernel.safety.intake import decode_json

MAX_SMALL_TEXT = 32 << 10  # characters

_TOML = "kosmo_kernel.reader.document_tasks:toml"
_LINE = "kosmo_kernel.reader.document_tasks:line"
_JSONC = "kosmo_kernel.reader.document_tasks:jsonc"


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Return the values of a TOML file.

    Parameters:
        path: the file, for messages.
        text: its text.

    Raises:
        SettingsError: it is no TOML (with the line and the column), or it cannot be read in reasonable time or space.
        StoppedError: the run must stop.
    """
    if len(text) <= MAX_SMALL_TEXT:
        from kosmo_kernel.reader import toml

        return toml.parse(str(path), text)
    table = decode_json(_read(_TOML, str(path), text), str(path), SettingsError, hook=_table_or_time)
    if not isinstance(table, dict):
        raise SettingsError(f"{path} cannot be read.")
    return table


def locate_key(path: Path, text: str, keys: Sequence[str]) -> str:
    """Return a TOML file with the line of a key, as `FILE:LINE`, or the file alone if the line cannot be found.

    Parameters:
        path: the file.
        text: its text, which is valid TOML.
        keys: the path of names to the key: `("limits", "memory")`.
    """
    if len(text) <= MAX_SMALL_TEXT:
        from kosmo_kernel.reader import toml

        line = str(toml.line_of(text, keys) or "")
    else:
        line = _read(_LINE, str(path), text, keys).decode()
    return f"{path}:{line}" if line.isdecimal() else str(path)


def parse_jsonc(name: str, text: str) -> Any:
    """Return the value of a JSON text with comments.

    Parameters:
        name: the name of the text in error messages: a file's path.
        text: JSON; comments, trailing commas and a byte order mark are ignored.

    Raises:
        SettingsError: it is no such JSON (with the line and the column), or cannot be read in reasonable time or space.
        StoppedError: the run must stop.
    """
    if len(text) <= MAX_SMALL_TEXT:
        from kosmo_kernel.reader import jsonc

        return jsonc.parse(name, text)
    return decode_json(_read(_JSONC, name, text), name, SettingsError)


def _read(function: str, name: str, text: str, keys: Sequence[str] = ()) -> bytes:
    from kosmo_kernel.reader.reading import read
    from kosmo_kernel.reader.task import Task
    from kosmo_kernel.walls import wire

    try:
        request = wire.pack({"name": name, "keys": list(keys)}, [text.encode(errors="surrogatepass")])
        return read(Task(function, f"`{name}`"), request)
    except LimitError as error:
        raise SettingsError(error.message) from None


def _table_or_time(value: dict[str, Any]) -> Any:
    """Return what `document_tasks.toml` wrote as an object."""
    from datetime import date, datetime, time

    form = value.get("")
    if form is None:
        return value
    if not isinstance(form, str):
        return dict(form)
    kind = datetime if "T" in form else time if ":" in form else date
    return kind.fromisoformat(form)
