"""Parse TOML and JSON with comments: tasks of `documents.py`, which run in the reader.

The bytes of each are a payload: its header has the name of the text for messages, and the keys of `line`.
"""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.reader import jsonc as json_with_comments
from kosmo_kernel.reader import toml as toml_parser
from kosmo_kernel.walls import wire


def prepare() -> None:
    """Import what errors need."""
    SettingsError("://")


def toml(data: bytes) -> bytes:
    """Return the values of TOML as JSON.

    JSON has no times: one is an object whose only name is empty, with the time as a text. A table that has an empty
    name itself is such an object with a list of its pairs.
    """
    header, (text,) = wire.unpack(data)
    return json.dumps(_as_json(toml_parser.parse(header["name"], text.decode()))).encode()


def line(data: bytes) -> bytes:
    """Return the line of a key in digits; no bytes if it cannot be found."""
    header, (text,) = wire.unpack(data)
    return str(toml_parser.line_of(text.decode(), header["keys"]) or "").encode()


def jsonc(data: bytes) -> bytes:
    """Return a value as JSON without comments."""
    header, (text,) = wire.unpack(data)
    return json.dumps(json_with_comments.parse(header["name"], text.decode(errors="surrogatepass"))).encode()


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        table = {name: _as_json(item) for name, item in value.items()}
        return {"": list(table.items())} if "" in table else table
    if isinstance(value, list):
        return list(map(_as_json, value))
    return {"": value.isoformat()} if isinstance(value, (date, time)) else value
