"""Convert records to pandas DataFrames.

Every field becomes a column of the type that the catalogue declares or that its values show: UTC datetimes, nullable
integers, numbers and booleans, or pandas' string type. If a value has another type than declared, the column holds all
values unchanged, so that nothing is lost. Each column is built from its whole list of values, with as few steps in
Python as possible.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial, wraps
from inspect import signature
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from msgspec.structs import replace
from pandas.api.types import infer_dtype

from kosmo_kernel import integrations
from kosmo_kernel.pages.design import ipython_shell
from kosmo_kernel.render.column_errors import (
    NO_ROW,
    naming_columns,
    naming_columns_in_text,
    note_of_no_row,
    raise_unknown,
    unknown_attribute,
)
from kosmo_kernel.render.tables import COLUMNS_SHOWN, PAGE_DATA, Table
from kosmo_kernel.safety.decoder import collector_paused
from kosmo_kernel.safety.markup import Html
from kosmo_kernel.safety.text import with_escapes
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.settings.table import ROWS
from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.fields import Field, Path, fields_of, moment
from kosmo_kernel.values.records import ACCOUNT, Records, to_builtins

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

_Values = list[Any]
_Array = Any  # one of pandas' extension arrays

_TYPESETTING = {name: pd.get_option(name) for name in ("display.html.use_mathjax", "styler.html.mathjax")}

# pandas' default string type: a missing value compares as unequal, not as unknown.
STRING_DTYPE = pd.StringDtype(na_value=np.nan)
_TEXT_OR_NULL: frozenset[type] = frozenset({str, NoneType})
_UTC = pd.DatetimeTZDtype("us", "UTC")
# In the name of a column of numbers, whose sum works without values, too.
_UNIT = lazy_pattern(r"(^|[_.])(usd|cents|days|hours|bytes|gb|count|quantity)(_|$)")
_UTC_TO_THE_NANOSECOND = pd.DatetimeTZDtype("ns", "UTC")

# The format in which nearly all services write times, one per line: the lowest byte allowed at each position, and by
# how much a byte may exceed it.
_LOWEST = np.frombuffer(b"0000-00-00T00:00:00Z\n", np.uint8)
_RANGE = np.frombuffer(b"9999-19-39T29:59:59Z\n", np.uint8) - _LOWEST
_TIME_LINE = np.dtype([("time", "S19"), ("end", "S2")])
_MAX_IN_EXCEL = 10**15  # integers from here on have more digits than Excel keeps
_FIRST_DAY = np.datetime64("0001-01-01")


def _html_of_frame(frame: pd.DataFrame) -> str | None:
    """Return the HTML of a frame: of a crosstab that of our tables, of any other its own.

    pandas makes a plain frame when it counts columns of ours against each other; then its columns have a name.
    """
    is_crosstab = type(frame) is pd.DataFrame and any(name is not None for name in frame.columns.names)
    if is_crosstab and frame.columns.size:
        return _table_of(frame).html()
    html: str | None = frame._repr_html_()  # type: ignore[operator] # a method, which the stubs do not have
    return html and with_escapes(html)


def _page_data_of_frame(frame: pd.DataFrame, **_: Any) -> dict[str, Any]:
    """Return what the page of a notebook that `kosmo run` runs is made of."""
    return {PAGE_DATA: _table_of(frame).data()}


def _table_of(frame: pd.DataFrame) -> Table:
    return frame.shown_table() if isinstance(frame, KosmoFrame) else table_of_frame(frame, ROWS.resolve())


def show_derived_frames(shell: Any) -> None:
    """Show plain frames that pandas makes of ours as ours are shown, in an IPython shell if there is one.

    JupyterLab typesets text between two `$` in a cell as a formula, and some formulas load pictures from other hosts.
    pandas renders these frames itself, so its MathJax options are switched off.
    """
    for name in _TYPESETTING:
        pd.set_option(name, False)
    formatter = shell and shell.display_formatter.formatters["text/html"]
    if shell and pd.DataFrame not in formatter:
        formatter.for_type(pd.DataFrame, _html_of_frame)
    if shell and notebook_run():
        shell.display_formatter.mimebundle_formatter.for_type(pd.DataFrame, _page_data_of_frame)


def restore_display(shell: Any) -> None:
    """Let an IPython shell and pandas show plain frames as they did before `show_derived_frames`."""
    for name, value in _TYPESETTING.items():
        pd.set_option(name, value)
    formatter = shell.display_formatter.formatters["text/html"]
    if formatter.type_printers.get(pd.DataFrame) is _html_of_frame:
        formatter.pop(pd.DataFrame)


show_derived_frames(ipython_shell())


class KosmoFrame(pd.DataFrame):
    """A DataFrame that shows its first rows in a scrolling box, with its size and its `.attrs["note"]` below.

    Frames derived from it (by a filter, `head()`, a merge) are shown in the same way. When one is written to a file or
    a database, lists and objects become JSON. Excel has no time zones, so its times are written in UTC without a zone.

    Parameters:
        arguments, options: as for a DataFrame.
        displaylimit: how many rows to show; `KOSMO_ROWS` or 1,000 when None. Also an attribute that may be set.
    """

    holds_records = True  # identifies this class to code that must not import pandas
    _metadata = ["displaylimit"]
    displaylimit: int | None = None  # pandas makes derived frames without calling `__init__`

    def __init__(self, *arguments: Any, displaylimit: int | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if displaylimit is not None:
            self.displaylimit = displaylimit

    # pandas makes derived frames and columns with these four. Without the `_from_mgr` ones it makes each object twice,
    # and taking a column takes twice as long as in a plain DataFrame.

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return KosmoFrame

    def _constructor_from_mgr(self, mgr: Any, axes: Any) -> Any:
        return _from_mgr(KosmoFrame, mgr, axes)

    @property
    def _constructor_sliced(self) -> Callable[..., pd.Series]:
        return KosmoSeries

    def _constructor_sliced_from_mgr(self, mgr: Any, axes: Any) -> Any:
        return _from_mgr(KosmoSeries, mgr, axes)

    if not TYPE_CHECKING:  # the types are those of pandas

        def __getitem__(self, key: Any) -> Any:
            try:
                selected = pd.DataFrame.__getitem__(self, key)
            except KeyError as error:
                rows = pd.DataFrame.__getitem__(self, "name").tolist() if "name" in self.columns else ()
                raise_unknown(self.columns, [key], error, rows)
            if isinstance(key, KosmoSeries) and (note := key.attrs.get(NO_ROW)) and selected.empty and len(self):
                selected.attrs["note"] = "\n".join(filter(None, (selected.attrs.get("note"), note)))
            return selected

        def __getattr__(self, name: str) -> Any:
            try:
                return pd.DataFrame.__getattr__(self, name)
            except AttributeError as error:
                if name in self._internal_names_set:  # pandas is still making the frame
                    raise
                raise unknown_attribute(self.columns, name, error) from None

        query = naming_columns_in_text(pd.DataFrame.query)
        eval = naming_columns_in_text(pd.DataFrame.eval)
        groupby = naming_columns(pd.DataFrame.groupby)
        sort_values = naming_columns(pd.DataFrame.sort_values)
        drop_duplicates = naming_columns(pd.DataFrame.drop_duplicates)

    def __repr__(self) -> str:
        return self.shown_table().text()

    def _repr_html_(self) -> Html:
        return self.shown_table().html()

    @property
    def style(self) -> Any:
        """Return a `Styler`, whose texts and labels are escaped unless `format` is told otherwise."""
        return _escaping_styler()(_flat(self, _is_nested), escape="html")

    def describe(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc] # final in the stubs, as `to_excel`
        """Return statistics of the columns, with the arguments of `DataFrame.describe`."""
        return KosmoFrame(super().describe(*args, **kwargs))

    def to_html(self, buf: Any = None, *args: Any, encoding: str | None = None, **kwargs: Any) -> Any:
        """Write HTML, with the arguments of `DataFrame.to_html`, and control characters as escapes."""
        return _write_text(super().to_html(None, *args, **kwargs), buf, encoding)

    def to_string(self, buf: Any = None, *args: Any, encoding: str | None = None, **kwargs: Any) -> Any:
        """Write text, with the arguments of `DataFrame.to_string`, and control characters as escapes."""
        return _write_text(super().to_string(None, *args, **kwargs), buf, encoding)

    def to_csv(self, *args: Any, **kwargs: Any) -> Any:
        """Write CSV, with the arguments of `DataFrame.to_csv`."""
        return _flat(self, _is_nested).to_csv(*args, **kwargs)

    def to_excel(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[misc] # final in the stubs, but not in pandas
        """Write an Excel sheet, with the arguments of `DataFrame.to_excel`.

        A text that begins with `=` stays a text, unless another engine than openpyxl is named. So do the digits of
        integers that have more than 15 of them, which Excel cannot keep in a number.
        """
        _write_excel(_for_excel(_flat(self, _is_nested)), *args, **kwargs)

    def to_sql(self, *args: Any, **kwargs: Any) -> int | None:  # type: ignore[misc] # final in the stubs, as `to_excel`
        """Write to a database, with the arguments of `DataFrame.to_sql`."""
        return _flat(self, _is_nested).to_sql(*args, **kwargs)

    def shown_table(self) -> Table:
        """Return the table that shows this frame."""
        note = self.attrs.get("note")
        limit = ROWS.resolve() if self.displaylimit is None else self.displaylimit
        return replace(table_of_frame(self, limit), note=note if isinstance(note, str) else "")


class KosmoSeries(pd.Series):
    """A column of a `KosmoFrame`. What pandas makes from columns, such as a table of groups, is one again."""

    def to_string(self, buf: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Write text, with the arguments of `Series.to_string`, and control characters as escapes."""
        return _write_text(super().to_string(None, *args, **kwargs), buf)

    if not TYPE_CHECKING:  # the types are those of pandas

        def __eq__(self, other: object) -> Any:
            equal = super().__eq__(other)
            if isinstance(other, str) and not equal.any() and (note := note_of_no_row(self, other)):
                equal.attrs[NO_ROW] = note
            return equal

        def __and__(self, other: object) -> Any:
            both = super().__and__(other)
            notes = [getattr(side, "attrs", {}).get(NO_ROW) for side in (self, other)]
            if note := next(filter(None, notes), None):
                both.attrs[NO_ROW] = note
            return both

        __hash__ = None

    def describe(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc] # final in the stubs, as `to_excel`
        """Return statistics of the column, with the arguments of `Series.describe`."""
        return KosmoSeries(super().describe(*args, **kwargs))

    @property
    def _constructor(self) -> Callable[..., pd.Series]:
        return KosmoSeries

    def _constructor_from_mgr(self, mgr: Any, axes: Any) -> Any:
        return _from_mgr(KosmoSeries, mgr, axes)

    @property
    def _constructor_expanddim(self) -> Callable[..., pd.DataFrame]:
        return KosmoFrame

    def _constructor_expanddim_from_mgr(self, mgr: Any, axes: Any) -> Any:
        return _from_mgr(KosmoFrame, mgr, axes)


@cache
def _escaping_styler() -> type[Styler]:
    """Return a class of `Styler` that escapes HTML and control characters, which that of pandas has to be asked for."""
    from pandas.io.formats.style import Styler

    class EscapingStyler(Styler):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            for axis in (0, 1):
                self.format_index(axis=axis).format_index_names(axis=axis)

        format = _with_escape(Styler.format)
        format_index = _with_escape(Styler.format_index)
        format_index_names = _with_escape(Styler.format_index_names)

        def to_html(self, buf: Any = None, **options: Any) -> Any:
            return _write_text(super().to_html(**options), buf, options.get("encoding"))

    return EscapingStyler


def _with_escape(method: Callable[..., Any]) -> Any:
    """Return a method of `Styler` whose argument `escape` is "html" by default."""

    @wraps(method)
    def call(styler: Styler, *args: Any, **options: Any) -> Any:
        bound = signature(method).bind(styler, *args, **options)
        bound.arguments.setdefault("escape", "html")
        return method(*bound.args, **bound.kwargs)

    return call


def _write_text(text: str | None, buf: Any, encoding: str | None = None) -> Any:
    """Write a text to a path or a file, or return it if there is none, with control characters as escapes."""
    from pandas.io.formats.format import save_to_buffer  # type: ignore[attr-defined] # not in the stubs

    return save_to_buffer(with_escapes(text or ""), buf, None if buf is None else encoding)


def _from_mgr(cls: Any, mgr: Any, axes: Any) -> Any:
    """Return an object of pandas for data that it manages, as pandas does for its own classes."""
    return cls._from_mgr(mgr, axes)


def frame_of(records: Records, attrs: Mapping[str, Any] | None = None) -> KosmoFrame:
    """Return the records as a frame: declared columns first, nested objects as dotted columns, no field left out.

    Parameters:
        records: the result of a function, or objects that a script made.
        attrs: JSON values to keep in the frame's `.attrs`, in addition to the function's full name.
    """
    records = records.for_table()
    with collector_paused():
        usual = dict(_fast_columns(records))
        columns = {}
        for field in fields_of(records, dict.fromkeys(usual, _TEXT_OR_NULL)):
            columns[field.name] = usual[field.path] if field.path in usual else _array(field, field.values(records))
        frame = KosmoFrame(columns, index=pd.RangeIndex(len(records)), copy=False)
    if records.function is not None:
        # `heroku.list_dynos`, or the bare name of a function that belongs to no known integration.
        owners = (f"{service.name}." for service in integrations.loaded() if records.function in service.functions)
        frame.attrs["function"] = next(owners, "") + records.function.name
    frame.attrs.update(attrs or {})
    return frame


def table_of_frame(frame: pd.DataFrame, limit: int) -> Table:
    """Return the table that shows `limit` rows of any DataFrame."""
    cropped = frame.iloc[: max(limit, 0), :COLUMNS_SHOWN]
    index = cropped.index
    # It only numbers the rows of this frame, or of the frame from which rows were taken.
    is_number = index.nlevels == 1 and index.name is None and pd.api.types.is_integer_dtype(index.dtype)
    labelled = cropped if is_number else cropped.reset_index(allow_duplicates=True)
    columns = [_to_python(labelled.iloc[:, index]) for index in range(labelled.shape[1])]
    labels_of: Iterable[Any] = labelled.columns  # tuples, if the columns have several levels
    names = [".".join(filter(None, map(str, label))) if isinstance(label, tuple) else str(label) for label in labels_of]
    labels, left_out = labelled.shape[1] - cropped.shape[1], frame.shape[1] - cropped.shape[1]
    main = _main_columns(frame)
    return Table(names, columns, len(frame), labels=labels, left_out=left_out, main=main)


def _main_columns(frame: pd.DataFrame) -> frozenset[str]:
    """Return the names of the main columns of the function that a frame remembers."""
    full_name = frame.attrs.get("function")
    function = integrations.function_named(full_name) if isinstance(full_name, str) else None
    if function is None:
        return frozenset()
    items = (function.item_column(param.name) for param in function.params)
    return frozenset(column.name for column in (ACCOUNT, *filter(None, items), *function.columns) if column.main)


def _fast_columns(records: Records) -> Iterator[tuple[Path, _Array]]:
    """Yield the path and array of each column of texts or times, as sent and declared, in which every record has one.

    Most columns of services are like this, so they have a fast path from the records to the array without a list in
    between. All other columns are left to `_array`.
    """
    for column in records.columns:
        path = column.path
        objects = records.rows if len(path) == 1 else records.column(path[:-1])
        values = map(itemgetter(path[-1]), objects)
        try:
            if column.kind == "string" and column.default is None and column.spelling is None:
                yield path, _strings(list(values))
            elif column.kind == "timestamp":
                times = _utc_times("\n".join(values), len(objects))
                if times is not None:
                    yield path, pd.array(times, dtype=_UTC, copy=False)
        except (KeyError, TypeError, UnicodeError):  # no such key, a parent that is no object, a value that is no text
            continue


def _array(field: Field, values: _Values) -> _Array:
    """Return a column of its expected type, else of strings if it has only strings, else of the unchanged objects."""
    present = field.types - {NoneType}
    if field.kind is None and present == {str}:
        times = _timestamps(values, with_zone=True)  # a text without a zone may mean the time of any place
        return _strings(values) if times is None else times
    # Without a declared kind, the types of the values decide, if all are of one kind, and without values the name.
    kind: str = field.kind or next((kind for kind, (types, _) in _MAKERS.items() if present and present <= types), "")
    if not kind and not present:
        of_no_rows = "" if values else "timestamp" if field.name.endswith("_at") else "string"
        kind = "number" if _UNIT.search(field.name) else of_no_rows
    types, build = _MAKERS.get(kind, (frozenset(), None))
    array = build(values) if build and present <= types else None
    if array is not None:
        return array
    if present == {str}:
        return _strings(values)
    values = to_builtins(values) if present & {list, dict} else values  # copied, because users may change a frame
    # In an array, pandas 3.0 would look for times, and fail at an integer of 400 digits.
    return pd.Series(_objects(values), dtype=object, copy=False)


def _objects(values: _Values) -> npt.NDArray[np.object_]:
    return np.fromiter(values, dtype=object, count=len(values))


def _strings(values: _Values) -> _Array:
    """Return a column of texts and None.

    Raises:
        TypeError, UnicodeError: it has another value, or a text that is no UTF-8.
    """
    objects = _objects(values)
    if infer_dtype(objects) not in {"string", "empty"}:
        raise TypeError("the column has values that are no texts")
    return pd.array(objects, dtype=STRING_DTYPE, copy=False)


def _masked(dtype: type[np.generic], make: Callable[..., _Array], values: _Values) -> _Array | None:
    """Return a column of numbers or truth values, in which some may be missing; None if one does not fit its type."""
    filled, mask = values, np.zeros(len(values), np.bool_)
    if None in values:
        mask = np.fromiter((value is None for value in values), np.bool_, len(values))
        filled = [0 if value is None else value for value in values]
    try:
        array = np.fromiter(filled, dtype, len(filled))
    except OverflowError:  # beyond 64 bits
        return None
    if dtype is np.float64:  # which has no exact form of some large integers
        pairs = zip(array.tolist(), filled, strict=True)
        if not all(converted == value for converted, value in pairs if isinstance(value, int)):
            return None
    return make(array, mask)


def _timestamps(values: _Values, *, with_zone: bool = False) -> _Array | None:
    texts = [value for value in values if value is not None]
    times = _utc_times("\n".join(texts), len(texts))
    if times is None:
        times = _any_times(texts, with_zone=with_zone)
    if times is None:
        return None
    if len(texts) < len(values):
        with_gaps = np.full(len(values), np.datetime64("NaT", "us"), times.dtype)
        with_gaps[[value is not None for value in values]] = times
        times = with_gaps
    return pd.array(times, dtype=_UTC if times.dtype == "M8[us]" else _UTC_TO_THE_NANOSECOND, copy=False)


def _utc_times(lines: str, count: int) -> npt.NDArray[np.datetime64] | None:
    """Return times from lines that are all like `2026-11-20T09:00:00Z`, or None if any is not.

    Every line must be complete, and there must be `count` of them, so that no text spans two lines.
    """
    if not count:
        return np.empty(0, "M8[us]")
    try:
        ended = f"{lines}\n".encode("ascii")
        letters = np.frombuffer(ended, np.uint8).reshape(count, len(_LOWEST))
        if not (letters - _LOWEST <= _RANGE).all():
            return None
        times = np.frombuffer(ended, _TIME_LINE)["time"].astype("M8[us]")
    except ValueError:  # not ASCII, another length, or a date that does not exist
        return None
    return times if times.min() >= _FIRST_DAY else None


def _any_times(texts: list[str], *, with_zone: bool) -> npt.NDArray[np.datetime64] | None:
    """Return times from texts in any form with a date and a clock time, or None if one has no such form."""
    if any(moment(text, with_zone=with_zone) is None for text in texts):
        return None
    try:
        return pd.to_datetime(texts, utc=True, format="ISO8601").tz_localize(None).to_numpy()
    except (ValueError, OverflowError):
        return None


def _flat(frame: pd.DataFrame, needs_text: Callable[[_Values], bool]) -> pd.DataFrame:
    """Return the frame with some columns as strings: texts stay as they are, other values become JSON."""
    changed = {}
    for index, dtype in enumerate(frame.dtypes):
        values = _to_python(frame.iloc[:, index]) if dtype == np.dtype(object) else []
        if needs_text(values):
            texts = [value if value is None or isinstance(value, str) else _json(value) for value in values]
            changed[index] = _strings(texts)
    return _with_columns(frame, changed)


def _with_columns(frame: pd.DataFrame, changed: Mapping[int, _Array]) -> pd.DataFrame:
    """Return a plain DataFrame with columns replaced by position.

    Setting them one by one would copy everything each time.
    """
    columns = {index: changed.get(index, frame.iloc[:, index].array) for index in range(frame.shape[1])}
    result = pd.DataFrame(columns, index=frame.index, copy=False)
    result.columns = frame.columns
    result.attrs = frame.attrs
    return result


def _for_excel(flat: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with times in UTC without a zone, and with columns of long integers as texts."""
    changed: dict[int, _Array] = {}
    for index, dtype in enumerate(flat.dtypes):
        column = flat.iloc[:, index]
        if isinstance(dtype, pd.DatetimeTZDtype):
            changed[index] = column.dt.tz_convert("UTC").dt.tz_localize(None).array
        elif pd.api.types.is_integer_dtype(dtype) and ((column >= _MAX_IN_EXCEL) | (column <= -_MAX_IN_EXCEL)).any():
            changed[index] = column.astype(STRING_DTYPE).array
    return _with_columns(flat, changed)


def _write_excel(frame: pd.DataFrame, excel_writer: Any, **options: Any) -> None:
    """Write a frame to an Excel file, or to a sheet of a writer of pandas, with its texts as texts."""
    signature(pd.DataFrame.to_excel).bind(frame, excel_writer, **options)  # before a file is made
    if not isinstance(excel_writer, pd.ExcelWriter):
        engine: Any = options.pop("engine", None) or "openpyxl"
        files = {name: options.pop(name) for name in ("engine_kwargs", "storage_options") if name in options}
        with pd.ExcelWriter(excel_writer, engine=engine, **files) as writer:
            _write_excel(frame, writer, **options)
        return
    frame.to_excel(excel_writer, **options)
    if excel_writer.engine == "openpyxl":  # which takes texts that begin with `=` for formulas
        sheet: Any = excel_writer.sheets[options.get("sheet_name", "Sheet1")]
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"):
            cell.data_type = "s"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_nested(values: _Values) -> bool:
    """Return whether a column has lists or objects."""
    return any(isinstance(value, (list, dict)) for value in values)


def _to_python(column: pd.Series) -> _Values:
    """Return the values of a column as Python objects, with None for missing ones."""
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna().tolist(), strict=True)]


# For each kind, the types that its values may have, and the function that builds the column.
_MAKERS: dict[str, tuple[frozenset[type], Callable[[_Values], _Array | None]]] = {
    "string": (frozenset({str}), _strings),
    "integer": (frozenset({int}), partial(_masked, np.int64, pd.arrays.IntegerArray)),
    "boolean": (frozenset({bool}), partial(_masked, np.bool_, pd.arrays.BooleanArray)),
    "number": (frozenset({int, float}), partial(_masked, np.float64, pd.arrays.FloatingArray)),
    "timestamp": (frozenset({str}), _timestamps),
}
