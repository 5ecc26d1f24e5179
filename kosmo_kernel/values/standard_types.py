"""The values of the standard library, copied in one pass.

The types that JSON has are looked at first and cost a step each; every other type finds its way by `_form`, whose
registered functions give something simpler, and that is copied in turn. The place of a fault is put together on the
way out, so nothing is kept of it while all goes well.
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

MAX_DEPTH = 100  # lists and tables in one another, as `lua/json.lua` has it
_PATH_MOST = 160  # characters of a path that are shown
_LEAST, _MOST = -(2**63), 2**63 - 1
_ONE = timedelta(seconds=1)


class NoLuaFormError(Exception):
    """Something in a value has no Lua form.

    Parameters:
        why: in words.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.steps: list[str] = []  # from the place to the value, innermost first

    @property
    def path(self) -> str:
        """The place as it would be written behind the value's name: `[3].x`."""
        path = "".join(reversed(self.steps))
        return path if len(path) <= _PATH_MOST else f"{path[: _PATH_MOST // 2]}…{path[-_PATH_MOST // 4 :]}"


class ValueCopier:
    """One copy of a value, with the lists and dicts that are being copied now."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def of(self, value: Any) -> Any:
        """A value as JSON has it.

        Raises:
            NoLuaFormError: it has no such form.
        """
        kind = type(value)
        if value is None or kind is bool:
            return value
        known = _FORMS.get(kind)
        if known:
            return known(value)
        if kind is dict:
            return self.table(value)
        if kind is list or kind is tuple:
            return self.items(value)
        return _form(value, self)

    def is_of_library(self, value: object) -> bool:
        """Tell whether `of_library` copies a value. A subclass knows libraries beside the standard one."""
        return False

    def of_library(self, value: Any) -> Any:
        """Return a library's value as JSON has it."""
        raise NotImplementedError(type(value))

    def table(self, value: Mapping[Any, Any]) -> dict[str | int, Any]:
        """A mapping, in its order."""
        self._enter(value, "a dict")
        made: dict[str | int, Any] = {}
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                key = self.key(key)  # noqa: PLW2901 - the same key, as Lua has it
            kind = type(item)
            if item is None or kind is bool or (kind is str and item.isascii()):
                made[key] = item
                continue
            try:
                made[key] = self.of(item)
            except NoLuaFormError as fault:
                fault.steps.append(step(key))
                raise
        if len(made) < len(value):
            raise NoLuaFormError("two of its keys are the same in Lua")
        self._open.discard(id(value))
        return made

    def items(self, value: Iterable[Any], of: Any = None) -> list[Any]:
        """What is in a list.

        Parameters:
            value: the list, or the items of one.
            of: whose items they are, when not the list's own.
        """
        whole = value if of is None else of
        self._enter(whole, "a list")
        made: list[Any] = []
        for item in value:
            kind = type(item)
            if item is None or kind is bool or (kind is str and item.isascii()):
                made.append(item)
                continue
            try:
                made.append(self.of(item))
            except NoLuaFormError as fault:
                fault.steps.append(f"[{len(made)}]")
                raise
        self._open.discard(id(whole))
        return made

    def key(self, key: Any) -> str | int:
        """A key, which must read as a text or an integer."""
        made = self.of(key) if key is not None and not isinstance(key, (list, tuple, dict)) else None
        if isinstance(made, bool) or not isinstance(made, (str, int)):
            words = f"{key!r:.40}" if isinstance(key, (int, float, tuple)) or key is None else type_words(key)
            why = "is no text and no integer; keys of what goes to Lua are texts or integers"
            raise NoLuaFormError(f"the key {words} {why}")
        return made

    @contextmanager
    def below(self, levels: int) -> Iterator[None]:
        """Copy what will be so many lists and dicts deeper than it is now."""
        more = set(range(-levels, 0))  # which is nothing's identity
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
    """One step of a path, from a dict to what it has under a key."""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]"


def text(value: str) -> str:
    """A text that can be UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NoLuaFormError("a text with half a character in it (a lone surrogate) has no Lua form") from None
    return value


def integer(value: int) -> int:
    """A number that Lua's integers can be."""
    if _LEAST <= value <= _MOST:
        return value
    raise NoLuaFormError("an integer of more than 64 bits has no Lua form")


def number(value: float) -> float | None:
    """A number; what is none is missing."""
    return None if math.isnan(value) else value


def is_frame(value: object) -> bool:
    """Whether a value is a pandas DataFrame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def type_words(value: object) -> str:
    """What a value is, with its article."""
    known = {complex: "a complex number", type: "a class"}.get(type(value))
    if known:
        return known
    if inspect.isroutine(value):
        return "a function"
    name = type(value).__qualname__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


_FORMS: dict[type, Callable[[Any], Any]] = {str: text, int: integer, float: number}


# What is neither of the types above; each gives what the copy has of it. -------------------------------


@singledispatch
def _form(value: Any, copy: ValueCopier) -> Any:
    """What no function below knows by its type: numpy's, pandas', a dataclass; or nothing that Lua has."""
    if copy.is_of_library(value):
        return copy.of_library(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return copy.table({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if inspect.isawaitable(value):
        raise NoLuaFormError(f"{type_words(value)} has no Lua form; await it first")
    if isinstance(value, Iterable) and hasattr(value, "__next__"):
        raise NoLuaFormError(f"{type_words(value)} has no Lua form; make a list of it first")
    raise NoLuaFormError(f"{type_words(value)} has no Lua form")


@_form.register
def _(value: str, _copy: ValueCopier) -> str:
    return text(str.__str__(value))  # an Enum of texts would give its name


@_form.register
def _(value: int, _copy: ValueCopier) -> int:
    return integer(int(value))


@_form.register
def _(value: float, _copy: ValueCopier) -> Any:
    return number(float(value))


@_form.register
def _(value: Decimal, _copy: ValueCopier) -> Any:
    if value.is_nan():
        return None
    made = float(value)
    if math.isinf(made) and value.is_finite():
        raise NoLuaFormError("a Decimal beyond what a number of Lua's can be")
    return number(made)


@_form.register
def _(value: Enum, copy: ValueCopier) -> Any:
    return copy.of(value.value)


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


@_form.register
def _(value: date, _copy: ValueCopier) -> str:
    return value.isoformat()


@_form.register
def _(value: time, _copy: ValueCopier) -> str:
    return value.isoformat()


@_form.register
def _(value: timedelta, _copy: ValueCopier) -> float:
    return value // _ONE if not value % _ONE else value.total_seconds()


@_form.register
def _(value: UUID, _copy: ValueCopier) -> str:
    return str(value)


@_form.register(os.PathLike)
def _(value: os.PathLike[Any], copy: ValueCopier) -> Any:
    return copy.of(os.fspath(value))


@_form.register
def _(value: Mapping, copy: ValueCopier) -> dict[str | int, Any]:  # type: ignore[type-arg]  # `register` takes no parameters
    return copy.table(value)


@_form.register
def _(value: Sequence, copy: ValueCopier) -> list[Any]:  # type: ignore[type-arg]  # likewise
    return copy.items(value)


@_form.register
def _(value: AbstractSet, copy: ValueCopier) -> list[Any]:  # type: ignore[type-arg]  # likewise
    try:
        items = sorted(value)  # the order of a set of texts changes from one Python to the next
    except TypeError:
        items = list(value)
    return copy.items(items, value)
