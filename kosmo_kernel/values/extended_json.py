r"""JSON with what Lua and Python both have and JSON has not: NaN, the infinities, and integers for keys.

Such a text is *wide*, and whoever sends it says so. It is JSON with marks, which are keys that begin with the null
character: `"\u00007"` is the key 7, and `{"\u0000n": "nan"}` stands for a number. A text that itself begins with that
character has one more in front as a key, so that nothing a script makes is taken for a mark. Where a value needs none
of this its JSON is as it always was. `lua/json_encode.lua` and `lua/json.lua` are the other side.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from kosmo_kernel.values import records
from kosmo_kernel.values.records import Records

_MARK = "\0"
_NUMBER = f"{_MARK}n"
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_WORDS = {"nan": "NaN", "inf": "infinity", "-inf": "-infinity"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def encode(value: Any) -> tuple[bytes, bool]:
    """Python values as JSON text, and whether that is wide.

    Raises:
        TypeError: a value has no such form.
    """
    if not is_wide(value):
        return records.encode(value), False
    return records.encode(_marked(value)), True


def decode(body: bytes) -> Any:
    """Wide JSON text as Python values.

    Raises:
        ValueError, TypeError, KeyError: the text is no such thing.
    """
    try:
        return _unmarked(records.decode(body))
    except RecursionError:
        raise ValueError("values in one another without an end") from None


def is_wide(value: Any) -> bool:
    """Whether there is something in a value that only wide JSON can say."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key in one:
                if type(key) is not str or key[:1] == _MARK:
                    return True
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, float):
            if not math.isfinite(one):
                return True
        elif isinstance(one, Records):
            waiting += one.rows
    return False


def lost(value: Any, place: str) -> Iterator[str]:
    """What plain JSON does not say of a value, in words, each with its place as Lua writes it.

    Parameters:
        value: of a script.
        place: what the value is called: `result[2]`.
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{place} is {_WORDS[str(value)]}, which is null in JSON"
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, int) and str(key) in value:
                yield f'{place} has the keys {key} and "{key}", which are the same in JSON'
            yield from lost(item, place + _step(key))
    elif isinstance(value, (list, Records)):
        for number, item in enumerate(value, start=1):
            yield from lost(item, f"{place}[{number}]")


def _step(key: str | int) -> str:
    if isinstance(key, str):
        return f".{key}" if _NAME.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
    return f"[{key}]"


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_marked_key(key): _marked(item) for key, item in value.items()}
    if isinstance(value, (list, Records)):
        return [_marked(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: str(value)}
    return value


def _marked_key(key: str | int) -> str:
    if isinstance(key, str):
        return _MARK + key if key[:1] == _MARK else key
    return f"{_MARK}{key}"


def _unmarked(value: Any) -> Any:
    """The value without marks. Lists and dicts are changed where they are, so that none takes room twice."""
    if isinstance(value, dict):
        if len(value) == 1 and _NUMBER in value:
            return _NUMBERS[value[_NUMBER]]
        if any(key[:1] == _MARK for key in value):
            return {_key(key): _unmarked(item) for key, item in value.items()}
        for key, item in value.items():
            value[key] = _unmarked(item)
    elif isinstance(value, list):
        value[:] = map(_unmarked, value)
    return value


def _key(key: str) -> str | int:
    if key[:1] != _MARK:
        return key
    return key[1:] if key[1:2] == _MARK else int(key[1:])
