"""Suggest a column where pandas has none of a name: `apps["stack.nam"]`, `apps.onwer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NoReturn

from kosmo_kernel.errors import UnknownFieldError
from kosmo_kernel.render.own_frames import hide_own_frames
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text.nearest import nearest

_MAX_COLUMNS_LISTED = 40
_MAX_NAME_SHOWN = 60  # characters


class UnknownColumnError(UnknownFieldError, KeyError):
    """A column that a frame does not have. Also a KeyError, which pandas and its users expect."""


class UnknownColumnAttributeError(UnknownFieldError, AttributeError):
    """An attribute that is nearly a column. Also an AttributeError, which `hasattr` and `getattr` expect."""


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
    near = _nearest(wrong, known)
    there = ", ".join(map(_printable, known[:_MAX_COLUMNS_LISTED])) + (
        ", …" if len(known) > _MAX_COLUMNS_LISTED else ""
    )
    text = f'There is no column "{_printable(wrong)}".'
    unknown = UnknownColumnError(text, near, advice=f"There are {there}.")
    hide_own_frames(unknown)
    raise unknown from None


def unknown_attribute(columns: Iterable[Any], name: str, error: AttributeError) -> AttributeError:
    """Return the error for an attribute that a frame does not have: that of pandas, unless it is nearly a column."""
    near = () if name.startswith("_") else _nearest(name, [one for one in columns if isinstance(one, str)])
    if not near:
        return error
    unknown = UnknownColumnAttributeError(f'There is no column "{_printable(name)}".', near)
    hide_own_frames(unknown)
    return unknown


def _nearest(wrong: str, known: list[str]) -> tuple[str, ...]:
    """Return the columns that may be meant: those below a name, those of a similar name, and those below one."""
    heads = dict.fromkeys(name.partition(".")[0] for name in known if "." in name)
    alike = [wrong, *nearest(wrong, heads, 1)]
    below = [name for one in alike for name in known if name.startswith(f"{one}.")]
    return tuple(map(_printable, dict.fromkeys((*below, *nearest(wrong, known)))))[:3]


def _printable(name: str) -> str:
    """Return a name as one that cannot change the terminal: scripts and services choose the names of columns."""
    return escape_control(shortened(name, _MAX_NAME_SHOWN))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, bytes) else []
