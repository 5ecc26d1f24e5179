"""Convert numpy and pandas values for Lua: scalars, arrays and series, and a DataFrame as the list of its rows.

Columns are converted as a whole, their times without a loop in Python. Nothing here imports pandas, because its values
exist only if it is already imported.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.integrations import function_named
from kosmo_kernel.values.fields import path_of
from kosmo_kernel.values.records import Records, account_columns, columns_with_item
from kosmo_kernel.values.standard_types import NoLuaFormError, ValueCopier, step, type_words

if TYPE_CHECKING:
    import numpy.typing as npt

Path = tuple[str, ...]
Frame = Any  # a pandas DataFrame
Series = Any  # a column of a DataFrame
_Column = tuple[Path, list[Any]]  # its path in a record, and its value in each record

_DAYS_OR_MORE = frozenset("YMWD")  # numpy's units for times without a clock time
_MONTHS_OR_MORE = frozenset("YM")  # its units for spans of varying length


def to_json_types(value: Any, copy: ValueCopier) -> Any:
    """Return a numpy or pandas value in JSON types, a DataFrame as the list of its rows; else NotImplemented."""
    if isinstance(value, np.generic):
        return _scalar(value, copy)
    if isinstance(value, np.ndarray):
        return copy.items(_elements(value), value) if value.ndim else copy.of(value[()])
    pandas = sys.modules.get("pandas")
    return NotImplemented if pandas is None else _of_pandas(pandas, value, copy)


def _of_pandas(pandas: Any, value: Any, copy: ValueCopier) -> Any:
    if value is pandas.NA:
        return None
    if isinstance(value, pandas.DataFrame):
        return records_of(value, copy).rows
    series = value.to_series() if isinstance(value, pandas.Index) else value
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        series = pandas.Series(value)
    return copy.items(_column(series), value) if isinstance(series, pandas.Series) else NotImplemented


def records_of(frame: Frame, copy: ValueCopier) -> Records:
    """Return the rows of a frame as records, each with its columns in order.

    Named levels of the index come first. A frame that came from Lua, or that has its function in `.attrs`, is converted
    back: dotted columns become nested records, and a nested record whose fields are all missing is None. As long as the
    frame has the function's columns, the records keep the function.
    """
    levels = [level for level, name in enumerate(frame.index.names) if name is not None]
    names = _names([*(frame.index.names[level] for level in levels), *frame.columns], copy)
    paths: list[Path] = [(name,) for name in names]
    is_ours = getattr(type(frame), "holds_records", False) is True  # it came from Lua
    if "function" in frame.attrs or is_ours:
        nested = [path_of(name) for name in names]
        paths = nested if len(set(nested)) == len(nested) else paths
    series = [frame.index.get_level_values(level).to_series() for level in levels]
    series += [frame.iloc[:, index] for index in range(frame.shape[1])]
    with copy.below(max(map(len, paths), default=0)):
        columns = [_convert(name, column, copy) for name, column in zip(names, series, strict=True)]
    rows = _objects(list(zip(paths, columns, strict=True)), len(frame))
    function = function_named(str(frame.attrs.get("function", "")))  # None if it no longer exists
    declared = _declared(function, names) if function else None
    return Records(rows, function if declared else None, declared)


def _names(labels: Sequence[Hashable], copy: ValueCopier) -> list[str]:
    """Return the names of columns, which must be distinct texts."""
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


def _convert(name: str, series: Series, copy: ValueCopier) -> list[Any]:
    """Return the converted values of a column; an error has the path `[row].column`."""
    try:
        return copy.items(_column(series))
    except NoLuaFormError as error:
        error.steps.insert(-1, step(name))
        raise


def _column(series: Series) -> list[Any]:
    """Return the values of a column as Python objects, times and spans in their Lua form, and None for missing ones."""
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
    return [None if missing else value for value, missing in zip(values, series.isna().tolist(), strict=True)]


def _scalar(value: np.generic, copy: ValueCopier) -> Any:
    if value.dtype.kind in "Mm":
        return _elements(value.reshape(1))[0]
    scalar: Any = float(value) if isinstance(value, np.floating) else value.item()
    if isinstance(scalar, np.generic) or value.dtype.kind == "V":
        raise NoLuaFormError(f"{type_words(value)} has no Lua form")
    return copy.of(scalar)


def _elements(array: npt.NDArray[Any]) -> list[Any]:
    """Return the items of an array, as nested lists if it has several dimensions."""
    if array.dtype.kind not in "Mm":
        listed: list[Any] = array.tolist()
        return listed
    if array.ndim > 1:
        return [_elements(part) for part in array]
    return _times(array) if array.dtype.kind == "M" else _spans(array)


def _times(array: npt.NDArray[np.datetime64]) -> list[str | None]:
    """Return times in ISO 8601, as `datetime.isoformat` writes them."""
    if np.datetime_data(array.dtype)[0] in _DAYS_OR_MORE:
        texts = np.datetime_as_string(array).tolist()
    else:
        seconds = array.astype("M8[s]")
        texts = np.datetime_as_string(seconds, unit="s").tolist()
        for index in np.flatnonzero(seconds != array).tolist():
            micro = array[index].astype("M8[us]")
            texts[index] = str(np.datetime_as_string(micro if micro == array[index] else array[index]))
    return [None if text == "NaT" else text for text in texts]


def _spans(array: npt.NDArray[np.timedelta64]) -> list[float | None]:
    """Return time spans in seconds, whole seconds as integers."""
    if np.datetime_data(array.dtype)[0] in _MONTHS_OR_MORE:
        raise NoLuaFormError("a time span of months or years has no length in seconds")
    seconds: list[float] = (array / np.timedelta64(1, "s")).tolist()
    return [None if span != span else int(span) if span.is_integer() else span for span in seconds]  # noqa: PLR0124 - NaT


def _objects(columns: list[_Column], count: int) -> list[dict[str, Any]]:
    """Return `count` records with these columns; paths that share their first key become nested records."""
    groups: dict[str, list[_Column]] = {}
    for path, values in columns:
        groups.setdefault(path[0], []).append((path[1:], values))
    values_of = []
    for key, members in groups.items():
        leaf = next((values for path, values in members if not path), None)
        nested = [member for member in members if member[0]]
        if not nested and leaf is not None:
            values_of.append(leaf)
            continue
        inner: list[Any] = _objects(nested, count)
        if all(None in values for _, values in nested):
            inner = [None if all(value is None for value in record.values()) else record for record in inner]
        values_of.append(inner if leaf is None else _merge(key, leaf, inner))
    if not values_of:
        return [{} for _ in range(count)]
    return [dict(zip(groups, row, strict=True)) for row in zip(*values_of, strict=True)]


def _merge(key: str, leaf: list[Any], inner: list[Any]) -> list[Any]:
    """Merge the column of a key with the nested records at that key; a record may have only one of them."""
    for index, (value, record) in enumerate(zip(leaf, inner, strict=True)):
        if value is not None and record is not None:
            error = NoLuaFormError(f"the column {key!r} and one below it, `{key}.…`, both have a value")
            error.steps.append(f"[{index}]")
            raise error
    return [record if value is None else value for value, record in zip(leaf, inner, strict=True)]


def _declared(function: Function, names: list[str]) -> tuple[Column, ...] | None:
    """Return the declared columns if a frame begins with all of them in order, or None."""
    with_items = (columns_with_item(function, param.name) for param in function.params if param.each)
    for declared in (function.columns, *with_items):
        for columns in (declared, account_columns(declared)):
            if names[: len(columns)] == [column.name for column in columns]:
                return columns
    return None
