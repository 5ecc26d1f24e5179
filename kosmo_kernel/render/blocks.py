"""Decide how values are grouped into blocks, which every front end shows below each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import Enum, auto
from itertools import groupby
from types import NoneType
from typing import Any

from kosmo_kernel.pages.page import Page
from kosmo_kernel.values.records import Record, Records


class ValueKind(Enum):
    """The kinds of values, which are shown in different ways."""

    PAGE = auto()  # a page of the reference, as Markdown
    TABLE = auto()  # a list of records, or an object of numbers as a table of its keys and values
    RECORD = auto()  # one record, or an object of texts and numbers, as a line for each field
    MAP = auto()  # another object
    LIST = auto()  # another list
    OUTPUT = auto()  # an object of a notebook that renders itself
    TEXT = auto()  # any other value, as the text that Lua's `print` gives


_KINDS = (
    (Page, ValueKind.PAGE),
    (Records, ValueKind.TABLE),
    (Record, ValueKind.RECORD),
    (dict, ValueKind.MAP),
    (list, ValueKind.LIST),
)
TEXTS = frozenset({ValueKind.TEXT})
KEY, VALUE = "key", "value"  # the columns of an object of numbers
_PLAIN = frozenset({str, int, float, bool, NoneType})
_NUMBERS = frozenset({int, float})


def kind_of(value: Any) -> ValueKind:
    """Return the kind of a value."""
    for kind_type, kind in _KINDS:
        if isinstance(value, kind_type):
            return kind
    return ValueKind.OUTPUT if hasattr(value, "_repr_mimebundle_") else ValueKind.TEXT


def as_shown(value: Any) -> Any:
    """Return a value as it is shown: an object of plain values as records, every other value unchanged.

    An object of numbers, such as counts by name, becomes a table of its keys and values, and one that has texts too
    becomes one record.
    """
    if not isinstance(value, dict) or isinstance(value, Record) or not value:
        return value
    types = set(map(type, value.values()))
    if types <= _NUMBERS:
        return Records([{KEY: key, VALUE: number} for key, number in value.items()])
    return Record(value) if types <= _PLAIN else value


def blocks_of(values: Iterable[Any], texts: Collection[ValueKind] = TEXTS) -> Iterator[tuple[ValueKind, Any]]:
    """Yield the blocks of some values: each value with its kind, or a list of adjacent texts, which share a line.

    Parameters:
        values: the values of a run.
        texts: the kinds that count as texts.
    """

    def kind_here(value: Any) -> ValueKind:
        kind = kind_of(value)
        return ValueKind.TEXT if kind in texts else kind

    for kind, group in groupby(values, kind_here):
        if kind is ValueKind.TEXT:
            yield kind, list(group)
        else:
            for value in group:
                yield kind, value
