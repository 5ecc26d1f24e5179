"""Suggest a column where pandas has none of a name: `apps["stack.nam"]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NoReturn

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.errors import UnknownFieldError
from kosmo_kernel.render.own_frames import hide_own_frames
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.text import shortened

_MAX_COLUMNS_LISTED = 40
_MAX_NAME_SHOWN = 60  # characters


class UnknownColumnError(UnknownFieldError, KeyError):
    """A column that a frame does not have. Also a KeyError, which pandas and its users expect."""


def naming_columns(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of a frame whose KeyError names the nearest columns, if it is about a column."""

    @wraps(method)
    def call(frame: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(frame, *args, **kwargs)
        except KeyError as error:
            raise_unknown(frame.columns, error.args, error)

    return call


def raise_unknown(columns: Iterable[Any], asked: Iterable[Any], error: KeyError) -> NoReturn:
    """Raise the error for the first of the names that is no column; the error of pandas if there is none.

    Parameters:
        columns: the names of the columns.
        asked: names, or lists of names.
        error: what pandas raised.
    """
    known = [name for name in columns if isinstance(name, str)]
    names = (name for one in asked for name in ([one] if isinstance(one, str) else _items(one)))
    wrong = next((name for name in names if isinstance(name, str) and name not in known), None)
    if wrong is None or not known:
        raise error
    there = ", ".join(map(_printable, known[:_MAX_COLUMNS_LISTED])) + (
        ", …" if len(known) > _MAX_COLUMNS_LISTED else ""
    )
    text = f'There is no column "{_printable(wrong)}".'
    below = [name for name in known if name.startswith(f"{wrong}.")]
    near = tuple(map(_printable, dict.fromkeys((*below, *nearest(wrong, known)))))[:3]
    unknown = UnknownColumnError(text, near, advice=f"There are {there}.")
    hide_own_frames(unknown)
    raise unknown from None


def _printable(name: str) -> str:
    """Return a name as one that cannot change the terminal: scripts and services choose the names of columns."""
    return escape_control(shortened(name, _MAX_NAME_SHOWN))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, bytes) else []
