"""Name the nearest columns where a column does not exist, and the value where a comparison finds no row."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import Any, NoReturn

from kosmo_kernel.errors import UnknownFieldError
from kosmo_kernel.render.error_lines import hide_own_frames
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text import nearest

_MAX_COLUMNS_LISTED = 40
_MAX_VALUES = 10_000  # of a column that are compared with one that no row has
_MAX_NAME_SHOWN = 60  # characters
_NAMES = re.compile(r"""`([^`]*)`|@\w+|"[^"]*"|'[^']*'|([A-Za-z_][\w.]*)""")  # in a text for `query`


NO_ROW = "no row"  # the attribute of a comparison that no row fulfils, with a sentence


class UnknownColumnError(UnknownFieldError, KeyError):
    """A column that a frame does not have. Also a KeyError, which pandas and its users expect."""


class UnknownColumnAttributeError(UnknownFieldError, AttributeError):
    """An attribute that is nearly a column. Also an AttributeError, which `hasattr` and `getattr` expect."""


class UnknownColumnNameError(UnknownFieldError, NameError):
    """A name in a text for `query` that is no column. Also a NameError, which pandas raises for it."""


def naming_columns(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of a frame whose KeyError names the nearest columns, if it is about a column."""

    @wraps(method)
    def call(frame: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(frame, *args, **kwargs)
        except KeyError as error:
            raise_unknown(frame.columns, error.args, error)

    return call


def naming_columns_in_text(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return `query` or `eval` of a frame, whose error about a name says how the column is written."""

    @wraps(method)
    def call(frame: Any, expr: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(frame, expr, *args, **kwargs)
        except NameError:
            texts = [name for name in frame.columns if isinstance(name, str)]
            written = [match for match in _NAMES.finditer(expr) if match[1] is not None or match[2]]
            if dotted := next((match[2] for match in written if match[2] in texts and "." in match[2]), ""):
                advice = f"Write it as `{dotted}`, with backticks."
                unknown = UnknownColumnNameError(f'The name of the column "{dotted}" has a dot.', advice=advice)
            elif wrong := next((name for match in written if (name := match[1] or match[2]) not in texts), ""):
                near = _nearest(wrong, texts)
                advice = f"Did you mean `{near[0]}`?" if near else ""
                unknown = UnknownColumnNameError(f'There is no column "{_printable(wrong)}".', advice=advice)
            else:
                raise
        hide_own_frames(unknown)
        raise unknown

    return call


def raise_unknown(
    columns: Iterable[Any], names: Iterable[Any], error: KeyError, rows: Collection[Any] = ()
) -> NoReturn:
    """Raise the error for the first of the names that is no column; the error of pandas if there is none.

    Parameters:
        columns: the names of the columns.
        names: names, or lists of names.
        error: what pandas raised.
        rows: the names of the records in the rows.
    """
    names = list(names)
    texts = [name for name in columns if isinstance(name, str)]
    if texts and len(names) == 1 and type(names[0]) is int:
        unknown = UnknownColumnError(f"There is no column {names[0]}.", advice=f"A row is rows.iloc[{names[0]}].")
        hide_own_frames(unknown)
        raise unknown from None
    singles = (single for name in names for single in ([name] if isinstance(name, str) else _items(name)))
    wrong = next((name for name in singles if isinstance(name, str) and name not in texts), None)
    if wrong is None or not texts:
        raise error
    listing = ", ".join([*map(_printable, texts[:_MAX_COLUMNS_LISTED]), *["…"] * (len(texts) > _MAX_COLUMNS_LISTED)])
    message = f'There is no column "{_printable(wrong)}".'
    unknown = UnknownColumnError(message, _nearest(wrong, texts), advice=f"There are {listing}.")
    if wrong in rows:
        unknown.advice = f'It is the name of a row: rows[rows["name"] == "{_printable(wrong)}"]. {unknown.advice}'
        if "fingerprint" in texts:
            unknown.advice += " The value of a config var is never shown."
    hide_own_frames(unknown)
    raise unknown from None


def unknown_attribute(columns: Iterable[Any], name: str, error: AttributeError) -> AttributeError:
    """Return the error for an attribute that a frame does not have: that of pandas, unless it is nearly a column."""
    near = () if name.startswith("_") else _nearest(name, [column for column in columns if isinstance(column, str)])
    if not near:
        return error
    unknown = UnknownColumnAttributeError(f'There is no column "{_printable(name)}".', near)
    hide_own_frames(unknown)
    return unknown


def note_of_no_row(column: Any, value: str) -> str:
    """Return which value of a column may be meant by one that no row has; empty if there is none like it.

    Parameters:
        column: a column of texts, a series of pandas.
        value: what it was compared with.
    """
    texts = {text for text in column.unique() if isinstance(text, str)} if column.dtype != bool else set()
    near = nearest(value, sorted(texts)[:_MAX_VALUES], 1)
    if not near:
        return ""
    column_name = f' as "{_printable(column.name)}"' if isinstance(column.name, str) else ""
    return f'No row has "{_printable(value)}"{column_name}. Did you mean "{_printable(near[0])}"?'


def _nearest(wrong: str, columns: list[str]) -> tuple[str, ...]:
    """Return the columns that may be meant: those below a name, those of a similar name, and those below one."""
    heads = dict.fromkeys(name.partition(".")[0] for name in columns if "." in name)
    alike = [wrong, *nearest(wrong, heads, 1)]
    below = [name for head in alike for name in columns if name.startswith(f"{head}.")]
    return tuple(map(_printable, dict.fromkeys((*below, *nearest(wrong, columns)))))[:3]


def _printable(name: str) -> str:
    """Return a name as one that cannot change the terminal: scripts and services choose the names of columns."""
    return escape_control(shortened(name, _MAX_NAME_SHOWN))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, bytes) else []
