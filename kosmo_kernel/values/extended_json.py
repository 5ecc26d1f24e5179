r"""Encode values that Lua and Python have and JSON lacks: NaN, the infinities, and integer keys.

Such a text is *wide* JSON, and messages flag it. It is JSON with markers, which are keys that begin with the null
character: `"\u00007"` is the key 7, and `{"\u0000n": "nan"}` stands for a number. A string key that begins with that
character gets a second one in front, so that no key of a script is taken for a marker. Values without such parts are
encoded as plain JSON. The counterparts in Lua are `lua/json_encode.lua` and `lua/json.lua`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from kosmo_kernel.safety import decoder
from kosmo_kernel.safety.decoder import MAX_DEPTH, MAX_VALUES
from kosmo_kernel.values import records
from kosmo_kernel.values.lua_literals import field
from kosmo_kernel.values.records import Records

_MARKER = "\0"
_NUMBER = f"{_MARKER}n"
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_NAMES = {"nan": "NaN", "inf": "infinity", "-inf": "-infinity"}


def encode(value: Any) -> tuple[bytes, bool]:
    """Return a value as JSON text, and whether the text is wide JSON.

    Raises:
        TypeError: a value cannot be encoded.
    """
    if not is_wide(value):
        return records.encode(value), False
    return records.encode(_with_markers(value)), True


def decode(body: bytes, *, max_values: int = MAX_VALUES) -> Any:
    """Return the value of wide JSON text.

    Parameters:
        body: the text.
        max_values: the largest number of values in it.

    Raises:
        ValueError, TypeError, KeyError: the text is not valid wide JSON.
    """
    return _without_markers(decoder.decode(body, max_values=max_values, max_depth=MAX_DEPTH + 1))  # a number is one


def is_wide(value: Any) -> bool:
    """Return whether a value contains anything that needs wide JSON."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            for key in item:
                if type(key) is not str or key[:1] == _MARKER:
                    return True
            pending += item.values()
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, float):
            if not math.isfinite(item):
                return True
        elif isinstance(item, Records):
            pending += item.rows
    return False


def describe_json_losses(value: Any, path: str) -> Iterator[str]:
    """Yield a sentence for each part of a value that plain JSON loses, with its path in Lua below that of the value."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{path} is {_NAMES[str(value)]}, which is null in JSON"
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, int) and str(key) in value:
                yield f'{path} has the keys {key} and "{key}", which are the same in JSON'
            yield from describe_json_losses(item, path + (f"[{key}]" if isinstance(key, int) else field(key)))
    elif isinstance(value, (list, Records)):
        for number, item in enumerate(value, start=1):
            yield from describe_json_losses(item, f"{path}[{number}]")


def _with_markers(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) and key[:1] != _MARKER else f"{_MARKER}{key}": _with_markers(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, Records)):
        return [_with_markers(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: str(value)}
    return value


def _without_markers(value: Any) -> Any:
    """Return the value without markers; lists and dicts are changed in place to save memory."""
    if isinstance(value, dict):
        if len(value) == 1 and _NUMBER in value:
            return _NUMBERS[value[_NUMBER]]
        if any(key[:1] == _MARKER for key in value):
            return {_decode_key(key): _without_markers(item) for key, item in value.items()}
        for key, item in value.items():
            value[key] = _without_markers(item)
    elif isinstance(value, list):
        value[:] = map(_without_markers, value)
    return value


def _decode_key(key: str) -> str | int:
    if key[:1] != _MARKER:
        return key
    return key[1:] if key[1:2] == _MARKER else int(key[1:])
