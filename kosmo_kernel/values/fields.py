"""Determine the fields of a list of records, for tables, single records and DataFrames alike.

The fields that a function declares come first, in its order, even if no record has them, so an empty list has columns
too. Other fields follow in the order in which they first appear, with nested objects as dotted fields, so that nothing
is left out. Without declared fields, as in a table that a script made, a field of only some records gets the position
that it has in those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from types import NoneType
from typing import Any, NamedTuple

from kosmo_kernel.catalogue import Column, ColumnKind
from kosmo_kernel.errors import LimitError
from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.records import ABSENT, MISSING, Absent, Records

_RING_END = object()

# An object that is nested deeper, or whose name would be longer, in characters, is one field.
_MAX_DEPTH = 32
_MAX_NAME_LENGTH = 500
# If a level has this many times more cells than values, the types are read from its objects, not by column.
_SPARSE = 8
# A table with more cells is an error if fewer than one in `_MAX_CELLS_PER_VALUE` has a value.
_MAX_CELLS, _MAX_CELLS_PER_VALUE = 5_000_000, 50
_KEY = lazy_pattern(r'\["(?:[^"\\]|\\.)*"\]|[^.\[]+')  # one key of a name with keys in brackets
_ISO_TIME = lazy_pattern(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_ZONE = 3  # the group of `_ISO_TIME` with the time zone

Path = tuple[str | int, ...]  # an integer is a key of a Lua table
_Tree = dict[str, Any]  # declared fields as nested dicts by key; an empty dict is a field


class Field(NamedTuple):
    """One column of a table of records."""

    # The column's name, unique in its table: the keys joined with dots, or with brackets, `app["web.url"]`, if a dotted
    # name is already taken.
    name: str
    path: Path  # the keys that lead to the value
    kinds: frozenset[type]  # the types of the values in all records, and `Absent`
    column: Column | None = None  # the declared column, or None for a field that no function declares
    # Whether some records have an object here, whose fields are columns of their own; this column has the values of the
    # other records.
    beside_objects: bool = False

    @property
    def kind(self) -> ColumnKind | None:
        """The declared type of the values, or None."""
        return self.column.kind if self.column and self.column.kind != "any" else None

    @property
    def default(self) -> str | None:
        """The text that replaces a missing value, or None."""
        return self.column.default if self.column else None

    @property
    def types(self) -> frozenset[type]:
        """The types in `values()`."""
        if self.beside_objects:
            return frozenset(k for k in self.kinds if not issubclass(k, (dict, Absent))) | {NoneType}
        if self.kinds.isdisjoint(MISSING):
            return self.kinds
        return (self.kinds - MISSING) | {type(self.default)}

    def values(self, records: Records, *, as_sent: bool = False) -> list[Any]:
        """Return the values, one per record, with None for missing ones. Do not change the list.

        Parameters:
            records: the records that have the field.
            as_sent: return texts as the service spells them.
        """
        values = records.column(self.path)
        if self.beside_objects:
            return [None if value is ABSENT or isinstance(value, dict) else value for value in values]
        default = self.default
        if Absent in self.kinds or (default is not None and NoneType in self.kinds):
            values = [default if value is None or value is ABSENT else value for value in values]
        spelling = self.column.spelling if self.column else None
        if spelling is None or as_sent:
            return values
        spellings = {text: spelling(text) for text in {value for value in values if isinstance(value, str)}}
        return [spellings[value] if isinstance(value, str) else value for value in values]


def fields_of(records: Records, types: Mapping[Path, frozenset[type]] | None = None) -> Iterator[Field]:
    """Yield the fields of records: declared ones in their order, then others in order of appearance.

    Parameters:
        types: the types at paths that the caller has already determined.

    Yields:
        The fields, lazily: values that are used at once are still in the processor's cache.

    Raises:
        LimitError: a table of all fields would be large and nearly empty.
    """
    survey = _Survey(records, dict(types or {}))
    for count, field in enumerate(survey.fields(), start=1):
        cells = count * len(records)
        if cells > _MAX_CELLS and cells > _MAX_CELLS_PER_VALUE * survey.values:
            raise LimitError(
                f"A table of these {len(records):,} records would have {count:,} columns or more, and nearly all of "
                "its cells would be empty. Return records with the same fields, or ask for lists and dicts: `--raw`.",
                limit="columns_limit",
            )
        yield field


def first_fields(records: Records, most: int) -> tuple[list[Field], int]:
    """Return the first fields of records, at most `most`, and the number of all fields."""
    fields = _Survey(records, {}).fields()
    first = list(islice(fields, most))
    return first, len(first) + sum(1 for _ in fields)


def moment(text: str, *, with_zone: bool = False) -> datetime | None:
    """Parse a text with a date and a clock time in ISO 8601 into a UTC time; return None for other texts.

    Parameters:
        text: the text; without a time zone it means a time in UTC.
        with_zone: return None for a text without a zone, too.
    """
    match = _ISO_TIME.fullmatch(text)
    if match is None or (with_zone and match[_ZONE] is None):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # a date that does not exist, or one before year 1 in UTC
        return None


def are_times(values: Iterable[Any]) -> bool:
    """Return whether an undeclared field has times: texts in ISO 8601 with a zone, besides missing values.

    A text without a zone may mean the time of any place, so it stays a text.
    """
    texts = [value for value in values if value is not None and value is not ABSENT]
    return bool(texts) and all(isinstance(text, str) and moment(text, with_zone=True) is not None for text in texts)


def path_of(name: str) -> tuple[str, ...]:
    """Return the path that a column's name was made from."""
    if '["' in name:
        path = tuple(json.loads(key[1:-1]) if key[0] == "[" else key for key in _KEY.findall(name))
        if _bracketed(path) == name:
            return path
    return tuple(name.split("."))


class _Survey:
    """One pass over records, which caches the types at each path."""

    def __init__(self, records: Records, kinds: dict[Path, frozenset[type]]) -> None:
        self.records = records
        self.declared = {column.path for column in records.columns}
        self.values = 0  # number of values found so far
        self._kinds = kinds
        self._inner: dict[Path, list[dict[str, Any]]] = {}  # objects by path, where few records have one

    def fields(self) -> Iterator[Field]:
        declared: _Tree = {}
        for column in self.records.columns:
            keys = column.path
            branch = declared
            for key in keys:
                branch = branch.setdefault(key, {})
            yield Field(column.name, keys, self.kinds(keys), column)
        names = {column.name for column in self.records.columns}
        for path, beside_objects in self.undeclared((), self.records.rows, declared):
            name = _free_name(path, names)
            names.add(name)
            yield Field(name, path, self.kinds(path), None, beside_objects)

    def kinds(self, path: Path) -> frozenset[type]:
        """Return the types of the values at a path."""
        types = self._kinds.get(path)
        if types is None:
            types = self._kinds[path] = frozenset(map(type, self.records.column(path)))
        return types

    def undeclared(
        self, prefix: Path, objects: Sequence[dict[str, Any]], declared: _Tree
    ) -> Iterator[tuple[Path, bool]]:
        """Yield the path and `beside_objects` of each undeclared field in the objects at `prefix`."""
        for key in self.keys(prefix, objects, declared):
            subtree = declared.get(key)
            if subtree == {}:  # a declared field
                continue
            path = (*prefix, key)
            kinds = self.kinds(path)
            inner_kinds = {kind for kind in kinds if issubclass(kind, dict)}
            if inner_kinds and not _is_short(path):
                inner_kinds = set()
            others = kinds - inner_kinds - MISSING
            inner_paths = []
            if inner_kinds:
                inner = self._inner.pop(path, None)
                if inner is None:
                    inner = [value for value in self.records.column(path) if isinstance(value, dict)]
                inner_paths = list(self.undeclared(path, inner, subtree or {}))
            if path not in self.declared and (others or not (inner_paths or subtree)):
                yield path, bool(inner_kinds and others)
            yield from inner_paths

    def keys(self, prefix: Path, objects: Sequence[dict[str, Any]], declared: _Tree) -> Iterable[str]:
        """Return the keys of the objects at `prefix`: the declared ones if there are no others, else all in order."""
        lengths = list(map(len, objects))
        values = sum(lengths)
        self.values += values
        if set(lengths) <= {len(declared)} and not any(Absent in self.kinds((*prefix, k)) for k in declared):
            return declared  # each object has exactly the declared keys
        keys = dict.fromkeys(chain.from_iterable(objects)) if self.declared else _merged(objects)
        if len(keys) * len(self.records) > _SPARSE * values:
            self.look_at_each(prefix, objects)
        return keys

    def look_at_each(self, prefix: Path, objects: Sequence[dict[str, Any]]) -> None:
        """Cache the types below `prefix` from the objects there, which for few values is faster than by column."""
        kinds: dict[str, list[type]] = {}
        inner: dict[str, list[dict[str, Any]]] = {}
        for key, value in chain.from_iterable(map(dict.items, objects)):
            kinds.setdefault(key, []).append(type(value))
            if isinstance(value, dict):
                inner.setdefault(key, []).append(value)
        for key, types in kinds.items():
            absent = {Absent} if len(types) < len(self.records) else set()
            self._kinds.setdefault((*prefix, key), frozenset(types) | absent)
        self._inner.update(((*prefix, key), types) for key, types in inner.items())


def _merged(objects: Sequence[dict[str, Any]]) -> list[str]:
    """Return the keys of all objects in order of appearance, with a key that appears later before its successor.

    `{ app = …, team = nil, stack = … }` has no `team`; if the next row has one, it goes between `app` and `stack`.
    """
    key_lists = dict.fromkeys(map(tuple, objects))  # distinct lists of keys, of which there are few
    before: dict[Any, Any] = {_RING_END: _RING_END}  # the key before each one, as a circular list
    for keys in key_lists:
        following = _RING_END
        for key in () if before.keys() >= set(keys) else reversed(keys):
            if key not in before:
                before[key], before[following] = before[following], key
            following = key
    order = []
    key = before[_RING_END]
    while key is not _RING_END:
        order.append(key)
        key = before[key]
    order.reverse()
    return order


def _is_short(path: Path) -> bool:
    """Return whether the fields of an object at this path may be columns of their own."""
    return len(path) < _MAX_DEPTH and sum(len(key) if isinstance(key, str) else 1 for key in path) <= _MAX_NAME_LENGTH


def _free_name(path: Path, names: set[str]) -> str:
    """Return a column name for a path, different from all names taken."""
    name = ".".join(map(str, path))
    if name in names:
        name = _bracketed(path)
    while name in names:
        name += "'"
    return name


def _bracketed(path: Path) -> str:
    """Return a path as a name with brackets around keys that have dots."""
    return "".join(map(_bracket, path)).removeprefix(".")


def _bracket(key: str | int) -> str:
    is_name = isinstance(key, str) and "." not in key and not key.isdecimal()
    return f".{key}" if is_name else f"[{json.dumps(key, ensure_ascii=False)}]"
