"""Which fields a list of records has, and what each one holds.

The fields that a function declares come first, in its order, whether or not a record has them: an empty
list has columns too. What the service sent beyond them follows in the order in which it was first seen,
objects as dotted fields as deep as they go. So a table, a record's own view and a frame show the same
names, and nothing that was sent is left out. Where nothing is declared, as in a table that a script has
made, a field that only some records have stands where those have it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from types import NoneType
from typing import Any

from kosmo_kernel.catalogue import Column, ColumnKind
from kosmo_kernel.errors import LimitError
from kosmo_kernel.values.records import ABSENT, Absent, Records

MISSING: frozenset[type] = frozenset({NoneType, Absent})
_END = object()

# An object below this many others, or below keys of so many characters, stays whole: nobody reads such a name.
_DEEPEST = 32
_LONGEST = 500
# Where a level has this many times fewer values than places for them, its objects are read one by one.
_SPARSE = 8
# A table of more cells than this, of which only one in so many has a value, is refused where all of it is needed.
_CELLS_MOST, _EMPTIEST = 5_000_000, 50
_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\]|[^.\[]+')  # one key of a name that has keys in brackets
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)

Path = tuple[str | int, ...]  # an integer is a key of a table of Lua's
_Tree = dict[str, Any]  # declared fields by their keys; an empty tree is a field


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table of records.

    Parameters:
        name: the column's name, unique in its table: the keys joined with dots, or in Lua's other
            notation, `app["web.url"]`, where a key with a dot would take the name of another field.
        path: the keys that lead to the value.
        kinds: the types of what is there, in all records.
        column: what the catalogue says about it, or None for a field that no function declares.
        beside_objects: some records have an object here, whose fields are columns of their own; this
            one holds what the others have.
    """

    name: str
    path: Path
    kinds: frozenset[type]
    column: Column | None = None
    beside_objects: bool = False

    @property
    def kind(self) -> ColumnKind | None:
        """The declared type of the values, or None."""
        return self.column.kind if self.column else None

    @property
    def may_be_time(self) -> bool:
        """Whether texts in this field are to be read as times, as far as all of them are."""
        return self.kind == "timestamp" or (self.kind is None and str(self.path[-1]).endswith("_at"))

    @property
    def default(self) -> str | None:
        """How a missing value reads."""
        return self.column.default if self.column else None

    @property
    def types(self) -> frozenset[type]:
        """The types in `values()`."""
        if self.beside_objects:
            return frozenset(k for k in self.kinds if not issubclass(k, (dict, Absent))) | {NoneType}
        if self.kinds.isdisjoint(MISSING):
            return self.kinds
        return (self.kinds - MISSING) | {type(self.default)}

    def values(self, records: Records) -> list[Any]:
        """The values, one a record, None where there is none. Not to be changed."""
        values = records.column(self.path)
        if self.beside_objects:
            return [None if value is ABSENT or isinstance(value, dict) else value for value in values]
        default = self.default
        if Absent in self.kinds or (default is not None and NoneType in self.kinds):
            return [default if value is None or value is ABSENT else value for value in values]
        return values


def fields_of(records: Records, known: Mapping[Path, frozenset[type]] | None = None) -> Iterator[Field]:
    """The fields of these records: declared ones in their order, then others as first seen.

    Parameters:
        records: what a function returned.
        known: the types at paths that somebody has already looked at, so that nobody looks twice.

    Yields:
        Each field when it is asked for: who uses its values at once finds them in the processor's cache.

    Raises:
        LimitError: a table of all fields would be large and nearly empty.
    """
    survey = _Survey(records, dict(known or {}))
    for count, field in enumerate(survey.fields(), start=1):
        cells = count * len(records)
        if cells > _CELLS_MOST and cells > _EMPTIEST * survey.values:
            raise LimitError(
                f"A table of these {len(records):,} records would have {count:,} columns or more, and nearly all of "
                "its cells would be empty. Return records with the same fields, or ask for lists and dicts: `--raw`.",
                limit="columns_limit",
            )
        yield field


def first_fields(records: Records, most: int) -> tuple[list[Field], int]:
    """Return the first fields of these records, at most so many, and how many fields there are in all."""
    fields = _Survey(records, {}).fields()
    first = list(islice(fields, most))
    return first, len(first) + sum(1 for _ in fields)


def moment(text: str) -> datetime | None:
    """The time, in UTC, that a text says with date and clock in ISO 8601; None for other texts."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # a day that no month has; an hour before the first year
        return None


def path_of(name: str) -> tuple[str, ...]:
    """The keys that a column's name was made of; a name without a dot is one key."""
    if '["' in name:
        path = tuple(json.loads(key[1:-1]) if key[0] == "[" else key for key in _KEY.findall(name))
        if _bracketed(path) == name:
            return path
    return tuple(name.split("."))


class _Survey:
    """One look at the records, which remembers the types at each path."""

    def __init__(self, records: Records, kinds: dict[Path, frozenset[type]]) -> None:
        self.records = records
        self.declared = {column.path for column in records.columns}
        self.values = 0  # that were found at the paths so far
        self._kinds = kinds
        self._inner: dict[Path, list[dict[str, Any]]] = {}  # the objects at paths where few records have one

    def fields(self) -> Iterator[Field]:
        declared: _Tree = {}
        for column in self.records.columns:
            branch = declared
            for key in column.path:
                branch = branch.setdefault(key, {})
            yield Field(column.name, column.path, self.kinds(column.path), column)
        taken = {column.name for column in self.records.columns}
        for path, beside_objects in self.undeclared((), self.records.rows, declared):
            name = _free_name(path, taken)
            taken.add(name)
            yield Field(name, path, self.kinds(path), None, beside_objects)

    def kinds(self, path: Path) -> frozenset[type]:
        """The types of what is at a path."""
        found = self._kinds.get(path)
        if found is None:
            found = self._kinds[path] = frozenset(map(type, self.records.column(path)))
        return found

    def undeclared(
        self, prefix: Path, objects: Sequence[dict[str, Any]], declared: _Tree
    ) -> Iterator[tuple[Path, bool]]:
        """The paths of what the objects at `prefix` have beyond `declared`, each with its `beside_objects`."""
        for key in self.keys(prefix, objects, declared):
            below = declared.get(key)
            if below == {}:  # a declared field
                continue
            path = (*prefix, key)
            kinds = self.kinds(path)
            inner_kinds = {kind for kind in kinds if issubclass(kind, dict)}
            if inner_kinds and not _is_short(path):
                inner_kinds = set()
            others = kinds - inner_kinds - MISSING
            found = []
            if inner_kinds:
                inner = self._inner.pop(path, None)
                if inner is None:
                    inner = [value for value in self.records.column(path) if isinstance(value, dict)]
                found = list(self.undeclared(path, inner, below or {}))
            if path not in self.declared and (others or not (found or below)):
                yield path, bool(inner_kinds and others)
            yield from found

    def keys(self, prefix: Path, objects: Sequence[dict[str, Any]], declared: _Tree) -> Iterable[str]:
        """The keys of the objects at `prefix` as first seen; the declared ones where there are surely no others."""
        lengths = list(map(len, objects))
        values = sum(lengths)
        self.values += values
        if set(lengths) <= {len(declared)} and not any(Absent in self.kinds((*prefix, k)) for k in declared):
            return declared  # each has as many keys as are declared, and all of those
        keys = dict.fromkeys(chain.from_iterable(objects)) if self.declared else _merged(objects)
        if len(keys) * len(self.records) > _SPARSE * values:
            self.look_at_each(prefix, objects)
        return keys

    def look_at_each(self, prefix: Path, objects: Sequence[dict[str, Any]]) -> None:
        """Learn the types below `prefix` from the objects there: for few values that is less than all records."""
        kinds: dict[str, list[type]] = {}
        inner: dict[str, list[dict[str, Any]]] = {}
        for key, value in chain.from_iterable(map(dict.items, objects)):
            kinds.setdefault(key, []).append(type(value))
            if isinstance(value, dict):
                inner.setdefault(key, []).append(value)
        for key, found in kinds.items():
            absent = {Absent} if len(found) < len(self.records) else set()
            self._kinds.setdefault((*prefix, key), frozenset(found) | absent)
        self._inner.update(((*prefix, key), found) for key, found in inner.items())


def _merged(objects: Sequence[dict[str, Any]]) -> list[str]:
    """The keys of all objects as first seen, but a key that comes late in front of the one that its object has next.

    `{ app = …, team = nil, stack = … }` has no `team`, and where the next row has one it is not the last.
    """
    kinds = dict.fromkeys(map(tuple, objects))  # of objects: few
    before: dict[Any, Any] = {_END: _END}  # the key in front of each, as a ring
    for keys in kinds:
        following = _END
        for key in () if before.keys() >= set(keys) else reversed(keys):
            if key not in before:
                before[key], before[following] = before[following], key
            following = key
    order = []
    key = before[_END]
    while key is not _END:
        order.append(key)
        key = before[key]
    order.reverse()
    return order


def _is_short(path: Path) -> bool:
    """Return whether the fields of an object at this path may be columns of their own."""
    return len(path) < _DEEPEST and sum(len(key) if isinstance(key, str) else 1 for key in path) <= _LONGEST


def _free_name(path: Path, taken: set[str]) -> str:
    """A column name for a path that no other column has."""
    name = ".".join(map(str, path))
    if name in taken:
        name = _bracketed(path)
    while name in taken:
        name += "'"
    return name


def _bracketed(path: Path) -> str:
    """A path in Lua's other notation: keys with dots in brackets."""
    return "".join(map(_bracket, path)).removeprefix(".")


def _bracket(key: str | int) -> str:
    is_name = isinstance(key, str) and "." not in key and not key.isdecimal()
    return f".{key}" if is_name else f"[{json.dumps(key, ensure_ascii=False)}]"
