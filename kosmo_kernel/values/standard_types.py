"""Copy values of the standard library's types in one pass.

The types of JSON are checked first, with one step each. For any other type, `_form` returns something simpler, which is
then copied in turn. The path of an error is assembled while the exception propagates, so that copying does not keep
track of it.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from typing import Any
from uuid import UUID

MAX_DEPTH = 100  # nested lists and tables, as in `lua/json.lua`
_MAX_PATH = 160  # characters shown of a path
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**63 - 1
_ONE_SECOND = timedelta(seconds=1)


class NoLuaFormError(Exception):
    """Something in a value has no Lua form; `why` is the reason, for messages."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.steps: list[str] = []  # the path to the part that failed, innermost first

    @property
    def path(self) -> str:
        """The path as it follows the value's name: `[3].x`."""
        path = "".join(reversed(self.steps))
        return path if len(path) <= _MAX_PATH else f"{path[: _MAX_PATH // 2]}…{path[-_MAX_PATH // 4 :]}"


class ValueCopier:
    """Copies one value, and tracks the lists and dicts that are being copied to detect cycles.

    Parameters:
        of_library: returns a copy of a third-party library's value, or NotImplemented for any other value.
    """

    def __init__(self, of_library: Callable[[Any, ValueCopier], Any]) -> None:
        self.of_library = of_library
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
        whole = value if of is None else of
        self._enter(whole, "a list")
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
        self._open.discard(id(whole))
        return copied

    def key(self, key: Any) -> str | int:
        """Return a copy of a key, which must become a text or an integer."""
        copied = self.of(key) if key is not None and not isinstance(key, (list, tuple, dict)) else None
        if isinstance(copied, bool) or not isinstance(copied, (str, int)):
            words = f"{key!r:.40}" if isinstance(key, (int, float, tuple)) or key is None else type_words(key)
            why = "is no text and no integer; keys of what goes to Lua are texts or integers"
            raise NoLuaFormError(f"the key {words} {why}")
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
    if _MIN_INTEGER <= value <= _MAX_INTEGER:
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
    words = {complex: "a complex number", type: "a class"}.get(type(value))
    if words:
        return words
    if inspect.isroutine(value):
        return "a function"
    name = type(value).__qualname__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


_FORMS: dict[type, Callable[[Any], Any]] = {str: text, int: integer, float: number}


# Conversions of all other types; each returns the copy. -------------------------------------------------


@singledispatch
def _form(value: Any, copy: ValueCopier) -> Any:
    """Copy a value of no registered type: of numpy, pandas or a dataclass; any other one has no Lua form."""
    copied = copy.of_library(value, copy)
    if copied is not NotImplemented:
        return copied
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return copy.table({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if inspect.isawaitable(value):
        raise NoLuaFormError(f"{type_words(value)} has no Lua form; await it first")
    if isinstance(value, Iterable) and hasattr(value, "__next__"):
        raise NoLuaFormError(f"{type_words(value)} has no Lua form; make a list of it first")
    raise NoLuaFormError(f"{type_words(value)} has no Lua form")


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
