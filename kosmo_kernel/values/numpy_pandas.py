"""The values of numpy and pandas: their scalars, arrays and series, and a DataFrame as the list of its rows.

A column is read as a whole, its times without a step in Python for each. Nothing here imports pandas: a value of
its types is there only where somebody else has.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.values.fields import path_of
from kosmo_kernel.values.records import Records, account_columns, columns_with_item
from kosmo_kernel.values.standard_types import NoLuaFormError, ValueCopier, step, type_words

if TYPE_CHECKING:
    import numpy.typing as npt

Path = tuple[str, ...]
Frame = Any  # a pandas DataFrame
Series = Any  # a column of one
_Column = tuple[Path, list[Any]]  # where it stands in a record, and its value in each

_DAYS_OR_MORE = frozenset("YMWD")  # numpy's units for times without a clock
_MONTHS_OR_MORE = frozenset("YM")  # and for spans of no certain length


def is_one(value: object) -> bool:
    """Whether a value is of numpy or pandas, and more than what Python itself has."""
    if isinstance(value, (np.generic, np.ndarray)):
        return True
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    columns = (pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)
    return value is pandas.NA or isinstance(value, (pandas.DataFrame, *columns))


def form(value: Any, copy: ValueCopier) -> Any:
    """Such a value as JSON has it; a DataFrame as the list of its rows."""
    pandas = sys.modules.get("pandas")
    if isinstance(value, np.generic):
        return _scalar(value, copy)
    if isinstance(value, np.ndarray):
        return copy.items(_elements(value), value) if value.ndim else copy.of(value[()])
    if pandas is None or value is pandas.NA:
        return None
    if isinstance(value, pandas.DataFrame):
        return records_of(value, copy).rows
    if isinstance(value, pandas.Index):
        return copy.items(_column(value.to_series()), value)
    return copy.items(_column(value if isinstance(value, pandas.Series) else pandas.Series(value)), value)


def records_of(frame: Frame, copy: ValueCopier) -> Records:
    """The rows of a frame, each with its columns in order.

    Levels of the index that have a name come first. A frame that Lua gave, or that remembers its function, becomes
    what it was: dotted columns are records in the records, and one whose fields are all missing is None. While it
    has the function's columns, its records are that function's.
    """
    levels = [level for level, name in enumerate(frame.index.names) if name is not None]
    names = _names([*(frame.index.names[level] for level in levels), *frame.columns], copy)
    paths: list[Path] = [(name,) for name in names]
    if "function" in frame.attrs or _is_ours(frame):
        nested = [path_of(name) for name in names]
        paths = nested if len(set(nested)) == len(nested) else paths
    series = [frame.index.get_level_values(level).to_series() for level in levels]
    series += [frame.iloc[:, place] for place in range(frame.shape[1])]
    with copy.below(max(map(len, paths), default=0)):
        columns = [_checked(name, one, copy) for name, one in zip(names, series, strict=True)]
    rows = _objects(list(zip(paths, columns, strict=True)), len(frame))
    function = _function(frame.attrs)
    declared = _declared(function, names) if function else None
    return Records(rows, function if declared else None, declared)


def _names(labels: Sequence[Hashable], copy: ValueCopier) -> list[str]:
    """The names of columns."""
    names: dict[str, None] = {}
    for label in labels:
        try:
            name = copy.key(label)
        except NoLuaFormError:
            name = None
        if not isinstance(name, str):
            raise NoLuaFormError(f"the column {label!r:.40} has no name that is a text")
        if name in names:
            raise NoLuaFormError(f"two columns are called {name!r}")
        names[name] = None
    return list(names)


def _checked(name: str, series: Series, copy: ValueCopier) -> list[Any]:
    """The values of a frame's column; a fault is told as a row's."""
    try:
        return copy.items(_column(series))
    except NoLuaFormError as fault:
        fault.steps.insert(-1, step(name))
        raise


def _column(series: Series) -> list[Any]:
    """The values of a column as Python has them, but times and spans as Lua has them; None where there is none."""
    kind = series.dtype.kind
    if kind == "M":
        local = getattr(series.dt, "tz", None) is None
        times = series.to_numpy() if local else series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        if times.dtype.kind == "M":
            texts = _times(times)
            return texts if local else [text and f"{text}Z" for text in texts]
    if kind == "m" and (spans := series.to_numpy()).dtype.kind == "m":
        return _spans(spans)
    values: list[Any] = series.tolist()
    if not series.hasnans:
        return values
    return [None if none else value for value, none in zip(values, series.isna().tolist(), strict=True)]


def _scalar(value: np.generic, copy: ValueCopier) -> Any:
    if value.dtype.kind in "Mm":
        return _elements(value.reshape(1))[0]
    plain: Any = float(value) if isinstance(value, np.floating) else value.item()
    if isinstance(plain, np.generic) or value.dtype.kind == "V":
        raise NoLuaFormError(f"{type_words(value)} has no Lua form")
    return copy.of(plain)


def _elements(array: npt.NDArray[Any]) -> list[Any]:
    """What is in an array: lists of lists where it has more than one dimension."""
    if array.dtype.kind not in "Mm":
        listed: list[Any] = array.tolist()
        return listed
    if array.ndim > 1:
        return [_elements(part) for part in array]
    return _times(array) if array.dtype.kind == "M" else _spans(array)


def _times(array: npt.NDArray[np.datetime64]) -> list[str | None]:
    """Times in ISO 8601, as `datetime.isoformat` writes them."""
    if np.datetime_data(array.dtype)[0] in _DAYS_OR_MORE:
        texts = np.datetime_as_string(array).tolist()
    else:
        seconds = array.astype("M8[s]")
        texts = np.datetime_as_string(seconds, unit="s").tolist()
        for place in np.flatnonzero(seconds != array).tolist():
            micro = array[place].astype("M8[us]")
            texts[place] = str(np.datetime_as_string(micro if micro == array[place] else array[place]))
    return [None if text == "NaT" else text for text in texts]


def _spans(array: npt.NDArray[np.timedelta64]) -> list[float | None]:
    """Spans of time in seconds: integers where they are whole."""
    if np.datetime_data(array.dtype)[0] in _MONTHS_OR_MORE:
        raise NoLuaFormError("a time span of months or years has no length in seconds")
    seconds: list[float] = (array / np.timedelta64(1, "s")).tolist()
    return [None if one != one else int(one) if one.is_integer() else one for one in seconds]  # noqa: PLR0124 - NaT


def _objects(columns: list[_Column], count: int) -> list[dict[str, Any]]:
    """So many records with these columns, those that start with the same key in a record of their own."""
    groups: dict[str, list[_Column]] = {}
    for path, values in columns:
        groups.setdefault(path[0], []).append((path[1:], values))
    values_of = []
    for key, members in groups.items():
        leaf = next((values for path, values in members if not path), None)
        below = [member for member in members if member[0]]
        if not below and leaf is not None:
            values_of.append(leaf)
            continue
        inner: list[Any] = _objects(below, count)
        if all(None in values for _, values in below):
            inner = [None if all(value is None for value in one.values()) else one for one in inner]
        values_of.append(inner if leaf is None else _beside(key, leaf, inner))
    if not values_of:
        return [{} for _ in range(count)]
    return [dict(zip(groups, row, strict=True)) for row in zip(*values_of, strict=True)]


def _beside(key: str, leaf: list[Any], inner: list[Any]) -> list[Any]:
    """Where some records have an object and others something else."""
    for place, (one, other) in enumerate(zip(leaf, inner, strict=True)):
        if one is not None and other is not None:
            fault = NoLuaFormError(f"the column {key!r} and one below it, `{key}.…`, both have a value")
            fault.steps.append(f"[{place}]")
            raise fault
    return [other if one is None else one for one, other in zip(leaf, inner, strict=True)]


def _is_ours(frame: Frame) -> bool:
    """Whether Lua gave this frame, and nothing was made of it since."""
    return getattr(type(frame), "holds_records", False) is True


def _function(attrs: dict[Hashable, Any]) -> Function | None:
    """The function that a frame remembers."""
    from kosmo_kernel import integrations

    integration, dot, name = str(attrs.get("function", "")).partition(".")
    try:
        return integrations.find(integration).function(name) if dot else None
    except KosmoError:  # a frame of another time, when there was such a function
        return None


def _declared(function: Function, names: list[str]) -> tuple[Column, ...] | None:
    """The declared columns that a frame starts with; None when it has not all of them, or in another order."""
    for declared in (function.columns, columns_with_item(function)):
        for columns in (declared, account_columns(declared)):
            if names[: len(columns)] == [column.name for column in columns]:
                return columns
    return None
