"""Python's values as Lua takes them.

What goes in is copied once, into what JSON has: None, booleans, integers of 64 bits, numbers, texts, lists and dicts;
and into what Lua has beside it: infinity, and dicts with integers for keys. Missing values of any library, NaN among
them, are None, times are ISO 8601 text, a DataFrame is the list of its rows. A list of dicts becomes `Records`, which
stay in this process and reach Lua as far as it looks at them, and so do the frames of a dict, such as those of a
snapshot; what a function returned keeps that function, so that it reads in Lua as it did before. What has no Lua form
is one error, which names the place in the value.

`standard_types.py` knows the standard library. `numpy_pandas.py` knows numpy and pandas, and is imported when a value
can be one of theirs, which is only once somebody else has imported those.
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
    """A value as Lua can have it, which nothing done to the original changes later.

    Parameters:
        value: anything.
        name: what messages call it, `-i df`.

    Returns:
        One of None, bool, int, float, str, list, dict, `Record` and `Records`, or a dict with `Records` for some of its
        values; such a value comes back equal.

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
            made = LibraryValueCopier().of(value)
    except NoLuaFormError as fault:
        raise InvalidArgumentsError(f"{name}{fault.path}: {fault.why}") from None
    if isinstance(value, Record):
        return Record(made, value.function, value.account)
    if type(made) is list and made and all(type(item) is dict for item in made):
        return Records(made)
    return made


class LibraryValueCopier(ValueCopier):
    """A copy that knows numpy and pandas as well."""

    def is_of_library(self, value: object) -> bool:
        if not {"numpy", "pandas"} & sys.modules.keys():
            return False
        from kosmo_kernel.values import numpy_pandas

        return numpy_pandas.is_one(value)

    def of_library(self, value: Any) -> Any:
        from kosmo_kernel.values import numpy_pandas

        return numpy_pandas.form(value, self)


def _records(frame: Any) -> Records:
    from kosmo_kernel.values.numpy_pandas import records_of

    return records_of(frame, LibraryValueCopier())


def _tables(value: Mapping[Any, Any]) -> dict[str | int, Any]:
    """A mapping that has frames in it, whose frames are not copied into one another; empty for any other.

    Raises:
        NoLuaFormError: something in it has no Lua form.
    """
    items = dict(value.items())  # a snapshot makes a frame each time that it is asked
    frames = {key: item for key, item in items.items() if is_frame(item) or isinstance(item, Records)}
    if not frames:
        return {}
    made: dict[str | int, Any] = LibraryValueCopier().of(items | dict.fromkeys(frames))
    for key, frame in frames.items():
        try:
            made[LibraryValueCopier().key(key)] = frame if isinstance(frame, Records) else _records(frame)
        except NoLuaFormError as fault:
            fault.steps.append(step(key))
            raise
    return made
