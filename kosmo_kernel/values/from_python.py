"""Convert Python values for Lua.

A value is copied once into the types of JSON (None, booleans, 64-bit integers, numbers, texts, lists, dicts) and those
that Lua has in addition (infinity, integer keys). Missing values of any library, including NaN, become None, times ISO
8601 text, and a DataFrame the list of its rows. A list of dicts becomes `Records`, which stay in this process and reach
Lua only as far as a script reads them, as do the frames in a dict, such as those of a snapshot. The result of a
function keeps that function, so that it reads in Lua as before. A value without a Lua form is an error with its path.

`standard_types.py` converts the standard library's types, `numpy_pandas.py` those of numpy and pandas. The latter is
imported only if one of these libraries is already imported, because no value can be theirs before.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.values.records import Record, Records, collector_paused
from kosmo_kernel.values.standard_types import NoLuaFormError, ValueCopier, is_frame, step

__all__ = ["lua_value"]


def lua_value(value: Any, name: str) -> Any:
    """Return a copy of a value in a form that Lua can have.

    Parameters:
        name: the name of the value in messages, `-i df`.

    Returns:
        One of None, bool, int, float, str, list, dict, `Record` and `Records`, or a dict with `Records` for some of its
        values. Converting the result again gives an equal value.

    Raises:
        InvalidArgumentsError: it, or something in it, has no Lua form: `-i df[3].x: a complex number has no Lua form`.
    """
    if isinstance(value, Records):
        return value
    try:
        with collector_paused():
            if is_frame(value):
                return _records(value)
            if isinstance(value, Mapping) and (tables := _tables(value)):
                return tables
            copied = _copier().of(value)
    except NoLuaFormError as error:
        raise InvalidArgumentsError(f"{name}{error.path}: {error.why}") from None
    if isinstance(value, Record):
        return Record(copied, value.function, value.account)
    if type(copied) is list and copied and all(type(item) is dict for item in copied):
        return Records(copied)
    return copied


def _copier() -> ValueCopier:
    return ValueCopier(_of_library)


def _of_library(value: Any, copy: ValueCopier) -> Any:
    """Return a copy of a value of numpy or pandas, or NotImplemented for any other value."""
    if not {"numpy", "pandas"} & sys.modules.keys():
        return NotImplemented
    from kosmo_kernel.values.numpy_pandas import to_json_types

    return to_json_types(value, copy)


def _records(frame: Any) -> Records:
    from kosmo_kernel.values.numpy_pandas import records_of

    return records_of(frame, _copier())


def _tables(value: Mapping[Any, Any]) -> dict[str | int, Any]:
    """Return a mapping with its frames as `Records`; empty for a mapping without frames."""
    items = dict(value.items())  # read once, because a snapshot makes a new frame on each access
    frames = {key: item for key, item in items.items() if is_frame(item) or isinstance(item, Records)}
    if not frames:
        return {}
    copied: dict[str | int, Any] = _copier().of(items | dict.fromkeys(frames))
    for key, frame in frames.items():
        try:
            copied[_copier().key(key)] = frame if isinstance(frame, Records) else _records(frame)
        except NoLuaFormError as error:
            error.steps.append(step(key))
            raise
    return copied
