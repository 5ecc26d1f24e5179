"""Convert Python values for Lua.

A value is copied once, in one pass, into the types of JSON (None, booleans, 64-bit integers, numbers, texts, lists,
dicts) and those that Lua has in addition (infinity, integer keys). Missing values of any library, including NaN, become
None, times ISO 8601 text, and a DataFrame the list of its rows. A list of dicts becomes `Records`, which stay in this
process and reach Lua only as far as a script reads them, as do the frames in a dict, such as those of a snapshot. The
result of a function keeps that function, so that it reads in Lua as before. A value without a Lua form is an error with
its path, which is assembled while the exception propagates, so that copying does not keep track of it.

The types of JSON are checked first, with one step each. For any other type, `_form` returns something simpler, which is
then copied in turn. Values of numpy and pandas are converted as arrays and columns, their times without a loop in
Python. No value can be theirs before one of these libraries is imported, so nothing here imports them itself.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.safety.decoder import collector_paused
from kosmo_kernel.values.fields import path_of
from kosmo_kernel.values.records import Record, Records, account_columns, columns_with_item

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_DEPTH = 100  # nested lists and tables, as in `lua/json.lua`
_MAX_PATH = 160  # characters shown of a path
_ONE_SECOND = timedelta(seconds=1)


class NoLuaFormError(Exception):
    """Something in a value has no Lua form; `reason` is the reason, for messages."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str] = []  # the path to the part that failed, innermost first

    @property
    def path(self) -> str:
        """The path as it follows the value's name: `[3].x`."""
        path = "".join(reversed(self.steps))
        return path if len(path) <= _MAX_PATH else f"{path[: _MAX_PATH // 2]}…{path[-_MAX_PATH // 4 :]}"


class ValueCopier:
    """Copies one value, and tracks the lists and dicts that are being copied to detect cycles."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def of(self, value: Any) -> Any:
        """Return a copy of a value in the types of JSON.

        Raises:
            NoLuaFormError: it has no such form.
        """
        kind = type(value)
        if value is None or kind is bool:
            return value
        convert = _FORMS.get(kind)
        if convert:
            return convert(value)
        if kind is dict:
            return self.table(value)
        if kind is list or kind is tuple:
            return self.items(value)
        return _form(value, self)

    def table(self, value: Mapping[Any, Any]) -> dict[str | int, Any]:
        """Return a copy of a mapping, in its order."""
        self._enter(value, "a dict")
        copied: dict[str | int, Any] = {}
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                key = self.key(key)  # noqa: PLW2901 - the same key in its Lua form
            kind = type(item)
            if item is None or kind is bool or (kind is str and item.isascii()):
                copied[key] = item
                continue
            try:
                copied[key] = self.of(item)
            except NoLuaFormError as error:
                error.steps.append(step(key))
                raise
        if len(copied) < len(value):
            raise NoLuaFormError("two of its keys are the same in Lua")
        self._open.discard(id(value))
        return copied

    def items(self, value: Iterable[Any], of: Any = None) -> list[Any]:
        """Return a list with copies of the items.

        Parameters:
            value: the list, or an iterable over its items.
            of: the list that the items belong to, if `value` is not the list itself.
        """
        original = value if of is None else of
        self._enter(original, "a list")
        copied: list[Any] = []
        for item in value:
            kind = type(item)
            if item is None or kind is bool or (kind is str and item.isascii()):
                copied.append(item)
                continue
            try:
                copied.append(self.of(item))
            except NoLuaFormError as error:
                error.steps.append(f"[{len(copied)}]")
                raise
        self._open.discard(id(original))
        return copied

    def key(self, key: Any) -> str | int:
        """Return a copy of a key, which must become a text or an integer."""
        copied = self.of(key) if key is not None and not isinstance(key, (list, tuple, dict)) else None
        if isinstance(copied, bool) or not isinstance(copied, (str, int)):
            words = f"{key!r:.40}" if isinstance(key, (int, float, tuple)) or key is None else type_words(key)
            reason = "is no text and no integer; keys of what goes to Lua are texts or integers"
            raise NoLuaFormError(f"the key {words} {reason}")
        return copied

    @contextmanager
    def below(self, levels: int) -> Iterator[None]:
        """Count `levels` more nested lists and dicts while copying values that will end up deeper."""
        more = set(range(-levels, 0))  # negative numbers are no `id`
        self._open |= more
        yield
        self._open -= more

    def _enter(self, value: object, words: str) -> None:
        if id(value) in self._open:
            raise NoLuaFormError(f"{words} that contains itself has no Lua form")
        if len(self._open) >= MAX_DEPTH:
            raise NoLuaFormError(f"more than {MAX_DEPTH} lists and dicts in one another")
        self._open.add(id(value))


def step(key: str | int) -> str:
    """Return one step of a path, from a dict to the value of a key."""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]"


def text(value: str) -> str:
    """Return a text if it can be encoded as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NoLuaFormError("a text with half a character in it (a lone surrogate) has no Lua form") from None
    return value


def integer(value: int) -> int:
    """Return an integer if it fits into Lua's 64-bit integers."""
    if -(2**63) <= value < 2**63:
        return value
    raise NoLuaFormError("an integer of more than 64 bits has no Lua form")


def number(value: float) -> float | None:
    """Return a float, or None for NaN."""
    return None if math.isnan(value) else value


def is_frame(value: object) -> bool:
    """Return whether a value is a pandas DataFrame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def type_words(value: object) -> str:
    """Return a description of a value's type, with an article."""
    if inspect.isroutine(value):
        return "a function"
    name = {complex: "complex number", type: "class"}.get(type(value), type(value).__qualname__)
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


_FORMS: dict[type, Callable[[Any], Any]] = {str: text, int: integer, float: number}


# Conversions of all other types; each returns the copy. -------------------------------------------------


@singledispatch
def _form(value: Any, copy: ValueCopier) -> Any:
    """Copy a value of no registered type: of numpy, pandas or a dataclass; any other one has no Lua form."""
    copied = _of_library(value, copy)
    if copied is not NotImplemented:
        return copied
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return copy.table({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    is_iterator = isinstance(value, Iterator)
    advice = "; await it first" if inspect.isawaitable(value) else "; make a list of it first" if is_iterator else ""
    raise NoLuaFormError(f"{type_words(value)} has no Lua form{advice}")


@_form.register
def _(value: Decimal, _copy: ValueCopier) -> Any:
    if value.is_nan():
        return None
    converted = float(value)
    if math.isinf(converted) and value.is_finite():
        raise NoLuaFormError("a Decimal beyond what a number of Lua's can be")
    return number(converted)


@_form.register(bytes)
@_form.register(bytearray)
@_form.register(memoryview)
def _(value: bytes | bytearray | memoryview, _copy: ValueCopier) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise NoLuaFormError("bytes that are no UTF-8 have no Lua form") from None


@_form.register
def _(value: datetime, _copy: ValueCopier) -> str | None:
    if value != value:  # noqa: PLR0124 - pandas' NaT is a datetime too
        return None
    if value.tzinfo is None or value.utcoffset() is None:
        return value.isoformat()
    try:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError:
        raise NoLuaFormError("a time that UTC has no year for") from None


@_form.register(AbstractSet)
def _(value: AbstractSet[Any], copy: ValueCopier) -> list[Any]:
    try:
        items = sorted(value)  # the order of a set of texts changes from one Python to the next
    except TypeError:
        items = list(value)
    return copy.items(items, value)


_form.register(str, lambda value, _copy: text(str.__str__(value)))  # `str()` of a str Enum would return its name
_form.register(int, lambda value, _copy: integer(int(value)))
_form.register(float, lambda value, _copy: number(float(value)))
_form.register(date, lambda value, _copy: value.isoformat())
_form.register(time, lambda value, _copy: value.isoformat())
_form.register(timedelta, lambda value, _copy: value.total_seconds() if value % _ONE_SECOND else value // _ONE_SECOND)
_form.register(UUID, lambda value, _copy: str(value))
_form.register(Enum, lambda value, copy: copy.of(value.value))
_form.register(os.PathLike, lambda value, copy: copy.of(os.fspath(value)))
_form.register(Mapping, lambda value, copy: copy.table(value))
_form.register(Sequence, lambda value, copy: copy.items(value))


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
                return records_of(value, ValueCopier())
            if isinstance(value, Mapping) and (tables := _tables(value)):
                return tables
            copied = ValueCopier().of(value)
    except NoLuaFormError as error:
        raise InvalidArgumentsError(f"{name}{error.path}: {error.reason}") from None
    if isinstance(value, Record):
        return Record(copied, value.function, value.account)
    if type(copied) is list and copied and all(type(item) is dict for item in copied):
        return Records(copied)
    return copied


def _tables(value: Mapping[Any, Any]) -> dict[str | int, Any]:
    """Return a mapping with its frames as `Records`; empty for a mapping without frames."""
    items = dict(value.items())  # read once, because a snapshot makes a new frame on each access
    frames = {key: item for key, item in items.items() if is_frame(item) or isinstance(item, Records)}
    if not frames:
        return {}
    copied: dict[str | int, Any] = ValueCopier().of(items | dict.fromkeys(frames))
    for key, frame in frames.items():
        try:
            copied[ValueCopier().key(key)] = frame if isinstance(frame, Records) else records_of(frame, ValueCopier())
        except NoLuaFormError as error:
            error.steps.append(step(key))
            raise
    return copied


Path = tuple[str, ...]
Frame = Any  # a pandas DataFrame
Series = Any  # a column of a DataFrame
_Column = tuple[Path, list[Any]]  # its path in a record, and its value in each record

_DAYS_OR_MORE = frozenset("YMWD")  # numpy's units for times without a clock time
_MONTHS_OR_MORE = frozenset("YM")  # its units for spans of varying length


def _of_library(value: Any, copy: ValueCopier) -> Any:
    """Return a numpy or pandas value in JSON types, a DataFrame as the list of its rows; else NotImplemented."""
    if not {"numpy", "pandas"} & sys.modules.keys():
        return NotImplemented
    import numpy as np

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
    from kosmo_kernel.integrations import function_named

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
    import numpy as np

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
    import numpy as np

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
    import numpy as np

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
