"""Records as a pandas DataFrame.

Every field of the records is a column of the type that the catalogue declares, or that its values show:
UTC datetimes, nullable integers, numbers and booleans, pandas' own string type. Where a value has another
type than was promised, the column holds the values as they came, so that nothing is lost. A column is made
from its list of values in one go, with as few steps in Python as there can be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from types import NoneType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Function
from kosmo_kernel.render.tables import COLUMNS_SHOWN, Table
from kosmo_kernel.settings.limits import rows_shown
from kosmo_kernel.values.fields import Field, Path, fields_of, moment
from kosmo_kernel.values.records import Records, collector_paused

_Values = list[Any]
_Array = Any  # one of pandas' extension arrays

# JupyterLab would draw what stands between two `$` in a cell as a formula, and some formulas ask other hosts for
# pictures. What is made from our frames is shown by pandas itself, so pandas is told that tables are no mathematics.
pd.set_option("display.html.use_mathjax", False)
pd.set_option("styler.html.mathjax", False)

# What pandas gives to texts by default: missing ones compare as unequal, not as unknown.
_STRING = pd.StringDtype(na_value=np.nan)
_TEXT_OR_NULL: frozenset[type] = frozenset({str, NoneType})
_UTC = pd.DatetimeTZDtype("us", "UTC")
_UTC_TO_THE_NANOSECOND = pd.DatetimeTZDtype("ns", "UTC")

# The form in which nearly all services write times, a line each: the least byte in each place, and how much
# greater it may be.
_LEAST = np.frombuffer(b"0000-00-00T00:00:00Z\n", np.uint8)
_SPAN = np.frombuffer(b"9999-19-39T29:59:59Z\n", np.uint8) - _LEAST
_LINE = np.dtype([("time", "S19"), ("end", "S2")])
_FIRST_DAY = np.datetime64("0001-01-01")


class KosmoFrame(pd.DataFrame):
    """A DataFrame that shows its first rows in a scrolling box, and below how many it has and its `.attrs["note"]`.

    What is made from it (a filter, `head()`, a merge) is a plain DataFrame. Where it is written to a file, lists and
    objects are written as JSON, and for Excel, which knows no time zones, times without theirs: in UTC.

    Parameters:
        data, index, columns, dtype, copy: as for a DataFrame.
        displaylimit: how many rows are shown; `limits.rows_shown` when None. Also an attribute, which may be set.
    """

    holds_records = True  # how others know this class without importing pandas
    _metadata = ["displaylimit"]
    displaylimit: int

    def __init__(
        self,
        data: Any = None,
        index: Any = None,
        columns: Any = None,
        dtype: Any = None,
        copy: bool | None = None,
        *,
        displaylimit: int | None = None,
    ) -> None:
        super().__init__(data, index, columns, dtype, copy)  # type: ignore[call-arg] # the stubs know only __new__
        self.displaylimit = rows_shown() if displaylimit is None else displaylimit

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def to_csv(self, *args: Any, **kwargs: Any) -> Any:
        """Write CSV; as a DataFrame's."""
        return _flat(self, _is_nested).to_csv(*args, **kwargs)

    def to_excel(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[misc] # the stubs want nobody to, pandas takes it
        """Write an Excel sheet; as a DataFrame's."""
        flat = _flat(self, _is_nested)
        times = [place for place, dtype in enumerate(flat.dtypes) if isinstance(dtype, pd.DatetimeTZDtype)]
        local = {place: flat.iloc[:, place].dt.tz_convert("UTC").dt.tz_localize(None).array for place in times}
        _with_columns(flat, local).to_excel(*args, **kwargs)

    def to_parquet(self, *args: Any, **kwargs: Any) -> Any:
        """Write Parquet; as a DataFrame's."""
        return _flat(self, _is_mixed).to_parquet(*args, **kwargs)

    def to_feather(self, *args: Any, **kwargs: Any) -> None:
        """Write Feather; as a DataFrame's."""
        _flat(self, _is_mixed).to_feather(*args, **kwargs)

    def _table(self) -> Table:
        note = self.attrs.get("note")
        return replace(table_of_frame(self, self.displaylimit), note=note if isinstance(note, str) else "")


def frame_of(records: Records, attrs: Mapping[str, Any] | None = None) -> KosmoFrame:
    """The records as a frame: declared columns first, nested objects as dotted columns, nothing left out.

    Parameters:
        records: what a function returned, or objects of the script's own.
        attrs: JSON values to keep with the frame as `.attrs`, beside the function's full name.
    """
    records = records.for_table()
    with collector_paused():
        usual = dict(_usual_columns(records))
        columns = {}
        for field in fields_of(records, dict.fromkeys(usual, _TEXT_OR_NULL)):
            made = usual.get(field.path)
            columns[field.name] = _array(field, field.values(records)) if made is None else made
        frame = KosmoFrame(columns, index=pd.RangeIndex(len(records)), copy=False)
    if records.function is not None:
        frame.attrs["function"] = _full_name(records.function)
    frame.attrs.update(attrs or {})
    return frame


_AS_JSON = "json"  # in `.attrs` of what is in a file: the columns whose lists and objects are JSON texts there


def write_parquet(frame: KosmoFrame, file: str) -> None:
    """Write a frame so that `read_parquet` gives the same one."""
    flat = _flat(frame, _is_mixed)
    texts = [name for name, old, new in zip(frame, frame.dtypes, flat.dtypes, strict=True) if old != new]
    nested = [name for name in texts if {type(value) for value in _shown(frame[name])} <= {list, dict, NoneType}]
    flat.attrs = frame.attrs | {_AS_JSON: nested}
    flat.to_parquet(file)


def read_parquet(file: str, attrs: Mapping[str, Any]) -> KosmoFrame:
    """A frame from a file that `write_parquet` has written.

    Parameters:
        file: the file.
        attrs: as for `frame_of`.
    """
    read = pd.read_parquet(file)
    known = dict(read.attrs)
    nested = set(known.pop(_AS_JSON, ()))
    changed = {}
    for place, name in enumerate(read):
        values = list(read.iloc[:, place])
        if name in nested:
            values = [json.loads(value) if isinstance(value, str) else None for value in values]
        elif any(isinstance(value, np.ndarray) for value in values):
            values = [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
        else:
            continue
        changed[place] = pd.Series(values, dtype=object).to_numpy()
    frame = KosmoFrame(_with_columns(read, changed), copy=False)
    frame.attrs = known | dict(attrs)
    return frame


def table_of_frame(frame: pd.DataFrame, limit: int) -> Table:
    """The table that shows a frame.

    Parameters:
        frame: any DataFrame.
        limit: how many rows to show.
    """
    given = frame.iloc[: max(limit, 0), :COLUMNS_SHOWN]
    shown = given if _counts_up(given.index) else given.reset_index(allow_duplicates=True)
    columns = [_shown(shown.iloc[:, place]) for place in range(shown.shape[1])]
    names = [str(name) for name in shown.columns]
    labels, left_out = shown.shape[1] - given.shape[1], frame.shape[1] - given.shape[1]
    return Table(names, columns, len(frame), labels=labels, left_out=left_out)


def frame_of_texts(names: Sequence[str], columns: Sequence[Sequence[str]]) -> pd.DataFrame:
    """A frame of texts, for libraries that show frames."""
    frame = pd.DataFrame({place: list(texts) for place, texts in enumerate(columns)}, dtype=_STRING)
    frame.columns = pd.Index(list(names), dtype=object)
    return frame


def _usual_columns(records: Records) -> Iterator[tuple[Path, _Array]]:
    """The columns of what is text or a time by declaration, and is so indeed in every record.

    That is most of what a service sends, and it is worth a way of its own: from the records to the array
    without a list between them. Whatever is unusual is left to the way that looks at everything.
    """
    for column in records.columns:
        *above, key = column.path
        objects = records.column(tuple(above)) if above else records.rows
        values = map(itemgetter(key), objects)
        try:
            if column.kind == "string" and column.default is None:
                texts = np.fromiter(values, object, len(objects))
                if infer_dtype(texts) in {"string", "empty"}:
                    yield column.path, pd.array(texts, dtype=_STRING, copy=False)
            elif column.kind == "timestamp":
                times = _usual_times("\n".join(values), len(objects))
                if times is not None:
                    yield column.path, pd.array(times, dtype=_UTC, copy=False)
        except (KeyError, TypeError):  # a record without the key, something else than an object above it, no text
            continue


def _array(field: Field, values: _Values) -> _Array:
    """One column: of the type it should have; of texts where there are only texts; or of objects as they came."""
    present = field.types - {NoneType}
    kind = field.kind or _kind_shown(present, may_be_time=field.may_be_time)
    wanted, make = _MAKERS.get(kind or "", (frozenset(), None))
    made = make(values) if make and present <= wanted else None
    if made is not None:
        return made
    if present == {str}:
        return _strings(values)
    nested = present & {list, dict}
    return _objects(msgspec.to_builtins(values) if nested else values)  # copies, which may be changed in the frame


def _kind_shown(present: frozenset[type], *, may_be_time: bool) -> str | None:
    """The kind of an undeclared column, told by the types of its values; None where they do not agree."""
    if may_be_time and present <= {str}:
        return "timestamp"
    if not present:
        return None
    return next((kind for kind, (wanted, _) in _MAKERS.items() if present <= wanted), None)


def _objects(values: _Values) -> npt.NDArray[np.object_]:
    return np.fromiter(values, dtype=object, count=len(values))


def _strings(values: _Values) -> _Array:
    return pd.array(_objects(values), dtype=_STRING, copy=False)


def _integers(values: _Values) -> _Array | None:
    filled, mask = _filled(values, 0)
    try:
        return pd.arrays.IntegerArray(np.fromiter(filled, np.int64, len(filled)), mask)
    except OverflowError:  # beyond 64 bits
        return None


def _booleans(values: _Values) -> _Array | None:
    filled, mask = _filled(values, 0)
    return pd.arrays.BooleanArray(np.fromiter(filled, np.bool_, len(filled)), mask)


def _numbers(values: _Values) -> _Array | None:
    filled, mask = _filled(values, 0.0)
    try:
        numbers = np.fromiter(filled, np.float64, len(filled))
    except OverflowError:
        return None
    same = (made == given for made, given in zip(numbers.tolist(), filled, strict=True) if isinstance(given, int))
    return pd.arrays.FloatingArray(numbers, mask) if all(same) else None


def _filled(values: _Values, filler: object) -> tuple[_Values, npt.NDArray[np.bool_]]:
    """The values with a filler for missing ones, and where those are."""
    if None not in values:
        return values, np.zeros(len(values), np.bool_)
    mask = np.fromiter((value is None for value in values), np.bool_, len(values))
    return [filler if value is None else value for value in values], mask


def _timestamps(values: _Values) -> _Array | None:
    texts = [value for value in values if value is not None]
    times = _usual_times("\n".join(texts), len(texts))
    if times is None:
        times = _other_times(texts)
    if times is None:
        return None
    if len(texts) < len(values):
        with_gaps = np.full(len(values), np.datetime64("NaT", "us"), times.dtype)
        with_gaps[[value is not None for value in values]] = times
        times = with_gaps
    return pd.array(times, dtype=_UTC if times.dtype == "M8[us]" else _UTC_TO_THE_NANOSECOND, copy=False)


def _usual_times(lines: str, count: int) -> npt.NDArray[np.datetime64] | None:
    """Times of texts, a line each, that are all like `2026-11-20T09:00:00Z`; None for others.

    Each line is complete and there are as many as texts, so that no text reaches into the line of another.
    """
    if not count:
        return np.empty(0, "M8[us]")
    try:
        ended = f"{lines}\n".encode("ascii")
        letters = np.frombuffer(ended, np.uint8).reshape(count, len(_LEAST))
        if not (letters - _LEAST <= _SPAN).all():
            return None
        times = np.frombuffer(ended, _LINE)["time"].astype("M8[us]")
    except ValueError:  # not ASCII, another length, or a day that no month has
        return None
    return times if times.min() >= _FIRST_DAY else None


def _other_times(texts: list[str]) -> npt.NDArray[np.datetime64] | None:
    """Times of texts in any form that says a date and a clock time; None when one of them does not."""
    if any(moment(text) is None for text in texts):
        return None
    try:
        return pd.to_datetime(texts, utc=True, format="ISO8601").tz_localize(None).to_numpy()
    except (ValueError, OverflowError):
        return None


def _full_name(function: Function) -> str:
    """`heroku.list_dynos`; the name alone of a function that is in no catalogue of ours."""
    owner = next((f"{i.name}." for i in integrations.present() if any(function is f for f in i.functions)), "")
    return owner + function.name


def _flat(frame: pd.DataFrame, is_odd: Callable[[_Values], bool]) -> pd.DataFrame:
    """A frame with text in place of the columns whose values are odd: texts as they are, all others as JSON."""
    changed = {}
    for place, dtype in enumerate(frame.dtypes):
        values = _shown(frame.iloc[:, place]) if dtype == np.dtype(object) else []
        if is_odd(values):
            texts = [value if value is None or isinstance(value, str) else _json(value) for value in values]
            changed[place] = _strings(texts)
    return _with_columns(frame, changed)


def _with_columns(frame: pd.DataFrame, changed: Mapping[int, _Array]) -> pd.DataFrame:
    """Return a frame with other columns at some places, made at once: to set one by one copies all each time."""
    if not changed:
        return frame.copy(deep=False)
    columns = {place: changed.get(place, frame.iloc[:, place].array) for place in range(frame.shape[1])}
    made = pd.DataFrame(columns, index=frame.index, copy=False)
    made.columns = frame.columns
    made.attrs = frame.attrs
    return made


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_nested(values: _Values) -> bool:
    """Whether a column has lists or objects."""
    return any(isinstance(value, (list, dict)) for value in values)


def _is_mixed(values: _Values) -> bool:
    """Whether a column has values of several types, which a file of columns has no type for."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {list}:
        kinds = {type(item) for value in values for item in value or () if item is not None}
    return len(kinds) > 1 or dict in kinds or list in kinds


def _counts_up(index: pd.Index) -> bool:
    """Whether an index says no more than the place of a row."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None


def _shown(column: pd.Series) -> _Values:
    """The values of a column as Python has them, None where there is none."""
    return [None if none else value for value, none in zip(column.tolist(), column.isna().tolist(), strict=True)]


# For each kind the types that its values may have, and what makes a column of them.
_MAKERS: dict[str, tuple[frozenset[type], Callable[[_Values], _Array | None]]] = {
    "string": (frozenset({str}), _strings),
    "integer": (frozenset({int}), _integers),
    "boolean": (frozenset({bool}), _booleans),
    "number": (frozenset({int, float}), _numbers),
    "timestamp": (frozenset({str}), _timestamps),
}
